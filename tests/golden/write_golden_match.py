"""Writes the golden log of a match of two dictionaries: ``python tests/golden/write_golden_match.py`` from the root of the checkout.

It was added within schema version 1, which readers of that version pass over. Kept for good, like the others.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter  # noqa: E402
from tb_visualscratchpad.wire.match_evidence import DictionaryMatch  # noqa: E402
from tests.golden.write_golden import DICTIONARY, GOLDEN, N_LATENTS  # noqa: E402

GOLDEN_MATCH = GOLDEN / "v1_match"
OTHER = replace(DICTIONARY, dictionary_id="fedcba9876543210" * 4, name="golden größe", sae_name="other-sae", n_latents=4)


def match() -> DictionaryMatch:
    forward = np.array([[0, 1], [1, 0], [2, -1], [-1, -1], [3, 2], [0, 3]], dtype=np.int32)
    backward = np.array([[0, 5], [1, 2], [4, 0], [4, -1]], dtype=np.int32)
    assert len(forward) == N_LATENTS
    return DictionaryMatch(
        dictionary=DICTIONARY, other=OTHER, created=1_700_000_000.5,
        forward_latent_Kn=forward, forward_cosine_Kn=np.where(forward < 0, 0, 1 - np.arange(12).reshape(6, 2) / 8).astype(np.float32),
        backward_latent_Jn=backward, backward_cosine_Jn=np.where(backward < 0, 0, 1 - np.arange(8).reshape(4, 2) / 8).astype(np.float32),
    )


def write(directory: Path) -> None:
    """Write it as one run directory; the event file gets a name without host and time."""
    with ScratchpadWriter(directory) as writer:
        writer.add_dictionary_match(match())
    (events,) = directory.glob("events.out.tfevents.*")
    events.rename(directory / "events.out.tfevents.0000000000.golden.visualscratchpad")


if __name__ == "__main__":
    if GOLDEN_MATCH.exists():
        sys.exit(f"{GOLDEN_MATCH} is there already. A golden log is never written anew: delete it by hand.")
    write(GOLDEN_MATCH)
    print(f"wrote {GOLDEN_MATCH}", file=sys.stderr)
