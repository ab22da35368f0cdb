"""What crosses from a sandboxed child to the trusted side: its schema and its bytes on a pipe.

Both sides import this module and nothing else in common, so it must not know torch, Pydantic
or any other part of the harness. The child only writes; the trusted side only reads, and
validates every frame before it uses it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, BinaryIO

FORMAT = 1
"""Raised when the schema changes, so that stored definitions of another format are not read."""

MAX_FRAME = 64 * 2**20
"""Bytes in one frame: 16 million float32 numbers, 1,600 times the exercise's limit."""

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
    """Empty: the child has loaded what it needs, and no submitted code yet."""
    END = 5
    """JSON of the exit status of the process that ran the submission; nothing follows."""


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
