"""The gradebook for spreadsheets and scripts: `gradebook.csv`, a row for each submission.

Names and other words are cells of `harness.report.cells`; numbers stay numbers. What has no value,
such as the score of a submission that was not graded, is an empty cell.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.gradebook import Row, row
from harness.report import cells
from harness.roster import Learner
from harness.scorecard import Scorecard

COLUMNS = (
    "submission",
    "name",
    "id",
    "sis id",
    "login",
    "section",
    "email",
    "score",
    "out of",
    "bonus",
    "awaiting a person",
    "late penalty",
    "verdict",
)
"""Before a column of points for each check."""

MEASURED = (
    "parameters",
    "last epoch but two",
    "last epoch but one",
    "last epoch",
    "test images",
    "findings",
)
"""After the checks: of the final step's network, and of its first run in correct test answers."""


def render(scorecards: Sequence[Scorecard]) -> str:
    """A class as CSV, by the learners' names."""
    rows = sorted(map(row, scorecards), key=lambda row: (row.learner.casefold(), row.name))
    checks = list(dict.fromkeys(mark.check for card in scorecards for mark in card.marks))
    head = [*COLUMNS, *(cells.text(f"{check} (points)") for check in checks), *MEASURED]
    return cells.table([head, *(_cells(row, checks) for row in rows)])


def _cells(row: Row, checks: Sequence[str]) -> list[str]:
    card = row.scorecard
    who = card.learner or Learner(folder="")
    graded = card.verdict != "not graded"
    return [
        cells.text(row.name),
        cells.text(row.learner),
        *map(cells.text, (who.id, who.sis_id, who.login, who.section, who.email)),
        cells.number(card.points if graded else None),
        cells.number(card.out_of),
        cells.number(card.bonus if graded else None),
        cells.number(card.awaiting),
        cells.number(card.late.points if card.late else 0),
        card.verdict,
        *(cells.number(_points(card, check)) for check in checks),
        cells.number(row.parameters),
        *map(cells.number, [None] * (3 - len(row.last)) + list(row.last)),
        str(row.of),
        str(len(row.findings)),
    ]


def _points(scorecard: Scorecard, check: str) -> float | None:
    """What a check earned on all steps; None while it is open on each."""
    settled = [
        mark.points
        for mark in scorecard.marks
        if mark.check == check and mark.status in ("passed", "partly", "failed")
    ]
    return sum(settled) if settled else None
