"""What a word rests on, put to the test: without its cluster the model no longer says it, and still says the other."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.cluster_sweep import NamedLatents
from tb_visualscratchpad.exporter.demo.truth import LABELS, LISTED_FROM, pair_listed, pictures_to_learn_from
from tb_visualscratchpad.exporter.explain import record_answer, run_of
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.steered_answers import steer
from tb_visualscratchpad.exporter.truth.ablation_measures import clusters_behind, measure_ablation
from tb_visualscratchpad.exporter.truth.labelled_pictures import TruthItem
from tb_visualscratchpad.exporter.truth.latent_owners import Learned, learn_owners
from tb_visualscratchpad.exporter.truth.named_words import named_words
from tb_visualscratchpad.exporter.truth.settings import ABLATED
from tb_visualscratchpad.exporter.truth.tally import Tally
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.steering_evidence import Condition

MAX_NEW_TOKENS = 24


@pytest.fixture(scope="module")
def learned(demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> Learned:
    """Whose latents are whose does not matter here; a few pictures will do."""
    return learn_owners(demo_vlm, demo_sae, islice(pictures_to_learn_from(1), 4), LABELS)


class Ablations:
    """The cluster of the object that the model names first, ablated on one picture after another."""

    def __init__(self, vlm: Vlm, sae: SparseAutoencoder, learned: Learned) -> None:
        self.vlm, self.sae, self.learned = vlm, sae, learned
        self.tally = Tally()
        self.norms: list[float] = []

    def take(self, item: TruthItem, check_norms: bool) -> None:
        asked = AskedPicture(self.vlm, self.sae, item.shown.picture, item.prompt)
        run = run_of(asked, record_answer(asked, None, MAX_NEW_TOKENS), keep_picture=False)
        found = named_words(run, item.words)
        if not found:
            return
        measure_ablation(
            self.tally, asked, run, item.words, found[0], self.learned, picture=item.shown.name, settings=ABLATED[:1],
            max_new_tokens=MAX_NEW_TOKENS,
        )
        (latents,) = clusters_behind(run, found[0], self.learned, ABLATED[:1]).values()
        if check_norms and latents:
            spec = NamedLatents("it", latents).ablation
            result, _ = steer(asked, spec, max_new_tokens=MAX_NEW_TOKENS, logged=run, keep_picture=False)
            assert result.differs_from_logged == ""
            controls = [one for one in result.answers if one.condition is Condition.CONTROL]
            assert len(controls) == 5
            self.norms += [abs(one.change_norm / result.answers[-1].change_norm - 1) for one in controls]

    def share(self, measure: str, setting: str = ABLATED[0][0]) -> float:
        found = self.tally.mean(measure, setting)
        assert found is not None
        return found


@pytest.mark.full
def test_a_cluster_carries_its_word_and_no_other(demo_vlm: Vlm, demo_sae: SparseAutoencoder, learned: Learned) -> None:
    taken = Ablations(demo_vlm, demo_sae, learned)
    for number in range(60):
        taken.take(pair_listed(LISTED_FROM + number), check_norms=number % 3 == 0)
    counts = {(one.measure, one.setting): one.n for one in taken.tally.figures(0)}
    gone, kept, under_control = taken.share("ablation.gone"), taken.share("ablation.kept"), taken.share("ablation.gone", "controls of cut .30")
    print(f"gone {gone:.3f}, others kept {kept:.3f}, gone under a control {under_control:.3f}; {counts}")
    assert counts["ablation.gone", "cut .30"] >= 58 and counts["ablation.kept", "cut .30"] >= 50
    assert counts["ablation.gone", "controls of cut .30"] >= 50  # of five each
    assert gone >= 0.90
    assert kept >= 0.85
    assert under_control <= 0.20
    assert max(taken.norms) <= 0.101


def test_on_a_few_pictures(demo_vlm: Vlm, demo_sae: SparseAutoencoder, learned: Learned) -> None:
    taken = Ablations(demo_vlm, demo_sae, learned)
    for number in range(3):
        taken.take(pair_listed(LISTED_FROM + 100 + number), check_norms=number == 0)
    assert taken.share("ablation.gone") >= 2 / 3 and taken.share("ablation.kept") >= 2 / 3
    assert taken.share("ablation.gone", "controls of cut .30") < 0.5 and max(taken.norms) <= 0.101
    assert np.isfinite(taken.norms).all()
