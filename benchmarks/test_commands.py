"""How long the commands take that a learner waits for, against a bare interpreter's imports."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pytest_benchmark.fixture import BenchmarkFixture

ROOT = Path(__file__).parents[1]
STEP = ROOT / "submissions" / "quickstart" / "step_2_batch_norm.py"
ROUNDS = 5


def seconds(*command: str | Path) -> float:
    """The wall time of a process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *command], check=True, capture_output=True)
    return time.perf_counter() - started


def medians(**each: Callable[[], float]) -> dict[str, float]:
    """The median of each, measured in turn, so that a busy machine is busy for all."""
    rounds = [{name: measure() for name, measure in each.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(r[name] for r in rounds) for name in each}


def test_check_and_help(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """Check of one definition, new each time: under 10 s or twice `import torch`; help 0.3 s."""
    stores = (tmp_path / str(number) for number in range(ROUNDS))
    check = ["-m", "harness", "check", STEP, "--rubric", "digits-quickstart", "--store"]
    found = medians(
        check=lambda: seconds(*check, next(stores)),
        torch=lambda: seconds("-c", "import torch"),
        help=lambda: seconds("-m", "harness", "--help"),
    )
    benchmark.extra_info.update(found)
    benchmark.pedantic(lambda: seconds("-m", "harness", "--help"), rounds=1)
    print({name: f"{value:.2f} s" for name, value in found.items()})
    assert found["check"] < max(10, 2 * found["torch"])
    # Against torch's import, because a bar in seconds would say how busy the machine is.
    assert found["help"] / found["torch"] < 0.1
