"""The initial state of a scored run: what was handed over, with stored knowledge taken out.

Must not know graphs' calls, recipes or data sets.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.collect.graph import Candidate

SCALARS = 10
"""Tensors of one entry, such as a learnt scale, that a network may keep as they were handed over:
more of them could be a trained network, cut into its numbers."""


def redrawn(candidate: Candidate, seed: int) -> dict[str, Tensor]:
    """Fresh tensors for one run, by name.

    The entries of every floating tensor, frozen ones and constants too, are drawn anew from the
    tensor's own distribution: its sorted values, interpolated. So the learner's scheme of
    initialisation survives, and stored weights do not. A permutation would not do: entries that
    carry their own index in their digits can be put back in order by the graph. Tensors of one
    entry have no distribution of their own; where there are more than `SCALARS`, they are drawn
    together.

    Args:
        candidate: the admitted network.
        seed: one that the submission cannot know.
    """
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, tensor in reset(candidate).items():
        if tensor.is_floating_point() and name not in candidate.kept.statistics:
            tensor = _drawn(tensor, generator)
        state[name] = tensor
    free = candidate.kept.free
    alone = [n for n, t in state.items() if t.numel() == 1 and t.is_floating_point()]
    alone = [name for name in alone if name not in free]
    if len(alone) > SCALARS:
        drawn = _drawn(torch.cat([state[name].flatten() for name in alone]), generator)
        state |= {
            name: value.view_as(state[name]) for name, value in zip(alone, drawn, strict=True)
        }
    return state


def _drawn(tensor: Tensor, generator: torch.Generator) -> Tensor:
    """Draws from the continuous distribution whose quantiles are the tensor's sorted entries."""
    values = tensor.flatten().sort()[0]
    if len(values) < 2:
        return tensor
    place = torch.rand(len(values), generator=generator, dtype=torch.float64) * (len(values) - 1)
    below = place.long().clamp(max=len(values) - 2)
    drawn = torch.lerp(values[below], values[below + 1], (place - below).float())
    return drawn.view(tensor.shape)


def reset(candidate: Candidate) -> dict[str, Tensor]:
    """The tensors as they were handed over, by name, with batch norm as it starts."""
    starts = candidate.kept.statistics | dict.fromkeys(candidate.kept.counters, 0)
    return {
        name: torch.full_like(tensor, starts[name]) if name in starts else tensor.clone()
        for name, tensor in candidate.tensors.items()
    }
