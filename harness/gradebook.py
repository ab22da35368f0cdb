"""The gradebook: a class's scorecards side by side, and what stands out among them.

Must not know any format, nor how a check judges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

from harness.evidence import Run, Step
from harness.likeness import Likeness, likenesses
from harness.scorecard import Mark, Scorecard


class Row(NamedTuple):
    """A submission in one line."""

    scorecard: Scorecard
    learner: str
    """The name by the roster, else the author's, else that of the submission."""
    steps: list[tuple[str, float, float]]
    """Each step's name, its points and those that it could earn."""
    parameters: int | None
    """Of the final step's network."""
    last: list[int]
    """Correct test answers after its last three epochs, in its first run."""
    of: int
    """Test images."""
    findings: list[str]
    """What a person should know of, a sentence each."""

    @property
    def name(self) -> str:
        """The submission's."""
        return self.scorecard.evidence.submission

    @property
    def share(self) -> float:
        """Of the points that could be earned."""
        return self.scorecard.points / self.scorecard.out_of if self.scorecard.out_of else 0.0


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
    """Those that no other beats in both the parameters and the worst of the last epochs."""
    failing: list[Failing]
    """The checks that are missed most often first."""
    likenesses: list[Likeness]


def gradebook(scorecards: Sequence[Scorecard], starters: Collection[str] = ()) -> Gradebook:
    """The gradebook of a class.

    Args:
        scorecards: by one rubric, a submission each.
        starters: names of submissions that are starter code; they are nobody's, and left out.
    """
    learners = [card for card in scorecards if card.evidence.submission not in starters]
    rows = sorted(map(row, learners), key=lambda row: (row.learner.casefold(), row.name))
    return Gradebook(
        rubric=learners[0].rubric if learners else "",
        rows=rows,
        front=front(rows),
        failing=failing(learners),
        likenesses=likenesses([card.evidence for card in scorecards], starters),
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
        steps=[(step.name, *_earned(step, scorecard.marks)) for step in evidence.steps],
        parameters=last.network.parameters.judged if last and last.network else None,
        last=[epoch.test_correct for epoch in run.epochs[-3:]] if run else [],
        of=evidence.dataset.test_size,
        findings=_findings(scorecard),
    )


def front(rows: Sequence[Row]) -> list[Row]:
    """The Pareto front of parameters against accuracy, from the smallest network to the largest.

    A network's accuracy is the worst of its last three epochs; one that no run completed has none.
    """
    best = -1
    found = []
    able = [row for row in rows if row.parameters is not None and len(row.last) == 3]
    for each in sorted(able, key=lambda row: (row.parameters or 0, -min(row.last))):
        if min(each.last) > best:
            best = min(each.last)
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


def _earned(step: Step, marks: Sequence[Mark]) -> tuple[float, float]:
    own = [mark for mark in marks if mark.step == step.name]
    could = [mark.out_of for mark in own if not mark.bonus and mark.status != "awaiting"]
    return sum(mark.points for mark in own), sum(could)


def _findings(scorecard: Scorecard) -> list[str]:
    """What needs a person: what could not be graded or run, what is over-claimed, what is odd."""
    found = [
        f"{fault.owner}'s fault, at {fault.stage}: {fault.message}" for fault in scorecard.faults
    ]
    for mark in scorecard.marks:
        where = f"{mark.step}, {mark.check}" if mark.step else mark.check
        if mark.kind == "claims" and mark.status in ("partly", "failed"):
            found.append(f"{where}: claimed, and not so: {mark.why}")
        found += [f"{where}: {sentence}" for sentence in mark.review]
        if mark.status == "awaiting":
            found.append(f"{where}: {mark.asked} ({mark.out_of:g} points await a person)")
    return found
