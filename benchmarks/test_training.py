"""An epoch of the engine against an epoch of the ordinary loop: the median ratio."""

import statistics
import time
from collections.abc import Callable

import ordinary
import pytest
import torch
from crossing import crossed
from pytest_benchmark.fixture import BenchmarkFixture
from seed_networks import SEED_STEPS, build

from harness import data
from harness.collect.graph import GraphNetwork
from harness.collect.state import reset
from harness.collect.trainer import Training
from harness.recipe import Recipe

PHASE_4 = SEED_STEPS[-1]
ROUNDS = 5


@pytest.mark.parametrize("degrees", [None, 7], ids=["plain", "rotation"])
def test_an_epoch_against_the_ordinary_loop(
    benchmark: BenchmarkFixture, degrees: int | None
) -> None:
    """Seed 004's last network on the digits, one thread a side; the ratio is in `extra_info`."""
    torch.set_num_threads(1)
    images = data.load("digits", data.folder())
    augment = [{"name": "RandomRotation", "degrees": degrees, "fill": 1}] if degrees else []
    recipe = Recipe.model_validate(
        {
            "epochs": 15,
            "batch_size": 128,
            "optimizer": {"name": "SGD", "lr": 0.01, "momentum": 0.9},
            "augment": augment,
            "normalize": {"mean": 0.1307, "std": 0.3081},
        }
    )
    eager = build(PHASE_4.layers)
    candidate = crossed(eager)
    network = GraphNetwork(candidate, reset(candidate))
    training = Training(network, recipe, images.train, images.train_labels, seed=1)
    batches = ordinary.loader(images.train, images.train_labels, degrees)
    optimizer = torch.optim.SGD(eager.parameters(), lr=0.01, momentum=0.9)
    sides: list[Callable[[], object]] = [
        lambda: training.epoch(1),
        lambda: ordinary.epoch(eager, batches, optimizer),
    ]
    seconds: list[list[float]] = [[], []]
    for _ in range(1 + ROUNDS):  # the first round warms up
        for side, run in enumerate(sides):
            started = time.perf_counter()
            run()
            seconds[side].append(time.perf_counter() - started)
    ratios = [ours / theirs for ours, theirs in zip(*(s[1:] for s in seconds), strict=True)]
    benchmark.extra_info["ratio to the ordinary loop"] = round(statistics.median(ratios), 3)
    print(f"\n{degrees or 'no'} rotation: {benchmark.extra_info}")
    benchmark.pedantic(sides[0], rounds=ROUNDS)
    assert statistics.median(ratios) < 1
