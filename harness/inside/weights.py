"""Follows a model's weights: whether they changed, and into what.

Part of the process that belongs to the submission; it knows tensors, and nothing of runs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from harness.inside.handover import tensors_of

KIN = 0.5
"""The cosine between weights above which the one came about from the other by training."""


def flatten(parameters: Sequence[Tensor]) -> Tensor:
    """All values in one row."""
    if not parameters:
        return torch.empty(0)
    return torch.cat([parameter.detach().reshape(-1) for parameter in parameters])


def same(one: Tensor, other: Tensor) -> bool:
    """Whether two rows are equal, and NaN to itself."""
    if one.shape != other.shape:
        return False
    return torch.equal(one, other) or torch.equal(one.view(torch.uint8), other.view(torch.uint8))


class Weights:
    """A model's parameters, and their values when they were last known."""

    def __init__(self, module: nn.Module) -> None:
        self.parameters = list(module.parameters())
        self._places: list[int] = []
        self._views: list[Tensor] = []
        self.known = self.now()

    def now(self) -> Tensor:
        """All parameters in one row; their views are kept, for that is most of the work."""
        places = [parameter.data_ptr() for parameter in self.parameters]
        if places != self._places:
            whole = all(parameter.is_contiguous() for parameter in self.parameters)
            self._places = places if whole else []
            self._views = [parameter.detach().reshape(-1) for parameter in self.parameters]
        return torch.cat(self._views) if self._views else torch.empty(0)

    def _rows(self, flat: Tensor) -> Sequence[Tensor]:
        return torch.split(flat, [parameter.numel() for parameter in self.parameters])

    def kin(self, now: Tensor) -> bool:
        """Whether weights are a changed form of those before, not drawn or loaded anew."""
        if now.shape != self.known.shape:
            return False
        rows = [
            (one, other)
            for one, other, parameter in zip(
                self._rows(now), self._rows(self.known), self.parameters, strict=True
            )
            if parameter.dim() > 1
        ]
        if not rows:
            return True
        one, other = (torch.cat(list(row)).double() for row in zip(*rows, strict=True))
        return bool(torch.dot(one, other) >= KIN * one.norm() * other.norm())

    def named(self, module: nn.Module) -> dict[str, Tensor]:
        """The values last known, even where others stand in their place, and the buffers."""
        rows = self._rows(self.known)
        trained = {id(p): row for p, row in zip(self.parameters, rows, strict=True)}
        return {
            name: (
                trained[id(tensor)].view(tensor.shape) if id(tensor) in trained else tensor.detach()
            ).clone()
            for name, tensor in tensors_of(module).items()
        }
