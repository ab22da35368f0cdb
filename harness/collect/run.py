"""One run: an admitted network trained by one recipe from one seed, measured after every epoch.

Must not know rubrics' checks or submitted files.
"""

from __future__ import annotations

import hmac
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

import harness
from harness import data
from harness.collect import batches, evaluator
from harness.collect.graph import Candidate, GraphNetwork
from harness.collect.resolve import RecipeError
from harness.collect.state import redrawn
from harness.collect.trainer import Training, saved_epoch, scaled
from harness.evidence import Epoch, Fault, Machine, Run
from harness.recipe import Recipe
from harness.store import Store

MIXED = (
    "the network's answer to an image depends on the other images of its batch; "
    "keep every operation within one image"
)


class NoDeviceError(RuntimeError):
    """The device that was asked for is not there."""


@dataclass(frozen=True)
class Bench:
    """What trains and measures: a device with the images on it, and the store."""

    device: torch.device
    images: data.Images
    store: Store


def bench(device: str, images: data.Images, store: Store) -> Bench:
    """Put the images where training will run.

    Args:
        device: `cpu`, `cuda`, `mps`, or `auto` for the fastest that is there.
        images: in memory.
        store: where runs are kept.

    Raises:
        NoDeviceError: if it is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    there["cpu"] = True
    if device == "auto":
        device = next(name for name, found in there.items() if found)
    if not there[device]:
        known = ", ".join(name for name, found in there.items() if found)
        raise NoDeviceError(f"torch finds no {device} device here; --device may be auto, {known}")
    chosen = torch.device(device)
    # One thread: results do not depend on the number of cores, and two threads of one training
    # have been seen to take 10 to 40 times as long on a busy machine.
    torch.set_num_threads(1)
    if chosen.type == "cuda":
        # Full float32 and fixed algorithms, so that a resumed run equals an unbroken one.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.deterministic = True
    moved = data.Images(
        images.train.to(chosen),
        images.train_labels.to(chosen),
        images.test.to(chosen),
        images.test_labels.to(chosen),
    )
    return Bench(chosen, moved, store)


def run(
    candidate: Candidate,
    recipe: Recipe,
    key: str,
    seed: int,
    bench: Bench,
    told: Callable[[Run], None],
) -> Run:
    """Train and measure, going on from what the store has of this run.

    Args:
        candidate: the admitted network.
        recipe: complete, `normalize` included.
        key: the run's name in the store.
        seed: from 1.
        bench: where.
        told: called with the run so far after every epoch.

    Raises:
        RecipeError: if torch cannot follow the recipe, or the network its batches.
    """
    assert recipe.normalize is not None
    batches.check(candidate, recipe, len(bench.images.train))
    random = _random(bench.store.secret(), seed)
    tensors = {n: t.to(bench.device) for n, t in redrawn(candidate, random).items()}
    network = GraphNetwork(candidate, tensors)
    test = scaled(bench.images.test, recipe.normalize)
    training = Training(network, recipe, bench.images.train, bench.images.train_labels, random)
    here = machine(bench.device)
    so_far = bench.store.run(key)
    if so_far is None or so_far.machine != here or so_far.fault:
        torch.manual_seed(random)  # a network may answer by chance even in evaluation
        so_far = Run(
            seed=seed,
            key=key,
            declared_epochs=recipe.epochs,
            before_training=evaluator.correct(network, test, bench.images.test_labels),
            epochs=[],
            machine=here,
        )
    done = _resume(training, so_far, bench.store)
    so_far = so_far.model_copy(update={"epochs": so_far.epochs[:done]})
    for number in range(done + 1, recipe.epochs + 1):
        epoch = _epoch(training, number, network, test, bench.images.test_labels)
        if isinstance(epoch, Fault):
            so_far = so_far.model_copy(update={"fault": epoch})
            bench.store.write_run(so_far)
            break
        so_far = so_far.model_copy(update={"epochs": [*so_far.epochs, epoch]})
        if so_far.complete:
            background = -recipe.normalize.mean / recipe.normalize.std
            shifted = evaluator.shifted(network, test, bench.images.test_labels, background)
            so_far = so_far.model_copy(update={"shifted": shifted})
            steady = GraphNetwork(replace(candidate, evaluation=candidate.unshaken), tensors)
            if not evaluator.independent(steady, test):
                fault = Fault(owner="submission", stage="evaluation", message=MIXED)
                so_far = so_far.model_copy(update={"fault": fault})
        # Evidence before state: an epoch that was measured is never lost, at worst trained again.
        bench.store.write_run(so_far)
        bench.store.write_state(key, training.save(number))
        told(so_far)
    return so_far


def _epoch(
    training: Training, number: int, network: GraphNetwork, test: Tensor, labels: Tensor
) -> Epoch | Fault:
    started = time.perf_counter()
    try:
        trained = training.epoch(number)
    except RecipeError as error:
        message = f"recipe: {error} (in epoch {number})"
        return Fault(owner="submission", stage="training", message=message)
    if not torch.tensor(trained.loss).isfinite():
        return Fault(
            owner="submission",
            stage="training",
            message=f"the loss became {trained.loss} in epoch {number}; lower the learning rate "
            f"(it was {trained.learning_rate:g}), or look for a logarithm or division of zero",
        )
    return Epoch(
        number=number,
        test_correct=evaluator.correct(network, test, labels),
        train_correct=trained.correct,
        samples=trained.samples,
        loss=trained.loss,
        learning_rate=trained.learning_rate,
        moved=trained.moved,
        seconds=round(time.perf_counter() - started, 3),
    )


def _resume(training: Training, so_far: Run, store: Store) -> int:
    """Bring the training to where the stored run stands: the number of epochs that are done."""
    state = store.state(so_far.key)
    if state is None:
        return 0
    try:
        done = saved_epoch(state)
        if done <= len(so_far.epochs):
            training.restore(state)
            return done
    except ValueError:  # damaged: what it held is trained again
        pass
    return 0


def _random(secret: bytes, seed: int) -> int:
    """The number that a run's random numbers come from: no submission can know it."""
    digest = hmac.digest(secret, f"seed {seed}".encode(), "sha256")
    return int.from_bytes(digest[:8], "big") >> 1


@cache
def machine(device: torch.device) -> Machine:
    """Where and with what a run is trained."""
    name = f"{_processor()}, {torch.get_num_threads()} thread"
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    return Machine(
        device=f"{device.type}: {name}",
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        torch=torch.__version__,
        harness=harness.__version__,
    )


def _processor() -> str:
    """The processor's name; Linux alone tells it nowhere but in a file."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
