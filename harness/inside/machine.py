"""Stands in for the learner's machine: its graphics card, and the folders that it had.

Without CUDA its devices are the CPU. An absolute path that leads nowhere here leads into the
process's own folder: what is written there can be read again, and a file of what was handed in is
found by its name. Paths that exist are left alone. Must not know what a notebook trains.
"""

from __future__ import annotations

import builtins
import functools
import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from IPython.core import interactiveshell

from harness.inside.telling import tell

_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")

MAKERS = (
    *("arange", "as_tensor", "empty", "eye", "full", "linspace", "ones"),
    *("rand", "randint", "randn", "randperm", "tensor", "zeros"),
    *("empty_like", "full_like", "ones_like", "rand_like", "randn_like", "zeros_like"),
)
"""Functions of torch that make a tensor on a device."""


def install(private: Path, checkout: Path) -> None:
    """Let the process take paths and devices of another machine."""
    _Elsewhere(private, checkout).install()
    if not torch.cuda.is_available():
        _without_cuda()


def _cpu(device: Any) -> Any:
    """The device to use for one that may be missing."""
    if isinstance(device, (str, torch.device)) and str(device).startswith("cuda"):
        tell("cuda", "There is no CUDA device here: the notebook ran on the CPU.")
        return torch.device("cpu")
    if isinstance(device, int) and not isinstance(device, bool):
        return _cpu("cuda")
    return device


def _without_cuda() -> None:
    for kind in (torch.Tensor, torch.nn.Module):
        kind.cuda = _stay  # type: ignore[method-assign]
        kind.to = _moving(kind.to)  # type: ignore[method-assign]
    torch.cuda.synchronize = lambda *_, **__: None
    torch.cuda.get_device_name = lambda *_, **__: "none"
    asked = torch.cuda.is_available

    def is_available() -> bool:
        if sys._getframe(1).f_globals.get("__name__") == "__main__":
            tell(
                "torch.cuda.is_available()",
                "It asks for a CUDA device, and there is none here: what it does without one, such "
                "as taking other batches, is what it was graded on.",
            )
        return asked()

    torch.cuda.is_available = is_available
    for name in MAKERS:
        setattr(torch, name, _made(getattr(torch, name)))


def _stay(self: Any, *_: Any, **__: Any) -> Any:
    _cpu("cuda")
    return self


def _moving(to: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(to)
    def moved(self: Any, *args: Any, **options: Any) -> Any:
        if args:
            args = (_cpu(args[0]), *args[1:])
        if "device" in options:
            options["device"] = _cpu(options["device"])
        return to(self, *args, **options)

    return moved


def _made(make: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(make)
    def on_device(*args: Any, **options: Any) -> Any:
        if "device" in options:
            options["device"] = _cpu(options["device"])
        return make(*args, **options)

    return on_device


class _Elsewhere:
    """Where the paths of another machine lead."""

    def __init__(self, private: Path, checkout: Path) -> None:
        self._private = str(private)
        self._folder = private / "elsewhere"
        self._checkout = checkout

    def install(self) -> None:
        for module in (builtins, io):
            module.open = self._taking(_open, writes=False)  # type: ignore[attr-defined]
        if hasattr(interactiveshell, "io_open"):  # what `open` is in a cell
            interactiveshell.io_open = io.open
        for name in ("mkdir", "makedirs"):
            setattr(os, name, self._taking(getattr(os, name), writes=True))
        for name in ("listdir", "remove", "scandir", "stat"):
            setattr(os, name, self._taking(getattr(os, name), writes=False))
        os.chdir = self._staying(os.chdir)
        torch.save = self._taking(torch.save, writes=True, argument=1)
        torch.load = self._taking(torch.load, writes=False)

    def _place(self, path: Any, writes: bool) -> Any:
        """Where a path leads: itself, unless it is of another machine."""
        if not isinstance(path, (str, os.PathLike)):
            return path
        text = os.fspath(path)
        if not isinstance(text, str) or not (text.startswith("/") or _DRIVE.match(text)):
            return path
        if text.startswith(self._private):
            return path
        if text.startswith("/") and (_exists(text) or _writable(text) or _system(text)):
            return path
        parts = [part for part in re.split(r"[\\/:]+", text) if part not in ("", ".", "..")]
        place = self._folder.joinpath(*parts)
        if not writes and not _exists(str(place)):
            handed_in = (self._checkout.joinpath(*parts[k:]) for k in range(1, len(parts)))
            found = next((str(one) for one in handed_in if _exists(str(one))), None)
            if found is None:
                return path
            place = Path(found)
        if writes:
            _makedirs(place.parent, exist_ok=True)
        tell("paths", f"{text} is a path of another machine; it led into a folder here.")
        return str(place)

    def _taking(
        self, function: Callable[..., Any], writes: bool, argument: int = 0
    ) -> Callable[..., Any]:
        """The function, with its path replaced: the argument at this place, or of such a name."""

        @functools.wraps(function)
        def taken(*args: Any, **options: Any) -> Any:
            makes = writes or (function is _open and _for_writing(*args[1:2], **options))
            if len(args) > argument:
                place = self._place(args[argument], makes)
                args = (*args[:argument], place, *args[argument + 1 :])
            for name in {"f", "file", "name", "path"} & options.keys():
                options[name] = self._place(options[name], makes)
            return function(*args, **options)

        for abilities in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks):
            if function in abilities:
                abilities.add(taken)
        return taken

    def _staying(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def changed(path: Any) -> None:
            place = self._place(path, writes=False)
            text = os.fspath(place) if not isinstance(place, int) else ""
            if (
                isinstance(text, str)
                and not _exists(text)
                and (text.startswith("/") or _DRIVE.match(text))
            ):
                tell("chdir", f"There is no folder {text} here: os.chdir stayed.")
                return
            function(place)

        return changed


def _for_writing(mode: object = "r", **_: object) -> bool:
    return isinstance(mode, str) and any(letter in mode for letter in "wax+")


_makedirs = os.makedirs
_open = open
_stat = os.stat


def _exists(path: str) -> bool:
    try:
        _stat(path)
    except (OSError, ValueError):
        return False
    return True


def _writable(path: str) -> bool:
    """Whether a file could be made there, in a folder other than the root."""
    parent = os.path.dirname(path.rstrip("/"))  # noqa: PTH120 - pathlib asks what is patched here
    return parent != "/" and os.access(parent, os.W_OK)


def _system(path: str) -> bool:
    return path.startswith(("/dev/", "/proc/", "/sys/", "/etc/", "/usr/", "/lib"))
