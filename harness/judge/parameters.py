"""The check `parameters`: how many numbers the network may hold."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.evidence import Dataset, Evidence, Step
from harness.outputs import Log
from harness.rubric import Check, Finding, Rubric, Share, falling
from harness.scorecard import Bar

ANSWERED = "the network is no graph, so that its count is what its own process told"


class Parameters(Check):
    """The network holds fewer than so many numbers.

    Every distinct tensor that the network holds or reads counts, frozen ones included;
    batch-norm's running statistics do not.
    """

    needs: ClassVar[tuple[str, ...]] = ("network",)
    example: ClassVar[str] = """
[[checks]]
kind = "parameters"
name = "under 8,000 parameters"
below = 8_000
points = 5
bonus = true
scope = "final step"
"""

    kind: Literal["parameters"]
    below: Annotated[int, Field(gt=0, strict=True)]
    """The limit itself is too many: with `below = 8_000`, 7,999 passes and 8,000 does not."""
    count: Literal["held", "used"] = "held"
    """All that the network holds, or only what a forward pass uses, as torchsummary counts."""
    tiers: Annotated[dict[int, Share], falling(int)] = {}
    """Higher limits, and the share of the points that each still earns."""

    def bar(self, dataset: Dataset) -> Bar:
        """The limit."""
        return Bar(quantity="parameters", value=self.below)

    def contradiction(self, rubric: Rubric) -> str:
        """A tier below the limit."""
        below = [limit for limit in self.tiers if limit <= self.below]
        return f"the tier {below[0]:,} is not above below = {self.below:,}" if below else ""

    def asked(self, dataset: Dataset) -> str:
        """The limit."""
        used = " used in a forward pass" if self.count == "used" else ""
        return f"fewer than {self.below:,} parameters{used}"

    def judge(self, step: Step, evidence: Evidence) -> Finding:
        """The share of the lowest limit that the count stays below."""
        assert step.network is not None
        held, used = step.network.parameters.judged, step.network.parameters.used
        measured = f"{held:,}"
        if used != held:
            measured += f" (a forward pass uses {used:,})"
        review = (ANSWERED,) if step.integrity == "answered" else ()
        return self._found(used if self.count == "used" else held, measured, review)

    def audit(self, log: Log, dataset: Dataset) -> Finding:
        """The same of a parameter table, which knows only those that a forward pass uses."""
        if log.parameters is None:
            return Finding(None, "", "no parameter table of its own, or several that differ")
        return self._found(log.parameters, f"{log.parameters:,}")

    def _found(self, count: int, measured: str, review: tuple[str, ...] = ()) -> Finding:
        over = count - self.below
        if over < 0:
            return Finding(1, measured, f"{-over:,} below the limit", review)
        why = f"{over:,} over the limit" if over else "the limit itself is not below the limit"
        for limit in self.tiers:
            if count < limit:
                return Finding(self.tiers[limit], measured, f"{why}; below {limit:,}", review)
        return Finding(0, measured, why)
