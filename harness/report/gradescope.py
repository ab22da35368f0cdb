"""Gradescope's `results.json`, for one submission: a test for each check.

As its documentation of autograders has it. All text is sent as text: nothing in it is markup.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from harness.evidence import Evidence, Fault
from harness.gradebook import row
from harness.plain import escaped, printable
from harness.report import words
from harness.scorecard import Mark, Scorecard


def render(scorecard: Scorecard) -> str:
    """The file's text.

    Raises:
        ValueError: for a submission that was not graded: to Gradescope no file says so, and any
            file is a grade.
    """
    if scorecard.verdict == "not graded":
        raise ValueError(words.verdict(scorecard))
    evidence = scorecard.evidence
    told = [words.verdict(scorecard), *words.left_out(evidence), *words.levels(evidence)]
    report = {
        "score": scorecard.points,
        "execution_time": round(sum(map(words.seconds, evidence.steps)), 3),
        "output": _lines(told),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": {
            "submission": printable(evidence.submission),
            "rubric": printable(scorecard.rubric),
            "verdict": scorecard.verdict,
            "out_of": scorecard.out_of,
            "bonus": scorecard.bonus,
            "awaiting": scorecard.awaiting,
        },
        "tests": _tests(scorecard),
        "leaderboard": _leaderboard(scorecard),
    }
    return escaped(json.dumps(report, indent=1, ensure_ascii=False)) + "\n"


def _tests(scorecard: Scorecard) -> list[dict[str, Any]]:
    """A test for each fault and each check, numbered within its step."""
    evidence = scorecard.evidence
    faults = [(f"step {n}", words.faults_of(s)) for n, s in enumerate(evidence.steps, 1)]
    faults += [("submission", [evidence.fault] if evidence.fault else [])]
    tests = [(place, _fault(place, fault)) for place, found in faults for fault in found]
    for mark in scorecard.marks:
        place = words.place_of(mark, evidence)
        tests.append((place, _test(f"{place}: {mark.check}", mark, evidence)))
    places = [place for place, _ in faults]
    tests.sort(key=lambda test: places.index(test[0]))
    so_far = Counter[str]()
    for place, test in tests:
        so_far[place] += 1
        test["number"] = f"{places.index(place) + 1}.{so_far[place]}"
    return [test for _, test in tests]


def _test(name: str, mark: Mark, evidence: Evidence) -> dict[str, Any]:
    test = _plain(name, [*words.asked_and_measured(mark), mark.why, *mark.review])
    if words.unreached(mark, evidence):
        test["tags"] += ["not reached"]
    test["tags"] += ["required"] * mark.required + ["by a person"] * mark.overridden
    if mark.status == "awaiting":
        test["tags"] += ["awaiting a person"]
        return test
    # A bonus comes on top: were it part of what can be had, nobody could be without it.
    test["tags"] += ["bonus"] * mark.bonus
    test["score"] = mark.points
    test["max_score"] = 0 if mark.bonus else mark.out_of
    test["status"] = "passed" if mark.status == "passed" else "failed"
    return test


def _fault(place: str, fault: Fault) -> dict[str, Any]:
    told = [f"the {words.fault(fault)}", *fault.traceback.splitlines()]
    return _plain(f"{place}: runs", told) | {"score": 0, "max_score": 0, "status": "failed"}


def _plain(name: str, told: list[str]) -> dict[str, Any]:
    return {
        "name": printable(name),
        "output": _lines(told),
        "output_format": "text",
        "tags": [],
        "visibility": "visible",
    }


def _lines(told: list[str]) -> str:
    return "\n".join(line for each in told if (line := printable(each)))


def _leaderboard(scorecard: Scorecard) -> list[dict[str, Any]]:
    """What the exercise is about: few parameters, and an accuracy that is held."""
    found = row(scorecard)
    if found.parameters is None or len(found.last) < 3:
        return []
    return [
        {"name": "parameters", "value": found.parameters, "order": "asc"},
        {
            "name": f"worst of the last 3 epochs, of {found.of:,}",
            "value": min(found.last),
            "order": "desc",
        },
    ]
