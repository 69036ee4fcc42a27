"""Is this SAE read rightly? All that is told of it, from the images of a folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from tb_visualscratchpad.exporter.image_folder import ImageFolder, list_images
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, dictionary_info
from tb_visualscratchpad.exporter.sae_check.diagnosis import Change, Round, Setup, Tokens, diagnose
from tb_visualscratchpad.exporter.sae_check.expectations import expectations
from tb_visualscratchpad.exporter.sae_check.kept_answers import KeptAnswers, kept_answers
from tb_visualscratchpad.exporter.sae_check.measured import Measured, measure
from tb_visualscratchpad.exporter.sae_check.token_sample import MAX_TOKENS, Place, sample_places
from tb_visualscratchpad.exporter.sae_check.verdict import verdict_of
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.sae_check_evidence import CheckedPlace, CheckedReading, SaeCheck

N_IMAGES = 64
N_ASKED = 8
PROMPT = "describe the picture ."


def check_sae(
    vlm: Vlm,
    sae: SparseAutoencoder,
    images: str | Path,
    *,
    hook: str | None = None,
    class_token: bool = False,
    limit: int = N_IMAGES,
    max_tokens: int = MAX_TOKENS,
    batch_size: int = 8,
    prompt: str = PROMPT,
    n_asked: int = N_ASKED,
    max_new_tokens: int = 32,
    progress: bool = True,
) -> SaeCheck:
    """Whether an SAE is read rightly, told from a folder of images like those it is to be used on.

    Args:
        hook: where it is read; by default where its file says, else what the projector reads.
        class_token: it is read on the class token too, which nothing else here does.
        limit: images, spread evenly over the folder.
        max_tokens: patches that are looked at, in all.
        n_asked: pictures to ask ``prompt`` about, with the features and with the reconstruction; 0 for none.

    Raises:
        ScratchpadError: no image to read, nothing in the model is as wide as what the SAE reads, no such hook, no class token,
            a model that cannot be asked, or too little memory.
    """
    if n_asked < 0:
        raise ScratchpadError(f"{n_asked} pictures cannot be asked about: expected 0 or more.")
    folder = list_images(Path(images), limit)
    asked_for = None if hook is None else vlm.resolve_hook(hook)
    if n_asked:
        vlm.chat_template  # noqa: B018  said before minutes go into reading images
    places = sample_places(vlm, folder, sae.d_in, batch_size=batch_size, max_tokens=max_tokens, progress=progress)
    declared, no_hook = (asked_for, None) if asked_for is not None else _hook_of_file(vlm, sae, places)
    return examine(
        vlm, sae, folder, places, declared=declared, no_hook=no_hook, class_token=class_token, prompt=prompt, n_asked=n_asked,
        max_new_tokens=max_new_tokens,
    )


def examine(
    vlm: Vlm,
    sae: SparseAutoencoder,
    folder: ImageFolder,
    places: Sequence[Place],
    *,
    declared: str | None,
    no_hook: str | None = None,
    class_token: bool = False,
    prompt: str = PROMPT,
    n_asked: int = 0,
    max_new_tokens: int = 32,
) -> SaeCheck:
    """The check, on tokens that were sampled.

    Args:
        declared: the hook to read at; None takes the hook that leaves least unexplained.
        no_hook: see ``verdict_of``.

    Raises:
        ScratchpadError: see ``check_sae``.
    """
    start = _start(vlm, sae, places, declared)
    if class_token and start.class_tokens is None:
        raise ScratchpadError(f"The vision tower of {vlm.name} has no class token: leave --class-token out.")
    rounds = diagnose(Setup(start, Tokens.ALL if class_token else Tokens.PATCHES, sae), places)
    verdict = verdict_of(rounds, no_hook)
    kept = KeptAnswers(0, 0)
    if n_asked:
        kept = kept_answers(vlm, sae, start.name, folder, prompt=prompt, n_pictures=n_asked, max_new_tokens=max_new_tokens)
    first = rounds[0]
    return SaeCheck(
        dictionary=dictionary_info(vlm, sae, start.name), images=folder.root.name, created=time.time(), n_images=start.patches.n_images,
        n_tokens=len(first.setup.sample.x_Nd), right=verdict.right, verdict=verdict.sentence, remedies=verdict.remedies,
        places=_places(first, places), readings=tuple(_reading(change) for change in first.changes if change.decision != "place"),
        measures=expectations(first), prompt=prompt if kept.n_asked else "", n_asked=kept.n_asked, n_kept=kept.n_kept,
    )


def _hook_of_file(vlm: Vlm, sae: SparseAutoencoder, places: Sequence[Place]) -> tuple[str | None, str | None]:
    """Where the SAE is read without a word of the user, or None and why there is no such place."""
    named = "Its file names no hook" if sae.hook is None else f"Its file names the hook {sae.hook}"
    try:
        hook = vlm.resolve_hook(sae.hook)
    except ScratchpadError:
        return None, f"{named}, which the model does not have"
    if any(place.name == hook for place in places):
        return hook, None
    return None, f"{named}, and {hook}, what the projector reads, is not {sae.d_in} wide" if sae.hook is None else f"{named}, which is not {sae.d_in} wide"


def _start(vlm: Vlm, sae: SparseAutoencoder, places: Sequence[Place], declared: str | None) -> Place:
    if declared is not None:
        found = next((place for place in places if place.name == declared), None)
        if found is None:
            wide = ", ".join(place.name for place in places if place.is_hook)
            raise ScratchpadError(
                f"The SAE {sae.name} reads {sae.d_in}-wide inputs, and hook {declared} of {vlm.name} is not so wide: choose --hook"
                + (f" among {wide}." if wide else ", or an SAE trained on this model.")
            )
        return found
    hooks = [place for place in places if place.is_hook]
    if not hooks:
        raise ScratchpadError(f"No hook of {vlm.name} is {sae.d_in} wide, as the SAE {sae.name} wants its inputs: choose another SAE.")
    left = {place.name: measure(sae, place.patches).fvu for place in hooks}
    return min(hooks, key=lambda place: float("inf") if left[place.name] is None else left[place.name] or 0.0)


def _places(first: Round, places: Sequence[Place]) -> tuple[CheckedPlace, ...]:
    found = {change.setup.place.name: change.measured for change in first.changes if change.decision == "place"}
    found[first.setup.place.name] = first.measured
    return tuple(_place(place, found[place.name], place is first.setup.place) for place in places)


def _place(place: Place, measured: Measured, is_read: bool) -> CheckedPlace:
    return CheckedPlace(
        name=place.name, is_hook=place.is_hook, is_read=is_read, fvu=measured.fvu, slope=measured.slope, l0=measured.l0, n_dead=measured.n_dead,
        n_dense=measured.n_dense, mean_strength=measured.mean_strength,
    )


def _reading(change: Change) -> CheckedReading:
    measured = change.measured
    return CheckedReading(change.decision, change.words, measured.fvu, measured.slope, change.better, change.is_clear)
