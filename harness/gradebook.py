"""The gradebook: a class's scorecards side by side, and what stands out among them.

Must not know any format, nor how a check judges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Literal, NamedTuple

from harness.evidence import Fault, Run, Step
from harness.likeness import Likeness, alike
from harness.scorecard import Mark, Scorecard

LAST = 3
"""The last epochs that a gradebook shows, whatever the rubric's window is."""

Need = Literal[
    "not graded", "not runnable", "over-claimed", "awaits points", "to look at", "inconclusive"
]
"""Why a submission is for a person: the machine's or the harness's fault, its own, a claim that
does not hold, points that only a person awards, what a check found odd, and what its runs are too
few to settle."""


class Concern(NamedTuple):
    """Something that a person should know of."""

    need: Need
    sentence: str


class Row(NamedTuple):
    """A submission in one line."""

    scorecard: Scorecard
    learner: str
    """The name by the roster, else the author's, else that of the submission."""
    steps: list[tuple[str, float, float]]
    """Each step's name, its points and those that it could earn."""
    whole: tuple[float, float]
    """The same of the checks on the submission as a whole."""
    parameters: int | None
    """Of the final step's network."""
    last: list[int]
    """Correct test answers after the last epochs of its first run that changed its weights; none
    of a run that did not come to its end."""
    of: int
    """Test images."""
    concerns: list[Concern]

    @property
    def name(self) -> str:
        """The submission's."""
        return self.scorecard.evidence.submission

    @property
    def share(self) -> float:
        """Of the points that could be earned."""
        return self.scorecard.points / self.scorecard.out_of if self.scorecard.out_of else 0.0

    @property
    def findings(self) -> list[str]:
        """What a person should know of, a sentence each."""
        return [concern.sentence for concern in self.concerns]


class Failing(NamedTuple):
    """How often a check was missed, of how many times that it was judged."""

    check: str
    missed: int
    judged: int


class Gradebook(NamedTuple):
    """A class at a glance."""

    rubric: str
    rows: list[Row]
    """By the learners' names."""
    front: list[Row]
    """Those that no other beats in parameters or the worst of the last epochs without losing in
    the other."""
    failing: list[Failing]
    """The checks that are missed most often first."""
    likenesses: list[Likeness]
    """The pairs that are most alike first."""
    widespread: list[str]
    """What so many share that it was held against nobody, a sentence each."""


def gradebook(scorecards: Sequence[Scorecard], starters: Collection[str] = ()) -> Gradebook:
    """The gradebook of a class.

    Args:
        scorecards: by one rubric, a submission each.
        starters: names of submissions that are starter code; they are nobody's, and left out.
    """
    learners = [card for card in scorecards if card.evidence.submission not in starters]
    rows = sorted(map(row, learners), key=lambda row: (row.learner.casefold(), row.name))
    pairs, widespread = alike([card.evidence for card in scorecards], starters)
    return Gradebook(
        rubric=learners[0].rubric if learners else "",
        rows=rows,
        front=front(rows),
        failing=failing(learners),
        likenesses=pairs,
        widespread=widespread,
    )


def row(scorecard: Scorecard) -> Row:
    """A submission in one line."""
    evidence = scorecard.evidence
    last = evidence.steps[-1] if evidence.steps else None
    run = _run(last) if last else None
    return Row(
        scorecard=scorecard,
        learner=(scorecard.learner.shown if scorecard.learner else "")
        or evidence.author
        or evidence.submission,
        steps=[(step.name, *_earned(step.name, scorecard.marks)) for step in evidence.steps],
        whole=_earned("", scorecard.marks),
        parameters=last.network.parameters.judged if last and last.network else None,
        last=_last(run) if run else [],
        of=evidence.dataset.test_size,
        concerns=list(_concerns(scorecard)),
    )


def front(rows: Sequence[Row]) -> list[Row]:
    """The Pareto front of parameters against accuracy, from the smallest network to the largest.

    A network's accuracy is the worst of its last epochs; one that no run completed has none, and
    neither has one that the check of integrity found fault with.
    """
    able = [
        (row.parameters, -min(row.last), row)
        for row in rows
        if row.parameters is not None and len(row.last) == LAST and not _in_doubt(row)
    ]
    found: list[Row] = []
    best = (0, 1)
    for parameters, missed, each in sorted(able, key=lambda one: one[:2]):
        if missed < best[1] or (parameters, missed) == best:  # equals share their place
            best = (parameters, missed)
            found.append(each)
    return found


def failing(scorecards: Sequence[Scorecard]) -> list[Failing]:
    """How often each check was missed, be it in part."""
    marks = [mark for card in scorecards for mark in card.marks if not mark.bonus]
    settled = [mark for mark in marks if mark.status in ("passed", "partly", "failed")]
    judged = Counter(mark.check for mark in settled)
    missed = Counter(mark.check for mark in settled if mark.status != "passed")
    return [Failing(check, number, judged[check]) for check, number in missed.most_common()]


def _run(step: Step) -> Run | None:
    """The first of its runs that was measured; else the notebook's own training."""
    return next((run for run in [*step.runs, *reversed(step.observed)] if run.epochs), None)


def _last(run: Run) -> list[int]:
    moved = [epoch for epoch in run.epochs if epoch.moved or epoch.number == 1]
    return [epoch.test_correct for epoch in moved[-LAST:]] if run.complete and not run.fault else []


def _in_doubt(row: Row) -> bool:
    marks = [mark for mark in row.scorecard.marks if mark.kind == "integrity"]
    last = row.steps[-1][0]
    return any(mark.status == "failed" and mark.step in ("", last) for mark in marks)


def _earned(step: str, marks: Sequence[Mark]) -> tuple[float, float]:
    own = [mark for mark in marks if mark.step == step]
    could = [mark.out_of for mark in own if not mark.bonus and mark.status != "awaiting"]
    return sum(mark.points for mark in own), sum(could)


def _concerns(scorecard: Scorecard) -> Iterator[Concern]:
    """What needs a person: what could not be graded or run, what is over-claimed, what is odd."""
    for fault in dict.fromkeys(scorecard.faults):
        need: Need = "not runnable" if fault.owner == "submission" else "not graded"
        where = ", ".join([*_struck(fault, scorecard.evidence.steps), ""])
        said = f"{where}{fault.owner}'s fault, at {fault.stage}: {fault.message}"
        yield Concern(need, said)
    claims = {step.name for step in scorecard.evidence.steps if step.claims}
    for mark in scorecard.marks:
        where = f"{mark.step}, {mark.check}" if mark.step else mark.check
        # Of notes without a claim, or of a network that could not be observed, nothing was held
        # against anything.
        held = mark.kind == "claims" and mark.measured and mark.step in claims
        if held and mark.status in ("partly", "failed") and not mark.overridden:
            yield Concern("over-claimed", f"{where}: claimed, and not so: {mark.why}")
        for sentence in mark.review:
            # With one seed every verdict on accuracy is; it must not hide what is odd.
            settled = "inconclusive" not in sentence or mark.kind != "accuracy"
            yield Concern("to look at" if settled else "inconclusive", f"{where}: {sentence}")
        if mark.status == "awaiting":
            said = f"{where}: {mark.asked} ({mark.out_of:g} points await a person)"
            yield Concern("awaits points", said)


def _struck(fault: Fault, steps: Sequence[Step]) -> list[str]:
    """The steps that a fault kept from being observed, or one of their runs."""
    return [
        step.name
        for step in steps
        if fault in (step.fault, *(run.fault for run in [*step.observed, *step.runs]))
    ]
