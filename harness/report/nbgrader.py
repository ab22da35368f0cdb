"""The file that `nbgrader export` writes, so that what reads that one reads this one.

A learner is known by `student_id`, which stands there exactly; other words are cells of
`harness.report.cells`. The due date is the rubric's and not in a scorecard: its cells are empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from harness.report import cells, findable
from harness.roster import Learner
from harness.scorecard import Scorecard

COLUMNS = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)


def render(scorecards: Sequence[Scorecard], assignment: str) -> str:
    """The file, without those of `left_out`.

    Args:
        scorecards: by one rubric.
        assignment: its name in nbgrader.
    """
    away = left_out(scorecards)
    cards = [card for card in scorecards if card.evidence.submission not in away]
    return cells.table([COLUMNS, *(_row(card, assignment) for card in cards)])


def left_out(scorecards: Sequence[Scorecard]) -> dict[str, str]:
    """Submissions that have no row, and why."""
    return findable.left_out(scorecards, _key, "the roster has no usable id for it")


def _key(learner: Learner) -> str:
    return learner.id if cells.exact(learner.id) else ""


def _row(card: Scorecard, assignment: str) -> list[str]:
    learner = card.learner
    assert learner is not None
    lost = card.late.points if card.late else 0.0
    # A name that is not in parts stands where most look for one.
    last = learner.last_name or ("" if learner.first_name else learner.name)
    return [
        cells.text(assignment),
        _time(card.due),
        _time(learner.submitted_at),
        learner.id,
        cells.text(last),
        cells.text(learner.first_name),
        cells.text(learner.email),
        cells.number(card.points + lost),
        cells.number(lost),
        cells.number(card.points),
        cells.number(card.out_of + card.awaiting),
    ]


def _time(moment: datetime | None) -> str:
    """As nbgrader writes times: in UTC and without saying so."""
    if moment is None:
        return ""
    return str(moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment)
