"""How a notebook looks at images: torchvision's own numbers, and no more than a machine can bear."""

from typing import Any

import pytest
import torch
from torchvision import transforms
from torchvision.transforms import v2

from harness import data
from harness.collect import resolve, view
from harness.collect.view import NotTaken
from harness.recipe import Normalize, Recipe

TENSOR = {"name": "ToTensor"}
NORMALIZE = {"name": "Normalize", "mean": [0.1307], "std": [0.3081]}
TO_IMAGE, TO_FLOAT = {"name": "ToImage"}, {"name": "ToDtype", "dtype": "float32", "scale": True}
normalize = transforms.Normalize((0.1307,), (0.3081,))


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return data.load("digits", data.folder()).test[:20]


@pytest.mark.parametrize(
    ("ingredients", "own"),
    [
        ([TENSOR], [transforms.ToTensor()]),
        ([TENSOR, NORMALIZE], [transforms.ToTensor(), normalize]),
        ([TENSOR, NORMALIZE | {"mean": 0.5, "std": 0.5}], [transforms.ToTensor(), transforms.Normalize(0.5, 0.5)]),
        ([{"name": "Resize", "size": [32, 32]}, TENSOR], [transforms.Resize((32, 32)), transforms.ToTensor()]),
        ([{"name": "Resize", "size": 32, "interpolation": "bicubic"}, TENSOR, NORMALIZE],
         [transforms.Resize(32, transforms.InterpolationMode.BICUBIC), transforms.ToTensor(), normalize]),
        ([TENSOR, {"name": "Resize", "size": 14}], [transforms.ToTensor(), transforms.Resize(14)]),
        ([{"name": "Pad", "padding": 2}, TENSOR, NORMALIZE], [transforms.Pad(2), transforms.ToTensor(), normalize]),
        ([{"name": "CenterCrop", "size": [22, 22]}, TENSOR], [transforms.CenterCrop(22), transforms.ToTensor()]),
        ([{"name": "Grayscale", "num_output_channels": 3}, TENSOR],
         [transforms.Grayscale(num_output_channels=3), transforms.ToTensor()]),
        ([TO_IMAGE, TO_FLOAT], [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]),
        ([TO_IMAGE, TO_FLOAT, NORMALIZE],
         [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize((0.1307,), (0.3081,))]),
        ([TO_IMAGE, TO_FLOAT | {"dtype": "torch.float32", "scale": False}],
         [v2.ToImage(), v2.ToDtype(torch.float32, scale=False)]),
        ([{"name": "Compose", "transforms": [TENSOR, NORMALIZE]}], [transforms.ToTensor(), normalize]),
    ],
    ids=str,
)  # fmt: skip
def test_it_gives_torchvisions_own_numbers(
    images: torch.Tensor, ingredients: view.Ingredients, own: list[Any]
) -> None:
    made = view.view(ingredients)
    theirs = transforms.Compose([transforms.ToPILImage(), *own])
    assert torch.equal(made.look(images), torch.stack([theirs(image) for image in images]))
    assert not made.chance


def test_it_tells_what_is_left_to_chance(images: torch.Tensor) -> None:
    rotation = {"name": "RandomRotation", "degrees": 20}
    assert view.view([rotation, TENSOR]).chance
    inside = view.view([{"name": "RandomApply", "transforms": [rotation], "p": 1.0}, TENSOR])
    assert inside.chance
    assert not torch.equal(inside.look(images), inside.look(images))


BLUR = {"name": "GaussianBlur", "kernel_size": 3}
NESTED: dict[str, Any] = BLUR
for _ in range(100):
    NESTED = {"name": "RandomApply", "transforms": [NESTED]}


@pytest.mark.parametrize(
    "ingredient",
    [
        {},
        {"name": None},
        {"name": "Lambda", "lambd": "lambda x: x"},
        {"name": "os.system"},
        {"name": "__import__"},
        {"name": "x" * 10**6},
        {"name": "Normalize"},
        {"name": "Normalize", "mean": [0.1], "std": [0.0]},
        {"name": "Normalize", "mean": "half", "std": 1},
        {"name": "Normalize", "mean": [[0.1] * 60] * 60, "std": [1.0]},
        {"name": "Resize"},
        {"name": "Resize", "size": {"height": 28}},
        {"name": "Resize", "size": 28, "colour": 1},
        {"name": "Resize", "size": 10**6},
        {"name": "Resize", "size": -28},
        {"name": "Resize", "size": [28, 10**400]},
        {"name": "Resize", "size": float("nan")},
        {"name": "Resize", "size": 28, "interpolation": "magic"},
        {"name": "Resize", "size": 28, "max_size": 10**9},
        {"name": "Pad", "padding": 10**9},
        {"name": "Pad", "padding": [1, 2, 3, 10**9]},
        {"name": "CenterCrop", "size": [10**5, 10**5]},
        {"name": "RandomCrop", "size": 28, "padding": 10**8},
        {"name": "RandomCrop", "size": 10**5, "pad_if_needed": True},
        {"name": "RandomResizedCrop", "size": 10**5},
        {"name": "GaussianBlur", "kernel_size": 10**6 + 1},
        {"name": "ElasticTransform", "sigma": 10.0**7},
        {"name": "RandAugment", "num_ops": 10**9},
        {"name": "RandAugment", "num_magnitude_bins": 10**12},
        {"name": "TrivialAugmentWide", "num_magnitude_bins": 10**12},
        {"name": "AugMix", "mixture_width": 10**9},
        {"name": "AugMix", "chain_depth": 10**9},
        {"name": "RandomAffine", "degrees": [0] * 10**5},
        {"name": "ToDtype", "dtype": "complex128"},
        {"name": "ToDtype", "dtype": {"float32": 1}},
        {"name": "RandomApply", "transforms": "GaussianBlur"},
        {"name": "RandomApply", "transforms": [1, 2]},
        {"name": "RandomApply", "transforms": [{"name": "Lambda"}]},
        {"name": "Compose", "transforms": [BLUR] * 10_000},
        NESTED,
    ],
    ids=lambda ingredient: str(ingredient)[:60],
)  # fmt: skip
def test_what_is_not_taken_over(ingredient: dict[str, Any]) -> None:
    with pytest.raises(NotTaken) as refusal:
        view.view([ingredient, TENSOR])
    assert len(str(refusal.value)) < 1000


def test_images_may_not_grow_step_by_step() -> None:
    with pytest.raises(NotTaken, match="Pad makes images of more than 256 pixels a side"):
        view.view([{"name": "Pad", "padding": 60}] * 20 + [TENSOR])
    pads = [{"name": "Pad", "padding": 60}] * 20
    with pytest.raises(NotTaken, match="256 pixels"):
        view.view([{"name": "Compose", "transforms": pads}, TENSOR])
    with pytest.raises(resolve.RecipeError, match="pixels"):
        resolve.transforms(recipe([*pads, {"name": "CenterCrop", "size": 28}]))
    with pytest.raises(NotTaken, match="more than 32 transforms"):
        view.view([BLUR] * 33 + [TENSOR])


@pytest.mark.parametrize(
    "ingredient",
    [
        {"name": "Pad", "padding": 10**9},
        {"name": "RandomResizedCrop", "size": 10**6},
        {"name": "ElasticTransform", "sigma": 1e7},
    ],
    ids=str,
)
def test_a_recipe_may_not_ask_for_more_either(ingredient: dict[str, Any]) -> None:
    with pytest.raises(resolve.RecipeError, match="of at most"):
        resolve.transforms(recipe([ingredient]))


def recipe(augment: list[dict[str, Any]]) -> Recipe:
    return Recipe.model_validate(
        {"epochs": 1, "batch_size": 1, "optimizer": "SGD", "augment": augment}
    )


@pytest.mark.parametrize(
    ("ingredients", "expected"),
    [
        ([TENSOR], Normalize(mean=0, std=1)),
        ([TENSOR, NORMALIZE], Normalize(mean=0.1307, std=0.3081)),
        ([TO_IMAGE, TO_FLOAT, NORMALIZE], Normalize(mean=0.1307, std=0.3081)),
        ([TO_IMAGE, TO_FLOAT | {"scale": False}, NORMALIZE], None),
        ([TENSOR, NORMALIZE | {"std": [0.0]}], None),
        ([TENSOR, NORMALIZE | {"mean": [0.1, 0.2]}], None),
        ([NORMALIZE, TENSOR], None),
        ([], None),
    ],
    ids=str,
)
def test_plain_views_are_a_normalisation(
    ingredients: view.Ingredients, expected: Normalize | None
) -> None:
    assert view.plain(ingredients) == expected


def test_training_transforms_become_a_recipes() -> None:
    rotation = {"name": "RandomRotation", "degrees": [-7.0, 7.0], "fill": [1]}
    resize = {"name": "Resize", "size": [28, 28]}
    random, normalize = view.augmentation([resize, rotation, TENSOR, NORMALIZE])
    assert [each.name for each in random] == ["RandomRotation"]
    assert random[0].arguments == {"degrees": [-7.0, 7.0], "fill": [1]}
    assert normalize == Normalize(mean=0.1307, std=0.3081)
    assert resolve.transforms(recipe([rotation]))


@pytest.mark.parametrize(
    ("ingredients", "why"),
    [
        ([NORMALIZE], "no ToTensor"),
        ([TENSOR, NORMALIZE, {"name": "RandomErasing"}], "after ToTensor its training transforms are Normalize, RandomErasing"),
        ([{"name": "RandomApply", "transforms": []}, TENSOR], "RandomApply is none that a recipe can name"),
    ],
)  # fmt: skip
def test_training_transforms_that_no_recipe_can_name(
    ingredients: view.Ingredients, why: str
) -> None:
    with pytest.raises(NotTaken, match=why):
        view.augmentation(ingredients)
