"""The check `notes`: whether a step says what it set out to do, reached and learnt."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.evidence import Dataset, Evidence, Step
from harness.rubric import Check, Finding


class Notes(Check):
    """The step has a Target, a Result and an Analysis; each part earns an equal share."""

    needs: ClassVar[tuple[str, ...]] = ()
    example: ClassVar[str] = """
[[checks]]
kind = "notes"
parts = ["target", "result", "analysis"]
at_least = 20
points = 10
scope = "every step"
"""

    kind: Literal["notes"]
    parts: Annotated[list[Literal["target", "result", "analysis"]], Field(min_length=1)] = [
        "target",
        "result",
        "analysis",
    ]
    """The parts that must be there."""
    at_least: Annotated[int, Field(ge=1, strict=True)] = 1
    """Characters that each part must have."""

    def asked(self, dataset: Dataset) -> str:
        """The parts and their length."""
        length = f", each of at least {self.at_least} characters" if self.at_least > 1 else ""
        return " / ".join(part.capitalize() for part in self.parts) + length

    def judge(self, step: Step, evidence: Evidence) -> Finding:
        """The share of the parts that are there."""
        lengths = {part: len(getattr(step.notes, part)) for part in self.parts}
        measured = ", ".join(f"{part} {n} characters" for part, n in lengths.items() if n)
        lacking = [
            f"{part.capitalize()} is {'too short' if n else 'missing'}"
            for part, n in lengths.items()
            if n < self.at_least
        ]
        share = 1 - len(lacking) / len(lengths)
        return Finding(share, measured or "none", "; ".join(lacking) or "all there")
