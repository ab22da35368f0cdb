"""The recipe: how a step is trained, as plain data in torch's own words.

Must not know torch: whether a named optimiser exists, and takes these arguments, is found out
where it is built.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MAX_EPOCHS = 100
"""More is a slip of the pen: the exercise allows 15."""


def _named(value: Any) -> Any:
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict | Ingredient):
        return value
    raise ValueError("write a name, or a table with a name")


class Ingredient(BaseModel):
    """Something of torch's, by its name, with its own arguments beside it."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)

    name: str
    """The class or function, such as `SGD`."""

    @property
    def arguments(self) -> dict[str, Any]:
        """All keys other than the harness's own, as torch will get them."""
        return dict(self.model_extra or {})

    def __str__(self) -> str:
        """As one would write the call."""
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in self.arguments.items())})"


class Scheduler(Ingredient):
    """A class of torch.optim.lr_scheduler."""

    interval: Literal["epoch", "batch"] = "epoch"
    """When it steps."""


class Normalize(BaseModel):
    """Pixels in 0..1 become (pixel - mean) / std."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mean: float
    std: float = Field(gt=0)


Named = Annotated[Ingredient, BeforeValidator(_named, json_schema_input_type=str | Ingredient)]

NamedScheduler = Annotated[
    Scheduler, BeforeValidator(_named, json_schema_input_type=str | Scheduler)
]


class Recipe(BaseModel):
    """How a step is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    epochs: int = Field(ge=1, le=MAX_EPOCHS, strict=True)
    """Passes over the training images, fixed before the run begins."""
    batch_size: int = Field(ge=1, strict=True)
    """Images in an optimiser step; the last batch of an epoch may be smaller."""
    optimizer: Named
    """A class of torch.optim."""
    scheduler: NamedScheduler | None = None
    """A class of torch.optim.lr_scheduler."""
    augment: list[Named] = []
    """Random transforms of torchvision.transforms.v2, in order, on images of 0..255."""
    loss: Named = Ingredient(name="nll_loss")
    """A function of torch.nn.functional."""
    normalize: Normalize | None = None
    """The data set's own mean and standard deviation if left out."""


def complete(handed_in: dict[str, Any], defaults: Recipe) -> tuple[Recipe, list[str]]:
    """A learner's recipe with what it left out filled in, and the names of those keys.

    Raises:
        pydantic.ValidationError: for a misspelt key or a value that cannot be.
    """
    defaulted = sorted(defaults.model_fields_set - handed_in.keys())
    filled = {key: getattr(defaults, key) for key in defaulted}
    return Recipe.model_validate(filled | handed_in), defaulted
