"""The command line in one process, as tests call it, and what its output is held against."""

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from harness.cli import app

SCORECARD = json.loads((Path(__file__).parents[1] / "docs" / "scorecard.schema.json").read_text())


def harness(*arguments: str | Path) -> Result:
    """Run a command as a user would, without a terminal."""
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, [str(a) for a in arguments])


def wrong_mnist(folder: Path) -> Path:
    """A folder of data sets with files that are not MNIST's."""
    raw = folder / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (raw / f"{name}-ubyte").write_bytes(b"\0")
    return folder / "data"
