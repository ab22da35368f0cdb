"""Watches what a training loop uses beside its model: loaders, losses and schedulers of torch.

Part of the process that belongs to the submission. It puts wrappers around torch's functions that
pass everything through, and takes them off again; it knows nothing of models and runs.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader

from harness.inside.recipes import source
from harness.inside.runs import Pass

LOSSES = (
    *("nll_loss", "cross_entropy", "kl_div", "mse_loss", "l1_loss", "smooth_l1_loss"),
    *("huber_loss", "multi_margin_loss", "multilabel_soft_margin_loss"),
    *("binary_cross_entropy", "binary_cross_entropy_with_logits"),
)


class Patches:
    """Functions that were replaced, to be put back."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def wrap(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace a function by what `make` makes of it."""
        original = getattr(owner, name)
        self.put(owner, name, functools.wraps(original)(make(original)))

    def put(self, owner: Any, name: str, value: Any) -> None:
        """Replace an attribute, or set one that is inherited."""
        own, original = name in vars(owner), vars(owner).get(name)
        setattr(owner, name, value)
        if own:
            self._undo.append(lambda: setattr(owner, name, original))
        else:
            self._undo.append(lambda: delattr(owner, name))

    def undo(self) -> None:
        """Put everything back, the last first."""
        while self._undo:
            self._undo.pop()()


@dataclass(eq=False, kw_only=True)
class LoaderPass(Pass):
    """One iteration over a DataLoader, and the batch that it yielded last."""

    loader: DataLoader[Any]
    source: str
    images: weakref.ref[Tensor] | None = None
    labels: Tensor | None = None
    version: int = 0
    """Of the images, so that a change in place is noticed."""

    def took(self, batch: Any) -> None:
        """Keep what is needed of a batch: its first 4-d tensor and its labels."""
        values = list(batch.values()) if isinstance(batch, dict) else batch
        known = isinstance(values, list | tuple)
        tensors = [value for value in values if isinstance(value, Tensor)] if known else []
        images = next((t for t in tensors if t.dim() == 4), None)
        self.images = None if images is None else weakref.ref(images)
        self.version = 0 if images is None else _version(images)
        self.labels = next(
            (t for t in tensors if images is not None and _labels(t, len(images))), None
        )

    def gave(self, images: Tensor) -> bool:
        """Whether these images are the last batch, as it was."""
        mine = self.images() if self.images else None
        if mine is None or mine.shape != images.shape or _version(mine) != self.version:
            return False
        return mine.data_ptr() == images.data_ptr() or torch.equal(mine, images)


def _version(tensor: Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _labels(tensor: Tensor, count: int) -> bool:
    return tensor.shape == (count,) and not tensor.is_floating_point()


class Loaders:
    """The loaders' iterators, as they yield."""

    def __init__(
        self, patches: Patches, size: int, exhausted: Callable[[LoaderPass], None]
    ) -> None:
        self._size = size
        self._exhausted = exhausted
        self._passes: list[LoaderPass] = []
        patches.wrap(DataLoader, "__iter__", self._iter)

    def _iter(self, original: Callable[[Any], Iterator[Any]]) -> Callable[[Any], Iterator[Any]]:
        def watched(loader: DataLoader[Any]) -> Iterator[Any]:
            iterator = original(loader)
            with contextlib.suppress(Exception):
                through = LoaderPass(
                    of=self._count(loader), loader=loader, source=source(loader.dataset)
                )
                return _Iterator(iterator, through, self)
            return iterator

        return watched

    def _count(self, loader: DataLoader[Any]) -> int:
        """Images in a whole pass: a sampler may choose of the data set."""
        for sized in (loader.sampler, loader.dataset):
            with contextlib.suppress(TypeError):
                return len(sized)  # type: ignore[arg-type]
        return self._size

    def yielded(self, through: LoaderPass, batch: Any) -> None:
        """A loader's iterator gave a batch."""
        with contextlib.suppress(Exception):
            through.took(batch)
            if not self._passes or self._passes[-1] is not through:
                self._passes = [p for p in self._passes if not p.over and p is not through]
                self._passes.append(through)

    def ended(self, through: LoaderPass) -> None:
        """A loader's iterator has no more."""
        through.over = True
        self._exhausted(through)

    def of(self, images: Tensor) -> LoaderPass | None:
        """Where images come from that go into a model: if not that very batch, one as large."""
        sized = None
        for through in reversed(self._passes):
            batch = through.images() if through.images and not through.over else None
            if batch is not None and len(batch) == len(images):
                if batch.data_ptr() == images.data_ptr():
                    return through
                sized = sized or through
        return sized


class _Iterator:
    """A loader's iterator, that tells what it yields; the same in everything else."""

    def __init__(self, inner: Iterator[Any], through: LoaderPass, loaders: Loaders) -> None:
        self._inner, self._through, self._loaders = inner, through, loaders

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            batch = next(self._inner)
        except StopIteration:
            self._loaders.ended(self._through)
            raise
        self._loaders.yielded(self._through, batch)
        return batch

    def __len__(self) -> int:
        return len(self._inner)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> Any:
        if name in ("_inner", "_through", "_loaders"):
            raise AttributeError(name)
        return getattr(self._inner, name)

    def __del__(self) -> None:
        self._through.over = True


@dataclass
class LossCall:
    """A loss of torch.nn.functional, as it was called last."""

    function: Any
    name: str
    result: weakref.ref[Tensor]
    answer: Tensor
    target: Tensor
    rest: tuple[Any, ...]
    keywords: tuple[tuple[str, Any], ...]


class Losses:
    """The last loss, and what is back-propagated."""

    def __init__(
        self, patches: Patches, lost: Callable[[Any, bool, LossCall | None], None]
    ) -> None:
        self.last: LossCall | None = None
        self._lost = lost
        for name in LOSSES:
            patches.wrap(F, name, self._loss(name))
        patches.wrap(torch.autograd, "backward", self._backward)

    def _loss(self, name: str) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def watched(*args: Any, **keywords: Any) -> Any:
                result = original(*args, **keywords)
                with contextlib.suppress(Exception):
                    if result.requires_grad:
                        answer, target, *rest = args
                        self.last = LossCall(
                            original,
                            name,
                            weakref.ref(result),
                            answer,
                            target,
                            tuple(rest),
                            tuple(keywords.items()),
                        )
                return result

            return watched

        return make

    def _backward(self, original: Any) -> Any:
        def watched(tensors: Any, *args: Any, **keywords: Any) -> Any:
            result = original(tensors, *args, **keywords)
            weighted = any(v is not None for v in (*args[:1], keywords.get("grad_tensors")))
            call, self.last = self.last, None
            self._lost(tensors, weighted, call)
            return result

        return watched


@dataclass
class Schedule:
    """A scheduler that was made, and how often it was stepped since."""

    name: str
    scheduler: weakref.ref[Any]
    optimizer: weakref.ref[Any]
    given: dict[str, Any] = field(default_factory=dict)
    steps: int = 0


class Schedulers:
    """Every scheduler that is made, with its arguments and its steps."""

    def __init__(self, patches: Patches) -> None:
        self.made: list[Schedule] = []
        self._making = False
        self._stepping = False
        for kind in vars(lr_scheduler).values():
            if isinstance(kind, type) and issubclass(kind, lr_scheduler.LRScheduler):
                if "__init__" in vars(kind):
                    patches.wrap(kind, "__init__", self._init)
                if "step" in vars(kind):
                    patches.wrap(kind, "step", self._step)

    def of(self, optimizer: Any) -> list[Schedule]:
        """Those that were made for an optimiser."""
        return [schedule for schedule in self.made if schedule.optimizer() is optimizer]

    def _init(self, original: Any) -> Any:
        def watched(scheduler: Any, *args: Any, **keywords: Any) -> Any:
            if self._making:
                return original(scheduler, *args, **keywords)
            self._making = True
            try:
                result = original(scheduler, *args, **keywords)
            finally:
                self._making = False
            with contextlib.suppress(Exception):
                given = _bound(original, (scheduler, *args), keywords)
                self.made.append(
                    Schedule(
                        type(scheduler).__name__,
                        weakref.ref(scheduler),
                        weakref.ref(scheduler.optimizer),
                        given,
                    )
                )
            return result

        return watched

    def _step(self, original: Any) -> Any:
        def watched(scheduler: Any, *args: Any, **keywords: Any) -> Any:
            if self._making or self._stepping:
                return original(scheduler, *args, **keywords)
            self._stepping = True
            try:
                return original(scheduler, *args, **keywords)
            finally:
                self._stepping = False
                for schedule in self.made:
                    if schedule.scheduler() is scheduler:
                        schedule.steps += 1

        return watched


def _bound(function: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call by name, without those that a shim took away."""
    signature = inspect.signature(function)
    known = {key: value for key, value in keywords.items() if key in signature.parameters}
    return dict(signature.bind(*args, **known).arguments)
