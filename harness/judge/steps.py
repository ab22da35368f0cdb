"""The check `steps`: how many steps the submission takes."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from harness.evidence import Dataset, Evidence, Step
from harness.rubric import Check, Finding, Rubric, Scope

Number = Annotated[int, Field(ge=1, strict=True)]


class Steps(Check):
    """The submission has exactly, at least or at most so many steps."""

    needs: ClassVar[tuple[str, ...]] = ()
    scopes: ClassVar[tuple[Scope, ...]] = ("whole submission",)
    example: ClassVar[str] = """
[[checks]]
kind = "steps"
exactly = 4
points = 10
scope = "whole submission"
"""

    kind: Literal["steps"]
    exactly: Number | None = None
    at_least: Number | None = None
    at_most: Number | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.exactly is None and self.at_least is None and self.at_most is None:
            raise ValueError("say exactly, at_least or at_most")
        if self.exactly is not None and (self.at_least or self.at_most):
            raise ValueError("exactly stands alone, without at_least or at_most")
        if self._fewest > self._most:
            raise ValueError(f"no number is at least {self.at_least} and at most {self.at_most}")
        return self

    def contradiction(self, rubric: Rubric) -> str:
        """Another check of the number that no submission meets together with this one."""
        for other in rubric.checks:
            if isinstance(other, Steps) and other._fewest > self._most:
                return f"at most {self._most} steps, but {other.name} asks for {other._fewest}"
        return ""

    def asked(self, dataset: Dataset) -> str:
        """The number, as the rubric has it."""
        limits = {"exactly": self.exactly, "at least": self.at_least, "at most": self.at_most}
        return " and ".join(f"{word} {n}" for word, n in limits.items() if n) + " steps"

    def judge(self, step: Step, evidence: Evidence) -> Finding:
        """All or nothing."""
        number = len(evidence.steps)
        measured = f"{number} step{'s' * (number != 1)}"
        if number < self._fewest:
            return Finding(0, measured, f"{self._fewest - number} too few")
        if number > self._most:
            return Finding(0, measured, f"{number - self._most:g} too many")
        return Finding(1, measured, "as asked")

    @property
    def _fewest(self) -> int:
        return self.exactly or self.at_least or 1

    @property
    def _most(self) -> float:
        return self.exactly or self.at_most or math.inf
