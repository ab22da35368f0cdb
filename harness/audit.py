"""The audit: what the rules of a rubric make of printed figures. Nothing in it was measured.

Judge writes it and reports read it. Must not know how a check judges or how a report looks.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Outcome = Literal["meets", "misses", "cannot be told"]


class Line(BaseModel):
    """One rule on one log."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    check: str
    """The check's name."""
    asked: str
    claimed: str
    """What was printed, in the units of what is asked."""
    outcome: Outcome
    bonus: bool = False
    """Whether it is no miss to miss it."""
    why: str
    """One sentence."""


class AuditedLog(BaseModel):
    """A printed log and every rule on it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    place: str
    title: str
    lines: list[Line]
    """In the rubric's order; rules that figures say nothing about are left out."""
    remarks: list[str]
    """What a person should look at, a sentence each."""


class Audit(BaseModel):
    """All printed logs of a submission, held against a rubric."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    figures: Literal["claimed"] = "claimed"
    """What every figure in it is: claimed, and not measured."""
    submission: str
    rubric: str
    """The rubric's title."""
    logs: list[AuditedLog]
    silent: list[str]
    """Names of the checks that printed figures say nothing about."""
    files: list[str]
    """Those that were looked through."""
    unread: list[str]
    """What could not be read, and why, a sentence each."""

    @property
    def misses(self) -> bool:
        """Whether a log misses a rule that is no bonus."""
        lines = [line for log in self.logs for line in log.lines]
        return any(line.outcome == "misses" and not line.bonus for line in lines)
