"""Every wrong file gets one clear message and the right owner, and costs nobody else anything."""

from dataclasses import replace
from pathlib import Path

import pytest
from step_samples import LIMITS, NET, step

from harness import data, submission
from harness.collect.collect import collect
from harness.collect.define import Task
from harness.collect.workshop import Workshop
from harness.evidence import Fault, Step
from harness.recipe import Recipe
from harness.store import Store

WRONG_SHAPE = NET.replace("self.head = nn.Linear(4 * 7 * 7, 10)", "self.head = nn.Linear(196, 9)")

RECIPES = {
    "misspelt_key": '{"epoch": 2}',
    "unknown_optimizer": '{"epochs": 2, "optimizer": "SDG"}',
    "unknown_argument": '{"epochs": 2, "optimizer": {"name": "SGD", "learning_rate": 0.1}}',
    "bad_argument": '{"epochs": 2, "optimizer": {"name": "SGD", "lr": -1}}',
    "no_epochs": '{"epochs": 0}',
    "thousand_epochs": '{"epochs": 1000}',
    "no_batch": '{"batch_size": 0}',
    "large_batch": '{"batch_size": 5000}',
    "lbfgs": '{"optimizer": "LBFGS"}',
    "shrinking": '{"augment": [{"name": "CenterCrop", "size": 20}]}',
    "no_step_size": '{"scheduler": {"name": "StepLR", "step_size": 0}}',
    "text_for_number": '{"scheduler": {"name": "ExponentialLR", "gamma": "0.1"}}',
    "summed": '{"loss": {"name": "nll_loss", "reduction": "sum"}}',
    "short_schedule": '{"epochs": 3, "batch_size": 100, "scheduler": {"name": "OneCycleLR", '
    '"max_lr": 0.1, "total_steps": 20, "interval": "batch"}}',
    "not_data": '{"optimizer": nn.Conv2d}',
    "not_a_table": "[15]",
}

SOURCES = {
    "good": step(),
    "syntax_error": step(network="class Net(nn.Module:\n"),
    "raises": step(network="1 / 0\n"),
    "exits": step(network="import sys\nsys.exit(0)\n"),
    "ends_the_process": step(network="import os\nos._exit(0)\n"),
    "deletes_its_folder": step(network="import os, shutil\nshutil.rmtree(os.getcwd())\n"),
    "half_a_character": step("A \\ud800 title.", network="1 / 0\n"),
    "missing_package": step(network="import no_such_package\n"),
    "promised_package": step(network="import promised.part\n"),
    "claims_a_package": step(network="raise ModuleNotFoundError(\"No module named 'json'\")\n"),
    "endless": step(network="while True: pass\n"),
    "fifty_gigabytes": step(network="x = bytearray(50 * 2**30)\n"),
    "no_network": step(network="import torch\n"),
    "two_networks": step(network=NET.replace("Net", "A") + NET.replace("Net", "B")),
    "needs_arguments": step(network=NET.replace("__init__(self)", "__init__(self, width)")),
    "forward_raises": step(network=NET.replace("flatten(1)", "flatten(2)")),
    "wrong_shape": step(network=WRONG_SHAPE),
    "custom_function": step(
        network="""
import torch
import torch.nn as nn


class Halved(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, gradient):
        return gradient / 2


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(784, 10)

    def forward(self, x):
        return Halved.apply(self.head(x.flatten(1)))
"""
    ),
    "data_dependent": step(network=NET.replace("flatten(1)", "flatten(1) if x.sum() > 0 else x")),
    "unlisted_operator": step(
        network=NET.replace("self.head(features)", "self.head(features.erf())")
    ),
    "forbidden_operator": step(network=NET.replace("(features)", "(features.round())")),
    "nan": step(network=NET.replace("(features)", "(features.log())")),
    "one_image": step(
        network=NET.replace("F.log_softmax(", "self.norm(")
        .replace(", dim=1", "")
        .replace("self.head = ", "self.norm = nn.BatchNorm1d(10)\n        self.head = "),
        recipe='recipe = {"epochs": 1, "batch_size": 4}\n',
    ),
    "not_utf8": step() + "# \udcff\n",
} | {name: step(recipe=f"recipe = {text}\n") for name, text in RECIPES.items()}


BAD = pytest.mark.xdist_group("bad input")
"""Tests of the one submission run where it was graded."""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    """All of them as one submission: a fault of one step must leave the others graded."""
    root = tmp_path_factory.mktemp("bad")
    folder = root / "handed-in"
    folder.mkdir()
    for name, source in SOURCES.items():
        (folder / f"{name}.py").write_bytes(source.encode(errors="surrogateescape"))
    short = replace(LIMITS, cpu_seconds=3)  # of a step alone: what it imports is there already
    workshop = Workshop(Store(root / "store"), data.folder(), "cpu", short)
    defaults = Recipe.model_validate({"epochs": 1, "batch_size": 64, "optimizer": "SGD"})
    task = Task("digits", defaults, 1, packages=("promised", "json"))
    evidence = collect(submission.find(folder), task, workshop, lambda told: None)
    return {Path(step.name).stem: step for step in evidence.steps}


def fault_of(step: Step) -> Fault | None:
    return step.fault or next((run.fault for run in step.runs if run.fault), None)


@BAD
@pytest.mark.parametrize(
    ("name", "owner", "words"),
    [
        ("syntax_error", "submission", "SyntaxError"),
        ("raises", "submission", "ZeroDivisionError: division by zero"),
        ("exits", "submission", "SystemExit"),
        ("ends_the_process", "submission", "ended its own process with exit code 0"),
        ("missing_package", "submission", "No module named 'no_such_package'"),
        ("promised_package", "machine", "`pip install promised`, and grade again"),
        ("claims_a_package", "submission", "No module named 'json'"),
        ("endless", "submission", "3 s of processor time"),
        ("fifty_gigabytes", "submission", "MemoryError"),
        ("no_network", "submission", "write class Net(nn.Module)"),
        ("two_networks", "submission", "several networks are defined here (A, B)"),
        ("needs_arguments", "submission", "width"),
        ("forward_raises", "submission", "mat1 and mat2"),
        ("wrong_shape", "submission", "it must be [11, 10]"),
        ("custom_function", "submission", "custom autograd Function"),
        ("data_dependent", "submission", "takes a number or a decision"),
        ("unlisted_operator", "harness", "aten.erf.default"),
        ("forbidden_operator", "submission", "round is not allowed"),
        ("not_utf8", "submission", "utf-8"),
        ("misspelt_key", "submission", "epoch = 2 is not a known key; did you mean epochs?"),
        ("unknown_optimizer", "submission", "did you mean SGD?"),
        ("unknown_argument", "submission", "takes no argument 'learning_rate'"),
        ("bad_argument", "submission", "Invalid learning rate: -1"),
        ("no_epochs", "submission", "epochs = 0: should be greater than or equal to 1"),
        ("thousand_epochs", "submission", "epochs = 1000: should be less than or equal to 100"),
        ("no_batch", "submission", "batch_size = 0"),
        ("large_batch", "submission", "batch_size = 5000; there are 1,437 training images"),
        ("lbfgs", "submission", "'LBFGS' is not one that can be named here"),
        ("shrinking", "submission", "it must stay 28 x 28"),
        ("no_step_size", "submission", "recipe: scheduler: StepLR(step_size=0)"),
        ("text_for_number", "submission", "recipe: scheduler: ExponentialLR(gamma='0.1')"),
        ("summed", "submission", "the loss is the mean over the batch"),
        ("deletes_its_folder", "submission", "Error: [Errno "),
        ("half_a_character", "submission", "ZeroDivisionError"),
        ("short_schedule", "submission", "Tried to step 21 times"),
        ("one_image", "submission", "batch_size = 4 leaves a last batch of 1 of the 1,437"),
        ("not_data", "submission", "not plain data"),
        ("not_a_table", "submission", "it must be a dictionary"),
        ("nan", "submission", "lower the learning rate"),
    ],
)
def test_says_what_is_wrong_and_whose_fault_it_is(
    steps: dict[str, Step], name: str, owner: str, words: str
) -> None:
    fault = fault_of(steps[name])
    assert fault is not None
    assert words in fault.message
    assert fault.owner == owner


@BAD
@pytest.mark.parametrize(
    ("name", "line"), [("syntax_error", 2), ("raises", 2), ("forward_raises", 17)]
)
def test_names_the_learners_own_line(steps: dict[str, Step], name: str, line: int) -> None:
    fault = fault_of(steps[name])
    assert fault is not None
    assert fault.line == line


@BAD
def test_the_step_beside_them_is_measured(steps: dict[str, Step]) -> None:
    assert fault_of(steps["good"]) is None
    (run,) = steps["good"].runs
    assert run.complete
    assert all(epoch.moved for epoch in run.epochs)
    assert run.shifted is not None
    assert 0 < run.shifted < run.epochs[-1].test_correct


@BAD
def test_what_was_measured_before_a_fault_is_kept(steps: dict[str, Step]) -> None:
    assert steps["nan"].network is not None
    assert steps["unknown_optimizer"].network is not None
    assert steps["misspelt_key"].network is not None
    assert len(steps["short_schedule"].runs[0].epochs) == 1
    assert steps["syntax_error"].source


@BAD
def test_no_traceback_names_a_folder_of_this_machine(steps: dict[str, Step]) -> None:
    fault = fault_of(steps["raises"])
    assert fault is not None
    assert 'File "raises.py", line 2' in fault.traceback
