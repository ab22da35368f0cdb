"""The check `progress`: what a step changed, and whether that did what its Target said."""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

from harness import aims
from harness.aims import Aim
from harness.changes import changed
from harness.evidence import Dataset, Evidence, Step
from harness.measures import SPREAD, mean_best, mean_gap
from harness.rubric import Check, Finding


class Progress(Check):
    """The step changed something, and what its Target set out to do came about.

    The first step has nothing before it, and passes. A Target that names nothing measurable
    passes if anything was changed.
    """

    needs: ClassVar[tuple[str, ...]] = ("network", "recipe")
    takes: ClassVar[tuple[str, ...]] = ("runs",)
    example: ClassVar[str] = """
[[checks]]
kind = "progress"
points = 10
scope = "every step"
"""

    kind: Literal["progress"]

    def asked(self, dataset: Dataset) -> str:
        """What the Target says."""
        return "a change from the step before that does what the Target says"

    def judge(self, step: Step, evidence: Evidence) -> Finding:
        """The share of the Target's aims that came about."""
        place = [other.name for other in evidence.steps].index(step.name)
        if place == 0:
            return Finding(1, "the first step", "nothing stands before it")
        before = evidence.steps[place - 1]
        if before.network is None or before.recipe is None:
            return Finding(1, "", f"{before.name} could not be observed, so nothing is compared")
        changes = changed(before, step)
        if not changes:
            return Finding(0, "nothing changed", f"network and recipe are those of {before.name}")
        outcomes = [
            outcome
            for aim in aims.read(step.notes.target)
            if (outcome := _outcome(aim, before, step, evidence.dataset))
        ]
        if not outcomes:
            return Finding(1, "; ".join(changes), "its Target names nothing that was measured")
        met = sum(outcome.met for outcome in outcomes)
        why = "; ".join(("" if o.met else "not ") + o.words for o in outcomes)
        return Finding(met / len(outcomes), "; ".join(changes), why)


class Outcome(NamedTuple):
    """Whether an aim came about, and in what words that is told."""

    met: bool
    words: str


def _outcome(aim: Aim, before: Step, after: Step, dataset: Dataset) -> Outcome | None:
    """Whether the aim came about; None where it was not measured."""
    if aim.quantity == "parameters":
        assert before.network and after.network
        old, new = before.network.parameters.judged, after.network.parameters.judged
        if aim.below:
            return Outcome(new < aim.below, f"{aim.words}: {new:,}")
        return Outcome(aim.sign * (new - old) > 0, f"{aim.words}: {old:,} to {new:,}")
    measure = mean_gap if aim.quantity == "gap" else mean_best
    was, became = measure(before, dataset), measure(after, dataset)
    if was is None or became is None:
        return None
    grown = aim.sign * (became - was)
    told = f"{aim.words}: {was:.2f} % to {became:.2f} %"
    if aim.quantity == "gap" and became <= 0:
        return Outcome(True, told)  # no over-fitting is left, whatever the step before had
    if -SPREAD <= grown <= 0:
        return Outcome(True, f"{told}, within the spread of runs")
    return Outcome(grown > 0, told)
