"""`harness export`, and what `grade` and `check` tell a CI service."""

import csv
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from evidence_samples import asking, evidence
from named_samples import BY_HAND, RUBRIC, learner, scorecards, series
from test_changed import git
from test_commands import harness

from harness.evidence import Evidence
from harness.grade import write_reports
from harness.judge.judge import judge
from harness.report import canvas, gradebook_csv, gradescope, nbgrader

CLASS = scorecards()
ADA, BOB, MIM, ZOE, NOBODY, LOST = CLASS
TITLE = "MNIST (1234)"


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reports of a class."""
    folder = tmp_path_factory.mktemp("class") / "reports"
    for card in CLASS:
        write_reports(card, folder)
    return folder


def test_a_table_goes_to_standard_output_or_into_a_file(reports: Path, tmp_path: Path) -> None:
    result = harness("export", "csv", reports)
    assert result.exit_code == 0
    assert result.stdout_bytes.decode() == gradebook_csv.render(CLASS)
    out = tmp_path / "new" / "gradebook.csv"
    assert harness("export", "csv", reports / "ada", reports / "bob", "--out", out).exit_code == 0
    assert out.read_text() == gradebook_csv.render([ADA, BOB])


def test_who_cannot_be_imported_is_named_and_left_out(reports: Path) -> None:
    by_name = sorted(CLASS, key=lambda card: card.evidence.submission)
    for form, made in ("canvas", canvas.render), ("nbgrader", nbgrader.render):
        result = harness("export", form, reports, "--assignment", TITLE)
        assert result.exit_code == 2
        assert result.stdout_bytes.decode() == made(by_name, TITLE)
        assert "nobody: left out: the roster has no line for it" in result.stderr
        assert "lost: left out: it was not graded; grade it again" in result.stderr
    assert harness("export", "canvas", reports / "ada", "--assignment", TITLE).exit_code == 0


def test_gradescope_has_a_file_for_each(reports: Path, tmp_path: Path) -> None:
    one = harness("export", "gradescope", reports / "zoe")
    assert (one.exit_code, one.stdout_bytes.decode()) == (0, gradescope.render(ZOE))
    several = harness("export", "gradescope", reports)
    assert several.exit_code == 2
    assert "name an --out folder" in several.stderr
    result = harness("export", "gradescope", reports, "--out", tmp_path / "out")
    assert result.exit_code == 2  # one was not graded
    written = sorted(path.relative_to(tmp_path / "out") for path in tmp_path.rglob("*.json"))
    assert written == [Path(n, "results.json") for n in ("ada", "bob", "mim", "nobody", "zoe")]
    assert (tmp_path / "out" / "mim" / "results.json").read_text() == gradescope.render(MIM)


def test_junit_tells_of_all(reports: Path) -> None:
    result = harness("export", "junit", reports)
    assert result.exit_code == 0
    names = [suite.attrib["name"] for suite in ET.fromstring(result.stdout_bytes)]
    assert names == sorted(card.evidence.submission for card in CLASS)


def test_points_that_await_a_person_are_told(tmp_path: Path) -> None:
    card = judge(BY_HAND, evidence(*series(9_940, 9_940, 9_940)), (), learner("ada", "A", id="1"))
    write_reports(card, tmp_path)
    result = harness("export", "canvas", tmp_path, "--assignment", TITLE)
    assert result.exit_code == 0
    assert "points still await a person, and scores are those so far: ada" in result.stderr
    points, row = csv.DictReader(io.StringIO(result.stdout_bytes.decode()))
    assert (points[TITLE], row[TITLE]) == ("100.00", f"{card.points:.2f}")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["canvas", "ada"], "canvas needs an --assignment"),
        (["csv", "ada", "--assignment", "x"], "csv takes no --assignment"),
        (["canvas", "ada", "--assignment", "=1"], "write its title on one line"),
        (["canvas", "nobody", "--assignment", "x"], "there is nothing to export"),
        (["csv", "absent"], "no report.json there"),
        (["csv", "ada", "ada"], "2 reports are of ada"),
        (["xlsx", "ada"], "'xlsx' is not one of"),
    ],
)
def test_what_cannot_be_exported_is_told(reports: Path, arguments: list[str], told: str) -> None:
    places = [str(reports / a) if (reports / a).exists() else a for a in arguments]
    result = harness("export", *places)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.split())


def test_reports_by_several_rubrics_share_no_table(reports: Path, tmp_path: Path) -> None:
    other = ADA.model_copy(update={"rubric": "Another"})
    write_reports(other, tmp_path / "ada")
    for form, code in ("csv", 2), ("junit", 0):
        assert harness("export", form, tmp_path, reports / "bob").exit_code == code


def test_a_damaged_report_and_a_place_that_cannot_be_written(reports: Path, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("{")
    result = harness("export", "csv", reports / "ada", tmp_path)
    assert result.exit_code == 2
    assert "no report of this version" in result.stderr
    assert result.stdout_bytes.decode() == gradebook_csv.render([ADA])
    there = tmp_path / "report.json" / "x.csv"
    assert harness("export", "csv", reports / "ada", "--out", there).exit_code == 4


@pytest.mark.parametrize(("number", "code"), [(2, 0), (99, 2)])
def test_reports_of_older_formats_are_read_and_none_of_newer(
    reports: Path, number: int, code: int
) -> None:
    path = reports / "ada" / "report.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": number}))
    result = harness("export", "csv", path)
    assert result.exit_code == code
    assert ("this is format 99" in result.stderr) == bool(code)


# In CI --------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with submissions, and what was measured of each, by its name."""
    measured = {
        "ada": series(9_940, 9_941, 9_945),
        "bob": series(9_940, 9_939, 9_945, judged=9_000),
        "one": [step.model_copy(update={"name": "one.py"}) for step in series(9, 9, 9)[1:]],
    }
    for name in ("ada/step_1.py", "ada/step_2.py", "bob/work/step_1.py", "bob/work/step_2.py"):
        (tmp_path / "submissions" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "submissions" / name).write_text(
            "import torch.nn as nn\n\n\nclass Net(nn.Module):\n    pass\n\n\n# " + name
        )
    (tmp_path / "submissions" / "one.py").write_text(
        "import torch.nn as nn\n\n\nclass Net(nn.Module):\n    pass\n"
    )

    def collected(found: object, *_: object) -> Evidence:
        name = str(getattr(found, "name", ""))
        return evidence(*measured[name], name=name)

    monkeypatch.setattr("harness.grade.collect", collected)
    monkeypatch.setattr("harness.commands.scorecards.asked", lambda _: RUBRIC)
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    return tmp_path


def options(repository: Path) -> list[str]:
    places = ["--store", repository / "store", "--junit", repository / "junit.xml"]
    return ["--no-sandbox", "--github", *map(str, places)]


def told(stdout: str) -> tuple[str, list[str]]:
    """What was printed while commands were stopped, and the commands after that."""
    token = re.match(r"::stop-commands::([0-9a-f]{32})\n", stdout)
    assert token
    inside, end, after = stdout.partition(f"\n::{token[1]}::\n")
    assert end
    return inside, after.splitlines()


def test_a_grade_annotates_the_files_of_the_repository(repository: Path) -> None:
    paths = [repository / "submissions" / name for name in ("ada", "bob", "one.py")]
    out = ["--rubric", "x", "--out", repository / "reports"]
    result = harness("grade", *paths, *out, *options(repository))
    assert result.exit_code == 1, result.stderr
    inside, commands = told(result.stdout)
    assert "not passed" in inside
    places = {line.split("::")[1].rpartition(",title=")[0] for line in commands}
    assert {
        "error file=submissions/bob/work/step_2.py,line=15",
        "error file=submissions/one.py,line=15",
        "warning file=submissions/ada/step_1.py,line=4",
    } <= places
    root = ET.parse(repository / "junit.xml").getroot()
    assert [suite.attrib["name"] for suite in root] == ["ada", "bob", "one"]
    summary = (repository / "summary.md").read_text()
    assert "## 1 of 3 passed" in summary


def test_a_check_says_that_it_is_one_and_adds_to_the_summary(repository: Path) -> None:
    (repository / "summary.md").write_text("# Before\n")
    path = repository / "submissions" / "bob"
    result = harness("check", path, "--rubric", "x", *options(repository))
    assert result.exit_code == 1
    inside, commands = told(result.stdout)
    assert "before training" in inside
    assert any("title=step 2%3A parameters" in line for line in commands)
    summary = (repository / "summary.md").read_text()
    assert summary.startswith("# Before\n")
    assert "## 1 checked" in summary
    assert "points before training" in summary


def test_where_nothing_differs_the_gate_says_so(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.commands.submissions.changed", lambda *_: [])
    path = repository / "submissions" / "ada"
    out = ["--rubric", "x", "--out", repository / "reports", "--changed-since", "main"]
    result = harness("grade", path, *out, *options(repository))
    assert result.exit_code == 0
    assert "no submission differs from main" in result.stderr
    assert not told(result.stdout.replace("\n::", "\n\n::", 1))[1]
    assert (repository / "summary.md").read_text() == "## nothing to grade\n"
    assert len(ET.parse(repository / "junit.xml").getroot()) == 0


def test_only_what_a_branch_touches_is_graded_with_what_a_person_awards(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accuracy = {"kind": "accuracy", "at_least": "99.9 %", "points": 50, "scope": "every step"}
    monkeypatch.setattr("harness.commands.scorecards.asked", lambda _: asking(accuracy))
    (repository / ".git").rmdir()
    for arguments in (["init", "-qb", "base"], ["add", "."], ["commit", "-qm", "all"]):
        git(repository, *arguments)
    (repository / "submissions" / "ada" / "step_2.py").write_text("import torch.nn as nn\n")
    awarded = "[[override]]\nsubmission = 'ada'\ncheck = 'accuracy'\npoints = 50\nwhy = 'So.'\n"
    of_steps = [f"{awarded}step = 'step_{number}.py'\n" for number in (1, 2)]
    (repository / "overrides.toml").write_text("\n".join(of_steps))
    paths = [repository / "submissions", "--out", repository / "reports", "--rubric", "x"]
    gate = ["--overrides", repository / "overrides.toml", "--changed-since", "base", "--final-step"]
    (repository / "submissions" / "one.py").unlink()
    result = harness("grade", *paths, *gate, "--no-sandbox", "--json")
    assert result.exit_code == 0, result.stderr
    (card,) = map(json.loads, result.stdout.splitlines())
    assert card["evidence"]["submission"] == "ada"
    assert [(mark["step"], mark["points"]) for mark in card["marks"]] == [("step_2.py", 50)]


@pytest.mark.parametrize("name", ["index.html", "Gradebook.CSV"])
def test_no_submission_takes_the_place_of_a_class_file(repository: Path, name: str) -> None:
    taken = repository / "submissions" / name
    (repository / "submissions" / "ada").rename(taken)
    result = harness("grade", taken, "--rubric", "x", "--out", repository / "reports")
    assert result.exit_code == 2
    assert f"no submission can be called {name}" in result.stderr


def test_a_check_takes_for_a_class_what_a_grade_does(repository: Path) -> None:
    (repository / "submissions" / "one.py").unlink()
    (repository / "submissions" / "bob").rename(repository / "elsewhere")
    roster = repository / "roster.csv"
    roster.write_text("folder\nada\n")
    paths = [repository / "submissions", "--roster", roster]
    result = harness("check", *paths, "--rubric", "x", "--no-sandbox", "--json")
    assert json.loads(result.stdout)["evidence"]["submission"] == "ada"


def test_without_a_place_for_it_there_is_no_summary(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    monkeypatch.chdir(repository / "submissions")
    result = harness("check", "ada", "--rubric", "x", *options(repository))
    _, commands = told(result.stdout)
    assert commands
    assert [line for line in commands if " file=submissions/ada/step_" not in line] == []
    assert not (repository / "summary.md").exists()


def test_standard_output_is_for_one_reader(repository: Path) -> None:
    result = harness("check", repository / "submissions", "--github", "--json", "--rubric", "x")
    assert result.exit_code == 2
    assert "give one of them" in result.stderr


def test_commands_are_obeyed_again_whatever_happens(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.grade.collect", interrupted)
    path = repository / "submissions" / "ada"
    result = harness("check", path, "--rubric", "x", *options(repository))
    assert result.exit_code == 130
    _, commands = told(result.stdout.replace("\n::", "\n\n::", 1))
    assert not commands
    assert not (repository / "junit.xml").exists()


def test_a_junit_file_that_cannot_be_written_is_the_machines_fault(repository: Path) -> None:
    (repository / "file").write_text("")
    path = repository / "submissions" / "ada"
    result = harness(
        "check", path, "--rubric", "x", "--no-sandbox", "--junit", repository / "file" / "x"
    )
    assert result.exit_code == 4
