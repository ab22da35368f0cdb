"""Batches that batch norm cannot be trained on are refused before anything is trained."""

import pytest
from crossing import crossed
from test_honest import GhostBatchNorm
from torch import nn

from harness.collect import batches
from harness.collect.graph import Candidate
from harness.collect.resolve import RecipeError
from harness.inside import capture
from harness.recipe import Recipe


def norm_of_scores() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.BatchNorm1d(10))


def ghost() -> nn.Module:
    return nn.Sequential(GhostBatchNorm(1, 4), nn.Flatten(), nn.Linear(784, 10))


def check(candidate: Candidate, batch_size: int, images: int) -> None:
    asked = {"epochs": 1, "batch_size": batch_size, "optimizer": "SGD"}
    batches.check(candidate, Recipe.model_validate(asked), images)


def test_a_last_batch_of_one_image_has_no_variance() -> None:
    candidate = crossed(norm_of_scores())
    check(candidate, 64, 1_437)
    with pytest.raises(RecipeError, match=r"last batch of 1 of the 1,437 .* batch_size = 3 would"):
        check(candidate, 4, 1_437)
    with pytest.raises(RecipeError, match="batch_size = 2 would do"):
        check(candidate, 1, 60_000)
    # Over an image's pixels there is a variance even so.
    check(crossed(nn.Sequential(nn.BatchNorm2d(1), nn.Flatten(), nn.Linear(784, 10))), 1, 60_000)


def test_ghost_batch_norm_wants_equal_parts() -> None:
    candidate = crossed(ghost(), capture.SPLIT_BATCH)
    check(candidate, 128, 60_000)
    with pytest.raises(RecipeError, match=r"multiples of 4.*batch_size = 128 would do"):
        check(candidate, 127, 60_000)
    with pytest.raises(RecipeError, match="no batch_size would do"):
        check(candidate, 64, 1_437)
