"""Many pictures with prompts and right answers -> a :class:`FailureSet`: which answers are wrong, and what each run used.

One picture is in memory at a time; what is kept of it goes to a temporary file.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from tb_visualscratchpad.exporter.answer_judging import is_right
from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.explain import bare_run, new_id, record_answer, require_some_tokens, with_order
from tb_visualscratchpad.exporter.failure_items import AskedItem, split_in_half
from tb_visualscratchpad.exporter.interruption import InterruptBetweenSteps
from tb_visualscratchpad.exporter.job_progress import JobProgress, NoProgress, OnlyChecks
from tb_visualscratchpad.exporter.pictures import encode_picture
from tb_visualscratchpad.exporter.sae import SparseAutoencoder, dictionary_info
from tb_visualscratchpad.exporter.spool import SpoolFile
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.views import latent_means
from tb_visualscratchpad.wire.codecs.mapped_messages import MappedSequence, parse_picture
from tb_visualscratchpad.wire.codecs.picture import encode_picture_message
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import EncodedPicture, Span, VlmRun
from tb_visualscratchpad.wire.failure_evidence import FailureItem, FailureSet

THUMBNAIL_SIDE = 160
"""Pixels of a thumbnail's longer side."""


def failure_set(
    vlm: Vlm,
    sae: SparseAutoencoder,
    items: Sequence[AskedItem],
    *,
    match: str = "exact",
    max_new_tokens: int = 512,
    hook: str | None = None,
    system: str | None = None,
    name: str | None = None,
    keep_pictures: bool = True,
    on_wrong: Callable[[VlmRun], None] | None = None,
    progress: JobProgress = NoProgress(),
) -> FailureSet:
    """Asks the model about every item by greedy decoding, judges the answers, and keeps how strongly each latent was used.

    Every other item of each prompt and judgement is marked as held out, by chance but always alike: latents are to be chosen on the rest.
    A first Ctrl-C ends it after the item in hand; ``n_given`` then exceeds the items.

    Args:
        match: how answers are judged where an item brings no judgement of its own: ``exact`` or ``contains`` (see ``answer_judging``).
        hook: where the SAE reads; by default the hook its file names, else what the projector reads.
        system: a system text, where the chat template has a place for one.
        name: what the tab calls the set; by default its only prompt, or the number of its pictures.
        keep_pictures: False leaves the pixels out of the evidence; such a set cannot be asked again.
        on_wrong: is handed the run of each wrong answer with all its evidence, so that it can be logged in the same run directory.
        progress: is told every item and asked whether to go on.

    Raises:
        ScratchpadError: no items, an unreadable picture, a prompt the model cannot be asked, an SAE that does not fit, or too little memory.
        Cancelled: ``progress`` says so.
    """
    require_some_tokens(max_new_tokens)
    if not items:
        raise ScratchpadError("No items were given, so there is nothing to ask: give at least one picture with a prompt and the right answer.")
    is_right("", "any", match)  # an unknown rule is refused before the first picture
    asked_items: list[FailureItem] = []
    used: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    thumbnails, pictures = _KeptPictures(), _KeptPictures()
    with InterruptBetweenSteps() as interrupt:
        for number, item in enumerate(items):
            progress.stage("pictures", number, len(items))
            progress.check()
            asked = AskedPicture(vlm, sae, item.picture, item.prompt, hook=hook, system=system)
            run = bare_run(asked, record_answer(asked, None, max_new_tokens, progress=OnlyChecks(progress)), name=item.label, keep_picture=keep_pictures)
            asked_items.append(_judged(item, run, match))
            used.append(_used(run))
            if keep_pictures:
                thumbnails.add(encode_picture(asked.picture, max_side=THUMBNAIL_SIDE, quality=85))
                pictures.add(run.exact_picture or encode_picture(asked.picture))
            if on_wrong is not None and not asked_items[-1].is_right:
                on_wrong(with_order(run))
                asked_items[-1] = replace(asked_items[-1], run_id=run.run_id)
            if interrupt.requested:
                break
    progress.stage("pictures", len(asked_items), len(items))
    held_out = split_in_half([(item.prompt, item.is_right) for item in asked_items])
    prompts = {item.prompt for item in asked_items}
    return FailureSet(
        set_id=new_id(),
        name=name or (asked_items[0].prompt if len(prompts) == 1 else f"{len(asked_items)} pictures"),
        created=time.time(),
        dictionary=dictionary_info(vlm, sae, hook),
        match=match,
        system=system,
        max_new_tokens=max_new_tokens,
        n_given=len(items),
        items=tuple(replace(item, is_held_out=held) for item, held in zip(asked_items, held_out, strict=True)),
        indptr=np.cumsum([0, *(latent.size for latent, _, _ in used)], dtype=np.int64),
        latent_Z=np.concatenate([latent for latent, _, _ in used]),
        plain_Z=np.concatenate([plain for _, plain, _ in used]),
        weighted_Z=np.concatenate([weighted for _, _, weighted in used]),
        thumbnails=thumbnails.sequence(),
        pictures=pictures.sequence(),
    )


def _judged(item: AskedItem, run: VlmRun, match: str) -> FailureItem:
    flagged = item.wrong is not None
    return FailureItem(
        name=item.label,
        prompt=item.prompt,
        right_answer=item.right_answer,
        output_text=run.output_text,
        truncated=run.truncated,
        is_right=not item.wrong if flagged else is_right(run.output_text, item.right_answer, match),
        is_flagged=flagged,
    )


def _used(run: VlmRun) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latents that fire (int32, ascending), B, and the largest C over the answer's words (float32).

    The largest, as the token-latent matrix chooses its columns: what one word alone looked at would drown in a mean over a long answer.
    """
    means = latent_means(run, tokens=[int(index) for index in run.tokens.indices(Span.OUTPUT)])
    weighted_F = means.weighted_FT.max(axis=1, initial=0.0)
    return means.latent_F, means.plain_F.astype(np.float32), weighted_F.astype(np.float32)


class _KeptPictures:
    """Pictures in a temporary file, joined as a sidecar holds them, so that they are never in memory together."""

    def __init__(self) -> None:
        self._spool: SpoolFile | None = None
        self._end: list[int] = []

    def add(self, picture: EncodedPicture) -> None:
        self._spool = self._spool or SpoolFile(None)
        self._spool.append(encode_picture_message(picture).SerializeToString(deterministic=True))
        self._end.append(self._spool.size)

    def sequence(self) -> Sequence[EncodedPicture]:
        """All of them; the file goes when nobody holds them any more."""
        if self._spool is None:
            return ()
        mapped = mmap.mmap(self._spool.file.fileno(), 0, access=mmap.ACCESS_READ)
        return MappedSequence(np.frombuffer(mapped, np.uint8), np.array(self._end, dtype=np.int64), parse_picture)
