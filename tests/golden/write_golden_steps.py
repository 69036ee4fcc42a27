"""Writes the golden log of a training run's steps: ``python tests/golden/write_golden_steps.py`` from the root of the checkout.

They came to schema version 1 later than its golden log, which is never written anew; hence a log of their own. All of it is made
by counting, as there. The run was taken up once: a second process began again at step 20, and what the first had logged
there and later is superseded.
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
from tb_visualscratchpad.wire.dictionary_evidence import (  # noqa: E402
    DecoderMap,
    LatentStatistics,
    ReferenceImages,
    SaeMetrics,
)
from tb_visualscratchpad.wire.version import SCHEMA_VERSION  # noqa: E402
from tests.golden import write_golden  # noqa: E402

FIRST_PROCESS, SECOND_PROCESS = (0, 10, 20, 30), (20, 25)
KEPT_STEPS = (0, 10, 20, 25)
MAPPED_STEPS = (0, 20)


def sae_metrics(step: int, process: int) -> SaeMetrics:
    return replace(write_golden.sae_metrics(), l0=step + process / 4, fvu=None if step == 0 else 2.5 / step)


def latent_statistics(step: int, process: int) -> LatentStatistics:
    statistics = write_golden.latent_statistics()
    return replace(
        statistics, image_set_id=f"golden-images of {process}",
        activation_sum_K=statistics.activation_sum_K * (1 + step / 8),
        n_patches=statistics.n_patches + step, n_patches_firing_K=statistics.n_patches_firing_K + step * (statistics.n_patches_firing_K > 0),
    )


def reference_images(step: int, process: int) -> ReferenceImages:
    references = write_golden.reference_images()
    return replace(references, plain_mean_KR=references.plain_mean_KR * np.float32(1 + step / 4 + process))


def decoder_map(step: int, process: int) -> DecoderMap:
    latent_map = write_golden.decoder_map()
    return replace(latent_map, seed=process, xy_K2=latent_map.xy_K2 + np.float32(step))


def write(directory: Path) -> None:
    """Write all of it as one run directory; the event files get names without host and time."""
    for process, steps in enumerate((FIRST_PROCESS, SECOND_PROCESS)):
        with ScratchpadWriter(directory) as writer:
            for step in steps:
                writer.add_sae_metrics(sae_metrics(step, process), step, answers_kept=0.5)
                writer.add_latent_statistics(latent_statistics(step, process), step)
                if step in MAPPED_STEPS:
                    writer.add_references(reference_images(step, process), step)
                    writer.add_decoder_map(decoder_map(step, process), step)
        (events,) = set(directory.glob("events.out.tfevents.*")) - set(directory.glob("*.golden.*"))
        events.rename(directory / f"events.out.tfevents.{process:010d}.golden.visualscratchpad")


def golden_steps(version: int) -> Path:
    return write_golden.GOLDEN / f"v{version}_steps"


if __name__ == "__main__":
    target = golden_steps(SCHEMA_VERSION)
    if target.exists():
        sys.exit(f"{target} is there already. A golden log is never written anew: raise SCHEMA_VERSION, or delete it by hand.")
    write(target)
    print(f"wrote {target}", file=sys.stderr)
