"""Reads claims: what a learner's words state about a network and its training.

A claim is right when it equals what was measured at the precision in which it is written, so its
words are kept beside the interval that they stand for. Must not know what was measured.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from harness.notes import Notes

Quantity = Literal[
    "parameters",
    "epochs",
    "training accuracy",
    "test accuracy",
    "over-fitting",
    "under-fitting",
]


class Claim(BaseModel):
    """One statement, in the learner's words and as what it means."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    quantity: Quantity
    """What it is about."""
    written: str
    """The learner's own words, such as `Best Test Accuracy: 99.42 (At EPOCH -13)`."""
    where: Literal["title", "target", "result", "analysis"]
    """The note in which it stands."""
    lowest: float | None = None
    """Least value that would be written so: 7,500 for `8k` parameters; accuracies in percent."""
    below: float | None = None
    """Values from here on would be written otherwise: 8,500 for `8k`."""
    holds: bool = True
    """False for `no over-fitting`."""


def read(notes: Notes) -> list[Claim]:
    """All claims in a step's notes, in the order in which they stand."""
    return []
