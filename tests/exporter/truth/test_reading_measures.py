"""Attention on a thing and ranks of its latents, against loops over patches and latents."""

from __future__ import annotations

import numpy as np
import pytest

from tb_visualscratchpad.exporter.truth.named_words import NamedWord
from tb_visualscratchpad.exporter.truth.reading_measures import measure_readings
from tb_visualscratchpad.exporter.truth.settings import Reading, layer_choices, readings, threshold_choices
from tb_visualscratchpad.exporter.truth.tally import Tally
from tb_visualscratchpad.wire.evidence import RowChoice, VlmRun
from tests.exporter.truth.made_up_truth import output_tokens, random_learned, random_masks, random_run


def looked(run: VlmRun, token: int, reading: Reading) -> np.ndarray | None:
    """float64 [P], attention of the row that is read, by hand."""
    position = token - 1 if reading.row is RowChoice.PRODUCING else token
    rows = run.attention.query_position_T.tolist()
    if position not in rows:
        return None
    assert run.attention.per_layer_LTI is not None
    layers = range(len(run.attention.layers)) if reading.layers is None else reading.layers
    row_I = np.mean([run.attention.per_layer_LTI[layer, rows.index(position)] for layer in layers], axis=0, dtype=np.float64)
    attention_P = np.zeros(run.image_tokens.n_patches)
    for patch in range(run.image_tokens.n_patches):
        token_of_patch = int(run.image_tokens.patch_token_P[patch])
        is_base = int(run.image_tokens.patch_view_P[patch]) == 0
        if token_of_patch >= 0 and (reading.view == "both" or (reading.view == "base") == is_base):
            attention_P[patch] = row_I[token_of_patch]
    return attention_P


def covered(mask_HW: np.ndarray, run: VlmRun, patch: int) -> float:
    x0, y0, x1, y1 = np.round(run.image_tokens.patch_box_P4[patch]).astype(int)
    return float(mask_HW[y0:y1, x0:x1].mean()) if x1 > x0 and y1 > y0 else 0.0


@pytest.mark.parametrize("seed", range(4))
def test_against_loops(seed: int) -> None:
    run, token = random_run(seed), None
    shown, learned = random_masks(run, seed), random_learned(run, seed)
    token = output_tokens(run)[2]
    tally = Tally()
    measure_readings(tally, run, shown, [NamedWord("dog", "dog", token)], learned)
    owned = {k for k in range(40) if learned.owners.mean_CK[0, k] > 0.5 * learned.owners.mean_CK[:, k].sum()}
    assert owned == learned.owners.latents_of("dog") and owned
    z_PK = run.latents.csr_PK.toarray()
    packed = run.image_tokens.patch_token_P >= 0
    for reading in readings(len(run.attention.layers)):
        attention_P = looked(run, token, reading)
        assert attention_P is not None
        seen = [p for p in range(packed.size) if packed[p] and (reading.view == "both" or (reading.view == "base") == (run.image_tokens.patch_view_P[p] == 0))]
        on = [p for p in seen if covered(shown.masks["dog"], run, p) >= 0.5]
        lift = (attention_P[on].sum() / attention_P[seen].sum()) / (len(on) / len(seen))
        assert tally.mean("attention.lift", reading.name) == pytest.approx(lift, rel=1e-5)
        best = max(seen, key=lambda p: attention_P[p])
        assert tally.mean("attention.pointing", reading.name) == float(best in on)
        weighted_K = (attention_P[seen] @ z_PK[seen]) / attention_P[seen].sum()
        fires = z_PK[seen].any(axis=0)
        ranked = sorted(np.flatnonzero(fires).tolist(), key=lambda k: (-weighted_K[k], k))
        setting = "C" if reading.name == "default" else f"C, {reading.name}"
        assert tally.mean("ranking.hit1", setting) == float(ranked[0] in owned)
        assert tally.mean("ranking.hit5", setting) == float(bool(owned & set(ranked[:5])))
        assert tally.mean("ranking.precision10", setting) == pytest.approx(len(owned & set(ranked[:10])) / 10)
        if reading.name == "default":
            plain = sorted(np.flatnonzero(fires).tolist(), key=lambda k: (-z_PK[seen][:, k].sum(), k))
            assert tally.mean("ranking.precision10", "B") == pytest.approx(len(owned & set(plain[:10])) / 10)
            assert tally.mean("ranking.precision10", "chance") == pytest.approx(len(owned & set(ranked)) / len(ranked))
            assert tally.mean("attention.pointing", "chance") == pytest.approx(len(on) / len(seen))
            statistics = learned.statistics
            for name, chosen in threshold_choices(statistics):
                left = [
                    k for k in ranked
                    if (chosen.max_frequency is None or statistics.image_frequency_K[k] <= chosen.max_frequency)
                    and (chosen.min_mean is None or (statistics.alive_K[k] and statistics.mean_activation_K[k] >= chosen.min_mean))
                ]
                assert tally.mean("ranking.precision10", f"C, {name}") == pytest.approx(len(owned & set(left[:10])) / 10)


def test_what_cannot_be_seen_is_not_counted() -> None:
    run = random_run(1)
    shown, learned = random_masks(run, 1), random_learned(run, 1)
    shown.masks["dog"][:] = False  # hidden: no patch of its own
    last = output_tokens(run)[-1]  # never fed back: no row of its own
    tally = Tally()
    measure_readings(tally, run, shown, [NamedWord("dog", "dog", last), NamedWord("cat", "cat", last)], learned)
    counts = {(one.measure, one.setting): one.n for one in tally.figures(0)}
    assert counts["attention.lift", "default"] == 1 and ("attention.lift", "own row") not in counts
    assert counts["ranking.hit5", "C"] == 2 and ("ranking.hit5", "C, own row") not in counts


def test_nothing_owned_is_no_miss() -> None:
    run = random_run(2)
    learned = random_learned(run, 2)
    learned.owners.mean_CK[0] = 0
    tally = Tally()
    measure_readings(tally, run, random_masks(run, 2), [NamedWord("dog", "dog", output_tokens(run)[1])], learned)
    assert tally.mean("ranking.hit5", "C") is None and tally.mean("attention.lift", "default") is not None


def test_layers_are_taken_singly_or_in_quarters() -> None:
    assert layer_choices(1) == []
    assert layer_choices(2) == [("layer 0", (0,)), ("layer 1", (1,))]
    assert [name for name, _ in layer_choices(6)] == ["layers 0-2", "layers 3-5", *(f"layer {n}" for n in range(6))]
    assert [name for name, _ in layer_choices(32)] == ["layers 0-15", "layers 16-31", "layers 0-7", "layers 8-15", "layers 16-23", "layers 24-31"]
