from __future__ import annotations

import pytest

from tb_visualscratchpad.handlers.references import ReferenceHandlers
from tb_visualscratchpad.request_guard import RequestGuard
from tests.handlers.held_evidence import HeldEvidence, ask, sentence
from tests.random_evidence import random_dictionary, random_references

DICTIONARY = random_dictionary(81)
IDENTITY = DICTIONARY.dictionary_id


def serve(**arguments: object) -> tuple[ReferenceHandlers, object]:
    references = random_references(81, dictionary=DICTIONARY, **arguments)
    store = HeldEvidence(of_dictionary={("references", IDENTITY): references})
    return ReferenceHandlers(store, RequestGuard(None)), references


@pytest.mark.parametrize("pictures", [True, False])
def test_references_of_every_latent(pictures: bool) -> None:
    handlers, references = serve(pictures=pictures)
    numbers = set()
    for latent in range(64):
        found = ask(handlers.references, dictionary=IDENTITY, latent=latent).json
        images = [image for image in references.image_KR[latent].tolist() if image >= 0]
        assert found["latent"] == latent and [one["image"] for one in found["references"]] == images
        numbers.add(len(images))
        for rank, one in enumerate(found["references"]):
            image = one["image"]
            geometry = references.geometries[references.image_geometry_M[image]]
            label = references.image_label_M[image]
            assert one["name"] == references.image_names[image]
            assert one["label"] == (references.label_names[label] if label >= 0 else None)
            assert one["plain_mean"] == float(references.plain_mean_KR[latent, rank])
            assert (one["width"], one["height"], one["has_picture"]) == (geometry.width, geometry.height, pictures)
            start, stop = references.map_indptr[latent * 10 + rank : latent * 10 + rank + 2]
            assert one["boxes"] == [
                [*map(float, geometry.patch_box_P4[references.map_patch_N[n]]), float(references.map_value_N[n])]
                for n in range(start, stop)
            ]
    assert {0, 10} < numbers


def test_no_labels_are_null() -> None:
    handlers, _ = serve(n_labels=0, dead_share=0, few_share=0)
    found = ask(handlers.references, dictionary=IDENTITY, latent=0).json["references"]
    assert found and all(one["label"] is None for one in found)


def test_reference_picture() -> None:
    handlers, references = serve()
    answer = ask(handlers.reference_picture, dictionary=IDENTITY, image=3)
    assert answer.data == references.pictures[3].data and answer.content_type == references.pictures[3].mime
    assert answer.headers["Cache-Control"] == "private, no-cache" and answer.headers["ETag"]


def test_bad_arguments_get_a_sentence() -> None:
    handlers, _ = serve()
    without, _ = serve(pictures=False)
    for endpoint, arguments, status, words in (
        (handlers.references, {"dictionary": IDENTITY}, 400, "'latent' is missing"),
        (handlers.references, {"dictionary": IDENTITY, "latent": 64}, 400, "0 to 63"),
        (handlers.references, {"dictionary": "x", "latent": 0}, 404, "no references of x"),
        (handlers.references, {"latent": 0}, 400, "'dictionary' is missing"),
        (handlers.reference_picture, {"dictionary": IDENTITY, "image": 30}, 404, "there are 30"),
        (handlers.reference_picture, {"dictionary": IDENTITY, "image": -1}, 404, "there are 30"),
        (without.reference_picture, {"dictionary": IDENTITY, "image": 0}, 404, "--no-images"),
    ):
        assert words in sentence(ask(endpoint, **arguments), status)
