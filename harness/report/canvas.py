"""The import file of Canvas's gradebook: one assignment's scores, with two decimals.

Canvas finds a learner by `ID`, else by `SIS User ID`, else by `SIS Login ID`; names are for people
who look at the file. So names are cells of `harness.report.cells`, and whatever a learner shall be
found by stands there exactly, or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.report import cells, findable
from harness.roster import Learner
from harness.scorecard import Scorecard

COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")

_POSSIBLE = "Points Possible"
"""Canvas takes a row for that of the points wherever these words stand in its first cell."""

_CANVAS_OWN = tuple(
    f"{of} {what}"
    for of in ("Current", "Final", "Override")
    for what in ("Score", "Points", "Grade", "Status")
)
"""Canvas passes over columns whose titles hold such words."""


def render(scorecards: Sequence[Scorecard], assignment: str) -> str:
    """The file, without those of `left_out`.

    Args:
        scorecards: by one rubric.
        assignment: as Canvas's own export titles its column, such as `MNIST (1234)`; without a
            number Canvas looks for an assignment of that title, and offers to make one.

    Raises:
        ValueError: for a title under which Canvas would import nothing; says why.
    """
    if problem := _problem(assignment):
        raise ValueError(f"assignment = {assignment!r}: {problem}")
    away = left_out(scorecards)
    cards = [card for card in scorecards if card.evidence.submission not in away]
    rows = [[*COLUMNS, assignment]]
    possible = {f"{card.out_of + card.awaiting:.2f}" for card in cards}
    if len(possible) == 1:
        rows.append([_POSSIBLE, "", "", "", "", *possible])
    rows += [[*_who(card.learner), f"{card.points:.2f}"] for card in cards if card.learner]
    return cells.table(rows)


def left_out(scorecards: Sequence[Scorecard]) -> dict[str, str]:
    """Submissions whose scores cannot be imported, and why."""
    lacking = "the roster has neither an id of digits nor a usable sis_id or login"
    return findable.left_out(scorecards, _key, lacking)


def _key(learner: Learner) -> str:
    """What Canvas finds a learner by; empty if nothing."""
    keys = zip(COLUMNS[1:4], _who(learner)[1:4], strict=True)
    return next((f"{column} {key}" for column, key in keys if key), "")


def _who(learner: Learner) -> list[str]:
    """The cells before the score.

    Canvas reads `12x` as the ID 12, so that only digits are written there.
    """
    name = "" if _POSSIBLE in learner.shown else cells.text(learner.shown)
    digits = learner.id.isascii() and learner.id.isdigit()
    others = [key if cells.exact(key) else "" for key in (learner.sis_id, learner.login)]
    return [name, learner.id if digits else "", *others, cells.text(learner.section)]


def _problem(assignment: str) -> str:
    """What is wrong with a title; empty if nothing."""
    if not cells.exact(assignment):
        return "write its title on one line, not beginning with what a spreadsheet computes"
    if words := next((own for own in _CANVAS_OWN if own in assignment), ""):
        return f"Canvas passes over columns with {words!r} in their titles"
    if assignment in COLUMNS:
        return "Canvas has another column of that title"
    return ""
