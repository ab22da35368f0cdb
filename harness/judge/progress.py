"""The check `progress`: what a step changed, and whether that did what its Target said."""

from __future__ import annotations

import re
from typing import ClassVar, Literal, NamedTuple

from harness import techniques
from harness.evidence import Dataset, Evidence, Step
from harness.judge.measures import SPREAD, mean_best, mean_gap
from harness.rubric import Check, Finding


class Aim(NamedTuple):
    """Something that a Target may set out to do, and that can be measured."""

    words: str
    pattern: str
    """A regular expression, whatever the case."""
    quantity: Literal["parameters", "gap", "accuracy"]
    sign: int
    """+1 if the quantity is to grow."""


_LESS = r"(?:reduc|decreas|fewer|less|light|small|cut|lower|shrink|under)\w*"
_MORE = r"(?:increas|improv|rais|higher|better|boost|enhanc|push|more)\w*"
_NEAR = r"(?:\W+\w+){0,5}?\W+"

AIMS = (
    Aim("fewer parameters", rf"{_LESS}{_NEAR}(?:param|kernel|model\b)|lighter", "parameters", -1),
    Aim("more parameters", rf"{_MORE}{_NEAR}(?:capacity|param)", "parameters", +1),
    Aim("a smaller gap", r"regulari[sz]|over-?\s?fitting", "gap", -1),
    Aim(
        "a higher accuracy",
        rf"{_MORE}{_NEAR}(?:accurac|performance|efficien|model\b)",
        "accuracy",
        +1,
    ),
)
"""What Targets of this exercise say, and what would show it."""


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
        aims = [aim for aim in AIMS if re.search(aim.pattern, step.notes.target, re.IGNORECASE)]
        outcomes = [
            outcome for aim in aims if (outcome := _outcome(aim, before, step, evidence.dataset))
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
    recipes = (before.recipe.model_dump(), after.recipe.model_dump())
    phrases += [f"another {key}" for key in recipes[0] if recipes[0][key] != recipes[1][key]]
    if not phrases and before.network.digest != after.network.digest:
        phrases.append("another network of the same size")
    return phrases


def _outcome(aim: Aim, before: Step, after: Step, dataset: Dataset) -> Outcome | None:
    """Whether the aim came about; None where it was not measured."""
    if aim.quantity == "parameters":
        assert before.network and after.network
        old, new = before.network.parameters.judged, after.network.parameters.judged
        return Outcome(aim.sign * (new - old) > 0, f"{aim.words}: {old:,} to {new:,}")
    measure = mean_gap if aim.quantity == "gap" else mean_best
    was, became = measure(before, dataset), measure(after, dataset)
    if was is None or became is None:
        return None
    grown = aim.sign * (became - was)
    told = f"{aim.words}: {was:.2f} % to {became:.2f} %"
    if -SPREAD <= grown <= 0:
        return Outcome(True, f"{told}, within the spread of runs")
    return Outcome(grown > 0, told)
