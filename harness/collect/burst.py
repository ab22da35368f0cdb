"""A short burst of training, which shows in a second or two that a network can learn at all.

It is no measurement of how well: that takes a run. Must not know evidence's checks or stores.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.optim import Adam

from harness import data
from harness.collect import resolve
from harness.collect.graph import Candidate, GraphNetwork
from harness.collect.state import reset
from harness.evidence import Burst
from harness.recipe import Recipe

IMAGES = 64
STEPS = 100
RATE = 0.003
"""With these, the loss of each of the seeds' 23 networks falls by a fifth within 21 steps. With
its own recipe a plain network may stand still for hundreds of steps, and learn after all."""

ENOUGH = 0.8
"""Of the first loss; then the burst ends."""


def sample() -> tuple[Tensor, Tensor]:
    """A few of scikit-learn's digits, which need no download: images float32, and labels."""
    images, labels = (values[:IMAGES] for values in data.digits())
    return data.scaled(images, data.NORMALIZE["digits"]), labels


def burst(candidate: Candidate, recipe: Recipe, images: Tensor, labels: Tensor) -> Burst:
    """Train a network with Adam on a few images.

    Args:
        candidate: the admitted network, from the weights that it was handed over with.
        recipe: of which the loss is used, and all else is tried out.
        images: float32 [N, 1, 28, 28].
        labels: int64 [N].

    Raises:
        resolve.RecipeError: if torch cannot follow the recipe.
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    loss_of = resolve.loss(recipe)
    resolve.rehearse(recipe)
    resolve.transforms(recipe)
    network = GraphNetwork(candidate, reset(candidate)).train()
    resolve.optimizer(recipe, network.parameters())
    optimizer = Adam(network.parameters(), lr=RATE)
    losses: list[float] = []
    while len(losses) < STEPS:
        optimizer.zero_grad()
        loss = loss_of(network(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(loss.detach()))
        if losses[-1] < ENOUGH * losses[0] or not math.isfinite(losses[-1]):
            break
    return Burst(
        images=len(images),
        steps=len(losses),
        first_loss=_number(losses[0]),
        last_loss=_number(losses[-1]),
        learned=losses[-1] < ENOUGH * losses[0],
    )


def _number(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None
