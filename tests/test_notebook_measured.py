"""What is measured outside equals what the notebook itself prints when nothing seals it off."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import LIMITS

from harness import data
from harness.collect import served
from harness.collect.workshop import Workshop
from harness.grade import grade
from harness.rubric import find, load
from harness.scorecard import Scorecard
from harness.store import Store

NOTEBOOK = next(Path(__file__).parents[1].glob("submissions/eva-assignment-5/step_4*.ipynb"))
"""Seed 001, step 4: 8,066 parameters, batches of 64, StepLR."""


def unsealed(notebook: Path, images: data.Images, folder: Path) -> list[int]:
    """The right answers that a notebook prints after each epoch, run as Jupyter runs it."""
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
    subprocess.run(
        [sys.executable, *execute], cwd=folder, env=environment, check=True, capture_output=True
    )
    cells = json.loads((folder / "done.ipynb").read_text())["cells"]
    printed = "".join(
        "".join(output.get("text", []))
        for cell in cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stdout"
    )
    return [int(count) for count in re.findall(r"Accuracy: (\d+)/", printed)]


def sealed(notebook: Path, rubric: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Scorecard:
    """The notebook as the harness grades it, but with the true test set for its own tests."""
    monkeypatch.setattr(
        served, "decoy", lambda dataset, images, folder: (images.test, images.test_labels)
    )
    workshop = Workshop(Store(folder / "store"), data.folder(), "cpu", LIMITS)
    return grade(notebook, load(find(rubric)), workshop, lambda told: None)


def compare(notebook: Path, scorecard: Scorecard, printed: list[int]) -> None:
    (step,) = scorecard.evidence.steps
    assert not scorecard.faults
    (run,) = step.observed
    assert [epoch.test_correct for epoch in run.epochs] == printed
    assert [[seen.correct for seen in epoch.seen] for epoch in run.epochs] == [[n] for n in printed]
    assert step.network is not None
    assert step.network.parameters.judged == 8_066
    assert step.integrity in ("observed", "advisory")


def test_on_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = tmp_path / "short.ipynb"
    notebook.write_text(NOTEBOOK.read_text().replace("EPOCHS = 15", "EPOCHS = 2"))
    scorecard = sealed(notebook, "digits-quickstart", tmp_path, monkeypatch)
    printed = unsealed(notebook, data.load("digits", Path()), tmp_path / "unsealed")
    assert len(printed) == 2
    compare(notebook, scorecard, printed)


@pytest.mark.slow
def test_on_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed's step for its fifteen epochs."""
    scorecard = sealed(NOTEBOOK, "under-10k", tmp_path, monkeypatch)
    printed = unsealed(NOTEBOOK, data.load("mnist", data.folder()), tmp_path / "unsealed")
    assert len(printed) == 15
    compare(NOTEBOOK, scorecard, printed)
    assert min(printed[-3:]) >= 9_900
