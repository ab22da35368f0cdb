"""Notebooks for the probe, run in this process on a few made-up digits, with it and without it."""

import io
import json
import linecache
from dataclasses import dataclass, field
from typing import Any

import safetensors.torch
import torch
from torch import Tensor
from torchvision import datasets

from harness import frames
from harness.frames import Kind
from harness.inside import probe

TRAIN, TEST, BATCH = 96, 40, 16


class Digits(datasets.MNIST):
    """MNIST as torchvision has it, with noise for images."""

    def __init__(self, train: bool = True, transform: Any = None) -> None:
        self.train, self.transform, self.target_transform = train, transform, None
        generator = torch.Generator().manual_seed(int(train))
        count = TRAIN if train else TEST
        shape = (count, 28, 28)
        self.data = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
        self.targets = torch.randint(0, 10, (count,), generator=generator)


PRELUDE = """
import copy
import torch, torch.nn as nn, torch.nn.functional as F
from torch.optim import SGD, Adam
from torch.optim.lr_scheduler import *
from torch.utils.data import *
from torchvision import transforms

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 4, 3, stride=3), nn.BatchNorm2d(4)
        self.drop, self.head = nn.Dropout(0.1), nn.Linear(4, 10)

    def forward(self, x):
        x = self.drop(F.relu(self.norm(self.conv(x))))
        return F.log_softmax(self.head(x.mean((2, 3))), dim=1)

to_tensor = transforms.ToTensor()
train_set, test_set = Digits(True, to_tensor), Digits(False, to_tensor)
train_loader = DataLoader(train_set, batch_size=16, shuffle=True)
test_loader = DataLoader(test_set, batch_size=16)

def step(model, optimizer, x, y):
    optimizer.zero_grad()
    F.nll_loss(model(x), y).backward()
    optimizer.step()

def train(model, optimizer, loader=train_loader):
    model.train()
    for x, y in loader:
        step(model, optimizer, x, y)

def test(model, loader=test_loader):
    model.eval()
    with torch.no_grad():
        for x, y in loader:
            model(x)

torch.manual_seed(1)
model = Net()
optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
"""


@dataclass
class Observed:
    """What the probe sent of a notebook, and what the notebook holds afterwards."""

    space: dict[str, Any]
    sent: list[tuple[Kind, Any]] = field(default_factory=list)

    def of(self, kind: Kind) -> list[Any]:
        return [payload for sent, payload in self.sent if sent == kind]

    def epochs(self, run: int = 1) -> list[dict[str, Any]]:
        return [epoch for epoch in self.of(Kind.EPOCH) if epoch["run"] == run]

    def weights(self, run: int = 1) -> list[dict[str, Tensor]]:
        pairs = zip(self.of(Kind.EPOCH), self.of(Kind.WEIGHTS), strict=True)
        return [weights for epoch, weights in pairs if epoch["run"] == run]

    def seen(self) -> list[tuple[int, int, str, int, bool]]:
        """Run, epoch, source, images, and whether the weights were others."""
        return [
            (told["run"], told["epoch"], seen["source"], seen["of"], seen["other"])
            for told in self.of(Kind.SEEN)
            for seen in told["seen"]
        ]


def execute(cells: tuple[str, ...], each: Any = None) -> dict[str, Any]:
    """Run the prelude as cell 0 and the others after it, as IPython does: a file name for each."""
    torch.manual_seed(0)
    space: dict[str, Any] = {"__name__": "__main__", "Digits": Digits}
    for number, source in enumerate((PRELUDE, *cells)):
        if each:
            each(number, source)
        name = f"<watched {number} {hash(source)}>"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, name, "exec"), space)
    return space


def observe(*cells: str, **order: Any) -> Observed:
    """Run a notebook under the probe, and read what it sent."""
    stream = io.BytesIO()
    probe.install({"sizes": [TRAIN, TEST], **order}, stream)
    try:
        space = execute(cells, probe.cell_began)
    finally:
        probe.finish()
    stream.seek(0)
    observed = Observed(space)
    for kind, payload in frames.read(stream):
        if kind in (Kind.WEIGHTS, Kind.TENSORS):
            observed.sent.append((kind, safetensors.torch.load(payload)))
        elif kind == Kind.PACKED:
            observed.sent.append((kind, payload))
        else:
            observed.sent.append((kind, json.loads(payload)))
    assert not observed.of(Kind.SHIM), observed.of(Kind.SHIM)
    return observed


def state(space: dict[str, Any]) -> list[Tensor]:
    """All that training changed, and the random numbers that come next."""
    return [*space["model"].state_dict().values(), torch.rand(3)]


def equal(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
