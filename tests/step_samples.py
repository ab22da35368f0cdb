"""A step that is quickly trained, what its code may use, and a store that shares definitions."""

import textwrap
from pathlib import Path

from harness.collect.sandbox.child import Limits
from harness.store import Store

NET = """
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=4), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.05)
        )
        self.head = nn.Linear(4 * 7 * 7, 10)

    def forward(self, x):
        features = self.body(x).flatten(1)
        return F.log_softmax(self.head(features), dim=1)
"""
"""A network that trains on the digits in a fraction of a second an epoch: 2,018 parameters."""

LIMITS = Limits(cpu_seconds=10, wall_seconds=120)
"""Short, for endless loops."""

RECIPE = 'recipe = {"epochs": 2, "batch_size": 64, "optimizer": {"name": "SGD", "lr": 0.1}}\n'


def step(notes: str = "Step.", network: str = NET, recipe: str = RECIPE) -> str:
    """The source of a step."""
    return f'"""{notes}"""\n{textwrap.dedent(network)}\n{recipe}'


def make_store(root: Path, definitions: Path) -> Store:
    """An empty store, but for the definitions that tests share."""
    store = Store(root)
    (root / "definitions").symlink_to(definitions)
    return store
