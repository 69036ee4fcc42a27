"""What a worker found out by changing something and asking again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.answers import Answer, json_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.handlers.labels import latent_labels
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.comparison import ComparedAnswer, Comparison, compare_answers
from tb_visualscratchpad.views.contribution_ranking import rank_contributions
from tb_visualscratchpad.views.dose_curves import AT_REST, DoseCurve, dose_curves
from tb_visualscratchpad.views.edited_latents import summarise_edits
from tb_visualscratchpad.views.output_diff import OutputDiff
from tb_visualscratchpad.views.sweep_table import SweepRow, sweep_table
from tb_visualscratchpad.wire.errors import ScratchpadError, UnreadableEvidence
from tb_visualscratchpad.wire.steering_evidence import AnswerToken, Outcome, SteeringResult

_DECIMALS = 6
"""Of a log-probability in an answer: thousands of them are sent, and a panel shows two."""

_DEFAULT_LIMIT = 200


class OutcomeHandlers:
    """Steered answers, cluster sweeps, dose-responses and contributions, each by the run directory and its own id."""

    def __init__(self, store: EventStore, guard: RequestGuard) -> None:
        self._store = store
        self.guard = guard

    @endpoint
    def steering_result(self, arguments: Arguments) -> Answer:
        """``steering_result``"""
        found = self._store.steering_result(arguments.experiment, arguments.text("run"), arguments.text("id"))
        compared = compare_answers(found)
        edited = None
        if found.edited is not None:
            edited = [asdict(row) for row in summarise_edits(found.edited, found.answers[-1].latents)]
        return json_answer(
            {
                **outcome_head(arguments, found),
                "steered_run_id": found.steered_run_id,
                "steering": _steering(found),
                "erasure": None if found.erasure is None else {"box": list(found.erasure.box), "fill": found.erasure.fill},
                "answers": [_answer(one) for one in compared.answers],
                **_comparison(compared),
                "edited": edited,
            }
        )

    @endpoint
    def cluster_sweep(self, arguments: Arguments) -> Answer:
        """``cluster_sweep``"""
        found = self._store.cluster_sweep(arguments.experiment, arguments.text("run"), arguments.text("id"))
        table = sweep_table(found)
        return json_answer(
            {
                **outcome_head(arguments, found),
                "original_tokens": _tokens(found.original_tokens),
                "columns": list(table.columns),
                "clusters": [_sweep_row(row) for row in table.rows],
            }
        )

    @endpoint
    def dose_response(self, arguments: Arguments) -> Answer:
        """``dose_response``"""
        found = self._store.dose_response(arguments.experiment, arguments.text("run"), arguments.text("id"))
        return json_answer(
            {
                **outcome_head(arguments, found),
                "latents": found.latents.tolist(),
                "op": found.op,
                "values": found.value_D.tolist(),
                "at_rest": AT_REST[found.op],
                "original_tokens": _tokens(found.original_tokens),
                "words": [_curve(curve) for curve in dose_curves(found)],
                "output_texts": list(found.output_text_D),
            }
        )

    @endpoint
    def word_contributions(self, arguments: Arguments) -> Answer:
        """``word_contributions``"""
        limit = arguments.optional_integer("limit")
        if limit is not None and limit < 1:
            raise ScratchpadError(f"limit {limit} was given: choose 1 or more.")
        found = self._store.word_contributions(arguments.experiment, arguments.text("run"), arguments.text("id"))
        ranking = rank_contributions(found, limit or _DEFAULT_LIMIT)
        labels = latent_labels(self._store, arguments.experiment, found.dictionary.dictionary_id)
        return json_answer(
            {
                **outcome_head(arguments, found),
                "word": found.word,
                "original_tokens": _tokens(found.original_tokens),
                "n_firing": ranking.n_firing,
                "n_checked": ranking.n_checked,
                "total": ranking.total,
                "agreement": ranking.agreement,
                "rows": [{**asdict(row), **labels.of(row.latent)} for row in ranking.rows],
                "problem": labels.problem,
            }
        )


def outcome_head(arguments: Arguments, outcome: Outcome) -> dict[str, object]:
    """What every outcome's answer begins with."""
    return {
        "run": arguments.text("run"),
        "id": outcome.result_id,
        "name": outcome.name,
        "created": outcome.created,
        "prompt": outcome.prompt,
        "dictionary": {
            "id": outcome.dictionary.dictionary_id,
            "name": outcome.dictionary.name,
            "n_latents": outcome.dictionary.n_latents,
        },
        "original_run_id": outcome.original_run_id,
        "differs_from_logged": outcome.differs_from_logged,
        "reductions": list(outcome.reductions),
    }


def _steering(result: SteeringResult) -> object:
    """The spec as JSON has it, None for an erasure."""
    if result.steering is None:
        return None
    try:
        return json.loads(result.steering)
    except ValueError as error:
        raise UnreadableEvidence(f"The steering of '{result.name}' is no JSON ({error}): run it again.") from None


def _tokens(tokens: Sequence[AnswerToken]) -> list[dict[str, object]]:
    return [{"text": token.text, "logprob": round(token.logprob, _DECIMALS) + 0.0} for token in tokens]


def _figures(array: np.ndarray | None) -> list[float] | None:
    return None if array is None else (np.round(array, _DECIMALS) + 0.0).tolist()


def _word(found: tuple[int, float] | None) -> dict[str, object] | None:
    return None if found is None else {"number": found[0], "change": found[1]}


def _diff(diff: OutputDiff) -> dict[str, object]:
    return {
        "parts_at": diff.parts_at,
        "steps": [[step.change.value, step.original, step.other] for step in diff.steps],
        "passages": [{"left_out": list(one.left_out), "new": list(one.new)} for one in diff.passages],
    }


def _answer(compared: ComparedAnswer) -> dict[str, object]:
    answer = compared.answer
    return {
        "condition": answer.condition.value,
        "seed": answer.seed,
        "latents": answer.latents.tolist(),
        "change_norm": answer.change_norm,
        "output_text": answer.output_text,
        "truncated": answer.truncated,
        "tokens": _tokens(answer.tokens),
        "along_original": _figures(answer.along_original_O),
        "along_steered": _figures(answer.along_steered_S),
        "change_along_original": _figures(compared.change_O),
        "change_along_steered": _figures(compared.change_S),
        "original_logprob": compared.original_logprob,
        "steered_logprob": compared.steered_logprob,
        "diff": _diff(compared.diff),
    }


def _comparison(compared: Comparison) -> dict[str, object]:
    return {
        "control_mean": _figures(compared.control_mean_O),
        "control_worst": _figures(compared.control_worst_O),
        "falls": [{**asdict(fall), "change": fall.change} for fall in compared.falls],
        "largest_other": _word(compared.largest_other),
        "parting": None if compared.parting is None else asdict(compared.parting),
    }


def _sweep_row(row: SweepRow) -> dict[str, object]:
    cluster = row.cluster
    return {
        "name": cluster.name,
        "latents": cluster.latents.tolist(),
        "change_norm": cluster.change_norm,
        "output_text": cluster.output_text,
        "truncated": cluster.truncated,
        "tokens": _tokens(cluster.tokens),
        "change": _figures(row.change_O),
        "control_mean": _figures(row.control_mean_O),
        "control_worst": _figures(row.control_worst_O),
        "hardest": _word(row.hardest),
        "control_hardest": _word(row.control_hardest),
        "diff": _diff(row.diff),
    }


def _curve(curve: DoseCurve) -> dict[str, object]:
    return {
        "number": curve.word,
        "at_rest": curve.at_rest,
        "logprob": _figures(curve.logprob_D),
        "control_mean": _figures(curve.control_mean_D),
        "controls": _figures(curve.control_DR.T),
        "falls_below": curve.falls_below,
        "falls_above": curve.falls_above,
    }
