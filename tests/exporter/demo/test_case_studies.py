"""The three case studies: the arithmetic and the rules on small things, one picture of each, and their rates on fresh pictures."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from tb_visualscratchpad.exporter.demo.case_studies.__main__ import sentence_on_seen, table
from tb_visualscratchpad.exporter.demo.case_studies.choice import carriers, carriers_of_word, cluster_of_word
from tb_visualscratchpad.exporter.demo.case_studies.failures import CaseKind, Failure, failures, first_difference
from tb_visualscratchpad.exporter.demo.case_studies.fixed_set import FIXED_SET, HIDDEN, MISLED, UNUSED, name_of
from tb_visualscratchpad.exporter.demo.case_studies.logged import clusters_of, evidence_of
from tb_visualscratchpad.exporter.demo.case_studies.mending import (
    ABLATE_CARRIERS,
    ABLATE_CLUSTER,
    ASK_TO_DESCRIBE,
    Mending,
    mend,
    place_in_description,
    rewordings,
    run_about,
    without,
)
from tb_visualscratchpad.exporter.demo.case_studies.rates import Rate, rate_of
from tb_visualscratchpad.exporter.demo.case_studies.studies import FIRST_SEED, MeansRate, Study, rates_of, study
from tb_visualscratchpad.exporter.demo.questions import LIST
from tb_visualscratchpad.exporter.demo.truth import LABELS, pictures_to_learn_from
from tb_visualscratchpad.exporter.sae import SparseAutoencoder
from tb_visualscratchpad.exporter.truth.latent_owners import learn_owners
from tb_visualscratchpad.exporter.vlm import Vlm
from tb_visualscratchpad.views import compute_latent_order, latent_means
from tb_visualscratchpad.wire.evidence import Span, VlmRun
from tb_visualscratchpad.wire.steering_evidence import SteeringResult
from tests.random_evidence import random_vlm_run
from tests.random_steering_evidence import random_word_contributions

FRESH_SEED = 800_000
"""Far from the pictures of the demo's log, of the documents, and of those that the rules were chosen on."""
N_FRESH = 30
LEAST_MENDED, MOST_BY_CONTROLS = 0.50, 0.15
MAIN_MEANS = {CaseKind.UNUSED: ASK_TO_DESCRIBE, CaseKind.MISLED: ABLATE_CLUSTER, CaseKind.HIDDEN: ABLATE_CARRIERS}


@pytest.mark.parametrize(("hits", "n"), [(0, 30), (1, 30), (17, 30), (30, 30), (1, 1), (2.4, 12)])
def test_the_interval_is_where_the_score_test_stops_rejecting(hits: float, n: int) -> None:
    low, high = Rate(hits, n).interval
    assert 0 <= low <= hits / n <= high <= 1
    for end in (low, high):
        if 1e-12 < end < 1 - 1e-12:
            z = (hits / n - end) / np.sqrt(end * (1 - end) / n)
            assert 2 * stats.norm.sf(abs(z)) == pytest.approx(0.05)
    assert (low == pytest.approx(0)) == (hits == 0) and (high == pytest.approx(1)) == (hits == n)


def test_impossible_rates_are_refused() -> None:
    for hits, n in ((0, 0), (-1, 3), (4, 3)):
        with pytest.raises(ValueError):
            Rate(hits, n)
    with pytest.raises(ValueError):
        rate_of([[], []])


def test_the_controls_of_a_picture_count_as_one_observation() -> None:
    assert rate_of([[True, False], [True, True, True], [], [False]]) == Rate(1.5, 3)


def test_rates_over_failures() -> None:
    tried = [
        (Mending("a", True, (True, False), 0.5), Mending("b", False, ())),
        (Mending("a", False, (False, False)), Mending("b", False, ())),
        (Mending("a", True, (False, False), 0.9), Mending("b", True, ())),
    ]
    first, second = rates_of(tried)
    assert (first.mended, first.controls, first.n_controls, first.turning_dose) == (Rate(2, 3), Rate(0.5, 3), 6, pytest.approx(0.7))
    assert (second.mended, second.controls, second.turning_dose) == (Rate(1, 3), None, None)


def test_the_table_has_a_row_for_each_means() -> None:
    rates = (MeansRate("x", Rate(3, 4), Rate(0, 4), 20, 0.4), MeansRate("y", Rate(1, 4), None, 0, None))
    rows = table([Study(CaseKind.HIDDEN, 9, FIXED_SET[:4], rates)]).splitlines()
    assert rows[2] == "| dominant concept | 4 of 9 | x | 75% (30% to 95%) | 0% (0% to 49%) | 0.4 |"
    assert rows[3].endswith("| y | 25% (5% to 70%) | none |  |")


def test_a_place_is_read_from_a_description() -> None:
    text = "a key and a hat at sea . the key is at the top left . the hat is at the middle ."
    assert place_in_description(text, "key") == "at the top left ." and place_in_description(text, "hat") == "at the middle ."
    assert place_in_description(text, "cup") == ""


def test_first_difference_counts_words() -> None:
    assert first_difference("at the left .", "at the right .") == 2
    assert first_difference("at the left .", "at the left") == 3


def test_rewordings_are_different_and_ask_nothing_but_the_place() -> None:
    asked = rewordings("rose")
    assert len(set(asked)) == 5
    for question in asked:
        assert "where is the rose" in question and "describe" not in question and "what" not in question


def test_carriers_are_the_first_that_speak_for_the_word() -> None:
    found = random_word_contributions(3)
    chosen = carriers(found, 4)
    plus = [int(latent) for latent, nats in zip(found.latent_N, found.contribution_N, strict=True) if nats > 0]
    assert chosen == plus[:4]
    assert carriers(found, 10_000) == plus


def test_the_cluster_of_a_word_weighs_most_on_it() -> None:
    run = random_vlm_run(5, n_output=6, n_firing=8)
    run = replace(run, order=compute_latent_order(run))
    means = latent_means(run)
    for word, token in enumerate(run.tokens.indices(Span.OUTPUT).tolist()):
        weight = {int(latent): float(means.weighted_FT[place, means.column_of(token)]) for place, latent in enumerate(means.latent_F)}
        clusters = clusters_of(run)
        specific = [cluster for cluster in clusters if token in cluster.word_indices] or clusters
        heaviest = max(sum(weight[int(latent)] for latent in cluster.latent_c) for cluster in specific)
        assert sum(weight[latent] for latent in cluster_of_word(run, word)) == pytest.approx(heaviest, rel=1e-5)


def test_the_fixed_set_has_three_pictures_a_case() -> None:
    assert [len(of) for of in (UNUSED, MISLED, HIDDEN)] == [3, 3, 3]
    assert len({failure.seed for failure in FIXED_SET if failure.kind is not CaseKind.MISLED}) == 6
    assert all(failure.said != failure.right for failure in FIXED_SET)


def test_one_picture_of_each_case_is_mended_and_not_by_its_controls(demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> None:
    unused, misled, hidden = UNUSED[0], MISLED[0], HIDDEN[0]
    (described,) = mend(demo_vlm, demo_sae, unused)
    assert described.mended and not any(described.by_controls) and len(described.by_controls) == 5
    asked = misled.asked(demo_vlm, demo_sae)
    without_ground = without(asked, misled, ABLATE_CLUSTER, cluster_of_word(run_about(asked), misled.word))
    assert without_ground.mended and not any(without_ground.by_controls) and len(without_ground.by_controls) == 5
    asked = hidden.asked(demo_vlm, demo_sae)
    without_car = without(asked, hidden, ABLATE_CARRIERS, carriers_of_word(asked, hidden.word), (1.0, 0.5, 0.0))
    assert without_car.mended and not any(without_car.by_controls) and without_car.turns_at in (0.5, 0.0)


def test_a_search_finds_what_it_looks_for(demo_vlm: Vlm, demo_sae: SparseAutoencoder) -> None:
    seed, found = next(failures(demo_vlm, demo_sae, CaseKind.UNUSED, UNUSED[0].seed))
    assert (seed, found) == (UNUSED[0].seed, UNUSED[0])


@pytest.mark.full
@pytest.mark.parametrize("failure", MISLED + HIDDEN, ids=name_of)
def test_what_is_logged_of_a_failure_mends_it(demo_vlm: Vlm, demo_sae: SparseAutoencoder, failure: Failure) -> None:
    asked = failure.asked(demo_vlm, demo_sae)
    run = run_about(asked)
    other = run_about(failure.asked(demo_vlm, demo_sae, LIST)) if failure.kind is CaseKind.HIDDEN else None
    evidence = list(evidence_of(asked, run, failure, None, other))
    results = [item for item in evidence if isinstance(item, SteeringResult)]
    assert results[-1] is evidence[-1] and results[-1].answers[-1].output_text == failure.right
    assert all(result.original_run_id == run.run_id and result.differs_from_logged == "" for result in results)
    assert {item.run_id for item in evidence if isinstance(item, VlmRun)} == {result.steered_run_id for result in results}


def stated_rates(repository: Path) -> dict[tuple[str, str], tuple[Rate, Rate]]:
    """Case and means -> what docs/cases.md states, mended and by controls."""
    text = (repository / "docs" / "cases.md").read_text(encoding="utf-8")
    found = {}
    for case, n, means, mended, controls in re.findall(r"^\| ([a-z ]+) \| (\d+) of \d+ \| ([^|]+) \| (\d+)% \([^)]*\) \| (\d+)% ", text, re.MULTILINE):
        found[case, means] = (Rate(int(n) * int(mended) / 100, int(n)), Rate(int(n) * int(controls) / 100, int(n)))
    return found


def overlap(one: Rate, other: Rate) -> bool:
    return one.interval[0] <= other.interval[1] and other.interval[0] <= one.interval[1]


@pytest.mark.full
@pytest.mark.parametrize("kind", list(CaseKind), ids=lambda kind: kind.name.lower())
def test_rates_on_fresh_pictures(demo_vlm: Vlm, demo_sae: SparseAutoencoder, repository: Path, kind: CaseKind) -> None:
    owners = learn_owners(demo_vlm, demo_sae, pictures_to_learn_from(2, 20_000), LABELS).owners if kind is CaseKind.UNUSED else None
    found = study(demo_vlm, demo_sae, kind, owners=owners, n_pictures=N_FRESH, first_seed=FRESH_SEED)
    print(table([found]))
    assert len({failure.seed for failure in found.found}) == N_FRESH
    assert not {failure.seed for failure in found.found} & {failure.seed for failure in FIXED_SET}
    stated = stated_rates(repository)
    for rate in found.rates:
        if rate.means == MAIN_MEANS[kind]:
            assert rate.n_controls == 5 * N_FRESH
            assert rate.mended.share >= LEAST_MENDED and rate.controls.share <= MOST_BY_CONTROLS
        mended, controls = stated[kind.value, rate.means]
        assert overlap(rate.mended, mended) and overlap(rate.controls, controls), rate
    if owners is not None:
        print(sentence_on_seen(found))
        assert len(found.seen) >= 0.9 * N_FRESH
        assert np.median([one.rank_at_wrong_word for one in found.seen]) <= 10
        assert np.median([one.rank_at_wrong_word for one in found.seen]) < np.median([one.rank_in_picture for one in found.seen])
        assert np.median([one.attention_at_wrong_word for one in found.seen]) > 2


def test_documents_are_about_pictures_of_their_own() -> None:
    assert FIRST_SEED + 10_000 < min(failure.seed for failure in UNUSED + HIDDEN) and FRESH_SEED > FIRST_SEED + 10_000
