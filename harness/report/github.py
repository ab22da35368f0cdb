"""Annotations of GitHub Actions: what stands against a submission, on the learner's own lines.

Must not know where files lie, nor what else a job prints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

from harness.evidence import Fault, Step
from harness.folder import is_notebook
from harness.plain import printable
from harness.report import words
from harness.report.spots import spot
from harness.scorecard import Mark, Scorecard

MOST = 10
"""Errors, and warnings, of one job's step that GitHub shows."""

Files = Callable[[str], str]
"""The path in the repository of a submission's file; for an empty name, of the submission."""


class _Annotation(NamedTuple):
    level: Literal["error", "warning"]
    weight: float
    """The heaviest are shown."""
    file: str
    line: int | None
    title: str
    message: str


def render(handed_in: Sequence[tuple[Scorecard, Files]]) -> str:
    """Workflow commands, a line each: errors first, and the worst of them first.

    An error stands against a pass; whatever else cost points, and what a person should look at, is
    a warning.
    """
    found = [each for card, files in handed_in for each in _of(card, files)]
    found.sort(key=lambda each: -each.weight)
    errors, warnings = (
        [each for each in found if each.level == level][:MOST] for level in ("error", "warning")
    )
    return "".join(map(_command, errors + warnings))


def _of(card: Scorecard, files: Files) -> Iterator[_Annotation]:
    evidence = card.evidence
    if evidence.fault:
        yield _fault(evidence.fault, f"{evidence.submission}: {evidence.fault.stage}", files(""))
    for number, step in enumerate(evidence.steps, 1):
        for fault in words.faults_of(step):
            yield _fault(fault, f"step {number}: {fault.stage}", files(step.name), step)
    for mark in card.marks:
        if mark.status != "not graded" and not words.unreached(mark, evidence):
            yield from _missed(mark, card, files)


def _fault(fault: Fault, title: str, file: str, step: Step | None = None) -> _Annotation:
    line = fault.line if step and not is_notebook(step.name) else None
    message = f"the {fault.owner}'s fault: {fault.message}"
    return _Annotation("error", 1e9, file, line, title, message)


def _missed(mark: Mark, card: Scorecard, files: Files) -> Iterator[_Annotation]:
    evidence = card.evidence
    step = next((step for step in evidence.steps if step.name == mark.step), None)
    name, line = spot(mark, step) if step else ("", None)
    file = files(name)
    title = f"{words.place_of(mark, evidence)}: {mark.check}"
    where = _cell(step) if step else ""
    if mark.status in ("partly", "failed") and not mark.bonus:
        against = mark.required or card.verdict == "failed"
        weight = mark.out_of - mark.points + (1e6 if mark.required else 0)
        told = "; ".join([*words.asked_and_measured(mark), mark.why])
        points = f"{words.worth(mark)} points"
        level: Literal["error", "warning"] = "error" if against else "warning"
        yield _Annotation(level, weight, file, line, title, f"{told} ({points}){where}")
    for sentence in mark.review:
        yield _Annotation("warning", 0, file, line, title, f"for a person: {sentence}{where}")


def _cell(step: Step) -> str:
    """Where in a notebook, of which GitHub shows no lines."""
    if not is_notebook(step.name):
        return ""
    if step.trained is not None:
        return f" · trained in cell {step.trained + 1}"
    if step.part:
        return f" · cells {step.part[0] + 1} to {step.part[1]}"
    return ""


def _command(each: _Annotation) -> str:
    """As the runner reads it back: a message cannot end its line, nor a property its value."""
    place = f"file={_property(each.file)}" + (f",line={each.line}" if each.line else "")
    title, message = _property(each.title), _data(each.message)
    return f"::{each.level} {place},title={title}::{message}\n"


def _data(written: str) -> str:
    plain = printable(written)
    return plain.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(written: str) -> str:
    return _data(written).replace(":", "%3A").replace(",", "%2C")
