"""How a notebook looks at an image: its transforms, taken over as data and made anew.

Only what stands on a list of torchvision's own classes is made. Must not know where images come
from, nor what is made of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from harness import data
from harness.collect.resolve import TRANSFORMS
from harness.recipe import Ingredient, Normalize

Ingredients = list[dict[str, Any]]
"""Names of torchvision's classes, each with its arguments."""

TAKEN = (
    "Compose",
    "ToTensor",
    "PILToTensor",
    "ConvertImageDtype",
    "ToImage",
    "ToDtype",
    "ToPILImage",
    "Normalize",
    "Grayscale",
    "RandomApply",
    "RandomOrder",
    "RandomChoice",
    "RandomGrayscale",
    *TRANSFORMS,
)
"""What is taken over."""

MOST = 256
"""Pixels that a size or a padding may ask for."""


class NotTaken(ValueError):
    """A transform that is not taken over; says which."""


@dataclass(frozen=True)
class View:
    """From images uint8 [N, 1, 28, 28] to what goes into the network, float32 [N, C, H, W]."""

    look: Callable[[Tensor], Tensor]
    chance: bool
    """Whether it draws at random; then from torch's global generator."""


def view(ingredients: Ingredients) -> View:
    """The view that a notebook's transforms give.

    Raises:
        NotTaken: if one of them is not on the list, or its arguments are none that it takes.
    """
    if normalize := plain(ingredients):
        return View(lambda images: data.scaled(images, normalize), chance=False)
    from torchvision.transforms import functional

    made = [_make(ingredient) for ingredient in ingredients]

    def look(images: Tensor) -> Tensor:
        seen = []
        for image in images:
            value: Any = functional.to_pil_image(image)
            for transform in made:
                value = transform(value)
            seen.append(torch.as_tensor(value, dtype=torch.float32))
        return torch.stack(seen)

    try:
        look(torch.zeros(1, 1, 28, 28, dtype=torch.uint8))
    except Exception as error:  # whatever torchvision says of arguments that it cannot take
        raise NotTaken(f"its transforms cannot be made anew: {error}") from None
    return View(look, chance=any(draws(ingredient) for ingredient in ingredients))


def plain(ingredients: Ingredients) -> Normalize | None:
    """The normalisation, where there is nothing else but what makes a tensor; or None."""
    names = [ingredient.get("name") for ingredient in ingredients]
    if names == ["ToTensor"]:
        return Normalize(mean=0, std=1)
    if names != ["ToTensor", "Normalize"]:
        return None
    arguments = ingredients[1]
    mean, std = _single(arguments.get("mean")), _single(arguments.get("std"))
    if mean is None or std is None or std <= 0:
        return None
    return Normalize(mean=mean, std=std)


def augmentation(ingredients: Ingredients) -> tuple[list[Ingredient], Normalize]:
    """Training transforms as a recipe has them: random ones first, then a tensor, normalised.

    Raises:
        NotTaken: if they stand in another order, or one is none that a recipe can name.
    """
    names = [ingredient.get("name") for ingredient in ingredients]
    if "ToTensor" not in names:
        raise NotTaken("its training transforms hold no ToTensor")
    cut = names.index("ToTensor")
    normalize = plain(ingredients[cut:])
    if normalize is None:
        after = ", ".join(map(str, names[cut + 1 :]))
        raise NotTaken(f"after ToTensor its training transforms are {after}")
    random = []
    for ingredient in ingredients[:cut]:
        if ingredient.get("name") == "Resize" and ingredient.get("size") in (28, [28], [28, 28]):
            continue  # which an image of 28 x 28 is
        if ingredient.get("name") not in TRANSFORMS:
            raise NotTaken(f"{ingredient.get('name')} is none that a recipe can name")
        random.append(Ingredient.model_validate(ingredient))
    return random, normalize


def _single(value: Any) -> float | None:
    """The number of a sequence of one, or a number."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return float(value) if isinstance(value, int | float) else None


def _make(ingredient: dict[str, Any]) -> Callable[[Any], Any]:
    """A transform of torchvision's, by name and arguments."""
    from torchvision import transforms
    from torchvision.transforms import v2

    name = ingredient.get("name")
    if name not in TAKEN:
        raise NotTaken(f"the transform {name} is not taken over")
    made = getattr(transforms, name, None) or getattr(v2, name)
    arguments = {key: value for key, value in ingredient.items() if key != "name"}
    known = inspect.signature(made).parameters
    if any(_large(arguments.get(key)) for key in ("size", "padding", "kernel_size")):
        raise NotTaken(f"{name} asks for more than {MOST} pixels")
    if unknown := next((key for key in arguments if key not in known), None):
        raise NotTaken(f"{name} takes no argument {unknown!r}")
    if "transforms" in arguments:
        arguments["transforms"] = [_make(inner) for inner in arguments["transforms"]]
    for key, value in arguments.items():
        if isinstance(value, str) and value.startswith("torch."):
            arguments[key] = {"torch.float32": torch.float32, "torch.uint8": torch.uint8}.get(value)
        if key == "interpolation" and isinstance(value, str):
            arguments[key] = transforms.InterpolationMode(value)
    try:
        transform: Callable[[Any], Any] = made(**arguments)
    except Exception as error:  # whatever torchvision raises for arguments that it cannot take
        raise NotTaken(f"{Ingredient.model_validate(ingredient)}: {error}") from None
    return transform


def draws(ingredient: dict[str, Any]) -> bool:
    """Whether a transform, or one inside it, draws at random."""
    name = str(ingredient.get("name"))
    inner = ingredient.get("transforms") or []
    drawing = name.startswith("Random") or name in ("ColorJitter", "GaussianBlur", "AugMix")
    return drawing or "Augment" in name or any(draws(each) for each in inner)


def _large(value: Any) -> bool:
    if isinstance(value, list):
        return len(value) > 64 or any(map(_large, value))
    return isinstance(value, int | float) and not abs(value) <= MOST
