"""The action's script, with a stand-in for the harness: what it asks, and when it ends."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the action runs on Linux")

ACTION = (Path(__file__).parents[1] / "action.yml").read_text()
SCRIPT = textwrap.dedent(re.findall(r"run: \|\n((?: {8}.*\n)+)", ACTION)[-1])

STAND_IN = """#!/usr/bin/env bash
echo "$@" >> "$RUNNER_TEMP/asked"
echo "$1 says"
[ "$1" = check ] && exit "$CHECKED"
exit "$GRADED"
"""


def ended(folder: Path, checked: int, graded: int, **inputs: str) -> tuple[int, list[str], str]:
    """The exit code, what the harness was asked, and what was printed."""
    harness = folder / "harness" / "bin" / "harness"
    harness.parent.mkdir(parents=True)
    harness.write_text(STAND_IN)
    harness.chmod(0o755)
    given = {"RUBRIC": "r", "SUBMISSIONS": "branch/s", "BASE": "abc", "RUNNER_TEMP": str(folder)}
    given |= {"WHOLE": "false", "OVERRIDES": "", "ROSTER": ""} | inputs
    given |= {"CHECKED": str(checked), "GRADED": str(graded), "PATH": os.environ["PATH"]}
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", SCRIPT]
    result = subprocess.run(shell, env=given, capture_output=True, text=True)
    asked = (folder / "asked").read_text().replace(str(folder), "TEMP").splitlines()
    return result.returncode, asked, result.stdout


ASKED = "branch/s --class --rubric r --changed-since abc"
REPORTS = "--out TEMP/reports --junit TEMP/reports/junit.xml"


@pytest.mark.parametrize(("checked", "graded"), [(0, 0), (0, 1), (1, 0), (1, 1), (0, 3)])
def test_what_runs_is_graded_and_annotated_once(tmp_path: Path, checked: int, graded: int) -> None:
    code, asked, printed = ended(tmp_path, checked, graded)
    assert code == graded
    assert asked == [f"check {ASKED}", f"grade {ASKED} --final-step --github {REPORTS}"]
    assert printed == "::remove-matcher owner=python::\ngrade says\n"


@pytest.mark.parametrize("checked", [2, 3, 4])
def test_what_does_not_run_is_told_and_not_graded(tmp_path: Path, checked: int) -> None:
    code, asked, _ = ended(tmp_path, checked, 0)
    assert code == checked
    assert asked == [f"check {ASKED}", f"check {ASKED} --github"]


def test_the_base_says_who_is_in_the_class_and_what_a_person_awards(tmp_path: Path) -> None:
    inputs = {"ROSTER": "my roster.csv", "OVERRIDES": "o.toml", "WHOLE": "true"}
    _, asked, _ = ended(tmp_path, 0, 0, **inputs)
    known = f"{ASKED} --roster my roster.csv"
    assert asked == [f"check {known}", f"grade {known} --overrides o.toml --github {REPORTS}"]
