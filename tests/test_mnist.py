"""The main job on the real MNIST: seed 004's last phase for its fifteen epochs (tox -e slow)."""

from pathlib import Path

import pytest

from harness import data
from harness.collect.collect import Progress
from harness.collect.workshop import Workshop
from harness.grade import grade
from harness.rubric import find, load
from harness.store import Store

PHASE_4 = next(
    Path(__file__).parents[1].glob("submissions/digit-recognizer-four-phases/phase_4*.py")
)


@pytest.mark.slow
def test_phase_4_learns_mnist(tmp_path: Path) -> None:
    """A learned model, not a lucky figure: 9,900 in each of the last three epochs."""
    workshop = Workshop(Store(tmp_path / "store"), data.folder())
    rubric = load(find("under-8k"))
    trained: list[Progress] = []
    scorecard = grade(PHASE_4, rubric, workshop, trained.append)
    assert not scorecard.faults
    (step,) = scorecard.evidence.steps
    assert step.network is not None
    assert step.network.parameters.judged == 7_753
    (run,) = step.runs
    assert [epoch.samples for epoch in run.epochs] == [60_000] * 15
    assert min(epoch.test_correct for epoch in run.epochs[-3:]) >= 9_900
    assert run.before_training < 2_500
    assert {mark.check: mark.status for mark in scorecard.marks}["parameters"] == "passed"
    assert len(trained) == 15
    assert grade(PHASE_4, rubric, workshop, trained.append) == scorecard
    assert len(trained) == 15
