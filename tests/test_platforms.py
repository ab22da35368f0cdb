"""Where Linux's own modules are missing, commands work and say that they are advisory."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from step_samples import step

import harness

ABSENT = ("resource", "fcntl", "pwd", "grp", "termios")

LESS = f"""
import os, signal, sys

for name in {ABSENT}:
    sys.modules[name] = None  # an import of it fails
# Without `resource` it fails as well, but of two threads at once the second would get half of it.
sys.modules["psutil"] = None
for name in ("fork", "forkpty", "killpg", "mkfifo"):
    vars(os).pop(name, None)
for name in ("SIGXCPU", "SIGXFSZ"):
    vars(signal).pop(name, None)
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """An environment in which every Python, a child's too, starts on a lesser system.

    A child imports nothing but Python's own and the package, of which it gets a copy.
    """
    site = tmp_path / "site"
    site.mkdir()
    package = Path(harness.__file__).parent
    shutil.copytree(package, site / "harness")
    for beside in ("rubric", "submissions"):  # where this is a checkout
        if (package.parent / beside).is_dir():
            (site / beside).symlink_to(package.parent / beside)
    (site / "sitecustomize.py").write_text(LESS)
    first = site / "harness" / "inside" / "confine.py"
    start = "from __future__ import annotations\n"
    first.write_text(first.read_text().replace(start, start + LESS, 1))
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PYTHONPATH": path, "NO_COLOR": "1", "USERNAME": "ada"}  # as Windows has


HERE = """
import os, signal, sys
import torch.nn as nn

for name in ("resource", "fcntl", "pwd", "grp", "termios"):
    assert sys.modules[name] is None, name
assert not hasattr(os, "fork")
assert not hasattr(signal, "SIGXCPU")
"""
"""At the top of a step: the child is on the lesser system too."""


def test_it_works_where_linuxs_modules_are_missing(
    elsewhere: dict[str, str], submission: Callable[..., Path], tmp_path: Path
) -> None:
    # Without fork the second step needs another process than the first.
    steps = {"step_2": "import os\nos._exit(3)\n"}
    folder = submission(step_1=step().replace('"""\n', f'"""\n{HERE}', 1), **steps)

    def good_and_bad(command: str, path: Path, *options: str) -> list[dict[str, Any]]:
        options = (*options, "--rubric", "digits-quickstart", "--store", "store", "--json")
        result = subprocess.run(
            [sys.executable, "-m", "harness", command, path, *options, "--no-sandbox"],
            capture_output=True,
            text=True,
            env=elsewhere,
            cwd=tmp_path,
            check=False,
        )
        assert result.returncode in (0, 1), result.stderr
        (line,) = result.stdout.splitlines()
        good, *bad = json.loads(line)["evidence"]["steps"]
        assert good["fault"] is None
        assert good["network"]["parameters"]["judged"] == 2_018
        assert good["integrity"] == "advisory"
        return [good, *bad]

    good, *bad = good_and_bad("grade", folder, "--device", "cpu", "--out", "out")
    assert len(good["runs"][0]["epochs"]) == 2
    report = (tmp_path / "out" / "ada" / "report.md").read_text()
    assert "Integrity advisory: no sandbox was available" in report
    (fault,) = (other["fault"] for other in bad)
    assert fault["owner"] == "submission"
    assert "the process ended without an answer" in fault["message"]
    # The same step, with its network as the store has it.
    (good,) = good_and_bad("check", folder / "step_1.py")
    assert good["burst"]["last_loss"] < good["burst"]["first_loss"]
