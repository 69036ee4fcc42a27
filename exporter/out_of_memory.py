"""Running out of memory, on a GPU or a CPU, said in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from tb_visualscratchpad.wire.errors import ScratchpadError


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch could not get memory. On a CPU it says so with a plain RuntimeError of its allocator."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


@contextmanager
def memory_in_a_sentence(device: torch.device, n_tokens: int) -> Iterator[None]:
    """Turns running out of memory inside the ``with`` into a sentence.

    Args:
        n_tokens: of the prompt that was worked on.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise ScratchpadError(
            f"The device {device} ran out of memory at {n_tokens} prompt tokens: use --dtype bfloat16, a smaller picture or fewer new tokens."
        ) from error
