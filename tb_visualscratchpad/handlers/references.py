"""Reference images of a latent, and their pictures."""

from __future__ import annotations

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.handlers.answers import Answer, json_answer
from tb_visualscratchpad.handlers.arguments import Arguments
from tb_visualscratchpad.handlers.endpoint import endpoint
from tb_visualscratchpad.request_guard import RequestGuard
from tb_visualscratchpad.views.attribution import check_latent
from tb_visualscratchpad.wire.dictionary_evidence import ReferenceImage, ReferenceImages
from tb_visualscratchpad.wire.errors import EvidenceNotFound


class ReferenceHandlers:
    """The images of the set on which a latent has its largest plain mean."""

    def __init__(self, store: EventStore, guard: RequestGuard) -> None:
        self._store = store
        self.guard = guard

    @endpoint
    def references(self, arguments: Arguments) -> Answer:
        """``references``"""
        references = self._find(arguments)
        latent = arguments.integer("latent")
        check_latent(latent, references.dictionary.n_latents)
        return json_answer(
            {
                "latent": latent,
                "references": [_described(one, bool(references.pictures)) for one in references.of_latent(latent)],
            }
        )

    @endpoint
    def reference_picture(self, arguments: Arguments) -> Answer:
        """``reference_picture``"""
        references = self._find(arguments)
        image = arguments.integer("image")
        if not 0 <= image < len(references.image_names):
            raise EvidenceNotFound(
                f"Reference image {image} was asked for, there are {len(references.image_names)}, counted from 0."
            )
        if not references.pictures:
            raise EvidenceNotFound("The reference images were logged without pictures (--no-images): sweep again with them.")
        picture = references.pictures[image]
        return Answer(picture.data, picture.mime, cacheable=True)

    def _find(self, arguments: Arguments) -> ReferenceImages:
        return self._store.references(
            arguments.experiment, arguments.text("dictionary"), arguments.optional_integer("step")
        )


def _described(reference: ReferenceImage, has_picture: bool) -> dict[str, object]:
    box = reference.image_tokens.patch_box_P4[reference.patch_N]
    return {
        "image": reference.image,
        "name": reference.name,
        "label": reference.label,
        "plain_mean": reference.plain_mean,
        "width": reference.image_tokens.width,
        "height": reference.image_tokens.height,
        "has_picture": has_picture,
        "boxes": [[*map(float, edges), float(value)] for edges, value in zip(box, reference.value_N, strict=True)],
    }
