"""The page for who teaches a class: `index.html`, the gradebook and what stands out.

Must not know how a gradebook comes about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple
from urllib.parse import quote

from harness.gradebook import Gradebook, Need, Row
from harness.percentage import percent
from harness.plain import printable
from harness.report import class_charts
from harness.report.html import page
from harness.report.words import SIGNS, points
from harness.scorecard import Mark

STEPS = 12
"""Steps that have a column; those of a longer series stand in its own report."""

LISTED = 100
"""Submissions, or pairs, that one list of what needs a person holds."""

SAID = 3
"""Findings of a submission that one list holds, each of so many characters:"""
LENGTH = 240

_NEEDS: dict[Need, str] = {
    "not graded": "Not graded: the fault is the machine's or the harness's; grade them again",
    "not runnable": "Not runnable: the fault is the submission's",
    "over-claimed": "Over-claimed: claims that do not hold",
    "awaits points": "Awaiting points of a person",
    "to look at": "To look at: odd",
    "inconclusive": "Inconclusive: more seeds could settle them",
}
"""What the lists of what needs a person are called."""


class _Cell(NamedTuple):
    shown: str
    title: str


class _Line(NamedTuple):
    """A row of the table, in words."""

    learner: str
    folder: str
    href: str
    score: str
    out_of: str
    marks: list[_Cell]
    """Short words on the score, and what each means."""
    steps: list[_Cell]
    whole: str
    parameters: str
    last: str
    worst: int
    verdict: str
    sign: str
    findings: int
    """But for what more seeds could settle: with one seed that is every submission."""
    sentences: list[str]
    """What the marks mean, and the findings."""
    more: int
    """Sentences that are left out."""


class _Person(NamedTuple):
    """A submission in a list of what needs a person."""

    learner: str
    href: str
    sentences: list[str]
    more: int


def render(book: Gradebook) -> str:
    """The page of a class."""
    columns = min(max((len(row.steps) for row in book.rows), default=0), STEPS)
    lines = [_line(row, columns) for row in book.rows]
    by_name = {row.name: row for row in book.rows}
    return page(
        "index.html.jinja",
        rubric=book.rubric,
        summary=_summary(book.rows),
        lines=lines,
        columns=columns,
        longer=any(len(row.steps) > columns for row in book.rows),
        whole=any(line.whole for line in lines),
        needs=[(title, *_people(book.rows, need)) for need, title in _NEEDS.items()],
        alike=[
            (_person(by_name[pair.one]), _person(by_name[pair.other]), _cut(pair.evidence))
            for pair in book.likenesses[:LISTED]
        ],
        further=max(len(book.likenesses) - LISTED, 0),
        widespread=[_short(each) for each in book.widespread[:LISTED]],
        front=[(_person(row), f"{row.parameters:,}", *_worst(row)) for row in book.front],
        pareto=class_charts.pareto(book.rows, book.front),
        scores=class_charts.scores(book.rows),
        missed=class_charts.missed(book.failing),
    )


def _summary(rows: Sequence[Row]) -> str:
    verdicts = Counter(row.scorecard.verdict for row in rows)
    told = f"{len(rows):,} submission{'s' * (len(rows) != 1)}"
    for verdict in "passed", "failed", "not graded":
        told += f"{', ' if verdict != 'passed' else ': '}{verdicts[verdict]:,} {verdict}"
    shares = [row.share for row in rows if row.scorecard.verdict != "not graded"]
    return f"{told}; median score {100 * median(shares):.1f} %." if shares else f"{told}."


def _line(row: Row, columns: int) -> _Line:
    card = row.scorecard
    sentences = _explained(row) + row.findings
    steps = [
        _Cell(points(got), _short(f"{name}, of {points(of)}", 80)) for name, got, of in row.steps
    ]
    return _Line(
        learner=_short(row.learner, 80),
        folder=_short(row.name, 60) if row.name != row.learner else "",
        href=_href(row),
        score=points(card.points),
        out_of=points(card.out_of),
        marks=_marks(row),
        steps=[*steps, *[_Cell("", "")] * columns][:columns],
        whole=points(row.whole[0]) if any(not mark.step for mark in card.marks) else "",
        parameters=f"{row.parameters:,}" if row.parameters is not None else "",
        last=" ".join(percent(count, row.of).removesuffix(" %") for count in row.last),
        worst=min(row.last, default=0),
        verdict=card.verdict,
        sign=SIGNS[card.verdict],
        findings=sum(concern.need != "inconclusive" for concern in row.concerns),
        sentences=_cut(sentences),
        more=max(len(sentences) - SAID, 0),
    )


def _marks(row: Row) -> list[_Cell]:
    late = row.scorecard.late
    found = [_Cell("late", late.why)] if late else []
    if set_ := [mark for mark in row.scorecard.marks if mark.overridden]:
        found.append(_Cell("set", _short("; ".join(map(_set, set_)))))
    return found


def _explained(row: Row) -> list[str]:
    """What the marks on a score mean, a sentence each."""
    late = row.scorecard.late
    found = [f"late: {late.why}, {points(late.points)} points"] if late else []
    return found + [_set(mark) for mark in row.scorecard.marks if mark.overridden]


def _set(mark: Mark) -> str:
    where = f"{mark.step}, {mark.check}" if mark.step else mark.check
    return f"set: {where}: {points(mark.points)} of {points(mark.out_of)} points {mark.why}"


def _people(rows: Sequence[Row], need: Need) -> tuple[list[_Person], int]:
    """Those who need a person for one reason, and how many there are of them."""
    found = [row for row in rows if any(concern.need == need for concern in row.concerns)]
    listed = []
    for row in found[:LISTED]:
        sentences = [concern.sentence for concern in row.concerns if concern.need == need]
        listed.append(_person(row, sentences))
    return listed, len(found)


def _person(row: Row, sentences: Sequence[str] = ()) -> _Person:
    more = max(len(sentences) - SAID, 0)
    return _Person(_short(row.learner, 80), _href(row), _cut(sentences), more)


def _worst(row: Row) -> tuple[str, str]:
    worst = min(row.last)
    return f"{worst:,} of {row.of:,}", percent(worst, row.of)


def _href(row: Row) -> str:
    """The learner's page, beside this one."""
    return f"{quote(row.name, safe='')}/report.html"


def _cut(sentences: Sequence[str]) -> list[str]:
    return [_short(sentence) for sentence in sentences[:SAID]]


def _short(sentence: str, most: int = LENGTH) -> str:
    shown = printable(sentence)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
