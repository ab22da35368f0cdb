"""Frames of a notebook's probe, made by hand: for tests of what takes them."""

import json
from dataclasses import asdict
from typing import Any

import safetensors.torch
import torch
from crossing import handed_over
from torch import nn

from harness import frames
from harness.frames import Kind, ObservedEpoch, ObservedRecipe, ObservedRun, Seen, SeenTest, Steps

NORMAL = [{"name": "ToTensor"}, {"name": "Normalize", "mean": [0.3], "std": [0.3]}]

Frames = list[tuple[Kind, bytes]]


def recipe(**changes: Any) -> ObservedRecipe:
    """SGD and cross entropy, on images as they are."""
    usual: dict[str, Any] = {
        "optimizer": {"name": "SGD", "lr": 0.1},
        "optimizers": 1,
        "scheduler": None,
        "schedulers": [],
        "stepped": False,
        "loss": {"name": "cross_entropy"},
        "train_transform": NORMAL,
        "test_transform": NORMAL,
    }
    return ObservedRecipe(**usual | changes)


def epoch(number: int = 1, size: int = 1437, batch: int = 100, **changes: Any) -> ObservedEpoch:
    """One pass over the training images; `steps` of one kind and a smaller last one."""
    rest = [Steps(1, size % batch, 0.1, 0.0, 0.0)] if size % batch else []
    usual: dict[str, Any] = {
        "run": 1,
        "number": number,
        "samples": size,
        "of": size,
        "steps": [Steps(size // batch, batch, 0.1, 0.0, 0.0), *rest],
        "by_hand": 0,
        "correct": size // 2,
        "loss": 0.5,
        "recipe": recipe(),
        "last": False,
    }
    return ObservedEpoch(**usual | changes)


def run(number: int = 1, **changes: Any) -> ObservedRun:
    """A training that begins."""
    usual: dict[str, Any] = {
        "run": number,
        "network": "Net",
        "defined": 1,
        "cell": 3,
        "image": [1, 28, 28],
        "declared_epochs": None,
        "parameters": 10,
    }
    return ObservedRun(**usual | changes)


def seen(of: int, correct: int, run: int = 1, after: int = 1, source: str = "test") -> SeenTest:
    """A test that the notebook made."""
    return SeenTest(run, after, [Seen(source, correct, of, False)])


def framed(kind: Kind, value: Any) -> tuple[Kind, bytes]:
    """A frame of JSON."""
    return kind, json.dumps(asdict(value)).encode()


def begun(network: nn.Module, number: int = 1, **changes: Any) -> Frames:
    """The frames with which a training of a network begins."""
    definition, tensors = handed_over(network)
    return [
        framed(Kind.RUN, run(number, **changes)),
        (Kind.DEFINITION, definition),
        (Kind.TENSORS, tensors),
    ]


def weights(network: nn.Module) -> bytes:
    """A WEIGHTS frame's content."""
    return safetensors.torch.save({n: t.contiguous() for n, t in network.state_dict().items()})


def ended(network: nn.Module, told: ObservedEpoch) -> Frames:
    """The frames with which an epoch ends."""
    return [framed(Kind.EPOCH, told), (Kind.WEIGHTS, weights(network))]


def nudged(network: nn.Module, seed: int) -> nn.Module:
    """The same network with other weights."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return network


def packed(model: bytes) -> Frames:
    """The frames with which a training of a network begins that is no graph."""
    fault = frames.Fault("submission", "export", "an `if` on the values of a tensor", 7, "")
    return [framed(Kind.RUN, run()), framed(Kind.FAULT, fault), (Kind.PACKED, model)]
