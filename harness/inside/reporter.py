"""What all accounts of a notebook's models share: where frames go, and what they speak of.

Part of the process that belongs to the submission: of the harness it must know nothing but
`frames` and its neighbours.
"""

from __future__ import annotations

import json
import weakref
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

import torch
from torch import Tensor

from harness import frames
from harness.frames import Kind
from harness.inside.loops import Declared
from harness.inside.runs import Trained
from harness.inside.watching import LoaderPass, Schedulers


class TrainingStopped(BaseException):
    """Raised in a step of the learner's optimiser, when as many epochs were seen as are wanted.

    It is no Exception, so that a loop which goes on after errors ends too.
    """


@dataclass
class Reporter:
    """Where frames go, and what all accounts share."""

    stream: BinaryIO
    size: int
    """Images in the training set that is served."""
    stop_after: int | None
    stop_seconds: float
    schedulers: Schedulers
    defined: weakref.WeakKeyDictionary[type, int]
    """The cell in which each class was made."""
    cell: int | None = None
    runs: int = 0

    def send(self, kind: Kind, payload: Any) -> None:
        """Write a frame: bytes as they are, anything else as JSON."""
        data = payload if isinstance(payload, bytes) else json.dumps(asdict(payload)).encode()
        if len(data) > frames.MAX_FRAME:
            raise ValueError(f"a {kind.name} frame of {len(data):,} bytes is too large to send")
        frames.write(self.stream, kind, data)


@dataclass
class Forward:
    """A forward pass on a batch of images."""

    samples: int
    through: LoaderPass | None
    correct: int | None
    source: str
    as_yielded: bool
    """Whether the images are a loader's batch, unchanged."""
    answer: weakref.ref[Tensor]
    labels: weakref.ref[Tensor] | None
    images: weakref.ref[Tensor]
    trained: bool = False
    evaluated: bool = False


@dataclass
class Run:
    """A training of a model from its first weights on."""

    number: int
    names: list[str] | None
    start: Tensor
    declared: Declared
    since: float
    schedule_steps: dict[int, int]
    """How often each scheduler had been stepped before."""
    steps: int = 0
    optimizer: torch.optim.Optimizer | None = None
    """The one that stepped last; None for an update by hand, or an own one around another."""
    optimizers: weakref.WeakSet[Any] = field(default_factory=weakref.WeakSet)
    count: int = 0
    """Of all optimisers that stepped; some may be gone."""
    loss: dict[str, Any] | None = None
    losses_differ: bool = False


@dataclass
class Held:
    """An epoch that has ended; a step that comes before the next batch still belongs to it."""

    trained: Trained
    values: dict[str, Tensor]
