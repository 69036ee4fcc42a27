"""A truth report as tables: settings down, measures across."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tb_visualscratchpad.wire.truth_evidence import TruthFigure, TruthReport


class Unit(str, enum.Enum):
    """How a value is told."""

    SHARE = "share"
    TIMES = "times"
    NUMBER = "number"


@dataclass(frozen=True)
class Measure:
    """What a column is called, and how its values are told."""

    title: str
    unit: Unit


GROUPS: Mapping[str, str] = MappingProxyType({
    "attention": "Where a word looks",
    "ranking": "Latents a word ranks first",
    "clusters": "Token clusters specific to a word",
    "ablation": "The cluster behind a word, ablated",
    "dose": "How much of it is needed",
    "gradient": "Gradient against real ablation",
    "quality": "The dictionary",
})
"""Titles of the groups of measures, in order."""

MEASURES: Mapping[str, Measure] = MappingProxyType({
    "attention.lift": Measure("attention over area", Unit.TIMES),
    "attention.pointing": Measure("maximum on it", Unit.SHARE),
    "ranking.hit1": Measure("own first", Unit.SHARE),
    "ranking.hit5": Measure("own in best 5", Unit.SHARE),
    "ranking.precision10": Measure("own of best 10", Unit.SHARE),
    "clusters.found": Measure("there is one", Unit.SHARE),
    "clusters.purity": Measure("own latents", Unit.SHARE),
    "clusters.size": Measure("latents in heaviest", Unit.NUMBER),
    "ablation.gone": Measure("word gone", Unit.SHARE),
    "ablation.kept": Measure("others kept", Unit.SHARE),
    "ablation.clean": Measure("both", Unit.SHARE),
    "dose.halves": Measure("word halves", Unit.SHARE),
    "dose.half": Measure("at scale", Unit.NUMBER),
    "gradient.spearman": Measure("rank correlation", Unit.NUMBER),
    "quality.answers_kept": Measure("answers kept by the reconstruction", Unit.SHARE),
    "quality.right": Measure("right answers", Unit.SHARE),
    "quality.fvu": Measure("variance unexplained", Unit.SHARE),
    "quality.l0": Measure("latents per patch", Unit.NUMBER),
    "quality.dead": Measure("latents that never fire", Unit.SHARE),
    "quality.owned": Measure("living latents that belong to a label", Unit.SHARE),
    "quality.monosemanticity": Measure("monosemanticity", Unit.SHARE),
})
_LISTED = frozenset({"dose", "gradient", "quality"})
"""Groups whose measures have few settings: one figure a row."""
_DEFAULT_NAMES: Mapping[str, str] = MappingProxyType({"attention": "all layers, producing row"})


@dataclass(frozen=True)
class TruthRow:
    """One setting (or one figure), and its figures in the order of the columns; None where it has none."""

    name: str
    is_default: bool
    figures: tuple[TruthFigure | None, ...]


@dataclass(frozen=True)
class TruthTable:
    """One group of measures."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[TruthRow, ...]


def truth_tables(report: TruthReport) -> tuple[TruthTable, ...]:
    """Every figure of a report once. Measures that a later version added come last, under their own names."""
    by_group: dict[str, list[TruthFigure]] = {group: [] for group in GROUPS}
    for figure in report.figures:
        by_group.setdefault(figure.measure.split(".")[0], []).append(figure)
    return tuple(_table(group, figures) for group, figures in by_group.items() if figures)


def measure_of(name: str) -> Measure:
    """What is known of a measure; its bare name and a number where nothing is."""
    return MEASURES.get(name) or Measure(name, Unit.NUMBER)


def _table(group: str, figures: list[TruthFigure]) -> TruthTable:
    title = GROUPS.get(group, group)
    if group in _LISTED:
        rows = [TruthRow(_listed_name(figure), figure.is_default, (figure,)) for figure in figures]
        return TruthTable(title, ("value",), tuple(rows))
    measures = list(dict.fromkeys(figure.measure for figure in figures))
    settings = list(dict.fromkeys(figure.setting for figure in figures))
    cells = {(figure.setting, figure.measure): figure for figure in figures}
    rows = []
    for setting in settings:
        of_setting = tuple(cells.get((setting, measure)) for measure in measures)
        is_default = any(figure is not None and figure.is_default for figure in of_setting)
        name = _DEFAULT_NAMES.get(group, setting) if setting == "default" else setting
        rows.append(TruthRow(name, is_default, of_setting))
    return TruthTable(title, tuple(measure_of(measure).title for measure in measures), tuple(rows))


def _listed_name(figure: TruthFigure) -> str:
    title = measure_of(figure.measure).title
    return f"{title}, {figure.setting}" if figure.setting else title


@dataclass(frozen=True)
class TruthHeadline:
    """The one sentence: how often a latent of what a word names is among its five best, by C and by B; None where not told."""

    weighted: float | None
    plain: float | None


def truth_headline(report: TruthReport) -> TruthHeadline:
    """Of the default reading."""
    weighted, plain = report.figure("ranking.hit5"), report.figure("ranking.hit5", "B")
    return TruthHeadline(None if weighted is None else weighted.value, None if plain is None else plain.value)
