"""Reads the probe's account of a training: its recipe, and what speaks against its honesty.

Pure functions between what crossed the wall and evidence. Must not know how it crossed, nor any
weights: what these say is measured elsewhere.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from pydantic import ValidationError

from harness import frames
from harness.collect import resolve, view
from harness.recipe import Ingredient, Normalize, Recipe, Scheduler

BY_HAND = Ingredient(name="an update by hand")
OWN_LOSS = Ingredient(name="a loss of its own")

TRAINED = 0.5
"""Share of right answers before training; of 222 untrained networks none had more than 0.19."""

UNSEEN = 0.05
"""Share of an optimiser's steps that may follow no images that could be seen."""

ALIKE = 1e-6
"""Relative difference between two learning rates, momenta or decays that are the same."""


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
    drawing: Iterable[dict[str, Any]] = ()
    if told.train_transform is not None:
        try:
            random, normalize = view.augmentation(told.train_transform)
        except (view.NotTaken, ValidationError):
            # All of them but those that every image takes alike, so that augmentation shows.
            drawing = filter(view.draws, told.train_transform)
    try:
        return Recipe(
            epochs=epochs,
            batch_size=_batch_size(observed),
            optimizer=_ingredient(told.optimizer) if told.optimizer else BY_HAND,
            scheduler=Scheduler.model_validate(told.scheduler) if told.scheduler else None,
            augment=[*random, *map(_ingredient, drawing)],
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
    whole = [epoch for epoch in observed if not epoch.last]
    if not whole or any(epoch.samples != train_size for epoch in whole):
        return "an epoch of its own is not one pass over the training set"
    if any(epoch.by_hand for epoch in observed):
        return "its weights were changed by hand as well"
    sizes = {steps.samples for epoch in whole for steps in epoch.steps}
    steps = {sum(each.count * each.samples for each in epoch.steps) for epoch in whole}
    if sizes - {made.batch_size, train_size % made.batch_size or made.batch_size}:
        return "its batches are of several sizes"
    if steps != {train_size}:
        return "its optimiser's steps are not one pass over the training set"
    try:
        resolve.hold(made)
        scheduled = _scheduled(made, whole)
    except resolve.RecipeError as error:
        return str(error)
    return "" if scheduled else "its learning rates are not those of its schedule"


def findings(observed: Sequence[frames.ObservedEpoch], before: int, size: int) -> list[str]:
    """What contradicts the account that the optimiser's steps give.

    Args:
        observed: its epochs.
        before: test images that its first weights answer right.
        size: test images.
    """
    found = []
    if before > TRAINED * size:
        found.append(
            f"{before:,} of {size:,} test images were answered right before its first step: "
            "it began with weights that were trained before"
        )
    by_hand = sum(epoch.by_hand for epoch in observed)
    stepped = any(steps.count for epoch in observed for steps in epoch.steps)
    if by_hand and stepped:
        found.append(
            f"its weights changed {by_hand:,} time{'s' * (by_hand > 1)} while no optimiser stepped"
        )
    all_steps = sum(steps.count for epoch in observed for steps in epoch.steps)
    unseen = sum(steps.count for epoch in observed for steps in epoch.steps if not steps.samples)
    if unseen > UNSEEN * all_steps and observed[-1].recipe.optimizers < 2:
        found.append(
            f"{unseen:,} of its optimiser's {all_steps:,} steps followed no images that could be "
            "seen: the epochs are those of the others"
        )
    return found


def remarks(
    observed: Sequence[frames.ObservedEpoch], seen: Sequence[frames.SeenTest], swapped: bool
) -> Iterator[str]:
    """What the learner and a person who grades should know, a sentence each.

    Args:
        observed: its epochs.
        seen: what its own code saw when it tested.
        swapped: whether it ended with other weights than those that it trained.
    """
    told = observed[-1].recipe if observed else None
    if told and told.schedulers and not told.stepped:
        yield f"a scheduler is defined and never stepped: {', '.join(told.schedulers)[:300]}"
    if swapped:
        yield (
            "after its training it put other weights in place, such as its best epoch's; "
            "what it trained is measured"
        )
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
    """Whether the recipe gives the learning rates, momenta and weight decays that were seen.

    Raises:
        resolve.RecipeError: if the schedule is shorter than what was seen.
    """
    interval = made.scheduler.interval if made.scheduler else None
    if made.scheduler is not None and made.scheduler.name == "ReduceLROnPlateau":
        return False  # it reads a figure, and the learner's is not the one that a replay has
    optimizer = resolve.optimizer(made, [torch.nn.Parameter(torch.zeros(1))])
    schedule = resolve.scheduler(made, optimizer)

    def advance() -> None:
        if schedule is not None:
            try:
                resolve.advance(schedule, 0.0)
            except Exception as error:  # OneCycleLR counts its steps, and others divide
                raise resolve.RecipeError(f"scheduler: {error}") from None

    for epoch in observed:
        for steps in epoch.steps:
            for _ in range(steps.count):
                if not _alike(steps, optimizer.param_groups[0]):
                    return False
                optimizer.step()
                if interval == "batch":
                    advance()
        if interval == "epoch":
            advance()
    return True


def _alike(steps: frames.Steps, group: dict[str, Any]) -> bool:
    """Whether steps were made with the hyper-parameters of an optimiser."""
    momentum = group.get("momentum", (group.get("betas") or (None,))[0])
    pairs = [(steps.lr, group["lr"]), (steps.weight_decay, group.get("weight_decay", 0))]
    if momentum is not None and steps.momentum is not None:
        pairs.append((steps.momentum, momentum))
    return all(
        math.isclose(one, other, rel_tol=ALIKE, abs_tol=1e-12)
        for one, other in ((float(one), float(other)) for one, other in pairs)
    )
