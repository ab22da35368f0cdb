"""Finds in torch what a recipe names, and says what would be right where it is not there.

Must not know data sets or how training runs.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer, lr_scheduler

from harness.problems import proposal
from harness.recipe import Ingredient, Recipe

if TYPE_CHECKING:
    from torchvision.transforms import v2

Loss = Callable[[Tensor, Tensor], Tensor]

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    name: value
    for name, value in vars(torch.optim).items()
    if isinstance(value, type)
    and issubclass(value, Optimizer)
    # LBFGS calls its closure many times a step, and SparseAdam wants sparse gradients.
    and name not in ("Optimizer", "LBFGS", "SparseAdam")
}

SCHEDULERS: dict[str, Callable[..., lr_scheduler.LRScheduler]] = {
    name: value
    for name, value in vars(lr_scheduler).items()
    if isinstance(value, type)
    and issubclass(value, lr_scheduler.LRScheduler)
    # These take functions or other schedulers, which plain data cannot name.
    and name
    not in ("LRScheduler", "LambdaLR", "MultiplicativeLR", "SequentialLR", "ChainedScheduler")
}

LOSSES: dict[str, Callable[..., Tensor]] = {
    name: getattr(nn.functional, name)
    for name in ("nll_loss", "cross_entropy", "multi_margin_loss")
}

TRANSFORMS = (
    "RandomRotation",
    "RandomAffine",
    "RandomPerspective",
    "RandomCrop",
    "RandomResizedCrop",
    "RandomHorizontalFlip",
    "RandomVerticalFlip",
    "RandomErasing",
    "RandomInvert",
    "RandomPosterize",
    "RandomSolarize",
    "RandomAdjustSharpness",
    "RandomAutocontrast",
    "RandomEqualize",
    "ColorJitter",
    "ElasticTransform",
    "GaussianBlur",
    "Pad",
    "Resize",
    "CenterCrop",
    "AutoAugment",
    "RandAugment",
    "TrivialAugmentWide",
    "AugMix",
)
"""Classes of torchvision.transforms.v2; to import it takes seconds, so only who needs it does."""


LARGEST = {
    "size": 64,
    "max_size": 64,
    "padding": 64,
    "kernel_size": 63,
    "sigma": 32,
    "num_ops": 16,
    "num_magnitude_bins": 256,
    "mixture_width": 16,
    "chain_depth": 16,
}
"""Arguments of transforms on which memory or time hang, and how far they are followed."""

MAX_SIDE = 256
"""Pixels along a side of what a transform makes of an image of 28 x 28, before it is cut again."""

MAX_TRANSFORMS = 32
"""Of one training, those inside others included."""


class RecipeError(ValueError):
    """A recipe that torch cannot follow: the key, the value and what would be right."""


def optimizer(recipe: Recipe, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """The recipe's optimiser over a network's parameters."""
    made: Optimizer = _make("optimizer", recipe.optimizer, OPTIMIZERS, list(parameters))
    return made


def scheduler(recipe: Recipe, over: Optimizer) -> lr_scheduler.LRScheduler | None:
    """The recipe's learning-rate schedule, if it has one."""
    if recipe.scheduler is None:
        return None
    made: lr_scheduler.LRScheduler = _make("scheduler", recipe.scheduler, SCHEDULERS, over)
    return made


def loss(recipe: Recipe) -> Loss:
    """The recipe's loss: the mean over a batch of answers and labels."""
    _find("loss", recipe.loss, LOSSES)
    function, arguments = LOSSES[recipe.loss.name], recipe.loss.arguments
    if "reduction" in arguments:
        raise RecipeError("loss: reduction cannot be chosen; the loss is the mean over the batch")
    labels = torch.tensor([0, 1])
    _try("loss", recipe.loss, lambda: function(torch.zeros(2, 10), labels, **arguments))
    return lambda answers, labels: function(answers, labels, **arguments)


def rehearse(recipe: Recipe) -> None:
    """Take one step of the optimiser and the schedule with a parameter that nobody needs.

    What torch finds wrong only then is so told before anything is trained.

    Raises:
        RecipeError: in torch's words.
    """
    parameter = nn.Parameter(torch.ones(2))
    made = optimizer(recipe, [parameter])
    schedule = scheduler(recipe, made)
    parameter.sum().backward()  # type: ignore[no-untyped-call]
    _try("optimizer", recipe.optimizer, made.step)
    if schedule is not None and recipe.scheduler is not None:
        _try("scheduler", recipe.scheduler, lambda: advance(schedule, 1.0))


def hold(recipe: Recipe) -> None:
    """Hold all of a recipe against torch.

    Raises:
        RecipeError: for the first thing that torch cannot follow.
    """
    rehearse(recipe)
    loss(recipe)
    transforms(recipe)


def advance(schedule: lr_scheduler.LRScheduler, loss: float) -> None:
    """Step a schedule; the one that reads a metric reads the training loss."""
    if isinstance(schedule, lr_scheduler.ReduceLROnPlateau):
        schedule.step(loss)
    else:
        schedule.step()


def transforms(recipe: Recipe) -> list[v2.Transform]:
    """The recipe's random transforms, each of one image uint8 [1, 28, 28]."""
    if not recipe.augment:
        return []
    if len(recipe.augment) > MAX_TRANSFORMS:
        raise RecipeError(f"augment names more than {MAX_TRANSFORMS} transforms")
    from torchvision.transforms import v2

    known = {name: getattr(v2, name) for name in TRANSFORMS}
    for ingredient in recipe.augment:
        bounded(ingredient)
    made = [_make("augment", ingredient, known) for ingredient in recipe.augment]
    image = torch.zeros(1, 28, 28, dtype=torch.uint8)
    for ingredient, transform in zip(recipe.augment, made, strict=True):
        image = _try("augment", ingredient, lambda: transform(image))  # noqa: B023 - called at once
        if max(image.shape) > MAX_SIDE:
            raise RecipeError(
                f"augment: {ingredient} makes an image of more than {MAX_SIDE} pixels a side"
            )
    if image.shape != (1, 28, 28):
        raise RecipeError(
            f"augment turns an image of 28 x 28 into {' x '.join(map(str, image.shape[1:]))}; "
            "it must stay 28 x 28"
        )
    return made


def bounded(ingredient: Ingredient) -> None:
    """Hold a transform's arguments against what one machine can follow.

    Raises:
        RecipeError: for one that asks for too much.
    """
    for key, value in ingredient.arguments.items():
        if key != "transforms" and not _small(value, LARGEST.get(key, 10_000)):
            most = f" of at most {LARGEST[key]}" if key in LARGEST else ""
            raise RecipeError(f"augment: {ingredient.name} takes a {key}{most}, and no more")


def _small(value: Any, largest: float) -> bool:
    if isinstance(value, list):
        return len(value) <= 64 and all(_small(each, largest) for each in value)
    if isinstance(value, str):
        return len(value) <= 64
    if isinstance(value, int | float):
        return abs(value) <= largest
    return value is None


def _make(
    key: str, ingredient: Ingredient, known: dict[str, Callable[..., Any]], *first: Any
) -> Any:
    _find(key, ingredient, known)
    maker = known[ingredient.name]
    parameters = inspect.signature(maker).parameters
    for argument in ingredient.arguments:
        if argument not in parameters:
            right = proposal(argument, list(parameters)[len(first) :])
            raise RecipeError(
                f"{key}: {ingredient.name} of this torch takes no argument {argument!r}{right}"
            )
    return _try(key, ingredient, lambda: maker(*first, **ingredient.arguments))


def _find(key: str, ingredient: Ingredient, known: Iterable[str]) -> None:
    if ingredient.name not in known:
        right = proposal(ingredient.name, known)
        raise RecipeError(f"{key} = {ingredient.name!r} is not one that can be named here{right}")


def _try(key: str, ingredient: Ingredient, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except Exception as error:  # whatever torch raises for arguments that it cannot take
        raise RecipeError(f"{key}: {ingredient}: {error}") from None
