"""Runs a learner's model definition and hands its network over as a graph.

This process belongs to the submission as soon as the file is imported: nothing it says is
trusted, and it must not know test labels, the store, or anything of the harness but `frames`.
It reads file names from its standard input and writes frames to its standard output; whatever
the learner's code prints goes to standard error. Each file runs in a fork of its own, because
importing torch and its exporter takes seconds and exporting a small network does not.
"""

from __future__ import annotations

import importlib.util
import json
import os
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


def main(path: Path, stream: BinaryIO) -> None:
    """Import the file at `path` and write its definition, or the fault, to `stream`."""
    import safetensors.torch

    stage = "import"
    try:
        module = load(path)
        stage = "recipe"
        recipe = plain(getattr(module, "recipe", None))
        stage = "construct"
        network = construct(module)
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


def construct(module: types.ModuleType) -> nn.Module:
    """An instance of the file's network: the class `Net`, or the only nn.Module defined in it."""
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
    if len(classes) > 1 and "Net" not in classes:
        raise Refused(
            f"several networks are defined here ({', '.join(classes)}): "
            "call the one that is to be graded Net"
        )
    network = (classes.get("Net") or next(iter(classes.values())))()
    _check_modules(network)
    return network


def _check_modules(network: nn.Module) -> None:
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


def limit(seconds: int, memory: int) -> None:
    """Set this process's hard limits: CPU time in seconds, data in bytes, files of 64 MiB."""
    try:
        import resource
    except ImportError:  # Windows has no such limits; the parent's wall clock remains
        return
    for what, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_FSIZE, frames.MAX_FRAME),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def warm_up() -> None:
    """Load what an export loads, before any learner's code is here."""
    import safetensors.torch  # noqa: F401
    import torch

    torch.set_num_threads(1)
    export(torch.nn.Conv2d(1, 1, 3), "evaluation")


def serve(stream: BinaryIO, seconds: int, memory: int) -> None:
    """Hand over each file that is named on standard input, one after the other."""
    warm_up()
    frames.write(stream, frames.Kind.READY, b"")
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        child = os.fork()
        if child == 0:
            limit(seconds, memory)
            main(path, stream)
            # Threads, exit handlers and destructors of the submission get no further turn.
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        frames.write(stream, frames.Kind.END, json.dumps(status).encode())


if __name__ == "__main__":
    # What the learner's code prints must not end up among the frames.
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(pipe, seconds=int(sys.argv[1]), memory=int(sys.argv[2]))
