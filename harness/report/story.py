"""What a learner's page tells in words: how each step came out, and the series of them.

Must not know any format's syntax.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from statistics import median_low
from typing import NamedTuple

from harness import techniques
from harness.changes import changed
from harness.evidence import Dataset, Mistake, Step
from harness.measures import (
    SPREAD,
    Fit,
    fit,
    mean_best,
    mean_gap,
    test_accuracies,
    training_accuracies,
)
from harness.percentage import percent
from harness.report import words
from harness.scorecard import Bar, Mark, Scorecard

CONSISTENT = 3
"""The last epochs that are told where no check says how many."""


class Fitted(NamedTuple):
    """How training and test accuracy lie to each other."""

    name: Fit
    sentence: str


class Changed(NamedTuple):
    """What a step does otherwise than the one before it, and what came of it."""

    before: str
    """Name of the step before."""
    phrases: list[str]
    effects: list[str]


# A step --------------------------------------------------------------------------------------


def outcome(step: Step, scorecard: Scorecard) -> str:
    """How a step came out, in one sentence."""
    marks = words.marks_of(step, scorecard)
    total = f"{words.earned(step, scorecard)} points"
    if not marks:
        return "the rubric asks nothing of this step"
    if any(mark.status == "not graded" for mark in marks):
        return f"{total}, and not all of it could be graded: the fault is not the submission's"
    told = [
        f"{_listed([mark.check for mark in marks if mark.status == status])} {how}"
        for status, how in (("failed", "missed"), ("partly", "held in part"))
        if any(mark.status == status for mark in marks)
    ]
    if step.fault:
        told.insert(0, "it could not be measured as a whole")
    if awaiting := [mark.check for mark in marks if mark.status == "awaiting"]:
        told.append(f"{_listed(awaiting)} {'await' if len(awaiting) > 1 else 'awaits'} a person")
    return f"{total}: {'; '.join(told) or 'all that is asked of it is there'}"


def fitting(step: Step, dataset: Dataset) -> Fitted | None:
    """The gap between training and test accuracy after the last epoch, with its name.

    None where it is not known. As `measures.fit` has it, which agrees with the check of claims.
    """
    gap = mean_gap(step, dataset)
    if gap is None:
        return None
    trained = [found[-1] for run in step.runs if (found := training_accuracies(run, dataset))]
    tested = [
        test_accuracies(run, dataset)[-1] for run in step.runs if training_accuracies(run, dataset)
    ]
    ends = f"{_mean(trained):.2f} % in training, {_mean(tested):.2f} % on the test images"
    name = fit(gap)
    told = f"{abs(gap):.2f} points {'above' if gap > 0 else 'below'} test accuracy ({ends})"
    if len(trained) > 1:
        told += f", over {len(trained)} runs"
    harder = [
        technique
        for technique in ("dropout", "image augmentation")
        if technique in techniques.used(step)
    ]
    if gap < 0 and harder:
        makes = "make" if len(harder) > 1 else "makes"
        told += f"; {' and '.join(harder)} {makes} the training side the harder one"
    return Fitted(name, f"training accuracy ends {told}")


def since(before: Step, after: Step, dataset: Dataset) -> Changed | None:
    """What changed since the step before; None where either could not be observed."""
    if not (before.network and before.recipe and after.network and after.recipe):
        return None
    effects = []
    if (was := mean_best(before, dataset)) is not None:
        became = mean_best(after, dataset)
        if became is not None:
            step = f"best test accuracy {was:.2f} % to {became:.2f} %"
            near = " (no more than trainings differ by)" if abs(became - was) <= SPREAD else ""
            effects.append(step + near)
    gaps = mean_gap(before, dataset), mean_gap(after, dataset)
    if gaps[0] is not None and gaps[1] is not None:
        effects.append(f"gap {_signed(gaps[0])} to {_signed(gaps[1])} points")
    return Changed(before.name, changed(before, after), effects)


def bars(step: Step, scorecard: Scorecard) -> tuple[list[Bar], bool]:
    """The test accuracies that are asked, and whether of this step.

    Those of the last step stand in where a step has none of its own, to see how far it still is.
    """
    own = _bars(words.marks_of(step, scorecard), "test accuracy")
    return (own, True) if own else (_bars(scorecard.marks, "test accuracy"), False)


def limits(scorecard: Scorecard) -> list[Bar]:
    """All that is asked of the accuracy and of the parameters, for the chart of the series."""
    return _bars(scorecard.marks, "parameters") + _bars(scorecard.marks, "test accuracy")


def _bars(marks: Sequence[Mark], quantity: str) -> list[Bar]:
    found = {mark.bar: None for mark in marks if mark.bar and mark.bar.quantity == quantity}
    return list(found)


# The series ----------------------------------------------------------------------------------


def window(scorecard: Scorecard) -> int:
    """How many of the last epochs an accuracy is held over."""
    asked = _bars(scorecard.marks, "test accuracy")
    return asked[0].last_epochs if asked else CONSISTENT


def lowest_of(scorecard: Scorecard) -> str:
    """What is told of each step's accuracy, in a few words."""
    many = window(scorecard)
    return f"lowest of the last {many} epochs" if many > 1 else "after the last epoch"


def lowest(step: Step, many: int) -> int | None:
    """The lowest count of the last epochs, of the median run; None where none was completed."""
    found = [
        min(epoch.test_correct for epoch in run.epochs[-many:])
        for run in step.runs
        if run.complete and run.epochs
    ]
    return median_low(found) if found else None


# The mistakes --------------------------------------------------------------------------------


class Confusion(NamedTuple):
    """Test images of one digit that were taken for another."""

    label: int
    answer: int
    mistakes: list[Mistake]


def confusions(step: Step) -> list[Confusion]:
    """What a step's network got wrong after its last epoch, the most frequent confusion first."""
    run = next((run for run in step.runs if run.epochs and run.complete), None)
    mistakes = run.mistakes if run else []
    by_kind = sorted(mistakes, key=lambda each: (each.label, each.answer))
    groups = groupby(by_kind, key=lambda each: (each.label, each.answer))
    found = [Confusion(label, answer, list(group)) for (label, answer), group in groups]
    return sorted(found, key=lambda each: -len(each.mistakes))


def wrong(step: Step, dataset: Dataset) -> list[str]:
    """How many images were got wrong, how many of them are kept, and what was confused most.

    Empty where nothing was trained.
    """
    run = next((run for run in step.runs if run.epochs and run.complete), None)
    if run is None:
        return []
    total, kept = dataset.test_size - run.epochs[-1].test_correct, len(run.mistakes)
    share = percent(total, dataset.test_size)
    of = f"{total:,} of {dataset.test_size:,} test images ({share})"
    told = [f"{of} {'was' if total == 1 else 'were'} answered wrongly after the last epoch."]
    if total and not kept:
        told.append("Which of them was not kept with this evidence; a new grade keeps them.")
    elif kept < total:
        told.append(f"These are the {kept} of which the network was surest.")
    most = confusions(step)[:1]
    if most and len(most[0].mistakes) > 1:
        times = len(most[0].mistakes)
        told.append(
            f"Most often a {most[0].label} was taken for a {most[0].answer}: {times} times."
        )
    return told


def _signed(gap: float) -> str:
    """`+0.41`, and no `-0.00`."""
    return f"{round(gap, 2) or 0:+.2f}"


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _listed(names: Sequence[str]) -> str:
    """`notes`, `notes and claims`, `epochs, notes and claims`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
