"""Writes the golden log of the worker's outcomes: ``python tests/golden/write_golden_outcomes.py`` from the root of the checkout.

They came to schema version 1 later than its golden log, which is never written anew; hence a log of their own. All of it is made
by counting, as there.
"""

from __future__ import annotations

import base64
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))

from tb_visualscratchpad.exporter.event_log import ScratchpadWriter  # noqa: E402
from tb_visualscratchpad.wire.evidence import EncodedPicture, VlmRun  # noqa: E402
from tb_visualscratchpad.wire.steering_evidence import (  # noqa: E402
    AblatedCluster,
    AnswerToken,
    ClusterSweep,
    Condition,
    ConditionAnswer,
    DoseResponse,
    EditedLatents,
    PixelErasure,
    SteeringResult,
    WordContributions,
)
from tb_visualscratchpad.wire.version import SCHEMA_VERSION  # noqa: E402
from tests.golden.write_golden import DICTIONARY, GOLDEN, vlm_run  # noqa: E402

EXACT = EncodedPicture(
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAABQAAAAKCAIAAAA7N+mxAAAAF0lEQVR42mM8kWLEQC5gYqAAjGoeGZoBWjkBcqayNy8AAAAASUVORK5CYII="
    ),
    "image/png",
    20,
    10,
)
ORIGINAL = (AnswerToken(110, "a", -0.25), AnswerToken(111, "كلب", -0.5), AnswerToken(112, "🐈", -0.125))
STEERED = (AnswerToken(110, "a", -0.25), AnswerToken(113, "tree", -1 / 3))
HEAD = {
    "created": 1_700_000_100.25, "dictionary": DICTIONARY, "prompt": "what?", "original_run_id": "golden-run",
    "differs_from_logged": "",
}


def asked_again() -> VlmRun:
    """A steered run with all it takes to ask once more."""
    return replace(
        vlm_run(), run_id="golden-steered", system="Be kind. 桜", max_new_tokens=3, original_run_id="golden-run", exact_picture=EXACT
    )


def _answer(
    condition: Condition, number: int, tokens: tuple[AnswerToken, ...], latents: tuple[int, ...] = (), seed: int | None = None
) -> ConditionAnswer:
    return ConditionAnswer(
        condition=condition,
        seed=seed,
        latents=np.array(latents, np.int32),
        change_norm=number * 0.75,
        tokens=tokens,
        output_text=" ".join(token.text for token in tokens),
        truncated=number == 2,
        along_original_O=-np.arange(1, 4, dtype=np.float64) * (number + 1) / 3,
        along_steered_S=-np.arange(1, 3, dtype=np.float64) / (number + 1),
    )


def steering_result() -> SteeringResult:
    return SteeringResult(
        result_id="golden-steering", name="cat × 0", **HEAD, steered_run_id="golden-steered",
        steering='{"version": 1, "error": "kept", "interventions": [{"latent": 5, "op": "SCALE", "value": 0.0, "where": "all"}]}',
        erasure=None,
        answers=(
            _answer(Condition.ORIGINAL, 0, ORIGINAL),
            _answer(Condition.RECONSTRUCTION, 1, ORIGINAL),
            _answer(Condition.CONTROL, 2, ORIGINAL[:2], (0, 3), seed=0),
            _answer(Condition.CONTROL, 3, ORIGINAL, (1, 4), seed=1),
            _answer(Condition.STEERED, 4, STEERED, (2, 5)),
        ),
        edited=EditedLatents(
            patch_N=np.array([0, 0, 7], np.int32),
            latent_N=np.array([2, 5, 5], np.int32),
            before_N=np.array([0.5, 2.0, 0.0], np.float32),
            edited_N=np.array([0.0, 0.0, 1.5], np.float32),
            after_N=np.array([0.0, 0.125, 1.25], np.float32),
        ),
    )


def erasure_result() -> SteeringResult:
    return SteeringResult(
        result_id="golden-erasure", name="a box", **{**HEAD, "differs_from_logged": "It says “dog” today."}, steered_run_id="",
        steering=None, erasure=PixelErasure((0.0, 1.5, 10.0, 9.25), "blur"),
        answers=(
            _answer(Condition.ORIGINAL, 0, ORIGINAL),
            _answer(Condition.CONTROL, 1, ORIGINAL, seed=4),
            _answer(Condition.ERASED, 2, STEERED),
        ),
        edited=None,
    )


def cluster_sweep() -> ClusterSweep:
    def cluster(number: int) -> AblatedCluster:
        return AblatedCluster(
            name=f"“{number}”", latents=np.arange(number + 1, dtype=np.int32), change_norm=0.5 + number, tokens=STEERED,
            output_text="a tree", truncated=False, along_original_O=-np.arange(3, dtype=np.float64) / 7,
            control_along_original_RO=-np.arange(6, dtype=np.float64).reshape(2, 3) / 7,
        )

    return ClusterSweep(
        result_id="golden-sweep", name="2 clusters", **HEAD, original_tokens=ORIGINAL, clusters=(cluster(0), cluster(1)),
    )


def dose_response() -> DoseResponse:
    return DoseResponse(
        result_id="golden-dose", name="cat", **HEAD, latents=np.array([2, 5], np.int32), op="SCALE",
        value_D=np.array([0.0, 0.5, 1.0]), original_tokens=ORIGINAL, word_V=np.array([0, 2], np.int32),
        logprob_DV=-np.arange(6, dtype=np.float64).reshape(3, 2) / 3,
        control_logprob_RDV=-np.arange(12, dtype=np.float64).reshape(2, 3, 2) / 9,
        output_text_D=("a tree", "a كلب", "a كلب 🐈"),
    )


def word_contributions() -> WordContributions:
    return WordContributions(
        result_id="golden-contributions", name="🐈", **HEAD, word=2, original_tokens=ORIGINAL,
        latent_N=np.array([5, 0, 3], np.int32), contribution_N=np.array([2.5, -1 / 3, 0.0]), n_checked=2,
        ablated_N=np.array([2.25, -0.5]),
    )


def write(directory: Path) -> None:
    """Write all of it as one run directory; the event file gets a name without host and time."""
    with ScratchpadWriter(directory) as writer:
        writer.add_vlm_run(asked_again())
        writer.add_steering_result(steering_result())
        writer.add_steering_result(erasure_result())
        writer.add_cluster_sweep(cluster_sweep())
        writer.add_dose_response(dose_response())
        writer.add_word_contributions(word_contributions())
    (events,) = directory.glob("events.out.tfevents.*")
    events.rename(directory / "events.out.tfevents.0000000000.golden.visualscratchpad")


def golden_outcomes(version: int) -> Path:
    return GOLDEN / f"v{version}_outcomes"


if __name__ == "__main__":
    target = golden_outcomes(SCHEMA_VERSION)
    if target.exists():
        sys.exit(f"{target} is there already. A golden log is never written anew: raise SCHEMA_VERSION, or delete it by hand.")
    write(target)
    print(f"wrote {target}", file=sys.stderr)
