"""What tells wrong answers from right ones, and what taking it away mends, against plain loops over the items."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tb_visualscratchpad.views.ablation_counts import Fate, count_fates, wilson
from tb_visualscratchpad.views.telling_latents import MIN_ITEMS, latents_that_tell_apart
from tb_visualscratchpad.wire.errors import ScratchpadError
from tb_visualscratchpad.wire.failure_evidence import FailureSet
from tests.random_failure_evidence import random_failure_set, random_set_ablation


def _judged(found: FailureSet, is_right: bool) -> FailureSet:
    return replace(found, items=tuple(replace(item, is_right=is_right) for item in found.items))


@pytest.mark.parametrize("by", ["weighted", "plain"])
@pytest.mark.parametrize("part", ["all", "half"])
@pytest.mark.parametrize("prompt", [None, "what is 1 ?"])
def test_every_latent_is_what_its_own_items_say(by: str, part: str, prompt: str | None) -> None:
    found = random_failure_set(3, n_items=60, n_prompts=3)
    telling = latents_that_tell_apart(found, by=by, part=part, prompt=prompt)
    items = [
        number
        for number, item in enumerate(found.items)
        if (part == "all" or not item.is_held_out) and (prompt is None or item.prompt == prompt)
    ]
    assert telling.item_N.tolist() == items
    wrong = np.array([not found.items[number].is_right for number in items])
    dense = found.used_NK(by).toarray()[items]
    firing = (dense > 0).sum(axis=0)
    assert sorted(telling.latent_F.tolist()) == np.flatnonzero(firing >= MIN_ITEMS).tolist()
    assert (telling.n_wrong, telling.n_right, telling.n_firing) == (wrong.sum(), (~wrong).sum(), (firing > 0).sum())
    for place, latent in enumerate(telling.latent_F):
        column = dense[:, latent].astype(float)
        pairs = np.sign(column[wrong][:, None] - column[~wrong][None, :])
        assert telling.auc_F[place] == pytest.approx((pairs.mean() + 1) / 2)
        assert telling.wrong_share_F[place] == pytest.approx((column[wrong] > 0).mean())
        assert telling.right_share_F[place] == pytest.approx((column[~wrong] > 0).mean())
    assert np.all(np.diff(telling.p_F) >= 0)
    np.testing.assert_allclose(telling.q_F, stats.false_discovery_control(telling.p_F), rtol=1e-12)


def test_the_latents_that_were_made_to_tell_are_found() -> None:
    telling = latents_that_tell_apart(random_failure_set(1, n_items=80, n_telling=4))
    assert set(telling.of_the_wrong(4).tolist()) == {0, 1, 2, 3}
    assert telling.n_telling >= 4 and telling.of_the_wrong(100).size <= telling.n_telling


def test_chance_is_seldom_told_apart() -> None:
    """With nothing to find, one in twenty sets at most has any latent with q under .05."""
    n_found = sum(latents_that_tell_apart(random_failure_set(seed, n_telling=0, with_pictures=False)).n_telling > 0 for seed in range(200))
    assert n_found <= 18, "a binomial of 200 at .05 exceeds 18 in one of a hundred"


@pytest.mark.parametrize("is_right", [True, False])
def test_where_all_are_alike_nothing_is_told_apart(is_right: bool) -> None:
    telling = latents_that_tell_apart(_judged(random_failure_set(), is_right))
    assert telling.n_tested == 0 and telling.of_the_wrong(5).size == 0
    assert telling.reason == f"All 40 answers compared are {'right' if is_right else 'wrong'}, so there is nothing to tell apart."


def test_nothing_fires_and_unknown_choices() -> None:
    dead = random_failure_set(n_telling=0)
    dead = replace(dead, indptr=np.zeros(41, np.int64), latent_Z=np.zeros(0, np.int32), plain_Z=np.zeros(0, np.float32), weighted_Z=np.zeros(0, np.float32))
    assert "No latent fires" in (latents_that_tell_apart(dead).reason or "")
    for arguments in ({"by": "size"}, {"part": "third"}, {"prompt": "why ?"}):
        with pytest.raises(ScratchpadError):
            latents_that_tell_apart(dead, **arguments)


@pytest.mark.parametrize("seed", [0, 1])
def test_fates_are_counted_item_by_item(seed: int) -> None:
    found = random_failure_set(seed)
    ablation = random_set_ablation(seed, of=found)
    counts = count_fates(ablation)
    assert {fate.value for fate in counts.fate_N} == {"mended", "broken", "changed", "unchanged"}
    for part, within in ((counts.all, np.ones(40, bool)), (counts.chosen, ~found.held_out_N), (counts.held_out, found.held_out_N)):
        before, after = ablation.original, ablation.ablated
        mended = sum(not before.is_right_N[n] and after.is_right_N[n] for n in np.flatnonzero(within))
        broken = sum(before.is_right_N[n] and not after.is_right_N[n] for n in np.flatnonzero(within))
        assert (part.ablated.mended.n, part.ablated.mended.total) == (mended, found.wrong_N[within].sum())
        assert (part.ablated.broken.n, part.ablated.broken.total) == (broken, (~found.wrong_N)[within].sum())
        assert mended + broken + part.ablated.changed + part.ablated.unchanged == part.n_items == within.sum()
        assert len(part.controls) == 2 and part.n_firing == (ablation.n_firing_N[within] > 0).sum()
    assert counts.all.ablated.mended.n == counts.chosen.ablated.mended.n + counts.held_out.ablated.mended.n
    assert [fate is Fate.UNCHANGED for fate in counts.fate_N] == [a == b for a, b in zip(ablation.original.text_N, ablation.ablated.text_N, strict=True)]


@pytest.mark.parametrize(("n", "total"), [(0, 7), (7, 7), (4, 7), (1, 400)])
def test_wilsons_interval_is_scipys(n: int, total: int) -> None:
    expected = stats.binomtest(n, total).proportion_ci(method="wilson")
    share = wilson(n, total)
    assert (share.low, share.high) == (pytest.approx(expected.low, abs=1e-12), pytest.approx(expected.high, abs=1e-12))


def test_a_share_of_nothing_has_no_interval() -> None:
    assert (wilson(0, 0).low, wilson(0, 0).high) == (None, None)
