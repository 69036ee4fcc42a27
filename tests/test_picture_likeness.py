"""Pictures that are the same by their pixels: compressed anew or smaller they are, with a part erased they are not."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tb_visualscratchpad.event_store import EventStore
from tb_visualscratchpad.exporter.event_log import ScratchpadWriter
from tb_visualscratchpad.picture_likeness import LoggedPicture, PictureSignatures, are_alike, signature_of
from tb_visualscratchpad.wire.errors import EvidenceNotFound, UnreadableEvidence
from tb_visualscratchpad.wire.evidence import EncodedPicture
from tests.data_providers import PROVIDERS, reading
from tests.random_evidence import random_vlm_run


def drawn(seed: int, side: int = 320) -> Image.Image:
    """Smooth shapes on a ground, as pictures have."""
    small = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((side * 4 // 3, side), Image.Resampling.BICUBIC)


def logged(image: Image.Image, kind: str = "JPEG", quality: int = 90, size: tuple[int, int] | None = None) -> LoggedPicture:
    stream = io.BytesIO()
    image.save(stream, kind, **({"quality": quality} if kind == "JPEG" else {}))
    return LoggedPicture(EncodedPicture(stream.getvalue(), f"image/{kind.lower()}", *image.size), size or image.size)


@pytest.mark.parametrize("seed", range(5))
def test_compressed_anew_or_smaller_it_is_the_same(seed: int) -> None:
    image = drawn(seed)
    one = signature_of(logged(image))
    again = Image.open(io.BytesIO(logged(image).picture.data))
    smaller = image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)
    for other in (logged(image), logged(image, "PNG"), logged(again), logged(smaller, quality=85, size=image.size)):
        assert are_alike(one, signature_of(other))


@pytest.mark.parametrize("seed", range(5))
def test_another_or_a_changed_picture_is_not(seed: int) -> None:
    image = drawn(seed)
    one = signature_of(logged(image))
    assert not are_alike(one, signature_of(logged(drawn(seed + 50))))
    erased = image.copy()
    x, y = (int(at) for at in np.random.default_rng(seed).integers(0, 250, 2))
    erased.paste((128, 128, 128) if image.getpixel((x, y))[0] < 90 or image.getpixel((x, y))[0] > 166 else (255, 0, 0), (x, y, x + 40, y + 40))
    assert not are_alike(one, signature_of(logged(erased)))
    assert not are_alike(one, signature_of(logged(image, size=(image.width * 2, image.height * 2)))), "the original was another one"


def test_every_picture_is_read_once_and_in_time() -> None:
    pictures = {"a": logged(drawn(1)), "b": logged(drawn(1)), "c": logged(drawn(2)), "none": None}
    asked: list[str] = []

    def read(experiment: str, run: str, run_id: str) -> LoggedPicture | None:
        asked.append(run_id)
        if run_id == "gone":
            raise EvidenceNotFound("It is gone.")
        if run_id == "damaged":
            raise UnreadableEvidence("It is damaged.")
        return pictures[run_id]

    signatures = PictureSignatures(read)
    others = [("run", name, 0.0) for name in ("b", "c", "none", "gone", "damaged")]
    assert signatures.alike("", ("run", "a", 0.0), others, seconds=-1) == ([], 5), "no time for any that is not known"
    assert signatures.alike("", ("run", "a", 0.0), others, seconds=60) == ([("run", "b")], 0)
    assert signatures.alike("", ("run", "none", 0.0), others, seconds=60) == ([], 0), "no picture is like nothing"
    assert sorted(asked) == sorted(["a", "b", "c", "none", "gone", "damaged"])


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("with_sidecar", [True, False])
def test_the_store_reads_pictures(provider: str, with_sidecar: bool, tmp_path: Path) -> None:
    runs = [random_vlm_run(1), random_vlm_run(2, picture=False)]
    with ScratchpadWriter(tmp_path / "a") as writer:
        for run in runs:
            writer.add_vlm_run(run)
    if not with_sidecar:
        for path in (tmp_path / "a" / "plugins" / "visualscratchpad").glob("*.safetensors"):
            path.unlink()
    with reading(provider, tmp_path) as reader:
        store = EventStore(reader.context)
        found = store.picture("", "a", runs[0].run_id)
        assert found is not None and found.picture == runs[0].picture
        assert found.size == (runs[0].image_tokens.width, runs[0].image_tokens.height)
        assert store.picture("", "a", runs[1].run_id) is None
        with pytest.raises(EvidenceNotFound, match="'nobody' is not in 'a'"):
            store.picture("", "a", "nobody")


def test_what_is_no_picture_is_told() -> None:
    with pytest.raises(UnreadableEvidence, match="cannot be read"):
        signature_of(LoggedPicture(EncodedPicture(b"no picture", "image/png", 1, 1), (1, 1)))
