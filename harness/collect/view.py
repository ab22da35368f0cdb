"""How a notebook looks at an image: its transforms, taken over as data and made anew.

Only what stands on a list of torchvision's own classes is made. Must not know where images come
from, nor what is made of them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from harness import data
from harness.collect import resolve
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
    *resolve.TRANSFORMS,
)
"""What is taken over."""

DRAWING = ("AugMix", "ColorJitter", "ElasticTransform", "GaussianBlur")
"""Those that draw at random without saying so in their names."""

TYPES = {"float32": torch.float32, "uint8": torch.uint8}


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
    if _held(ingredients) > resolve.MAX_TRANSFORMS:
        raise NotTaken(f"it has more than {resolve.MAX_TRANSFORMS} transforms")
    # ToTensor divides; what torchvision now advises instead multiplies, to other last bits.
    divided = ingredients[:1] == [{"name": "ToTensor"}]
    if divided and (normalize := plain(ingredients)):
        return View(lambda images: data.scaled(images, normalize), chance=False)
    from torchvision.transforms import functional

    made = [_make(ingredient) for ingredient in ingredients]

    def look(images: Tensor) -> Tensor:
        seen = []
        for image in images.cpu():
            value: Any = functional.to_pil_image(image)
            for transform in made:
                value = transform(value)
            seen.append(torch.as_tensor(value, dtype=torch.float32))
        return torch.stack(seen)

    try:
        shape = look(torch.zeros(1, 1, 28, 28, dtype=torch.uint8)).shape
    except NotTaken:
        raise
    except Exception as error:  # whatever torchvision says of arguments that it cannot take
        raise NotTaken(f"its transforms cannot be made anew: {error}") from None
    if len(shape) != 4:
        raise NotTaken("its transforms make no images of channels, height and width")
    return View(look, chance=any(draws(ingredient) for ingredient in ingredients))


def plain(ingredients: Ingredients) -> Normalize | None:
    """The normalisation, where there is nothing else but what makes a tensor; or None."""
    ingredients = _shortened(ingredients)
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
    ingredients = _shortened(ingredients)
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
        if ingredient.get("name") not in resolve.TRANSFORMS:
            raise NotTaken(f"{ingredient.get('name')} is none that a recipe can name")
        random.append(Ingredient.model_validate(ingredient))
    return random, normalize


def _shortened(ingredients: Ingredients) -> Ingredients:
    """The same with ToTensor for the two transforms in its place that torchvision now advises."""
    for place, (first, second) in enumerate(pairwise(ingredients)):
        kinds = first.get("name"), second.get("name")
        scaled = second.get("dtype") in ("float32", "torch.float32") and second.get("scale") is True
        if kinds == ("ToImage", "ToDtype") and scaled:
            return [*ingredients[:place], {"name": "ToTensor"}, *ingredients[place + 2 :]]
    return ingredients


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
        raise NotTaken(f"the transform {str(name)[:100]} is not taken over")
    made = getattr(transforms, name, None) or getattr(v2, name)
    try:
        resolve.bounded(Ingredient.model_validate(ingredient))
    except resolve.RecipeError as error:
        raise NotTaken(str(error).removeprefix("augment: ")) from None
    arguments = {key: value for key, value in ingredient.items() if key != "name"}
    known = inspect.signature(made).parameters
    if unknown := next((key for key in arguments if key not in known), None):
        raise NotTaken(f"{name} takes no argument {unknown[:100]!r}")
    try:
        if "transforms" in arguments:
            arguments["transforms"] = [_make(inner) for inner in arguments["transforms"]]
        if "dtype" in arguments:
            arguments["dtype"] = TYPES[str(arguments["dtype"]).removeprefix("torch.")]
        if isinstance(arguments.get("interpolation"), str):
            arguments["interpolation"] = transforms.InterpolationMode(arguments["interpolation"])
        transform: Callable[[Any], Any] = made(**arguments)
    except NotTaken:
        raise
    except Exception as error:  # whatever torchvision raises for arguments that it cannot take
        raise NotTaken(f"{name} cannot be made: {str(error)[:500]}") from None
    return _watched(name, transform)


def _watched(name: str, transform: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A transform that stops where images grow from one to the next."""

    def look(image: Any) -> Any:
        seen = transform(image)
        size = seen.shape[-2:] if isinstance(seen, Tensor) else getattr(seen, "size", ())
        if max(size, default=0) > resolve.MAX_SIDE:
            raise NotTaken(f"{name} makes images of more than {resolve.MAX_SIDE} pixels a side")
        return seen

    return look


def draws(ingredient: dict[str, Any]) -> bool:
    """Whether a transform, or one inside it, draws at random."""
    name = str(ingredient.get("name"))
    drawing = name.startswith("Random") or name in DRAWING or "Augment" in name
    return drawing or any(map(draws, _inner(ingredient)))


def _held(ingredients: Ingredients) -> int:
    """How many transforms there are, those inside others included."""
    return sum(1 + _held(_inner(ingredient)) for ingredient in ingredients)


def _inner(ingredient: dict[str, Any]) -> Ingredients:
    inner = ingredient.get("transforms")
    return [each for each in inner if isinstance(each, dict)] if isinstance(inner, list) else []
