"""What a bundle is worth: how it answers fresh pictures, what its dictionary rebuilds, and whether latents are what words rest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.demo.compose import Composition, compose, random_scene
from tb_visualscratchpad.exporter.demo.questions import DESCRIBE, WHAT
from tb_visualscratchpad.exporter.demo.training.drawn_views import EVALUATION
from tb_visualscratchpad.exporter.demo.training.figures import AliveFigure, Figure, ShareFigure
from tb_visualscratchpad.exporter.demo.training.scene_batch import draw_scenes, seeded_generator
from tb_visualscratchpad.exporter.demo.training.training_world import TrainingWorld
from tb_visualscratchpad.exporter.demo.truth import LABELS, labelled
from tb_visualscratchpad.exporter.explain import record_answer, run_of
from tb_visualscratchpad.exporter.packed_features import packed_features
from tb_visualscratchpad.exporter.prepared_images import PreparedImage
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.steered_answers import variant_of
from tb_visualscratchpad.exporter.steering import LatentIntervention, SteeringSpec
from tb_visualscratchpad.exporter.truth.latent_owners import LatentOwners, learn_owners
from tb_visualscratchpad.exporter.variants import answer_variants
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.views import rank_latents
from tb_visualscratchpad.wire.evidence import Span, VlmRun

MAX_NEW_TOKENS = 64
N_BEST = 5
LEARNT_FROM = 1_000_000
"""Seeds of the pictures that tell whose latent is whose, above all others."""


def fresh_pictures(world: TrainingWorld, seed: int, n: int) -> list[Composition]:
    """Pictures that no stage of a training with any seed was shown, by ``compose`` itself."""
    scenes = draw_scenes(world, n, seeded_generator(torch.device("cpu"), seed, EVALUATION)).to_scenes()
    return [compose(scene, 10**7 * (seed + 1) + number, world.side, world.side) for number, scene in enumerate(scenes)]


def pictures_of_one_object(world: TrainingWorld, n_per_object: int) -> Iterator[Composition]:
    """Each object alone ``n_per_object`` times, the grounds in turn."""
    for number in range(n_per_object * len(world.objects)):
        name = world.objects[number % len(world.objects)]
        ground = world.grounds[(number // len(world.objects) + number) % len(world.grounds)]
        yield compose(random_scene(LEARNT_FROM + number, ground=ground, objects=(name,)), LEARNT_FROM + number, world.side, world.side)


def reconstruction_figures(vlm: Vlm, sae: SparseAutoencoder, compositions: Sequence[Composition]) -> dict[str, Figure]:
    """How much of the features' variance, around their mean over all pictures, stays unexplained, and which latents fire at all."""
    hook = sae.hook or vlm.default_hook
    residual, sums, squares, counts, fires = [], [], [], [], []
    for composition in compositions:
        prepared = vlm.prepare_picture(composition.picture)
        image = PreparedImage(0, b"", prepared.pixel_values, prepared.image_tokens, None)
        x_Pd = packed_features(vlm, hook, [image], 80).float()
        z_PK = sae.encode_sparse(x_Pd)
        residual.append(float((sae.decode_sparse(z_PK, x_Pd) - x_Pd).double().pow(2).sum()))
        sums.append(x_Pd.double().sum(dim=0).cpu().numpy())
        squares.append(float(x_Pd.double().pow(2).sum()))
        counts.append(len(x_Pd))
        fires.append(np.asarray(z_PK.getnnz(axis=0) > 0))
    sum_Nd, n_N = np.stack(sums), np.array(counts, dtype=float)
    mean_d = sum_Nd.sum(axis=0) / n_N.sum()
    total_N = np.array(squares) - 2 * sum_Nd @ mean_d + n_N * (mean_d @ mean_d)
    return {
        "FVU": ShareFigure(np.array(residual), total_N, higher_is_better=False),
        "latents alive": AliveFigure(np.stack(fires)),
    }


@dataclass
class _Tally:
    """Counts over pictures, of one thing and of all that could have been."""

    amount_N: np.ndarray
    of_N: np.ndarray

    @classmethod
    def over(cls, n: int) -> _Tally:
        return cls(np.zeros(n), np.zeros(n))

    def count(self, number: int, happened: bool) -> None:
        self.amount_N[number] += happened
        self.of_N[number] += 1

    def figure(self) -> ShareFigure:
        return ShareFigure(self.amount_N, self.of_N)


def word_figures(vlm: Vlm, sae: SparseAutoencoder, world: TrainingWorld, compositions: Sequence[Composition], owners: LatentOwners) -> dict[str, Figure]:
    """What answers rest on, for one question a picture: *describe*, or *what is this* in a world where that is not asked.

    - answers kept: the same with the reconstruction in place.
    - own latent: for a word that names an object, a latent of that object is among the five best by attention-weighted mean.
    - object removed: without all latents of an object, its name is gone; others kept: every other name is still there.
    """
    prompt = DESCRIBE if "describe" in world.question_weights else WHAT
    kept, own, removed, others = (_Tally.over(len(compositions)) for _ in range(4))
    for number, composition in enumerate(compositions):
        asked = AskedPicture(vlm, sae, composition.picture, prompt)
        recorded = record_answer(asked, None, MAX_NEW_TOKENS)
        run = run_of(asked, recorded, keep_picture=False)
        named = list(dict.fromkeys(word for word in run.output_text.split() if word in {placed.name for placed in composition.scene.objects}))
        specs = {name: _without(owners.latents_of(name)) for name in named}
        variants = [variant_of("reconstruction", asked.edit(SteeringSpec(error="dropped")))]
        variants += [variant_of(name, asked.edit(spec)) for name, spec in specs.items()]
        answers = [varied.answer for varied in answer_variants(asked, variants, MAX_NEW_TOKENS)]
        kept.count(number, answers[0].token_ids == recorded.answer.token_ids)
        for name, answer in zip(named, answers[1:], strict=True):
            words = answer.text.split()
            removed.count(number, name not in words)
            for other in named:
                if other != name:
                    others.count(number, other in words)
        for name, best in _best_latents(run, set(named)):
            own.count(number, bool(best & owners.latents_of(name)))
    return {
        "answers kept under the reconstruction": kept.figure(), "own latent among the five best by C": own.figure(),
        "object removed by its latents": removed.figure(), "other objects kept": others.figure(),
    }


def _without(latents: frozenset[int]) -> SteeringSpec:
    return SteeringSpec(tuple(LatentIntervention(latent, "SCALE", 0.0) for latent in sorted(latents)))


def _best_latents(run: VlmRun, names: set[str]) -> Iterator[tuple[str, set[int]]]:
    """Every word that is one of ``names``, with its best latents."""
    for token in run.tokens:
        if token.span is Span.OUTPUT and token.text.strip() in names:
            yield token.text.strip(), {row.latent for row in rank_latents(run, token.index, by="weighted", limit=N_BEST).rows}


def dictionary_figures(
    vlm: Vlm, sae: SparseAutoencoder, world: TrainingWorld, compositions: Sequence[Composition], n_explained: int, n_per_object: int
) -> dict[str, Figure]:
    """Everything that depends on the dictionary, the costly part on the first ``n_explained`` pictures."""
    alone = (labelled(composition, str(number)) for number, composition in enumerate(pictures_of_one_object(world, n_per_object)))
    owners = learn_owners(vlm, sae, alone, LABELS).owners
    return {
        **reconstruction_figures(vlm, sae, compositions),
        **word_figures(vlm, sae, world, compositions[:n_explained], owners),
    }
