"""What a network answers, as tests ask for it: counted at once."""

from torch import Tensor, nn

from harness.collect import evaluator


def correct(network: nn.Module, images: Tensor, labels: Tensor) -> int:
    """How many images the network answers correctly."""
    return evaluator.right(evaluator.scores(network, images), labels)


def shifted(network: nn.Module, images: Tensor, labels: Tensor, background: float) -> int:
    """The lowest count of correct answers when all images are shifted by one pixel."""
    return min(correct(network, moved, labels) for moved in evaluator.shifts(images, background))


def independent(network: nn.Module, images: Tensor) -> bool:
    """Whether every answer depends on its own image alone."""
    return evaluator.independent(*evaluator.twice(network, images))
