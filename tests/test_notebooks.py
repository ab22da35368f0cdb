"""Notebooks graded from end to end, with everything in them that real ones hold.

A kernel takes seconds to start, so that a notebook serves many cases.
"""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from notebook_samples import (
    LOOPS,
    NET,
    NOTES,
    QUICKSTART,
    SETUP,
    graded,
    notebook,
    only_run,
    workshop_in,
)

from harness.collect import served
from harness.evidence import Step
from harness.grade import dry_run, write_reports
from harness.scorecard import Scorecard


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
    ("""%%time
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


HAZARDS_KERNEL = pytest.mark.xdist_group("hazards")


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


@HAZARDS_KERNEL
@pytest.mark.parametrize("place", range(len(HAZARDS)))
def test_a_hazard_is_told(hazards: tuple[Path, Path, Scorecard], place: int) -> None:
    (step,) = hazards[2].evidence.steps
    _, shim, error = HAZARDS[place]
    if shim:
        assert [told for told in step.shims if told.startswith(shim)]
    failed = [told for told in step.failed_cells if told.startswith(f"cell {place + 2}: ")]
    assert [told for told in failed if error in told] if error else not failed


@HAZARDS_KERNEL
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
    assert run.observed.declared
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


@HAZARDS_KERNEL
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


@HAZARDS_KERNEL
def test_a_second_grade_runs_nothing(
    hazards: tuple[Path, Path, Scorecard], nothing_starts: Callable[[], None]
) -> None:
    path, folder, scorecard = hazards
    nothing_starts()
    assert graded(path, folder) == scorecard
    (plan,) = dry_run(path, QUICKSTART, workshop_in(folder))
    assert not plan.unrun


# Several steps in one notebook, the last of which dies ---------------------------------------


def again(name: str, forward: str) -> str:
    """A network under another name, with more in its forward pass."""
    return f"class {name}(Net):\n    def forward(self, x):\n{forward}\n        return super().forward(x)"


SEVERAL = [
    "md: # Step 3: several networks in one notebook",
    SETUP,
    NET,
    LOOPS,
    "fit(Net(), 2)",
    "md: ## A second try",
    NET.replace("12", "10").replace("192", "160"),
    "fit(Net(), 2)",
    "md: ## A third, and which rate is best?",
    NET.replace("12", "6").replace("192", "96"),
    "for lr in [0.0, 0.05]:\n    print(lr)\n    fit(Net(), 2, lr)",
    """
class Plain(Net):
    pass

model = Plain()
for epoch in range(2):
    model.train()
    for data, target in train_loader:
        model.zero_grad()
        F.nll_loss(model(data), target).backward()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= 0.1 * parameter.grad
    test(model)
""",
    """
class Peeking(Net):
    pass

peeked = torch.utils.data.DataLoader(datasets.MNIST("./data", train=True, transform=transform), 100)
model = Peeking()
optimizer = optim.SGD(model.parameters(), lr=0.05)
for epoch in range(2):
    train(model, optimizer)
    test(model, peeked)
torch.save(model.state_dict(), "best.pt")
""",
    """
class Swapped(Net):
    pass

model = Swapped()
optimizer = optim.SGD(model.parameters(), lr=1e-9)
for epoch in range(3):
    train(model, optimizer)
    if epoch == 0:
        model.load_state_dict(torch.load("best.pt"))
    test(model)
""",
    again("Branching", "        if x.mean() > 100:\n            x = -x"),
    "fit(Branching(), 2)",
    again("Unlisted", "        x = torch.where(x > 0.5, x, 0.9 * x)"),
    "fit(Unlisted(), 2)",
    """
class Dying(Net):
    pass

model = Dying()
optimizer = optim.SGD(model.parameters(), lr=0.05)
for epoch in range(3):
    train(model, optimizer)
    test(model)
    if epoch == 1:
        import os
        os._exit(3)
""",
    "fit(Net(), 2)",
]


SEVERAL_KERNEL = pytest.mark.xdist_group("several")


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Scorecard]:
    """A folder of several notebooks, of which one holds several steps."""
    folder = tmp_path_factory.mktemp("several")
    submission = folder / "ada"
    files = {
        "README.md": README,
        "Step_2/Step 2.ipynb": "{'cells': []",
        "Step_3/Step 3.ipynb": notebook(*SEVERAL),
        "Step_10/Step 10.ipynb": notebook(SETUP, "from layers import Net", LOOPS, "1 / 0"),
        "Step_10/layers.py": "import torch.nn as nn\nimport torch.nn.functional as F\n" + NET,
        "index.ipynb": notebook("md: # Contents", "print('see the other notebooks')"),
    }
    for name, content in files.items():
        (submission / name).parent.mkdir(parents=True, exist_ok=True)
        (submission / name).write_text(content)
    return submission, folder, graded(submission, folder)


README = """
# Assignment

## Step 2

Target: broken
Result: none
Analysis: it was cut off on its way

## Step 10

Target: a module beside the notebook
Result: it is never trained
Analysis: the call of its training is missing
"""


def named(several: tuple[Path, Path, Scorecard], name: str) -> Step:
    """The step of a network, or of a file."""
    (found,) = (
        step
        for step in several[2].evidence.steps
        if step.name.startswith(name) or (step.network and step.network.name == name)
    )
    return found


@SEVERAL_KERNEL
def test_steps_stand_in_order_and_the_index_is_none(
    several: tuple[Path, Path, Scorecard],
) -> None:
    names = [step.name for step in several[2].evidence.steps]
    split = [f"Step_3/Step 3.ipynb ({number})" for number in range(1, 10)]
    assert names == ["Step_2/Step 2.ipynb", *split, "Step_10/Step 10.ipynb"]
    assert [out.name for out in several[2].evidence.left_out] == ["index.ipynb"]


@SEVERAL_KERNEL
def test_each_redefinition_is_a_step_and_a_sweep_is_one(
    several: tuple[Path, Path, Scorecard],
) -> None:
    steps = several[2].evidence.steps[1:4]
    assert [step.network.parameters.judged for step in steps if step.network] == [
        3_054,
        2_584,
        1_644,
    ]
    assert [len(step.observed) for step in steps] == [1, 1, 2]
    sweep = steps[2].observed
    rates = [{epoch.learning_rate for epoch in run.epochs} for run in sweep]
    assert rates == [{0.0}, {0.05}]
    assert sweep[0].epochs[-1].test_correct < 120 < sweep[1].epochs[-1].test_correct
    assert steps[2].counting("last").runs == [sweep[1]]
    parts = [range(*step.part) for step in several[2].evidence.steps[1:10] if step.part]
    assert [cell for part in parts for cell in part] == list(range(len(SEVERAL)))


@SEVERAL_KERNEL
def test_the_rubric_says_which_run_counts(
    several: tuple[Path, Path, Scorecard], nothing_starts: Callable[[], None]
) -> None:
    submission, folder, scorecard = several
    nothing_starts()
    first = graded(submission, folder, QUICKSTART.model_copy(update={"counts": "first"}))
    place = next(n for n, step in enumerate(scorecard.evidence.steps) if len(step.observed) == 2)
    last, step = scorecard.evidence.steps[place], first.evidence.steps[place]
    assert step.observed == last.observed
    assert step.counting("first").runs == [last.observed[0]]
    told = [
        [mark.measured for mark in card.marks if mark.step == last.name]
        for card in (scorecard, first)
    ]
    assert told[0] != told[1]


@SEVERAL_KERNEL
def test_an_update_by_hand_is_honest(several: tuple[Path, Path, Scorecard]) -> None:
    run = only_run(named(several, "Plain"))
    assert [epoch.samples for epoch in run.epochs] == [1_437, 1_437]
    assert run.epochs[-1].test_correct > 200
    assert run.observed is not None
    assert run.observed.findings == []
    assert run.observed.recipe is not None
    assert run.observed.recipe.optimizer.name == "an update by hand"


@SEVERAL_KERNEL
def test_a_test_on_training_images_is_told(several: tuple[Path, Path, Scorecard]) -> None:
    run = only_run(named(several, "Peeking"))
    assert run.observed is not None
    assert any("images of the training set (1,437" in told for told in run.observed.remarks)
    assert [seen.source for epoch in run.epochs for seen in epoch.seen] == ["train"] * 2


@SEVERAL_KERNEL
def test_a_checkpoint_in_the_weights_place_is_not_honest(
    several: tuple[Path, Path, Scorecard],
) -> None:
    step = named(several, "Swapped")
    run = step.observed[-1]
    assert run.observed is not None
    assert any("weights that were trained before" in told for told in run.observed.findings)
    (mark,) = (m for m in several[2].marks if (m.check, m.step) == ("integrity", step.name))
    assert mark.points == 0


@SEVERAL_KERNEL
@pytest.mark.parametrize("name", ["Branching", "Unlisted"])
def test_what_is_no_graph_we_know_is_asked(
    several: tuple[Path, Path, Scorecard], name: str
) -> None:
    step = named(several, name)
    run = only_run(step)
    assert step.integrity == "answered"
    assert step.network is not None
    assert step.network.parameters.judged == 1_644
    assert [epoch.test_correct > 250 for epoch in run.epochs] == [True, True]
    assert step.fault is None


@SEVERAL_KERNEL
def test_a_dead_kernel_keeps_the_epochs_that_had_ended(
    several: tuple[Path, Path, Scorecard],
) -> None:
    run = only_run(named(several, "Dying"))
    assert run.declared_epochs == 3
    assert len(run.epochs) == 2
    assert run.fault is not None
    assert run.fault.owner == "submission"
    assert "exit code 3" in run.fault.message


@SEVERAL_KERNEL
def test_what_cannot_be_graded_is_the_submissions_fault(
    several: tuple[Path, Path, Scorecard],
) -> None:
    broken, untrained = named(several, "Step_2/"), named(several, "Step_10/")
    assert broken.fault is not None
    assert "no notebook" in broken.fault.message
    assert untrained.fault is not None
    assert "cell 4: ZeroDivisionError" in untrained.fault.message
    assert {fault.owner for fault in several[2].faults} == {"submission"}
    assert broken.notes.target is not None
    assert untrained.notes.analysis is not None


@SEVERAL_KERNEL
def test_executed_copies_lie_as_their_notebooks_do(
    several: tuple[Path, Path, Scorecard], tmp_path: Path
) -> None:
    _, folder, scorecard = several
    write_reports(scorecard, tmp_path, workshop_in(folder).store)
    executed = tmp_path / "ada" / "executed"
    copies = [path.relative_to(executed).as_posix() for path in executed.rglob("*.ipynb")]
    assert sorted(copies) == ["Step_10/Step 10.ipynb", "Step_3/Step 3.ipynb"]
