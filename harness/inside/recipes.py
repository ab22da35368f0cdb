"""How a notebook trains, as data: optimiser, scheduler, loss and transforms with their arguments.

Part of the process that belongs to the submission. It describes objects of torch and torchvision,
by their own names and with what differs from their defaults, and never calls the learner's code;
where something is not theirs, or cannot be said in JSON, it says None. Must not know of epochs.
"""

from __future__ import annotations

import enum
import functools
import inspect
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset, default_collate

from harness.frames import Steps

MOVED = ("OneCycleLR", "CyclicLR")
"""Schedulers that overwrite `initial_lr`; the optimiser's defaults are then what was set."""


class NotPlain(Exception):
    """A value that JSON cannot hold."""


def plain(value: Any) -> Any:
    """A value as JSON has it: sequences as lists, enumerations by value, types by name.

    Raises:
        NotPlain: for functions, objects of the learner's, numbers that are not finite.
    """
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    if isinstance(value, Tensor) or type(value).__module__ == "numpy":
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: plain(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise NotPlain(type(value).__name__)


def arguments(signature: inspect.Signature, values: dict[str, Any]) -> dict[str, Any]:
    """What differs from a function's defaults, as plain data."""
    return {
        name: plain(values[name])
        for name, parameter in signature.parameters.items()
        if name in values
        and (parameter.default is parameter.empty or values[name] != parameter.default)
    }


def hyperparameters(optimizer: torch.optim.Optimizer) -> Steps:
    """The hyper-parameters of an optimiser's step, as they stand."""
    group = optimizer.param_groups[0]
    momentum = group.get("momentum", (group.get("betas") or (None,))[0])
    return Steps(
        count=1,
        samples=0,
        lr=float(group["lr"]),
        momentum=None if momentum is None else float(momentum),
        weight_decay=float(group.get("weight_decay", 0)),
    )


def of_optimizer(optimizer: torch.optim.Optimizer, schedulers: list[str]) -> dict[str, Any] | None:
    """An optimiser of torch's own that treats all parameters alike."""
    kind = type(optimizer)
    if not kind.__module__.startswith("torch.optim"):
        return None
    settings = [{k: v for k, v in g.items() if k != "params"} for g in optimizer.param_groups]
    if any(other != settings[0] for other in settings[1:]):
        return None
    values = dict(settings[0])
    if set(MOVED) & set(schedulers):
        values["lr"] = optimizer.defaults["lr"]
        if "momentum" in values:
            values["momentum"] = optimizer.defaults["momentum"]
        if "betas" in values:
            values["betas"] = optimizer.defaults["betas"]
    else:
        values["lr"] = values.get("initial_lr", values["lr"])
    try:
        given = arguments(inspect.signature(kind.__init__), values)
        return {"name": kind.__name__, "lr": plain(values["lr"]), **given}
    except NotPlain:
        return None


def of_scheduler(scheduler: Any, given: dict[str, Any], interval: str) -> dict[str, Any] | None:
    """A scheduler of torch's own, from the arguments that it was made with."""
    kind = type(scheduler)
    if not kind.__module__.startswith("torch.optim"):
        return None
    values = {key: value for key, value in given.items() if key not in ("optimizer", "self")}
    try:
        signature = inspect.signature(kind.__init__)
        return {"name": kind.__name__, **arguments(signature, values), "interval": interval}
    except NotPlain:
        return None


@functools.lru_cache(maxsize=8)
def of_loss(
    function: Any, name: str, rest: tuple[Any, ...], keywords: tuple[tuple[str, Any], ...]
) -> dict[str, Any] | None:
    """A call of torch.nn.functional: its name and its arguments beside answer and target."""
    signature = _signature(function)
    try:
        values = signature.bind(None, None, *rest, **dict(keywords)).arguments
        return {
            "name": name,
            **{
                key: value
                for key, value in arguments(signature, values).items()
                if key not in ("input", "target")
            },
        }
    except (NotPlain, TypeError):
        return None


_signature = functools.cache(inspect.signature)
"""What every loss asks for, step by step."""


def bases(dataset: Any) -> list[Any]:
    """The data sets that one is made of, through every wrapper: those that have no other inside."""
    inner = [
        item
        for value in getattr(dataset, "__dict__", {}).values()
        for item in (value if isinstance(value, list | tuple) else [value])
        if isinstance(item, Dataset)
    ]
    return [base for item in inner for base in bases(item)] if inner else [dataset]


def source(dataset: Any) -> str:
    """Where a data set's images come from, as torchvision's `train` tells: see `frames.Seen`."""
    told = {getattr(base, "train", None) for base in bases(dataset)}
    if told == {True}:
        return "train"
    return "test" if told == {False} else "unknown"


def of_transform(loader: DataLoader[Any]) -> list[dict[str, Any]] | None:
    """What a loader does to an image before a network sees it, if torchvision does it all."""
    if loader.collate_fn is not default_collate:
        return None
    try:
        return _transforms_of(loader.dataset)
    except NotPlain:
        return None


def scale(images: Tensor) -> list[dict[str, Any]] | None:
    """The normalisation that makes such images of pixels, by their least and largest values.

    Any batch of digits holds both black and white, so that they stand for 0 and 1.

    Args:
        images: float [N, 1, 28, 28].
    """
    if images.shape[1:] != (1, 28, 28):
        return None
    least, most = (float(value) for value in torch.aminmax(images.detach()))
    if not least < most:
        return None
    std = 1 / (most - least)
    return [{"name": "ToTensor"}, {"name": "Normalize", "mean": [-least * std], "std": [std]}]


def _transforms_of(dataset: Any) -> list[dict[str, Any]]:
    if isinstance(dataset, Subset) and type(dataset).__module__.startswith("torch."):
        return _transforms_of(dataset.dataset)
    if isinstance(dataset, ConcatDataset) and type(dataset).__module__.startswith("torch."):
        first, *others = [_transforms_of(part) for part in dataset.datasets]
        if any(other != first for other in others):
            raise NotPlain("data sets with different transforms")
        return first
    getter = getattr(type(dataset), "__getitem__", None)
    known = getattr(getter, "__module__", "").startswith(("torchvision.", "harness."))
    if not known or getattr(dataset, "target_transform", None) is not None:
        raise NotPlain("a data set of the learner's own")
    transform = getattr(dataset, "transform", None)
    return [] if transform is None else transforms([transform])


def transforms(given: Iterable[Any]) -> list[dict[str, Any]]:
    """Torchvision's transforms with their arguments, in order.

    Raises:
        NotPlain: for a transform that is not torchvision's, or holds what JSON does not.
    """
    found: list[dict[str, Any]] = []
    for transform in given:
        kind = type(transform)
        if kind.__name__ == "Compose" and kind.__module__.startswith("torchvision."):
            found += transforms(transform.transforms)
        elif kind is nn.Sequential:
            found += transforms(transform)
        elif kind.__module__.startswith("torchvision."):
            found.append(_transform(transform))
        else:
            raise NotPlain(kind.__name__)
    return found


def _transform(transform: Any) -> dict[str, Any]:
    """One transform, from its attributes, which are named as its constructor's arguments are.

    Constructors rewrite some of them (`degrees=7` is kept as [-7, 7]), so that its defaults are
    those of another one, made with the same required arguments.
    """
    kind = type(transform)
    parameters = inspect.signature(kind.__init__).parameters
    held = {name: getattr(transform, name) for name in parameters if hasattr(transform, name)}
    required = {
        name: value
        for name, value in held.items()
        if parameters[name].default is inspect.Parameter.empty
    }
    try:
        usual = kind(**required)
    except Exception as error:
        raise NotPlain(kind.__name__) from error
    said: dict[str, Any] = {"name": kind.__name__}
    for name, value in held.items():
        if name == "transforms":
            said[name] = transforms(value)
        elif name in required or plain(value) != plain(getattr(usual, name, None)):
            said[name] = plain(value)
    return said
