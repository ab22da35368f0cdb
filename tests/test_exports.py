"""Exports and CI formats: golden files, published schemas, and no words that act.

`python tests/test_exports.py` writes the golden files anew, to be looked at before they are
committed.
"""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from evidence_samples import evidence, run, step
from hypothesis import given
from hypothesis import strategies as st
from named_samples import BOASTING, BY_HAND, DISK, RUBRIC, learner, scorecards, series

from harness.evidence import Fault
from harness.judge.judge import judge
from harness.overrides import Override
from harness.plain import printable
from harness.report import (
    canvas,
    cells,
    github,
    gradebook_csv,
    gradescope,
    job_summary,
    junit,
    nbgrader,
)
from harness.scorecard import Scorecard

GOLDEN = Path(__file__).with_name("golden")
CLASS = scorecards()
ADA, BOB, MIM, ZOE, NOBODY, LOST = CLASS
TITLE = 'MNIST, "99.4 %" (1234)'
SCHEMA = json.loads(Path(__file__).with_name("gradescope.schema.json").read_text())


def files(card: Scorecard) -> github.Files:
    return lambda name: f"submissions/{card.evidence.submission}/{name}".rstrip("/")


def annotated(*cards: Scorecard) -> str:
    return github.render([(card, files(card)) for card in cards])


FORMATS: dict[str, Callable[[], str]] = {
    "gradebook.csv": lambda: gradebook_csv.render(CLASS),
    "canvas.csv": lambda: canvas.render(CLASS, TITLE),
    "nbgrader.csv": lambda: nbgrader.render(CLASS, "mnist, =1"),
    "gradescope-ada.json": lambda: gradescope.render(ADA),
    "gradescope-zoe.json": lambda: gradescope.render(ZOE),
    "junit.xml": lambda: junit.render(CLASS),
    "annotations.txt": lambda: annotated(*CLASS),
    "summary.md": lambda: job_summary.render(CLASS),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_class_is_told_to_the_byte(name: str) -> None:
    golden = (GOLDEN / name).read_bytes()
    assert FORMATS[name]().encode() == golden, "if it shall be so, run python tests/test_exports.py"


# Tables -------------------------------------------------------------------------------------


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def whole(cell: str) -> str:
    """What stood in a cell before it was made harmless."""
    return cell.removeprefix("'")


def test_the_gradebook_reads_back_as_it_was() -> None:
    rows = {row["submission"]: row for row in read(gradebook_csv.render(CLASS))}
    assert len(rows) == len(CLASS)
    for card in CLASS:
        row = rows[card.evidence.submission]
        who = card.learner.shown if card.learner else card.evidence.author
        assert whole(row["name"]) == printable(who)
        assert row["verdict"] == card.verdict
        graded = card.verdict != "not graded"
        assert row["score"] == (f"{card.points:.4f}".rstrip("0").rstrip(".") if graded else "")
        assert float(row["out of"]) == card.out_of
    ada = rows["ada"]
    assert whole(ada["id"]) == "1001"
    assert [ada[f"last epoch{back}"] for back in (" but two", " but one", "")] == [
        "9940",
        "9941",
        "9945",
    ]
    assert (ada["parameters"], ada["under 6,000 (points)"], ada["bonus"]) == ("5900", "5", "5")
    assert ADA.late
    assert float(ada["late penalty"]) == ADA.late.points
    assert float(ada["score"]) == sum(
        float(value) for key, value in ada.items() if "(points)" in key
    ) - float(ada["late penalty"])
    assert rows["zoe"]["parameters"] == rows["zoe"]["last epoch"] == ""


def test_what_is_open_has_no_points_in_the_gradebook() -> None:
    card = judge(BY_HAND, evidence(*series(9_940, 9_940, 9_940)))
    (row,) = read(gradebook_csv.render([card]))
    assert row["'=convincing (points)"] == ""
    assert row["awaiting a person"] == "10"


def test_canvas_gets_those_that_it_can_find() -> None:
    possible, *rows = read(canvas.render(CLASS, TITLE))
    assert possible == dict.fromkeys(possible, "") | {
        "Student": "Points Possible",
        TITLE: "90.00",
    }
    assert {row["ID"]: row[TITLE] for row in rows} == {
        card.learner.id: f"{card.points:.2f}" for card in (ADA, BOB, MIM, ZOE) if card.learner
    }
    assert [whole(row["Student"]) for row in rows] == [
        printable(card.learner.shown) for card in (ADA, BOB, MIM, ZOE) if card.learner
    ]
    assert canvas.left_out(CLASS) == {
        "nobody": "the roster has no line for it",
        "lost": "it was not graded; grade it again",
    }


@pytest.mark.parametrize(
    ("keys", "row"),
    [
        ({"id": "12", "name": "A"}, ["A", "12", "", ""]),
        ({"id": "12x", "sis_id": "S1"}, ["", "", "S1", ""]),  # Canvas would read 12
        ({"id": "１２", "login": "ada"}, ["", "", "", "ada"]),  # noqa: RUF001
        ({"id": "12", "login": "+ada"}, ["", "12", "", ""]),
        ({"id": "12", "name": "The Points Possible"}, ["", "12", "", ""]),  # no row of a learner's
        ({"id": "12x"}, None),
        ({"login": "=1+1"}, None),
        ({"login": "a\u202eb"}, None),
        ({}, None),
    ],
)
def test_what_canvas_finds_a_learner_by_stands_there_exactly_or_not_at_all(
    keys: dict[str, str], row: list[str] | None
) -> None:
    who = learner("ada", **({"name": ""} | keys))
    card = ADA.model_copy(update={"learner": who})
    found = [list(each.values())[:4] for each in read(canvas.render([card], "T"))[1:]]
    assert found == ([row] if row else [])
    assert bool(canvas.left_out([card])) == (row is None)


@pytest.mark.parametrize(
    ("title", "told"),
    [
        ("", "write its title"),
        ("=1+1 (12)", "write its title"),
        ("a\nb (12)", "write its title"),
        ("Final Score of MNIST (12)", "passes over"),
        ("Section", "another column"),
    ],
)
def test_a_title_that_canvas_would_not_take_is_refused(title: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        canvas.render(CLASS, title)


def test_two_submissions_of_one_learner_are_nobodys_choice() -> None:
    twin = BOB.model_copy(update={"learner": ADA.learner})
    assert canvas.left_out([ADA, twin, MIM]).keys() == {"ada", "bob"}
    assert nbgrader.left_out([ADA, twin, MIM]).keys() == {"ada", "bob"}


def test_nbgrader_gets_scores_before_and_after_the_penalty() -> None:
    ada, bob, mim, zoe = read(nbgrader.render(CLASS, "mnist"))
    assert (ada["first_name"], ada["last_name"]) == ("Ada", "Lovelace, Countess")
    assert ada["timestamp"] == "2026-12-01 07:30:00"  # in UTC, as nbgrader has it
    assert float(ada["raw_score"]) - float(ada["late_submission_penalty"]) == float(ada["score"])
    assert (bob["student_id"], bob["last_name"]) == ("1002", "'=cmd|' /C calc'!A0")
    assert mim["max_score"] == zoe["max_score"] == "90"
    assert nbgrader.left_out(CLASS).keys() == {"nobody", "lost"}


# Gradescope ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "card", [c for c in CLASS if c is not LOST], ids=lambda c: c.evidence.submission
)
def test_results_keep_gradescopes_schema(card: Scorecard) -> None:
    told = json.loads(gradescope.render(card))
    jsonschema.validate(told, SCHEMA)
    assert told["score"] == card.points
    numbers = [test["number"] for test in told["tests"]]
    assert len(set(numbers)) == len(numbers)


def test_a_bonus_is_no_part_of_what_can_be_had_and_what_is_open_has_no_score() -> None:
    card = judge(BY_HAND, evidence(*series(9_940, 9_940, 9_940, judged=5_900)))
    tests = {test["name"]: test for test in json.loads(gradescope.render(card))["tests"]}
    bonus, awaiting = tests["step 2: under 6,000"], tests["submission: =convincing"]
    assert (bonus["score"], bonus["max_score"], bonus["tags"]) == (5, 0, ["bonus"])
    assert awaiting["tags"] == ["awaiting a person"]
    assert not awaiting.keys() & {"score", "max_score", "status"}
    by_hand = Override(submission="ada", check="=convincing", points=4, why="So so.")
    tests = {
        test["name"]: test
        for test in json.loads(
            gradescope.render(
                judge(BY_HAND, evidence(*series(9_940, 9_940, 9_940)), overrides=[by_hand])
            )
        )["tests"]
    }
    assert tests["submission: =convincing"]["tags"] == ["by a person"]


def test_what_was_not_graded_is_no_grade_for_gradescope() -> None:
    with pytest.raises(ValueError, match="not graded"):
        gradescope.render(LOST)


# JUnit --------------------------------------------------------------------------------------

JENKINS = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "time", "skipped"},
        {"properties", "testcase"},
    ),
    "properties": (set[str](), {"property"}),
    "property": ({"name", "value"}, set[str]()),
    "testcase": ({"name", "classname", "time"}, {"failure", "error", "skipped"}),
    "failure": ({"message", "type"}, set[str]()),
    "error": ({"message", "type"}, set[str]()),
    "skipped": ({"message", "type"}, set[str]()),
}
"""Attributes and children that junit-10.xsd of Jenkins' xUnit plugin, the strictest that is in
wide use, allows of what is written here; no package of the tests' validates a schema of XML."""

NEEDED = {"testsuite": {"name", "tests", "failures", "errors"}, "testcase": {"name"}}


def hold_junit(text: str) -> ET.Element:
    """The document, if it is as the schema has it and its counts are right."""
    root = ET.fromstring(text)
    for element in root.iter():
        attributes, children = JENKINS[element.tag]
        assert element.attrib.keys() <= attributes
        assert element.attrib.keys() >= NEEDED.get(element.tag, set())
        assert {child.tag for child in element} <= children
        if element.tag.startswith("testsuite"):
            assert re.fullmatch(r"\d+\.\d{0,3}", element.attrib["time"])
            for kind, one in {
                "tests": "testcase",
                "failures": "failure",
                "errors": "error",
                "skipped": "skipped",
            }.items():
                assert element.get(kind) in (None, str(len([*element.iter(one)])))
    return root


def cases(card: Scorecard) -> dict[str, str]:
    """What JUnit makes of each case."""
    (suite,) = hold_junit(junit.render([card]))
    found = {case.attrib["name"]: [child.tag for child in case] for case in suite.iter("testcase")}
    return {name: tags[0] if tags else "passed" for name, tags in found.items()}


def test_junit_is_as_jenkins_has_it() -> None:
    root = hold_junit(junit.render(CLASS))
    assert [suite.attrib["name"] for suite in root] == [c.evidence.submission for c in CLASS]
    hold_junit(junit.render([]))


def test_what_a_fault_keeps_from_being_reached_is_skipped_and_the_fault_fails() -> None:
    assert cases(ZOE) == {
        "step 1: runs": "passed",
        "step 1: epochs": "passed",
        "step 1: claims": "failure",
        "step 2: runs": "failure",
        "step 2: parameters": "skipped",
        "step 2: under 6,000": "skipped",
        "step 2: epochs": "skipped",
        "step 2: accuracy": "skipped",
        "step 2: claims": "skipped",
    }
    assert set(cases(LOST).values()) == {"error"}
    (nothing,) = [judge(RUBRIC, evidence(fault=DISK.model_copy(update={"owner": "submission"})))]
    told = cases(nothing)
    assert told.pop("submission: runs") == "failure"
    assert set(told.values()) == {"skipped"}


@pytest.mark.parametrize(
    ("check", "card", "outcome"),
    [
        ("under 6,000", BOB, "skipped"),  # a bonus is nobody's duty
        ("under 6,000", ADA, "passed"),
        ("accuracy", BOB, "failure"),  # in part
        ("claims", MIM, "failure"),
        ("accuracy", MIM, "passed"),
    ],
)
def test_a_miss_fails_and_a_bonus_that_is_not_earned_does_not(
    check: str, card: Scorecard, outcome: str
) -> None:
    assert cases(card)[f"step 2: {check}"] == outcome


def test_time_is_that_of_the_trainings() -> None:
    root = ET.fromstring(junit.render([ADA]))
    times = {case.attrib["name"]: case.attrib["time"] for case in root.iter("testcase")}
    assert (times["step 1: runs"], times["step 2: runs"]) == ("15.000", "30.000")
    assert root.attrib["time"] == "45.000"


# GitHub -------------------------------------------------------------------------------------

COMMAND = re.compile(r"::(error|warning) file=[^:,]*(?:,line=\d+)?,title=[^:,]*::(?!.*::\w).*")


def test_annotations_stand_on_the_learners_lines() -> None:
    lines = annotated(MIM, ZOE).splitlines()
    assert all(COMMAND.fullmatch(line) for line in lines)
    places = [line.split("::")[1].split(",title=") for line in lines]
    assert places[0] == ["error file=submissions/zoe/step_2.py,line=12", "step 2%3A import"]
    assert ["warning file=submissions/mim/step_2.py,line=4", "step 2%3A claims"] in places


def test_the_worst_ten_are_shown_and_required_misses_first() -> None:
    big = [
        judge(RUBRIC, evidence(*series(9_000, 9_000, 9_000, judged=n), name=str(n)))
        for n in range(9_001, 9_013)
    ]
    boasts = [
        judge(RUBRIC, evidence(*series(9_940, 9_940, 9_940, claims=(BOASTING,)), name=str(n)))
        for n in range(12)
    ]
    lines = annotated(*boasts, *big).splitlines()
    assert [line.split()[0] for line in lines] == ["::error"] * 10 + ["::warning"] * 10
    assert all("title=step 2%3A parameters::" in line for line in lines[:10])


def test_a_notebooks_cell_is_told_in_words_and_a_claims_file_is_its_own() -> None:
    one = step(
        run(*[9_900] * 15),
        name="work.ipynb",
        claims=[BOASTING.model_copy(update={"place": "README.md"})],
        fault=Fault(owner="submission", stage="running", message="cell 3: NameError", line=2),
    ).model_copy(update={"trained": 9})
    told = annotated(judge(RUBRIC, evidence(one)))
    assert "file=submissions/ada/work.ipynb,title=step 1%3A running::" in told
    assert "trained in cell 10" in told
    assert "file=submissions/ada/README.md,title=step 1%3A claims::" in told


@pytest.mark.parametrize("room", [0, 2_000, 20_000, job_summary.MOST])
def test_a_summary_is_cut_between_submissions_and_says_so(room: int) -> None:
    many = [
        card.model_copy(
            update={"evidence": card.evidence.model_copy(update={"submission": f"{name}-{n}"})}
        )
        for n in range(80)
        for name, card in (("good", ADA), ("bad", BOB))
    ]
    told = job_summary.render(many, room=room)
    assert len(told.encode()) <= room
    assert told.count("<details>") == told.count("</details>") == told.count("\n### ")
    left = sum(int(n.replace(",", "")) for n in re.findall(r"([\d,]+) more subm.* summary", told))
    assert told.count("\n### ") + left == (len(many) if told else 0)
    assert "### ✓" not in told or told.count("### ✗") == 80


def test_a_curve_has_its_numbers_beside_it() -> None:
    told = job_summary.render([BOB])
    assert "| ▁▂▄▅▅▆▆▇▇▇▇█ 9,891 to 9,945; 9,940 ✓, 9,939 ✗, 9,945 ✓ of 10,000 |" in told


# Any words ----------------------------------------------------------------------------------

ANY = st.text(st.characters()).map(lambda words: words[:60])


@given(ANY)
def test_any_words_are_a_cell_that_is_whole_and_is_not_computed(words: str) -> None:
    cell = cells.text(words)
    assert whole(cell) == printable(words)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert list(csv.reader(io.StringIO(cells.table([[cell, cell]]), newline=""))) == [[cell, cell]]
    cell.encode()
    assert not cells.exact(words) or cell == words


@given(ANY)
def test_any_words_leave_every_format_well_formed(words: str) -> None:
    fault = Fault(owner="submission", stage=words, message=words, traceback=words)
    one = step(run(9_940), fault=fault, name=words or "x")
    who = learner("ada", words, id=words, login=words, section=words, email=words)
    card = judge(RUBRIC, evidence(one), (), who)
    hold_junit(junit.render([card]))
    jsonschema.validate(json.loads(gradescope.render(card)), SCHEMA)
    for told in gradebook_csv.render([card]), canvas.render([card], "T"):
        rows = list(csv.reader(io.StringIO(told, newline="")))
        assert {len(row) for row in rows} == {len(rows[0])}
        assert not re.search(r"^\s*::\w|##\[", told, re.MULTILINE)
    lines = github.render([(card, lambda name: name)]).splitlines()
    assert lines
    assert all(map(COMMAND.fullmatch, lines))
    job_summary.render([card]).encode()


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, made in FORMATS.items():
        (GOLDEN / name).write_bytes(made().encode())
