"""Where Linux's own modules are missing, commands work and say that they are advisory."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import step

import harness
from harness import rubric

ABSENT = ("resource", "fcntl", "pwd", "grp", "termios")

LESS = f"""
import os, signal, sys

for name in {ABSENT}:
    sys.modules[name] = None  # an import of it fails
for name in ("fork", "forkpty", "killpg", "mkfifo"):
    delattr(os, name)
for name in ("SIGXCPU", "SIGXFSZ"):
    delattr(signal, name)
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """An environment in which every Python, a child's too, starts on a lesser system.

    A child gets the folder of the package and no other; a `sitecustomize` lies beside it.
    """
    site = tmp_path / "site"
    site.mkdir()
    (site / "harness").symlink_to(Path(harness.__file__).parent)
    (site / rubric.SHIPPED.name).symlink_to(rubric.SHIPPED)
    (site / "sitecustomize.py").write_text(LESS)
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PYTHONPATH": path, "NO_COLOR": "1"}


HERE = """
import os, signal, sys
import torch.nn as nn

for name in ("resource", "fcntl", "pwd", "grp", "termios"):
    assert sys.modules[name] is None, name
assert not hasattr(os, "fork")
assert not hasattr(signal, "SIGXCPU")
"""
"""At the top of a step: the child is on the lesser system too."""


@pytest.mark.parametrize("command", ["grade", "check"])
def test_it_works_where_linuxs_modules_are_missing(
    command: str,
    elsewhere: dict[str, str],
    submission: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """Each step gets a process of its own, as there is no fork."""
    good = step().replace('"""\n', f'"""\n{HERE}', 1)
    folder = submission(step_1=good, step_2="import os\nos._exit(3)\n")
    options = ["--rubric", "digits-quickstart", "--store", tmp_path / "store", "--json"]
    if command == "grade":
        options += ["--out", tmp_path / "out", "--device", "cpu"]
    result = subprocess.run(
        [sys.executable, "-m", "harness", command, folder, *options],
        capture_output=True,
        text=True,
        env=elsewhere,
        cwd="/",
        check=False,
    )
    assert result.returncode == 1, result.stderr
    (line,) = result.stdout.splitlines()
    good, bad = json.loads(line)["evidence"]["steps"]
    assert good["fault"] is None
    assert good["network"]["parameters"]["judged"] == 2_018
    assert bad["fault"]["owner"] == "submission"
    assert "the process ended without an answer" in bad["fault"]["message"]
    assert good["integrity"] == bad["integrity"] == "advisory"
    if command == "check":
        assert good["burst"]["learned"]
        return
    assert len(good["runs"][0]["epochs"]) == 2
    report = (tmp_path / "out" / "ada" / "report.md").read_text()
    assert "Integrity advisory: no sandbox was available" in report
