"""What mends a failure, and whether as much of something else would have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.cluster_sweep import NamedLatents
from tb_visualscratchpad.exporter.controls import N_CONTROLS, draw_controls
from tb_visualscratchpad.exporter.demo.case_studies.choice import carriers_of_word, cluster_of_word
from tb_visualscratchpad.exporter.demo.case_studies.failures import MAX_NEW_TOKENS, CaseKind, Failure, answer_to
from tb_visualscratchpad.exporter.demo.questions import DESCRIBE, LIST
from tb_visualscratchpad.exporter.explain import record_answer, run_of
from tb_visualscratchpad.exporter.pixel_erasure import PixelBox, boxes_elsewhere, erased_picture
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.steered_answers import variant_of
from tb_visualscratchpad.exporter.steering import LatentIntervention, SteeringSpec
from tb_visualscratchpad.exporter.variants import AnyVariant, OtherPicture, Variant, answer_variants
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.evidence import VlmRun

ASK_TO_DESCRIBE = "ask to describe the picture"
ABLATE_CLUSTER = "ablate the word's cluster"
ABLATE_CARRIERS = "ablate the three latents that carried the word"
KEEP_ANIMAL = "erase all pixels but the animal's box"
DOSES = tuple(round(dose, 1) for dose in np.arange(1.0, -0.05, -0.1).tolist())
"""From untouched down to ablated."""


@dataclass(frozen=True)
class Mending:
    """One means tried on one failure.

    Attributes:
        means: what was done.
        mended: the answer is now wholly right.
        by_controls: of each control, whether its answer holds the right word, whatever else it says: easier than ``mended``.
        turns_at: the largest dose (SCALE) at which the answer is right; None where it never is, and where no doses were tried.
    """

    means: str
    mended: bool
    by_controls: tuple[bool, ...]
    turns_at: float | None = None


def mend(vlm: Vlm, sae: SparseAutoencoder, failure: Failure) -> tuple[Mending, ...]:
    """Every means of the failure's case, with its controls."""
    return {CaseKind.UNUSED: mend_unused, CaseKind.MISLED: mend_misled, CaseKind.HIDDEN: mend_hidden}[failure.kind](vlm, sae, failure)


def rewordings(subject: str) -> tuple[str, ...]:
    """The question of the place again, in other and more words but no more explicit: five controls of asking otherwise."""
    ask = f"where is the {subject} ?"
    return (
        f"you look at a picture . {ask}", f"where is the {subject} at ?", f"answer in one line . {ask}", f"look at the picture . {ask}",
        f"in one line , {ask}",
    )


def place_in_description(text: str, subject: str) -> str:
    """What a description says of an object's place, as ``where`` is answered; empty where it says nothing of it."""
    found = re.search(rf"the {subject} is at the ([a-z ]+?) \.", text)
    return f"at the {found[1]} ." if found else ""


def mend_unused(vlm: Vlm, sae: SparseAutoencoder, failure: Failure) -> tuple[Mending, ...]:
    """A more explicit prompt; the controls are rewordings of the question that failed."""
    composition = failure.composition()
    described = answer_to(vlm, sae, composition, DESCRIBE)
    reworded = [answer_to(vlm, sae, composition, question) for question in rewordings(failure.subject)]
    mended = place_in_description(described, failure.subject) == failure.right
    return (Mending(ASK_TO_DESCRIBE, mended, tuple(answer == failure.right for answer in reworded)),)


def mend_misled(vlm: Vlm, sae: SparseAutoencoder, failure: Failure) -> tuple[Mending, ...]:
    """Without the wrong word's cluster, without its carriers, and with the animal's box alone."""
    asked = failure.asked(vlm, sae)
    return (
        without(asked, failure, ABLATE_CLUSTER, cluster_of_word(run_about(asked), failure.word)),
        without(asked, failure, ABLATE_CARRIERS, carriers_of_word(asked, failure.word)),
        with_box_alone(asked, failure),
    )


def mend_hidden(vlm: Vlm, sae: SparseAutoencoder, failure: Failure) -> tuple[Mending, ...]:
    """Without the dominant word's cluster, as the answer that names both shows it, and without its carriers, at every dose."""
    asked = failure.asked(vlm, sae)
    both = run_about(failure.asked(vlm, sae, LIST))
    cluster = cluster_of_word(both, both.output_text.split().index(failure.subject))
    return (
        without(asked, failure, ABLATE_CLUSTER, cluster, DOSES),
        without(asked, failure, ABLATE_CARRIERS, carriers_of_word(asked, failure.word), DOSES),
    )


def run_about(asked: AskedPicture) -> VlmRun:
    """The answer with its evidence, without the picture."""
    return run_of(asked, record_answer(asked, None, MAX_NEW_TOKENS), keep_picture=False)


def without(asked: AskedPicture, failure: Failure, means: str, latents: Sequence[int], doses: Sequence[float] = ()) -> Mending:
    """The answer when latents are ablated, and when others that fire are, as many and to like effect; and at each dose."""
    if not latents:
        return Mending(means, False, ())
    ablation = NamedLatents(means, tuple(latents)).ablation
    controls = draw_controls(asked.read, ablation, range(N_CONTROLS))
    variants = [variant_of("ablated", asked.edit(ablation))]
    variants += [variant_of(f"control {control.seed}", control.edit) for control in controls]
    variants += [variant_of(f"dose {dose:g}", asked.edit(scaled(latents, dose))) for dose in doses]
    ablated, *others = answers_under(asked, failure, variants)
    by_controls, at_doses = others[: len(controls)], others[len(controls) :]
    return Mending(
        means,
        ablated == failure.right,
        tuple(failure.right_word in answer.split() for answer in by_controls) if failure.kind is not CaseKind.HIDDEN
        else tuple(failure.hidden in answer.split() for answer in by_controls),
        next((dose for dose, answer in zip(doses, at_doses, strict=True) if answer == failure.right), None),
    )


def scaled(latents: Sequence[int], dose: float) -> SteeringSpec:
    return SteeringSpec(tuple(LatentIntervention(latent, "SCALE", dose) for latent in sorted(latents)))


def with_box_alone(asked: AskedPicture, failure: Failure) -> Mending:
    """The answer about the picture with all but the animal's box painted grey, and with another box of that size kept instead.

    In the tab the box is drawn by hand; here it is the smallest one around the animal, which the scene tells.
    """
    box = box_around(failure)
    boxes = [box, *boxes_elsewhere(box, asked.picture.size, N_CONTROLS)]
    pictures = [AskedPicture(asked.vlm, asked.sae, erased_picture(asked.picture, one, "outside"), asked.prompt) for one in boxes]
    kept, *elsewhere = answers_under(asked, failure, [OtherPicture(str(number), picture) for number, picture in enumerate(pictures)])
    return Mending(KEEP_ANIMAL, kept == failure.right, tuple(failure.right_word in answer.split() for answer in elsewhere))


def box_around(failure: Failure) -> PixelBox:
    """The smallest box around the subject's visible pixels."""
    y, x = np.nonzero(failure.composition().visible_HW(failure.subject))
    return int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1


def answers_under(asked: AskedPicture, failure: Failure, variants: Sequence[AnyVariant]) -> list[str]:
    """What is answered under each condition; the answer under none is checked to be the failure's."""
    original, *found = answer_variants(asked, [Variant("original"), *variants], MAX_NEW_TOKENS)
    assert original.answer.text == failure.said, f"{original.answer.text!r} was {failure.said!r} when it was found"
    return [one.answer.text for one in found]
