"""Writes the golden log of maps of heads: ``python tests/golden/write_golden_heads.py`` from the root of the checkout.

They came to schema version 1 later than its other golden logs, hence a log of their own. All of it is made by counting.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter  # noqa: E402
from tb_visualscratchpad.wire.head_evidence import HeadAttention, as_shares  # noqa: E402
from tests.golden.write_golden import DICTIONARY, GOLDEN  # noqa: E402

GOLDEN_HEADS = GOLDEN / "v1_heads"


def head_attention() -> HeadAttention:
    """Two layers of three heads, two rows, five image tokens; one row of zeros."""
    counted = np.arange(1, 2 * 3 * 2 * 5 + 1, dtype=np.float32).reshape(2, 3, 2, 5) / 128
    counted[1, 2, 0] = 0
    share, row_scale = as_shares(counted)
    return HeadAttention(
        result_id="golden-heads", name="heads of größe", created=1_700_000_300.5, dictionary=DICTIONARY, prompt="what? 桜",
        original_run_id="golden-run", differs_from_logged="", query_position_T=np.array([7, 11], np.int32), layers=(0, 2),
        share_LHTI=share, row_scale_LHT=row_scale, difference=1 / 1024,
    )


def write(directory: Path) -> None:
    """Write it as one run directory; the event file gets a name without host and time."""
    with ScratchpadWriter(directory) as writer:
        writer.add_head_attention(head_attention())
    (events,) = directory.glob("events.out.tfevents.*")
    events.rename(directory / "events.out.tfevents.0000000000.golden.visualscratchpad")


if __name__ == "__main__":
    if GOLDEN_HEADS.exists():
        sys.exit(f"{GOLDEN_HEADS} is there already. A golden log is never written anew: delete it by hand.")
    write(GOLDEN_HEADS)
    print(f"wrote {GOLDEN_HEADS}", file=sys.stderr)
