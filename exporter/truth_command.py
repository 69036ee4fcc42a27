"""``visualscratchpad truth``: the method checked where the truth is known, as a table, as JSON, and for the tab."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tb_visualscratchpad.wire.errors import ScratchpadError

if TYPE_CHECKING:
    from tb_visualscratchpad.exporter.truth.labelled_pictures import TruthSet
    from tb_visualscratchpad.wire.truth_evidence import TruthFigure, TruthReport

_CELL_WIDTH = 26


def add_truth_options(parser: argparse.ArgumentParser) -> None:
    """What ``truth`` takes besides model and SAE."""
    parser.add_argument("--items", type=Path, metavar="FOLDER", help="labelled pictures of your own (docs/truth.md; default: Emoji World)")
    parser.add_argument("--logdir", type=Path, help="TensorBoard log directory; a run directory is made in it, and the Dictionary shows the table")
    parser.add_argument("--pictures", type=int, help="so many questions are asked (default: 60 of Emoji World, all of a folder)")
    parser.add_argument("--max-new-tokens", type=int, default=64, help="where an answer is cut (default 64)")
    parser.add_argument("--seed", type=int, default=0, help="of the pictures and the bootstrap (default 0)")
    parser.add_argument("--json", action="store_true", help="print all figures as one object on stdout")


def truth_set(options: argparse.Namespace) -> TruthSet:
    """The pictures that the options name; nothing is loaded for it but them.

    Raises:
        ScratchpadError: a figure out of range, a folder that is not as described, or the demo's pictures for another model.
    """
    if options.pictures is not None and options.pictures < 1:
        raise ScratchpadError(f"--pictures is {options.pictures}: expected at least 1.")
    if options.max_new_tokens < 1:
        raise ScratchpadError(f"--max-new-tokens is {options.max_new_tokens}: expected at least 1.")
    if not 0 <= options.seed < 1 << 31:
        raise ScratchpadError(f"--seed is {options.seed}: expected 0 to {(1 << 31) - 1}.")
    if options.items is not None:
        from tb_visualscratchpad.exporter.truth.item_folder import truth_folder

        return truth_folder(options.items.expanduser(), options.pictures, options.seed)
    if options.vlm != "demo":
        raise ScratchpadError(
            f"Emoji World is known to the bundled model alone, not to {options.vlm}: give labelled pictures with --items (docs/truth.md)."
        )
    from tb_visualscratchpad.exporter.demo.truth import N_PICTURES, emoji_world

    return emoji_world(options.pictures or N_PICTURES, seed=options.seed)


def table_of(report: TruthReport) -> str:
    """The report in plain text: a value, its 95 % interval, and + or - where it is clearly above or below the default's."""
    from tb_visualscratchpad.views.truth_table import truth_tables

    lines = [
        f"{report.dictionary.name}, checked on {report.items}: {report.n_pictures} pictures, {report.n_words} words that name what is there;",
        f"whose latents are whose was learned on {report.n_learned} other pictures with {report.n_labels} labels.",
        "In brackets: 95 % intervals, bootstrap over pictures. + and -: clearly over or under the first row (paired, 95 %).",
    ]
    tables = truth_tables(report)
    width = max((len(name) for table in tables for name in (table.title, *(row.name for row in table.rows))), default=0)
    for table in tables:
        lines += ["", table.title.ljust(width) + "".join(column.rjust(_CELL_WIDTH) for column in table.columns) + "n".rjust(8)]
        for row in table.rows:
            counts = [figure.n for figure in row.figures if figure is not None]
            cells = "".join(("" if figure is None else cell(figure)).rjust(_CELL_WIDTH) for figure in row.figures)
            lines.append(f"{row.name.ljust(width)}{cells}{max(counts, default=0):>8,}")
    return "\n".join(lines)


def cell(figure: TruthFigure) -> str:
    """A value with its interval and mark, e.g. ``94.2 % [90.1, 97.3] +``."""
    from tb_visualscratchpad.views.truth_table import Unit, measure_of

    unit = measure_of(figure.measure).unit
    if figure.value is None:
        return "- "
    scale, after = (100, " %") if unit is Unit.SHARE else (1, "x" if unit is Unit.TIMES else "")
    digits = 2 if unit is Unit.NUMBER else 1
    value = f"{figure.value * scale:.{digits}f}{after}"
    spread = "" if figure.low is None or figure.high is None else f" [{figure.low * scale:.{digits}f}, {figure.high * scale:.{digits}f}]"
    mark = " "
    if figure.differs and figure.difference is not None:
        mark = "+" if figure.difference > 0 else "-"
    return f"{value}{spread} {mark}"


def report_as_json(report: TruthReport) -> dict[str, Any]:
    """What ``--json`` prints: every figure with interval, counts, and paired difference to the default of its measure."""
    found = {name: getattr(report, name) for name in ("items", "seed", "n_pictures", "n_words", "n_learned", "n_labels")}
    figures = [{**asdict(figure), "differs": figure.differs} for figure in report.figures]
    return {"dictionary_id": report.dictionary.dictionary_id, **found, "figures": figures}
