"""What is measured outside equals what the notebook itself prints when nothing seals it off."""

from pathlib import Path

import pytest
from conftest import LIMITS
from unsealed import NOTEBOOK, unsealed

from harness import data
from harness.collect import served
from harness.collect.workshop import Workshop
from harness.grade import grade
from harness.rubric import find, load
from harness.scorecard import Scorecard
from harness.store import Store


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
