"""Reads the probe's account of a training: its recipe, and what speaks against its honesty.

Pure functions between what crossed the wall and evidence. Must not know how it crossed, nor any
weights: what these say is measured elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from pydantic import ValidationError

from harness import frames
from harness.collect import resolve, view
from harness.recipe import Ingredient, Normalize, Recipe, Scheduler

BY_HAND = Ingredient(name="an update by hand")
OWN_LOSS = Ingredient(name="a loss of its own")

ALIKE = 1e-6
"""Relative difference between two learning rates that are the same."""


def recipe(epochs: int, observed: Sequence[frames.ObservedEpoch]) -> Recipe | None:
    """How a notebook trains, for people to read; None before its first epoch.

    What the library has no name for stands there in words.

    Args:
        epochs: as declared, or as many as there were.
        observed: its epochs.
    """
    if not observed:
        return None
    told = observed[-1].recipe
    normalize: Normalize | None = None
    random: list[Ingredient] = []
    if told.train_transform is not None:
        try:
            random, normalize = view.augmentation(told.train_transform)
        except (view.NotTaken, ValidationError):
            # All of them but those that every image takes alike, so that augmentation shows.
            random = [_ingredient(each) for each in told.train_transform if view.draws(each)]
    try:
        return Recipe(
            epochs=epochs,
            batch_size=_batch_size(observed),
            optimizer=_ingredient(told.optimizer) if told.optimizer else BY_HAND,
            scheduler=Scheduler.model_validate(told.scheduler) if told.scheduler else None,
            augment=random,
            loss=_ingredient(told.loss) if told.loss else OWN_LOSS,
            normalize=normalize,
        )
    except ValidationError:  # the process can claim anything
        return None


def unreplayable(
    made: Recipe | None, observed: Sequence[frames.ObservedEpoch], image: list[int], train_size: int
) -> str:
    """Why the trusted side cannot train so; empty if it can.

    Args:
        made: the recipe as read.
        observed: the epochs from which it was read.
        image: shape of what goes into the network.
        train_size: images in the training set that the notebook was given.
    """
    if made is None:
        return "nothing of its training was seen"
    told = observed[-1].recipe
    if image != [1, 28, 28]:
        return f"its images are {' x '.join(map(str, image))}"
    if told.optimizers > 1:
        return f"{told.optimizers} optimisers train its network"
    if told.optimizer is None:
        return "its optimiser is none of torch's"
    if told.loss is None:
        return "its loss is none of torch's on the network's own answer"
    if told.train_transform is None:
        return "its training images come from no data set of torchvision's, or through own code"
    try:
        view.augmentation(told.train_transform)
    except (view.NotTaken, ValidationError) as error:
        return str(error)
    if told.test_transform is not None and view.plain(told.test_transform) != made.normalize:
        return "its test images are transformed otherwise than its training images"
    if told.stepped and told.scheduler is None:
        return "its schedule is none of torch's that data can name"
    if any(epoch.samples != train_size for epoch in observed if not epoch.last):
        return "an epoch of its own is not one pass over the training set"
    sizes = {steps.samples for epoch in observed for steps in epoch.steps}
    if sizes - {made.batch_size, train_size % made.batch_size}:
        return "its batches are of several sizes"
    try:
        resolve.hold(made)
    except resolve.RecipeError as error:
        return str(error)
    if not _scheduled(made, observed):
        return "its learning rates are not those of its schedule"
    return ""


def findings(observed: Sequence[frames.ObservedEpoch]) -> list[str]:
    """What contradicts the account that the optimiser's steps give."""
    found = []
    by_hand = sum(epoch.by_hand for epoch in observed)
    stepped = any(steps.count for epoch in observed for steps in epoch.steps)
    if by_hand and stepped and observed[-1].recipe.optimizer is not None:
        found.append(
            f"its weights changed {by_hand:,} time{'s' * (by_hand > 1)} while no optimiser stepped"
        )
    return found


def remarks(
    observed: Sequence[frames.ObservedEpoch], seen: Sequence[frames.SeenTest]
) -> Iterator[str]:
    """What the learner and a person who grades should know, a sentence each."""
    told = observed[-1].recipe if observed else None
    if told and told.schedulers and not told.stepped:
        yield f"a scheduler is defined and never stepped: {', '.join(told.schedulers)}"
    if told and told.test_transform and any(map(view.draws, told.test_transform)):
        yield "its test images are augmented at random"
    tests = [each for test in seen for each in test.seen]
    if tests and not any(each.source == "test" for each in tests):
        known = {each.of for each in tests if each.source == "train"}
        if known:
            counts = ", ".join(f"{count:,}" for count in sorted(known))
            yield f"what it tests on are images of the training set ({counts} of them)"
    if any(each.other for each in tests):
        yield "it tests other weights than those that it trains, such as their average"


def _batch_size(observed: Sequence[frames.ObservedEpoch]) -> int:
    """The usual number of images in an optimiser step."""
    counted: Counter[int] = Counter()
    for epoch in observed:
        for steps in epoch.steps:
            counted[steps.samples] += steps.count
    return max(counted, key=lambda size: counted[size], default=1) or 1


def _ingredient(told: dict[str, Any]) -> Ingredient:
    return Ingredient.model_validate(told)


def _scheduled(made: Recipe, observed: Sequence[frames.ObservedEpoch]) -> bool:
    """Whether the recipe's schedule gives the learning rates that were seen."""
    if made.scheduler is not None and made.scheduler.name == "ReduceLROnPlateau":
        return False  # it reads a figure, and the learner's is not the one that a replay has
    optimizer = resolve.optimizer(made, [torch.nn.Parameter(torch.zeros(1))])
    schedule = resolve.scheduler(made, optimizer)
    for epoch in observed:
        for steps in epoch.steps:
            for _ in range(steps.count):
                rate = float(optimizer.param_groups[0]["lr"])
                if abs(rate - steps.lr) > ALIKE * max(rate, steps.lr):
                    return False
                optimizer.step()
                if schedule is not None and made.scheduler.interval == "batch":  # type: ignore[union-attr]
                    schedule.step()
        if schedule is not None and made.scheduler.interval == "epoch":  # type: ignore[union-attr]
            schedule.step()
    return True
