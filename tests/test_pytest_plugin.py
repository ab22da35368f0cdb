"""The pytest plugin: tests as everyone knows them, and nothing that was handed in is imported."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from step_samples import step

from harness.pytest_checks import Numbered

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.xdist_group("pytest plugin")  # what is graded once, they share

RUBRIC = """
title = "Small"
dataset = "digits"

[[checks]]
kind = "parameters"
below = 2_000
points = 20
scope = "final step"

[[checks]]
kind = "accuracy"
at_least = "10 %"
last_epochs = 1
points = 70
scope = "every step"

[[checks]]
kind = "steps"
exactly = 2
points = 5
scope = "whole submission"

[[checks]]
kind = "manual"
name = "style"
question = "Is it clear?"
points = 5
scope = "whole submission"
"""

SHORT = 'recipe = {{"epochs": 1, "batch_size": 64, "optimizer": {{"name": "SGD", "lr": {}}}}}\n'

SPEAKS = "import pathlib\npathlib.Path({!r}).joinpath(__name__).write_text('')\n"
"""What is planted: it leaves its name behind where it is imported outside of a sandbox."""

FORKS = """
import json, os, sys
import pytest, harness.pytest_grading

for number, arguments in enumerate(json.loads(sys.argv[1])):
    if not os.fork():
        told = os.open(f"collected-{number}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(told, 1)
        os.dup2(told, 2)
        code = pytest.main(arguments)
        sys.stdout.flush()
        os._exit(code)
    assert os.wait()[1] == 0
"""
"""Runs pytest once for each list of arguments; each must end well."""


class Desk:
    """Where a course keeps its rubric and its store, and calls pytest."""

    def __init__(self, root: Path) -> None:
        self.root, self.spoken = root, root / "spoken"
        self.spoken.mkdir()
        (root / "small.toml").write_text(RUBRIC)
        # The entry point as it will be installed, wherever these tests run.
        points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
        about = root / "installed" / "plugin-0.dist-info"
        about.mkdir(parents=True)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 0\n")
        named = [f"{name} = {place}" for name, place in points["pytest11"].items()]
        (about / "entry_points.txt").write_text("\n".join(["[pytest11]", *named]))

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def plant(self, name: str, before: str = "") -> None:
        self.write(name, before + SPEAKS.format(str(self.spoken)))

    def env(self, store: str = "store", path: str = "") -> dict[str, str]:
        outer = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST")}
        places = [str(self.root / "installed"), str(ROOT), path, outer.get("PYTHONPATH", "")]
        env = outer | {"PYTHONPATH": os.pathsep.join(filter(None, places)), "COLUMNS": "200"}
        return env | {"HARNESS_STORE": str(self.root / store), "PYTHONSAFEPATH": "1"}

    def pytest(
        self, *arguments: str, store: str = "store", here: str = ".", path: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run pytest on the class, unless the arguments say what else to grade."""
        env = self.env(store, path)
        cached = {"-n2", "--lf"}.intersection(arguments)
        cache = ["-o", "cache_dir=cache"] if cached else ["-p", "no:cacheprovider"]
        command = [sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", *cache, *arguments]
        return subprocess.run(
            command, cwd=self.root / here, env=env, capture_output=True, text=True, timeout=300
        )

    def collect(self, asked: list[list[str]]) -> list[str]:
        """What each of several runs of pytest collects, in forks of one process.

        None of them waits for the harness's and pytest's imports, which take most of the time.
        """
        usual = ["-p", "no:hypothesispytest", "-p", "no:cacheprovider", "--rubric", "small.toml"]
        runs = [[*given, *usual, "--collect-only"] for given in asked]
        command = [sys.executable, "-c", FORKS, json.dumps(runs)]
        subprocess.run(command, cwd=self.root, env=self.env(), check=True, timeout=300)
        told = [self.root / f"collected-{number}" for number in range(len(asked))]
        return [file.read_text() for file in told]

    def grade(self, *arguments: str, store: str = "store") -> subprocess.CompletedProcess[str]:
        given = [each for each in arguments if each.startswith("class")] or ["class"]
        options = [each for each in arguments if each not in given]
        return self.pytest(*given, "--rubric", "small.toml", *options, store=store)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A class of two: Ada's steps train, Bob's does not run; and much that should not speak."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    for number, rate in (1, "0.1"), (2, "0.2"):
        desk.write(f"class/ada/step_{number}.py", step(recipe=SHORT.format(rate)))
    desk.write("class/bob/step_1.py", step() + "\nraise ValueError('::error::no')\n")
    for place in "class", "class/ada", "class/ada/test_more":
        desk.plant(f"{place}/conftest.py", "import step_1\n" * ("/" in place))
        desk.plant(f"{place}/__init__.py")
    desk.plant("class/ada/test_evil.py", "from step_1 import Net\n")
    desk.write("class/ada/notes.txt", f">>> {SPEAKS.format(str(desk.spoken)).splitlines()[1]}")
    return desk


@pytest.fixture(scope="module")
def graded(desk: Desk) -> subprocess.CompletedProcess[str]:
    """The class as two processes grade it, with every epoch told."""
    return desk.grade("-v", "-n2", "-rA", "--log-level=info", "--junitxml=junit.xml")


def outcomes(result: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Each test by its node id, as `-v` tells."""
    found = re.findall(r"(class\S*?::\w+[ \d]*: [^(\n]*?) (PASSED|FAILED|SKIPPED|ERROR)|(PASSED|FAILED|SKIPPED|ERROR) (class.*?::.*?: \S+)", result.stdout.partition("short test summary")[0])  # fmt: skip
    return {one or other: before or after for one, before, after, other in found}


def collected(told: str) -> list[str]:
    """The names of tests, as `--collect-only -q` tells."""
    return re.findall(r"^class.*::(.*)$", told, re.MULTILINE)


def test_each_check_is_a_test(desk: Desk, graded: subprocess.CompletedProcess[str]) -> None:
    assert outcomes(graded) == {
        "class/ada/step_1.py::step 1: accuracy": "PASSED",
        "class/ada/step_2.py::step 2: parameters": "FAILED",
        "class/ada/step_2.py::step 2: accuracy": "PASSED",
        "class/ada::submission: steps": "PASSED",
        "class/ada::submission: style": "SKIPPED",
        "class/bob/step_1.py::step 1: parameters": "FAILED",
        "class/bob/step_1.py::step 1: accuracy": "SKIPPED",
        "class/bob::submission: steps": "FAILED",
        "class/bob::submission: style": "SKIPPED",
    }
    assert graded.returncode == 1


def test_two_processes_train_nothing_twice(graded: subprocess.CompletedProcess[str]) -> None:
    epochs = re.findall(r"ada: step (\d)/2 step_\d.py, seed 1, epoch 1/1", graded.stdout)
    assert sorted(epochs) == ["1", "2"]


def test_a_failure_says_what_was_asked_and_where_to_look(
    graded: subprocess.CompletedProcess[str],
) -> None:
    told = graded.stdout
    missed = ["18 over the limit", "asked: fewer than 2,000 parameters", "measured: 2,018", "points: 0 of 20", "at: class/ada/step_2.py:7"]  # fmt: skip
    assert "\n".join(missed) in told
    assert "could not be measured: ValueError: : :error: :no" in told
    assert "at: class/bob/step_1.py:21" in told
    assert "not reached: could not be measured" in told
    assert "awaits a person: Is it clear? (5 points)" in told
    assert "Traceback" not in told
    assert "::error" not in told


def test_the_end_is_every_submissions_verdict(graded: subprocess.CompletedProcess[str]) -> None:
    *_, ada, bob, _ = graded.stdout.splitlines()
    assert sorted([ada, bob]) == [
        "ada: passed with 75 of 95 points, 5 await a person",
        "bob: not passed, 0 of 95 points, 5 await a person: 0 of 95 points are below 50 %",
    ]


def test_junit_has_the_points(desk: Desk, graded: subprocess.CompletedProcess[str]) -> None:
    cases = {
        f"{case.get('classname')} {case.get('name')}": case
        for case in ET.parse(desk.root / "junit.xml").iter("testcase")
    }
    case = cases["class.ada.step_2 step 2: parameters"]
    assert {each.get("name"): each.get("value") for each in case.iter("property")} == {
        "submission": "ada",
        "step": "step_2.py",
        "points": "0.0",
        "out_of": "20.0",
        "seeds": "1",
        "integrity": "replayed",
        "asked": "fewer than 2,000 parameters",
        "measured": "2,018",
    }
    assert [each.tag for each in case][1:] == ["failure"]
    assert [each.tag for each in cases["class.bob.step_1 step 1: accuracy"]][1:] == ["skipped"]


def test_nothing_that_was_handed_in_speaks(
    desk: Desk, graded: subprocess.CompletedProcess[str]
) -> None:
    assert graded.returncode == 1
    named = ["class/ada/test_evil.py", "class/ada/notes.txt", "class/ada/__init__.py"]
    desk.grade("--collect-only", "--doctest-modules", "--doctest-glob=*.txt", *named)
    assert [path.name for path in desk.spoken.iterdir()] == []
    # They do where nobody grades.
    desk.pytest("class/ada", "--collect-only", "-q")
    spoken = {path.name for path in desk.spoken.iterdir()}
    for path in desk.spoken.iterdir():
        path.unlink()
    assert any("conftest" in name for name in spoken)


def test_what_failed_can_be_run_again(desk: Desk, graded: subprocess.CompletedProcess[str]) -> None:
    assert graded.returncode == 1
    result = desk.grade("--lf", "--collect-only", "-q")
    assert collected(result.stdout) == [
        "step 2: parameters",
        "step 1: parameters",
        "submission: steps",
    ]


def test_an_archive_is_a_submission(desk: Desk) -> None:
    (desk.root / "classes" / "zoe\n::error::empty").mkdir(parents=True)
    for name in "dan", "eve":
        shutil.make_archive(str(desk.root / "classes" / name), "gztar", desk.root / "class" / "bob")
    whole = ["step 1: parameters", "step 1: accuracy", "submission: steps", "submission: style"]
    one = "classes/eve.tar.gz::step 1: accuracy"
    result, tree, chosen = desk.collect([["-q", "classes"], ["classes"], ["-q", one]])
    assert "eve.tar.gz" in tree
    assert "::error" not in tree
    # A folder without steps is one, too: each of its tests will say so.
    assert collected(result) == [
        *whole,
        *whole,
        "submission: parameters",
        "submission: accuracy",
        "submission: steps",
        "submission: style",
    ]
    assert collected(chosen) == ["step 1: accuracy"]


@pytest.mark.parametrize(
    ("file", "text", "given", "here", "told"),
    [
        ("class/pytest.ini", "[pytest]\naddopts = --collect-only\n", "class", ".", "pytest's configuration"),
        ("class/ada/setup.cfg", "[tool:pytest]\naddopts = -k nothing\n", "class/ada", ".", "pytest's configuration"),
        ("class/bob/notes.md", "", ".", "class/bob", "the folder that pytest was started in"),
        ("class/ada/torch.py", "", "class", ".", "a folder that Python imports from"),
    ],
    ids=["pytest.ini", "setup.cfg", "current folder", "path"],
)  # fmt: skip
def test_what_could_steer_pytest_from_within_is_refused(
    desk: Desk, file: str, text: str, given: str, here: str, told: str
) -> None:
    planted = desk.write(file, text)
    rubric = str(desk.root / "small.toml")
    path = str(desk.root / "class" / "ada") if "Python" in told else ""
    result = desk.pytest(given, "--rubric", rubric, here=here, path=path)
    planted.unlink()
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {told}" in result.stderr
    assert "is not trusted" in result.stderr


def test_a_configuration_of_ones_own_keeps_plugins_out(desk: Desk) -> None:
    desk.plant("class/ada/evil.py")
    planted = desk.write("class/tox.ini", "[pytest]\naddopts = -p evil\npythonpath = ada\n")
    own = desk.write("own.ini", "[pytest]\n")
    apart = desk.grade("-c", "own.ini", "--collect-only", "-q")
    assert "step 1: accuracy" in apart.stdout
    assert list(desk.spoken.iterdir()) == []
    # Without one pytest loads it before any plugin is asked, as docs and docstring say.
    refused = desk.grade("--collect-only")
    assert refused.returncode == pytest.ExitCode.USAGE_ERROR
    (spoken,) = desk.spoken.iterdir()
    for path in (planted, own, spoken, desk.root / "class" / "ada" / "evil.py"):
        path.unlink()


def test_a_machine_without_a_sandbox_ends_the_run(desk: Desk) -> None:
    lacking = "from harness.collect.sandbox import walls\n\ndef best():\n    raise walls.NoWall('none; add --no-sandbox')\n\nwalls.best = best\n"
    desk.write("modules/nowall.py", lacking)
    modules = str(desk.root / "modules")
    result = desk.pytest("class", "--rubric", "small.toml", "-p", "nowall", path=modules)
    assert result.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: none; add --harness-no-sandbox" in result.stderr


def test_what_is_the_machines_fault_is_an_error(desk: Desk) -> None:
    desk.write("broken/locks", "no folder")
    result = desk.grade("-k", "steps", "class/ada", store="broken")
    assert "ERROR at setup of ada, submission: steps" in result.stdout
    assert "the machine's fault" in result.stdout
    assert "1 error" in result.stdout


def test_a_notebook_may_turn_out_to_hold_several_steps() -> None:
    step = Numbered(1, "all.ipynb")
    assert [
        step.owns(name) for name in ("all.ipynb", "all.ipynb (2)", "other.ipynb", "all.ipynb2")
    ] == [True, True, False, False]


def test_benchmarks_are_of_each_step_and_grade_nothing(
    desk: Desk, graded: subprocess.CompletedProcess[str]
) -> None:
    untrained = desk.root / "untrained"
    untrained.mkdir()
    (untrained / "definitions").symlink_to(desk.root / "store" / "definitions")
    options = ["--benchmark-only", "--benchmark-json=times.json", "--benchmark-min-rounds=2"]
    result = desk.grade("class/ada/step_2.py", *options, store="untrained")
    assert "3 passed, 2 skipped" in result.stdout
    assert not (untrained / "runs").exists()
    told = json.loads((desk.root / "times.json").read_text())["benchmarks"]
    found = {each["fullname"]: (each["group"], each["stats"]["rounds"]) for each in told}
    assert told[0]["name"] == "ada, step 2: time an epoch"
    assert told[0]["options"]["timer"] == "the clock of the bench"
    assert found == {
        "class/ada/step_2.py::step 2: time an epoch": ("digits: time an epoch", 2),
        "class/ada/step_2.py::step 2: latency of one image": ("digits: latency of one image", 40),
        "class/ada/step_2.py::step 2: latency of 1,000 images": (
            "digits: latency of 1,000 images",
            4,
        ),
    }
    for each in told:
        about, stats = each["extra_info"], each["stats"]
        assert (about["parameters"], about["batch_size"]) == (2_018, 64)
        assert about["images_per_second"] == pytest.approx(about["images"] / stats["median"])
        assert about["device"].startswith(("cpu: ", "cuda: "))
        assert 0 < stats["min"] < 60
    assert [each["extra_info"]["images"] for each in told] == [1_437, 1, 1_000]


def test_without_a_rubric_nothing_slow_is_imported() -> None:
    code = "import sys, harness.pytest_plugin; print(*(name for name in sys.modules if name.startswith(('harness', 'torch', 'pydantic', 'numpy'))))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["harness", "harness.pytest_plugin"]


CHOICES = {
    "check": (["class", "-k", "accuracy and ada"], ["step 1: accuracy", "step 2: accuracy"]),
    "step": (["class", "-k", "step_2"], ["step 2: parameters", "step 2: accuracy"]),
    "ignore": (["class", "--ignore=class/ada", "-k", "steps"], ["submission: steps"]),
    "deselect": (["class", "--deselect=class/ada", "-k", "steps"], ["submission: steps"]),
    "test": (["class/ada/step_2.py::step 2: accuracy"], ["step 2: accuracy"]),
    "file": (["class/ada/step_1.py"], ["step 1: accuracy"]),
    "folder": (["class/bob"], ["step 1: parameters", "step 1: accuracy", "submission: steps", "submission: style"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def chosen(desk: Desk) -> dict[str, list[str]]:
    told = desk.collect([["-q", *arguments] for arguments, _ in CHOICES.values()])
    assert not (desk.root / "class" / ".pytest_cache").exists()
    return dict(zip(CHOICES, map(collected, told), strict=True))


@pytest.mark.parametrize("how", CHOICES)
def test_tests_are_chosen_as_usual(chosen: dict[str, list[str]], how: str) -> None:
    assert chosen[how] == CHOICES[how][1]
