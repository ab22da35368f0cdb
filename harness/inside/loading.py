"""Makes batches faster than torch's DataLoader does, and the same to the bit.

Batches of MNIST and its kin are looked up whole where the end of the transform treats each pixel
alone; workers are played by this process, each with the random numbers that it would have had.
Everything else takes torch's own way. Nothing is remembered from batch to batch but the workers'
random states, so that a data set or a transform that the learner changes is never stale. Must
not know what is done with batches, nor draw a random number of its own.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils import data
from torch.utils.data import _utils, dataloader
from torchvision import datasets, transforms
from torchvision.transforms import v2

from harness.inside.telling import tell

POINTWISE = (
    transforms.ConvertImageDtype,
    transforms.Grayscale,
    transforms.Normalize,
    transforms.PILToTensor,
    transforms.ToTensor,
    v2.Grayscale,
    v2.Identity,
    v2.Normalize,
    v2.PILToTensor,
    v2.ToDtype,
    v2.ToImage,
    v2.ToPureTensor,
    v2.ToTensor,
)
"""Transforms whose every pixel depends on that pixel alone, and on nothing random."""

_fetch = _utils.fetch._MapDatasetFetcher.fetch
_iterate = data.DataLoader._get_iterator


def install() -> None:
    """Let every DataLoader of this process make its batches so."""
    _utils.fetch._MapDatasetFetcher.fetch = fetch  # type: ignore[method-assign]
    data.DataLoader._get_iterator = iterate  # type: ignore[method-assign, assignment]


def fetch(fetcher: Any, indices: Any) -> Any:
    """A batch, as `_MapDatasetFetcher.fetch` makes it."""
    if fetcher.auto_collation and fetcher.collate_fn is _utils.collate.default_collate:
        places = [_place(fetcher.dataset, index) for index in indices]
        if places and None not in places:
            batch = _batch(places)  # type: ignore[arg-type]
            if batch is not None:
                return batch
    return _fetch(fetcher, indices)


Place = tuple[datasets.MNIST, int]
"""A data set with images of its own, and an index into it."""


def _place(dataset: Any, index: Any) -> Place | None:
    """Where a sample of a data set comes from; None if only the data set knows."""
    while True:
        if type(dataset) is data.Subset:
            dataset, index = dataset.dataset, dataset.indices[index]
        elif type(dataset) is data.ConcatDataset:
            if index < 0:
                return None
            part = bisect_right(dataset.cumulative_sizes, index)
            if part == len(dataset.datasets):
                return None
            before = dataset.cumulative_sizes[part - 1] if part else 0
            dataset, index = dataset.datasets[part], index - before
        else:
            break
    if not isinstance(dataset, datasets.MNIST):
        return None
    if type(dataset).__getitem__ is not datasets.MNIST.__getitem__:
        return None
    return dataset, index


def _batch(places: Sequence[Place]) -> list[torch.Tensor] | None:
    """The batch from these places; None where torch's own way must be taken."""
    dataset = places[0][0]
    if any(other is not dataset for other, _ in places):
        return None
    images, labels = dataset.data, dataset.targets
    if (
        dataset.target_transform is not None
        or not isinstance(images, torch.Tensor)
        or not isinstance(labels, torch.Tensor)
        or (images.dtype, images.ndim, images.device.type) != (torch.uint8, 3, "cpu")
        or (labels.dtype, labels.ndim, labels.device.type) != (torch.int64, 1, "cpu")
    ):
        return None
    steps = _steps(dataset.transform)
    if steps is None:
        return None
    before, after = steps
    table = _table(after)
    if table is None:
        return None
    chosen = torch.tensor([int(index) for _, index in places])
    if not before:
        pixels = images[chosen].long()
        return [torch.stack([values[pixels] for values in table], 1), labels[chosen]]
    samples: list[torch.Tensor] = []
    for index in chosen.tolist():
        image = Image.fromarray(images[index].numpy())
        for step in before:
            image = step(image)
        samples.append(_finish(image, after, table))
    return [torch.stack(samples), labels[chosen]]


def _finish(image: Any, after: list[Any], table: torch.Tensor) -> torch.Tensor:
    """The end of a transform, for an image that its beginning made."""
    if isinstance(image, Image.Image) and image.mode == "L":
        return table[:, torch.from_numpy(np.array(image)).long()]
    for step in after:
        image = step(image)
    return image  # type: ignore[no-any-return]


def _steps(transform: Any) -> tuple[list[Any], list[Any]] | None:
    """A transform's steps: those before, and those that treat each pixel alone, to the end."""
    if type(transform) in (transforms.Compose, v2.Compose):
        steps = list(transform.transforms)
    else:
        steps = [transform]
    start = len(steps)
    while start and type(steps[start - 1]) in POINTWISE:
        start -= 1
    return (steps[:start], steps[start:]) if start < len(steps) else None


def _table(steps: list[Any]) -> torch.Tensor | None:
    """What the steps make of each of the 256 values of a pixel, [channels, 256].

    They are asked themselves, so that whatever they do is what a batch gets.
    """
    values: Any = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    try:
        for step in steps:
            values = step(values)
        (values,) = _utils.collate.default_collate([values])
    except Exception:
        return None  # torch's own way meets it again, and the learner reads it there
    if type(values) is not torch.Tensor or values.shape[1:] != (16, 16):
        return None
    return values.flatten(1)


def iterate(loader: Any) -> Any:
    """An iterator of a DataLoader: one that plays its workers, if it has any."""
    if loader.num_workers == 0 or loader._dataset_kind != dataloader._DatasetKind.Map:
        return _iterate(loader)
    tell("num_workers", "Batches are made by the notebook's own process, without workers.")
    return PlayedWorkers(loader)


State = tuple[Any, Any, Any]
"""Of the random numbers of Python, NumPy and torch."""


class PlayedWorkers(dataloader._BaseDataLoaderIter):
    """Batches as workers make them, each with its own random numbers, in one process."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self._pin_memory = False
        self._start = loader.worker_init_fn
        self._begin(loader)
        self._states: dict[int, State] = {}
        self._fetcher = dataloader._DatasetKind.create_fetcher(
            self._dataset_kind, self._dataset, self._auto_collation, self._collate_fn, False
        )

    def _reset(self, loader: Any, first_iter: bool = False) -> None:
        super()._reset(loader, first_iter)
        self._begin(loader)

    def _begin(self, loader: Any) -> None:
        """Ask the sampler for as many batches ahead as workers would have been given."""
        self._next_batch = 0
        self._ahead = deque(islice(self._sampler_iter, loader.prefetch_factor * self._num_workers))

    def _next_data(self) -> Any:
        if not self._ahead:
            raise StopIteration
        indices = self._ahead.popleft()
        self._ahead.extend(islice(self._sampler_iter, 1))
        worker = self._next_batch % self._num_workers
        self._next_batch += 1
        with self._as(worker):
            return self._fetcher.fetch(indices)

    @contextmanager
    def _as(self, worker: int) -> Iterator[None]:
        """Be a worker: draw its random numbers, and answer as it to `get_worker_info`."""
        own = _state()
        module = _utils.worker
        seed = int(self._base_seed) + worker
        module._worker_info = module.WorkerInfo(
            id=worker, num_workers=self._num_workers, seed=seed, dataset=self._dataset
        )
        try:
            if worker in self._states:
                _restore(self._states[worker])
            else:
                random.seed(seed)
                torch.default_generator.manual_seed(seed)
                np.random.seed(module._generate_state(self._base_seed, worker))
                if self._start is not None:
                    self._start(worker)
            yield
        finally:
            self._states[worker] = _state()
            module._worker_info = None
            _restore(own)


def _state() -> State:
    return random.getstate(), np.random.get_state(), torch.random.get_rng_state()


def _restore(state: State) -> None:
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.random.set_rng_state(state[2])
