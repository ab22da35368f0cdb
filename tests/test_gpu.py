"""Training on a CUDA device: it learns, it resumes to the bit, it equals the CPU closely."""

from pathlib import Path

import pytest
import torch
from asked import correct
from crossing import crossed
from seed_networks import SEED_STEPS, SeedStep, build

from harness import data
from harness.collect.collect import Progress, collect
from harness.collect.define import Task
from harness.collect.graph import GraphNetwork
from harness.collect.state import reset
from harness.collect.trainer import Training
from harness.collect.workshop import Workshop
from harness.recipe import Normalize, Recipe
from harness.store import Store
from harness.submission import find

pytestmark = pytest.mark.gpu

QUICKSTART = Path(__file__).parents[1] / "submissions" / "quickstart"
PIXELS = Normalize(mean=0.3, std=0.3)


@pytest.mark.parametrize("seed_step", [s for s in SEED_STEPS if s.parameters < 30_000], ids=str)
def test_a_network_answers_as_on_the_cpu(seed_step: SeedStep) -> None:
    torch.manual_seed(0)
    candidate = crossed(build(seed_step.layers))
    images = torch.rand(64, 1, 28, 28)
    answers = []
    for device in ("cpu", "cuda"):
        tensors = {name: tensor.to(device) for name, tensor in reset(candidate).items()}
        with torch.no_grad():
            answers.append(GraphNetwork(candidate, tensors).eval()(images.to(device)).cpu())
    assert torch.allclose(*answers, atol=1e-4)


def test_a_restored_training_goes_on_to_the_bit() -> None:
    digits = data.load("digits", data.folder())
    recipe = Recipe.model_validate(SEED_STEPS[-1].recipe | {"batch_size": 100, "normalize": PIXELS})
    candidate = crossed(build(SEED_STEPS[-1].layers))

    def training() -> tuple[GraphNetwork, Training]:
        tensors = {name: tensor.cuda() for name, tensor in reset(candidate).items()}
        network = GraphNetwork(candidate, tensors)
        images, labels = digits.train.cuda(), digits.train_labels.cuda()
        return network, Training(network, recipe, images, labels, seed=1)

    whole, first = training()
    first.epoch(1)
    saved = first.save(1)
    expected = first.epoch(2)
    resumed, second = training()
    second.restore(saved)
    assert second.epoch(2) == expected
    test = data.scaled(digits.test.cuda(), PIXELS)
    counts = [correct(net, test, digits.test_labels.cuda()) for net in (whole, resumed)]
    assert counts[0] == counts[1]


def test_the_quickstart_learns(tmp_path: Path) -> None:
    workshop = Workshop(Store(tmp_path), data.folder(), "cuda")
    defaults = Recipe.model_validate({"epochs": 1, "batch_size": 64, "optimizer": "SGD"})
    told: list[Progress] = []
    evidence = collect(find(QUICKSTART), Task("digits", defaults, 1), workshop, told.append)
    last = evidence.steps[-1].runs[0]
    assert last.machine.device.startswith("cuda")
    assert min(epoch.test_correct for epoch in last.epochs[-3:]) >= 340
