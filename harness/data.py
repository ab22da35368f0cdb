"""The data sets: which exist, where their files lie, and the images themselves.

MNIST comes through torchvision, and its files are verified before anything is graded; the
digits come inside scikit-learn. Must not know what is trained on them. Torch is imported only
where images are loaded, so that a grade of stored evidence needs none.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from harness.evidence import Dataset
from harness.recipe import Normalize

if TYPE_CHECKING:
    from torch import Tensor

FILES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
"""MNIST's raw files and their MD5."""

DIGITS_TEST = 360
"""Test images among scikit-learn's 1,797 digits; drawn by class with a fixed seed."""

DATASETS = {
    "mnist": Dataset(
        name="mnist",
        identity=f"mnist {' '.join(FILES.values())}",
        train_size=60_000,
        test_size=10_000,
    ),
    "digits": Dataset(
        name="digits",
        identity="digits of scikit-learn, 28 x 28, split 1",
        train_size=1_797 - DIGITS_TEST,
        test_size=DIGITS_TEST,
    ),
}
"""What is known of each data set without reading it."""

NORMALIZE = {
    "mnist": Normalize(mean=0.1307, std=0.3081),
    "digits": Normalize(mean=0.3054, std=0.3247),
}
"""Mean and standard deviation of the training pixels in 0..1."""


class DataError(RuntimeError):
    """The images are not there or not the right ones: the machine's fault, never a learner's."""


@dataclass(frozen=True)
class Images:
    """A data set in memory; the labels stay with the trusted side."""

    train: Tensor
    """uint8 [N, 1, 28, 28]."""
    train_labels: Tensor
    """int64 [N]."""
    test: Tensor
    test_labels: Tensor


def folder(given: Path | None = None) -> Path:
    """Where data sets lie: as given, else `HARNESS_DATA`, else the platform's cache folder."""
    if given is not None:
        return given
    if named := os.environ.get("HARNESS_DATA"):
        return Path(named)
    return platformdirs.user_cache_path("mnist-harness") / "data"


def load(name: str, data: Path) -> Images:
    """The images of a data set.

    Args:
        name: one of `DATASETS`.
        data: a folder in torchvision's layout (`MNIST/raw/...`); missing files are downloaded.

    Raises:
        DataError: if the files are missing and cannot be had, or are not the right ones.
    """
    return _digits() if name == "digits" else _mnist(data)


def _mnist(data: Path) -> Images:
    from torchvision.datasets import MNIST

    raw = data / "MNIST" / "raw"
    if not all((raw / file).is_file() for file in FILES):
        try:
            MNIST(data, download=True)
        except (RuntimeError, OSError) as error:
            raise DataError(
                f"MNIST is not in {raw} and could not be downloaded ({error}); put there "
                f"{', '.join(FILES)}, plain or as .gz"
            ) from None
    for file, checksum in FILES.items():
        found = hashlib.md5((raw / file).read_bytes(), usedforsecurity=False).hexdigest()
        if found != checksum:
            raise DataError(
                f"{raw / file} is not MNIST's: its MD5 is {found}, it must be {checksum}; "
                "delete it, and it will be downloaded again"
            )
    train, test = MNIST(data, train=True), MNIST(data, train=False)
    return Images(train.data.unsqueeze(1), train.targets, test.data.unsqueeze(1), test.targets)


def _digits() -> Images:
    import torch
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split
    from torch.nn.functional import interpolate

    digits = load_digits()
    small = torch.from_numpy(digits.images).float().unsqueeze(1) * (255 / 16)
    images = interpolate(small, size=(28, 28), mode="bilinear").round().to(torch.uint8)
    labels = torch.from_numpy(digits.target).long()
    train, test = train_test_split(
        range(len(labels)), test_size=DIGITS_TEST, random_state=0, stratify=digits.target
    )
    return Images(images[train], labels[train], images[test], labels[test])
