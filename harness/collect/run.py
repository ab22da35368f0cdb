"""One run: an admitted network trained by one recipe from one seed, measured after every epoch.

Must not know rubrics' checks or submitted files, nor how the bench trains.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable
from typing import Any

from torch import Tensor

from harness.collect import evaluator
from harness.collect.bench import Bench, Ended, HandedOver, Told, Trained
from harness.collect.resolve import RecipeError
from harness.collect.trainer import saved_epoch
from harness.data import Images
from harness.evidence import Epoch, Fault, Run
from harness.recipe import Recipe
from harness.store import Store

MIXED = (
    "the network's answer to an image depends on the other images of its batch; "
    "keep every operation within one image"
)


def run(
    handed_over: HandedOver,
    recipe: Recipe,
    key: str,
    seed: int,
    bench: Bench,
    told: Callable[[Run], None],
) -> Run:
    """Train and measure, going on from what the store has of this run.

    Args:
        handed_over: the admitted network.
        recipe: complete, `normalize` included.
        key: the run's name in the store.
        seed: from 1.
        bench: where.
        told: called with the run so far after every epoch.

    Raises:
        RecipeError: if torch cannot follow the recipe, or the network its batches.
        TooMuch: if the network asks for too much memory.
        BenchFailed: if the bench fails otherwise.
    """
    blank = Run(
        seed=seed,
        key=key,
        declared_epochs=recipe.epochs,
        before_training=0,
        epochs=[],
        machine=bench.machine,
    )
    store = bench.store
    so_far, state = _stored(blank, store)
    random = _random(store.secret(), seed)
    with bench.network(handed_over) as network:
        try:
            for came in network.train(recipe, random, state):
                so_far = _grown(so_far, came, bench.images)
                if isinstance(came, bytes):
                    # Evidence before state: an epoch that was measured is never lost, at worst
                    # trained again.
                    store.write_run(so_far)
                    store.write_state(key, came)
                    told(so_far)
        except RecipeError as error:
            if so_far is blank:
                raise
            message = f"recipe: {error} (in epoch {len(so_far.epochs) + 1})"
            fault = Fault(owner="submission", stage="training", message=message)
            so_far = so_far.model_copy(update={"fault": fault})
    if so_far.fault:
        store.write_run(so_far)
    return so_far


def _stored(blank: Run, store: Store) -> tuple[Run, bytes | None]:
    """A run as the store has it, and the state that it stands at, from which it can go on."""
    stored, state = store.run(blank.key), store.state(blank.key)
    if stored is None or state is None or stored.machine != blank.machine or stored.fault:
        return blank, None
    try:
        done = saved_epoch(state)
    except ValueError:  # damaged: what it held is trained again
        return blank, None
    if done > len(stored.epochs):
        return blank, None
    return stored.model_copy(update={"epochs": stored.epochs[:done]}), state


def _grown(so_far: Run, came: Told, images: Images) -> Run:
    """A run with what came from the bench."""
    labels = images.test_labels
    update: dict[str, Any]
    match came:
        case Tensor():
            update = {"before_training": evaluator.right(came, labels), "epochs": []}
        case Trained():
            number = len(so_far.epochs) + 1
            if math.isfinite(came.loss):
                update = {"epochs": [*so_far.epochs, _epoch(number, came, labels)]}
                if number == so_far.declared_epochs and so_far.seed == 1:
                    update["mistakes"] = evaluator.mistakes(came.scores, labels, images.test)
            else:
                update = {"fault": _diverged(number, came)}
        case Ended():
            shifted = min(evaluator.right(scores, labels) for scores in came.shifted)
            update = {"shifted": shifted}
            if not evaluator.independent(came.even, came.uneven):
                update["fault"] = Fault(owner="submission", stage="evaluation", message=MIXED)
        case _:
            return so_far
    return so_far.model_copy(update=update)


def _epoch(number: int, trained: Trained, labels: Tensor) -> Epoch:
    return Epoch(
        number=number,
        test_correct=evaluator.right(trained.scores, labels),
        train_correct=trained.correct,
        samples=trained.samples,
        loss=trained.loss,
        learning_rate=trained.learning_rate,
        moved=trained.moved,
        seconds=trained.seconds,
    )


def _diverged(number: int, trained: Trained) -> Fault:
    return Fault(
        owner="submission",
        stage="training",
        message=f"the loss became {trained.loss} in epoch {number}; lower the learning rate "
        f"(it was {trained.learning_rate:g}), or look for a logarithm or division of zero",
    )


def _random(secret: bytes, seed: int) -> int:
    """The number that a run's random numbers come from: no submission can know it."""
    digest = hmac.digest(secret, f"seed {seed}".encode(), "sha256")
    return int.from_bytes(digest[:8], "big") >> 1
