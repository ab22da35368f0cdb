"""What shares a process with a submission knows nothing of the rest of the harness."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from step_samples import LIMITS, step

import harness
from harness.collect.sandbox import walls
from harness.collect.sandbox.child import Child, ChildFailed
from harness.frames import Kind

PACKAGE = Path(harness.__file__).parent

WALLS = ("harness.inside.confine", "harness.inside.limits")
"""With which the bench's process puts itself behind the walls, as a submission's does."""


def imported(path: Path) -> set[str]:
    """Modules of the harness that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("harness.")}


@pytest.mark.parametrize("path", sorted((PACKAGE / "inside").glob("*.py")), ids=lambda p: p.name)
def test_inside_touches_only_the_frames(path: Path) -> None:
    for name in imported(path):
        assert name.startswith(("harness.frames", "harness.inside"))


@pytest.mark.parametrize(
    ("wing", "forbidden"),
    [
        ("collect", ("judge", "report", "inside", "grade", "cli", "scorecard", "rubric")),
        ("judge", ("collect", "report", "inside", "grade", "cli")),
        ("report", ("collect", "judge", "inside", "grade", "cli")),
    ],
)
def test_imports_run_downwards(wing: str, forbidden: tuple[str, ...]) -> None:
    for path in (PACKAGE / wing).rglob("*.py"):
        for name in imported(path):
            own = path.name == "bench_process.py" and name.startswith(WALLS)
            assert own or name.split(".")[1] not in forbidden, f"{path.name} imports {name}"


def test_the_child_imports_no_torchvision_and_nothing_else_of_ours() -> None:
    script = (
        "import sys\n"
        "from harness.inside import exporter, serve\n"
        "exporter.warm_up()\n"
        "ours = sorted(m for m in sys.modules if m.partition('.')[0] in ('harness', 'torchvision'))\n"
        "print(*ours)\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.stdout.split() == [
        "harness",
        "harness.frames",
        "harness.inside",
        "harness.inside.capture",
        "harness.inside.confine",
        "harness.inside.explain",
        "harness.inside.exporter",
        "harness.inside.limits",
        "harness.inside.serve",
    ]


SECRETIVE = """
import os, socket, sys
import torch.nn as nn

print("a line that is no frame")
sys.stdout.flush()
os.write(1, b"nor this")
assert "HARNESS_TOKEN" not in os.environ, "the environment came through"
assert os.getcwd() == os.environ["HOME"] == os.environ["TMPDIR"]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(784, 10)

    def forward(self, x):
        return self.head(x.flatten(1))
"""


def test_a_child_serves_one_step_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_TOKEN", "secret")
    with Child(LIMITS, walls.Sandbox(walls.best())) as child:
        answered = child.run("step_1.py", SECRETIVE.encode())
        assert Kind.FAULT not in answered, answered[Kind.FAULT]
        assert answered.keys() == {Kind.DEFINITION, Kind.TENSORS}
        # The same file gives the same bytes, so that its runs are found again.
        source = step().encode()
        assert child.run("step_2.py", source) == child.run("step_2.py", source)
        two = source + step().replace("Net", "Other").encode()
        assert b'"Other"' in child.run("step_2.py", two, "Other")[Kind.DEFINITION]
        assert b"defined here are Net, Other" in child.run("step_2.py", two, "Third")[Kind.FAULT]
        with pytest.raises(ChildFailed, match="exit code 3"):
            child.run("step_3.py", b"import os\nos._exit(3)\n")
        with pytest.raises(ChildFailed, match="ended"):
            child.run("step_4.py", b"import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n")
        folder = child._room.folder
        assert Kind.DEFINITION in child.run("step_5.py", source)
    assert not folder.exists()
