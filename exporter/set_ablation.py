"""A failure set asked again without some latents: which answers are mended, which are broken, and what chance would do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tb_visualscratchpad.exporter.answer_judging import still_right
from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.cluster_sweep import NamedLatents
from tb_visualscratchpad.exporter.controls import draw_controls
from tb_visualscratchpad.exporter.explain import new_id
from tb_visualscratchpad.exporter.job_progress import JobProgress, NoProgress, OnlyChecks
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, dictionary_info
from tb_visualscratchpad.exporter.steered_answers import variant_of
from tb_visualscratchpad.exporter.steering import SteeringSpec
from tb_visualscratchpad.exporter.variants import BATCH_SIZE, Variant, answer_variants
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.failure_evidence import FailureItem, FailureSet, SetAblation, SetAnswers

N_SET_CONTROLS = 3
"""Seeds of control sets. Each asks every picture on which the latents fire once more."""


def ablate_over_set(
    vlm: Vlm,
    sae: SparseAutoencoder,
    found: FailureSet,
    latents: Sequence[int],
    *,
    chosen_on: str,
    n_controls: int = N_SET_CONTROLS,
    name: str | None = None,
    max_new_tokens: int | None = None,
    batch_size: int = BATCH_SIZE,
    progress: JobProgress = NoProgress(),
) -> SetAblation:
    """Scales latents to zero on every picture of a set and asks again, beside controls drawn anew for each picture.

    A picture on which none of the latents fires is not asked again: its features, and so its answer, stay as they are.

    Args:
        found: with its pictures.
        latents: distinct, at least one.
        chosen_on: ``half`` where they were chosen without a look at the items held out, else ``all``.
        n_controls: seeds 0, 1, ...; see :mod:`tb_visualscratchpad.exporter.controls`.
        name: what the tab calls it; by default the number of latents.
        max_new_tokens: no answer gets longer; by default as in the set.
        batch_size: conditions at once.
        progress: is told every picture, and asked whether to go on.

    Raises:
        ScratchpadError: a set without pictures or of another dictionary, a latent that the dictionary does not have, a hook behind what
            the projector reads, too little memory.
        Cancelled: ``progress`` says so.
    """
    require_askable(found, dictionary_info(vlm, sae, found.dictionary.hook).dictionary_id)
    spec = NamedLatents(name or "latents", tuple(int(latent) for latent in latents)).ablation
    chosen = tuple(item.latent for item in spec.interventions)
    if chosen[-1] >= sae.n_latents:
        raise ScratchpadError(f"Latent {chosen[-1]} was given, the dictionary has {sae.n_latents}, numbered from 0: choose among those.")
    limit = min(found.max_new_tokens, max_new_tokens or found.max_new_tokens)
    again = [_Again() for _ in range(2 + n_controls)]
    n_firing, differing = [], []
    for number, item in enumerate(found.items):
        progress.stage("pictures", number, len(found.items))
        progress.check()
        asked = AskedPicture(vlm, sae, found.pictures[number].data, item.prompt, hook=found.dictionary.hook, system=found.system)
        texts, fired = _answers(asked, spec, item, n_controls, limit, batch_size, progress)
        n_firing.append(fired)
        if texts[0] != item.output_text:
            differing.append(item.name)
        for answers, text in zip(again, texts, strict=True):
            answers.add(text, item, found.match)
    progress.stage("pictures", len(found.items), len(found.items))
    return SetAblation(
        result_id=new_id(),
        name=name or f"{len(chosen)} latents × 0",
        created=time.time(),
        dictionary=found.dictionary,
        prompt=found.prompts[0] if len(found.prompts) == 1 else "",
        original_run_id="",
        differs_from_logged=_difference(differing),
        set_id=found.set_id,
        chosen_on=chosen_on,
        latents=np.array(chosen, dtype=np.int32),
        held_out_N=found.held_out_N,
        n_firing_N=np.array(n_firing, dtype=np.int32),
        original=again[0].evidence(),
        ablated=again[1].evidence(),
        controls=tuple(answers.evidence(seed) for seed, answers in enumerate(again[2:])),
    )


def require_askable(found: FailureSet, dictionary_id: str) -> None:
    """Raises ScratchpadError where a set cannot be asked again with this dictionary."""
    if found.dictionary.dictionary_id != dictionary_id:
        raise ScratchpadError(
            f"The failure set '{found.name}' was recorded with another dictionary ({found.dictionary.name}), whose latents are others: "
            "use its own model and SAE."
        )
    if not found.pictures:
        raise ScratchpadError(f"The failure set '{found.name}' was logged without its pictures (--no-images): log it again with them to ask again.")


@dataclass
class _Again:
    """The answers under one condition, as they come."""

    texts: list[str] = field(default_factory=list)
    judged: list[bool] = field(default_factory=list)

    def add(self, text: str, item: FailureItem, match: str) -> None:
        self.texts.append(text)
        self.judged.append(still_right(text, item.output_text, item.is_right, item.is_flagged, item.right_answer, match))

    def evidence(self, seed: int | None = None) -> SetAnswers:
        return SetAnswers(tuple(self.texts), np.array(self.judged, dtype=bool), seed)


def _answers(
    asked: AskedPicture, spec: SteeringSpec, item: FailureItem, n_controls: int, max_new_tokens: int, batch_size: int, progress: JobProgress
) -> tuple[list[str], int]:
    """The answer as it is, without the latents, and under each control; and how many of the latents fire."""
    edit = asked.edit(spec)
    n_firing = int(np.any(edit.before_PL > 0, axis=0).sum())
    if not n_firing:
        return [item.output_text] * (2 + n_controls), 0
    controls = draw_controls(asked.read, spec, range(n_controls))
    variants = [Variant("original"), variant_of("ablated", edit)]
    variants += [variant_of(f"control {control.seed}", control.edit) for control in controls]
    found = answer_variants(asked, variants, max_new_tokens, batch_size=batch_size, progress=OnlyChecks(progress))
    texts = [one.answer.text for one in found]
    # Where nothing else fires there is nothing to take away instead: the control leaves the answer alone.
    return texts + texts[:1] * (n_controls - len(controls)), n_firing


def _difference(names: list[str]) -> str:
    if not names:
        return ""
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"Asked again, the model answers {'one picture' if len(names) == 1 else f'{len(names)} pictures'} otherwise than the log has it ({shown})."
