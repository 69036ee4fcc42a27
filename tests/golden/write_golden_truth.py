"""Writes the golden log of a truth report: ``python tests/golden/write_golden_truth.py`` from the root of the checkout.

It was added within schema version 1, which readers of that version pass over. Kept for good, like the others.
"""

from __future__ import annotations

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter  # noqa: E402
from tb_visualscratchpad.wire.truth_evidence import TruthFigure, TruthReport  # noqa: E402
from tests.golden.write_golden import DICTIONARY, GOLDEN  # noqa: E402

GOLDEN_TRUTH = GOLDEN / "v1_truth"


def truth_report() -> TruthReport:
    return TruthReport(
        dictionary=DICTIONARY, items="golden größe", created=1_700_000_000.5, seed=3, n_pictures=4, n_words=9, n_learned=12, n_labels=2,
        figures=(
            TruthFigure("ranking.hit5", "C", True, 0.75, 0.5, 1.0, 9, 4),
            TruthFigure("ranking.hit5", "B", False, 0.25, 0.0, 1 / 3, 9, 4, -0.5, -0.75, -0.125),
            TruthFigure("quality.dead", "", True, 0.125, None, None, 6, 12),
            TruthFigure("dose.half", "", True, None, None, None, 0, 0),
        ),
    )


def write(directory: Path) -> None:
    """Write it as one run directory; the event file gets a name without host and time."""
    with ScratchpadWriter(directory) as writer:
        writer.add_truth_report(truth_report())
    (events,) = directory.glob("events.out.tfevents.*")
    events.rename(directory / "events.out.tfevents.0000000000.golden.visualscratchpad")


if __name__ == "__main__":
    if GOLDEN_TRUTH.exists():
        sys.exit(f"{GOLDEN_TRUTH} is there already. A golden log is never written anew: delete it by hand.")
    write(GOLDEN_TRUTH)
    print(f"wrote {GOLDEN_TRUTH}", file=sys.stderr)
