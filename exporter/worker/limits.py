"""How much a worker takes on."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from tb_visualscratchpad.exporter.pictures import MAX_PIXELS
from tb_visualscratchpad.wire.head_evidence import MAX_TOKENS


@dataclass(frozen=True)
class WorkerLimits:
    """Upper bounds, all inclusive. The tab is told them.

    Attributes:
        picture_bytes, picture_pixels: of an uploaded picture.
        pictures: uploaded ones kept in memory, the least used goes first.
        prompt_characters: of a prompt, and of a system text.
        new_tokens: of an answer.
        queued_jobs: that wait.
        steered_latents: in one job.
        clusters: in one sweep.
        doses, dose_words: in one dose-response.
        head_tokens: whose heads are recorded in one job.
    """

    picture_bytes: int = 32 << 20
    picture_pixels: int = MAX_PIXELS
    pictures: int = 8
    prompt_characters: int = 20_000
    new_tokens: int = 1024
    queued_jobs: int = 16
    steered_latents: int = 4096
    clusters: int = 128
    doses: int = 33
    dose_words: int = 32
    head_tokens: int = MAX_TOKENS

    def as_json(self) -> dict[str, int]:
        """For ``/status``."""
        return asdict(self)
