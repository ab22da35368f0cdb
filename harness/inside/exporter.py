"""Runs a learner's model definition and hands its network over as a graph.

This process belongs to the submission as soon as the file is imported: nothing it says is
trusted, and it must not know test labels, the store, or anything of the harness but `frames`.
`serve` starts it.
"""

from __future__ import annotations

import importlib.util
import json
import random
import sys
import types
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from harness import frames
from harness.inside.capture import SEED, attempt, compare, describe, export
from harness.inside.explain import Refused, fault_of

if TYPE_CHECKING:
    from torch import nn

MODULE = "submission"


def main(path: Path, wanted: str, stream: BinaryIO) -> None:
    """Import the file at `path` and write its definition, or the fault, to `stream`.

    Args:
        path: the learner's file.
        wanted: the class to hand over; empty for `Net` or the only one.
        stream: where frames go.
    """
    import safetensors.torch

    stage = "import"
    try:
        module = load(path)
        stage = "recipe"
        recipe = plain(getattr(module, "recipe", None))
        stage = "construct"
        network = construct(module, wanted)
        stage = "forward"
        batch = attempt(network)
        stage = "export"
        programs = {mode: export(network, mode, batch) for mode in ("training", "evaluation")}
        definition, tensors = describe(network, programs, recipe, path)
        state = safetensors.torch.save(tensors)
        stage = "gradients"
        compare(network, programs["training"], definition, tensors)
    except BaseException as error:  # SystemExit is the learner's fault too, and not our end
        fault = fault_of(error, stage, path)
        frames.write(stream, frames.Kind.FAULT, json.dumps(asdict(fault)).encode())
        return

    frames.write(stream, frames.Kind.DEFINITION, json.dumps(asdict(definition)).encode())
    frames.write(stream, frames.Kind.TENSORS, state)


def load(path: Path) -> types.ModuleType:
    """Execute the learner's file as a module that is not `__main__`."""
    import torch

    torch.set_num_threads(1)
    random.seed(SEED)
    torch.manual_seed(SEED)
    # Compiling changes how fast a network computes and not what, and no export can follow it.
    torch.compile = _uncompiled
    torch.nn.Module.compile = lambda module, *_, **__: None  # type: ignore[method-assign]
    module = types.ModuleType(MODULE)
    module.__file__ = str(path)
    sys.modules[MODULE] = module
    source = importlib.util.decode_source(path.read_bytes())
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module


def _uncompiled(model: Any = None, *_: Any, **__: Any) -> Any:
    """In place of torch.compile, which is called with a model or as a decorator with settings."""
    return (lambda model: model) if model is None else model


def plain(recipe: object) -> Any:
    """The recipe, if it is data that JSON can hold: numbers, strings, lists and dictionaries."""
    try:
        return json.loads(json.dumps(recipe, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused(
            f"the recipe is not plain data ({error}): write names as strings and numbers as "
            'numbers, such as "optimizer": {"name": "SGD", "lr": 0.1}'
        ) from None


def construct(module: types.ModuleType, wanted: str) -> nn.Module:
    """An instance of the file's network: the class that is wanted, `Net`, or the only nn.Module."""
    from torch import nn

    classes = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, nn.Module)
        and value.__module__ == module.__name__
    }
    if not classes:
        raise Refused("no network is defined here: write class Net(nn.Module)")
    if wanted and wanted not in classes:
        raise Refused(
            f"submission.toml names the class {wanted}; the networks defined here are "
            f"{', '.join(classes)}"
        )
    if len(classes) > 1 and not wanted and "Net" not in classes:
        raise Refused(
            f"several networks are defined here ({', '.join(classes)}): "
            "call the one that is to be graded Net"
        )
    network = (classes.get(wanted or "Net") or next(iter(classes.values())))()
    check_modules(network)
    return network


def check_modules(network: nn.Module) -> None:
    """Refuse what no export can follow, by its name and not by the operator it ends in."""
    import torch
    from torch.nn.utils import parametrizations

    for module in network.modules():
        if isinstance(module, torch.jit.ScriptModule):
            raise Refused(
                "torch.jit.script or torch.jit.trace made a part of this network, which cannot be "
                "written as a graph: hand in the plain module, it computes the same"
            )
        if isinstance(module, parametrizations._Orthogonal):
            raise Refused(
                "the orthogonal parametrization is not taken, because it trains other numbers than "
                "the layer has: start from nn.init.orthogonal_ instead, or use weight_norm or "
                "spectral_norm"
            )


def warm_up() -> None:
    """Load what an export loads, before any learner's code is here."""
    import safetensors.torch  # noqa: F401
    import torch

    torch.set_num_threads(1)
    export(torch.nn.Conv2d(1, 1, 3), "evaluation")
