"""Lets code for older versions of PyTorch and NumPy run: what they had, and today's do not.

Every one of these would fail here, and changes no number where it does not.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

import numpy as np
import torch
from torch.optim import lr_scheduler
from torch.utils.data import dataloader

from harness.inside.telling import tell

ALIASES = {"bool": bool, "complex": complex, "float": float, "int": int, "object": object}
"""Python's own types, as old versions of NumPy called them; `np.bool` is back by now."""


def install() -> None:
    """Bring back what is missing."""
    _next()
    for kind in vars(lr_scheduler).values():
        if isinstance(kind, type) and issubclass(kind, lr_scheduler.LRScheduler):
            _verbose(kind)
    _aliases()
    _load()


def _next() -> None:
    def next_batch(iterator: Any) -> Any:
        tell("iter().next()", "An iterator's .next() was answered as next(iterator).")
        return next(iterator)

    if not hasattr(dataloader._BaseDataLoaderIter, "next"):
        dataloader._BaseDataLoaderIter.next = next_batch  # type: ignore[attr-defined]


def _verbose(kind: type) -> None:
    """Let a scheduler take `verbose=` again, to no effect."""
    make = kind.__init__  # type: ignore[misc]
    if "verbose" in inspect.signature(make).parameters or "__init__" not in vars(kind):
        return

    @functools.wraps(make)
    def init(self: Any, *args: Any, **options: Any) -> None:
        if "verbose" in options:
            del options["verbose"]
            tell("verbose=", "A scheduler's verbose= was left out: PyTorch has it no more.")
        make(self, *args, **options)

    kind.__init__ = init  # type: ignore[misc]


def _aliases() -> None:
    known = np.__getattr__

    def attribute(name: str) -> Any:
        if name in ALIASES:
            tell(f"np.{name}", f"np.{name} stands for Python's own {name}, as it once did.")
            return ALIASES[name]
        return known(name)

    np.__getattr__ = attribute  # type: ignore[method-assign]


def _load() -> None:
    """Let `torch.load` open what the learner's older version has saved, on a CPU."""
    load = torch.load

    @functools.wraps(load)
    def opened(f: Any, map_location: Any = None, *args: Any, **options: Any) -> Any:
        if map_location is None and not torch.cuda.is_available():
            map_location = "cpu"
        if options.get("weights_only") is None:
            options["weights_only"] = False
        return load(f, map_location, *args, **options)

    torch.load = opened
