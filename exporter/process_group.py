"""The processes of ``torchrun``: whether this is one of several, which GPU is its own, and how they find one another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta


def is_one_of_several() -> bool:
    """Whether ``torchrun`` started this process beside others."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "LOCAL_RANK" in os.environ


def own_device() -> str | None:
    """The GPU of this process, None where there is none."""
    import torch

    return f"cuda:{int(os.environ['LOCAL_RANK']) % torch.cuda.device_count()}" if torch.cuda.is_available() else None


@contextmanager
def joined() -> Iterator[None]:
    """Joins the default group of ``torch.distributed`` and leaves it at the end.

    By gloo with GPUs too: what is exchanged lies in main memory. Shares may take hours longer than one another, so processes wait long.
    """
    from torch import distributed

    distributed.init_process_group("gloo", timeout=timedelta(days=1))
    try:
        yield
    finally:
        distributed.destroy_process_group()
