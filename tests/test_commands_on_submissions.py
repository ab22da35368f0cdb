"""`check` and `grade` in one process: what they print of a submission, and exit with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from commanded import SCORECARD, harness, wrong_mnist
from step_samples import NET, make_store
from step_samples import step as source

from harness import rubric

NOTES = """A step.

Target: learn the digits at all.
Result: 2,018 parameters, and a test accuracy of 99.9 %.
Analysis: not much can be said.
"""


@pytest.fixture
def store(tmp_path: Path, definitions: Path) -> list[str | Path]:
    """The option for a store of the test's own."""
    make_store(tmp_path / "store", definitions)
    return ["--store", tmp_path / "store"]


def test_check_tells_in_seconds(submission: Callable[..., Path], store: list[str | Path]) -> None:
    folder = submission(step_1=source(NOTES))
    options = ["--rubric", "digits-quickstart", *store]
    result = harness("check", folder, *options)
    assert result.exit_code == 0, result.output
    told = " ".join(result.stdout.split())
    assert "Net: 2,018 parameters" in told
    assert "3x3x1x4 + 4 40" in told
    assert "learns: " in told
    assert "1 of 1 claims right, 1 not measured yet" in told
    assert "Only `harness grade` can tell: accuracy (50 points)" in told
    (card,) = map(json.loads, harness("check", folder, *options, "--json").stdout.splitlines())
    assert card["evidence"]["steps"][0]["burst"]["learned"]
    assert card["evidence"]["steps"][0]["runs"] == []
    jsonschema.validate(card, SCORECARD)


def test_check_says_what_does_not_learn(
    submission: Callable[..., Path], store: list[str | Path]
) -> None:
    stuck = NET.replace("self.head(features)", "0 * self.head(features)")
    long = source(recipe='recipe = {"epochs": 1000}\n')
    folder = submission(step_1=source(network=stuck), step_2=long)
    result = harness("check", folder, "--rubric", "digits-quickstart", *store)
    assert result.exit_code == 3
    told = " ".join(result.stdout.split())
    assert "it does not learn: in 100 steps on 64 images the loss went from 2.30 to 2.30" in told
    assert "epochs = 1000: should be less than or equal to 100" in told
    assert harness("check", folder.parent / "nobody", *store).exit_code == 2
    lenient = harness("check", folder, "--rubric", "digits-quickstart", *store, "--exit-zero")
    assert lenient.exit_code == 0


def test_a_loss_that_is_no_number_leaves_the_json_whole(
    submission: Callable[..., Path], store: list[str | Path]
) -> None:
    folder = submission(step_1=source(network=NET.replace("(features)", "(features.log())")))
    result = harness("check", folder, "--rubric", "digits-quickstart", *store, "--json")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    card = json.loads(result.stdout, parse_constant=refuse)
    assert "the loss became no number in step 1 on 64 images" in card["faults"][0]["message"]
    assert card["evidence"]["steps"][0]["burst"]["last_loss"] is None
    jsonschema.validate(card, SCORECARD)


def test_a_rubrics_own_recipe_is_not_the_learners_fault(
    submission: Callable[..., Path], store: list[str | Path], tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.toml"
    text = rubric.find("digits-quickstart").read_text()
    own = '[recipe]\nepochs = 15\nbatch_size = 128\noptimizer = "SDG"\n[[checks]]'
    wrong.write_text(text.replace("[[checks]]", own, 1))
    folder = submission(step_1=source(recipe='recipe = {"epochs": 2}\n'))
    result = harness("check", folder, "--rubric", wrong, *store, "--json")
    assert result.exit_code == 4
    (fault,) = json.loads(result.stdout)["faults"]
    assert fault["owner"] == "machine"
    assert "the rubric's recipe cannot be followed: optimizer = 'SDG'" in fault["message"]


def test_a_dry_run_tells_what_a_grade_would_train(
    submission: Callable[..., Path], store: list[str | Path], tmp_path: Path
) -> None:
    folder = submission(step_1=source(NOTES))
    options = ["--rubric", "digits-quickstart", "--device", "cpu", *store]
    dry = harness("grade", folder, *options, "--seeds", "2", "--dry-run")
    assert dry.exit_code == 0, dry.output
    told = " ".join(dry.stdout.split())
    assert "step_1.py seed 1: 2 epochs, seed 2: 2 epochs" in told
    assert "In all about 0:00:0" in told
    assert not (tmp_path / "store" / "runs").exists()
    planned = json.loads(harness("grade", folder, *options, "--dry-run", "--json").stdout)
    (one,) = planned["submissions"][0]["steps"]
    assert one["lacking"] == [{"seed": 1, "epochs": 2}]
    assert planned["seconds"] == pytest.approx(2 * one["seconds_an_epoch"])
    harness("grade", folder, *options, "--out", tmp_path / "out")
    again = harness("grade", folder, *options, "--seeds", "2", "--dry-run", "--json")
    lacking = json.loads(again.stdout)["submissions"][0]["steps"][0]["lacking"]
    assert lacking == [{"seed": 2, "epochs": 2}]
    assert harness("grade", tmp_path / "nobody", *options, "--dry-run").exit_code == 2


def test_a_dry_run_exits_as_a_grade_would(
    submission: Callable[..., Path],
    store: list[str | Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good, broken = (
        submission("good", step_1=source(NOTES)),
        submission("broken", step_1="def f(:\n"),
    )
    empty = submission("empty")
    options = ["--device", "cpu", *store, "--dry-run", "--json"]

    def dry(
        *arguments: str | Path, by: str = "digits-quickstart"
    ) -> tuple[int, list[dict[str, Any]]]:
        result = harness("grade", *arguments, "--rubric", by, *options)
        return result.exit_code, json.loads(result.stdout)["submissions"]

    monkeypatch.chdir(good)
    code, (told, one, other) = dry(empty, ".", broken)
    assert code == 3
    assert told["fault"]["owner"] == "submission"
    assert one["submission"] == "good"
    assert one["fault"] is None
    assert other["steps"][0]["fault"]["owner"] == "submission"
    assert dry(empty, "--exit-zero")[0] == 0
    code, (told, other) = dry(
        good, empty, "--data-dir", wrong_mnist(tmp_path), "--exit-zero", by="under-10k"
    )
    assert code == 4
    assert told["fault"]["owner"] == "machine"
    assert "MNIST" in told["fault"]["message"]
    assert other["submission"] == "empty"


def test_a_grade_takes_seeds_and_the_points_of_a_person(
    submission: Callable[..., Path], store: list[str | Path], tmp_path: Path
) -> None:
    overrides = tmp_path / "overrides.toml"
    overrides.write_text(
        '[[override]]\nsubmission = "ada"\nstep = "step_1.py"\ncheck = "accuracy"\n'
        'points = 50\nwhy = "Agreed."\n'
    )
    folder = submission(step_1=source(NOTES))
    options = ["--rubric", "digits-quickstart", "--device", "cpu", *store, "--json"]
    options += ["--out", tmp_path / "out", "--seeds", "2"]
    plain = harness("grade", folder, *options)
    assert plain.exit_code == 1
    (card,) = map(json.loads, plain.stdout.splitlines())
    assert [run["seed"] for run in card["evidence"]["steps"][0]["runs"]] == [1, 2]
    jsonschema.validate(card, SCORECARD)
    assert harness("grade", folder, *options, "--exit-zero").exit_code == 0
    (kind,) = map(
        json.loads, harness("grade", folder, *options, "--overrides", overrides).stdout.splitlines()
    )
    assert kind["points"] == card["points"] + 50
    assert kind["verdict"] == "passed"
    assert harness("grade", folder, *options, "--seeds", "0").exit_code == 2


@pytest.mark.parametrize(
    ("error", "owner"), [(OSError("no space"), "machine"), (KeyError("gap"), "harness")]
)
def test_what_nobody_foresaw_is_never_the_learners_fault(
    submission: Callable[..., Path],
    store: list[str | Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    owner: str,
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("harness.grade.collect", fail)
    options = ["--rubric", "digits-quickstart", "--out", tmp_path / "out", "--json", *store]
    result = harness("grade", submission(step_1="x"), *options)
    assert result.exit_code == 4
    (card,) = map(json.loads, result.stdout.splitlines())
    assert card["verdict"] == "not graded"
    assert card["evidence"]["fault"]["owner"] == owner
