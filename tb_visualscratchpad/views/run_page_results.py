"""A steered answer on a run's page: a sentence built from numbers, and the answers word by word."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from tb_visualscratchpad.views.comparison import Comparison
from tb_visualscratchpad.views.output_diff import Change, DiffStep
from tb_visualscratchpad.views.run_page_text import escaped, number_text, share_text, token_text
from tb_visualscratchpad.wire.steering_evidence import AnswerToken, Condition, SteeringResult

_WORDS_IN_LINE = 14


def _what_was_done(result: SteeringResult) -> str:
    if result.erasure is not None:
        x0, y0, x1, y1 = (round(edge) for edge in result.erasure.box)
        kept = "With nothing but" if result.erasure.fill == "outside" else "Without"
        return f"{kept} the box of <b>{x1 - x0} \u00d7 {y1 - y0} pixels</b>"
    interventions = json.loads(result.steering or "{}").get("interventions", [])
    n = len(interventions)
    alike = {(one.get("op"), one.get("value")) for one in interventions}
    latents = f"<b>{n} latent{'' if n == 1 else 's'}</b>"
    if len(alike) == 1:
        op, value = next(iter(alike))
        if value == 0 and op != "ADD":
            return f"Without {latents}"
        return f"With {latents} {({'SET': 'set to', 'SCALE': 'scaled by', 'ADD': 'raised by'}).get(str(op), 'changed to')} <b>{escaped(value)}</b>"
    return f"With {latents} changed"


def verdict(result: SteeringResult, compared: Comparison) -> str:
    """One sentence from numbers."""
    original, steered = result.answers[0], result.answers[-1]
    done = _what_was_done(result)
    if not compared.falls:
        tail = "no word of the original answer falls to half its chance."
    else:
        fall = compared.falls[0]
        word = escaped(token_text(original.tokens[fall.number].text))
        control = "" if fall.control_mean is None else f"; {_controls(result)}: {number_text(fall.control_mean)} nat on average"
        tail = f"<b class=mono>{word}</b> falls from {share_text(math.exp(fall.before))} to {share_text(math.exp(fall.after))} ({number_text(fall.change)} nat{control})."
    said = "The answer stays the same." if compared.parting is None else f"The answer becomes <span class=said>\u201c{escaped(steered.output_text)}\u201d</span>."
    return f"{done}, {tail} {said}"


def _step(change: float) -> str:
    size = abs(change)
    if size < 0.1:
        return ""
    return ("loss" if change < 0 else "gain") + ("1" if size < 1 else "2" if size < 3 else "3")


def raster(result: SteeringResult, compared: Comparison) -> str:
    """The answers word by word, in tables of ``_WORDS_IN_LINE`` words."""
    tokens = result.answers[0].tokens
    rows = [("Original", [f"<td class=mono>{escaped(token_text(token.text))}<small>{number_text(token.logprob)}</small></td>" for token in tokens])]
    for one in compared.answers[1:]:
        if one.answer.condition is not Condition.CONTROL:
            rows.append((one.answer.condition.value.capitalize(), list(_cells(one.diff.steps, one.change_O, tokens, one.answer.tokens))))
    if compared.control_mean_O is not None:
        cells = [
            f'<td class="{_step(float(change))} mono">{escaped(token_text(token.text))}<small>{number_text(float(change))}</small></td>'
            for token, change in zip(tokens, compared.control_mean_O, strict=True)
        ]
        rows.insert(-1, (f"{_controls(result).capitalize()}, mean", cells))
    lines = []
    for first in range(0, max(1, len(tokens)), _WORDS_IN_LINE):
        body = "".join(f'<tr><th scope="row">{name}</th>{"".join(cells[first : first + _WORDS_IN_LINE])}</tr>' for name, cells in rows)
        lines.append(f'<table class="raster"><tbody>{body}</tbody></table>')
    return "".join(lines)


def _controls(result: SteeringResult) -> str:
    return "other boxes" if result.erasure is not None else "random latents"


def _cells(steps: Iterable[DiffStep], change_O: np.ndarray, tokens: Sequence[AnswerToken], said: Sequence[AnswerToken]) -> Iterator[str]:
    """A cell for each word of the original; what is new between two of them joins the one before."""
    cells: list[tuple[str, float, list[str]]] = []
    for step in steps:
        if step.original is None:
            if step.other is not None:
                text = f"<ins>{escaped(token_text(said[step.other].text))}</ins>"
                if cells:
                    cells[-1][2].append(text)
                else:
                    cells.append(("", math.nan, [text]))
            continue
        own = escaped(token_text(tokens[step.original].text))
        shown = own if step.change is Change.KEPT else f"<del>{own}</del>"
        new = [f"<ins>{escaped(token_text(said[step.other].text))}</ins>"] if step.change is not Change.KEPT and step.other is not None else []
        if cells and math.isnan(cells[0][1]):
            new = [*cells.pop(0)[2], *new]
        cells.append((shown, float(change_O[step.original]), new))
    for shown, change, new in cells:
        value = "" if math.isnan(change) else number_text(change)
        yield f'<td class="{"" if math.isnan(change) else _step(change)} mono">{" ".join([shown, *new])}<small>{value}</small></td>'
