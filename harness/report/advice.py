"""What a learner would do best to change, and what already holds with room, from the evidence.

Every sentence is earned by what was measured; nothing is said that would suit any submission. Must
not know any format's syntax.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from harness.evidence import Run, Step
from harness.measures import last_epochs
from harness.report import words
from harness.report.story import fitting
from harness.scorecard import Bar, Mark, Scorecard

MOST_RUNS = 5
"""Runs that are told one by one."""

MOST_REASONS = 12
"""Steps that one piece of advice goes through."""


class Reason(NamedTuple):
    """Why points were lost in one step."""

    step: str
    """Its name; empty for the whole submission."""
    sentence: str


class Advice(NamedTuple):
    """What would be worth changing."""

    what: str
    """The check, or what the points hang on."""
    points: float
    """Lost, or still to be had."""
    required: bool
    bonus: bool
    reasons: list[Reason]


def advice(scorecard: Scorecard) -> list[Advice]:
    """What cost points, what is required first, then the dearest first, and a bonus last."""
    lost = [mark for mark in scorecard.marks if mark.status in ("partly", "failed")]
    found = [*_faulty(lost, scorecard), *_missed(lost, scorecard)]
    return sorted(found, key=lambda each: (each.bonus, not each.required, -each.points))


def spare(scorecard: Scorecard) -> list[str]:
    """By how much the last step that was measured meets what is asked, a sentence each."""
    found = []
    for mark in scorecard.marks:
        step = _step(scorecard, mark)
        met = mark.status == "passed" and not mark.overridden
        if met and mark.bar and step and step is _last(scorecard):
            if mark.bar.quantity == "parameters":
                found.append(f"{mark.measured} parameters: {mark.why}.")
            else:
                told = held(step.runs, mark.bar)
                found += [words.sentence(phrase) for phrase in told]
    return list(dict.fromkeys(found))


def held(runs: Sequence[Run], bar: Bar) -> list[str]:
    """Which of the last epochs hold a count of right answers and by how many images others miss it.

    Of many runs those that miss it come first, and no more than a few are told.
    """
    told = [(_holds(run, bar), run) for run in runs if run.epochs]
    told.sort(key=lambda each: each[0])
    several = len(runs) > 1
    sentences = [
        f"{words.training(run)}: " * several + _epochs_held(run, bar) for _, run in told[:MOST_RUNS]
    ]
    if len(told) > MOST_RUNS:
        sentences.append(f"and {len(told) - MOST_RUNS} further runs, in which no fewer hold it")
    return sentences


def _faulty(lost: Sequence[Mark], scorecard: Scorecard) -> Iterator[Advice]:
    """All points that hang on a step's fault: one thing to mend."""
    for step in scorecard.evidence.steps:
        marks = [mark for mark in lost if mark.step == step.name and _hangs(mark)]
        if step.fault and marks:
            told = words.fault_of(step)[0]
            required = any(mark.required for mark in marks)
            points = sum(mark.out_of - mark.points for mark in marks if not mark.bonus)
            what = "a step that could not be measured"
            yield Advice(what, points, required, False, [Reason(step.name, told)])


def _hangs(mark: Mark) -> bool:
    """Whether a mark on a step with a fault lost its points through that."""
    return not mark.measured and not mark.overridden


def _missed(lost: Sequence[Mark], scorecard: Scorecard) -> Iterator[Advice]:
    """Each check that was missed, with every step in which it was."""
    faulty = {step.name for step in scorecard.evidence.steps if step.fault}
    marks = [mark for mark in lost if mark.step not in faulty or not _hangs(mark)]
    marks.sort(key=lambda mark: mark.check)
    for check, group in groupby(marks, key=lambda mark: mark.check):
        missed = list(group)
        points = sum(mark.out_of - mark.points for mark in missed)
        required = any(mark.required for mark in missed)
        reasons = [
            Reason(mark.step, sentence) for mark in missed for sentence in _why(mark, scorecard)
        ]
        yield Advice(check, points, required, missed[0].bonus, _together(reasons))


def _together(reasons: Sequence[Reason]) -> list[Reason]:
    """One reason in place of many that say the same, and no endless list."""
    sentences = {reason.sentence for reason in reasons}
    if len(reasons) > 2 and len(sentences) == 1:
        return [Reason("", f"in {len(reasons)} steps: {sentences.pop()}")]
    if len(reasons) > MOST_REASONS:
        rest = len(reasons) - MOST_REASONS
        return [*reasons[:MOST_REASONS], Reason("", f"and {rest} more, in the tables below")]
    return list(reasons)


def _why(mark: Mark, scorecard: Scorecard) -> list[str]:
    """Why a mark lost points: the sentences that the evidence has for it, else the mark's own."""
    step = _step(scorecard, mark)
    wrong = [each for each in mark.compared if each.met is False]
    if wrong and not mark.overridden:
        return [
            f"{words.about(each.claim)}: “{each.claim.written}”, and measured: {each.measured}"
            for each in wrong
        ]
    if mark.overridden or mark.bar is None or step is None or step.network is None:
        return [mark.why]
    if mark.bar.quantity == "parameters":
        return [f"{mark.measured}, {mark.why}{_heaviest(step, mark.bar)}"]
    if any(run.fault or not run.complete for run in step.runs) or not step.runs:
        return [mark.why]
    found = held(step.runs, mark.bar) + _steadiness(step, mark.bar)
    if (fitted := fitting(step, scorecard.evidence.dataset)) and fitted.name != "neither":
        found.append(f"{fitted.name}: {fitted.sentence}")
    return found


def _heaviest(step: Step, bar: Bar) -> str:
    """The layer that holds most, where a limit is missed."""
    assert step.network is not None
    layer = max(step.network.layers, key=lambda each: each.parameters, default=None)
    if layer is None or not layer.parameters:
        return ""
    over = step.network.parameters.judged - bar.value
    alone = ", more than what is over" if layer.parameters > over >= 0 else ""
    arithmetic = f" ({layer.arithmetic})" if layer.arithmetic else ""
    return f"; {layer.name} alone holds {layer.parameters:,}{arithmetic}{alone}"


def _steadiness(step: Step, bar: Bar) -> list[str]:
    """Where the last epochs jump under a learning rate that never falls."""
    for run in step.runs:
        rates = {epoch.learning_rate for epoch in run.epochs}
        counts = [epoch.test_correct for epoch in run.epochs[-5:]]
        swing = max(counts) - min(counts)
        if len(counts) == 5 and len(rates) == 1 and max(counts) >= bar.value > min(counts):
            return [
                f"from epoch {run.epochs[-5].number} on its count moves by {swing:,} images while "
                f"the learning rate stays at {rates.pop():g}; a rate that falls would steady it"
            ]
    return []


def _holds(run: Run, bar: Bar) -> int:
    return sum(epoch.test_correct >= bar.value for epoch in last_epochs(run, bar.last_epochs))


def _epochs_held(run: Run, bar: Bar) -> str:
    """`epochs 13 and 14 hold 9,940, epoch 15 misses it by 2 images`."""
    window = last_epochs(run, bar.last_epochs)
    hold = [epoch.number for epoch in window if epoch.test_correct >= bar.value]
    misses = [
        (epoch.number, bar.value - epoch.test_correct)
        for epoch in window
        if epoch.test_correct < bar.value
    ]
    asked = f"{bar.value:,}"
    if not misses:
        over = min(epoch.test_correct for epoch in window) - bar.value if window else 0
        to_spare = f"with {words.images(over)} to spare" if over else "with no image to spare"
        return f"{_numbered(hold)} {asked}, {to_spare}"
    lacks = [f"epoch {number} by {lack:,}" for number, lack in misses]
    if hold:
        number, lack = misses[0]
        by = f"epoch {number} misses it by {words.images(lack)}"
        return f"{_numbered(hold)} {asked}, " + ", ".join([by, *lacks[1:]])
    number, lack = misses[0]
    first = f"epoch {number} misses {asked} by {words.images(lack)}"
    best = max(run.epochs, key=lambda epoch: epoch.test_correct)
    told = f"epoch {best.number} had most, {best.test_correct:,}"
    if best.test_correct >= bar.value:
        told += ", and does not count: it is not among the last"
    return f"{', '.join([first, *lacks[1:]])}; {told}"


def _numbered(numbers: Sequence[int]) -> str:
    """`epoch 14 holds`, `epochs 13, 14 and 15 hold`."""
    if len(numbers) == 1:
        return f"epoch {numbers[0]} holds"
    return f"epochs {', '.join(map(str, numbers[:-1]))} and {numbers[-1]} hold"


def _step(scorecard: Scorecard, mark: Mark) -> Step | None:
    """The step of a mark; of one on the whole submission the last."""
    return next(
        (s for s in scorecard.evidence.steps if s.name == mark.step),
        None if mark.step else _last(scorecard),
    )


def _last(scorecard: Scorecard) -> Step | None:
    return scorecard.evidence.steps[-1] if scorecard.evidence.steps else None
