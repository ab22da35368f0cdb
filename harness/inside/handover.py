"""Hands over a model that a notebook trains: its graph, its weights, and what else tells of it.

Part of the process that belongs to the submission: of the harness it must know nothing but
`frames` and its neighbours. It works on copies, and leaves the model and every stream of random
numbers as they were.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import random
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from harness.frames import MAX_FRAME, Kind
from harness.inside.capture import attempt, compare, describe, export
from harness.inside.explain import fault_of
from harness.inside.exporter import check_modules

MAX_PACKED = 32 * 2**20
"""Bytes of a packed model."""


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """All parameters and buffers that a module holds, by all their names."""
    return {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }


def snapshot(module: nn.Module) -> dict[str, Tensor]:
    """The values that a module holds now."""
    return {name: tensor.detach().clone() for name, tensor in tensors_of(module).items()}


def safetensors_of(held: dict[str, Tensor], names: list[str] | None) -> bytes:
    """A snapshot as safetensors, under the names of a definition; under all without one."""
    import safetensors.torch

    chosen = held if names is None else {name: held[name] for name in names if name in held}
    return safetensors.torch.save({name: tensor.contiguous() for name, tensor in chosen.items()})


def hand_over(
    module: nn.Module, initial: dict[str, Tensor], image: tuple[int, ...]
) -> tuple[list[tuple[Kind, bytes]], list[str] | None]:
    """A model's frames with the weights that it had at first, and the names of its weights.

    Those are DEFINITION and TENSORS, or a FAULT and no names; and a PACKED if it can be packed,
    because the trusted side may not know an operator.
    """
    with _aside():
        stage, path = "construct", _source(module)
        try:
            network = _copy(module, initial)
            check_modules(network)
            stage = "forward"
            batch = attempt(network, image)
            _load(network, initial)
            stage = "export"
            programs = {
                mode: export(network, mode, batch, image) for mode in ("training", "evaluation")
            }
            definition, tensors = describe(network, programs, None, path, image)
            import safetensors.torch

            state = safetensors.torch.save(tensors)
            if len(state) > MAX_FRAME:
                most = f"at most {MAX_FRAME:,} are taken"
                raise ValueError(f"its tensors take {len(state):,} bytes; {most}")
            stage = "gradients"
            compare(network, programs["training"], definition, tensors)
        except Exception as error:
            fault = fault_of(error, stage, path)
            return [(Kind.FAULT, _json(fault)), *_packed(module, initial)], None
        names = [info.name for info in definition.tensors if info.kind != "constant"]
        told = [(Kind.DEFINITION, _json(definition)), (Kind.TENSORS, state)]
        return [*told, *_packed(module, initial)], names


def _json(value: Any) -> bytes:
    return json.dumps(asdict(value)).encode()


def _packed(module: nn.Module, initial: dict[str, Tensor]) -> list[tuple[Kind, bytes]]:
    try:
        import cloudpickle

        packed = cloudpickle.dumps(_copy(module, initial))
    except Exception:
        return []
    return [(Kind.PACKED, packed)] if len(packed) <= MAX_PACKED else []


def _copy(module: nn.Module, initial: dict[str, Tensor]) -> nn.Module:
    """A copy with the first weights and no gradients; activations that it keeps are detached."""
    kept = {
        id(value): value.detach()
        for part in module.modules()
        for value in vars(part).values()
        if isinstance(value, Tensor) and value.grad_fn is not None
    }
    network = copy.deepcopy(module, kept)
    network.zero_grad(set_to_none=True)
    _load(network, initial)
    return network


def _load(network: nn.Module, initial: dict[str, Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in tensors_of(network).items():
            if name in initial:
                tensor.copy_(initial[name])


def _source(module: nn.Module) -> Path:
    """Where the forward pass is written: a notebook's cell has a file name of its own."""
    code = getattr(type(module).forward, "__code__", None)
    return Path(code.co_filename if code else "")


@contextlib.contextmanager
def _aside() -> Iterator[None]:
    """Random numbers, prints, warnings and the gradient mode are afterwards as they were."""
    numpy = sys.modules.get("numpy")
    of_numpy = numpy.random.get_state() if numpy else None
    of_python, of_torch = random.getstate(), torch.get_rng_state()
    try:
        with (
            torch.enable_grad(),
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(of_python)
        torch.set_rng_state(of_torch)
        if numpy and of_numpy is not None:
            numpy.random.set_state(of_numpy)
