"""The reference notebook, run as Jupyter runs it: what the harness is held against."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from harness import data
from harness.collect import served

NOTEBOOK = next(Path(__file__).parents[1].glob("submissions/eva-assignment-5/step_4*.ipynb"))
"""Seed 001, step 4: 8,066 parameters, batches of 64, StepLR."""


def unsealed(notebook: Path, images: data.Images, folder: Path) -> list[int]:
    """The right answers that a notebook prints after each epoch, run as Jupyter runs it."""
    return printed(begin(notebook, images, folder), folder)


def begin(notebook: Path, images: data.Images, folder: Path) -> subprocess.Popen[bytes]:
    """Run a notebook as Jupyter runs it, beside whatever else there is to do."""
    raw = folder / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    train, test = (images.train, images.train_labels), (images.test, images.test_labels)
    for name, content in served.files(train, test).items():
        (raw / name).write_bytes(content)
    # The stand-in draws the same random numbers as the package, which is not installed.
    (folder / "torchsummary.py").write_text("from harness.inside.summaries import summary\n")
    (folder / "own.ipynb").write_bytes(notebook.read_bytes())
    execute = ["-m", "nbconvert", "--to", "notebook", "--execute", "--output", "done", "own.ipynb"]
    path = os.pathsep.join([str(folder), *sys.path])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    return subprocess.Popen([sys.executable, *execute], cwd=folder, env=environment)


def printed(process: subprocess.Popen[bytes], folder: Path) -> list[int]:
    """What it printed, once it has ended."""
    assert process.wait() == 0
    cells = json.loads((folder / "done.ipynb").read_text())["cells"]
    text = "".join(
        "".join(output.get("text", []))
        for cell in cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stdout"
    )
    return [int(count) for count in re.findall(r"Accuracy: (\d+)/", text)]
