"""A dictionary over the steps of its training: chosen latents, and its metrics."""

from __future__ import annotations

from collections.abc import Sequence

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.answers import Answer, json_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.latent_history import TopReference
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.latent_at_step import LatentAtStep

MAX_LATENTS = 8


class HistoryHandlers:
    """What every logged step says, TensorBoard's sample of them or not."""

    def __init__(self, store: EventStore, guard: RequestGuard) -> None:
        self._store = store
        self.guard = guard

    @endpoint
    def latent_history(self, arguments: Arguments) -> Answer:
        """``latent_history``"""
        latents = arguments.integers("latents")
        if len(latents) > MAX_LATENTS:
            raise ScratchpadError(f"{len(latents)} latents were asked for, expected at most {MAX_LATENTS}: choose fewer.")
        found = self._store.latent_history(arguments.experiment, arguments.text("id"), latents)
        return json_answer(
            {
                "latents": list(latents),
                "statistics": {
                    "steps": [step for step, _ in found.statistics],
                    "n_images": [of[0].n_images for _, of in found.statistics],
                    "drift_since": [of[0].drift_since for _, of in found.statistics],
                    "of": [_curves([of[at] for _, of in found.statistics]) for at in range(len(latents))],
                },
                "references": {
                    "steps": [step for step, _ in found.references],
                    "of": [[_described(of[at]) for _, of in found.references] for at in range(len(latents))],
                },
                "problems": list(found.problems),
            }
        )

    @endpoint
    def metrics_history(self, arguments: Arguments) -> Answer:
        """``metrics_history``"""
        found = self._store.metrics_history(arguments.experiment, arguments.text("id"))
        metrics = [one for _, one in found.metrics]
        return json_answer(
            {
                "steps": [step for step, _ in found.metrics],
                "n_latents": metrics[0].dictionary.n_latents if metrics else None,
                **{name: [getattr(one, name) for one in metrics] for name in ("l0", "fvu", "n_dead", "n_dense", "n_images")},
                "problems": list(found.problems),
            }
        )


def _curves(points: Sequence[LatentAtStep]) -> dict[str, object]:
    return {
        "image_frequency": [one.image_frequency for one in points],
        "patch_frequency": [one.patch_frequency for one in points],
        "mean": [one.mean_activation for one in points],
        "label_entropy": [one.label_entropy if one.alive else None for one in points],
        "label": [one.label for one in points],
        "label_share": [one.label_share if one.label is not None else None for one in points],
        "drift": [one.drift for one in points],
        "turned": [one.turned for one in points],
    }


def _described(reference: TopReference | None) -> dict[str, object] | None:
    if reference is None:
        return None
    return {
        "image": reference.image,
        "name": reference.name,
        "label": reference.label,
        "plain_mean": reference.plain_mean,
        "has_picture": reference.has_picture,
    }
