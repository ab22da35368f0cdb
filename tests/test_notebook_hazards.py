"""No sequence of cells breaks the harness or forges a score, whatever they do to their process."""

from collections.abc import Iterator
from typing import Any

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from notebook_samples import LOOPS, NET, SETUP, notebook
from torch import Tensor, nn

from harness import data
from harness.collect import session
from harness.collect.sandbox.process import Frame
from harness.collect.workshop import Workshop
from harness.frames import Kind
from harness.grade import grade
from harness.recipe import Normalize
from harness.rubric import find, load
from harness.store import Store

EXAMPLES = max(2, settings.default.max_examples // 50 if settings.default else 2)
"""Each is a kernel, which takes seconds: a hundred by night."""

AT_ONCE = 10
"""Cells of an example."""

FORGE = """
import json, os, stat
from harness import frames

def pipes():
    for number in range(3, 256):
        try:
            if stat.S_ISFIFO(os.fstat(number).st_mode):
                yield number
        except OSError:
            pass

def forge(kind, told):
    told = told if isinstance(told, bytes) else json.dumps(told).encode()
    for number in pipes():
        try:
            with os.fdopen(number, "wb", closefd=False) as pipe:
                frames.write(pipe, frames.Kind[kind], told)
        except OSError:
            pass
"""
"""A way to the probe's own pipe, and to any other."""

RECIPE = {
    "optimizer": {"name": "SGD", "lr": 0.1},
    "optimizers": 1,
    "scheduler": None,
    "schedulers": [],
    "stepped": False,
    "loss": {"name": "nll_loss"},
    "train_transform": [{"name": "ToTensor"}],
    "test_transform": [{"name": "ToTensor"}],
}
EPOCH = {
    "run": 1,
    "samples": 1_437,
    "of": 1_437,
    "steps": [{"count": 45, "samples": 32, "lr": 0.1, "momentum": 0.9, "weight_decay": 0.0}],
    "by_hand": 0,
    "correct": 1_437,
    "loss": 0.0,
    "recipe": RECIPE,
    "last": False,
}
SEEN = {
    "run": 1,
    "epoch": 1,
    "seen": [{"source": "test", "correct": 360, "of": 360, "other": False}],
}

BEGUN = {
    "run": 1,
    "network": "Net",
    "defined": 1,
    "cell": 2,
    "image": [1, 28, 28],
    "declared_epochs": 1,
    "parameters": 10,
}

UNTRAINED = "fit(Net(), 1, lr=0.0)"

HAZARDS = [
    "print('Accuracy: 360/360 (100.00%)')\n1 / 0",
    f"forge('SEEN', {SEEN})",
    "torch.Tensor.__eq__ = lambda self, other: torch.ones(self.shape, dtype=torch.bool)",
    "torch.Tensor.sum = lambda self, *_, **__: torch.tensor(360)",
    "raise SystemExit(0)",
    "while True:\n    print('Accuracy: 360/360' * 20)",
    "train_set.targets[:] = 0\ntest_set.targets[:] = 0",
    "name = input('Who? ')\n%matplotlib inline\n!exit 1\n%unheard_of",
    "model = Net()\nfit(model, 1, lr=0.0)\nfit(model, 1, lr=0.0)",
    "model = Net()\nmodel.head.weight.data.fill_(float('nan'))\nfit(model, 1, lr=0.0)",
    "import threading\nthreading.Thread(target=lambda: fit(Net(), 1, 0.0)).start()",
    "folder = os.path.dirname(os.getcwd())\nif os.path.basename(folder).startswith('harness-'):\n    import shutil\n    shutil.rmtree(folder)",
    "import sys\nfor name in list(sys.modules):\n    if name.startswith('harness'):\n        sys.modules[name] = None",
    "import gc\nfor one in gc.get_objects():\n    if type(one).__name__ in ('Probe', 'Reporter', 'Account'):\n        one.__dict__.clear()",
    "optim.SGD.step = lambda self, *_, **__: None",
    "F.nll_loss = lambda answer, target, **_: answer.sum() * 0",
    "torch.utils.data.DataLoader.__iter__ = lambda loader: iter([])",
    "nn.Module.__call__ = lambda self, x: F.one_hot(torch.zeros(len(x)).long(), 10).float()",
    "class Net(nn.Module):\n    def forward(self, x):\n        return F.one_hot(torch.zeros(len(x)).long(), 10).float()",
    "import time\nif os.fork() == 0:\n    time.sleep(20)\n    os._exit(0)",
    f"forge('EPOCH', {EPOCH | {'number': 2}})\nforge('WEIGHTS', b'no weights')",
    f"forge('RUN', {BEGUN})",
    "forge('END', b'0')",
    "for number in pipes():\n    os.write(number, b'\\xff' * 100)",
    "os.closerange(3, 200)",
    "os._exit(0)",
    "import signal\nif b'harness.inside' in open(f'/proc/{os.getppid()}/cmdline', 'rb').read():\n    os.kill(os.getppid(), signal.SIGKILL)",
]  # fmt: skip
"""None of them trains a network: what is above chance was forged."""


class Net(nn.Module):
    """The samples' network, as this process knows it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 8, 5, stride=2), nn.BatchNorm2d(8)
        self.conv2, self.norm2 = nn.Conv2d(8, 12, 3), nn.BatchNorm2d(12)
        self.head = nn.Linear(192, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        return torch.as_tensor(self.head(F.relu(self.norm2(self.conv2(x))).flatten(1)))


@pytest.fixture(scope="module")
def digits() -> data.Images:
    return data.load("digits", data.folder())


def answers(weights: bytes, images: Tensor, labels: Tensor) -> set[int]:
    """Right answers of these weights, through each transform that a frame here may tell."""
    network = Net().eval()
    network.load_state_dict(safetensors.torch.load(weights))
    views = [Normalize(mean=0.3, std=0.35), Normalize(mean=0, std=1), data.NORMALIZE["digits"]]
    with torch.no_grad():
        scores = [network(data.scaled(images, view)) for view in views]
    return {int((each.argmax(1) == labels).sum()) for each in scores}


@settings(max_examples=EXAMPLES)
@given(st.permutations(HAZARDS))
def test_no_sequence_of_cells_breaks_the_harness_or_forges_a_score(
    tmp_path_factory: pytest.TempPathFactory, digits: data.Images, drawn: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("hazards")
    path = folder / "Step 1.ipynb"
    path.write_text(notebook(SETUP, NET, LOOPS, FORGE, UNTRAINED, *drawn[:AT_ONCE], UNTRAINED))
    limits = session.Limits(cell_seconds=120, seconds=600, output=20_000)
    workshop = Workshop(Store(folder / "store"), data.folder(), "cpu", notebook=limits)
    sent: list[bytes] = []

    def listening(*args: Any) -> Iterator[Frame]:
        for kind, payload in run(*args):
            if kind is Kind.WEIGHTS:
                sent.append(payload)
            yield kind, payload

    run = session.run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "run", listening)
        scorecard = grade(path, load(find("digits-quickstart")), workshop, lambda told: None)
    assert scorecard.verdict == "failed"
    assert all(fault.owner == "submission" for fault in scorecard.faults)
    assert not any(mark.points for mark in scorecard.marks if mark.check == "accuracy")
    measured = [
        epoch.test_correct
        for step in scorecard.evidence.steps
        for run_of in step.observed
        for epoch in run_of.epochs
    ]
    assert max(measured, default=0) < 0.6 * len(digits.test)
    known = [answers(weights, digits.test, digits.test_labels) for weights in sent[: len(measured)]]
    assert all(count in counts for count, counts in zip(measured, known, strict=True))
