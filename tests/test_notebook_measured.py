"""What is measured outside equals what the notebook itself prints when nothing seals it off."""

from pathlib import Path

import pytest
from step_samples import LIMITS
from unsealed import NOTEBOOK, begin, printed

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


def compare(
    notebook: Path, rubric: str, images: data.Images, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    """Run it both ways, side by side, and hold one against the other."""
    process = begin(notebook, images, folder / "unsealed")
    scorecard = sealed(notebook, rubric, folder, monkeypatch)
    counts = printed(process, folder / "unsealed")
    (step,) = scorecard.evidence.steps
    assert not scorecard.faults
    (run,) = step.observed
    assert [epoch.test_correct for epoch in run.epochs] == counts
    assert [[seen.correct for seen in epoch.seen] for epoch in run.epochs] == [[n] for n in counts]
    assert step.network is not None
    assert step.network.parameters.judged == 8_066
    assert step.integrity in ("observed", "advisory")
    return counts


def test_on_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = tmp_path / "short.ipynb"
    notebook.write_text(NOTEBOOK.read_text().replace("EPOCHS = 15", "EPOCHS = 2"))
    images = data.load("digits", Path())
    assert len(compare(notebook, "digits-quickstart", images, tmp_path, monkeypatch)) == 2


@pytest.mark.slow
def test_on_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed's step for its fifteen epochs."""
    images = data.load("mnist", data.folder())
    counts = compare(NOTEBOOK, "under-10k", images, tmp_path, monkeypatch)
    assert len(counts) == 15
    assert min(counts[-3:]) >= 9_900
