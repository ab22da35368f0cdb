"""Lets code for older versions of PyTorch and NumPy run: what they had, and today's do not.

Every one of these would fail here, and changes no number where it does not. Must not know what a
notebook trains.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

import IPython.core.display
import IPython.display
import numpy as np
import torch
from torch.optim import lr_scheduler
from torch.utils.data import dataloader
from torchvision import transforms

from harness.inside.telling import tell

ALIASES = {
    "bool": bool,
    "complex": complex,
    "float": float,
    "int": int,
    "object": object,
    "str": str,
    **dict.fromkeys(("Inf", "Infinity", "PINF", "infty"), np.inf),
    **dict.fromkeys(("NaN", "NAN"), np.nan),
    "NINF": -np.inf,
    "float_": np.float64,
    "product": np.prod,
    "alltrue": np.all,
}
"""What old versions of NumPy had under these names."""


def install() -> None:
    """Bring back what is missing."""
    _next()
    for kind in vars(lr_scheduler).values():
        if isinstance(kind, type) and issubclass(kind, lr_scheduler.LRScheduler):
            _verbose(kind)
    _aliases()
    _load()
    _compile()
    _affine()
    _display()


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
            tell(f"np.{name}", f"np.{name}, which NumPy has no more, stands for what it once did.")
            return ALIASES[name]
        return known(name)

    np.__getattr__ = attribute  # type: ignore[method-assign]


def _compile() -> None:
    """Leave models as they are: compiling takes minutes, and hides from the probe what they do."""

    def compiled(model: Any = None, **_: Any) -> Any:
        tell("torch.compile", "torch.compile did nothing here.")
        return model if model is not None else lambda function: function

    torch.compile = compiled
    torch.nn.Module.compile = lambda self, *_, **__: compiled(self)  # type: ignore[method-assign]


def _affine() -> None:
    """Let RandomAffine and RandomRotation take what arguments were once called."""
    for kind in (transforms.RandomAffine, transforms.RandomRotation):
        kind.__init__ = _renamed(kind.__init__)


def _renamed(make: Any) -> Any:
    @functools.wraps(make)
    def init(self: Any, *args: Any, **options: Any) -> None:
        for old, new in (("fillcolor", "fill"), ("resample", "interpolation")):
            if old in options:
                tell(f"{old}=", f"A transform's {old}= is called {new}= by now.")
                value = options.pop(old)
                if value:  # False and 0 once stood for the default
                    options[new] = value
        make(self, *args, **options)

    return init


def _display() -> None:
    """Bring back the place from which old notebooks import `display`."""
    if not hasattr(IPython.core.display, "display"):
        vars(IPython.core.display)["display"] = IPython.display.display


def _load() -> None:
    """Let `torch.load` open what the learner's older version has saved, on a CPU."""
    load = torch.load

    @functools.wraps(load)
    def opened(f: Any, map_location: Any = None, *args: Any, **options: Any) -> Any:
        named = isinstance(map_location, str | torch.device)
        if (map_location is None or named) and not torch.cuda.is_available():
            map_location = "cpu"
        if options.get("weights_only") is None:
            options["weights_only"] = False
        return load(f, map_location, *args, **options)

    torch.load = opened
