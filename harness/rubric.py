"""The rubric: what is asked and what it is worth, read from a TOML file.

A kind of check is a subclass of `Check`, found through the entry points `harness.checks`, so
that an instructor's own package can add one. Must not know how anything is measured.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import entry_points
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self, Union

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
    field_validator,
    model_validator,
)

from harness import data, evidence, outputs, problems
from harness.percentage import Percentage
from harness.recipe import Normalize, Recipe
from harness.scorecard import Bar, Compared

SHIPPED = next(
    folder
    for folder in (Path(__file__).parent / "rubrics", Path(__file__).parents[1] / "rubric")
    if folder.is_dir()
)
"""The rubrics that come with the harness: inside a wheel, or in the checkout."""


Scope = Literal["every step", "final step", "whole submission"]


Share = Annotated[float, Field(gt=0, lt=1, strict=True)]
"""Of a check's points, what a tier earns."""


def falling(ease: Callable[[Any], Any]) -> WrapValidator:
    """Tiers from the hardest to the easiest, each of which earns less than the one before.

    Args:
        ease: a number that grows as a tier gets easier to reach.
    """

    def validate(written: Any, handler: ValidatorFunctionWrapHandler) -> dict[Any, float]:
        tiers: dict[Any, float] = handler(written)
        levels = sorted(tiers, key=ease)
        if len({ease(level) for level in levels}) < len(written):
            raise ValueError(f"two of {', '.join(map(str, written))} are the same")
        for harder, easier in pairwise(levels):
            if tiers[easier] >= tiers[harder]:
                raise ValueError(f"{easier} must earn less than {harder}, which is harder to reach")
        return {level: tiers[level] for level in levels}

    return WrapValidator(validate)


class Finding(NamedTuple):
    """What a check makes of one step, or of the whole submission."""

    earned: float | None
    """Share of the points, from 0 to 1; None where a person awards them, and where what was printed
    does not tell."""
    measured: str
    """What was measured, in the units of what is asked."""
    why: str
    """One sentence."""
    review: tuple[str, ...] = ()
    """What a person should look at, a sentence each; it changes no points."""
    compared: tuple[Compared, ...] = ()
    """The claims that were gone through, for reports."""


class Check(BaseModel):
    """One line of a rubric; a subclass adds the keys of its kind and says how it judges."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    kind: str
    """Which check this is."""
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] = ""
    """What reports and overrides call it; the kind if left out. No two checks share a name."""
    points: Annotated[float, Field(ge=0, allow_inf_nan=False, strict=True)]
    """What it is worth; shared equally among the steps if it judges every step."""
    scope: Scope
    """What it judges."""
    required: Annotated[bool, Field(strict=True)] = False
    """Whether missing it fails the submission, whatever the points."""
    bonus: Annotated[bool, Field(strict=True)] = False
    """Whether its points come on top of the others."""

    needs: ClassVar[tuple[str, ...]]
    """Parts of a step that it judges, of `network`, `recipe` and `runs`; where one of them could
    not be observed, `judge` is not asked."""
    takes: ClassVar[tuple[str, ...]] = ()
    """Parts that it judges as well, where the submission let them be observed; where the machine or
    the harness did not, `judge` is not asked."""
    scopes: ClassVar[tuple[Scope, ...]] = ("every step", "final step")
    """The scopes that make sense for this kind."""
    example: ClassVar[str]
    """A check of this kind as it stands in a rubric, for the documentation."""

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"name": value.get("kind"), **value} if isinstance(value, dict) else value

    @field_validator("scope")
    @classmethod
    def _of_kind(cls, scope: Scope) -> Scope:
        if scope not in cls.scopes:
            raise ValueError(f"this kind of check judges {' or '.join(map(repr, cls.scopes))}")
        return scope

    @model_validator(mode="after")
    def _possible_bonus(self) -> Self:
        if self.bonus and self.required:
            raise ValueError("a bonus cannot be required")
        return self

    @abstractmethod
    def asked(self, dataset: evidence.Dataset) -> str:
        """What is asked, in words and exact numbers."""

    @abstractmethod
    def judge(self, step: evidence.Step, evidence: evidence.Evidence) -> Finding:
        """Judge one step, of which at least what the check needs could be observed.

        Args:
            step: the step to judge; for the whole submission, its last.
            evidence: the whole submission, for what came before and for the data set.
        """

    def audit(self, log: outputs.Log, dataset: evidence.Dataset) -> Finding | None:
        """What this rule makes of a printed log, whose figures nobody measured.

        None, as here, where printed figures say nothing about what it asks.
        """
        return None

    def bar(self, dataset: evidence.Dataset) -> Bar | None:
        """The value that is asked, for a chart to draw; None, as here, where it is no number."""
        return None

    def contradiction(self, rubric: Rubric) -> str:
        """What in the rubric this check cannot stand beside, in a sentence; empty if nothing."""
        return ""


@cache
def kinds() -> dict[str, type[Check]]:
    """The installed kinds of check by name."""
    return {point.name: point.load() for point in entry_points(group="harness.checks")}


def _of_kind(value: Any, _handler: Any) -> Check:
    if isinstance(value, Check):
        return value
    name = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(name, str) or name not in kinds():
        raise ValueError(f"kind is {name!r}; the kinds of check are {', '.join(sorted(kinds()))}")
    return kinds()[name].model_validate(value)


def _module(name: str) -> str:
    if not name.isidentifier():
        raise ValueError("write the name that is imported, such as sklearn for scikit-learn")
    return name


class Late(BaseModel):
    """What a submission loses that came after its due time, as the roster has it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    due: AwareDatetime
    """A time with its zone, such as `2026-11-30T23:59:00+01:00`."""
    per_day: Percentage
    """Share of the earned points that each day after it costs, once it has begun."""
    at_most: Percentage = Percentage("100 %")
    """Share of the earned points that is lost in the end."""


class Rubric(BaseModel):
    """What is asked of a submission and what it is worth."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    title: str
    """One line for the reports."""
    dataset: data.Name
    """The images to train and test on: MNIST or its kin, or scikit-learn's 1,797 digits at
    28 x 28."""
    packages: list[Annotated[str, AfterValidator(_module)]] = []
    """What a learner may import besides torch and Python's own, by the names of the modules; where
    one is missing, the fault is the machine's."""
    seeds: Annotated[int, Field(ge=1, le=100, strict=True)] = 1
    """Runs of each step, each from its own random numbers."""
    counts: evidence.Counting = "last"
    """Which training is judged where a notebook trains one network several times."""
    pass_mark: Percentage = Percentage("50 %")
    """Share of all points that passes."""
    late: Late | None = None
    """What a submission loses that comes late; nothing if left out."""
    recipe: Recipe = Recipe.model_validate(
        {
            "epochs": 15,
            "batch_size": 128,
            "optimizer": {"name": "SGD", "lr": 0.01, "momentum": 0.9},
            "loss": "nll_loss",
        }
    )
    """What a learner's recipe leaves out is taken from here."""
    checks: Annotated[
        list[SerializeAsAny[Annotated[Check, WrapValidator(_of_kind)]]], Field(min_length=1)
    ]
    """What is judged, in the order of the reports."""

    @field_validator("checks")
    @classmethod
    def _distinct(cls, checks: list[Check]) -> list[Check]:
        twice = [name for name, number in Counter(c.name for c in checks).items() if number > 1]
        if twice:
            raise ValueError(
                f"two checks are called {twice[0]}; give one of them a name of its own"
            )
        return checks

    @model_validator(mode="after")
    def _consistent(self) -> Rubric:
        if not any(check.points for check in self.checks if not check.bonus):
            raise ValueError("there is nothing to earn: give points to a check that is no bonus")
        for check in self.checks:
            if contradiction := check.contradiction(self):
                raise ValueError(f"{check.name}: {contradiction}")
        return self


def schema() -> dict[str, Any]:
    """The JSON Schema of a rubric with the installed kinds of check."""
    kind: Any = Union[tuple(kinds().values())]  # noqa: UP007 - the kinds are known only now
    whole = create_model("Rubric", __base__=Rubric, checks=(list[kind], Field(min_length=1)))
    whole.__doc__ = Rubric.__doc__
    return whole.model_json_schema()


class RubricError(ValueError):
    """A rubric that cannot be used; says the file, the key, the value and what would be right."""


def find(name: str) -> Path:
    """The file of a rubric: a path, or the name of a shipped one.

    Raises:
        RubricError: if there is no such file; it names the shipped rubrics.
    """
    shipped = {path.stem: path for path in sorted(SHIPPED.glob("*.toml"))}
    if Path(name).is_file():
        return Path(name)
    if name in shipped:
        return shipped[name]
    raise RubricError(
        f"{name}: no such rubric; give a TOML file or one of those shipped: {', '.join(shipped)}"
    )


def load(path: Path) -> Rubric:
    """Read and validate a rubric.

    Raises:
        RubricError: naming the file, the key, the value and what would be right.
    """
    try:
        table = problems.table(path)
    except ValueError as error:
        raise RubricError(f"{path}: {error}") from None

    def known(where: problems.Place) -> Iterable[str]:
        match where:
            case ("checks", int(number)):
                return kinds()[table["checks"][number]["kind"]].model_fields
            case ("recipe",):
                return Recipe.model_fields
            case ("recipe", "normalize"):
                return Normalize.model_fields
            case ("late",):
                return Late.model_fields
        return Rubric.model_fields

    try:
        return Rubric.model_validate(table)
    except ValidationError as error:
        lines = problems.told(error, known)
        raise RubricError("\n".join(f"{path}: {line}" for line in lines)) from None
