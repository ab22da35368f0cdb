"""The data sets: which exist, where their files lie, and the images themselves.

MNIST and its kin come through torchvision, and their files are verified before anything is
graded; the digits come inside scikit-learn. Must not know what is trained on them. Torch is
imported only where images are loaded or downloaded, so that a grade of stored evidence needs none.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import platformdirs

from harness.evidence import Dataset
from harness.recipe import Normalize

if TYPE_CHECKING:
    from torch import Tensor

Name = Literal["mnist", "fashion-mnist", "kmnist", "qmnist", "digits"]
"""The data sets that a rubric can ask for."""


class File(NamedTuple):
    """A raw file of a data set, and the MD5 by which it is known."""

    name: str
    packed: str
    """MD5 of `name.gz`, which torchvision downloads."""
    plain: str = ""
    """MD5 of the file itself, where it is published."""


class Origin(NamedTuple):
    """Where a data set comes from."""

    torchvision: str
    """The class in torchvision.datasets, and the folder of its files."""
    files: tuple[File, File, File, File]
    """Training images and labels, test images and labels."""


ORIGINS: dict[str, Origin] = {
    "mnist": Origin(
        "MNIST",
        (
            File(
                "train-images-idx3-ubyte",
                "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "6bbc9ace898e44ae57da46a324031adb",
            ),
            File(
                "train-labels-idx1-ubyte",
                "d53e105ee54ea40749a09fcbcd1e9432",
                "a25bea736e30d166cdddb491f175f624",
            ),
            File(
                "t10k-images-idx3-ubyte",
                "9fb629c4189551a2d022fa330f9573f3",
                "2646ac647ad5339dbf082846283269ea",
            ),
            File(
                "t10k-labels-idx1-ubyte",
                "ec29112dd5afa0611ce80d1b7f02629c",
                "27ae3e4e09519cfbb04c329615203637",
            ),
        ),
    ),
    "fashion-mnist": Origin(
        "FashionMNIST",
        (
            File("train-images-idx3-ubyte", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            File("train-labels-idx1-ubyte", "25c81989df183df01b3e8a0aad5dffbe"),
            File("t10k-images-idx3-ubyte", "bef4ecab320f06d8554ea6380940ec79"),
            File("t10k-labels-idx1-ubyte", "bb300cfdad3c16e7a12a480ee83cd310"),
        ),
    ),
    "kmnist": Origin(
        "KMNIST",
        (
            File("train-images-idx3-ubyte", "bdb82020997e1d708af4cf47b453dcf7"),
            File("train-labels-idx1-ubyte", "e144d726b3acfaa3e44228e80efcd344"),
            File("t10k-images-idx3-ubyte", "5c965bf0a639b31b8f53240b1b52f4d7"),
            File("t10k-labels-idx1-ubyte", "7320c461ea6c1c855c0b718fb2a4b134"),
        ),
    ),
    "qmnist": Origin(
        "QMNIST",
        (
            File("qmnist-train-images-idx3-ubyte", "ed72d4157d28c017586c42bc6afe6370"),
            File("qmnist-train-labels-idx2-int", "0058f8dd561b90ffdd0f734c6a30e5e4"),
            File("qmnist-test-images-idx3-ubyte", "1394631089c404de565df7b7aeaf9412"),
            File("qmnist-test-labels-idx2-int", "5b5b05890a5e13444e108efe57b788aa"),
        ),
    ),
}
"""What torchvision provides. The checksums are those in its source; the plain ones are MNIST's."""

DIGITS_TEST = 360
"""Test images among scikit-learn's 1,797 digits; drawn by class with a fixed seed."""


def _of_torchvision(name: str) -> Dataset:
    checksums = " ".join(file.plain or file.packed for file in ORIGINS[name].files)
    return Dataset(name=name, identity=f"{name} {checksums}", train_size=60_000, test_size=10_000)


DATASETS: dict[str, Dataset] = {name: _of_torchvision(name) for name in ORIGINS} | {
    "digits": Dataset(
        name="digits",
        identity="digits of scikit-learn, 28 x 28, split 1",
        train_size=1_797 - DIGITS_TEST,
        test_size=DIGITS_TEST,
    ),
}
"""What is known of each data set without reading it. QMNIST has 60,000 test images, of which the
first 10,000 are MNIST's own, reconstructed: these decide, and the others remain unseen."""

NORMALIZE = {
    "mnist": Normalize(mean=0.1307, std=0.3081),
    "fashion-mnist": Normalize(mean=0.2860, std=0.3530),
    "kmnist": Normalize(mean=0.1918, std=0.3483),
    "qmnist": Normalize(mean=0.1307, std=0.3081),
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


def raw(name: str, data: Path) -> Path:
    """The folder of a data set's files, in torchvision's layout."""
    return data / ORIGINS[name].torchvision / "raw"


def missing(name: str, data: Path) -> list[Path]:
    """The files of a data set that are not there."""
    if name == "digits":
        return []
    files = (raw(name, data) / file.name for file in ORIGINS[name].files)
    return [file for file in files if not file.is_file()]


def verify(name: str, data: Path) -> None:
    """Hold the files that are there against their checksums.

    Raises:
        DataError: naming the file, what was found, what was expected and what to do.
    """
    if name == "digits":
        return
    for file in ORIGINS[name].files:
        plain, packed = raw(name, data) / file.name, raw(name, data) / f"{file.name}.gz"
        if packed.is_file():
            _hold(packed, packed.read_bytes(), file.packed, name)
        if not plain.is_file():
            continue
        expected = file.plain
        if not expected and not packed.is_file():
            raise DataError(
                f"{plain} cannot be verified: of {name}'s files the checksums of the compressed "
                f"ones are published, and {packed.name} is not there; put it beside it"
            )
        if not expected:
            expected = _md5(gzip.decompress(packed.read_bytes()))
        _hold(plain, plain.read_bytes(), expected, name)


def problem(name: str, data: Path) -> str:
    """What is wrong with a data set's files and how to mend it; empty if they are all right."""
    try:
        verify(name, data)
    except (DataError, OSError) as error:
        return str(error)
    if absent := missing(name, data):
        return f"{absent[0]} is not there; `harness data get {name}` fetches it"
    return ""


def _hold(file: Path, content: bytes, expected: str, name: str) -> None:
    if (found := _md5(content)) != expected:
        raise DataError(
            f"{file} is not {name}'s: {len(content):,} bytes with MD5 {found}, it must be "
            f"{expected}; delete it, and `harness data get {name}` fetches it again"
        )


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def get(name: str, data: Path) -> None:
    """See to it that a data set's files are there and right; missing ones are downloaded.

    Raises:
        DataError: if they cannot be had, or are not the right ones.
    """
    verify(name, data)
    if not missing(name, data):
        return
    from torchvision import datasets

    dataset = getattr(datasets, ORIGINS[name].torchvision)
    why = "torchvision found other files"
    try:
        for train in (True, False):
            dataset(data, train=train, download=True)
    except (RuntimeError, OSError) as error:
        why = " ".join(str(error).split())
    verify(name, data)
    if absent := missing(name, data):
        either = ", plain or" if ORIGINS[name].files[0].plain else ""
        raise DataError(
            f"{name} is not complete in {raw(name, data)} and could not be downloaded ({why}); "
            f"put there{either} as .gz: {', '.join(file.name for file in absent)}"
        )


def load(name: str, data: Path) -> Images:
    """The images of a data set.

    Args:
        name: one of `DATASETS`.
        data: a folder in torchvision's layout (`MNIST/raw/...`); missing files are downloaded.

    Raises:
        DataError: if the files are missing and cannot be had, or are not the right ones.
    """
    if name == "digits":
        return _digits()
    get(name, data)
    # The classes would prefer a `processed/training.pt` beside the verified files.
    from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor as read

    size = DATASETS[name].test_size
    train, train_labels, test, test_labels = (
        read(str(raw(name, data) / file.name)) for file in ORIGINS[name].files
    )
    return Images(
        train.unsqueeze(1),
        _classes(train_labels),
        test[:size].unsqueeze(1),
        _classes(test_labels[:size]),
    )


def unseen(data: Path, count: int) -> tuple[Tensor, Tensor]:
    """QMNIST's test images that MNIST left out: as many, with their labels.

    Returns:
        Images uint8 [N, 1, 28, 28] and labels int64 [N].
    """
    from torchvision.datasets.mnist import read_sn3_pascalvincent_tensor as read

    verify("qmnist", data)
    images, labels = (
        read(str(raw("qmnist", data) / file.name)) for file in ORIGINS["qmnist"].files[2:]
    )
    chosen = slice(10_000, 10_000 + count)
    return images[chosen].unsqueeze(1), _classes(labels[chosen])


def _classes(labels: Tensor) -> Tensor:
    """QMNIST's labels are rows of eight numbers, of which the first is the class."""
    return labels.long().view(len(labels), -1)[:, 0].contiguous()


def scaled(images: Tensor, by: Normalize) -> Tensor:
    """Images uint8 as a network takes them: float32, 0..1, then (x - mean) / std."""
    return images.float().div_(255).sub_(by.mean).div_(by.std)


def _digits() -> Images:
    from sklearn.model_selection import train_test_split

    images, labels = digits()
    train, test = train_test_split(
        range(len(labels)), test_size=DIGITS_TEST, random_state=0, stratify=labels.numpy()
    )
    return Images(images[train], labels[train], images[test], labels[test])


def digits() -> tuple[Tensor, Tensor]:
    """All of scikit-learn's digits: images uint8 [N, 1, 28, 28], labels int64 [N].

    They are read from the package's file, because to import the package takes two seconds.
    """
    import numpy
    import torch
    from torch.nn.functional import interpolate

    package = find_spec("sklearn")
    assert package is not None
    assert package.submodule_search_locations is not None
    file = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    table = torch.from_numpy(numpy.loadtxt(file, delimiter=","))
    small = table[:, :64].float().view(-1, 1, 8, 8) * (255 / 16)
    images = interpolate(small, size=(28, 28), mode="bilinear").round().to(torch.uint8)
    return images, table[:, 64].long()
