"""Results that are claimed, bought with more training than is told, or put in place: in notebooks."""

import json
from collections.abc import Mapping

import nbformat
import pytest
from batches import Laboratory, by_name, worth
from notebook_samples import LOOPS, NET, SETUP, notebook
from step_samples import step
from test_notebook_hazards import EPOCH, FORGE, UNTRAINED

from harness.evidence import Run, Step
from harness.rubric import Rubric
from harness.scorecard import Scorecard

SIZE = 1_437
"""Images in the training set."""

ASKED = Rubric.model_validate(
    {
        "title": "Two epochs",
        "dataset": "digits",
        "checks": [
            {"kind": "epochs", "at_most": 2, "points": 20, "scope": "every step"},
            {"kind": "accuracy", "at_least": "50 %", "last_epochs": 1, "points": 50, "scope": "every step"},
            {"kind": "integrity", "points": 20, "scope": "every step"},
            {"kind": "claims", "points": 10, "scope": "every step"},
        ],
        "recipe": {"epochs": 2, "batch_size": 32, "optimizer": "SGD"},
    }
)  # fmt: skip

NOTES = """Step.

Target: all right
Result: test accuracy 100.00 % after every epoch
Analysis: nothing is left to be learnt
"""

LOG = "".join(f"Epoch {n}\nAccuracy: 360/360 (100.00%)\n" for n in range(1, 3))

LEARNS = "optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)\n"

GOOD = """
good = Net()
for _ in range(6):
    for images, labels in train_loader:
        loss = F.nll_loss(good.forward(images), labels)
        gradients = torch.autograd.grad(loss, list(good.parameters()))
        with torch.no_grad():
            for parameter, gradient in zip(good.parameters(), gradients):
                parameter -= 0.1 * gradient
good = {name: tensor.clone() for name, tensor in good.state_dict().items()}
"""
"""Trains past what the probe watches, which are calls of a module and steps of an optimiser."""

LONGER: Mapping[str, str] = {
    "a pass hidden in the loop": "for epoch in range(2):\n    for _ in range(3):\n        train(model, optimizer)\n    test(model)",
    "the set several times": "longer = torch.utils.data.ConcatDataset([train_set] * 3)\nloader = torch.utils.data.DataLoader(longer, 32, shuffle=True)\nfor epoch in range(2):\n    train(model, optimizer, loader)\n    test(model)",
    "each batch three times": "for epoch in range(2):\n    for batch in train_loader:\n        train(model, optimizer, [batch] * 3)\n    test(model)",
    "an optimiser with a closure": "optimizer = optim.LBFGS(model.parameters(), lr=0.1, max_iter=4)\nfor epoch in range(2):\n    for images, labels in train_loader:\n        def closure():\n            optimizer.zero_grad()\n            loss = F.nll_loss(model(images), labels)\n            loss.backward()\n            return loss\n        optimizer.step(closure)\n    test(model)",
    "the decoy as well": "for epoch in range(6):\n    train(model, optimizer)\n    train(model, optimizer, test_loader)\n    test(model)",
}  # fmt: skip
"""More than the two epochs that are allowed, which the loop does not show."""

ODD: Mapping[str, tuple[str, str]] = {
    "two steps a batch": (
        "for epoch in range(2):\n    for images, labels in train_loader:\n        optimizer.zero_grad()\n        F.nll_loss(model(images), labels).backward()\n        optimizer.step()\n        optimizer.step()\n    test(model)",
        "steps followed no images that could be seen",
    ),
    "trained weights to begin with": (
        GOOD + "model.load_state_dict(good)\nfor epoch in range(2):\n    train(model, optimizer)\n    test(model)",
        "it began with weights that were trained before",
    ),
    "good weights in the last epoch": (
        GOOD + "for epoch in range(2):\n    train(model, optimizer)\n    if epoch == 1:\n        model.load_state_dict(good)\n        train(model, optim.SGD(model.parameters(), lr=1e-9))\n    test(model)",
        "it began with weights that were trained before",
    ),
    "good weights little by little": (
        GOOD + "for epoch in range(2):\n    for batch in train_loader:\n        train(model, optimizer, [batch])\n        with torch.no_grad():\n            for name, tensor in model.state_dict().items():\n                if tensor.is_floating_point():\n                    tensor.lerp_(good[name], 0.1)\n    test(model)",
        "while no optimiser stepped",
    ),
}  # fmt: skip
"""What the optimiser's account does not explain, and the finding."""

DETERMINED = """
import safetensors.torch
from harness.inside import handover
first = Net()
initial = handover.snapshot(first)
told, names = handover.hand_over(first, initial, (1, 28, 28))
begun = {"run": 1, "network": "Net", "defined": 1, "cell": 4, "image": [1, 28, 28], "declared_epochs": 2, "parameters": 3054}
forge("RUN", begun)
for kind, payload in told[:2]:
    forge(kind.name, payload)
weights = safetensors.torch.save({name: good[name].contiguous() for name in names})
"""  # fmt: skip


def forged_log() -> str:
    """A notebook that trained nothing, with outputs that say otherwise."""
    made = nbformat.reads(notebook("md: # " + NOTES, SETUP, NET, LOOPS, UNTRAINED), as_version=4)
    made.cells[-1].outputs = [nbformat.v4.new_output("stream", name="stdout", text=LOG)]
    made.cells[-1].execution_count = 1
    return json.dumps(made)


@pytest.fixture(scope="module")
def notebooks(best: Laboratory) -> Scorecard:
    begin = (SETUP, NET, LOOPS)
    codes = [*LONGER.values(), *(code for code, _ in ODD.values())]
    files: dict[str, str | bytes] = {
        f"step_{number}.ipynb": notebook(*begin, f"model = Net()\n{LEARNS}{code}")
        for number, code in enumerate(codes, 1)
    }
    files["step_20.ipynb"] = forged_log()
    files["step_21.ipynb"] = notebook(
        *begin, FORGE + GOOD + DETERMINED, *(f"forge('EPOCH', {EPOCH | {'number': n, 'last': False}})\nforge('WEIGHTS', weights)" for n in (1, 2))
    )  # fmt: skip
    return best.attack(files, ASKED)


def of(notebooks: Scorecard, name: str) -> tuple[Step, Run]:
    one = by_name(notebooks, f"step_{[*LONGER, *ODD].index(name) + 1}.ipynb")
    assert one.fault is None, one.fault
    return one, one.observed[-1]


@pytest.mark.parametrize("name", LONGER)
def test_epochs_are_counted_in_samples(notebooks: Scorecard, name: str) -> None:
    one, run = of(notebooks, name)
    samples = sum(epoch.samples for epoch in run.epochs)
    assert samples > 4 * SIZE
    (mark,) = (m for m in notebooks.marks if (m.step, m.check) == (one.name, "epochs"))
    assert mark.points == 0
    assert "more than allowed" in mark.why


@pytest.mark.parametrize("name", ODD)
def test_what_the_account_does_not_explain_is_found(notebooks: Scorecard, name: str) -> None:
    one, run = of(notebooks, name)
    assert run.observed is not None
    assert any(ODD[name][1] in finding for finding in run.observed.findings)
    (mark,) = (m for m in notebooks.marks if (m.step, m.check) == (one.name, "integrity"))
    assert mark.points == 0
    assert any(ODD[name][1] in sentence for sentence in mark.review)


def test_a_log_is_a_claim(notebooks: Scorecard) -> None:
    one = by_name(notebooks, "step_20.ipynb")
    (run,) = one.observed
    assert max(epoch.test_correct for epoch in run.epochs) < 108  # of 360; chance is 36
    marks = {mark.check: mark for mark in notebooks.marks if mark.step == one.name}
    assert marks["accuracy"].points == 0
    assert marks["claims"].points == 0
    assert "100.00 %" in marks["claims"].why


def test_a_determined_cheat_is_told_by_its_level(notebooks: Scorecard) -> None:
    """Whoever forges all that the probe would send is measured; how it came about is not known."""
    one = by_name(notebooks, "step_21.ipynb")
    assert one.integrity == "observed"
    (run,) = one.observed
    assert len(run.epochs) == 2
    assert run.observed is not None
    assert not run.epochs[1].moved
    (mark,) = (m for m in notebooks.marks if (m.step, m.check) == (one.name, "integrity"))
    assert any("stood still in epoch 2" in sentence for sentence in mark.review)


def test_a_definitions_words_are_claims(best: Laboratory) -> None:
    printing = "for n in range(1, 3):\n    print('Epoch', n, 'Accuracy: 360/360 (100.00%)')\n"
    code = step(NOTES).replace("import torch.nn as nn", f"import torch.nn as nn\n{printing}", 1)
    scorecard = best.attack({"step_1.py": code}, ASKED)
    (one,) = scorecard.evidence.steps
    assert one.fault is None
    assert [len(run.epochs) for run in one.runs] == [2]
    assert one.runs[0].epochs[-1].test_correct < 360
    (mark,) = (m for m in scorecard.marks if m.check == "claims")
    assert mark.points == 0
    assert worth(scorecard, one) <= 90
