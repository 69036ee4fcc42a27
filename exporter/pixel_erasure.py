"""The cue erased in pixels instead of latents: a region of the picture made unreadable, and the model asked again."""

from __future__ import annotations

import math
import time

import numpy as np
from PIL import Image, ImageFilter

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.controls import N_CONTROLS
from tb_visualscratchpad.exporter.explain import new_id, record_answer, require_some_tokens, run_of
from tb_visualscratchpad.exporter.job_progress import JobProgress, NoProgress
from tb_visualscratchpad.exporter.out_of_memory import memory_in_a_sentence
from tb_visualscratchpad.exporter.steered_answers import condition_answer, difference_from_logged, logged_answer
from tb_visualscratchpad.exporter.variants import BATCH_SIZE, OtherPicture, Variant, answer_variants
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import VlmRun
from tb_visualscratchpad.wire.steering_evidence import Condition, PixelErasure, SteeringResult

FILLS = ("mean", "blur", "outside")
GREY = 127
"""What ``outside`` paints: nothing of the picture's own colours, which may be the cue."""
PixelBox = tuple[int, int, int, int]


def erase(
    asked: AskedPicture,
    box: tuple[float, float, float, float],
    fill: str,
    *,
    max_new_tokens: int = 512,
    name: str | None = None,
    logged: VlmRun | None = None,
    n_controls: int = N_CONTROLS,
    batch_size: int = BATCH_SIZE,
    keep_picture: bool = True,
    progress: JobProgress = NoProgress(),
) -> tuple[SteeringResult, VlmRun]:
    """Answers about the picture without a region, beside the original and beside pictures without a region of the same size elsewhere.

    Args:
        box: x0, y0, x1, y1 in pixels of the picture; pixels that it touches are erased.
        fill: ``mean`` paints it with the mean colour of its outermost pixels, ``blur`` blurs it beyond reading, ``outside`` keeps the
            box and paints all else grey (controls then keep a box of the same size elsewhere).
        name, logged, n_controls, batch_size, keep_picture: as for :func:`~tb_visualscratchpad.exporter.steered_answers.steer`. There are
            no controls where the picture has no room for such a box beside the erased one.

    Returns:
        The result, and the run about the erased picture with all its evidence.

    Raises:
        ScratchpadError: no such fill, a box that touches no pixel of the picture, or too little memory.
        Cancelled: ``progress`` says so.
    """
    require_some_tokens(max_new_tokens)
    erased_box = pixel_box(box, asked.picture)
    if fill not in FILLS:
        raise ScratchpadError(f"The fill is {fill!r}, expected mean, blur or outside.")
    progress.stage("erased answer", 0, 1)
    erased = _without(asked, erased_box, fill)
    recorded = record_answer(erased, None, max_new_tokens, condition=Condition.ERASED, progress=progress)
    progress.stage("erased answer", 1, 1)
    boxes = boxes_elsewhere(erased_box, asked.picture.size, n_controls)
    pictures = [_without(asked, elsewhere, fill) for elsewhere in boxes]
    said = recorded.answer.token_ids
    others = answer_variants(
        asked,
        [Variant("original"), *(OtherPicture(f"control {seed}", picture) for seed, picture in enumerate(pictures))],
        max_new_tokens,
        along=[said],
        draft=logged_answer(logged),
        batch_size=batch_size,
        progress=progress,
        what="original and controls",
    )
    original = others[0].answer
    along_original = recorded.answer.logprobs
    if said != original.token_ids:
        with memory_in_a_sentence(asked.vlm.device, asked.n_prompt):
            along_original = erased.along(recorded.prefilled, original.token_ids)[0]
    answers = [condition_answer(Condition.ORIGINAL, None, None, original, along=(others[0].along_first, others[0].along[0]))]
    answers += [
        condition_answer(Condition.CONTROL, seed, None, other.answer, along=(other.along_first, other.along[0]), change_norm=_distance(asked, picture))
        for seed, (picture, other) in enumerate(zip(pictures, others[1:], strict=True))
    ]
    answers.append(
        condition_answer(
            Condition.ERASED,
            None,
            None,
            recorded.answer,
            along=(along_original, recorded.answer.logprobs),
            change_norm=_distance(asked, erased),
        )
    )
    run = run_of(erased, recorded, name=name, original_run_id="" if logged is None else logged.run_id, keep_picture=keep_picture)
    x0, y0, x1, y1 = erased_box
    result = SteeringResult(
        result_id=new_id(),
        name=name or asked.prompt,
        created=time.time(),
        dictionary=asked.dictionary,
        prompt=asked.prompt,
        original_run_id=run.original_run_id,
        differs_from_logged=difference_from_logged(logged, original),
        steered_run_id=run.run_id,
        steering=None,
        erasure=PixelErasure((float(x0), float(y0), float(x1), float(y1)), fill),
        answers=tuple(answers),
        edited=None,
    )
    return result, run


def pixel_box(box: tuple[float, float, float, float], picture: Image.Image) -> PixelBox:
    """The whole pixels x0...x1 - 1, y0...y1 - 1 that a box touches.

    Raises:
        ScratchpadError: none, or no four numbers.
    """
    if len(box) != 4 or not all(math.isfinite(edge) for edge in box):
        raise ScratchpadError(f"The box to erase is {list(box)}, expected four numbers x0, y0, x1, y1 in pixels.")
    x0, y0 = max(0, math.floor(box[0])), max(0, math.floor(box[1]))
    x1, y1 = min(picture.width, math.ceil(box[2])), min(picture.height, math.ceil(box[3]))
    if not (box[0] < box[2] and box[1] < box[3] and x0 < x1 and y0 < y1):
        raise ScratchpadError(f"The box to erase {list(box)} touches no pixel of the picture of {picture.width} x {picture.height}: draw it anew.")
    return x0, y0, x1, y1


def erased_picture(picture: Image.Image, box: PixelBox, fill: str) -> Image.Image:
    """A copy of an RGB picture whose pixels in ``box`` carry nothing of what was there but its surroundings' colour or a blur; or,
    under ``outside``, whose other pixels carry nothing at all."""
    x0, y0, x1, y1 = box
    if fill == "outside":
        kept = Image.new("RGB", picture.size, (GREY, GREY, GREY))
        kept.paste(picture.crop(box), box)
        return kept
    erased = picture.copy()
    if fill == "blur":
        # A standard deviation of a quarter of the longer side leaves less than two lobes across the box.
        blurred = picture.filter(ImageFilter.GaussianBlur(max(x1 - x0, y1 - y0) / 4))
        erased.paste(blurred.crop(box), box)
        return erased
    pixels = np.asarray(picture, dtype=np.float64)[y0:y1, x0:x1]
    rim = np.ones(pixels.shape[:2], dtype=bool)
    rim[1:-1, 1:-1] = False
    red, green, blue = (int(value) for value in np.round(pixels[rim].mean(axis=0)))
    erased.paste((red, green, blue), box)
    return erased


def boxes_elsewhere(box: PixelBox, size: tuple[int, int], n: int) -> list[PixelBox]:
    """Boxes of the same size within a picture of ``size`` that do not overlap ``box``, one for each seed 0...n - 1; none without room."""
    width, height = box[2] - box[0], box[3] - box[1]
    xs, ys = np.arange(size[0] - width + 1), np.arange(size[1] - height + 1)
    beside = (xs + width <= box[0]) | (xs >= box[2])
    above_or_below = (ys + height <= box[1]) | (ys >= box[3])
    place = np.flatnonzero(beside[None, :] | above_or_below[:, None])
    if not place.size:
        return []
    found = []
    for seed in range(n):
        y, x = divmod(int(np.random.default_rng([seed, 29]).choice(place)), xs.size)
        found.append((x, y, x + width, y + height))
    return found


def _without(asked: AskedPicture, box: PixelBox, fill: str) -> AskedPicture:
    picture = erased_picture(asked.picture, box, fill)
    return AskedPicture(asked.vlm, asked.sae, picture, asked.prompt, hook=asked.dictionary.hook, system=asked.system)


def _distance(asked: AskedPicture, other: AskedPicture) -> float:
    return float((other.features.float() - asked.features.float()).norm())
