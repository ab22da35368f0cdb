"""Counts a network's correct answers. Must not know how it was trained or what is required."""

from __future__ import annotations

import torch
from torch import Tensor, nn

BATCH = 1_000


@torch.no_grad()
def correct(network: nn.Module, images: Tensor, labels: Tensor) -> int:
    """How many images the network answers correctly in evaluation mode.

    Args:
        network: from float32 [N, 1, 28, 28] to scores [N, 10].
        images: float32, normalised as in training.
        labels: int64 [N].
    """
    network.eval()
    total = torch.zeros((), dtype=torch.int64, device=images.device)
    for start in range(0, len(images), BATCH):
        # A copy, because a network may overwrite its input (ReLU in place).
        answers = network(images[start : start + BATCH].clone())
        total += (answers.argmax(1) == labels[start : start + BATCH]).sum()
    return int(total)
