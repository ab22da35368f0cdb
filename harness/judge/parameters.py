"""The check `parameters`: how many numbers the network may hold."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.evidence import Dataset, Step
from harness.rubric import Check, Finding


class Parameters(Check):
    """The network holds fewer than so many numbers.

    Every distinct tensor that the network holds or reads counts, frozen ones included;
    batch-norm's running statistics do not.
    """

    needs: ClassVar[tuple[str, ...]] = ("network",)

    kind: Literal["parameters"]
    below: Annotated[int, Field(gt=0, strict=True)]
    """The limit itself is too many: with `below = 8_000`, 7,999 passes and 8,000 does not."""

    def asked(self, dataset: Dataset) -> str:
        """The limit."""
        return f"fewer than {self.below:,} parameters"

    def judge(self, step: Step, dataset: Dataset) -> Finding:
        """All or nothing."""
        assert step.network is not None
        count = step.network.parameters
        measured = f"{count.judged:,}"
        if count.used != count.judged:
            measured += f" (a forward pass uses {count.used:,})"
        if count.judged < self.below:
            return Finding(1, measured, f"{self.below - count.judged:,} below the limit")
        over = count.judged - self.below
        why = f"{over:,} over the limit" if over else "the limit itself is not below the limit"
        return Finding(0, measured, why)
