"""Which process of several writes: under ``torch.distributed`` the one of rank 0."""

from __future__ import annotations

import os
import sys


def is_writing_process() -> bool:
    """Whether this process writes evidence.

    True outside distributed training and on rank 0. The rank is that of the process group; before there is one, what ``torchrun``
    put into the environment (``RANK`` beside ``WORLD_SIZE``). torch is not imported for this.
    """
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank()) == 0
    if "WORLD_SIZE" not in os.environ:
        return True
    return os.environ.get("RANK", "0") == "0"
