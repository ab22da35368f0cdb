"""Feeds pytest-benchmark: how long an epoch takes, and answers to one image and to a thousand.

The networks are foreign, so the times are taken in the bench's process, which hands back the
seconds of every round. Each test replays them to pytest-benchmark's `pedantic` on a clock of its
own, which stands still but for these seconds; a round here is a round there, and what
pytest-benchmark makes of them (minimum, mean, comparison with another commit) is its own. The
process is warm before the first round. Of an epoch a few batches are timed, and scaled to the
whole. The networks are not trained: that would change no time. Nothing is graded.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from harness.evidence import Step
from harness.plain import name as plain
from harness.plain import printable

if TYPE_CHECKING:
    from harness.collect.timing import Timing
    from harness.pytest_checks import Numbered
    from harness.pytest_grading import Grading

OPTIONS = ("only", "json", "autosave", "save", "compare", "compare_fail", "histogram", "enable")
"""Those of pytest-benchmark that ask for benchmarks."""


class Quantity(NamedTuple):
    """What is timed."""

    name: str
    images: int
    """In one round; 0 for all that are trained on."""
    rounds: int
    """For each that `--benchmark-min-rounds` asks for: short times wander most."""


QUANTITIES = (
    Quantity("time an epoch", 0, 1),
    Quantity("latency of one image", 1, 20),
    Quantity("latency of 1,000 images", 1_000, 2),
)


def asked_for(config: pytest.Config) -> bool:
    """Whether pytest-benchmark is there and the user gave one of its options."""
    return config.pluginmanager.hasplugin("benchmark") and any(
        config.getoption(f"benchmark_{option}", default=None) for option in OPTIONS
    )


def of_step(
    parent: pytest.Collector, grading: Grading, path: Path, step: Numbered
) -> list[pytest.Item]:
    """The benchmarks of a step."""
    found: list[pytest.Item] = []
    for quantity in QUANTITIES:
        about: dict[str, Any] = {"grading": grading, "submission": path, "step": step}
        name = f"step {step.number}: {quantity.name}"
        found.append(Benchmark.from_parent(parent, name=name, quantity=quantity, **about))
    return found


class Clock:
    """A clock that shows the seconds which the bench measured."""

    def __init__(self) -> None:
        self._now = 0.0
        self.__name__ = "the clock of the bench"  # as pytest-benchmark tells it

    def __call__(self) -> float:
        """What it shows."""
        return self._now

    def reset(self) -> None:
        """Show nothing, so that no round loses digits to those before."""
        self._now = 0.0

    def run(self, seconds: float) -> None:
        """Let a measured time go by."""
        self._now += seconds


def _measured(benchmark: Any, request: pytest.FixtureRequest) -> None:
    """The function of every benchmark; pytest-benchmark looks for its fixture here."""
    node = request.node
    assert isinstance(node, Benchmark)
    if benchmark.disabled:
        benchmark.skipped = True
        pytest.skip("pytest-benchmark is off: by --benchmark-disable, or beside pytest-xdist")
    node.measure(benchmark)


class Benchmark(pytest.Function):
    """One quantity of one step."""

    def __init__(
        self,
        *,
        grading: Grading,
        submission: Path,
        step: Numbered,
        quantity: Quantity,
        **kwargs: Any,
    ) -> None:
        super().__init__(callobj=_measured, **kwargs)
        self._grading, self._submission, self._step = grading, submission, step
        self._quantity = quantity
        self._clock = Clock()
        group = f"{grading.rubric.dataset}: {quantity.name}"
        self.add_marker(pytest.mark.benchmark(group=group, timer=self._clock))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it stands, for reports; of a line pytest knows none before it is graded."""
        shown = f"{plain(self._submission.name)}, {self.name}"
        return Path(plain(str(self.path))), 0, shown

    def measure(self, benchmark: Any) -> None:
        """Time it on the bench, and tell pytest-benchmark every round."""
        timing, step = self._found()
        rounds = self._quantity.rounds * self.config.getoption("benchmark_min_rounds")
        images = self._quantity.images
        try:
            if images:
                seconds = timing.answers(step, images, rounds)
            else:
                seconds = timing.epochs(step, rounds)
        except Exception as error:  # of torch, the machine, or a recipe that cannot be followed
            pytest.fail(printable(f"{type(error).__name__}: {error}"), pytrace=False)
        left = iter(seconds)

        def again() -> None:
            self._clock.run(next(left))

        benchmark.name = self.reportinfo()[2]  # its tables have several submissions
        benchmark.pedantic(again, setup=self._clock.reset, rounds=len(seconds))
        benchmark.extra_info.update(self._told(timing, step, statistics.median(seconds)))

    def _found(self) -> tuple[Timing, Step]:
        """The step as far as it is known; of a notebook with several networks the last."""
        try:
            timing = self._grading.timing(self._submission)
            found = [step for step in timing.steps if self._step.owns(step.name)]
        except (ValueError, OSError) as error:
            pytest.skip(printable(f"not reached: {error}"))
        if not found:
            pytest.skip("not reached: other steps than were collected")
        step = found[-1]
        if step.fault and step.fault.owner != "submission":
            told = f"the {step.fault.owner}'s fault: {step.fault.message}"
            pytest.fail(printable(told), pytrace=False)
        if step.fault or step.network is None or step.recipe is None:
            why = step.fault.message if step.fault else "a notebook's network is known once graded"
            pytest.skip(printable(f"not reached: {why}"))
        return timing, step

    def _told(self, timing: Timing, step: Step, seconds: float) -> dict[str, Any]:
        """What explains the figures, beside them."""
        from harness import data

        assert step.network is not None
        assert step.recipe is not None
        images = self._quantity.images or data.DATASETS[self._grading.rubric.dataset].train_size
        return {
            "step": printable(step.name),
            "images": images,
            "images_per_second": images / seconds,
            "batch_size": step.recipe.batch_size,
            "parameters": step.network.parameters.judged,
            "multiply_adds": step.network.multiply_adds,
            **timing.machine.model_dump(),
        }
