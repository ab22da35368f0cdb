"""JUnit XML for CI services: a suite for each submission, a case for each check.

`step 4: runs` is whether a step could be observed at all; where it could not, the checks that were
not reached are skipped. A missed check is a failure; what the harness or the machine is to blame
for is an error; what awaits a person and a bonus that was not earned are skipped. Points are
properties of the suite, since Jenkins' schema knows none of a case. As that schema has it, and as
most tools read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple
from xml.etree import ElementTree as ET

from harness.evidence import Fault
from harness.plain import printable
from harness.report import words
from harness.scorecard import Mark, Scorecard

Outcome = Literal["passed", "failure", "error", "skipped"]

_NO_XML = re.compile("[\ufffe\uffff]")
"""What XML cannot hold and `printable` leaves: the rest are control characters and halves."""


class _Case(NamedTuple):
    place: str
    name: str
    outcome: Outcome
    message: str = ""
    more: tuple[str, ...] = ()
    """Lines below the message."""
    seconds: float = 0.0


def render(scorecards: Sequence[Scorecard]) -> str:
    """All submissions as one JUnit document."""
    root = ET.Element("testsuites", name="harness")
    cases = [_cases(card) for card in scorecards]
    _count(root, [case for some in cases for case in some])
    for card, some in zip(scorecards, cases, strict=True):
        root.append(_suite(card, some))
    ET.indent(root)
    written = ET.tostring(root, encoding="unicode", short_empty_elements=True)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{written}\n'


def _cases(scorecard: Scorecard) -> list[_Case]:
    """By step: whether it runs, then each check."""
    evidence = scorecard.evidence
    found = [
        _runs(f"step {number}", words.faults_of(step), words.seconds(step))
        for number, step in enumerate(evidence.steps, 1)
    ]
    if not evidence.steps:
        found.append(_runs("submission", [evidence.fault] if evidence.fault else [], 0))
    places = [case.place for case in found] + ["submission"]
    found += [_case(mark, scorecard) for mark in scorecard.marks]
    return sorted(found, key=lambda case: places.index(case.place))


def _runs(place: str, faults: list[Fault], seconds: float) -> _Case:
    if not faults:
        return _Case(place, "runs", "passed", seconds=seconds)
    own = all(fault.owner == "submission" for fault in faults)
    told = [f"the {words.fault(fault)}" for fault in faults]
    more = tuple(line for fault in faults for line in fault.traceback.splitlines())
    return _Case(place, "runs", "failure" if own else "error", told[0], (*told[1:], *more), seconds)


def _case(mark: Mark, scorecard: Scorecard) -> _Case:
    place = words.place_of(mark, scorecard.evidence)
    outcome, why = _outcome(mark, words.unreached(mark, scorecard.evidence))
    more = (*words.asked_and_measured(mark), f"points: {words.worth(mark)}", *mark.review)
    return _Case(place, mark.check, outcome, why, more)


def _outcome(mark: Mark, unreached: bool) -> tuple[Outcome, str]:
    if mark.status == "passed":
        return "passed", ""
    if mark.status == "not graded":
        return "error", mark.why
    if mark.status == "awaiting":
        return "skipped", "awaits a person"
    if unreached:
        return "skipped", f"not reached: {mark.why}"
    if mark.bonus:
        return "skipped", f"a bonus, not earned: {mark.why}"
    return "failure", mark.why


def _suite(scorecard: Scorecard, cases: list[_Case]) -> ET.Element:
    name = _text(scorecard.evidence.submission)
    suite = ET.Element("testsuite", name=name)
    _count(suite, cases)
    suite.set("skipped", str(sum(case.outcome == "skipped" for case in cases)))
    properties = ET.SubElement(suite, "properties")
    total = f"{words.points(scorecard.points)} of {words.points(scorecard.out_of)}"
    told = {"rubric": scorecard.rubric, "verdict": scorecard.verdict, "points": total}
    if scorecard.late:
        told["late"] = scorecard.late.why
    for mark in scorecard.marks:
        place = words.place_of(mark, scorecard.evidence)
        told[f"points of {place}: {mark.check}"] = words.worth(mark)
    for key, value in told.items():
        ET.SubElement(properties, "property", name=_text(key), value=_text(value))
    for case in cases:
        element = ET.SubElement(
            suite,
            "testcase",
            classname=name,
            name=_text(f"{case.place}: {case.name}"),
            time=f"{case.seconds:.3f}",
        )
        if case.outcome != "passed":
            told_of = ET.SubElement(element, case.outcome, message=_text(case.message))
            told_of.text = "\n".join(map(_text, case.more))
    return suite


def _count(element: ET.Element, cases: list[_Case]) -> None:
    element.set("tests", str(len(cases)))
    element.set("failures", str(sum(case.outcome == "failure" for case in cases)))
    element.set("errors", str(sum(case.outcome == "error" for case in cases)))
    element.set("time", f"{sum(case.seconds for case in cases):.3f}")


def _text(written: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", printable(written))
