"""The gate of a pull request, without GitHub: the action's own script, run as its runner would."""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from payloads import commands
from step_samples import step
from test_changed import git

import harness

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.xdist_group("gate")

load = partial(yaml.load, Loader=yaml.BaseLoader)  # with the others the key `on` is a truth value

ACTION = load((ROOT / "action.yml").read_text())

WORKFLOWS = {
    "this repository's": (ROOT / ".github" / "workflows" / "submissions.yml").read_text(),
    "the example": (ROOT / "docs" / "pull-request.md").read_text().partition("```yaml\n")[2].partition("```")[0],
}  # fmt: skip

RUBRIC = """
title = "The base's"
dataset = "digits"

[[checks]]
kind = "parameters"
below = 4_000
points = 20
scope = "final step"
required = true

[[checks]]
kind = "accuracy"
at_least = "50 %"
last_epochs = 2
points = 60
scope = "final step"

[[checks]]
kind = "notes"
at_least = 20
points = 10
scope = "every step"

[[checks]]
kind = "manual"
name = "style"
question = "Is it clear?"
points = 10
scope = "whole submission"
"""

OVERRIDE = """
[[override]]
submission = "{}"
check = "{}"
points = {}
why = "I say so."
"""

BASE = {
    "small.toml": RUBRIC,
    "overrides.toml": OVERRIDE.format("ada", "style", 9),
    "roster.csv": "folder,name\nada,Ada Lovelace\n",
    "submissions/README.md": "A folder for each of you.",
    "submissions/bob/step_1.py": "raise SystemExit",
}

GOOD = step("Target: ::error::owned\n##[error]owned")
OBEYED = ["::error file=a.py,line=1::owned", "##[error]owned", "::stop-commands::x", "::endgroup::"]


GENEROUS = {
    "small.toml": RUBRIC.replace("The base's", "Mine").replace("4_000", "40_000"),
    "submissions/small.toml": RUBRIC.replace("4_000", "40_000"),
    "overrides.toml": OVERRIDE.format("ada", "notes", 10),
    "roster.csv": "folder,name\nada,Teacher's Pet\n",
    "action.yml": "runs: {using: composite, steps: []}",
    # Files of these names at the top would be taken for rubrics.
    **dict.fromkeys(["digits-quickstart", "under-10k"], RUBRIC),
}
"""What a branch may hold, were it asked."""


class Job(NamedTuple):
    """What a job of the workflow left behind."""

    code: int
    told: str
    temp: Path
    summary: str

    def card(self, name: str) -> Any:
        """The scorecard of a submission."""
        return json.loads((self.temp / "reports" / name / "report.json").read_text())

    @property
    def reports(self) -> list[str]:
        return sorted(path.name for path in (self.temp / "reports").glob("*"))

    @property
    def trained(self) -> int:
        return len(list(self.temp.glob("store/runs/*/*")))


def filled(text: str, context: dict[str, str]) -> str:
    return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: context[found[1]], text)


def grade(folder: Path, branch: dict[str, str], **given: str) -> Job:
    """Run the step of the action that grades a branch, as the workflows check it out."""
    origin, work, temp = folder / "origin", folder / "work", folder / "temp"
    for made in origin, temp / "harness" / "bin":
        made.mkdir(parents=True)
    git(origin, "init", "-q", "-b", "main")
    commit(origin, BASE)
    git(origin, "switch", "-qc", "branch")
    commit(origin, branch)
    git(folder, "clone", "-q", "-b", "main", "origin", "work")
    git(folder, "clone", "-q", "-b", "branch", "origin", "work/branch")
    installed = temp / "harness" / "bin" / "harness"
    package = Path(harness.__file__).parents[1]
    installed.write_text(f"#!{sys.executable}\nimport sys\nsys.path.append({str(package)!r})\nfrom harness.cli import app\napp()\n")  # fmt: skip
    installed.chmod(0o755)
    base = subprocess.run(["git", "rev-parse", "main"], cwd=origin, capture_output=True, text=True)
    inputs = {name: about.get("default", "") for name, about in ACTION["inputs"].items()} | given
    context = {"runner.temp": str(temp), "github.event.pull_request.base.sha": base.stdout.strip()}
    context |= {f"inputs.{name}": filled(text, context) for name, text in inputs.items()}
    (asked,) = (each for each in ACTION["runs"]["steps"] if each.get("name") == "Grade")
    script, summary = folder / "script.sh", folder / "summary.md"
    script.write_text(asked["run"])
    summary.touch()
    outer = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST")}
    env = outer | {"RUNNER_TEMP": str(temp), "GITHUB_STEP_SUMMARY": str(summary)}
    env |= {name: filled(text, context) for name, text in asked["env"].items()}
    assert asked["shell"] == "bash"
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
    done = subprocess.run(
        command, cwd=work, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return Job(done.returncode, done.stdout, temp, summary.read_text())


def commit(clone: Path, files: dict[str, str]) -> None:
    """Commit files; a text that begins with an arrow is where a link leads."""
    for name, text in files.items():
        path = clone / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            path.symlink_to(text[3:])
        else:
            path.write_text(text)
    git(clone, "add", "--force", ".")
    git(clone, "commit", "-qm", "some")


def obeyed(told: str) -> Iterator[str]:
    """The lines that a runner takes for commands, as far as it has not been told to stop."""
    token = ""
    for line in told.splitlines():
        if token:
            token = "" if line == f"::{token}::" else token
        elif line.startswith("::stop-commands::"):
            token = line.removeprefix("::stop-commands::")
        else:
            yield from commands(line)


OWN = {"rubric": "small.toml", "overrides": "overrides.toml", "roster": "roster.csv"}


def test_a_good_submission_passes_by_what_the_base_asks(tmp_path: Path) -> None:
    """Whatever else the branch holds, it gains nothing, and nothing of it speaks."""
    spoken = tmp_path / "spoken"
    speaks = f"open({str(spoken)!r}, 'w')\n"
    loud = "".join(f"print({line!r}, flush=True)\n" for line in OBEYED)
    planted = ["conftest.py", "sitecustomize.py", "harness/__init__.py", "torch.py"]
    branch = {
        **GENEROUS,
        **dict.fromkeys([*planted, "submissions/ada/harness/__init__.py"], speaks),
        "submissions/ada/step_1.py": GOOD + loud,
        # Were they followed, one submission more would pass, and the whole class look like one.
        "elsewhere/zoe/step_1.py": GOOD,
        "submissions/zoe": "-> ../elsewhere/zoe",
        "submissions/submission.toml": 'title = "All of us"',
    }
    job = grade(tmp_path, branch, **OWN)
    assert job.code == 0, job.told
    assert not spoken.exists()
    assert (job.reports, job.trained) == (["ada", "junit.xml"], 1)
    card = job.card("ada")
    assert (card["rubric"], card["learner"]["name"]) == ("The base's", "Ada Lovelace")
    points = {mark["check"]: round(mark["points"], 2) for mark in card["marks"]}
    assert points == {"parameters": 20, "accuracy": 60, "notes": 3.33, "style": 9}
    assert [mark["check"] for mark in card["marks"] if mark["overridden"]] == ["style"]
    assert "Ada Lovelace" in (job.temp / "reports" / "ada" / "report.html").read_text()
    suite = ET.parse(job.temp / "reports" / "junit.xml")
    missed = [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None]  # fmt: skip
    assert missed == ["step 1: notes", "submission: style"]
    assert "1 of 1 passed" in job.summary
    first, *lines = obeyed(job.told)
    assert first == "::remove-matcher owner=python::"
    place = "::warning file=submissions/ada"
    assert any(line.startswith(f"{place}/step_1.py,line=1,title=step 1%3A notes") for line in lines)
    assert all(line.startswith(place) for line in lines), lines
    assert "##[" not in job.told + job.summary


def test_a_branch_without_a_submission_is_told_so(tmp_path: Path) -> None:
    job = grade(tmp_path, {"submissions/README.md": "One folder for each of you."}, **OWN)
    assert (job.code, job.reports, job.trained) == (0, ["junit.xml"], 0)
    assert job.told.count("no submission differs from") == 2
    assert job.summary == "## nothing to grade\n"


def test_what_cannot_pass_ends_in_the_check(tmp_path: Path) -> None:
    """One submission does not run, and the other is too large by all but the branch's rubric."""
    branch = GENEROUS | {
        "submissions/ada/step_1.py": "import torch.nn as nn\nclass Net(nn.Module):\n",
        "submissions/eve/step_1.py": GOOD.replace("(1, 4, 3", "(1, 12, 3").replace("(4", "(12"),
    }
    job = grade(tmp_path, branch, **OWN)
    assert job.code == 3, job.told
    assert (job.trained, (job.temp / "reports").exists()) == (0, False)
    lines = list(obeyed(job.told))
    assert any(line.startswith("::error file=submissions/ada/step_1.py,line=2,") for line in lines)
    missed = "title=step 1%3A parameters::asked: fewer than 4,000 parameters; measured: 6,034;"
    assert any(line.startswith("::error file=submissions/eve/") and missed in line for line in lines), lines  # fmt: skip


def test_nothing_of_an_event_or_an_input_is_written_into_the_actions_scripts() -> None:
    for each in ACTION["runs"]["steps"]:
        assert "${{" not in each.get("run", "")


@pytest.mark.parametrize("name", WORKFLOWS)
def test_workflows_give_a_branch_no_power(name: str) -> None:
    workflow = load(WORKFLOWS[name])
    assert list(workflow["on"]) == ["pull_request"]
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        assert not any("${{" in each.get("run", "") for each in job["steps"])
        base, branch, gate = job["steps"]
        for checkout in base, branch:
            assert checkout["uses"].startswith("actions/checkout@")
            assert checkout["with"]["persist-credentials"] == "false"
        assert base["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
        assert "path" not in base["with"]
        assert (branch["with"]["path"], branch["with"]["fetch-depth"]) == ("branch", "0")
        assert set(gate["with"]) <= set(ACTION["inputs"])
    told = set(re.findall(r"\$\{\{ *(.*?) *\}\}", WORKFLOWS[name]))
    assert told == {"github.event.number", "github.event.pull_request.base.sha"}
