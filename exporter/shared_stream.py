"""The stream of features made by all processes of ``torchrun``: each runs the vision tower on its blocks, and rank 0 gets them all.

Rank 0 asks for a block when its turn has come, and the process whose it is has it ready or is at it: no process is more than
a block ahead. What rank 0 reads is what one process alone would read, to the bit on devices of one kind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import count, groupby
from operator import attrgetter
from types import TracebackType

import torch
from torch import distributed

from tb_visualscratchpad.exporter.activation_stream import StreamedBatch, readable_features, stream_batches
from tb_visualscratchpad.exporter.image_folder import ImageFolder
from tb_visualscratchpad.exporter.interruption import InterruptBetweenSteps
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError

END, NEXT_BLOCK = 0, 1
LAST_WORDS = timedelta(seconds=5)
"""How long a process that was broken off, perhaps within an exchange, waits for the others to hear of the end; they notice that
it is gone, too."""


@dataclass(frozen=True)
class SentBlock:
    """What is sent ahead of the features of a block, which follow in one piece.

    Attributes:
        n_rows: features of each batch, None where none of its images could be read.
        reasons: see ``StreamedBatch``.
        error: in place of all else, what a user can put right on that process; empty where nothing is wrong.
    """

    block: int
    n_rows: tuple[int | None, ...] = ()
    reasons: tuple[str, ...] = ()
    width: int = 0
    dtype: torch.dtype = torch.float32
    error: str = ""

    @property
    def n_features(self) -> int:
        return sum(n or 0 for n in self.n_rows)


def require_same_folder(folder: ImageFolder) -> None:
    """All processes of the default group call it, before anything else here.

    Raises:
        ScratchpadError: on every process alike, where they do not see the same images.
    """
    own = (len(folder), hashlib.sha256("\0".join(folder.names).encode()).hexdigest())
    all_found: list[tuple[int, str]] = [own] * distributed.get_world_size()
    distributed.all_gather_object(all_found, own)
    for rank, found in enumerate(all_found):
        if found != all_found[0]:
            raise ScratchpadError(
                f"Process {rank} finds {found[0]} images under {folder.root}, process 0 finds {all_found[0][0]}, or others: give a "
                "folder that is the same on all machines."
            )


class OtherTowers:
    """The vision towers of all processes but this one, which is rank 0. A context manager: leaving it ends them."""

    def __init__(self) -> None:
        self._n_ranks = distributed.get_world_size()
        self._last_words: list[distributed.Work | None] | None = None

    def stream(self, vlm: Vlm, hook: str, folder: ImageFolder, *, batch_size: int, seed: int) -> Generator[torch.Tensor, None, None]:
        """As ``stream_features``, with the same arguments as ``serve_share`` elsewhere. Closing it ends the other towers.

        Raises:
            ScratchpadError: as there; and where another process fails or is gone.
        """
        own = stream_batches(vlm, hook, folder, batch_size=batch_size, seed=seed, rank=0, n_ranks=self._n_ranks)
        return readable_features(self._all_batches(own, vlm.device), folder)

    def _all_batches(self, own: Generator[StreamedBatch, None, None], device: torch.device) -> Generator[StreamedBatch, None, None]:
        with closing(own):
            own_blocks = groupby(own, key=attrgetter("block"))
            try:
                for block in count():
                    rank = block % self._n_ranks
                    yield from next(own_blocks)[1] if rank == 0 else self._block_of(rank, block, device)
            finally:
                self._end()

    def _block_of(self, rank: int, block: int, device: torch.device) -> Iterator[StreamedBatch]:
        with _speaking_to(rank, self._n_ranks):
            distributed.send(torch.tensor([NEXT_BLOCK]), rank)
            answer: list[SentBlock] = [SentBlock(block)]
            distributed.recv_object_list(answer, rank)
            (sent,) = answer
            features = torch.empty((sent.n_features, sent.width), dtype=sent.dtype)
            if sent.n_features:
                distributed.recv(features.view(torch.uint8), rank)
        if sent.error:
            raise ScratchpadError(f"Process {rank} of {self._n_ranks}: {sent.error}")
        assert sent.block == block
        parts = iter(features.split([n for n in sent.n_rows if n is not None]))
        for n_rows, reason in zip(sent.n_rows, sent.reasons, strict=True):
            yield StreamedBatch(block, None if n_rows is None else next(parts).to(device), reason)

    def _end(self) -> None:
        if self._last_words is None:
            self._last_words = []
            for rank in range(1, self._n_ranks):
                with suppress(RuntimeError):  # it is gone
                    self._last_words.append(distributed.isend(torch.tensor([END]), rank))

    def __enter__(self) -> OtherTowers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()
        for words in self._last_words or ():
            assert words is not None, "all ranks are in the default group"
            with suppress(RuntimeError):
                words.wait() if error is None or isinstance(error, ScratchpadError) else words.wait(timeout=LAST_WORDS)


def serve_share(vlm: Vlm, hook: str, folder: ImageFolder, *, batch_size: int, seed: int) -> None:
    """Make this process's blocks for rank 0, until that says it has enough.

    A first Ctrl-C is left to rank 0, which ends all; a second one raises.

    Raises:
        ScratchpadError: rank 0 is gone. What goes wrong here and a user can put right is told there.
        KeyboardInterrupt: see above.
    """
    rank, n_ranks = distributed.get_rank(), distributed.get_world_size()
    batches = stream_batches(vlm, hook, folder, batch_size=batch_size, seed=seed, rank=rank, n_ranks=n_ranks)
    with closing(batches), InterruptBetweenSteps():
        blocks = groupby(batches, key=attrgetter("block"))
        while True:
            features = torch.empty(0)
            try:
                sent, features = _packed(*next(blocks))
            except ScratchpadError as error:
                sent = SentBlock(-1, error=str(error))
            with _speaking_to(0, n_ranks):
                if not _is_asked():
                    return
                distributed.send_object_list([sent], 0)
                if sent.n_features:
                    distributed.send(features.view(torch.uint8), 0)
                if sent.error:
                    _is_asked()  # the end, which rank 0 waits for to be heard
                    return


def _is_asked() -> bool:
    """Waits for rank 0: whether it wants another block."""
    asked = torch.tensor([END])
    distributed.recv(asked, 0)
    return int(asked) == NEXT_BLOCK


def _packed(block: int, batches: Iterator[StreamedBatch]) -> tuple[SentBlock, torch.Tensor]:
    """A block as it is sent; its features [N, d] in main memory."""
    n_rows: list[int | None] = []
    reasons: list[str] = []
    found: list[torch.Tensor] = []
    for batch in batches:
        n_rows.append(None if batch.features is None else batch.features.shape[0])
        reasons.append(batch.reason)
        if batch.features is not None:
            found.append(batch.features.cpu())
    features = torch.cat(found) if found else torch.empty(0, 0)
    sent = SentBlock(block, tuple(n_rows), tuple(reasons), width=features.shape[-1], dtype=features.dtype)
    return sent, features.contiguous()


@contextmanager
def _speaking_to(rank: int, n_ranks: int) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # what torch.distributed raises where the other end has closed
        raise ScratchpadError(
            f"Process {rank} of {n_ranks} is gone, so training cannot go on: what it said is above. Start all of them again."
        ) from error
