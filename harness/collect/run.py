"""One run: an admitted network trained by one recipe from one seed, measured after every epoch.

Must not know rubrics' checks or submitted files.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from harness import data
from harness.collect import batches, evaluator
from harness.collect.device import choose, machine
from harness.collect.graph import Candidate, GraphNetwork
from harness.collect.resolve import RecipeError
from harness.collect.state import redrawn
from harness.collect.trainer import Training, saved_epoch
from harness.evidence import Epoch, Fault, Run
from harness.recipe import Recipe
from harness.store import Store

MIXED = (
    "the network's answer to an image depends on the other images of its batch; "
    "keep every operation within one image"
)


@dataclass(frozen=True)
class Bench:
    """What trains and measures: a device with the images on it, and the store."""

    device: torch.device
    images: data.Images
    store: Store


def bench(device: str, images: data.Images, store: Store) -> Bench:
    """Put the images where training will run.

    Args:
        device: as `choose` takes it.
        images: in memory.
        store: where runs are kept.

    Raises:
        NoDeviceError: if it is not there.
    """
    chosen = choose(device)
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
    test = data.scaled(bench.images.test, recipe.normalize)
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
