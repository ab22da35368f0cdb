"""Planted files, early ends and hooks: what a grader that trusts its folder would fall for."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from batches import Laboratory, last_correct, only_step
from forms import HONEST, definitions
from notebook_samples import LOOPS, NET, SETUP, notebook
from step_samples import step

import harness
from harness.grade import grade, write_reports
from harness.scorecard import Scorecard

EXITS = {
    "os._exit": ("import os\nos._exit(0)\n", "it ended its own process with exit code 0"),
    "another exit code": ("import os\nos._exit(9)\n", "it ended its own process with exit code 9"),
    "sys.exit": ("import sys\nsys.exit(0)\n", "SystemExit: 0"),
    "a signal to itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n", "processor time or for want of memory|ended by signal 9|Operation not permitted"),
    "abort": ("import os\nos.abort()\n", "ended by signal 6"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt\n", "KeyboardInterrupt"),
    "GeneratorExit": ("raise GeneratorExit\n", "GeneratorExit"),
}  # fmt: skip

HOOKS = """
import atexit, os, sys, threading

def forge(*_):
    os._exit(0)

sys.excepthook = sys.unraisablehook = threading.excepthook = forge
atexit.register(forge)
"""


PLANTED = "import os\nos.environ['PLANTED'] = 'yes'\nopen('planted', 'w').close()\n"

FILES = {
    "conftest.py": PLANTED,
    "sitecustomize.py": PLANTED,
    "usercustomize.py": PLANTED,
    "torch.py": PLANTED,
    "json.py": PLANTED,
    "harness/__init__.py": PLANTED,
    "harness/__main__.py": PLANTED,
    "harness/frames.py": PLANTED,
    "harness/grade.py": PLANTED,
    "pytest.ini": "[pytest]\naddopts = -p planted\n",
    "report.json": json.dumps({"verdict": "passed", "points": 100}),
    "results.json": json.dumps({"score": 100, "tests": []}),
    "store/secret": "a" * 32,
    "store/runs/aa/run.json": json.dumps({"epochs": [{"test_correct": 360}]}),
    "reports/report.json": json.dumps({"verdict": "passed"}),
    "rubric/digits-quickstart.toml": 'title = "Easier"\ndataset = "digits"\nchecks = []\n',
}
"""Beside the steps."""


def judged(scorecard: Scorecard) -> list[tuple[str, float, str]]:
    return [(mark.check, mark.points, mark.measured) for mark in scorecard.marks]


@pytest.mark.parametrize("end", EXITS)
def test_an_early_end_is_the_submissions_own(ended: dict[str, str], end: str) -> None:
    assert re.search(EXITS[end][1], ended[end]), ended[end]


@pytest.fixture(scope="module")
def ended(best: Laboratory) -> dict[str, str]:
    return definitions(best, {name: code for name, (code, _) in EXITS.items()})


def test_hooks_and_exit_handlers_change_nothing(best: Laboratory) -> None:
    scorecard = best.attack({"step_1.py": HOOKS + step(), "step_2.py": step("Honest.")})
    first, second = scorecard.evidence.steps
    assert first.fault is None
    assert first.network is not None
    assert second.network is not None
    assert first.network.parameters == second.network.parameters
    assert first.runs[0].epochs[-1].test_correct == second.runs[0].epochs[-1].test_correct


def test_a_notebook_that_ends_early_keeps_what_was_measured(best: Laboratory) -> None:
    scorecard = best.attack({"Step_1.ipynb": notebook(*HONEST, "import os\nos._exit(0)")})
    (told,) = only_step(scorecard).failed_cells
    assert "the code ended its own process, with exit code 0" in told
    assert scorecard.verdict == "failed"


def test_planted_files_change_nothing_of_a_definition(best: Laboratory) -> None:
    # As a step of its own a planted file is told of; here it is to be overlooked.
    plain = grade(best.put({"step_1.py": step("Plain.")}), best.rubric, best.workshop, print)
    scorecard = best.attack(FILES | {"step_1.py": step("Plain.")})
    assert "PLANTED" not in os.environ
    (honest,) = (each for each in scorecard.evidence.steps if each.name == "step_1.py")
    (before,) = plain.evidence.steps
    assert honest.network == before.network
    assert [run.epochs[-1].test_correct for run in honest.runs] == [last_correct(plain)]


def test_planted_files_change_nothing_of_a_notebook(best: Laboratory) -> None:
    cells = [SETUP, NET, LOOPS, "fit(Net(), 2)"]
    plain = grade(best.put({"Step_1.ipynb": notebook(*cells)}), best.rubric, best.workshop, print)
    scorecard = best.attack(FILES | {"Step_1.ipynb": notebook(*cells)})
    assert "PLANTED" not in os.environ
    assert judged(scorecard) == judged(plain)


@pytest.mark.parametrize("name", ["sitecustomize", "json"])
def test_a_step_is_nothing_that_python_imports(laboratory: Laboratory, name: str) -> None:
    """Seen: the second process ran it before that was behind its walls."""
    with tempfile.NamedTemporaryFile() as secret:
        Path(secret.name).chmod(0o666)  # so that nothing but the walls is in the way
        writes = f"""
try:
    open({secret.name!r}, "w").write("changed")
except OSError:
    pass
"""
        steps = planted_as(f"{name}.py", writes)
        first, second, third = laboratory.attack(steps).evidence.steps
        assert second.fault is not None
        assert "ended without an answer" in second.fault.message
        assert (first.fault, third.fault) == (None, None)
        assert Path(secret.name).read_text() == ""


def planted_as(name: str, code: str) -> dict[str, str]:
    """Three steps: the first of this name, and one that has the third take a new process."""
    order = [name, "step_2.py", "step_3.py"]
    return {
        "submission.toml": f"order = {json.dumps(order)}\n",
        order[0]: code + step("Planted."),
        order[1]: "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n" + step(),
        order[2]: step("After it."),
    }


def test_the_command_in_a_submissions_folder_runs_nothing_of_it(tmp_path: Path) -> None:
    """As the program that is installed: what Python would import first is its own folder."""
    for place, content in (FILES | {"step_1.py": step()}).items():
        path = tmp_path / "ada" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    program = tmp_path / "bin" / "harness"
    program.parent.mkdir()
    program.write_text("from harness.cli import app\napp()\n")
    options = ["--rubric", "digits-quickstart", "--device", "cpu", "--exit-zero", "--dry-run"]
    checkout = str(Path(harness.__file__).parents[1])
    subprocess.run(
        [sys.executable, program, "grade", ".", *options, "--store", tmp_path / "store"],
        cwd=tmp_path / "ada",
        env=os.environ | {"PYTHONPATH": checkout},
        check=True,
        capture_output=True,
    )
    assert not (tmp_path / "ada" / "planted").exists()


@pytest.mark.parametrize("name", ["report.json", "report.md", "report.html", "results.json"])
def test_reports_are_not_written_through_a_link(
    best: Laboratory, name: str, tmp_path: Path
) -> None:
    """Seen where `--out` is the folder of the class: reports lie beside what was handed in."""
    theirs = tmp_path / "grades.csv"
    theirs.write_text("ada,100")
    path = best.put({"step_1.py": step("With a link.")})
    (path / name).symlink_to(theirs)
    scorecard = grade(path, best.rubric, best.workshop, print)
    write_reports(scorecard, path.parent, best.workshop.store)
    assert theirs.read_text() == "ada,100"
    assert not (path / "report.json").is_symlink()
    assert json.loads((path / "report.json").read_text())["verdict"] == scorecard.verdict


def test_executed_notebooks_are_not_written_through_a_link(
    best: Laboratory, tmp_path: Path
) -> None:
    theirs = tmp_path / "neighbour"
    theirs.mkdir()
    (theirs / "Step_1.ipynb").write_text("handed in")
    path = best.put({"Step_1.ipynb": notebook(*HONEST)})
    (path / "executed").symlink_to(theirs)
    scorecard = grade(path, best.rubric, best.workshop, print)
    write_reports(scorecard, path.parent, best.workshop.store)
    assert (theirs / "Step_1.ipynb").read_text() == "handed in"
    assert json.loads((path / "report.json").read_text())["verdict"] == scorecard.verdict
