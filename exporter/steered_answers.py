"""A steered answer beside the original, the reconstruction and the controls."""

from __future__ import annotations

import time

import numpy as np

from tb_visualscratchpad.exporter.answers import Answer
from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.controls import N_CONTROLS, draw_controls
from tb_visualscratchpad.exporter.explain import new_id, record_answer, require_some_tokens, run_of
from tb_visualscratchpad.exporter.job_progress import JobProgress, NoProgress
from tb_visualscratchpad.exporter.latent_edits import LatentEdit
from tb_visualscratchpad.exporter.out_of_memory import memory_in_a_sentence
from tb_visualscratchpad.exporter.steering import SteeringSpec
from tb_visualscratchpad.exporter.variants import BATCH_SIZE, Variant, answer_variants
from tb_visualscratchpad.wire.evidence import LatentActivations, Span, VlmRun
from tb_visualscratchpad.wire.steering_evidence import Condition, ConditionAnswer, EditedLatents, SteeringResult


def steer(
    asked: AskedPicture,
    spec: SteeringSpec,
    *,
    max_new_tokens: int = 512,
    name: str | None = None,
    logged: VlmRun | None = None,
    n_controls: int = N_CONTROLS,
    batch_size: int = BATCH_SIZE,
    keep_picture: bool = True,
    progress: JobProgress = NoProgress(),
) -> tuple[SteeringResult, VlmRun]:
    """Answers under ``spec``, and under what the answer is measured against.

    The steered answer comes first and is told token by token; the others are written together afterwards.

    Args:
        name: what the tab calls result and run; by default the prompt.
        logged: the run that is asked again.
        n_controls: seeds 0, 1, ...; see :mod:`tb_visualscratchpad.exporter.controls` for when there are none.
        batch_size: conditions at once.
        keep_picture: False leaves the pixels out of the run.

    Returns:
        The result, and the steered run with all its evidence.

    Raises:
        ScratchpadError: a latent the dictionary does not have, a hook behind what the projector reads, too little memory.
        Cancelled: ``progress`` says so.
    """
    require_some_tokens(max_new_tokens)
    edit = asked.edit(spec)
    progress.stage("steered answer", 0, 1)
    steered = record_answer(asked, edit, max_new_tokens, progress=progress)
    progress.stage("steered answer", 1, 1)
    reconstruction = asked.edit(SteeringSpec(error="dropped"))
    controls = draw_controls(asked.read, spec, range(n_controls))
    variants = [Variant("original"), variant_of("reconstruction", reconstruction)]
    variants += [variant_of(f"control {control.seed}", control.edit) for control in controls]
    said = steered.answer.token_ids
    others = answer_variants(
        asked, variants, max_new_tokens, along=[said], draft=logged_answer(logged), batch_size=batch_size, progress=progress, what="baselines and controls"
    )
    original = others[0].answer
    with memory_in_a_sentence(asked.vlm.device, asked.n_prompt):
        along_original = steered.answer.logprobs
        if said != original.token_ids:
            along_original = asked.along(steered.prefilled, original.token_ids)[0]
    edits: list[tuple[Condition, int | None, LatentEdit | None]] = [
        (Condition.ORIGINAL, None, None),
        (Condition.RECONSTRUCTION, None, reconstruction),
        *((Condition.CONTROL, control.seed, control.edit) for control in controls),
    ]
    answers = [
        condition_answer(condition, seed, of, other.answer, along=(other.along_first, other.along[0]))
        for (condition, seed, of), other in zip(edits, others, strict=True)
    ]
    answers.append(condition_answer(Condition.STEERED, None, edit, steered.answer, along=(along_original, steered.answer.logprobs)))
    run = run_of(
        asked, steered, steering=spec, name=name, original_run_id="" if logged is None else logged.run_id, keep_picture=keep_picture
    )
    result = SteeringResult(
        result_id=new_id(),
        name=name or asked.prompt,
        created=time.time(),
        dictionary=asked.dictionary,
        prompt=asked.prompt,
        original_run_id=run.original_run_id,
        differs_from_logged=difference_from_logged(logged, original),
        steered_run_id=run.run_id,
        steering=spec.to_json(),
        erasure=None,
        answers=tuple(answers),
        edited=edited_latents(edit, steered.latents),
    )
    return result, run


def variant_of(name: str, edit: LatentEdit) -> Variant:
    """The condition under which an edit is in place. Its features are computed when its turn comes."""
    return Variant(name, lambda _features: edit.features())


def condition_answer(
    condition: Condition, seed: int | None, edit: LatentEdit | None, answer: Answer, *, along: tuple[np.ndarray, np.ndarray], change_norm: float | None = None
) -> ConditionAnswer:
    """The evidence of one answer.

    Args:
        edit: what was in place, None for the picture itself.
        along: log-probabilities of the original answer's and of the steered (or erased) answer's tokens.
        change_norm: where no edit says it.
    """
    norm = change_norm if change_norm is not None else (0.0 if edit is None else edit.change_norm)
    return ConditionAnswer(
        condition=condition,
        seed=seed,
        latents=np.zeros(0, dtype=np.int32) if edit is None else edit.latent_L,
        change_norm=norm,
        tokens=answer.answer_tokens,
        output_text=answer.text,
        truncated=answer.truncated,
        along_original_O=along[0],
        along_steered_S=along[1],
    )


def edited_latents(edit: LatentEdit, resulting: LatentActivations) -> EditedLatents:
    """z of the steered latents: as encoded, as edited, and re-encoded from the features that resulted."""
    after_PL = resulting.csc_PK[:, edit.latent_L].toarray()
    patch, column = np.nonzero((edit.before_PL != 0) | (edit.edited_PL != 0) | (after_PL != 0))
    return EditedLatents(
        patch_N=patch.astype(np.int32),
        latent_N=edit.latent_L[column],
        before_N=edit.before_PL[patch, column].astype(np.float32),
        edited_N=edit.edited_PL[patch, column].astype(np.float32),
        after_N=after_PL[patch, column].astype(np.float32),
    )


def logged_answer(logged: VlmRun | None) -> list[int]:
    """Token ids of what a logged run answered; empty without one."""
    return [] if logged is None else [token.token_id for token in logged.tokens if token.span is Span.OUTPUT]


def difference_from_logged(logged: VlmRun | None, original: Answer) -> str:
    """A sentence where the original answer, given again, is not the logged one; empty where it is, or none was logged."""
    if logged is None:
        return ""
    if logged_answer(logged) == original.token_ids:
        return ""
    why = "" if logged.exact_picture is not None else ", asked about the compressed picture, the only one that was logged"
    return f"Asked again{why}, the model answers {original.text!r}; the log has {logged.output_text!r}."
