"""A latent or a cluster over a range of values, against words of the original answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

import numpy as np

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.controls import N_CONTROLS, as_large_as, draw_controls
from tb_visualscratchpad.exporter.explain import new_id, require_some_tokens
from tb_visualscratchpad.exporter.job_progress import JobProgress, NoProgress
from tb_visualscratchpad.exporter.steered_answers import difference_from_logged, logged_answer, variant_of
from tb_visualscratchpad.exporter.steering import LatentIntervention, Scope, SteeringSpec
from tb_visualscratchpad.exporter.variants import BATCH_SIZE, Variant, answer_variants, logprobs_under
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.steering_evidence import DoseResponse


def dose_response(
    asked: AskedPicture,
    latents: Sequence[int],
    op: Literal["SET", "SCALE", "ADD"],
    values: Sequence[float],
    words: Sequence[int],
    *,
    where: Scope = "all",
    max_new_tokens: int = 512,
    name: str | None = None,
    logged: VlmRun | None = None,
    n_controls: int = N_CONTROLS,
    batch_size: int = BATCH_SIZE,
    progress: JobProgress = NoProgress(),
) -> DoseResponse:
    """Answers at each dose, and weighs the chosen words of the original answer, under the latents and under controls.

    A control keeps its latents over all doses. It is drawn at the dose that changes the features most; where it changes them by more
    or less than the latents do at another dose, its change there is multiplied.

    Args:
        values: the doses, at least two different ones; ``op`` is done to every latent with each.
        words: numbers of tokens within the original answer.
        name, logged, n_controls, batch_size: as for :func:`~tb_visualscratchpad.exporter.steered_answers.steer`.

    Raises:
        ScratchpadError: too few doses, words beyond the answer, or as for ``steer``.
        Cancelled: ``progress`` says so.
    """
    require_some_tokens(max_new_tokens)
    doses, chosen = sorted(set(values)), sorted(set(words))
    if len(doses) < 2:
        raise ScratchpadError(f"{len(doses)} dose was given, expected at least two different ones.")
    if not latents or not chosen:
        raise ScratchpadError("A dose-response needs at least one latent and one word of the answer: choose them.")
    specs = [SteeringSpec(tuple(LatentIntervention(latent, op, dose, where) for latent in sorted(latents))) for dose in doses]
    edits = [asked.edit(spec) for spec in specs]
    answers = answer_variants(
        asked,
        [Variant("original"), *(variant_of(f"{op} {dose:g}", edit) for dose, edit in zip(doses, edits, strict=True))],
        max_new_tokens,
        draft=logged_answer(logged),
        batch_size=batch_size,
        progress=progress,
        what="doses",
    )
    original = answers[0].answer
    if chosen[0] < 0 or chosen[-1] >= len(original.steps):
        raise ScratchpadError(f"Words {chosen} were asked for, the answer has {len(original.steps)} tokens, numbered from 0: choose among those.")
    norms = [edit.change_norm for edit in edits]
    controls = draw_controls(asked.read, specs[int(np.argmax(norms))], range(n_controls))
    variants = [
        variant_of(f"control {control.seed} at {dose:g}", as_large_as(norm, asked.read.edit(_on(spec, control.edit.latent_L))))
        for control in controls
        for dose, spec, norm in zip(doses, specs, norms, strict=True)
    ]
    as_far_as_needed = original.token_ids[: chosen[-1] + 1]
    weighed = logprobs_under(asked, variants, [as_far_as_needed], batch_size=batch_size, progress=progress, what="controls")
    control_logprobs = np.array([along[0][chosen] for along in weighed]).reshape(len(controls), len(doses), len(chosen))
    return DoseResponse(
        result_id=new_id(),
        name=name or asked.prompt,
        created=time.time(),
        dictionary=asked.dictionary,
        prompt=asked.prompt,
        original_run_id="" if logged is None else logged.run_id,
        differs_from_logged=difference_from_logged(logged, original),
        latents=edits[0].latent_L,
        op=op,
        value_D=np.array(doses, dtype=np.float64),
        original_tokens=original.answer_tokens,
        word_V=np.array(chosen, dtype=np.int32),
        logprob_DV=np.array([found.along_first[chosen] for found in answers[1:]]),
        control_logprob_RDV=control_logprobs,
        output_text_D=tuple(found.answer.text for found in answers[1:]),
    )


def _on(spec: SteeringSpec, latents: np.ndarray) -> SteeringSpec:
    """What ``spec`` does to each of its latents, which is the same for all, done to others."""
    like = spec.interventions[0]
    return SteeringSpec(tuple(LatentIntervention(int(latent), like.op, like.value, like.where) for latent in latents))
