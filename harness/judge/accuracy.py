"""The check `accuracy`: test accuracy held over the last epochs, as a count of images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.evidence import Dataset, Run, Step
from harness.percentage import PercentageField, percent
from harness.rubric import Check, Finding


class Accuracy(Check):
    """Every one of the last epochs reaches a test accuracy; one lucky epoch is not enough."""

    kind: Literal["accuracy"]
    at_least: PercentageField
    """Becomes exactly a count of test images: "99.4 %" of 10,000 is 9,940 or more."""
    last_epochs: Annotated[int, Field(ge=1, strict=True)] = 3
    """How many epochs, counted back from the last declared one, must each reach it."""
    tiers: dict[PercentageField, Annotated[float, Field(gt=0, lt=1)]] = {}
    """Lower thresholds, and the share of the points that each still earns."""

    def asked(self, dataset: Dataset) -> str:
        """The threshold as a percentage and as a count."""
        count = self.at_least.count(dataset.test_size)
        which = "the last epoch" if self.last_epochs == 1 else f"each of the last {self.last_epochs} epochs"
        return f"{self.at_least} in {which} ({count:,} of {dataset.test_size:,})"

    def judge(self, step: Step, dataset: Dataset) -> Finding:
        """The highest threshold that more than half of the runs hold."""
        windows = [self._window(run) for run in step.runs]
        measured = "; ".join(self._told(run, dataset) for run in step.runs)
        levels = {self.at_least: 1.0} | self.tiers
        for level in sorted(levels, key=lambda level: level.share, reverse=True):
            count = level.count(dataset.test_size)
            held = sum(window is not None and min(window) >= count for window in windows)
            if 2 * held > len(windows):
                break
        else:
            return Finding(0, measured, self._missed(step, dataset))
        if levels[level] == 1.0:
            return Finding(1, measured, _of_runs("holds it", held, len(windows)))
        missed = self._missed(step, dataset)
        return Finding(levels[level], measured, f"{missed}, but holds {level}")

    def _window(self, run: Run) -> list[int] | None:
        """Correct answers in the last epochs; None where the run has not all of them."""
        if not run.complete or len(run.epochs) < self.last_epochs:
            return None
        return [epoch.test_correct for epoch in run.epochs[-self.last_epochs :]]

    def _told(self, run: Run, dataset: Dataset) -> str:
        last = run.epochs[-self.last_epochs :]
        if not last:
            return "no epoch finished"
        counts = ", ".join(f"{epoch.test_correct:,}" for epoch in last)
        lowest = min(epoch.test_correct for epoch in last)
        return f"{counts} of {dataset.test_size:,} (at least {percent(lowest, dataset.test_size)})"

    def _missed(self, step: Step, dataset: Dataset) -> str:
        """Why the threshold is missed, in the closest run's own numbers."""
        count = self.at_least.count(dataset.test_size)
        broken = [run for run in step.runs if self._window(run) is None]
        if 2 * len(broken) >= len(step.runs):
            run = broken[0]
            done = f"{len(run.epochs)} of {run.declared_epochs} declared epochs"
            if not run.complete:
                return f"the run ended after {done}"
            return f"{done} are too few: the last {self.last_epochs} are asked"
        short = {
            epoch.number: count - epoch.test_correct
            for run in step.runs[-1:]
            for epoch in run.epochs[-self.last_epochs :]
            if epoch.test_correct < count
        }
        if len(step.runs) > 1:
            held = sum(bool(w) and min(w) >= count for w in map(self._window, step.runs))
            return f"only {held} of {len(step.runs)} runs hold it"
        words = [f"epoch {number} misses it by {images:,}" for number, images in short.items()]
        return f"{', '.join(words)} images".replace("by 1 images", "by 1 image")


def _of_runs(what: str, held: int, runs: int) -> str:
    return what if runs == 1 else f"{held} of {runs} runs hold it"
