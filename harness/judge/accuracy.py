"""The check `accuracy`: test accuracy held over the last epochs, as a count of images."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.evidence import Dataset, Evidence, Run, Step
from harness.judge.statistics import verdict
from harness.measures import last_epochs
from harness.outputs import Log
from harness.percentage import Percentage, percent
from harness.rubric import Check, Finding, Rubric, Share, falling
from harness.scorecard import Bar

CONSISTENT = 3
"""The last epochs in which an accuracy that is called consistent is held."""


class Accuracy(Check):
    """Every one of the last epochs reaches a test accuracy; one lucky epoch is not enough.

    Epochs that leave the weights as they were count as one with the epoch before. With several
    runs, more than half of them must hold it; whether further runs could change that is told
    beside it, and changes no points.
    """

    needs: ClassVar[tuple[str, ...]] = ("runs",)
    example: ClassVar[str] = """
[[checks]]
kind = "accuracy"
at_least = "99.4 %"
last_epochs = 3
tiers = { "99.3 %" = 0.5, "99.0 %" = 0.25 }
points = 50
scope = "final step"
"""

    kind: Literal["accuracy"]
    at_least: Percentage
    """Becomes exactly a count of test images: "99.4 %" of 10,000 is 9,940 or more."""
    last_epochs: Annotated[int, Field(ge=1, strict=True)] = 3
    """How many epochs, counted back from the last declared one, must each reach it."""
    runs: Literal["more than half", "every one"] = "more than half"
    """How many of several runs must hold it."""
    tiers: Annotated[dict[Percentage, Share], falling(lambda level: -level.share)] = {}
    """Lower thresholds, and the share of the points that each still earns."""

    def bar(self, dataset: Dataset) -> Bar:
        """The count to reach, and in how many of the last epochs."""
        value = self.at_least.of(dataset.test_size)
        return Bar(quantity="test accuracy", value=value, last_epochs=self.last_epochs)

    def contradiction(self, rubric: Rubric) -> str:
        """A tier above the threshold, or a window longer than the default training."""
        for level in self.tiers:
            if level.share >= self.at_least.share:
                return f"the tier {level} is not below at_least = {self.at_least}"
        if self.last_epochs > rubric.recipe.epochs:
            trained = f"the rubric's recipe trains {rubric.recipe.epochs}"
            return f"last_epochs = {self.last_epochs}, but {trained}"
        return ""

    def asked(self, dataset: Dataset) -> str:
        """The threshold as a percentage and as a count."""
        count = self.at_least.of(dataset.test_size)
        window = f"each of the last {self.last_epochs} epochs"
        if self.last_epochs == 1:
            window = "the last epoch"
        return f"{self.at_least} in {window} ({count:,} of {dataset.test_size:,})"

    def judge(self, step: Step, evidence: Evidence) -> Finding:
        """The share of the highest threshold that enough of the runs hold."""
        size = evidence.dataset.test_size
        measured = "; ".join(self._measured(run, size) for run in step.runs)
        holding = self._holding(step, self.at_least.of(size))
        confidence = self._confidence(holding, len(step.runs))
        review: tuple[str, ...] = (confidence,) if "inconclusive" in confidence else ()
        if any(run.observed and not run.observed.declared for run in step.runs):
            review += ("its loop did not say before it ran how many epochs there would be",)
        if self._enough(holding, len(step.runs)):
            review += tuple(
                f"seed {run.seed}: {remark}" if len(step.runs) > 1 else remark
                for run in step.runs
                if self._lowest(run) >= self.at_least.of(size)
                if (remark := self._inconsistent([e.test_correct for e in run.epochs], size))
            )
            return Finding(1, measured, confidence, review)
        why = confidence if len(step.runs) > 1 else self._missed(step.runs[0], size)
        broken = [f"seed {run.seed}: {run.fault.message}" for run in step.runs[1:] if run.fault]
        why = "; ".join([why, *broken])
        return self._partly(
            lambda level: self._enough(self._holding(step, level.of(size)), len(step.runs)),
            measured,
            why,
            review,
        )

    def audit(self, log: Log, dataset: Dataset) -> Finding:
        """The same of a log's last epochs, where its figures tell how many answers were right.

        A percentage of one decimal stands for ten counts or so, and it cannot be told which.
        """
        size, count = dataset.test_size, self.at_least.of(dataset.test_size)
        window = log.stated[-self.last_epochs :]
        ends = [stated.correct(size) for stated in window]
        claimed = f"{', '.join(map(_span, ends))} of {log.out_of or size:,}"
        first = window[0].epoch or 0
        if log.out_of not in (None, size):
            return Finding(None, claimed, f"the test set has {size:,} images")
        if window[-1].epoch != log.counted:
            return Finding(None, claimed, f"it goes on to epoch {log.counted}, and tells no more")
        if log.whole and len(window) < self.last_epochs:
            return Finding(0, claimed, f"{len(window)} epochs are fewer than {self.last_epochs}")
        if [t.epoch for t in window] != list(range(first, first + self.last_epochs)):
            return Finding(None, claimed, "its last epochs are not numbered one by one")
        least = min(low for low, _ in ends)
        if least >= count:
            counts = [stated.correct(size)[1] for stated in log.stated]
            remark = self._inconsistent(counts, size) if log.whole else ""
            return Finding(1, claimed, "as asked", (remark,) if remark else ())
        why = _missing(count, [(first + place, high) for place, (_, high) in enumerate(ends)])
        if not why:
            return Finding(None, claimed, "what is printed is too coarse to tell")
        return self._partly(lambda level: least >= level.of(size), claimed, why)

    def _partly(
        self,
        holds: Callable[[Percentage], bool],
        measured: str,
        why: str,
        review: tuple[str, ...] = (),
    ) -> Finding:
        """The share of the highest tier that holds."""
        for level in self.tiers:
            if holds(level):
                return Finding(self.tiers[level], measured, f"{why}; holds {level}", review)
        return Finding(0, measured, why, review)

    def _inconsistent(self, counts: list[int], size: int) -> str:
        """What a rubric that asks for fewer epochs lets pass; empty if nothing.

        Args:
            counts: correct test answers, epoch by epoch.
            size: of the test set.
        """
        count = self.at_least.of(size)
        missed = _missing(count, list(enumerate(counts, 1))[-CONSISTENT:])
        if self.last_epochs >= CONSISTENT or not missed:
            return ""
        return f"{self.at_least} is not consistent: of the last {CONSISTENT} epochs it is {missed}"

    def _holding(self, step: Step, count: int) -> int:
        """How many runs reach a count in every epoch of the window."""
        return sum(self._lowest(run) >= count for run in step.runs)

    def _enough(self, holding: int, runs: int) -> bool:
        return holding == runs if self.runs == "every one" else 2 * holding > runs

    def _lowest(self, run: Run) -> int:
        """Correct answers in the worst of the last epochs; none where a run has a fault."""
        window = last_epochs(run, self.last_epochs)
        whole = run.complete and len(window) == self.last_epochs and run.fault is None
        whole = whole and not (run.observed and run.observed.findings)
        return min(epoch.test_correct for epoch in window) if whole else 0

    def _measured(self, run: Run, size: int) -> str:
        counts = [epoch.test_correct for epoch in last_epochs(run, self.last_epochs)]
        if not counts:
            return "none of them was reached"
        told = ", ".join(f"{count:,}" for count in counts)
        return f"{told} of {size:,} (lowest {percent(min(counts), size)})"

    def _confidence(self, holding: int, runs: int) -> str:
        """What these runs say about a run from any seed."""
        found = verdict(holding, runs)
        told = f"held by {holding} of {runs} run{'s' * (runs > 1)} ({found.words}"
        if found.further:
            told += f": {found.further} further seed{'s' * (found.further > 1)} could settle it"
        return f"{told})"

    def _missed(self, run: Run, size: int) -> str:
        if run.fault:
            return run.fault.message
        if not run.complete:
            return f"the run ended after epoch {len(run.epochs)} of {run.declared_epochs}"
        if run.observed and run.observed.findings:
            return "; ".join(run.observed.findings)
        window = last_epochs(run, self.last_epochs)
        if len(window) < self.last_epochs:
            still = " that change the weights" if len(window) < len(run.epochs) else ""
            return f"{len(window)} epochs{still} are fewer than {self.last_epochs}"
        counts = [(epoch.number, epoch.test_correct) for epoch in window]
        return _missing(self.at_least.of(size), counts)


def _missing(count: int, epochs: Iterable[tuple[int, int]]) -> str:
    """In which epochs, by their numbers and right answers, a count was missed; empty if in none."""
    missing = [f"epoch {number} by {count - seen:,}" for number, seen in epochs if seen < count]
    return f"missed in {', '.join(missing)}" if missing else ""


def _span(ends: tuple[int, int]) -> str:
    """`9,940`, or `9,935 to 9,945` where it may be any of these."""
    least, most = ends
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"
