"""Activation functions at the edges: equality, ties, nothing positive, other types and shapes."""

from __future__ import annotations

import pytest
import torch

from tb_visualscratchpad.exporter.sae.activation_functions import (
    BatchTopK,
    Gated,
    GroupMax,
    JumpRelu,
    Relu,
    TanhRelu,
    TopK,
)

ALL = [
    Relu(), TanhRelu(), TopK(3), GroupMax(4), JumpRelu(torch.linspace(-1, 1, 12)), BatchTopK(0.5),
    Gated(torch.linspace(0.5, 2, 12), torch.linspace(-1, 1, 12)),
]


@pytest.mark.parametrize("function", ALL, ids=lambda one: one.name)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
def test_latents_are_never_negative_and_keep_type_and_shape(function, dtype):
    moved = function.to(torch.device("cpu"), dtype)
    for pre in (torch.randn(2, 3, 12), torch.zeros(2, 3, 12), -torch.ones(2, 3, 12), torch.randn(0, 3, 12)):
        z = moved(pre.to(dtype))
        assert z.dtype == dtype and z.shape == pre.shape and (z >= 0).all()


def test_the_largest_of_each_group_fires_and_of_equals_the_first():
    pre = torch.tensor([[1.0, 3.0, 3.0, -1.0, -2.0, -3.0, 0.0, 0.0, 5.0]])
    assert GroupMax(3)(pre).tolist() == [[0, 3, 0, 0, 0, 0, 0, 0, 5]]
    with pytest.raises(ValueError):
        GroupMax(0)


def test_what_equals_its_threshold_fires_where_it_is_inclusive():
    pre = torch.tensor([[0.25, 0.5, 0.75, -0.5]])
    assert BatchTopK(0.5)(pre).tolist() == [[0, 0, 0.75, 0]]
    assert BatchTopK(0.5, inclusive=True)(pre).tolist() == [[0, 0.5, 0.75, 0]]
    threshold = torch.full((4,), 0.5)
    assert JumpRelu(threshold)(pre).tolist() == [[0, 0, 0.75, 0]]
    assert JumpRelu(threshold, inclusive=True).to(torch.device("cpu"), torch.float64)(pre.double()).tolist() == [[0, 0.5, 0.75, 0]]


def test_a_gated_latent_needs_gate_and_magnitude():
    b_gate, r_mag, b_mag = torch.tensor([0.0, 0.0, 1.0]), torch.tensor([0.0, 1.0, 0.0]), torch.tensor([-1.0, 0.5, 5.0])
    gated = Gated.from_biases(b_gate, r_mag, b_mag)
    u = torch.tensor([[0.5, 2.0, -2.0], [2.0, -0.1, -0.5]])
    expected = torch.relu(u * r_mag.exp() + b_mag) * (u + b_gate > 0)
    torch.testing.assert_close(gated(u + b_gate), expected)
    assert expected.tolist()[0][2] == 0 and expected.tolist()[1][2] > 0
