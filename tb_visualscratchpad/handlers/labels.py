"""What the latents of a ranking are called, as far as an image set tells."""

from __future__ import annotations

from dataclasses import dataclass

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.wire.dictionary_evidence import LatentStatistics
from tb_visualscratchpad.wire.errors import EvidenceNotFound, UnreadableEvidence


@dataclass(frozen=True)
class LatentLabels:
    """Labels by latent. ``problem`` says why logged statistics cannot be read; None when there are none, too."""

    statistics: LatentStatistics | None
    problem: str | None

    def of(self, latent: int) -> dict[str, object]:
        """The prevailing label of a latent's references and its share; both null without statistics or for a dead latent."""
        if self.statistics is None or self.statistics.top_label_K[latent] < 0:
            return {"label": None, "label_share": None}
        return {
            "label": self.statistics.label_names[int(self.statistics.top_label_K[latent])],
            "label_share": float(self.statistics.top_label_share_K[latent]),
        }


def latent_labels(store: EventStore, experiment: str, dictionary_id: str, step: int | None = None) -> LatentLabels:
    """The labels of a dictionary's latents, from its statistics at a step, by default the newest."""
    try:
        return LatentLabels(store.latent_statistics(experiment, dictionary_id, step), None)
    except EvidenceNotFound:
        return LatentLabels(None, None)
    except UnreadableEvidence as error:
        return LatentLabels(None, str(error))
