"""Runs a learner's model definition and hands its network over as a graph.

This process belongs to the submission as soon as the file is imported: nothing it says is
trusted, and it must not know test labels, the store, or anything of the harness but `frames`.
`serve` starts it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import re
import sys
import traceback
import types
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from harness import frames

if TYPE_CHECKING:
    import torch
    from torch import nn
    from torch.export import ExportedProgram

MODULE = "submission"

SEED = 0
"""The same file gives the same initial tensors, so that finished runs are found again.
The trusted side permutes them before every scored run."""

BATCH = 11
"""Images in the example batch: odd, and unlike any usual number of channels."""

ASSERTIONS = ("aten._assert_tensor_metadata.default", "aten._assert_scalar.default")
"""Checks that export leaves in a graph; they compute nothing."""


class Refused(Exception):
    """The file cannot be handed over; the message says why and what to write instead."""


def main(path: Path, wanted: str, stream: BinaryIO) -> None:
    """Import the file at `path` and write its definition, or the fault, to `stream`.

    Args:
        path: the learner's file.
        wanted: the class to hand over; empty for `Net` or the only one.
        stream: where frames go.
    """
    stage = "import"
    try:
        module = load(path)
        stage = "recipe"
        recipe = plain(getattr(module, "recipe", None))
        stage = "construct"
        network = construct(module, wanted)
        stage = "forward"
        attempt(network)
        stage = "export"
        programs = {mode: export(network, mode) for mode in ("training", "evaluation")}
        definition, tensors = describe(network, programs, recipe, path)
        stage = "gradients"
        compare(network, programs["training"], definition, tensors)
    except BaseException as error:  # SystemExit is the learner's fault too, and not our end
        fault = fault_of(error, stage, path)
        frames.write(stream, frames.Kind.FAULT, json.dumps(asdict(fault)).encode())
        return

    import safetensors.torch

    frames.write(stream, frames.Kind.DEFINITION, json.dumps(asdict(definition)).encode())
    frames.write(stream, frames.Kind.TENSORS, safetensors.torch.save(tensors))


def load(path: Path) -> types.ModuleType:
    """Execute the learner's file as a module that is not `__main__`."""
    import torch

    torch.set_num_threads(1)
    random.seed(SEED)
    torch.manual_seed(SEED)
    module = types.ModuleType(MODULE)
    module.__file__ = str(path)
    sys.modules[MODULE] = module
    source = importlib.util.decode_source(path.read_bytes())
    exec(compile(source, str(path), "exec"), module.__dict__)
    return module


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
    network = classes.get(wanted or "Net") or next(iter(classes.values()))
    return network()


def attempt(network: nn.Module) -> None:
    """One forward pass in each mode, for the plain error that an export would bury."""
    import torch

    for mode in (True, False):
        network.train(mode)
        with torch.no_grad():
            answer = network(torch.rand(BATCH, 1, 28, 28))
        got = list(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
        if got != [BATCH, 10]:
            raise Refused(
                f"for {BATCH} images of 1 x 28 x 28 the network answers {got}; "
                f"it must be [{BATCH}, 10], ten scores for each image"
            )


def export(network: nn.Module, mode: str) -> ExportedProgram:
    """The network's forward pass in one mode, for any number of images."""
    import torch

    network.train(mode == "training")
    images = torch.rand(BATCH, 1, 28, 28)
    batch = {0: torch.export.Dim.DYNAMIC}
    return torch.export.export(network, (images,), dynamic_shapes=(batch,), strict=False)


def describe(
    network: nn.Module, programs: dict[str, ExportedProgram], recipe: Any, path: Path
) -> tuple[frames.Definition, dict[str, torch.Tensor]]:
    """The definition, and the values of its tensors by name."""
    infos: list[frames.TensorInfo] = []
    tensors: dict[str, torch.Tensor] = {}
    names: dict[object, str] = {}

    def enter(name: str, tensor: torch.Tensor, kind: str) -> str:
        """The name under which this tensor travels: that of its first alias."""
        where = (tensor.data_ptr() or id(tensor), tensor.dtype, tensor.shape, tensor.stride())
        if where not in names:
            names[where] = name
            tensors[name] = tensor.detach().clone().contiguous()
            infos.append(frames.TensorInfo(name, kind, tensor.requires_grad))
        return names[where]

    for name, parameter in network.named_parameters(remove_duplicate=False):
        enter(name, parameter, "parameter")
    for name, buffer in network.named_buffers(remove_duplicate=False):
        enter(name, buffer, "buffer")
    training, evaluation = (
        graph_of(programs[mode], enter, path) for mode in ("training", "evaluation")
    )
    definition = frames.Definition(
        format=frames.FORMAT,
        network=type(network).__name__,
        tensors=infos,
        training=training,
        evaluation=evaluation,
        recipe=recipe,
    )
    return definition, tensors


def graph_of(
    program: ExportedProgram, enter: Callable[[str, torch.Tensor, str], str], path: Path
) -> frames.Graph:
    """An exported program as plain data."""
    held = {**program.state_dict, **program.constants}
    targets = {spec.arg.name: spec.target for spec in program.graph_signature.input_specs}
    reads: dict[str, str] = {}
    calls: list[frames.Call] = []
    image = output = ""
    for node in program.graph.nodes:
        if node.op == "placeholder" and targets[node.name] is None:
            # A defaulted extra argument of forward is a placeholder too, and comes after.
            image = image or node.name
        elif node.op == "placeholder":
            reads[node.name] = enter(targets[node.name], held[targets[node.name]], "constant")
        elif node.op == "call_function" and str(node.target) not in ASSERTIONS:
            name = getattr(node.target, "__name__", "")
            operator = str(node.target) if str(node.target).startswith("aten.") else name
            keywords = {key: encode(value) for key, value in node.kwargs.items()}
            line = line_of(node.meta.get("stack_trace") or "", path)
            calls.append(frames.Call(node.name, operator, encode(node.args), keywords, line))
        elif node.op == "output":
            output = node.args[0][0].name
    return frames.Graph(image, reads, calls, output)


def encode(value: Any) -> Any:
    """An argument of a call as plain JSON; what JSON lacks becomes a dictionary of one entry."""
    import torch

    if isinstance(value, torch.fx.Node):
        return {"value": value.name}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return {type(value).__name__: str(value).removeprefix("torch.")}


def line_of(stack_trace: str, path: Path) -> int | None:
    """The innermost line of the learner's own file in a stack trace."""
    lines = re.findall(rf'File "{re.escape(str(path))}", line (\d+)', stack_trace)
    return int(lines[-1]) if lines else None


def compare(
    network: nn.Module,
    program: ExportedProgram,
    definition: frames.Definition,
    tensors: dict[str, torch.Tensor],
) -> None:
    """Refuse a network whose graph trains otherwise than the network itself.

    A custom autograd Function exports as the operators of its forward pass, and would
    silently be trained with the wrong gradients.
    """
    import torch

    images = torch.rand(BATCH, 1, 28, 28)
    weights = torch.randn(BATCH, 10)
    reads = definition.training.reads
    copies = {
        info.name: tensors[info.name].clone().requires_grad_(info.requires_grad)
        for info in definition.tensors
    }
    inputs = [
        copies[reads[node.name]] if node.name in reads else images
        for node in program.graph.nodes
        if node.op == "placeholder"
    ]
    parameters = {
        name: parameter
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and name in copies
    }
    if not parameters:
        return

    def gradients(
        forward: Callable[[], torch.Tensor], of: list[torch.Tensor]
    ) -> list[torch.Tensor | None]:
        torch.manual_seed(SEED)
        answer = (forward() * weights).sum()
        return list(torch.autograd.grad(answer, of, allow_unused=True))

    network.train()
    theirs = gradients(lambda: network(images), list(parameters.values()))
    ours = gradients(lambda: program.graph_module(*inputs)[0], [copies[n] for n in parameters])
    for name, eager, exported in zip(parameters, theirs, ours, strict=True):
        eager = torch.zeros(1) if eager is None else eager
        exported = torch.zeros(1) if exported is None else exported
        # A network that gives NaN on these random images is told so when it trains.
        same = eager.shape == exported.shape
        if not same or not torch.allclose(eager, exported, 1e-4, 1e-6, equal_nan=True):
            raise Refused(
                f"the exported graph trains {name} otherwise than the network does (gradient "
                f"norm {exported.norm():.3g}, the network's {eager.norm():.3g}): a custom "
                "autograd Function does this; write it with torch's own operators"
            )


def fault_of(error: BaseException, stage: str, path: Path) -> frames.Fault:
    """An exception as the learner should read it, with the line of their own file."""
    ours = os.fspath(Path(__file__))
    extracted = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in extracted if frame.filename != ours]
    own = [frame.lineno for frame in theirs if frame.filename == str(path)]
    line = own[-1] if own else None
    if isinstance(error, SyntaxError) and error.filename == str(path):
        line = error.lineno
    if isinstance(error, Refused):
        message, text = str(error), ""
    else:
        message = f"{type(error).__name__}: {error}".strip(": ")
        text = "".join(
            [*traceback.format_list(theirs), *traceback.format_exception_only(error)]
        ).replace(str(path), path.name)
    return frames.Fault("submission", stage, message[:2000], line, text[-4000:])


def warm_up() -> None:
    """Load what an export loads, before any learner's code is here."""
    import safetensors.torch  # noqa: F401
    import torch

    torch.set_num_threads(1)
    export(torch.nn.Conv2d(1, 1, 3), "evaluation")
