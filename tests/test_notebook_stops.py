"""Trainings that are ended early: in a check because they take long, or to be replayed."""

from pathlib import Path

import pytest
from notebook_samples import LOOPS, NET, QUICKSTART, SETUP, graded, notebook, only_run, workshop_in

from harness.collect import notebooks
from harness.grade import check

STEPPED = """
model = Net()
optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
scheduler = optim.lr_scheduler.StepLR(optimizer, 3)
for epoch in range(4):
    train(model, optimizer)
    test(model)
    scheduler.step()
"""

OWN_LOSS = STEPPED.replace(
    "    train(model, optimizer)",
    """
    for data, target in train_loader:
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target) + 1e-4 * model.head.weight.abs().sum()
        loss.backward()
        optimizer.step()
""",
)


ELSEWHERE = (
    "import narrow\nfit(narrow.Net(), 3)\nfit(narrow.Net(), 2)",
    "import wide\nfit(wide.Net(), 2)",
)
"""Two classes of one name, one of which is trained twice."""


def test_a_check_of_a_slow_training_sees_its_first_epochs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notebooks, "CHECK_SECONDS", 1e-9)
    path = tmp_path / "step_1.ipynb"
    again = "fit(Net(), 3)\nprint('afterwards')"
    path.write_text(notebook(SETUP, NET, LOOPS, STEPPED, again, *ELSEWHERE))
    imports = "import torch.nn as nn\nimport torch.nn.functional as F\n"
    (tmp_path / "narrow.py").write_text(imports + NET)
    (tmp_path / "wide.py").write_text(imports + NET.replace("12", "10").replace("192", "160"))
    step, narrow, wide = check(path, QUICKSTART, workshop_in(tmp_path)).evidence.steps
    counts = [each.network.parameters.judged for each in (narrow, wide) if each.network]
    assert counts == [3_054, 2_584]
    assert (step.fault, step.failed_cells) == (None, [])
    assert step.recipe is not None
    assert step.recipe.epochs == 3
    assert any("2 of 4 epochs were observed" in told for told in step.shims)


def test_a_replay_stops_what_it_can_train_and_lets_the_rest_end(tmp_path: Path) -> None:
    submission = tmp_path / "ada"
    submission.mkdir()
    for name, loop in ("step_1", OWN_LOSS), ("step_2", STEPPED):
        content = notebook(SETUP, NET, LOOPS, loop, "print('afterwards')")
        (submission / f"{name}.ipynb").write_text(content)
    rubric = QUICKSTART.model_copy(update={"seeds": 2})
    scorecard = graded(submission, tmp_path, rubric, replay=True)
    own, stepped = scorecard.evidence.steps
    assert not scorecard.faults
    assert [*own.failed_cells, *stepped.failed_cells] == []

    seen = only_run(stepped)
    assert seen.observed is not None
    assert (seen.observed.stopped, seen.observed.unreplayable) == (True, "")
    assert [epoch.samples for epoch in seen.epochs] == [1_437, 1_437]
    assert stepped.integrity == "replayed"
    assert [run.seed for run in stepped.runs] == [1, 2]
    for run in stepped.runs:
        assert run.declared_epochs == len(run.epochs) == 4
        rates = [epoch.learning_rate for epoch in run.epochs]
        assert rates == pytest.approx([0.05, 0.05, 0.05, 0.005])
        assert run.epochs[-1].test_correct > 300

    ended = only_run(own)
    assert ended.observed is not None
    assert not ended.observed.stopped
    assert "its loss is none of torch's" in ended.observed.unreplayable
    assert own.integrity == "observed"
    assert len(ended.epochs) == 4
    assert own.runs == []
