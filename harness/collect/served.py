"""What a notebook gets for the data set: its training images, and a decoy for the test set.

The test images never enter the sandbox. The decoy is of the same size and kind, so that what the
notebook prints, and a schedule that reads it, stay meaningful. Must not know notebooks or rubrics.
"""

from __future__ import annotations

import struct
from pathlib import Path

import torch
from torch import Tensor

from harness import data
from harness.data import Images

SAMPLE = (512, 128)
"""Training and test images that a check serves."""


def decoy(dataset: str, images: Images, folder: Path) -> tuple[Tensor, Tensor]:
    """Labelled images in place of the test set, of which they are none.

    For MNIST those of QMNIST's test images that MNIST left out, where QMNIST is present; else
    training images, shifted by one or two pixels, each in a direction of its own.

    Args:
        dataset: one of `data.DATASETS`.
        images: the data set.
        folder: of the data sets.

    Returns:
        Images uint8 [N, 1, 28, 28] and labels int64 [N], as many as the test set has.
    """
    size = len(images.test)
    if dataset == "mnist" and not data.missing("qmnist", folder):
        return data.unseen(folder, size)
    random = torch.Generator().manual_seed(0)
    chosen = torch.randperm(len(images.train), generator=random)[:size]
    moves = torch.randint(8, (size,), generator=random)
    moved = images.train[chosen]
    for number, (down, across) in enumerate(
        [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (2, 0), (0, 2)]
    ):
        these = moves == number
        moved[these] = moved[these].roll((down, across), (2, 3))
    return moved, images.train_labels[chosen]


def sample(images: Images) -> Images:
    """As few images as a check serves."""
    train, test = SAMPLE
    return Images(
        images.train[:train],
        images.train_labels[:train],
        images.test[:test],
        images.test_labels[:test],
    )


def files(train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor]) -> dict[str, bytes]:
    """Images and labels as MNIST's raw files, by name.

    Args:
        train: images uint8 [N, 1, 28, 28] and labels int64 [N].
        test: likewise.
    """
    content = {}
    for name, (images, labels) in (("train", train), ("t10k", test)):
        head = struct.pack(">4I", 0x803, len(images), *images.shape[2:])
        content[f"{name}-images-idx3-ubyte"] = head + images.numpy().tobytes()
        head = struct.pack(">2I", 0x801, len(labels))
        content[f"{name}-labels-idx1-ubyte"] = head + labels.to(torch.uint8).numpy().tobytes()
    return content
