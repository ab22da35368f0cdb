"""The check `manual`: points that a person awards."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import field_validator

from harness.evidence import Dataset, Evidence, Step
from harness.rubric import Check, Finding, Rubric, Scope


class Manual(Check):
    """Points that a person awards through the overrides file; until then they are awaited."""

    needs: ClassVar[tuple[str, ...]] = ()
    scopes: ClassVar[tuple[Scope, ...]] = ("every step", "final step", "whole submission")
    example: ClassVar[str] = """
[[checks]]
kind = "manual"
name = "convincing"
question = "Is each step convincing as to why its target was chosen?"
points = 10
scope = "whole submission"
"""

    kind: Literal["manual"]
    question: str
    """What the person is to judge."""

    @field_validator("required")
    @classmethod
    def _never(cls, required: bool) -> bool:
        if required:
            raise ValueError("what a person awards cannot be required")
        return required

    def contradiction(self, rubric: Rubric) -> str:
        """No points but a person's: a verdict over none of them would say nothing."""
        counted = [check for check in rubric.checks if check.points and not check.bonus]
        if all(isinstance(check, Manual) for check in counted):
            return "all points await a person; give some to a check that is measured"
        return ""

    def asked(self, dataset: Dataset) -> str:
        """The question."""
        return self.question

    def judge(self, step: Step, evidence: Evidence) -> Finding:
        """Nothing that a machine could say."""
        return Finding(None, "", "awaits a person")
