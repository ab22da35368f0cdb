"""Overrides: points that a person awards, read from a TOML file.

They settle the checks that await a person, and can replace any other mark. Must not know how
checks judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness import problems
from harness.rubric import Rubric


class Override(BaseModel):
    """The points of one check on one step, or on the whole submission, as a person sees them."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    submission: str
    """Its name in the reports."""
    step: str = ""
    """The step's name; left out for the whole submission."""
    check: str
    """The check's name in the rubric."""
    points: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """What it is worth to this person, at most what the mark is out of."""
    why: Annotated[str, Field(min_length=1)]
    """The reason, for the report."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    override: list[Override] = []


class OverrideError(ValueError):
    """An overrides file that cannot be used; says the file, the key, the value and the remedy."""


def load(path: Path, rubric: Rubric) -> list[Override]:
    """Read an overrides file.

    Args:
        path: the file, with a table `[[override]]` for each.
        rubric: by which the submissions are judged.

    Raises:
        OverrideError: naming the file, the key, the value and what would be right.
    """
    try:
        table = problems.table(path)
    except ValueError as error:
        raise OverrideError(f"{path}: {error}") from None

    def known(where: problems.Place) -> Iterable[str]:
        return (Override if where else _File).model_fields

    try:
        overrides = _File.model_validate(table).override
    except ValidationError as error:
        lines = problems.told(error, known)
        raise OverrideError("\n".join(f"{path}: {line}" for line in lines)) from None
    names = {check.name: check.points for check in rubric.checks}
    for number, override in enumerate(overrides, 1):
        where = f"{path}: override[{number}]"
        if override.check not in names:
            right = problems.proposal(override.check, names)
            raise OverrideError(f"{where}.check = {override.check!r} is not in the rubric{right}")
        if override.points > names[override.check]:
            worth = f"{override.check} is worth {names[override.check]:g}"
            raise OverrideError(f"{where}.points = {override.points:g}: {worth}")
    twice = Counter((o.submission, o.step, o.check) for o in overrides)
    for (submission, _, check), number in twice.items():
        if number > 1:
            raise OverrideError(f"{path}: {number} overrides of {check} for {submission}; keep one")
    return overrides
