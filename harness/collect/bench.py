"""The bench: where foreign graphs are trained and asked, in a process that has no test labels.

This side holds the labels and counts; the process on the other side (`bench_process`) runs behind
the same wall as submitted code, with the images, and hands back scores. Must not know rubrics or
evidence, nor how a network is trained.
"""

from __future__ import annotations

import atexit
import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import safetensors.torch
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from harness import data, frames
from harness.collect.burst import sample
from harness.collect.device import choose, machine
from harness.collect.resolve import RecipeError
from harness.collect.sandbox.launch import Wall
from harness.collect.sandbox.process import START_SECONDS, Process
from harness.collect.sandbox.room import room
from harness.evidence import Burst, Machine
from harness.frames import Kind
from harness.recipe import Recipe
from harness.store import Store, digest

if TYPE_CHECKING:
    from harness.collect.sandbox.room import Room

MEMORY = 8 * 2**30
"""Bytes that a graph's training may take; those of real submissions take less than one billion."""

DISK = 2**26
"""Bytes that its process may write, which is for nothing but a library's whims."""

BACKLOG = 4
"""Frames that are read ahead: an epoch is trained while the one before is counted and stored."""

DAYS = 30 * 86_400.0
"""Seconds: a training takes as long as it takes."""

HandedOver = tuple[bytes, bytes]
"""A network's DEFINITION and TENSORS frames."""


class TooMuch(Exception):
    """A graph asks for more memory than it gets."""


class BenchFailed(RuntimeError):
    """The bench's process failed, and not through a recipe."""


class Trained(NamedTuple):
    """One epoch of a training."""

    samples: int
    correct: int
    """Right answers among the training images, as the network stood at each step."""
    loss: float
    learning_rate: float
    """At the first step."""
    moved: bool
    """Whether the parameters are others than before."""
    seconds: float
    """Wall time of training and evaluation."""
    scores: Tensor
    """For the test images, float32 [N, 10]."""


class Ended(NamedTuple):
    """What a network answers after its last epoch."""

    shifted: list[Tensor]
    """Scores for the test images shifted by one pixel, in each of the four directions."""
    even: Tensor
    """Scores for the test images as they are, in even batches."""
    uneven: Tensor
    """Scores for the same images in the same order, which were shuffled into uneven batches."""


Told = Tensor | Trained | Ended | bytes
"""Scores before any training; an epoch; the end; and a state from which training can go on."""


@dataclass(frozen=True)
class Bench:
    """A device with a process on it, the images, and the store."""

    device: torch.device
    images: data.Images
    store: Store
    wall: Wall

    @property
    def machine(self) -> Machine:
        """Where and with what it measures."""
        return machine(self.device)

    @contextmanager
    def network(self, handed_over: HandedOver) -> Iterator[OnBench]:
        """Put a network on the bench; it was admitted before."""
        process = _process(self.wall, self.device.type)
        with process.session(handed_over):
            yield OnBench(process, self.images)


def bench(device: str, images: data.Images, store: Store, wall: Wall) -> Bench:
    """A bench; its process starts when it is needed.

    Args:
        device: as `choose` takes it.
        images: in memory.
        store: where runs are kept.
        wall: around the process.

    Raises:
        NoDeviceError: if the device is not there.
    """
    return Bench(choose(device), images, store, wall)


@contextmanager
def tried(device: str, wall: Wall, handed_over: HandedOver) -> Iterator[OnBench]:
    """A network on a bench without a data set: to see whether it learns at all."""
    process = _process(wall, choose(device).type)
    with process.session(handed_over):
        yield OnBench(process, None)


def start(device: str, wall: Wall) -> None:
    """Start the process of a bench, whose imports take seconds, before it is needed."""
    _process(wall, choose(device).type).start()


class OnBench:
    """A network on the bench, to be asked one thing after another.

    Whatever it is asked raises `RecipeError` if torch cannot follow a recipe, or the network its
    batches; `TooMuch` if the graph asks for too much memory; and `BenchFailed` otherwise.
    """

    def __init__(self, process: _BenchProcess, images: data.Images | None) -> None:
        self._process, self._images = process, images

    def train(self, recipe: Recipe, seed: int, state: bytes | None) -> Iterator[Told]:
        """Train from freshly drawn tensors, or go on, and answer after every epoch.

        Args:
            recipe: complete, `normalize` included.
            seed: decides the tensors, the order of the images, the augmentation and dropout.
            state: what a training of the same went on from; a damaged one begins anew.

        Yields:
            Unless it goes on, the scores before training. Then for each epoch what it came to, at
            the last also the end, and the state to go on from. Nothing follows an epoch whose loss
            is no number.
        """
        assert self._images is not None
        process, size = self._process, len(self._images.test)
        with process.lent("state", state) as place:
            process.order("train", self._given(), recipe=_plain(recipe), seed=seed, state=place)
            begun = process.told()
            if begun["done"] == 0:
                yield process.scores(size)
            for number in range(begun["done"] + 1, recipe.epochs + 1):
                epoch = process.told()
                yield Trained(**epoch, scores=process.scores(size))
                if not math.isfinite(epoch["loss"]):
                    return
                if number == recipe.epochs:
                    shifted = [process.scores(size) for _ in range(4)]
                    yield Ended(shifted, process.scores(size), process.scores(size))
                yield process.take(Kind.STATE)

    def scores(self, tensors: bytes, images: Tensor) -> Tensor:
        """Scores float32 [N, 10] in evaluation mode.

        Args:
            tensors: safetensors of the network's tensors by name.
            images: float32 [N, C, H, W], as the network is to see them.
        """
        (scores,) = self._asked("score", tensors, images, 1)
        return scores

    def twice(self, tensors: bytes, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores for shuffled images in even and in uneven batches, with nothing left to chance."""
        even, uneven = self._asked("twice", tensors, images, 2)
        return even, uneven

    def _asked(self, what: str, tensors: bytes, images: Tensor, answers: int) -> list[Tensor]:
        view = safetensors.torch.save({"images": images.contiguous()})
        with (
            self._process.lent("state", tensors) as state,
            self._process.lent("view", view) as place,
        ):
            self._process.order(what, place, state=state)
            return [self._process.scores(len(images)) for _ in range(answers)]

    def burst(self, recipe: Recipe, size: int) -> Burst:
        """Train for a moment, to see that the network learns at all.

        Args:
            recipe: of which the loss is used, and all else is tried out.
            size: images that it would be trained on.
        """
        images, labels = sample()
        packed = safetensors.torch.save({"images": images, "labels": labels})
        with self._process.lent("sample", packed) as place:
            self._process.order("burst", recipe=_plain(recipe), sample=place, size=size)
            return Burst(**self._process.told())

    def seconds_an_epoch(self, recipe: Recipe, rounds: int = 1) -> list[float]:
        """Wall times of one epoch's training and evaluation, from a small part of each."""
        self._process.order("time", self._given(), recipe=_plain(recipe), rounds=rounds)
        return [float(each) for each in self._process.told()["seconds"]]

    def seconds_to_answer(self, recipe: Recipe, count: int, rounds: int) -> list[float]:
        """Wall times of the scores for so many images; the network is not trained."""
        asked = {"recipe": _plain(recipe), "count": count, "rounds": rounds}
        self._process.order("latency", self._given(), **asked)
        return [float(each) for each in self._process.told()["seconds"]]

    def _given(self) -> str:
        assert self._images is not None
        return self._process.images(self._images)


class _BenchProcess:
    """The process of a bench: started once, and forked for one network after another."""

    def __init__(self, wall: Wall, device: str) -> None:
        self._wall, self._device = wall, device
        self._process: Process | None = None
        self._room: Room | None = None
        self._ready = False
        self._taken: HandedOver | None = None
        """The network that a fork has taken on."""

    def start(self) -> None:
        """Start it, if it does not run; its imports take seconds."""
        if self._process is not None and self._process.running:
            return
        self.end()
        self._made = room(MEMORY, DISK, graphs=True, gpu=self._device == "cuda")
        self._room = self._made.__enter__()
        module = ["harness.collect.bench_process", self._device, str(MEMORY)]
        self._process = Process(module, self._room, self._wall, BACKLOG, sys.maxsize)

    def end(self) -> None:
        """End it, and all that it holds."""
        if self._process is not None and self._room is not None:
            self._process.end()
            self._made.__exit__(None, None, None)
        self._process = self._room = self._taken = None
        self._ready = False

    @contextmanager
    def session(self, handed_over: HandedOver) -> Iterator[None]:
        """Have a fork take on a network, unless the last one did.

        It keeps the network after the block, until another is taken on: a notebook's epochs are
        measured one by one, and to rebuild a network takes as long as to ask it.
        """
        self.start()
        try:
            if not self._ready:
                self.take(Kind.READY)
                self._ready = True
            if self._taken != handed_over:
                self._put_away()
                with (
                    self.lent("definition", handed_over[0]) as definition,
                    self.lent("tensors", handed_over[1]) as tensors,
                ):
                    self.order("take", definition=definition, tensors=tensors)
                    self.told()
                self._taken = handed_over
            yield
        except (RecipeError, TooMuch):  # the fork waits for its next order
            raise
        except BaseException:
            # Where it stands is not known: another is started when it is needed.
            self.end()
            raise

    def _put_away(self) -> None:
        if self._taken is not None:
            self.order("end")
            self.take(Kind.END)
        self._taken = None

    @contextmanager
    def lent(self, name: str, content: bytes | None) -> Iterator[str]:
        """The place of a file that the process may read within the block; empty for None."""
        assert self._room is not None
        if content is None:
            yield ""
            return
        path = self._room.give(f"{name}-{digest(content)[:16]}", content)
        try:
            yield str(path)
        finally:
            path.unlink(missing_ok=True)

    def images(self, images: data.Images) -> str:
        """The place of a data set's images, and of its training labels: those of the test stay."""
        assert self._room is not None
        tensors = {"train": images.train, "labels": images.train_labels, "test": images.test}
        content = safetensors.torch.save(tensors)
        path = self._room.given / f"images-{digest(content)[:16]}"
        if not path.exists():
            self._room.give(path.name, content)
        return str(path)

    def order(self, what: str, images: str = "", **more: Any) -> None:
        """Order something of the process.

        Raises:
            TooMuch: if it was ended at a bound.
            BenchFailed: if it has ended otherwise.
        """
        assert self._process is not None
        try:
            self._process.order(json.dumps({"do": what, "images": images} | more))
        except OSError:
            self._fail()

    def take(self, kind: Kind) -> bytes:
        """The next frame, which must be of this kind."""
        assert self._process is not None
        seconds = START_SECONDS if kind is Kind.READY else DAYS
        try:
            frame = self._process.next(time.monotonic() + seconds)
        except (TimeoutError, frames.FrameError) as error:
            raise BenchFailed(f"the process that measures: {error or 'no answer'}") from None
        if frame is None or (frame[0] is Kind.END and kind is not Kind.END):
            self._fail()
        if frame[0] is Kind.FAULT:
            _raise(frame[1])
        if frame[0] is not kind:
            raise BenchFailed(f"the process that measures sent {frame[0].name}, not {kind.name}")
        return frame[1]

    def told(self) -> dict[str, Any]:
        """What it tells in JSON."""
        told = json.loads(self.take(Kind.TOLD))
        assert isinstance(told, dict)
        return told

    def scores(self, size: int) -> Tensor:
        """Scores float32 [N, 10] for so many images."""
        try:
            scores = safetensors.torch.load(self.take(Kind.ANSWERS))["answers"]
        except (safetensors.SafetensorError, KeyError) as error:
            raise BenchFailed(f"scores that cannot be read: {error}") from None
        if scores.shape != (size, 10) or scores.dtype != torch.float32:
            raise BenchFailed(f"scores {list(scores.shape)} of {scores.dtype}")
        return scores

    def _fail(self) -> NoReturn:
        assert self._process is not None
        if exceeded := self._process.exceeded:  # a GPU's memory has no limit of the kernel's
            self.end()  # no fork waits for another order
            raise TooMuch(exceeded)
        raise BenchFailed(f"the process that measures ended{self._process.last_words()}")


def _raise(payload: bytes) -> NoReturn:
    """Raise what the process told of."""
    try:
        fault = TypeAdapter(frames.Fault).validate_json(payload)
    except ValidationError:
        raise BenchFailed("the process that measures sent no fault") from None
    if own := {"recipe": RecipeError, "memory": TooMuch}.get(fault.stage):
        raise own(fault.message)
    raise BenchFailed(f"{fault.message}\n{fault.traceback}"[:4000])


def _plain(recipe: Recipe) -> dict[str, Any]:
    return recipe.model_dump(mode="json")


_PROCESSES: dict[tuple[str, str], _BenchProcess] = {}


def _process(wall: Wall, device: str) -> _BenchProcess:
    """The process for this wall and device: one serves all benches, with a fork each time."""
    key = (wall.name, device)
    if key not in _PROCESSES:
        _PROCESSES[key] = _BenchProcess(wall, device)
        atexit.register(_PROCESSES[key].end)
    return _PROCESSES[key]
