"""The check `progress`: what a step changed, and whether that did what its Target said."""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

from harness import aims, techniques
from harness.aims import Aim
from harness.evidence import Dataset, Evidence, Step
from harness.judge.measures import SPREAD, mean_best, mean_gap
from harness.rubric import Check, Finding

_OTHERWISE = {
    "batch_size": "another batch size",
    "optimizer": "another optimiser or other settings of it",
    "scheduler": "another learning-rate schedule",
    "augment": "another image augmentation",
    "loss": "another loss",
    "normalize": "another normalisation of the images",
}
"""What is said where a part of the recipe differs; epochs are numbers of their own."""


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


def changed(before: Step, after: Step) -> list[str]:
    """What a step does otherwise than the step before it, a phrase each."""
    assert before.network and before.recipe and after.network and after.recipe
    phrases = []
    old, new = before.network.parameters.judged, after.network.parameters.judged
    if old != new:
        phrases.append(f"parameters {old:,} to {new:,}")
    had, has = techniques.used(before), techniques.used(after)
    phrases += [f"with {technique}" for technique in has if technique not in had]
    phrases += [f"without {technique}" for technique in had if technique not in has]
    if before.recipe.epochs != after.recipe.epochs:
        phrases.append(f"{before.recipe.epochs} epochs to {after.recipe.epochs}")
    was, now = before.recipe.model_dump(), after.recipe.model_dump()
    for key, phrase in _OTHERWISE.items():
        told = key in ("scheduler", "augment") and not (was[key] and now[key])  # with, or without
        if was[key] != now[key] and not told:
            phrases.append(phrase)
    if not phrases and before.network.digest != after.network.digest:
        phrases.append("another network of the same size")
    return phrases


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
