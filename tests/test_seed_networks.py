"""Holds the seeds' networks to the parameter counts that their documents give."""

import pytest
import torch
from seed_networks import SEED_STEPS, SeedStep, build


def test_every_step_is_there_once() -> None:
    assert len(SEED_STEPS) == len({str(step) for step in SEED_STEPS}) == 23


@pytest.mark.parametrize("step", SEED_STEPS, ids=str)
def test_parameters(step: SeedStep) -> None:
    assert sum(weights.numel() for weights in build(step.layers).parameters()) == step.parameters


@pytest.mark.parametrize("step", SEED_STEPS, ids=str)
def test_log_probabilities_of_two_images(step: SeedStep) -> None:
    log_probabilities = build(step.layers).eval()(torch.randn(2, 1, 28, 28))
    assert log_probabilities.shape == (2, 10)
    torch.testing.assert_close(log_probabilities.exp().sum(dim=1), torch.ones(2))


@pytest.mark.parametrize("layers", ["C1>8", "C1>8 3 X", "BN2", "D", "D2 ", "A"])
def test_what_is_not_a_layer_is_refused(layers: str) -> None:
    with pytest.raises(ValueError, match="not a layer"):
        build(layers)
