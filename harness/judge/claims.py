"""The check `claims`: what notes and stored outputs say, against what was measured."""

from __future__ import annotations

import re
from itertools import combinations, groupby
from typing import ClassVar, Literal

from harness import techniques
from harness.claims import Claim
from harness.evidence import Dataset, Evidence, Step
from harness.judge import logs
from harness.measures import CLEAR_GAP, SPREAD, mean_gap, test_accuracies, training_accuracies
from harness.percentage import Percentage
from harness.rubric import Check, Finding
from harness.scorecard import Compared


class Claims(Check):
    """What the notes state is what was measured, at the precision in which it is written.

    So with what a notebook printed when it was handed in, and with what a network is said to be
    built with. Every claim that can be held against a measurement earns an equal share. Accuracies
    come from other random numbers than the learner's, so they may differ by the spread of runs; for
    that reason the epoch that is said to have reached one first is only held against the
    notebook's own log, for a person to look at.
    """

    needs: ClassVar[tuple[str, ...]] = ("network",)
    takes: ClassVar[tuple[str, ...]] = ("runs",)
    example: ClassVar[str] = """
[[checks]]
kind = "claims"
accuracy_within = "0.2 %"
points = 10
scope = "every step"
"""

    kind: Literal["claims"]
    accuracy_within: Percentage = Percentage(f"{SPREAD} %")
    """Points of percent by which a claimed accuracy may differ from the nearest run's."""

    def asked(self, dataset: Dataset) -> str:
        """How near a claim must be."""
        return f"parameters as written, accuracies within {self.accuracy_within}"

    def judge(self, step: Step, evidence: Evidence) -> Finding:
        """The share of the claims that are right."""
        claims = [claim for claim in step.claims if claim.quantity != "epoch reached"]
        compared = [
            Compared(claim=claim, met=met, measured=measured)
            for claim in claims
            for met, measured in [self._compare(claim, step, evidence.dataset) or (None, "")]
        ]
        right = sum(each.met is True for each in compared)
        wrong = [f"“{c.claim.written}”: {c.measured}" for c in compared if c.met is False]
        total = right + len(wrong)
        review = (*_contradictions(claims), *logs.contradictions(step.claims, step.logged))
        if not total and claims:
            why = "there is nothing to compare before training"
            return Finding(1, "not measured yet", why, review, tuple(compared))
        if not total and re.search(r"\d", step.notes.result + step.notes.analysis):
            # To miss a claim must cost nobody anything.
            unread = "the notes hold figures, and none could be read as a claim"
            return Finding(1, "no claim", unread, (*review, unread))
        if not total:
            return Finding(0, "no claim", "the notes state no figure")
        measured = f"{right} of {total} claims right"
        if total < len(claims):
            measured += f", {len(claims) - total} not measured{'' if step.runs else ' yet'}"
        why = "; ".join(wrong + _used_only(step)) or "as measured"
        return Finding(right / total, measured, why, review, tuple(compared))

    def _compare(self, claim: Claim, step: Step, dataset: Dataset) -> tuple[bool, str] | None:
        """Whether a claim is right, and what was measured; None where nothing was."""
        assert step.network is not None
        runs = [run for run in step.runs if run.epochs]
        if claim.quantity == "parameters":
            held, used = step.network.parameters.judged, step.network.parameters.used
            told = f"{held:,}" if held == used else f"{held:,} held, {used:,} used"
            return _within(claim, held) or _within(claim, used), told
        if claim.quantity == "epochs":
            if step.recipe is None:
                return None
            return _within(claim, step.recipe.epochs), f"{step.recipe.epochs}"
        if claim.quantity in ("technique", "convolutions"):
            return _structure(claim, step)
        if not runs:
            # Before training there is nothing to compare; after a fault of its own, nothing holds.
            return (False, "nothing was trained") if step.fault else None
        if claim.quantity in ("over-fitting", "under-fitting"):
            found = mean_gap(step, dataset)
            return None if found is None else _fitting(claim, found)
        on_test = claim.quantity == "test accuracy"
        if on_test and claim.out_of not in (None, dataset.test_size):
            return False, f"the test set has {dataset.test_size:,} images"
        # A claim need not be of the best epoch; one above the best is what has to be told.
        measure = test_accuracies if on_test else training_accuracies
        runs = [run for run in runs if measure(run, dataset)]
        if not runs:
            return None
        slack = float(self.accuracy_within.share * 100)
        met = any(_within(claim, v, slack) for run in runs for v in measure(run, dataset))
        return met, "at best " + ", ".join(f"{max(measure(r, dataset)):.2f} %" for r in runs)


def _structure(claim: Claim, step: Step) -> tuple[bool, str] | None:
    """Whether a network has what it is said to be made of."""
    assert step.network is not None
    if claim.quantity == "technique":
        met = techniques.spoken_of(claim.of, step)
        return None if met is None else (met, claim.of if met else f"no {claim.of}")
    kinds = [
        " x ".join(map(str, layer.kernel)) if layer.kind == "Conv2d" else layer.kind
        for layer in step.network.layers
    ]
    # Who counts one by one may speak of those up to a pooling, and go on to the others.
    stretches = [list(some) for pools, some in groupby(kinds, lambda k: "Pool" in k) if not pools]
    found = kinds.count(claim.of)
    counts = {found, *(stretch.count(claim.of) for stretch in stretches)}
    return any(_within(claim, n) for n in counts), f"{found} convolutions of {claim.of}"


def _used_only(step: Step) -> list[str]:
    """Claims of the parameters that a forward pass uses, where the network holds others too."""
    assert step.network is not None
    held, used = step.network.parameters.judged, step.network.parameters.used
    return [
        f"“{claim.written}” counts those that a forward pass uses, of {held:,} held"
        for claim in step.claims
        if claim.quantity == "parameters" and _within(claim, used) and not _within(claim, held)
    ]


def _contradictions(claims: list[Claim]) -> list[str]:
    """Pairs of claims in the notes about one thing that no measurement could meet both."""
    claims = [claim for claim in claims if claim.where != "output"]
    return [
        f"the notes say both “{one.written}” and “{other.written}”"
        for one, other in combinations(claims, 2)
        if (one.quantity, one.of) == (other.quantity, other.of)
        and (
            one.holds != other.holds
            or _above(one.lowest, other.below)
            or _above(other.lowest, one.below)
        )
    ]


def _above(lowest: float | None, below: float | None) -> bool:
    return lowest is not None and below is not None and lowest >= below


def _within(claim: Claim, value: float, slack: float = 0.0) -> bool:
    """Whether a value would be written as the claim is, or lies so near."""
    if claim.lowest is not None and value < claim.lowest - slack:
        return False
    return claim.below is None or value < claim.below + slack


def _fitting(claim: Claim, gap: float) -> tuple[bool, str]:
    """Whether over- or under-fitting may be said of a gap between training and test accuracy."""
    told = f"training {abs(gap):.2f} points {'above' if gap > 0 else 'below'} test"
    excess = gap if claim.quantity == "over-fitting" else -gap
    if claim.holds:
        return excess > (-SPREAD if claim.quantity == "over-fitting" else -CLEAR_GAP), told
    return excess <= CLEAR_GAP, told
