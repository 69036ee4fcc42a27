"""Pictures asked, judged and asked again on a tiny model: every figure against the pieces that made it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tb_visualscratchpad.exporter import set_ablation
from tb_visualscratchpad.exporter.answer_judging import is_right, normalised, still_right
from tb_visualscratchpad.exporter.explain import explain
from tb_visualscratchpad.exporter.failure_items import AskedItem, read_items, split_in_half
from tb_visualscratchpad.exporter.failure_set import failure_set
from tb_visualscratchpad.exporter.job_progress import Cancelled
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.set_ablation import ablate_over_set
from tb_visualscratchpad.exporter.steering import LatentIntervention, SteeringSpec
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.views import latent_means, weighted_mean
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tb_visualscratchpad.wire.failure_evidence import FailureSet

N_TOKENS = 4


def noise(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (60, 80, 3), dtype=np.uint8))


class Told:
    """A ``JobProgress`` that remembers, and calls the work off at a stage."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.stages: list[tuple[str, int, int]] = []
        self._stop_at = stop_at

    def stage(self, what: str, done: int, total: int) -> None:
        self.stages.append((what, done, total))

    def token(self, condition: str, text: str) -> None:
        raise AssertionError("single answers are not told")

    def check(self) -> None:
        if self._stop_at is not None and self.stages and self.stages[-1][1] == self._stop_at:
            raise Cancelled


@pytest.fixture(scope="module")
def items(llava_next: Vlm, tiny_sae: SparseAutoencoder) -> tuple[AskedItem, ...]:
    """Six pictures, of which the rule finds three right; one more is judged by hand."""
    said = [explain(llava_next, tiny_sae, noise(seed), "w1 w2 ?", max_new_tokens=N_TOKENS).output_text for seed in range(6)]
    return tuple(
        AskedItem(noise(seed), "w1 w2 ?", text.upper() if seed % 2 else "another", wrong=False if seed == 4 else None, name=f"noise {seed}")
        for seed, text in enumerate(said)
    )


@pytest.fixture(scope="module")
def wrong_runs() -> list[VlmRun]:
    return []


@pytest.fixture(scope="module")
def found(llava_next: Vlm, tiny_sae: SparseAutoencoder, items: tuple[AskedItem, ...], wrong_runs: list[VlmRun]) -> FailureSet:
    told = Told()
    made = failure_set(llava_next, tiny_sae, items, max_new_tokens=N_TOKENS, on_wrong=wrong_runs.append, progress=told)
    assert told.stages == [("pictures", n, 6) for n in range(7)]
    return made


def test_items_are_judged_and_half_of_each_kind_is_held_out(found: FailureSet, items: tuple[AskedItem, ...], wrong_runs: list[VlmRun]) -> None:
    assert [item.is_right for item in found.items] == [False, True, False, True, True, True]
    assert [item.is_flagged for item in found.items] == [False] * 4 + [True, False]
    assert (found.name, found.prompts, found.n_given, found.match) == ("w1 w2 ?", ("w1 w2 ?",), 6, "exact")
    assert found.held_out_N[found.wrong_N].sum() == 1 and found.held_out_N[~found.wrong_N].sum() == 2
    assert [item.run_id for item in found.items if item.run_id] == [run.run_id for run in wrong_runs] and len(wrong_runs) == 2
    assert all(run.order is not None and run.output_text == item.output_text for run, item in zip(wrong_runs, (found.items[0], found.items[2]), strict=True))


def test_what_was_used_is_b_and_the_largest_c_of_the_words(found: FailureSet, llava_next: Vlm, tiny_sae: SparseAutoencoder) -> None:
    for number in (0, 5):
        run = explain(llava_next, tiny_sae, noise(number), "w1 w2 ?", max_new_tokens=N_TOKENS)
        words = run.tokens.indices(Span.OUTPUT)
        largest = np.max([weighted_mean(run, int(index)) for index in words], axis=0)
        np.testing.assert_allclose(found.used_NK("weighted").toarray()[number], largest, rtol=1e-4, atol=1e-7)
        means = latent_means(run)
        used = found.used_NK("plain")[number]
        np.testing.assert_array_equal(used.indices, means.latent_F)
        np.testing.assert_allclose(used.data, means.plain_F, rtol=1e-6)


def test_the_pictures_are_the_very_pixels(found: FailureSet) -> None:
    import io

    for number in range(6):
        with Image.open(io.BytesIO(found.pictures[number].data)) as picture:
            np.testing.assert_array_equal(np.asarray(picture), np.asarray(noise(number)))
        assert (found.thumbnails[number].mime, found.thumbnails[number].width) == ("image/jpeg", 80)


@pytest.fixture(scope="module")
def strongest(found: FailureSet) -> list[int]:
    """Latents that fire most on the first picture."""
    used = found.used_NK("plain").toarray()[0]
    return sorted(np.argsort(-used)[:6].tolist())


def test_an_ablation_is_what_each_picture_says_without_them(
    found: FailureSet, strongest: list[int], llava_next: Vlm, tiny_sae: SparseAutoencoder
) -> None:
    told = Told()
    ablation = ablate_over_set(llava_next, tiny_sae, found, strongest, chosen_on="half", n_controls=2, progress=told)
    assert told.stages == [("pictures", n, 6) for n in range(7)]
    assert ablation.latents.tolist() == strongest and ablation.set_id == found.set_id and ablation.differs_from_logged == ""
    assert [control.seed for control in ablation.controls] == [0, 1]
    spec = SteeringSpec(tuple(LatentIntervention(latent, "SCALE", 0.0) for latent in strongest))
    for number, item in enumerate(found.items):
        run = explain(llava_next, tiny_sae, noise(number), "w1 w2 ?", spec, N_TOKENS)
        assert ablation.ablated.text_N[number] == run.output_text
        assert ablation.original.text_N[number] == item.output_text and ablation.original.is_right_N[number] == item.is_right
        assert ablation.n_firing_N[number] == (found.used_NK("plain").toarray()[number][strongest] > 0).sum()
        rightly = run.output_text == item.output_text if item.is_flagged else is_right(run.output_text, item.right_answer, "exact")
        assert ablation.ablated.is_right_N[number] == rightly


def test_where_no_latent_fires_nothing_is_asked(llava_next: Vlm, tiny_sae: SparseAutoencoder, monkeypatch: pytest.MonkeyPatch) -> None:
    grey = AskedItem(Image.new("RGB", (80, 60), (90, 90, 90)), "w1 w2 ?", "w1", name="grey")
    found = failure_set(llava_next, tiny_sae, (grey,), max_new_tokens=N_TOKENS)
    latent = int(np.flatnonzero(found.used_NK("plain").toarray()[0] == 0)[0])
    monkeypatch.setattr(set_ablation, "answer_variants", None)
    ablation = ablate_over_set(llava_next, tiny_sae, found, [latent], chosen_on="all", n_controls=1)
    assert ablation.n_firing_N.tolist() == [0] and ablation.chosen_on == "all"
    assert ablation.ablated.text_N == ablation.controls[0].text_N == (found.items[0].output_text,)
    np.testing.assert_array_equal(ablation.ablated.is_right_N, ~found.wrong_N)


def test_it_is_called_off_between_pictures(found: FailureSet, items: tuple[AskedItem, ...], llava_next: Vlm, tiny_sae: SparseAutoencoder) -> None:
    with pytest.raises(Cancelled):
        failure_set(llava_next, tiny_sae, items, max_new_tokens=N_TOKENS, progress=Told(stop_at=2))
    with pytest.raises(Cancelled):
        ablate_over_set(llava_next, tiny_sae, found, [1], chosen_on="all", progress=Told(stop_at=1))


@pytest.mark.parametrize(
    ("change", "latents", "says"),
    [
        (lambda found: found.without_pictures(), [1], "without its pictures"),
        (lambda found: replace(found, dictionary=replace(found.dictionary, dictionary_id="other")), [1], "whose latents are others"),
        (lambda found: found, [10_000], "Latent 10000"),
        (lambda found: found, [], "no latents"),
        (lambda found: found, [3, 3], "twice"),
    ],
)
def test_what_cannot_be_asked_again(
    found: FailureSet, llava_next: Vlm, tiny_sae: SparseAutoencoder, change: Callable[[FailureSet], FailureSet], latents: list[int], says: str
) -> None:
    with pytest.raises(ScratchpadError, match=says):
        ablate_over_set(llava_next, tiny_sae, change(found), latents, chosen_on="all")


def test_no_items_and_an_unknown_rule(llava_next: Vlm, tiny_sae: SparseAutoencoder, items: tuple[AskedItem, ...]) -> None:
    with pytest.raises(ScratchpadError, match="nothing to ask"):
        failure_set(llava_next, tiny_sae, ())
    with pytest.raises(ScratchpadError, match="exact, contains"):
        failure_set(llava_next, tiny_sae, items, match="near")
    with pytest.raises(ScratchpadError, match="max_new_tokens is 0"):
        failure_set(llava_next, tiny_sae, items, max_new_tokens=0)


@pytest.mark.parametrize(
    ("answer", "right", "exact", "contains"),
    [
        ("A  Duck .", "a duck", True, True),
        ("it is a duck", "A duck.", False, True),
        ("a caterpillar", "cat", False, False),
        ("", "a duck", False, False),
        ("three.5", "three.5.", True, True),
        ("ＤＵＣＫ", "duck", True, True),
        ("c++", "C++", True, True),
    ],
)
def test_answers_are_judged(answer: str, right: str, exact: bool, contains: bool) -> None:
    assert is_right(answer, right, "exact") is exact and is_right(answer, right, "contains") is contains
    assert normalised(normalised(answer)) == normalised(answer)


def test_the_users_word_stands_for_its_own_answer_only() -> None:
    assert still_right("odd", "odd", True, True, "a duck", "exact") and not still_right("odd", "odd", True, False, "a duck", "exact")
    assert still_right("A duck", "odd", False, True, "a duck", "exact")


@pytest.mark.parametrize("groups", [[], ["a"], ["a", "b", "a", "a", "b", "a", "a"]])
def test_each_group_is_split_in_half(groups: list[str]) -> None:
    held = split_in_half(groups)
    assert held == split_in_half(groups) and len(held) == len(groups)
    for group in set(groups):
        own = [one for one, of in zip(held, groups, strict=True) if of == group]
        assert sum(own) == len(own) // 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    noise(0).save(tmp_path / "a.png")
    noise(1).save(tmp_path / "b, c.png")
    return tmp_path


def test_json_lines_and_csv_say_the_same(folder: Path) -> None:
    (folder / "items.jsonl").write_text(
        '{"picture": "a.png", "prompt": "what?", "right": "a duck"}\n\n'
        '{"picture": "b, c.png", "prompt": "what?", "right": "eau, 桜", "wrong": true, "name": "b"}\n',
        encoding="utf-8",
    )
    (folder / "items.csv").write_text(
        'picture,prompt,right,wrong,name\na.png,what?,a duck,,\n"b, c.png",what?,"eau, 桜",Yes,b\n', encoding="utf-8-sig"
    )
    (folder / "items.tsv").write_text("picture\tprompt\tright\twrong\tname\na.png\twhat?\ta duck\t\t\nb, c.png\twhat?\teau, 桜\t1\tb\n", encoding="utf-8")
    one, two, three = (read_items(folder / f"items.{suffix}") for suffix in ("jsonl", "csv", "tsv"))
    assert one == two == three
    assert [(item.label, item.wrong, item.right_answer) for item in one] == [("a.png", None, "a duck"), ("b", True, "eau, 桜")]
    assert one[0].picture == folder / "a.png"


def test_a_text_may_hold_ends_of_lines(folder: Path) -> None:
    prompt = "what\u2028is\u0085it?"
    line = json.dumps({"picture": "a.png", "prompt": prompt, "right": "a duck"}, ensure_ascii=False)
    (folder / "items.jsonl").write_text(line, encoding="utf-8")
    (folder / "items.csv").write_text('picture,prompt,right\na.png,"look.\nwhat?\u2028",a duck\n', encoding="utf-8")
    assert [item.prompt for item in read_items(folder / "items.jsonl")] == [prompt]
    assert [item.prompt for item in read_items(folder / "items.csv")] == ["look.\nwhat?\u2028"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.jsonl", "", "holds no items"),
        ("a.jsonl", "{", "Line 1 of .* is no JSON"),
        ("a.jsonl", "[1]", "is list"),
        ("a.jsonl", '{"picture": "a.png", "prompt": "what?"}', "Line 1 .* has no right answer"),
        ("a.jsonl", '{"picture": "a.png", "prompt": " ", "right": "x"}', "has no prompt"),
        ("a.jsonl", '{"picture": "a.png", "prompt": "p", "right": "."}', "has no right answer"),
        ("a.jsonl", '{"picture": "gone.png", "prompt": "p", "right": "x"}', "gone.png, which does not exist"),
        ("a.jsonl", '{"picture": "a.png", "prompt": "p", "right": "x", "label": 1}', "'label'"),
        ("a.jsonl", '{"picture": "a.png", "prompt": "p", "right": "x", "wrong": "perhaps"}', "'perhaps', expected true or false"),
        ("a.jsonl", '{"picture": "a.png", "prompt": "p", "right": "x", "name": 3}', "the name 3"),
        ("a.csv", "picture,prompt\na.png,what?\n", "Line 2 .* has no right answer"),
        ("a.csv", "picture,prompt,right\na.png,what?,yes,no\n", "more fields"),
        ("a.csv", "picture,prompt,right\n", "holds no items"),
        ("a.csv", f"picture,prompt,right\na.png,{'x' * 200_000},yes\n", "is no CSV after line 1"),
        ("none.jsonl", None, "cannot be read"),
    ],
)
def test_a_file_that_is_wrong_gets_a_sentence(folder: Path, name: str, text: str | None, says: str) -> None:
    if text is not None:
        (folder / name).write_text(text)
    with pytest.raises(ScratchpadError, match=says):
        read_items(folder / name)
