"""The check `uses`: techniques that a step must or must not use."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from harness import techniques
from harness.evidence import Dataset, Evidence, Step
from harness.rubric import Check, Finding, Rubric
from harness.structure import Technique

Pixels = Annotated[int, Field(ge=1, le=28, strict=True)]


class Uses(Check):
    """The step uses some techniques and not others; each that is asked for earns an equal share."""

    needs: ClassVar[tuple[str, ...]] = ("network", "recipe")
    example: ClassVar[str] = """
[[checks]]
kind = "uses"
techniques = ["batch normalisation", "dropout", "global average pooling"]
without = ["fully connected"]
pooling_at = [5, 11]
points = 10
scope = "final step"
"""

    kind: Literal["uses"]
    techniques: list[Technique] = []
    """Those that must be used."""
    without: list[Technique] = []
    """Those that must not be used."""
    pooling_at: tuple[Pixels, Pixels] | None = None
    """Least and greatest receptive field, in pixels, at which the first max pooling may stand."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.techniques and not self.without and self.pooling_at is None:
            raise ValueError("say techniques, without or pooling_at")
        for key, named in (("techniques", self.techniques), ("without", self.without)):
            if twice := [name for name, number in Counter(named).items() if number > 1]:
                raise ValueError(f"{key} names {twice[0]} twice")
        if self.pooling_at and self.pooling_at[0] > self.pooling_at[1]:
            raise ValueError(f"pooling_at = {list(self.pooling_at)}: the lesser number comes first")
        return self

    def contradiction(self, rubric: Rubric) -> str:
        """A technique that is asked for here and excluded here or by another check.

        Every scope takes in the final step, so any two of these checks meet there.
        """
        asked = {*self.techniques, *(["max pooling"] if self.pooling_at else [])}
        for other in rubric.checks:
            if isinstance(other, Uses) and (both := asked.intersection(other.without)):
                by = "" if other is self else f" by {other.name}"
                return f"{min(both)} cannot be both asked for and excluded{by}"
        return ""

    def asked(self, dataset: Dataset) -> str:
        """The techniques."""
        asked = [*self.techniques, *(f"no {technique}" for technique in self.without)]
        if self.pooling_at:
            least, greatest = self.pooling_at
            asked.append(f"max pooling at a receptive field of {least} to {greatest}")
        return ", ".join(asked)

    def judge(self, step: Step, evidence: Evidence) -> Finding:
        """The share of what is asked that the graph and the recipe show."""
        used = techniques.used(step)
        wrong = [f"no {technique}" for technique in self.techniques if technique not in used]
        wrong += [f"{t} at {', '.join(used[t])}" for t in self.without if t in used]
        if self.pooling_at:
            seen = techniques.pooled_at(step)
            if seen is None:
                wrong.append("no max pooling")
            elif not self.pooling_at[0] <= seen <= self.pooling_at[1]:
                wrong.append(f"max pooling at a receptive field of {seen}")
        asked = len(self.techniques) + len(self.without) + (self.pooling_at is not None)
        measured = ", ".join(used) or "none of them"
        return Finding(1 - len(wrong) / asked, measured, "; ".join(wrong) or "as asked")
