"""Every explained run of the demo says what its case states."""

from __future__ import annotations

import pytest

from tb_visualscratchpad.exporter.demo.cases import CASES, Case
from tb_visualscratchpad.exporter.demo.image_set import labelled_pictures
from tb_visualscratchpad.exporter.demo.world import GROUNDS, OBJECTS
from tb_visualscratchpad.exporter.demo.write import explain_case
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.vlm import Vlm


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_model_says_what_the_case_states(demo_vlm: Vlm, demo_sae: SparseAutoencoder, case: Case) -> None:
    run = explain_case(demo_vlm, demo_sae, case)
    assert run.output_text == case.expected
    assert run.name == case.name
    assert (run.image_tokens.width, run.image_tokens.height) == (case.width, case.height)
    assert run.truncated == (case.max_new_tokens < 20)


def test_cases_show_different_things() -> None:
    assert len(CASES) >= 8
    assert len({case.name for case in CASES}) == len({(case.question.kind, case.scene, case.max_new_tokens) for case in CASES}) == len(CASES)
    assert {case.question.kind for case in CASES} >= {"describe", "list", "place", "what", "count", "exist", "doing", "where"}


def test_image_set_shows_every_object_and_ground_alone() -> None:
    shown = [(label, composition.scene) for label, composition in labelled_pictures(n_per_object=1, n_per_ground=1)]
    assert [label for label, _ in shown] == [*OBJECTS, *GROUNDS]
    for label, scene in shown:
        assert [placed.name for placed in scene.objects] == ([label] if label in OBJECTS else [])
        assert label in OBJECTS or scene.ground == label
