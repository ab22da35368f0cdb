"""The commands in one process, but for `check` and `grade`: what they print, write and exit with."""

import json
from pathlib import Path

import jsonschema
import pytest
from commanded import SCORECARD, harness, wrong_mnist
from evidence_samples import UNDER_8K, evidence, run, step
from typer.testing import CliRunner

import harness as package
from harness import rubric
from harness import store as stores
from harness.cli import app
from harness.grade import write_reports
from harness.judge.judge import judge


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Two graded learners."""
    for name, judged in (("ada", 7_753), ("bob", 9_000)):
        graded = step(run(*[9_950] * 15, shifted=9_930), judged=judged)
        write_reports(judge(UNDER_8K, evidence(graded, name=name)), tmp_path / "reports")
    return tmp_path / "reports"


def test_regrade_judges_a_class_anew(reports: Path, tmp_path: Path) -> None:
    result = harness(
        "regrade", reports, "--rubric", "under-10k", "--out", tmp_path / "new", "--json"
    )
    cards = [json.loads(line) for line in result.stdout.splitlines()]
    assert [card["evidence"]["submission"] for card in cards] == ["ada", "bob"]
    # Neither wrote notes; all else is met, and 80 of 100 points pass.
    assert [(card["points"], card["verdict"]) for card in cards] == [(80, "passed")] * 2
    assert result.exit_code == 0
    assert json.loads((tmp_path / "new" / "bob" / "report.json").read_text()) == cards[1]
    strict = harness("regrade", reports, "--rubric", "under-8k", "--out", tmp_path / "new")
    assert strict.exit_code == 1
    assert "parameters is required, and was not met" in " ".join(strict.stdout.split())
    lenient = harness(
        "regrade", reports, "--rubric", "under-8k", "--out", tmp_path / "new", "--exit-zero"
    )
    assert lenient.exit_code == 0


def test_regrade_does_not_make_up_runs(reports: Path, tmp_path: Path) -> None:
    result = harness("regrade", reports / "ada", "--rubric", "strict", "--out", tmp_path / "new")
    assert result.exit_code == 4
    assert "1 of 5 runs" in " ".join(result.stdout.split())


def test_a_damaged_report_does_not_stop_the_class(reports: Path, tmp_path: Path) -> None:
    (reports / "aaa").mkdir()
    (reports / "aaa" / "report.json").write_text("{")
    options = ["--rubric", "under-10k", "--out", tmp_path / "new"]
    result = harness("regrade", reports, *options)
    assert result.exit_code == 2
    assert "report.json: no report of this version" in result.stderr
    assert sorted(path.parent.name for path in tmp_path.glob("new/*/report.json")) == ["ada", "bob"]
    twice = harness("regrade", reports / "ada", tmp_path / "new", *options)
    assert twice.exit_code == 2
    assert "2 reports are of ada" in twice.stderr


def test_a_folder_that_cannot_be_written_is_the_machines_fault(reports: Path) -> None:
    file = reports / "file"
    file.write_text("")
    result = harness("regrade", reports / "ada", "--rubric", "under-10k", "--out", file / "x")
    assert result.exit_code == 4
    assert "the machine's fault" in result.stderr


def test_an_override_that_hits_nothing_is_a_usage_error(reports: Path, tmp_path: Path) -> None:
    overrides = tmp_path / "overrides.toml"
    overrides.write_text(
        '[[override]]\nsubmission = "ada"\nstep = "step_9.py"\ncheck = "epochs"\n'
        'points = 1\nwhy = "x"\n'
    )
    options = ["--rubric", "under-10k", "--out", tmp_path / "new", "--overrides", overrides]
    result = harness("regrade", reports, *options)
    assert result.exit_code == 2
    assert "step step_9.py: there is no such mark" in result.stderr


def test_regrade_takes_the_points_of_a_person(reports: Path, tmp_path: Path) -> None:
    overrides = tmp_path / "overrides.toml"
    overrides.write_text(
        '[[override]]\nsubmission = "ada"\ncheck = "convincing"\npoints = 8\nwhy = "Well argued."\n'
    )
    options = ["--rubric", "four-steps", "--out", tmp_path / "new", "--json"]
    awaited = json.loads(harness("regrade", reports / "ada", *options).stdout)
    assert (awaited["out_of"], awaited["awaiting"], awaited["bonus"]) == (90, 10, 5)
    told = harness("regrade", reports / "ada", *options, "--overrides", overrides)
    awarded = json.loads(told.stdout)
    assert (awarded["out_of"], awarded["awaiting"]) == (100, 0)
    assert awarded["points"] == awaited["points"] + 8


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "no report.json there"),
        (["old.json"], "no report of this version"),
        (
            ["reports", "--rubric", "digits-quickstart"],
            "was measured on mnist, and the rubric asks for digits",
        ),
        (["reports", "--rubric", "under-9k"], "no such rubric"),
        (["reports", "--overrides", "none.toml"], "none.toml: cannot be read"),
    ],
)
def test_what_cannot_be_regraded_is_told(
    reports: Path, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(reports.parent)
    Path("old.json").write_text('{"format": 1}')
    result = harness("regrade", "--rubric", "under-10k", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_rubrics_are_listed_shown_and_validated(tmp_path: Path) -> None:
    assert "four-steps" in harness("rubric", "list").stdout
    listed = json.loads(harness("rubric", "list", "--json").stdout)
    assert listed["under-8k"]["checks"][0]["below"] == 8_000
    shown = harness("rubric", "show", "under-8k").stdout
    assert shown == rubric.find("under-8k").read_text()
    mine = tmp_path / "mine.toml"
    assert harness("new", "rubric", mine, "--like", "four-steps").exit_code == 0
    assert mine.read_text() == rubric.find("four-steps").read_text()
    result = harness("rubric", "validate", mine, "under-10k")
    assert result.exit_code == 0
    assert "10 checks, 100 points" in result.stdout
    mine.write_text(mine.read_text().replace("at_most = 15", "at_most = 2"))
    result = harness("rubric", "validate", "under-10k", mine)
    assert result.exit_code == 2
    assert "at_most = 2, but the rubric's recipe trains 15" in result.stderr
    told = harness("rubric", "validate", "under-10k", mine, "--json")
    assert told.exit_code == 2
    right, wrong = json.loads(told.stdout)
    assert right == {"file": "under-10k", "right": True, "problems": []}
    assert wrong["file"] == str(mine)
    assert "at_most = 2" in wrong["problems"][0]


@pytest.mark.parametrize(
    ("find", "replace_by", "words"),
    [
        ('"SGD", lr = 0.01', '"SDG", lr = 0.01', "recipe.optimizer = 'SDG' is not one that can be named here; did you mean SGD?"),
        ('"SGD", lr = 0.01', '"SGD", rate = 0.01', "recipe.optimizer: SGD of this torch takes no argument 'rate'"),
        ('loss = "nll_loss"', 'loss = "nl_loss"', "recipe.loss = 'nl_loss' is not one that can be named here; did you mean nll_loss?"),
        ('loss = "nll_loss"', 'scheduler = "StepLR"', "recipe.scheduler: StepLR(): "),
        ('loss = "nll_loss"', 'augment = ["RandomRotation"]', "recipe.augment: RandomRotation(): "),
    ],
)  # fmt: skip
def test_a_recipe_that_torch_cannot_follow_is_the_rubrics_mistake(
    find: str, replace_by: str, words: str, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(rubric.find("under-10k").read_text().replace(find, replace_by))
    result = harness("rubric", "validate", mine)
    assert result.exit_code == 2
    assert f"{mine}: {words}" in result.stderr


def test_new_does_not_overwrite(tmp_path: Path) -> None:
    folder, file = tmp_path / "mine", tmp_path / "mine.toml"
    assert "harness check" in harness("new", "submission", folder).stdout
    assert len(list(folder.glob("*.py"))) == 3
    assert harness("new", "submission", folder).exit_code == 2
    assert harness("new", "rubric", file).exit_code == 0
    again = harness("new", "rubric", file)
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    assert harness("new", "rubric", tmp_path / "b.toml", "--like", "x").exit_code == 2


def test_new_says_where_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for what, where in (
        ("submission", tmp_path / "file" / "mine"),
        ("rubric", tmp_path / "nodir" / "mine.toml"),
        ("rubric", tmp_path / "file" / "mine.toml"),
    ):
        result = harness("new", what, where)
        assert result.exit_code == 2
        assert f"{where}: cannot be " in result.stderr


def test_data_are_told_as_json(tmp_path: Path) -> None:
    told = harness("data", "get", "digits", "--data-dir", tmp_path, "--json")
    assert told.exit_code == 0
    assert json.loads(told.stdout) == {"dataset": "digits", "right": True, "problem": ""}
    folder = wrong_mnist(tmp_path)
    told = harness("data", "get", "mnist", "--data-dir", folder, "--json")
    assert told.exit_code == 4
    assert "is not mnist's" in json.loads(told.stdout)["problem"]


@pytest.mark.parametrize("characters", ["ascii", "cp1252", "utf-8"])
def test_a_console_of_few_characters_gets_a_report(reports: Path, characters: str) -> None:
    """Signs stay apart, and JSON stays whole."""
    arguments = ["regrade", str(reports), "--rubric", "under-8k", "--out", str(reports / "new")]
    console = CliRunner(charset=characters, env={"COLUMNS": "200"})
    plain = console.invoke(app, arguments)
    assert plain.exit_code == 1, plain.exception
    passed, failed = ("✓", "✗") if characters == "utf-8" else ("+", "x")
    assert f"{passed} parameters" in plain.stdout
    assert f"{failed} parameters" in plain.stdout
    told = console.invoke(app, [*arguments, "--json"])
    for line in told.stdout_bytes.decode("ascii").splitlines():
        jsonschema.validate(json.loads(line), SCORECARD)


def test_the_version_is_told() -> None:
    assert harness("--version").stdout.strip() == package.__version__


def test_the_store_lies_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_STORE", str(tmp_path / "named"))
    assert stores.folder(tmp_path) == tmp_path
    assert stores.folder() == tmp_path / "named"
    monkeypatch.delenv("HARNESS_STORE")
    assert stores.folder().parts[-2:] == ("mnist-harness", "store")
