"""Reads the weights that a notebook's process sent, and holds them against the network it told of.

Must not know how they are measured, nor what a training is.
"""

from __future__ import annotations

import safetensors.torch
import torch
from torch import Tensor

from harness.collect.count import statistics_beyond
from harness.collect.graph import Candidate
from harness.collect.received import Malformed
from harness.evidence import Parameters

FEW = 10
"""Elements of buffers that may change in training and be no statistics: counters of one's own."""


class Foreign(ValueError):
    """The weights are not those of the network that was counted; says in what."""


def state(candidate: Candidate, weights: bytes) -> dict[str, Tensor]:
    """The network's tensors with the weights of an epoch.

    Args:
        candidate: the network as it was counted, with its first weights.
        weights: a WEIGHTS frame.

    Raises:
        Foreign: if they are others than the network has, or if something else than parameters
            and running statistics has changed: a buffer that was counted by its first values,
            such as zeros, could hold anything later.
        Malformed: if they cannot be read.
    """
    sent = tensors(weights)
    held = dict(candidate.tensors)
    changed = 0
    for info in candidate.definition.tensors:
        if info.kind == "constant":
            continue
        old, new = held[info.name], sent.get(info.name)
        if new is None or new.shape != old.shape or new.dtype != old.dtype:
            raise Foreign(f"its network was changed while it trained: {info.name} is another")
        learnt = info.kind == "parameter" or info.name in candidate.kept.free
        if not learnt and not torch.allclose(new, old, rtol=0, atol=0, equal_nan=True):
            changed += new.numel()
        if changed > FEW:
            raise Foreign(
                f"the buffer {info.name} changed while it trained, and is no running statistic: "
                "what is learnt must be an nn.Parameter"
            )
        held[info.name] = new
    return held


def alike(candidate: Candidate, one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether all parameters are equal, NaN to itself as well."""
    names = [info.name for info in candidate.definition.tensors if info.kind == "parameter"]
    return all(
        torch.allclose(one[name], other[name], rtol=0, atol=0, equal_nan=True) for name in names
    )


def parameters(weights: bytes, told: int) -> Parameters:
    """How many numbers a network holds that is no graph: all floats that were sent, or more.

    What is named as batch norm's statistics counts as a graph's does: not, as far as they are free.

    Args:
        weights: a WEIGHTS frame.
        told: what the module itself says that it holds.
    """
    sent = kept = 0
    for name, tensor in tensors(weights).items():
        if name.endswith(("running_mean", "running_var")):
            kept += tensor.numel()
        elif tensor.is_floating_point():
            sent += tensor.numel()
    held = max(sent + statistics_beyond(kept, sent), told)
    return Parameters(judged=held, used=held, trainable=held)


def tensors(weights: bytes) -> dict[str, Tensor]:
    """The tensors of a frame.

    Raises:
        Malformed: if it is none of safetensors.
    """
    try:
        return safetensors.torch.load(weights)
    except Exception as error:  # whatever safetensors finds wrong with bytes
        raise Malformed(f"weights: {error}") from None
