"""What crosses between the trusted side and a sandboxed child: its schema and its bytes on a pipe.

Both sides import this module and nothing else in common, so it must not know torch, Pydantic
or any other part of the harness. Orders go in, a line of JSON each; frames come out, and the
trusted side validates every one before it uses it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, BinaryIO

FORMAT = 1
"""Raised when the schema changes, so that stored definitions of another format are not read."""

MAX_FRAME = 256 * 2**20
"""Bytes in one frame: 64 million float32 numbers; first steps of 24 million were seen."""

_HEADER = struct.Struct(">BQ")


class Kind(IntEnum):
    """What a frame holds."""

    DEFINITION = 1
    """JSON of a `Definition`."""
    TENSORS = 2
    """Safetensors: the values of `Definition.tensors`, by name."""
    FAULT = 3
    """JSON of a `Fault`; no definition follows."""
    READY = 4
    """Empty: the process has loaded what it needs, and no submitted code yet."""
    END = 5
    """JSON of the exit status of the process that ran the submission; nothing follows."""
    RUN = 6
    """JSON of an `ObservedRun`: a notebook's training begins. Its DEFINITION and TENSORS follow,
    or a FAULT; and a PACKED, where the model can be packed."""
    EPOCH = 7
    """JSON of an `ObservedEpoch`; its WEIGHTS follow."""
    WEIGHTS = 8
    """Safetensors: the model's parameters and buffers, named as `Definition.tensors` are."""
    SEEN = 9
    """JSON of a `SeenTest`: what the learner's own code saw when it tested."""
    SHIM = 10
    """JSON of a `Shim`: something was put in a missing thing's place."""
    CELL = 11
    """JSON of a `Cell`: a cell of the notebook has ended."""
    EXECUTED = 12
    """The executed notebook, JSON: to look at, never to judge."""
    PACKED = 13
    """The model as cloudpickle has it, for a network that is no graph. Trusted code hands it to a
    fresh sandbox, and never opens it."""
    ANSWERS = 14
    """Safetensors: `answers`, float32 [N, 10], a network's scores for images."""
    TOLD = 15
    """JSON, from the trusted side's own process that has no test labels."""
    STATE = 16
    """Safetensors: what a training of the trusted side goes on from."""


@dataclass
class Call:
    """One ATen call of an exported graph."""

    name: str
    """The value's name, unique in its graph."""
    operator: str
    """The overload, such as `aten.conv2d.default`."""
    arguments: list[Any]
    """Plain JSON; `{"value": name}` refers to a tensor, the input or an earlier call. For batch
    norm with `momentum=None` its batch counter stands in the momentum's place."""
    keywords: dict[str, Any]
    line: int | None
    """Line in the learner's file, where the export knows it."""


@dataclass
class Graph:
    """A forward pass as a list of ATen calls, in order."""

    image: str
    """Name of the value that stands for the batch of images, float32 [N, 1, 28, 28]."""
    reads: dict[str, str]
    """Names of other values that stand for tensors, and the tensor's name for each."""
    calls: list[Call]
    output: str
    """Name of the value that is the answer, [N, 10]."""


@dataclass
class TensorInfo:
    """A tensor that the network holds or reads; its entries travel in the TENSORS frame."""

    name: str
    kind: str
    """`parameter`, `buffer` or `constant`."""
    requires_grad: bool


@dataclass
class Definition:
    """A network and its recipe, as the child hands them over."""

    format: int
    network: str
    """Name of the learner's class."""
    tensors: list[TensorInfo]
    """Every distinct tensor once; aliases (tied weights) share one entry."""
    training: Graph
    evaluation: Graph
    recipe: Any
    """The learner's `recipe` as plain data; None where the file has none."""
    image: list[int] = field(default_factory=lambda: [1, 28, 28])
    """Shape of one image as it goes in: channels, height, width."""


@dataclass
class Fault:
    """Why there is no definition, in the submission's or the harness's words."""

    owner: str
    """`submission` or `harness`."""
    stage: str
    """What was being done: `import`, `recipe`, `construct`, `forward`, `export`, `gradients`."""
    message: str
    line: int | None
    """Line in the learner's file."""
    traceback: str


@dataclass
class Order:
    """What the process of a notebook is to do; a line of JSON on its standard input."""

    dataset: str
    """The class of torchvision.datasets that is served."""
    sizes: list[int]
    """Training and test images of the real data set; those that are served may be fewer."""
    stop_after: int | None = None
    """Epochs after which a training ends early, if it has declared how many it will take."""
    stop_seconds: float = 0
    """Seconds that it must have taken for that."""
    notebook: str = ""
    """The notebook, from the process's own folder."""
    folder: str = ""
    """The path of the submission's folder in its repository, as far as it is known."""
    data: str = ""
    """The folder with the data set, in torchvision's layout."""
    probe: int = -1
    """The pipe for the probe's frames."""
    cell_seconds: int = 0
    """Wall time of one cell."""
    seconds: int = 0
    """Wall time of the notebook."""
    memory: int = 0
    """Bytes of data."""
    output: int = 0
    """Bytes of outputs that are kept in the executed copy."""


@dataclass
class ObservedRun:
    """A model that a notebook trains, when its optimiser first steps."""

    run: int
    """From 1, in the order of their first steps."""
    network: str
    """Name of the learner's class."""
    defined: int | None
    """The cell, from 0, that last defined the class; None for a class from a module."""
    cell: int | None
    """The cell, from 0, that trains."""
    image: list[int]
    """Shape of one image as it goes in: channels, height, width."""
    declared_epochs: int | None
    """From the `for ... in range(...)` around the training, read before it has run."""
    parameters: int
    """What the module itself says that it holds; a claim."""


@dataclass
class Steps:
    """Optimiser steps in a row that were alike."""

    count: int
    samples: int
    """Back-propagated in each."""
    lr: float
    momentum: float | None
    """SGD's; for Adam and its kin the first beta."""
    weight_decay: float


@dataclass
class ObservedRecipe:
    """How a notebook trains, as far as it is known; names and arguments are torch's own."""

    optimizer: dict[str, Any] | None
    """`{"name": "SGD", "lr": 0.1, ...}`, with what differs from torch's defaults. None for an
    update by hand or an own class."""
    optimizers: int
    """How many step this model."""
    scheduler: dict[str, Any] | None
    """Likewise, with `"interval"`; None where none is stepped, or it is not torch's own."""
    schedulers: list[str]
    """Classes of all schedulers that were made for these optimisers, own ones too."""
    stepped: bool
    """Whether any of them was stepped."""
    loss: dict[str, Any] | None
    """A function of torch.nn.functional with what differs from its defaults, where its value on
    the model's own answer is what was back-propagated; else None."""
    train_transform: list[dict[str, Any]] | None
    """torchvision's transforms with their arguments, in order; None where one is not
    torchvision's, or there is no data set to ask."""
    test_transform: list[dict[str, Any]] | None
    """Likewise."""


@dataclass
class ObservedEpoch:
    """One of the learner's own epochs, when its training ends."""

    run: int
    number: int
    """From 1."""
    samples: int
    """Back-propagated since the epoch before."""
    of: int
    """Images in the data set that the epoch went through; the training set's size where unknown."""
    steps: list[Steps]
    by_hand: int
    """Times that the weights changed while no optimiser stepped, outside the first step."""
    correct: int | None
    """Right answers among the samples as they were trained on, where labels could be seen."""
    loss: float | None
    """Mean of what was back-propagated."""
    recipe: ObservedRecipe
    last: bool
    """Whether it stands for what was trained after the last whole epoch."""


@dataclass
class Seen:
    """Evaluated images, by where they come from."""

    source: str
    """`test`, `train`, or `unknown`."""
    correct: int
    of: int
    other: bool
    """Whether weights other than the trained ones were evaluated, such as their average."""


@dataclass
class SeenTest:
    """What the learner's code saw between two trainings."""

    run: int
    epoch: int
    """After which; 0 before any."""
    seen: list[Seen]


@dataclass
class Shim:
    """Something that was put in a missing thing's place, so that a notebook runs."""

    name: str
    """Such as `torchsummary` or `verbose=`."""
    told: str
    """One sentence."""


@dataclass
class Cell:
    """How a cell ended."""

    cell: int
    """From 0, markdown cells counted."""
    seconds: float
    error: str
    """`NameError: name 'x' is not defined`; empty if it ended well."""
    line: int | None
    """Line in the cell."""
    traceback: str
    """Its last lines, without terminal colours."""


class FrameError(ValueError):
    """What came over the pipe is not a sequence of frames within the limits."""


def write(stream: BinaryIO, kind: Kind, payload: bytes) -> None:
    """Write one frame: a kind, a length, the payload."""
    stream.write(_HEADER.pack(kind, len(payload)))
    stream.write(payload)
    stream.flush()


def read(stream: BinaryIO) -> Iterator[tuple[Kind, bytes]]:
    """The frames of a stream, as they come, until it ends.

    Raises:
        FrameError: for an unknown kind, a frame over `MAX_FRAME`, or a truncated one.
    """
    while header := stream.read(_HEADER.size):
        if len(header) < _HEADER.size:
            raise FrameError(f"{len(header)} bytes at the end, too few for a frame's header")
        number, length = _HEADER.unpack(header)
        if number not in set(Kind):
            raise FrameError(f"unknown kind of frame: {number}")
        if length > MAX_FRAME:
            raise FrameError(f"a frame of {length:,} bytes; at most {MAX_FRAME:,} are taken")
        payload = stream.read(length)
        if len(payload) < length:
            raise FrameError(f"a frame of {length:,} bytes ends after {len(payload):,}")
        yield Kind(number), payload
