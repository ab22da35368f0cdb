"""What watching costs a training step: with the probe against without, in turn, by medians."""

import io
import statistics
import time

import pytest
import torch
import torch.nn.functional as F
from pytest_benchmark.fixture import BenchmarkFixture
from seed_networks import SEED_STEPS, SeedStep, build

from harness.inside import probe

ROUNDS, STEPS, BATCH = 30, 8, 128


@pytest.mark.parametrize("step", [SEED_STEPS[3], SEED_STEPS[-1]], ids=str)
def test_a_step_under_the_probe(benchmark: BenchmarkFixture, step: SeedStep) -> None:
    """One thread, batches of 128 from a loader, as a notebook's loop has them; under 3 %."""
    torch.set_num_threads(1)
    data = torch.utils.data.TensorDataset(
        torch.rand(BATCH * STEPS, 1, 28, 28), torch.randint(10, (BATCH * STEPS,))
    )
    network = build(step.layers)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)

    def seconds() -> float:
        """A step, in an epoch of a few; what comes before the first is left out."""
        batches = iter(torch.utils.data.DataLoader(data, batch_size=BATCH))
        taken = []
        for images, labels in batches:
            started = time.perf_counter()
            optimizer.zero_grad()
            F.nll_loss(network(images), labels).backward()
            optimizer.step()
            taken.append(time.perf_counter() - started)
        return statistics.median(taken[1:])

    with_probe, without = [], []
    for _ in range(ROUNDS):
        without.append(seconds())
        probe.install({"sizes": [BATCH * STEPS, 0]}, io.BytesIO())
        with_probe.append(seconds())
        probe.finish()
    ratio = statistics.median(a / b for a, b in zip(with_probe, without, strict=True))
    alone = statistics.median(without)
    benchmark.extra_info.update(ratio=ratio, milliseconds=1_000 * alone)
    benchmark.pedantic(seconds, rounds=1)
    print(f"a step of {1_000 * alone:.1f} ms takes {100 * (ratio - 1):+.2f} % with the probe")
    assert ratio < 1.03
