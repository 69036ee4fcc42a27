"""Writes the golden log of a failure set and an ablation: ``python tests/golden/write_golden_failures.py`` from the root of the checkout.

They came to schema version 1 later than its other golden logs, which are never written anew; hence a log of their own. All of it is
made by counting, as there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter  # noqa: E402
from tb_visualscratchpad.wire.failure_evidence import FailureItem, FailureSet, SetAblation, SetAnswers  # noqa: E402
from tb_visualscratchpad.wire.version import SCHEMA_VERSION  # noqa: E402
from tests.golden.write_golden import DICTIONARY, GOLDEN  # noqa: E402
from tests.golden.write_golden_outcomes import EXACT  # noqa: E402


def failure_set() -> FailureSet:
    return FailureSet(
        set_id="golden-set", name="ducks 🦆", created=1_700_000_200.5, dictionary=DICTIONARY, match="contains", system="Be kind. 桜",
        max_new_tokens=16, n_given=4,
        items=(
            FailureItem("a.png", "what?", "a duck", "a كلب", truncated=True, is_right=False, run_id="golden-run"),
            FailureItem("b.png", "what?", "a duck", "a duck", truncated=False, is_right=True, is_held_out=True),
            FailureItem("sub/c.png", "where?", "at sea", "", truncated=False, is_right=False, is_flagged=True, is_held_out=True),
        ),
        indptr=np.array([0, 2, 3, 3], np.int64),
        latent_Z=np.array([2, 5, 0], np.int32),
        plain_Z=np.array([0.5, 2.0, 0.125], np.float32),
        weighted_Z=np.array([1.5, 0.0, 0.25], np.float32),
        thumbnails=(EXACT, EXACT, EXACT),
        pictures=(EXACT, EXACT, EXACT),
    )


def set_ablation() -> SetAblation:
    def answers(texts: tuple[str, str, str], right: tuple[bool, bool, bool], seed: int | None = None) -> SetAnswers:
        return SetAnswers(texts, np.array(right), seed)

    return SetAblation(
        result_id="golden-ablation", name="2 latents × 0", created=1_700_000_300.25, dictionary=DICTIONARY, prompt="", original_run_id="",
        differs_from_logged="It says “dog” today.", set_id="golden-set", chosen_on="half", latents=np.array([2, 5], np.int32),
        held_out_N=np.array([False, True, True]), n_firing_N=np.array([2, 0, 0], np.int32),
        original=answers(("a كلب", "a duck", ""), (False, True, False)),
        ablated=answers(("a duck", "a duck", ""), (True, True, False)),
        controls=(answers(("a كلب", "a goose", ""), (False, False, False), 0), answers(("a 🐈", "a duck", ""), (False, True, False), 4)),
    )


def write(directory: Path) -> None:
    """Write all of it as one run directory; the event file gets a name without host and time."""
    with ScratchpadWriter(directory) as writer:
        writer.add_failure_set(failure_set())
        writer.add_set_ablation(set_ablation())
    (events,) = directory.glob("events.out.tfevents.*")
    events.rename(directory / "events.out.tfevents.0000000000.golden.visualscratchpad")


def golden_failures(version: int) -> Path:
    return GOLDEN / f"v{version}_failures"


if __name__ == "__main__":
    target = golden_failures(SCHEMA_VERSION)
    if target.exists():
        sys.exit(f"{target} is there already. A golden log is never written anew: raise SCHEMA_VERSION, or delete it by hand.")
    write(target)
    print(f"wrote {target}", file=sys.stderr)
