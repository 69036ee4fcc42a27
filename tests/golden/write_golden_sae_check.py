"""Writes the golden log of a check of an SAE: ``python tests/golden/write_golden_sae_check.py`` from the root of the checkout.

It was added within schema version 1, which readers of that version pass over. Kept for good, like the others.
"""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter  # noqa: E402
from tb_visualscratchpad.wire.sae_check_evidence import (  # noqa: E402
    CheckedMeasure,
    CheckedPlace,
    CheckedReading,
    Outcome,
    SaeCheck,
)
from tests.golden.write_golden import DICTIONARY, GOLDEN  # noqa: E402

GOLDEN_SAE_CHECK = GOLDEN / "v1_sae_check"


def sae_check() -> SaeCheck:
    return SaeCheck(
        dictionary=DICTIONARY, images="golden größe", created=1_700_000_000.5, n_images=4, n_tokens=64, right=False,
        verdict="It looks wrong.", remedies=("--hook vision_tower.layers.1", "--sae-k 4"),
        places=(
            CheckedPlace("vision_tower.embeddings", False, False, None, None, 0.0, 6, 0, 0.0),
            CheckedPlace("vision_tower.layers.1", True, True, 0.125, 1 / 3, 2.5, 1, 2, 0.75),
        ),
        readings=(
            CheckedReading("k", "k = 4", 0.0625, 1.0, 0.984375, True),
            CheckedReading("tokens", "class tokens alone", None, None, None, False),
        ),
        measures=tuple(
            CheckedMeasure(outcome.value, None if outcome is Outcome.UNDECIDED else 1 / 3, "1", outcome) for outcome in Outcome
        ),
        prompt="what ?", n_asked=3, n_kept=2,
    )


def write(directory: Path) -> None:
    """Write it as one run directory; the event file gets a name without host and time."""
    with ScratchpadWriter(directory) as writer:
        writer.add_sae_check(sae_check())
    (events,) = directory.glob("events.out.tfevents.*")
    events.rename(directory / "events.out.tfevents.0000000000.golden.visualscratchpad")


if __name__ == "__main__":
    if GOLDEN_SAE_CHECK.exists():
        sys.exit(f"{GOLDEN_SAE_CHECK} is there already. A golden log is never written anew: delete it by hand.")
    write(GOLDEN_SAE_CHECK)
    print(f"wrote {GOLDEN_SAE_CHECK}", file=sys.stderr)
