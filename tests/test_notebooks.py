"""Notebooks graded from end to end, with everything in them that real ones hold.

A kernel takes seconds to start, so that a notebook serves many cases.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from conftest import LIMITS
from notebook_samples import LOOPS, NET, NOTES, SETUP, notebook

from harness import data
from harness.collect import served
from harness.collect.workshop import Workshop
from harness.grade import grade, write_reports
from harness.rubric import Rubric, find, load
from harness.scorecard import Scorecard
from harness.store import Store

QUICKSTART = load(find("digits-quickstart"))


def workshop_in(folder: Path) -> Workshop:
    return Workshop(Store(folder / "store"), data.folder(), "cpu", LIMITS)


def graded(
    path: Path, folder: Path, rubric: Rubric = QUICKSTART, replay: bool = False
) -> Scorecard:
    return grade(path, rubric, workshop_in(folder), lambda told: None, replay=replay)


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, a process that is started fails the test."""

    def forbid() -> None:
        monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process started"))

    return forbid


# Every row of what real submissions hold, in one notebook ------------------------------------

# A cell, and what is told of it: a shim's name, or the error that it ends with.
HAZARDS = [
    ("!pip install torchsummary albumentations", "!pip install torchsummary albumentations: ", ""),
    ("%matplotlib inline", "", ""),
    ("from google.colab import drive\ndrive.mount('/content/drive')", "google.colab: ", ""),
    ("!git clone https://github.com/ada/course.git\nfrom course.layers import width", "!git clone https://github.com/ada/course.git: ", ""),
    ("%cd /content/drive/MyDrive/S5", "%cd /content/drive/MyDrive/S5: ", ""),
    ("import albumentations as A\ncut = A.CoarseDropout(p=0.1)", "", "ModuleNotFoundError: No module named 'albumentations'"),
    ("from tqdm.notebook import tqdm\nimport matplotlib.pyplot as plt\nimport numpy as np", "tqdm.notebook: ", ""),
    ("name = input('Your name: ')", "input(): ", ""),
    (SETUP, "MNIST: ", ""),
    ("train_loader = torch.utils.data.DataLoader(train_set, batch_size=32, shuffle=True, num_workers=4, pin_memory=True)", "", ""),
    ("images, labels = iter(train_loader).next()\nplt.imshow(images[0, 0])\nplt.show()", "iter().next(): ", ""),
    ("print(train_set.train_data.float().mean() / 255, train_set.targets[:3], test_set.test_labels[:3])", "", ""),
    (NET.replace(", dim=1", ""), "", ""),  # log_softmax without dim
    ("from torchsummary import summary\nmodel = Net().to('cuda')\nsummary(model, input_size=(1, 28, 28))", "torchsummary: ", ""),
    (LOOPS, "", ""),
    ("optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)\nscheduler = optim.lr_scheduler.StepLR(optimizer, 6, verbose=True)", "verbose=: ", ""),
    ("this_name_is_nowhere_defined.train()", "", "NameError: name 'this_name_is_nowhere_defined' is not defined"),
    ("""
losses = []
for epoch in range(4):
    model.train()
    for data, target in tqdm(train_loader):
        optimizer.zero_grad()
        loss = F.nll_loss(model(data.to('cuda')), target.to('cuda'))
        losses.append(loss)
        loss.backward()
        optimizer.step()
    test(model)
""", "num_workers: ", ""),
    ("plt.plot(np.array([one for one in losses], dtype=float))", "", "RuntimeError: Can't call numpy()"),
    ("torch.save(model.state_dict(), '/content/drive/MyDrive/model.pt')", "paths: ", ""),
    ("def broken(:\n    pass", "", "SyntaxError: invalid syntax"),
]  # fmt: skip


@pytest.fixture(scope="module")
def hazards(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Scorecard]:
    """The notebook, the folder it was graded in, and its scorecard."""
    folder = tmp_path_factory.mktemp("hazards")
    submission = folder / "ada lovelace (S5) #1=final"
    submission.mkdir()
    path = submission / "Step 1 (best) #2=x.ipynb"
    path.write_bytes(
        notebook(NOTES, *(cell for cell, *_ in HAZARDS)).replace("\n", "\r\n").encode()
    )
    (submission / "layers.py").write_text("width = 4\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            served, "decoy", lambda dataset, images, folder: (images.test, images.test_labels)
        )
        return path, folder, graded(path, folder)


@pytest.mark.parametrize("place", range(len(HAZARDS)))
def test_a_hazard_is_told(hazards: tuple[Path, Path, Scorecard], place: int) -> None:
    (step,) = hazards[2].evidence.steps
    _, shim, error = HAZARDS[place]
    if shim:
        assert [told for told in step.shims if told.startswith(shim)]
    failed = [told for told in step.failed_cells if told.startswith(f"cell {place + 2}: ")]
    assert [told for told in failed if error in told] if error else not failed


def test_hazards_cost_nothing(hazards: tuple[Path, Path, Scorecard]) -> None:
    scorecard = hazards[2]
    (step,) = scorecard.evidence.steps
    assert not scorecard.faults
    assert step.network is not None
    assert step.network.parameters.judged == 3_054
    (run,) = step.observed
    assert run.declared_epochs == len(run.epochs) == 4
    assert all(epoch.samples == 1_437 for epoch in run.epochs)
    assert run.observed is not None
    assert "never stepped: StepLR" in "".join(run.observed.remarks)
    assert not run.observed.findings
    marks = {mark.check: mark.status for mark in scorecard.marks}
    assert {check for check, status in marks.items() if status != "passed"} <= {"accuracy"}


def printed(copy: bytes) -> list[int]:
    """The right answers that the notebook itself counted."""
    cells = nbformat.reads(copy.decode(), as_version=4).cells
    outputs = [out for cell in cells if cell.cell_type == "code" for out in cell.outputs]
    text = "".join(out.text for out in outputs if out.output_type == "stream")
    return [int(count) for count in re.findall(r"Accuracy: (\d+)/360", text)]


def test_what_is_measured_is_what_its_own_test_counts(
    hazards: tuple[Path, Path, Scorecard], tmp_path: Path
) -> None:
    path, folder, scorecard = hazards
    write_reports(scorecard, tmp_path, workshop_in(folder).store)
    executed = tmp_path / scorecard.evidence.submission / "executed" / path.name
    (step,) = scorecard.evidence.steps
    (run,) = step.observed
    counts = [epoch.test_correct for epoch in run.epochs]
    assert counts == printed(executed.read_bytes())
    assert counts == [seen.correct for epoch in run.epochs for seen in epoch.seen]
    assert max(counts) > 300


def test_a_second_grade_runs_nothing(
    hazards: tuple[Path, Path, Scorecard], nothing_starts: Callable[[], None]
) -> None:
    path, folder, scorecard = hazards
    nothing_starts()
    assert graded(path, folder) == scorecard
