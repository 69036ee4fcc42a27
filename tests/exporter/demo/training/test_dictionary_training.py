"""What the dictionary is fed with, and what it begins with."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import torch

from tb_visualscratchpad.exporter.demo.training.dictionary_training import DrawnFeatures, begin_with_patches
from tb_visualscratchpad.exporter.demo.training.drawn_views import SAE, DrawnViews
from tb_visualscratchpad.exporter.demo.training.training_world import SMALL
from tb_visualscratchpad.exporter.vlm import load_vlm


def test_a_batch_is_the_same_from_wherever_one_begins(untrained_folder: Path) -> None:
    vlm = load_vlm(untrained_folder, device="cpu", dtype="float32")
    batches = DrawnFeatures(vlm, SMALL, seed=3, step_samples=1024)
    whole = list(islice(batches(0), 7))  # five batches to a group of 64 pictures
    for first in (1, 5, 6):
        assert torch.equal(next(batches(first)), whole[first])
    assert whole[0].shape == (1024, 32) and not torch.equal(whole[0], whole[5])
    # A group's batches are all its patches, each once, and those that the projector reads.
    _, pixel_values = DrawnViews(vlm, SMALL, 3, SAE).of_step(0, 64)
    expected = vlm.features(pixel_values.flatten(0, 1)).flatten(0, 1)
    given = torch.cat(whole[:5])
    assert torch.allclose(given.mean(dim=0), expected.mean(dim=0), atol=1e-4)
    assert torch.allclose(given.norm(dim=1).sort().values, expected.norm(dim=1).sort().values, atol=1e-4)


def test_a_dictionary_of_patches_reads_and_rebuilds_their_directions() -> None:
    x = 5 + torch.randn(48, 16, generator=torch.Generator().manual_seed(0))
    sae = begin_with_patches(iter([x[:24], x[24:]]), 32, 4)
    assert torch.allclose(sae.W_dec.norm(dim=1), torch.ones(32)) and torch.allclose(sae.b_dec, x.mean(dim=0))
    strongest = sae.encode(x[:32]).argmax(dim=1)
    assert torch.equal(strongest, torch.arange(32))
    rebuilt = sae.decode(sae.encode(x), x)
    assert (rebuilt - x).pow(2).sum() < (x - x.mean(dim=0)).pow(2).sum()
