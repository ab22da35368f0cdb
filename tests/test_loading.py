"""Batches that are made faster are the same, and leave the same random numbers behind."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils import data
from torchvision import datasets
from torchvision import transforms as v1
from torchvision.transforms import v2

from harness.inside import loading

SIZE = 70


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small MNIST."""
    folder = tmp_path_factory.mktemp("data")
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    images = np.random.default_rng(0).integers(0, 256, (SIZE, 28, 28), dtype=np.uint8)
    labels = (np.arange(SIZE) % 10).astype(np.uint8)
    for part in ("train", "t10k"):
        sizes = b"".join(n.to_bytes(4, "big") for n in (SIZE, 28, 28))
        (raw / f"{part}-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + sizes + images.tobytes())
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(
            b"\0\0\x08\x01" + sizes[:4] + labels.tobytes()
        )
    return folder


NORMALIZE = v1.Normalize((0.1307,), (0.3081,))

TRANSFORMS: dict[str, Callable[[], Any]] = {
    "usual": lambda: v1.Compose([v1.ToTensor(), NORMALIZE]),
    "alone": v1.ToTensor,
    "unscaled": v1.PILToTensor,
    "converted": lambda: v1.Compose([v1.PILToTensor(), v1.ConvertImageDtype(torch.float64)]),
    "three channels": lambda: v1.Compose([v1.Grayscale(3), v1.ToTensor(), v1.Normalize([0.1, 0.2, 0.3], [1, 2, 3])]),
    "v2": lambda: v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.1], [0.3])]),
    "resized": lambda: v1.Compose([v1.Resize(20), v1.ToTensor(), NORMALIZE]),
    "padded": lambda: v1.Compose([v1.Pad(2), v1.CenterCrop(30), v1.ToTensor()]),
    "rotated": lambda: v1.Compose([v1.RandomRotation(7, fill=1), v1.ToTensor(), NORMALIZE]),
    "coloured": lambda: v1.Compose([v1.ColorJitter(0.1, 0.1), v1.RandomAffine(5, (0.1, 0.1)), v1.ToTensor()]),
    "sometimes": lambda: v1.Compose([v1.RandomApply([v1.CenterCrop(22)], 0.1), v1.Resize((28, 28)), v1.ToTensor()]),
    "erased": lambda: v1.Compose([v1.ToTensor(), NORMALIZE, v1.RandomErasing(0.5)]),
    "own": lambda: v1.Compose([v1.ToTensor(), v1.Lambda(lambda image: image + random.random())]),
    "own first": lambda: v1.Compose([v1.Lambda(lambda image: image.rotate(np.random.rand())), v1.ToTensor()]),
    "turned to RGB": lambda: v1.Compose([v1.Lambda(lambda image: image.convert("RGB")), v1.ToTensor()]),
}  # fmt: skip


class Own(datasets.MNIST):
    """A data set of the learner's, with answers of its own."""

    def __getitem__(self, index: int) -> Any:
        image, label = super().__getitem__(index)
        return image, label + 1


def plain(root: Path, transform: Any) -> Any:
    return datasets.MNIST(root, transform=transform)


SETS: dict[str, Callable[[Path, Any], Any]] = {
    "plain": plain,
    "subset": lambda root, t: data.Subset(plain(root, t), range(50, 5, -1)),
    "split": lambda root, t: data.random_split(plain(root, t), [40, 30])[1],
    "subset of split": lambda root, t: data.Subset(data.random_split(plain(root, t), [0.5, 0.5])[0], [3, 1, 2]),
    "twice": lambda root, t: data.ConcatDataset([plain(root, t)] * 2),
    "two": lambda root, t: data.ConcatDataset([plain(root, t), plain(root, v1.ToTensor())]),
    "own class": lambda root, t: Own(root, transform=t),
    "labels changed": lambda root, t: datasets.MNIST(root, transform=t, target_transform=lambda label: label % 2),
}  # fmt: skip

LOADERS: dict[str, Callable[[Any], Any]] = {
    "in order": lambda d: data.DataLoader(d, 16),
    "shuffled": lambda d: data.DataLoader(d, 16, shuffle=True),
    "one": lambda d: data.DataLoader(d, 1, shuffle=True),
    "whole": lambda d: data.DataLoader(d, 16, shuffle=True, drop_last=True),
    "own generator": lambda d: data.DataLoader(d, 16, shuffle=True, generator=torch.Generator().manual_seed(3)),
    "drawn": lambda d: data.DataLoader(d, 16, sampler=data.RandomSampler(d, replacement=True, num_samples=20)),
    "weighted": lambda d: data.DataLoader(d, 16, sampler=data.WeightedRandomSampler([0.5] * len(d), 33)),
    "batches": lambda d: data.DataLoader(d, batch_sampler=[[2, 0, 0], [1]]),
    "unbatched": lambda d: data.DataLoader(d, batch_size=None),
    "own collate": lambda d: data.DataLoader(d, 8, shuffle=True, collate_fn=lambda some: (torch.stack([i for i, _ in some]), [t for _, t in some])),
}  # fmt: skip


def told(make: Callable[[], Any], epochs: int = 2) -> tuple[Any, ...]:
    """All that a loader gives, or its error; and what is drawn after it."""
    random.seed(1)
    np.random.seed(2)
    torch.manual_seed(3)
    batches: list[Any] = []
    try:
        loader = make()
        for _ in range(epochs):
            for images, labels in loader:
                kind = (type(images), images.dtype, images.shape, images.stride())
                batches.append((kind, images.numpy().tobytes(), torch.as_tensor(labels).tolist()))
    except Exception as error:
        batches.append((type(error), str(error)))
    return batches, random.random(), np.random.rand(), torch.rand(3).tolist()


def fast(make: Callable[[], Any]) -> tuple[Any, ...]:
    """The same in a notebook's kernel."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.utils.data._utils.fetch._MapDatasetFetcher, "fetch", loading.fetch)
        patch.setattr(data.DataLoader, "_get_iterator", loading.iterate)
        return told(make)


@given(draw=st.data())
def test_every_loader_gives_the_same(root: Path, draw: st.DataObject) -> None:
    transform = TRANSFORMS[draw.draw(st.sampled_from(list(TRANSFORMS)))]
    dataset = SETS[draw.draw(st.sampled_from(list(SETS)))]
    loader = LOADERS[draw.draw(st.sampled_from(list(LOADERS)))]

    def make() -> Any:
        return loader(dataset(root, transform()))

    assert fast(make) == told(make)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_transform_gives_the_same(root: Path, name: str) -> None:
    def make() -> Any:
        return data.DataLoader(plain(root, TRANSFORMS[name]()), 16, shuffle=True)

    assert fast(make) == told(make)


WORKERS: dict[str, dict[str, Any]] = {
    "usual": {"num_workers": 2, "pin_memory": True, "shuffle": True},
    "kept": {"num_workers": 2, "persistent_workers": True, "prefetch_factor": 1, "shuffle": True},
    "started": {"num_workers": 3, "timeout": 60, "worker_init_fn": lambda worker: np.random.seed(worker)},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", WORKERS)
@pytest.mark.parametrize("transform", ["rotated", "own", "own first"])
def test_played_workers_draw_what_workers_draw(root: Path, name: str, transform: str) -> None:
    def make() -> Any:
        return data.DataLoader(plain(root, TRANSFORMS[transform]()), 16, **WORKERS[name])

    assert fast(make) == told(make)


def test_what_the_learner_changes_is_seen(root: Path) -> None:
    def make() -> Any:
        dataset = plain(root, v1.Compose([v1.ToTensor(), v1.Normalize((0.1,), (0.3,))]))
        loader = data.DataLoader(dataset, 16)
        for number, batch in enumerate(loader):
            yield batch
            if number == 0:
                dataset.transform.transforms[1].mean = (0.5,)
            if number == 1:
                dataset.data[40:] = 7
                dataset.targets[40:] = 3
            if number == 2:
                dataset.transform = v1.PILToTensor()

    assert fast(make) == told(make)


def test_the_usual_transform_is_asked_once_a_batch(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    usual = v1.ToTensor.__call__
    monkeypatch.setattr(v1.ToTensor, "__call__", lambda t, i: asked.append(i) or usual(t, i))
    batches, *_ = fast(
        lambda: data.DataLoader(plain(root, TRANSFORMS["usual"]()), 16, num_workers=2)
    )
    assert len(asked) == len(batches) == 10
