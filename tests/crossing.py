"""Takes a network over the wall without a process: for tests of what happens on either side."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import safetensors.torch
from torch import Tensor, nn

from harness.collect.graph import Candidate, admit
from harness.inside import capture


class Net(nn.Module):
    """784 to 10 through whatever a test puts between, and the parts that it uses."""

    def __init__(
        self, forward: Callable[["Net", Tensor], Tensor] | None = None, **parts: nn.Module
    ) -> None:
        super().__init__()
        self.head = nn.Linear(784, 10)
        self.between = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Tensor) -> Tensor:
        if self.between is not None:
            return self.between(self, x)
        return self.head(x.flatten(1))


def small() -> nn.Module:
    """Convolution, batch norm, ReLU and a linear layer."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(324, 10)
    )


def crossed(network: nn.Module, batch: int = capture.BATCH) -> Candidate:
    """A network as the trusted side has it; the export's example is a batch of this size."""
    return admit(*handed_over(network, batch))


def handed_over(network: nn.Module, batch: int = capture.BATCH) -> tuple[bytes, bytes]:
    """The DEFINITION and TENSORS frames of a network."""
    programs = {mode: capture.export(network, mode, batch) for mode in ("training", "evaluation")}
    definition, tensors = capture.describe(network, programs, None, Path(__file__))
    return json.dumps(asdict(definition)).encode(), safetensors.torch.save(tensors)
