"""Every token cluster ablated in turn: what the model then answers, and how likely it still finds the original answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.controls import N_CONTROLS, draw_controls
from tb_visualscratchpad.exporter.explain import new_id, require_some_tokens
from tb_visualscratchpad.exporter.job_progress import JobProgress, NoProgress
from tb_visualscratchpad.exporter.steered_answers import difference_from_logged, logged_answer, variant_of
from tb_visualscratchpad.exporter.steering import LatentIntervention, SteeringSpec
from tb_visualscratchpad.exporter.variants import BATCH_SIZE, Variant, answer_variants, logprobs_under
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.steering_evidence import AblatedCluster, ClusterSweep


@dataclass(frozen=True)
class NamedLatents:
    """A cluster as the tab names it. ``latents`` are distinct, at least one."""

    name: str
    latents: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.latents:
            raise ScratchpadError(f"The cluster {self.name!r} has no latents: leave it out.")
        if len(set(self.latents)) != len(self.latents):
            raise ScratchpadError(f"The cluster {self.name!r} names a latent twice: name each once.")

    @property
    def ablation(self) -> SteeringSpec:
        """Every latent scaled to zero, the error kept."""
        return SteeringSpec(tuple(LatentIntervention(latent, "SCALE", 0.0) for latent in sorted(self.latents)))


def sweep_clusters(
    asked: AskedPicture,
    clusters: Sequence[NamedLatents],
    *,
    max_new_tokens: int = 512,
    name: str | None = None,
    logged: VlmRun | None = None,
    n_controls: int = N_CONTROLS,
    batch_size: int = BATCH_SIZE,
    progress: JobProgress = NoProgress(),
) -> ClusterSweep:
    """Ablates each cluster and answers; its controls only weigh the original answer.

    Args:
        name, logged, n_controls, batch_size: as for :func:`~tb_visualscratchpad.exporter.steered_answers.steer`; the controls are of
            each cluster.

    Raises:
        ScratchpadError: no clusters, a latent the dictionary does not have, a hook behind what the projector reads, too little memory.
        Cancelled: ``progress`` says so.
    """
    require_some_tokens(max_new_tokens)
    if not clusters:
        raise ScratchpadError("No clusters were given, so there is nothing to ablate: give at least one.")
    edits = [asked.edit(cluster.ablation) for cluster in clusters]
    variants = [Variant("original"), *(variant_of(cluster.name, edit) for cluster, edit in zip(clusters, edits, strict=True))]
    answers = answer_variants(
        asked, variants, max_new_tokens, draft=logged_answer(logged), batch_size=batch_size, progress=progress, what="clusters"
    )
    original = answers[0].answer
    controls = [draw_controls(asked.read, cluster.ablation, range(n_controls)) for cluster in clusters]
    control_variants = [variant_of(f"control {control.seed}", control.edit) for of_cluster in controls for control in of_cluster]
    weighed = iter(
        logprobs_under(asked, control_variants, [original.token_ids], batch_size=batch_size, progress=progress, what="controls")
    )
    ablated = []
    for cluster, edit, found, of_cluster in zip(clusters, edits, answers[1:], controls, strict=True):
        along_RO = [next(weighed)[0] for _ in of_cluster]
        ablated.append(
            AblatedCluster(
                name=cluster.name,
                latents=edit.latent_L,
                change_norm=edit.change_norm,
                tokens=found.answer.answer_tokens,
                output_text=found.answer.text,
                truncated=found.answer.truncated,
                along_original_O=found.along_first,
                control_along_original_RO=np.array(along_RO).reshape(len(along_RO), len(original.steps)),
            )
        )
    return ClusterSweep(
        result_id=new_id(),
        name=name or asked.prompt,
        created=time.time(),
        dictionary=asked.dictionary,
        prompt=asked.prompt,
        original_run_id="" if logged is None else logged.run_id,
        differs_from_logged=difference_from_logged(logged, original),
        original_tokens=original.answer_tokens,
        clusters=tuple(ablated),
    )
