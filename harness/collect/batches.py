"""Holds a recipe's batches against what a network's batch norm can be trained on.

Must not know how training runs.
"""

from __future__ import annotations

from harness.collect.graph import Candidate
from harness.collect.resolve import RecipeError
from harness.recipe import Recipe


def check(candidate: Candidate, recipe: Recipe, images: int) -> None:
    """Refuse batches over which torch's own loop would stop.

    Batch norm takes no batch in which a channel has one value (it would divide by zero, and torch
    raises), and ghost batch norm none that does not fall into equal parts.

    Args:
        candidate: the admitted network.
        recipe: how it is to be trained.
        images: in the training set.

    Raises:
        RecipeError: saying which batch is wrong, and which `batch_size` would be right.
    """
    if _fits(candidate, recipe.batch_size, images):
        return
    size, last = recipe.batch_size, images % recipe.batch_size or recipe.batch_size
    needs = f"at least {candidate.least} images in a batch: more than one value per channel"
    if any(n % candidate.parts for n in (size, last)):
        needs = f"batches that are multiples of {candidate.parts}, which it cuts into equal parts"
    nearest = sorted(range(1, images + 1), key=lambda n: abs(n - size))
    right = next((n for n in nearest if _fits(candidate, n, images)), None)
    mend = f"batch_size = {right} would do" if right else "no batch_size would do: use batch norm"
    raise RecipeError(
        f"batch_size = {size} leaves a last batch of {last} of the {images:,} training images, and "
        f"the network's batch norm needs {needs}; {mend}"
    )


def _fits(candidate: Candidate, size: int, images: int) -> bool:
    last = images % size or size
    return all(n % candidate.parts == 0 and n >= candidate.least for n in (size, last))
