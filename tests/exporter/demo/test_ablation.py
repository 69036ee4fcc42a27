"""What a word rests on, put to the test: without its cluster the model no longer says it, and still says the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.demo.compose import Composition, compose, random_scene
from tb_visualscratchpad.exporter.demo.questions import LIST
from tb_visualscratchpad.exporter.demo.world import OBJECTS
from tb_visualscratchpad.exporter.explain import record_answer, run_of
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.steered_answers import steer
from tb_visualscratchpad.exporter.steering import LatentIntervention, SteeringSpec
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.views import GroupKind, cluster_columns, latent_means
from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tb_visualscratchpad.wire.steering_evidence import Condition

FIRST_SEED = 940_000
MAX_NEW_TOKENS = 24


def two_objects(seed: int) -> Composition:
    """A picture of two different objects on any ground."""
    names = np.random.default_rng([seed, 5]).choice(OBJECTS, size=2, replace=False)
    return compose(random_scene(seed, objects=(str(names[0]), str(names[1]))), seed)


def cluster_of_word(run: VlmRun, word: str) -> list[int]:
    """The latents of the cluster that weighs most on a word among those specific to it; empty when there is none."""
    token = next(token.index for token in run.tokens if token.span is Span.OUTPUT and token.text == word)
    clustered = cluster_columns(latent_means(run), run.order)
    row = int(np.flatnonzero(clustered.matrix.token_T == token)[0])
    specific = [cluster for cluster in clustered.clusters if cluster.kind is GroupKind.CLUSTER and token in cluster.word_indices]
    if not specific:
        return []
    best = max(specific, key=lambda cluster: cluster.weight_T[row])
    return clustered.matrix.latent_C[best.start : best.start + best.count].tolist()


@dataclass
class Counts:
    """Of how many ablations and controls, how many did what."""

    ablations: int = 0
    gone: int = 0
    others: int = 0
    others_stay: int = 0
    controls: int = 0
    gone_under_control: int = 0
    worst_norm: float = 0.0

    def take(self, vlm: Vlm, sae: SparseAutoencoder, composition: Composition) -> None:
        """Ablates the cluster of the object that the model names first."""
        asked = AskedPicture(vlm, sae, composition.picture, LIST)
        run = run_of(asked, record_answer(asked, None, MAX_NEW_TOKENS), keep_picture=False)
        objects = {placed.name for placed in composition.scene.objects}
        named = [word for word in run.output_text.split() if word in objects]
        if not named:
            return
        word = named[0]
        others = [other for other in named if other != word]
        self.ablations += 1
        self.others += len(others)
        latents = cluster_of_word(run, word)
        if not latents:
            self.others_stay += len(others)
            return
        spec = SteeringSpec(tuple(LatentIntervention(latent, "SCALE", 0.0) for latent in latents))
        result, _ = steer(asked, spec, max_new_tokens=MAX_NEW_TOKENS, logged=run, keep_picture=False)
        assert result.differs_from_logged == ""
        steered = result.answers[-1]
        self.gone += word not in steered.output_text.split()
        self.others_stay += sum(other in steered.output_text.split() for other in others)
        for control in (answer for answer in result.answers if answer.condition is Condition.CONTROL):
            self.controls += 1
            self.gone_under_control += word not in control.output_text.split()
            self.worst_norm = max(self.worst_norm, abs(control.change_norm / steered.change_norm - 1))


@pytest.mark.full
def test_a_cluster_carries_its_word_and_no_other(demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> None:
    counts = Counts()
    for seed in range(FIRST_SEED, FIRST_SEED + 60):
        counts.take(demo_vlm, demo_sae, two_objects(seed))
    print(counts)
    assert counts.ablations >= 58 and counts.others >= 50 and counts.controls >= 250
    assert counts.gone >= 0.90 * counts.ablations
    assert counts.others_stay >= 0.85 * counts.others
    assert counts.gone_under_control <= 0.20 * counts.controls
    assert counts.worst_norm <= 0.101


def test_on_a_few_pictures(demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> None:
    counts = Counts()
    for seed in range(FIRST_SEED + 100, FIRST_SEED + 103):
        counts.take(demo_vlm, demo_sae, two_objects(seed))
    assert counts.gone >= 2 and counts.others_stay >= 2 and counts.gone_under_control < counts.controls / 2
