"""Asks a network, and counts right answers.

Must not know how it was trained or what is required.
"""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Iterator

import torch
from PIL import Image
from torch import Tensor, nn

from harness.evidence import Mistake

BATCH = 100
"""Images in an evaluation: so few stay in the processor's caches, which halves its time."""

UNEVEN = (1, 200, 7, 300, 64)
"""Sizes of batches, over and over, in which the answers must be those of even batches."""

MISTAKES = 60
"""Wrong answers that are kept of a run; at 99.4 % there are as many, and each takes 400 bytes."""

TOLERANCE = 1e-4
"""Between two scores of one image; those of 222 honest networks differ by at most 5e-7."""

TIES = 0.0005
"""Share of the answers that may differ: tiny scores could hide other answers in the tolerance."""


def scores(network: nn.Module, images: Tensor) -> Tensor:
    """A network's answers in evaluation mode, float32 [N, 10].

    Args:
        network: from float32 [N, C, H, W] to scores [N, 10].
        images: float32, as in training.
    """
    everything = torch.arange(len(images), device=images.device)
    return _scores(network, images, everything, (BATCH,))


def right(scores: Tensor, labels: Tensor) -> int:
    """How many answers are right.

    Args:
        scores: [N, 10].
        labels: int64 [N].
    """
    return int((scores.argmax(1) == labels).sum())


def mistakes(scores: Tensor, labels: Tensor, images: Tensor) -> list[Mistake]:
    """The wrong answers that a network was surest of, at most `MISTAKES`, the surest first.

    Args:
        scores: [N, 10].
        labels: int64 [N].
        images: uint8 [N, 1, 28, 28], as the data set has them.
    """
    wrong = (scores.argmax(1) != labels).nonzero().flatten()
    right = scores[wrong, labels[wrong]]
    sure = (scores[wrong].amax(1) - right).nan_to_num()
    order = sure.argsort(descending=True, stable=True)[:MISTAKES]
    answers = scores.argmax(1)
    return [
        Mistake(
            image=number,
            label=int(labels[number]),
            answer=int(answers[number]),
            png=_png(images[number]),
        )
        for number in wrong[order].tolist()
    ]


def _png(image: Tensor) -> str:
    """An image, uint8 [1, 28, 28], as a PNG in base64."""
    encoded = io.BytesIO()
    Image.fromarray(image[0].cpu().numpy()).save(encoded, "PNG")
    return base64.b64encode(encoded.getvalue()).decode()


def shifts(images: Tensor, background: float) -> Iterator[Tensor]:
    """Copies of images [N, C, H, W], shifted by one pixel in each of the four directions.

    One that has learned digits answers few of them otherwise, a table of answers most.

    Args:
        images: float32, normalised as in training.
        background: the value of an empty pixel, which moves in.
    """
    for step, dimension in itertools.product((1, -1), (2, 3)):
        moved = images.roll(step, dimension)
        moved.select(dimension, 0 if step == 1 else -1).fill_(background)
        yield moved


def twice(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Scores [N, 10] for shuffled images: in even batches, and cut into uneven ones.

    Args:
        network: from float32 [N, C, H, W] to scores [N, 10]; it must leave nothing to chance.
        images: float32, normalised as in training.
    """
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    order = order.to(images.device)
    even = _scores(network, images, order.sort()[0], (BATCH,))
    return even[order], _scores(network, images, order, UNEVEN)


def independent(even: Tensor, uneven: Tensor) -> bool:
    """Whether every answer depends on its own image alone, not on the others of its batch.

    Args:
        even: scores of images in even batches, as `twice` makes them.
        uneven: those of the same images in uneven ones.
    """
    others = int((uneven.argmax(1) != even.argmax(1)).sum())
    alike = torch.allclose(uneven, even, rtol=0, atol=TOLERANCE, equal_nan=True)
    return alike and others <= max(1, TIES * len(even))


@torch.no_grad()
def _scores(network: nn.Module, images: Tensor, order: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Scores [N, 10] of the images in an order, by batches of these sizes in turn."""
    network.eval()
    scores = []
    start = 0
    for size in itertools.cycle(sizes):
        # Indexing copies, and a network may overwrite its input (ReLU in place).
        scores.append(network(images[order[start : start + size]]))
        start += size
        if start >= len(order):
            break
    return torch.cat(scores)
