"""The check `epochs`: how long a network may be trained."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.evidence import Dataset, Evidence, Step
from harness.outputs import Log
from harness.rubric import Check, Finding, Rubric, Share, falling


class Epochs(Check):
    """The step trains for at most so many epochs."""

    needs: ClassVar[tuple[str, ...]] = ("recipe",)
    example: ClassVar[str] = """
[[checks]]
kind = "epochs"
at_most = 15
tiers = { 20 = 0.5 }
points = 20
scope = "every step"
"""

    kind: Literal["epochs"]
    at_most: Annotated[int, Field(gt=0, strict=True)]
    """Epochs are counted in samples: training images back-propagated, over the size of the set."""
    tiers: Annotated[dict[int, Share], falling(int)] = {}
    """Higher limits, and the share of the points that each still earns."""

    def contradiction(self, rubric: Rubric) -> str:
        """A tier below the limit, or a default that breaks it."""
        if rubric.recipe.epochs > self.at_most:
            return (
                f"at_most = {self.at_most}, but the rubric's recipe trains {rubric.recipe.epochs}"
            )
        below = [limit for limit in self.tiers if limit <= self.at_most]
        return f"the tier {below[0]} is not above at_most = {self.at_most}" if below else ""

    def asked(self, dataset: Dataset) -> str:
        """The limit, in epochs and in images."""
        samples = self.at_most * dataset.train_size
        return f"at most {self.at_most} epochs ({samples:,} images)"

    def judge(self, step: Step, evidence: Evidence) -> Finding:
        """What was declared counts, even where the training broke off."""
        assert step.recipe is not None
        trained = max((sum(e.samples for e in run.epochs) for run in step.runs), default=0)
        epochs = trained / evidence.dataset.train_size
        if not all(run.observed and run.complete for run in step.runs) or not step.runs:
            # A notebook's own epochs may be shorter than the set; a recipe's never are.
            epochs = max(float(step.recipe.epochs), epochs)
        measured = f"{epochs:g} epochs ({trained:,} images)" if step.runs else f"{epochs:g} epochs"
        return self._found(epochs, measured)

    def audit(self, log: Log, dataset: Dataset) -> Finding:
        """As long as the log is, where it numbers every epoch from the first."""
        epochs = len(log.stated)
        if not log.whole:
            why = "its epochs are not numbered one by one from the first"
            return Finding(None, f"{epochs} accuracies", why)
        return self._found(epochs, f"{epochs} epochs")

    def _found(self, epochs: float, measured: str) -> Finding:
        if epochs <= self.at_most:
            return Finding(1, measured, "within the limit")
        over = f"{epochs - self.at_most:g} more than allowed"
        for limit in self.tiers:
            if epochs <= limit:
                return Finding(self.tiers[limit], measured, f"{over}; at most {limit}")
        return Finding(0, measured, over)
