"""What Emoji World knows, against what the evidence says: whose latents a word ranks first, and where it looks."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from tb_visualscratchpad.exporter.asked_picture import AskedPicture
from tb_visualscratchpad.exporter.demo.compose import compose, random_scene
from tb_visualscratchpad.exporter.demo.truth import (
    LABELS,
    emoji_world,
    labelled,
    pictures_to_learn_from,
    scene_described,
)
from tb_visualscratchpad.exporter.explain import record_answer, run_of
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.truth.check import check_truth
from tb_visualscratchpad.exporter.truth.labelled_pictures import TruthItem, TruthSet
from tb_visualscratchpad.exporter.truth.latent_owners import LatentOwners, learn_owners
from tb_visualscratchpad.exporter.truth.named_words import named_words
from tb_visualscratchpad.exporter.truth.patch_labels import coverage_P, label_of_patches
from tb_visualscratchpad.exporter.truth.reading_measures import measure_readings
from tb_visualscratchpad.exporter.truth.tally import Tally
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.truth_evidence import TruthReport

ASKED_FROM = 9_000


def value(report: TruthReport, measure: str, setting: str | None = None) -> float:
    figure = report.figure(measure, setting)
    assert figure is not None and figure.value is not None, f"{measure} {setting} was not measured"
    return figure.value


@pytest.mark.full
def test_the_whole_check_finds_what_is_known(demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> None:
    report = check_truth(demo_vlm, demo_sae, emoji_world(), progress=False)
    assert report.n_words >= 150 and report.n_pictures == 60 and report.n_learned == 440
    assert value(report, "ranking.hit5") >= 0.90
    assert value(report, "ranking.hit5") - value(report, "ranking.hit5", "B") >= 0.50
    assert value(report, "ranking.hit1", "C, frequency at most .50") >= 0.70
    assert value(report, "attention.lift", "tiles") > 8
    assert value(report, "attention.pointing") >= 0.80 and value(report, "attention.pointing", "chance") < 0.10
    own_row = report.figure("ranking.hit5", "C, own row")
    assert own_row is not None and own_row.difference_high is not None and own_row.difference_high < 0
    assert value(report, "clusters.purity") > 2 * value(report, "clusters.purity", "chance")
    assert value(report, "ablation.gone") >= 0.85 and value(report, "ablation.kept") >= 0.80
    assert value(report, "ablation.gone", "controls of cut .30") <= 0.20
    assert 0.2 < value(report, "dose.half") < 0.8
    assert value(report, "gradient.spearman") >= 0.60
    assert value(report, "quality.fvu") < 0.03 and value(report, "quality.l0") == pytest.approx(16)
    assert value(report, "quality.answers_kept") >= 0.85 and value(report, "quality.right") >= 0.80
    assert value(report, "quality.owned") > 0.5 and value(report, "quality.monosemanticity") > 0.3


def check_words(vlm: Vlm, sae: SparseAutoencoder, n_scenes: int, least: int) -> None:
    """Words of described scenes rank the latents of their objects first by C, hardly by B, and look at the objects."""
    learned = learn_owners(vlm, sae, pictures_to_learn_from(2), LABELS)
    tally, n_words = Tally(), 0
    for seed in range(ASKED_FROM, ASKED_FROM + n_scenes):
        item = scene_described(seed)
        asked = AskedPicture(vlm, sae, item.shown.picture, item.prompt)
        run = run_of(asked, record_answer(asked, None, 64), keep_picture=False)
        found = named_words(run, item.words)
        n_words += len(found)
        measure_readings(tally, run, item.shown, found, learned)
    weighted, plain, lift = tally.mean("ranking.hit5", "C"), tally.mean("ranking.hit5", "B"), tally.mean("attention.lift", "tiles")
    assert weighted is not None and plain is not None and lift is not None
    print(f"{n_words} words: own latent among five by C {weighted:.3f}, by B {plain:.3f}; attention over area {lift:.1f}")
    assert n_words >= least
    assert weighted >= 0.90
    assert weighted - plain >= 0.50
    assert lift > 8


def test_words_of_a_few_scenes_rank_their_objects_latents_first(demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> None:
    check_words(demo_vlm, demo_sae, 6, least=15)


@pytest.mark.full
def test_a_small_check_measures_everything(demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> None:
    items = emoji_world(2, n_per_object=1).ask
    shown_there = {placed for item in items for placed in item.words}
    learn = [shown for shown in pictures_to_learn_from(1) if shown_there & set(shown.masks)]
    truth = TruthSet("a few", LABELS, learn, len(learn), items)
    report = check_truth(demo_vlm, demo_sae, truth, n_ablated=1, n_gradients=0, progress=False)
    measures = {figure.measure for figure in report.figures}
    assert {name.split(".")[0] for name in measures} == {"attention", "ranking", "clusters", "ablation", "dose", "quality"}
    assert report.n_learned == len(learn) and report.n_labels == 63 and report.n_words > 2


def test_answers_that_name_nothing_known_are_told(demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> None:
    (shown,) = islice(pictures_to_learn_from(1), 1)
    item = TruthItem(shown, "what is in the picture ?", {"hovercraft": next(iter(shown.masks))})
    with pytest.raises(ScratchpadError, match="None of the 1 answers names what is known"):
        check_truth(demo_vlm, demo_sae, TruthSet("it", LABELS, [shown], 1, [item]), progress=False)


def test_learning_counts_what_a_loop_counts(demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> None:
    pictures = list(islice(pictures_to_learn_from(1), 3))
    learned = learn_owners(demo_vlm, demo_sae, pictures, LABELS)
    sums, counts = np.zeros((len(LABELS), demo_sae.n_latents)), np.zeros(len(LABELS))
    for number, shown in enumerate(pictures):
        prepared = demo_vlm.prepare_picture(shown.picture)
        features = demo_vlm.features(prepared.pixel_values, demo_sae.hook)
        x_Pd = features.reshape(-1, features.shape[-1])[prepared.image_tokens.patch_token_P >= 0]
        z_PK = demo_sae.encode(x_Pd).numpy()
        label_P = label_of_patches(shown, LABELS, prepared.image_tokens)[prepared.image_tokens.patch_token_P >= 0]
        for label in np.unique(label_P[label_P >= 0]):
            sums[label] += z_PK[label_P == label].sum(axis=0, dtype=np.float64)
            counts[label] += (label_P == label).sum()
        rebuilt = demo_sae.decode(demo_sae.encode(x_Pd), x_Pd)
        assert learned.residual_I[number] == pytest.approx(float((x_Pd - rebuilt).double().square().sum()), rel=1e-4)
        assert learned.n_active_I[number] == (z_PK > 0).sum() and learned.n_patches_I[number] == z_PK.shape[0]
    assert np.allclose(learned.owners.mean_CK, sums / np.maximum(counts, 1)[:, None], rtol=1e-4, atol=1e-6)
    by_pair = np.asarray(learned.pair_sum_IE.sum(axis=0)).ravel()
    assert np.allclose(by_pair, sums.ravel()[learned.pair_E], rtol=1e-4)


def test_ownership_is_over_half_of_the_summed_label_means() -> None:
    mean_CK = np.zeros((len(LABELS), 4))
    mean_CK[LABELS.index("dog"), 0] = 5.1
    mean_CK[LABELS.index("sea"), 0] = 4.9
    mean_CK[LABELS.index("dog"), 1] = mean_CK[LABELS.index("cat"), 1] = 2.0  # exactly half: nobody's
    mean_CK[LABELS.index("sea"), 2] = 0.3
    owners = LatentOwners(LABELS, mean_CK)
    assert owners.latents_of("dog") == {0} and owners.latents_of("sea") == {2} and owners.latents_of("cat") == frozenset()
    assert owners.owner_K[3] == -1


def test_patches_lie_on_what_covers_them(demo_vlm: Vlm) -> None:
    composition = compose(random_scene(31, ground="sea", objects=("dog",)), 31)
    image_tokens = demo_vlm.prepare_picture(composition.picture).image_tokens
    mask = composition.visible_HW("dog")
    covered = coverage_P(mask, image_tokens)
    for patch in np.linspace(0, image_tokens.n_patches - 1, 40).astype(int):
        x0, y0, x1, y1 = np.round(image_tokens.patch_box_P4[patch]).astype(int)
        assert covered[patch] == pytest.approx(mask[y0:y1, x0:x1].mean())
    label_P = label_of_patches(labelled(composition, "it"), LABELS, image_tokens)
    assert np.array_equal(label_P == LABELS.index("dog"), covered >= 0.5)
    assert np.array_equal(label_P == LABELS.index("sea"), covered <= 0.02)
    assert set(label_P) == {LABELS.index("dog"), LABELS.index("sea"), -1}


def test_pictures_of_the_benchmark_are_all_different() -> None:
    seeds = [emoji_world(4, seed=seed) for seed in (0, 1)]
    pictures = [item.shown.picture.tobytes() for one in seeds for item in one.ask]
    pictures += [shown.picture.tobytes() for shown in islice(pictures_to_learn_from(1), 4)]
    assert len(set(pictures)) == len(pictures)
