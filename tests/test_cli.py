"""The command line as a user meets it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from step_samples import make_store, step

ROOT = Path(__file__).parents[1]


def harness(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a folder that is not the checkout."""
    return subprocess.run(
        [sys.executable, "-m", "harness", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd or Path("/"),
        env=os.environ | {"NO_COLOR": "1", "COLUMNS": "120"},
        check=False,
    )


def test_help_names_the_commands_and_imports_no_torch() -> None:
    script = (
        "import sys, harness.cli\n"
        "from typer.testing import CliRunner\n"
        "run = CliRunner().invoke\n"
        "for arguments in (['--help'], ['grade', '--help'], ['--version']):\n"
        "    result = run(harness.cli.app, arguments)\n"
        "    assert result.exit_code == 0, result.output\n"
        "    print(result.output)\n"
        "assert 'torch' not in sys.modules\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "grade" in result.stdout
    assert "Exit codes" in result.stdout


def test_a_batch_with_one_bad_apple(
    submission: Callable[..., Path], tmp_path: Path, definitions: Path
) -> None:
    """A missing path, a broken file and a good submission: each gets its own word."""
    good, bad = submission("good", step_1=step()), submission("bad", step_1="def f(:\n")
    store = make_store(tmp_path / "store", definitions).secret and tmp_path / "store"
    out = tmp_path / "out"
    options = ["--rubric", "digits-quickstart", "--store", store, "--out", out, "--json"]
    result = harness("grade", bad, tmp_path / "nobody", good, *options)
    assert result.returncode == 2
    assert f"{tmp_path / 'nobody'}: no such file or folder" in result.stderr
    cards = {
        card["evidence"]["submission"]: card for card in map(json.loads, result.stdout.splitlines())
    }
    assert cards["bad"]["faults"][0]["owner"] == "submission"
    assert cards["bad"]["points"] == 0
    assert cards["good"]["points"] > 0
    assert len(cards["good"]["evidence"]["steps"][0]["runs"][0]["epochs"]) == 2
    for name in cards:
        assert json.loads((out / name / "report.json").read_text()) == cards[name]
        assert (out / name / "report.md").is_file()

    arguments = ["grade", str(good), *map(str, options)]
    script = (
        "import sys\n"
        "from harness.cli import app\n"
        f"app({arguments!r}, standalone_mode=False)\n"
        "assert 'torch' not in sys.modules\n"
    )
    again = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert "epoch" not in again.stderr  # it trained nothing
    assert json.loads(again.stdout) == cards["good"]
    alone = harness("grade", good, *options)
    assert (alone.returncode, alone.stdout) == (1, again.stdout)


def test_a_wrong_rubric_is_a_usage_error(submission: Callable[..., Path], tmp_path: Path) -> None:
    folder = submission("good", step_1=step())
    rubric = tmp_path / "rubric.toml"
    rubric.write_text('title = "T"\ndataset = "digits"\nseed = 1\nchecks = []\n')
    result = harness("grade", folder, "--rubric", rubric)
    assert result.returncode == 2
    assert f"{rubric}: seed = 1 is not a known key; did you mean seeds?" in result.stderr
    assert harness("grade", folder).returncode == 2
    assert harness("grade", folder, "--rubric", "no-such").returncode == 2


def test_two_submissions_of_one_name_do_not_share_a_report(
    submission: Callable[..., Path], tmp_path: Path
) -> None:
    one, two = submission("a", step_1=step()), submission("b", step_1=step())
    files = [one / "step_1.py", two / "step_1.py"]
    result = harness("grade", *files, "--rubric", "digits-quickstart", "--out", tmp_path)
    assert result.returncode == 2
    assert "several submissions are called step_1" in result.stderr


def test_a_store_that_cannot_be_written_is_the_machines_fault(
    submission: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    options = ["--rubric", "digits-quickstart", "--store", tmp_path / "file" / "store"]
    result = harness("grade", submission(step_1=step()), *options)
    assert result.returncode == 4
    assert "the machine's fault" in result.stderr


def test_a_device_that_is_not_there_is_the_machines_fault(
    submission: Callable[..., Path], tmp_path: Path, definitions: Path
) -> None:
    make_store(tmp_path / "store", definitions)
    options = ["--store", tmp_path / "store", "--out", tmp_path / "out", "--device", "mps"]
    result = harness("grade", submission(step_1=step()), "--rubric", "digits-quickstart", *options)
    assert result.returncode == 4
    assert "--device may be auto, cpu" in "".join(result.stdout.split("\n")).replace("  ", " ")


def test_missing_data_is_the_machines_fault(
    submission: Callable[..., Path], tmp_path: Path, definitions: Path
) -> None:
    folder = submission("good", step_1=step())
    make_store(tmp_path / "store", definitions)
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (raw / f"{name}-ubyte").write_bytes(b"\0" * 100)
    options = ["--store", tmp_path / "store", "--out", tmp_path / "out"]
    result = harness(
        "grade", folder, "--rubric", "under-10k", "--data-dir", raw.parents[1], *options
    )
    assert result.returncode == 4
    assert "machine's fault" in result.stdout
    assert "not graded" in result.stdout
    card = json.loads((tmp_path / "out" / "good" / "report.json").read_text())
    assert "MNIST" in card["faults"][0]["message"]
