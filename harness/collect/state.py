"""The initial state of a scored run: what was handed over, with stored knowledge taken out.

Must not know graphs' calls, recipes or data sets.
"""

from __future__ import annotations

import torch
from torch import Tensor

from harness.collect.graph import Candidate


def permuted(candidate: Candidate, seed: int) -> dict[str, Tensor]:
    """Fresh tensors for one run, by name.

    The entries of every floating tensor are permuted, so that the learner's scheme of
    initialisation survives and stored weights do not. Batch norm starts at mean 0, variance 1.

    Args:
        candidate: the admitted network.
        seed: one that the submission cannot know.
    """
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, tensor in reset(candidate).items():
        if tensor.is_floating_point() and name not in candidate.statistics:
            order = torch.randperm(tensor.numel(), generator=generator)
            tensor = tensor.flatten()[order].view(tensor.shape)
        state[name] = tensor
    return state


def reset(candidate: Candidate) -> dict[str, Tensor]:
    """The tensors as they were handed over, by name, with batch norm as it starts."""
    starts = candidate.statistics | dict.fromkeys(candidate.counters, 0)
    return {
        name: torch.full_like(tensor, starts[name]) if name in starts else tensor.clone()
        for name, tensor in candidate.tensors.items()
    }
