"""The check `epochs`: how long a network may be trained."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.evidence import Dataset, Step
from harness.rubric import Check, Finding


class Epochs(Check):
    """The step trains for at most so many epochs."""

    needs: ClassVar[tuple[str, ...]] = ("recipe", "runs")

    kind: Literal["epochs"]
    at_most: Annotated[int, Field(gt=0, strict=True)]
    """Epochs are counted in samples: training images back-propagated, over the size of the set."""

    def asked(self, dataset: Dataset) -> str:
        """The limit, in epochs and in images."""
        samples = self.at_most * dataset.train_size
        return f"at most {self.at_most} epochs ({samples:,} images)"

    def judge(self, step: Step, dataset: Dataset) -> Finding:
        """All or nothing; what was declared counts, even where the training broke off."""
        assert step.recipe is not None
        trained = max((sum(e.samples for e in run.epochs) for run in step.runs), default=0)
        epochs = max(float(step.recipe.epochs), trained / dataset.train_size)
        measured = f"{epochs:g} epochs ({trained:,} images)"
        if epochs <= self.at_most:
            return Finding(1, measured, "within the limit")
        return Finding(0, measured, f"{epochs - self.at_most:g} more than allowed")
