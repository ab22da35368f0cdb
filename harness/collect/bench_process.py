"""The process of a bench: trains foreign graphs and answers with them, without any test label.

    python -m harness.inside.confine ORDER harness.collect.bench_process DEVICE MEMORY

It reads orders from its standard input, a JSON object a line, and writes frames to its standard
output. Where the system can fork, each network is taken on by a fork of its own, which may start
no other process and open no connection: whatever a graph could do to it ends with the network.
Must not know evidence, rubrics, the store, or what a right answer is.
"""

from __future__ import annotations

import gc
import json
import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO

import safetensors.torch
import torch
import torch._dynamo
from torch import Tensor

from harness import data, frames
from harness.collect import batches, evaluator
from harness.collect.burst import burst
from harness.collect.device import choose
from harness.collect.graph import Candidate, GraphNetwork, admit
from harness.collect.resolve import RecipeError
from harness.collect.state import redrawn, reset
from harness.collect.trainer import Training, saved_epoch
from harness.frames import Kind
from harness.inside.confine import with_submitted_code
from harness.inside.limits import limit_memory
from harness.recipe import Recipe

BATCHES = 10
"""Optimiser steps that are timed, after as many that are not."""

WARM = 3
"""Answers that are not timed, before those that are."""

State = dict[str, Tensor]


def serve(stream: BinaryIO, device: str, memory: int, forks: bool) -> None:
    """Take on one network after another, until there are no orders."""
    frames.write(stream, Kind.READY, b"")
    for line in _orders():
        if line["do"] != "take":  # it was meant for a fork that has ended
            continue
        child = os.fork() if forks else 0
        if child == 0:
            if forks:
                if device == "cpu":  # CUDA maps more than it ever uses
                    limit_memory(memory)
                with_submitted_code()
            _take_on(line, stream, choose(device))
            if forks:
                os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if forks else 0
        frames.write(stream, Kind.END, json.dumps(status).encode())


def _orders() -> Iterator[dict[str, Any]]:
    # Not a byte more than a line is read, since the next may be for the process that forked.
    with open(0, "rb", buffering=0, closefd=False) as stdin:
        while line := stdin.readline():
            yield json.loads(line)


def _take_on(order: dict[str, Any], stream: BinaryIO, device: torch.device) -> None:
    """Follow orders about one network until it is taken off."""
    definition, tensors = (Path(order[part]).read_bytes() for part in ("definition", "tensors"))
    candidate = admit(definition, tensors)
    on_bench = _Network(candidate, device, stream)
    frames.write(stream, Kind.TOLD, b"{}")
    todo: dict[str, Callable[[dict[str, Any]], None]] = {
        "train": on_bench.train,
        "score": on_bench.score,
        "twice": on_bench.twice,
        "burst": on_bench.burst,
        "time": on_bench.time,
        "latency": on_bench.latency,
    }
    for wanted in _orders():
        if wanted["do"] == "end":
            return
        try:
            todo[wanted["do"]](wanted)
        except Exception as error:  # the other side says whose fault it is
            told = _fault(error)
            frames.write(stream, Kind.FAULT, json.dumps(asdict(told)).encode())


def _fault(error: Exception) -> frames.Fault:
    stage, message = "bench", f"{type(error).__name__}: {error}"
    if isinstance(error, RecipeError):
        stage, message = "recipe", str(error)
    elif isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate" in message:
        stage = "memory"
    lines = "".join(traceback.format_exception(error))[-4000:]
    return frames.Fault("harness", stage, message[:2000], None, lines)


class _Network:
    """A network that was taken on, and where its answers go."""

    def __init__(self, candidate: Candidate, device: torch.device, stream: BinaryIO) -> None:
        self._candidate, self._device, self._stream = candidate, device, stream

    def train(self, order: dict[str, Any]) -> None:
        """Train it, and answer after every epoch."""
        recipe = Recipe.model_validate(order["recipe"])
        images = self._read(order["images"])
        batches.check(self._candidate, recipe, len(images["train"]))
        assert recipe.normalize is not None
        tensors = self._moved(redrawn(self._candidate, order["seed"]))
        network = GraphNetwork(self._candidate, tensors)
        test = data.scaled(images["test"], recipe.normalize)
        training = Training(network, recipe, images["train"], images["labels"], order["seed"])
        done = _restored(training, order["state"])
        self._tell({"done": done})
        if not done:
            torch.manual_seed(order["seed"])  # a network may answer by chance even in evaluation
            self._answer(evaluator.scores(network, test))
        for number in range(done + 1, recipe.epochs + 1):
            started = time.perf_counter()
            trained = training.epoch(number)
            scores = evaluator.scores(network, test)
            seconds = round(time.perf_counter() - started, 3)
            self._tell(asdict(trained) | {"seconds": seconds})
            self._answer(scores)
            if not math.isfinite(trained.loss):
                return
            if number == recipe.epochs:
                background = -recipe.normalize.mean / recipe.normalize.std
                for moved in evaluator.shifts(test, background):
                    self._answer(evaluator.scores(network, moved))
                self._answer_twice(tensors, test)
            frames.write(self._stream, Kind.STATE, training.save(number))

    def score(self, order: dict[str, Any]) -> None:
        """Answer with tensors that were told."""
        network = GraphNetwork(self._candidate, self._read(order["state"]))
        torch.manual_seed(0)  # for dropout that is never off
        self._answer(evaluator.scores(network, self._read(order["images"])["images"]))

    def twice(self, order: dict[str, Any]) -> None:
        """Answer with tensors that were told, in even and in uneven batches."""
        self._answer_twice(self._read(order["state"]), self._read(order["images"])["images"])

    def burst(self, order: dict[str, Any]) -> None:
        """Train it for a moment."""
        sample = safetensors.torch.load_file(order["sample"])
        recipe = Recipe.model_validate(order["recipe"])
        batches.check(self._candidate, recipe, order["size"])
        came_to = burst(self._candidate, recipe, sample["images"], sample["labels"])
        self._tell(came_to.model_dump())

    def time(self, order: dict[str, Any]) -> None:
        """Tell how long an epoch takes, by a few batches, as often as is asked."""
        recipe = Recipe.model_validate(order["recipe"])
        images = self._read(order["images"])
        self._tell({"seconds": [self._epoch(recipe, images) for _ in range(order["rounds"])]})

    def _epoch(self, recipe: Recipe, images: State) -> float:
        assert recipe.normalize is not None
        network = GraphNetwork(self._candidate, self._moved(reset(self._candidate)))
        size = len(images["train"])
        sample = min(BATCHES * recipe.batch_size, size)
        few, labels = images["train"][:sample], images["labels"][:sample]
        training = Training(network, recipe, few, labels, seed=0)
        training.epoch(1)
        started = time.perf_counter()
        training.epoch(2)
        trained = (time.perf_counter() - started) * size / sample
        test = data.scaled(images["test"][: evaluator.BATCH], recipe.normalize)
        evaluated = _seconds_to_answer(network, test) * len(images["test"]) / len(test)
        return trained + evaluated

    def latency(self, order: dict[str, Any]) -> None:
        """Tell how long the scores for some images take, which lie on the device already."""
        recipe = Recipe.model_validate(order["recipe"])
        test = self._read(order["images"])["test"]
        assert recipe.normalize is not None
        network = GraphNetwork(self._candidate, self._moved(reset(self._candidate)))
        again = torch.arange(order["count"], device=self._device) % len(test)
        images = data.scaled(test[again], recipe.normalize)
        for _ in range(WARM):
            _seconds_to_answer(network, images)
        rounds = range(order["rounds"])
        self._tell({"seconds": [_seconds_to_answer(network, images) for _ in rounds]})

    def _answer_twice(self, tensors: State, images: Tensor) -> None:
        """Answer in even and in uneven batches, with nothing left to chance."""
        steady = replace(self._candidate, evaluation=self._candidate.unshaken)
        network = GraphNetwork(steady, tensors)
        for scores in evaluator.twice(network, images):
            self._answer(scores)

    def _answer(self, scores: Tensor) -> None:
        packed = safetensors.torch.save({"answers": scores.float().cpu().contiguous()})
        frames.write(self._stream, Kind.ANSWERS, packed)

    def _tell(self, told: dict[str, Any]) -> None:
        frames.write(self._stream, Kind.TOLD, json.dumps(told).encode())

    def _read(self, place: str) -> State:
        return self._moved(safetensors.torch.load_file(place))

    def _moved(self, tensors: State) -> State:
        return {name: tensor.to(self._device) for name, tensor in tensors.items()}


def _seconds_to_answer(network: GraphNetwork, images: Tensor) -> float:
    started = time.perf_counter()
    evaluator.scores(network, images).cpu()  # a GPU has answered only once the scores are here
    return time.perf_counter() - started


def _restored(training: Training, place: str) -> int:
    """Bring a training to where a state stands: the number of epochs that are done."""
    if not place:
        return 0
    state = Path(place).read_bytes()
    try:
        done = saved_epoch(state)
        training.restore(state)
    except ValueError:  # damaged: what it held is trained again
        return 0
    return done


if __name__ == "__main__":
    # What a library prints must not end up among the frames.
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    torch.set_num_threads(1)
    can_fork = sys.platform == "linux" and hasattr(os, "fork")
    gc.freeze()
    gc.enable()
    try:
        serve(pipe, sys.argv[1], int(sys.argv[2]), can_fork)
    finally:
        # At the end libraries look for what was left, and would tell of all that was imported.
        gc.unfreeze()
