"""Training the exported graph equals training the eager model, bit for bit on the CPU."""

import pytest
import torch
from crossing import crossed
from seed_networks import SEED_STEPS, SeedStep, build

from harness import data
from harness.collect.graph import GraphNetwork
from harness.collect.state import reset
from harness.collect.trainer import Training
from harness.recipe import Recipe


@pytest.mark.parametrize("seed_step", SEED_STEPS, ids=str)
def test_the_graph_trains_as_the_network_does(seed_step: SeedStep) -> None:
    """Two epochs of batches of 16, 16 and 11, with the step's own recipe and dropout."""
    torch.manual_seed(0)
    eager = build(seed_step.layers)
    candidate = crossed(eager)
    network = GraphNetwork(candidate, reset(candidate))
    images = data.load("digits", data.folder())
    train, labels = images.train[:43], images.train_labels[:43]
    recipe = Recipe.model_validate(
        {"normalize": {"mean": 0.1307, "std": 0.3081}} | seed_step.recipe | {"batch_size": 16}
    )
    trained = [Training(module, recipe, train, labels, seed=7) for module in (eager, network)]
    for epoch in (1, 2):
        theirs, ours = (training.epoch(epoch) for training in trained)
        assert ours == theirs
    assert recipe.normalize is not None
    test = data.scaled(images.test[:100], recipe.normalize)
    eager.eval()
    network.eval()
    with torch.no_grad():
        assert torch.equal(network(test), eager(test))
    ends = eager.state_dict()
    for info, tensor in zip(
        candidate.definition.tensors, network.state_dict().values(), strict=True
    ):
        assert torch.equal(tensor, ends[info.name])
