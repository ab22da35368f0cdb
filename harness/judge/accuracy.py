"""The check `accuracy`: test accuracy held over the last epochs, as a count of images."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.evidence import Dataset, Run, Step
from harness.percentage import Percentage, PercentageField, percent
from harness.rubric import Check, Finding


class Accuracy(Check):
    """Every one of the last epochs reaches a test accuracy; one lucky epoch is not enough.

    With several runs, more than half of them must hold it.
    """

    needs: ClassVar[tuple[str, ...]] = ("runs",)

    kind: Literal["accuracy"]
    at_least: PercentageField
    """Becomes exactly a count of test images: "99.4 %" of 10,000 is 9,940 or more."""
    last_epochs: Annotated[int, Field(ge=1, strict=True)] = 3
    """How many epochs, counted back from the last declared one, must each reach it."""
    tiers: dict[PercentageField, Annotated[float, Field(gt=0, lt=1)]] = {}
    """Lower thresholds, and the share of the points that each still earns."""

    def asked(self, dataset: Dataset) -> str:
        """The threshold as a percentage and as a count."""
        count = self.at_least.of(dataset.test_size)
        window = f"each of the last {self.last_epochs} epochs"
        if self.last_epochs == 1:
            window = "the last epoch"
        return f"{self.at_least} in {window} ({count:,} of {dataset.test_size:,})"

    def judge(self, step: Step, dataset: Dataset) -> Finding:
        """The share of the highest threshold that more than half of the runs hold."""
        size = dataset.test_size
        measured = "; ".join(self._measured(run, size) for run in step.runs)

        def holding(level: Percentage) -> int:
            return sum(self._lowest(run) >= level.of(size) for run in step.runs)

        if 2 * holding(self.at_least) > len(step.runs):
            return Finding(1, measured, _held(holding(self.at_least), len(step.runs)))
        why = self._missed(step, size, holding(self.at_least))
        for level in sorted(self.tiers, key=lambda level: level.share, reverse=True):
            if 2 * holding(level) > len(step.runs):
                return Finding(self.tiers[level], measured, f"{why}; holds {level}")
        return Finding(0, measured, why)

    def _window(self, run: Run) -> list[tuple[int, int]]:
        """The number and the correct answers of each of the last declared epochs, if measured."""
        first = run.declared_epochs - self.last_epochs + 1
        return [(e.number, e.test_correct) for e in run.epochs if e.number >= max(first, 1)]

    def _lowest(self, run: Run) -> int:
        """Correct answers in the worst of the last epochs; none where a run has a fault."""
        window = self._window(run)
        whole = len(window) == self.last_epochs and run.fault is None
        return min(count for _, count in window) if whole else 0

    def _measured(self, run: Run, size: int) -> str:
        window = self._window(run)
        if not window:
            return "none of them was reached"
        counts = ", ".join(f"{count:,}" for _, count in window)
        return f"{counts} of {size:,} (lowest {percent(min(c for _, c in window), size)})"

    def _missed(self, step: Step, size: int, holding: int) -> str:
        if len(step.runs) > 1:
            return _held(holding, len(step.runs))
        run = step.runs[0]
        if run.fault:
            return run.fault.message
        if not run.complete:
            return f"the run ended after epoch {len(run.epochs)} of {run.declared_epochs}"
        if run.declared_epochs < self.last_epochs:
            return f"{run.declared_epochs} epochs are fewer than {self.last_epochs}"
        count = self.at_least.of(size)
        missing = [
            f"epoch {number} by {count - correct:,}"
            for number, correct in self._window(run)
            if correct < count
        ]
        return f"missed in {', '.join(missing)}"


def _held(holding: int, runs: int) -> str:
    return "held" if runs == 1 else f"held by {holding} of {runs} runs"
