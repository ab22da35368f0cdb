"""Stands in for torchsummary and torchinfo: what a network's layers answer, and what they hold.

Prints in their forms, so that a learner finds the figures where they are looked for, and draws as
many random numbers as they do, so that those that come after are the same. Must not know of
training.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any

import torch
from torch import nn

WIDTH = 64


def torchsummary(module: ModuleType) -> None:
    """Fill a module that stands in for torchsummary."""
    module.summary = summary  # type: ignore[attr-defined]
    module.summary_string = summary_string  # type: ignore[attr-defined]
    module.torchsummary = module  # type: ignore[attr-defined]
    module.__path__ = []


def torchinfo(module: ModuleType) -> None:
    """Fill a module that stands in for torchinfo."""
    module.summary = info  # type: ignore[attr-defined]
    module.__path__ = []


def summary(
    model: nn.Module, input_size: Any = (1, 28, 28), batch_size: int = -1, *_: Any, **__: Any
) -> None:
    """Print the layers that a forward pass goes through, the shapes of their answers, and counts.

    Args:
        model: the network, in whatever mode it is.
        input_size: of one image: channels, height, width; or a list of such.
        batch_size: what stands for it in the table.
    """
    print(summary_string(model, input_size, batch_size)[0])


def summary_string(
    model: nn.Module, input_size: Any, batch_size: int = -1, *_: Any, **__: Any
) -> tuple[str, tuple[int, int]]:
    """The table of `summary`, and how many parameters there are and are trained."""
    sizes = [input_size] if isinstance(input_size[0], int) else list(input_size)
    layers: list[tuple[str, list[int], int, int]] = []

    def answered(layer: nn.Module, _: Any, answer: Any) -> None:
        first = answer[0] if isinstance(answer, (list, tuple)) else answer
        held = [getattr(layer, name, None) for name in ("weight", "bias")]
        own = [one for one in held if isinstance(one, torch.Tensor)]
        layers.append(
            (
                f"{type(layer).__name__}-{len(layers) + 1}",
                [batch_size, *list(first.shape)[1:]],
                sum(one.numel() for one in own),
                sum(one.numel() for one in own if one.requires_grad),
            )
        )

    hooks = [
        layer.register_forward_hook(answered)
        for layer in model.modules()
        if layer is not model and not isinstance(layer, (nn.Sequential, nn.ModuleList))
    ]
    try:
        model(*(torch.rand(2, *size) for size in sizes))
    finally:
        for hook in hooks:
            hook.remove()
    total, trained = sum(held for *_, held, _ in layers), sum(mine for *_, mine in layers)
    lines = [
        "-" * WIDTH,
        f"{'Layer (type)':>20}  {'Output Shape':>25} {'Param #':>15}",
        "=" * WIDTH,
    ]
    lines += [f"{name:>20}  {shape!s:>25} {held:>15,}" for name, shape, held, _ in layers]
    put = _megabytes(_product(size) for size in sizes) * abs(batch_size)
    passed = 2 * _megabytes(abs(_product(shape)) for _, shape, _, _ in layers)
    lines += [
        "=" * WIDTH,
        f"Total params: {total:,}",
        f"Trainable params: {trained:,}",
        f"Non-trainable params: {total - trained:,}",
        "-" * WIDTH,
        f"Input size (MB): {put:.2f}",
        f"Forward/backward pass size (MB): {passed:.2f}",
        f"Params size (MB): {_megabytes([total]):.2f}",
        f"Estimated Total Size (MB): {put + passed + _megabytes([total]):.2f}",
        "-" * WIDTH,
    ]
    return "\n".join(lines), (total, trained)


def _product(numbers: Iterable[int]) -> int:
    product = 1
    for number in numbers:
        product *= int(number)
    return product


def _megabytes(counts: Iterable[int]) -> float:
    return sum(counts) * 4 / 2**20


class Info(str):
    """A table that a notebook may print or leave standing at a cell's end, and its figures."""

    __repr__ = str.__str__
    total_params: int
    trainable_params: int


def info(model: nn.Module, input_size: Any = None, *_: Any, verbose: int = 1, **__: Any) -> Info:
    """Print the layers that a network holds, and counts, as torchinfo heads them.

    The network is not run, but as many random numbers are drawn as torchinfo puts through it.
    """
    if isinstance(input_size, Sequence) and all(isinstance(one, int) for one in input_size):
        torch.rand(*input_size)
    parameters = list(model.parameters())
    total = sum(one.numel() for one in parameters)
    trained = sum(one.numel() for one in parameters if one.requires_grad)
    lines = ["=" * WIDTH, f"{'Layer (type:depth-idx)':<45}{'Param #':>19}", "=" * WIDTH]
    for name, layer in model.named_modules():
        held = sum(one.numel() for one in layer.parameters(recurse=False))
        depth = name.count(".") + 1 if name else 0
        label = f"{'│    ' * max(0, depth - 1)}{'├─' if depth else ''}{type(layer).__name__}"
        lines.append(f"{label:<45}{f'{held:,}' if held else '--':>19}")
    lines += [
        "=" * WIDTH,
        f"Total params: {total:,}",
        f"Trainable params: {trained:,}",
        f"Non-trainable params: {total - trained:,}",
        "=" * WIDTH,
    ]
    table = Info("\n".join(lines))
    table.total_params, table.trainable_params = total, trained
    if verbose:
        print(table)
    return table
