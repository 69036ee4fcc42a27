"""An answer is told token by token, whole characters at a time, and can be called off at any token."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tb_visualscratchpad.exporter import explain
from tb_visualscratchpad.exporter.answer_stream import AnswerStream
from tb_visualscratchpad.exporter.hooks import count_hooks
from tb_visualscratchpad.exporter.job_progress import Cancelled, NoProgress
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.evidence import Span


class Heard(NoProgress):
    """Keeps what it is told; calls the work off when asked for the ``stop_at``-th time."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.told: list[tuple[str, str]] = []
        self._left = stop_at

    def token(self, condition: str, text: str) -> None:
        self.told.append((condition, text))

    def check(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                raise Cancelled


@pytest.fixture
def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8))


def test_all_tokens_are_told_in_order(llava_next: Vlm, tiny_sae: SparseAutoencoder, picture: Image.Image) -> None:
    heard = Heard()
    run = explain(llava_next, tiny_sae, picture, "w1 ?", max_new_tokens=6, progress=heard)
    assert "".join(text for _, text in heard.told).strip(" ") == run.output_text
    assert len(heard.told) == len(run.tokens.indices(Span.OUTPUT)) == 6
    assert {condition for condition, _ in heard.told} == {"original"}


@pytest.mark.parametrize("stop_at", [1, 3])
def test_it_ends_at_the_token_where_it_is_called_off(
    llava_next: Vlm, tiny_sae: SparseAutoencoder, picture: Image.Image, stop_at: int
) -> None:
    hooks, heard = count_hooks(llava_next.model), Heard(stop_at)
    with pytest.raises(Cancelled):
        explain(llava_next, tiny_sae, picture, "w1 ?", max_new_tokens=50, progress=heard)
    assert len(heard.told) == stop_at - 1
    assert count_hooks(llava_next.model) == hooks


class Bytes:
    """A tokenizer whose tokens are bytes of UTF-8."""

    def decode(self, ids: list[int], skip_special_tokens: bool) -> str:
        return bytes(ids).decode("utf-8", "replace")


def test_a_character_of_several_tokens_is_told_once() -> None:
    heard = Heard()
    stream = AnswerStream(Bytes(), heard, "steered")
    for byte in "aß🐈b".encode():
        stream.push(byte)
    assert heard.told == [("steered", text) for text in "aß🐈b"]
