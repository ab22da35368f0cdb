"""What a notebook gets in place of the test set: like it, as large, and none of it."""

from pathlib import Path

import pytest
import torch
from torchvision.datasets import MNIST

from harness import data
from harness.collect import served
from harness.data import Images


@pytest.fixture
def images() -> Images:
    """Noise, so that no two images are equal by chance; the labels tell their numbers."""
    random = torch.Generator().manual_seed(1)
    train = torch.randint(256, (200, 1, 28, 28), generator=random, dtype=torch.uint8)
    test = torch.randint(256, (50, 1, 28, 28), generator=random, dtype=torch.uint8)
    return Images(train, torch.arange(200) % 10, test, torch.arange(50) % 10)


def test_torchvision_reads_the_files_as_they_were_written(images: Images, tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    decoy = served.decoy("mnist", images, tmp_path)
    for name, content in served.files((images.train, images.train_labels), decoy).items():
        (raw / name).write_bytes(content)
    for train, (pixels, labels) in (
        (True, (images.train, images.train_labels)),
        (False, decoy),
    ):
        read = MNIST(tmp_path, train=train)
        assert torch.equal(read.data, pixels[:, 0])
        assert torch.equal(read.targets, labels)


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist", "digits"])
def test_no_test_image_is_among_them(images: Images, tmp_path: Path, dataset: str) -> None:
    decoy, labels = served.decoy(dataset, images, tmp_path)
    assert decoy.shape == images.test.shape
    assert len(labels) == len(images.test)
    known = {image.numpy().tobytes() for image in [*images.test, *images.train]}
    assert known.isdisjoint(image.numpy().tobytes() for image in decoy)
    again, same = served.decoy(dataset, images, tmp_path)
    assert torch.equal(decoy, again)
    assert torch.equal(labels, same)


def test_each_is_a_training_image_with_its_label_moved_a_little(
    images: Images, tmp_path: Path
) -> None:
    kept = images.train.clone()
    decoy, labels = served.decoy("mnist", images, tmp_path)
    moves = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (2, 0), (0, 2)]
    moved = {
        image.roll(move, (1, 2)).numpy().tobytes(): int(label)
        for image, label in zip(images.train, images.train_labels, strict=True)
        for move in moves
    }
    assert [moved[image.numpy().tobytes()] for image in decoy] == labels.tolist()
    assert torch.equal(images.train, kept)


def test_where_qmnist_is_mnist_gets_digits_that_nobody_has_seen(
    images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = torch.zeros(50, 1, 28, 28, dtype=torch.uint8), torch.zeros(50, dtype=torch.int64)
    monkeypatch.setattr(data, "missing", lambda name, folder: [])
    monkeypatch.setattr(data, "unseen", lambda folder, count: (other[0][:count], other[1][:count]))
    assert torch.equal(served.decoy("mnist", images, tmp_path)[0], other[0])
    assert not torch.equal(served.decoy("kmnist", images, tmp_path)[0], other[0])
