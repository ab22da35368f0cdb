"""Networks as tests train and ask them: in one call, and with the answers counted."""

from torch import Tensor, nn

from harness.collect import evaluator
from harness.collect.trainer import Training
from harness.data import Images
from harness.recipe import Recipe


def train(network: nn.Module, recipe: Recipe, images: Images) -> None:
    """Train a network through all epochs of a recipe."""
    training = Training(network, recipe, images.train, images.train_labels, seed=1)
    for epoch in range(1, recipe.epochs + 1):
        training.epoch(epoch)


def correct(network: nn.Module, images: Tensor, labels: Tensor) -> int:
    """How many images the network answers correctly."""
    return evaluator.right(evaluator.scores(network, images), labels)


def shifted(network: nn.Module, images: Tensor, labels: Tensor, background: float) -> int:
    """The lowest count of correct answers when all images are shifted by one pixel."""
    return min(correct(network, moved, labels) for moved in evaluator.shifts(images, background))


def independent(network: nn.Module, images: Tensor) -> bool:
    """Whether every answer depends on its own image alone."""
    return evaluator.independent(*evaluator.twice(network, images))
