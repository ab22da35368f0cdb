"""Turns a learner's network into frames: its forward pass as a graph, once for each mode.

Part of the process that belongs to the submission: nothing it says is trusted, and of the
harness it must know nothing but `frames`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import frames
from harness.inside.explain import Refused

if TYPE_CHECKING:
    import torch
    from torch import fx, nn
    from torch.export import ExportedProgram

SEED = 0
"""The same file gives the same initial tensors, so that finished runs are found again.
The trusted side draws them anew before every scored run."""

BATCH = 11
"""Images in the example batch: odd, and unlike any usual number of channels."""

SPLIT_BATCH = 16
"""The same for networks that cut a batch into equal parts, as ghost batch norm does."""

SPLITS = (2, 4, 8)

IMAGE = (1, 28, 28)
"""Channels, height and width of an image as it comes, unless a notebook resizes it."""

IDLE = ("aten._assert_tensor_metadata.default", "aten._assert_scalar.default")
"""Checks that export leaves in a graph; they compute nothing."""

REGIONS = {"wrap_with_set_grad_enabled": 1, "wrap_with_autocast": 4}
"""Operators that run a graph of their own, and which of their arguments it is."""


def attempt(network: nn.Module, image: Sequence[int] = IMAGE) -> int:
    """One forward pass in each mode, for the plain error that an export would bury.

    It is also what lazy modules wait for.

    Returns:
        The number of images for which it went through: that of any export.
    """
    try:
        return _attempt(network, BATCH, image)
    except Refused:
        raise
    except Exception:
        with suppress(Exception):  # then the first error is the one to tell
            return _attempt(network, SPLIT_BATCH, image)
        raise


def _attempt(network: nn.Module, batch: int, image: Sequence[int]) -> int:
    import torch

    for mode in (True, False):
        network.train(mode)
        with torch.no_grad():
            answer = network(torch.rand(batch, *image))
        got = list(answer.shape) if isinstance(answer, torch.Tensor) else type(answer).__name__
        if got != [batch, 10]:
            raise Refused(
                f"for {batch} images of {' x '.join(map(str, image))} the network answers {got}; "
                f"it must be [{batch}, 10], ten scores for each image"
            )
    return batch


def export(
    network: nn.Module, mode: str, batch: int = BATCH, image: Sequence[int] = IMAGE
) -> ExportedProgram:
    """The network's forward pass in one mode, for any number of images.

    Where an example of `BATCH` images does not go through, that is any multiple of 2, 4 or 8.
    """
    from torch.export import Dim

    network.train(mode == "training")
    if batch == BATCH or mode == "evaluation":
        return _export(network, BATCH, Dim.DYNAMIC, image)
    for splits in SPLITS:
        try:
            return _export(network, SPLIT_BATCH, splits * Dim("parts", min=1), image)
        except Exception:
            if splits == SPLITS[-1]:
                raise
    raise AssertionError


def _export(network: nn.Module, batch: int, size: Any, image: Sequence[int]) -> ExportedProgram:
    import torch

    images = torch.rand(batch, *image)
    with _definite(network):
        return torch.export.export(network, (images,), dynamic_shapes=({0: size},), strict=False)


@contextmanager
def _definite(network: nn.Module) -> Iterator[None]:
    """Batch norm with `momentum=None` reads its counter, which no export can follow."""
    modules = _cumulative(network).values()
    for module in modules:
        module.momentum = 1.0
    try:
        yield
    finally:
        for module in modules:
            module.momentum = None


def _cumulative(network: nn.Module) -> dict[str, Any]:
    """Batch norms that average over all batches alike, by all their names."""
    from torch.nn.modules.batchnorm import _BatchNorm

    return {
        name: module
        for name, module in network.named_modules(remove_duplicate=False)
        if isinstance(module, _BatchNorm) and module.track_running_stats and module.momentum is None
    }


def describe(
    network: nn.Module,
    programs: dict[str, ExportedProgram],
    recipe: Any,
    path: Path,
    image: Sequence[int] = IMAGE,
) -> tuple[frames.Definition, dict[str, torch.Tensor]]:
    """The definition, and the values of its tensors by name."""
    import torch

    infos: list[frames.TensorInfo] = []
    tensors: dict[str, torch.Tensor] = {}
    held: dict[str, str] = {}
    places: dict[object, str] = {}

    def enter(name: str, tensor: torch.Tensor, kind: str) -> str:
        """The name under which this tensor travels: that of its first alias."""
        if name in held and kind != "constant":
            return held[name]  # a module may have put another tensor there since the export
        where = (tensor.data_ptr() or id(tensor), tensor.dtype, tensor.shape, tensor.stride())
        if where not in places:
            # Both graphs number the constants that are written into the forward pass.
            while name in tensors:
                if kind == "constant" and torch.equal(tensors[name], tensor):
                    return name
                name += "'"
            tensors[name] = tensor.detach().clone().contiguous()
            infos.append(frames.TensorInfo(name, kind, tensor.requires_grad))
            places[where] = name
        if kind != "constant":
            held[name] = places[where]
        return places[where]

    for name, parameter in network.named_parameters(remove_duplicate=False):
        enter(name, parameter, "parameter")
    for name, buffer in network.named_buffers(remove_duplicate=False):
        enter(name, buffer, "buffer")
    cumulative = _cumulative(network).keys()
    training, evaluation = (
        _graph(programs[mode], enter, path, cumulative if mode == "training" else ())
        for mode in ("training", "evaluation")
    )
    definition = frames.Definition(
        format=frames.FORMAT,
        network=type(network).__name__,
        tensors=infos,
        training=training,
        evaluation=evaluation,
        recipe=recipe,
        image=list(image),
    )
    return definition, tensors


def _graph(
    program: ExportedProgram,
    enter: Callable[[str, torch.Tensor, str], str],
    path: Path,
    cumulative: Any,
) -> frames.Graph:
    """An exported program as plain data."""
    held = {**program.state_dict, **program.constants}
    module = inlined(program)
    specs = dict(zip(_placeholders(module), program.graph_signature.input_specs, strict=True))
    reads: dict[str, str] = {}
    calls: list[frames.Call] = []
    counts: dict[str, str] = {}
    image = output = ""
    for node in module.graph.nodes:
        if node.op == "placeholder" and specs[node].target is None:
            # A defaulted extra argument of forward is a placeholder too, and comes after.
            image = image or node.name
        elif node.op == "placeholder":
            spec = specs[node]
            kind = {"PARAMETER": "parameter", "BUFFER": "buffer"}.get(spec.kind.name, "constant")
            reads[node.name] = enter(spec.target, held[spec.target], kind)
        elif node.op == "call_function":
            arguments = encode(node.args)
            operator = str(node.target)
            if operator == "aten.add_.Tensor" and node.args[0] in specs:
                counts[specs[node.args[0]].target] = node.name
            if operator == "aten.batch_norm.default" and node.args[5] and node.args[3] in specs:
                layer = specs[node.args[3]].target.rpartition(".")[0]
                if layer in cumulative:
                    arguments[6] = {"value": counts[f"{layer}.num_batches_tracked"]}
            if not operator.startswith("aten."):
                operator = getattr(node.target, "__name__", "")
            keywords = {key: encode(value) for key, value in node.kwargs.items()}
            line = line_of(node.meta.get("stack_trace") or "", path)
            calls.append(frames.Call(node.name, operator, arguments, keywords, line))
        elif node.op == "output":
            output = node.args[0][0].name
    return frames.Graph(image, reads, calls, output)


def inlined(program: ExportedProgram) -> fx.GraphModule:
    """The program's graph with what it runs in graphs of their own written in their place.

    Those come from `torch.no_grad()` and `torch.autocast()` inside forward: what goes into the
    former is detached, which is the same.
    """
    import torch
    from torch import fx

    graph = fx.Graph()
    whole = program.graph_module
    tensors = [graph.node_copy(node) for node in _placeholders(whole)]
    specs = zip(tensors, program.graph_signature.input_specs, strict=True)
    parameters = {node for node, spec in specs if spec.kind.name == "PARAMETER"}

    def put(source: fx.GraphModule, inputs: list[fx.Node]) -> Any:
        """Write a graph's calls; returns its output."""
        values: dict[fx.Node, Any] = dict(zip(_placeholders(source), inputs, strict=True))
        for node in source.graph.nodes:
            name = getattr(node.target, "__name__", "")
            if node.op == "output":
                return fx.map_arg(node.args[0], lambda n: values[n])
            if node.op != "call_function" or str(node.target) in IDLE:
                continue
            if (size := _fixed_size(node)) is not None:
                values[node] = size
            elif name in REGIONS:
                values[node] = put(*region(source, node, values))
            elif name == "getitem" and not isinstance(values[node.args[0]], fx.Node):
                values[node] = values[node.args[0]][node.args[1]]
            elif node.users or name != "empty.memory_format":  # a checkpoint leaves empty tensors
                values[node] = graph.node_copy(node, lambda n: values[n])
        return None

    def region(
        source: fx.GraphModule, node: fx.Node, values: dict[fx.Node, Any]
    ) -> tuple[fx.GraphModule, list[fx.Node]]:
        """The graph that a call runs, and what goes into it."""
        place = REGIONS[getattr(node.target, "__name__", "")]
        *settings, module = node.args[: place + 1]
        inputs = [values[n] for n in node.args[place + 1 :]]  # type: ignore[index]
        if place == 4 and settings[2]:
            raise Refused(
                "autocast computes in a type other than float32, the only one that is graded; "
                "leave torch.autocast out of the network"
            )
        if settings == [False]:
            inputs = [detached(value) for value in inputs]
        return getattr(source, str(module.target)), inputs  # type: ignore[union-attr]

    def detached(value: fx.Node) -> fx.Node:
        if value in tensors and value not in parameters:
            return value
        return graph.call_function(torch.ops.aten.detach.default, (value,))

    graph.output(put(whole, tensors))
    return fx.GraphModule(torch.nn.Module(), graph)


def _fixed_size(node: fx.Node) -> int | None:
    """A size that is the same for every number of images, which ghost batch norm's views hide."""
    import torch

    size = node.meta.get("val")
    if not isinstance(size, torch.SymInt):
        return None
    expression = size.node.expr
    found = {int(expression.subs(dict.fromkeys(expression.free_symbols, n))) for n in (24, 40)}
    return found.pop() if len(found) == 1 else None


def _placeholders(module: fx.GraphModule) -> list[fx.Node]:
    return [node for node in module.graph.nodes if node.op == "placeholder"]


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

    module = inlined(program)
    ((example,), _) = program.example_inputs
    images = torch.rand_like(example)
    weights = torch.randn(len(images), 10)
    reads = definition.training.reads
    copies = {
        info.name: tensors[info.name].clone().requires_grad_(info.requires_grad)
        for info in definition.tensors
    }
    inputs = [
        copies[reads[node.name]] if node.name in reads else images.clone()
        for node in module.graph.nodes
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
        if not answer.requires_grad:
            return [None] * len(of)
        return list(torch.autograd.grad(answer, of, allow_unused=True))

    network.train()
    theirs = gradients(lambda: network(images.clone()), list(parameters.values()))
    if all(gradient is None for gradient in theirs):
        raise Refused(
            "no parameter of the network gets a gradient: "
            "take torch.no_grad() or detach() out of its forward pass"
        )
    ours = gradients(lambda: module(*inputs)[0], [copies[n] for n in parameters])
    for name, eager, exported in zip(parameters, theirs, ours, strict=True):
        eager = torch.zeros(1) if eager is None else eager
        exported = torch.zeros(1) if exported is None else exported
        # A network that gives NaN on these random images is told so when it trains.
        same = eager.shape == exported.shape
        if not same or not torch.allclose(eager, exported, 1e-4, 1e-6, equal_nan=True):
            raise Refused(
                f"the exported graph trains {name} otherwise than the network does (gradient "
                f"norm {exported.norm():.3g}, the network's {eager.norm():.3g}): a custom "
                "autograd Function or a checkpoint with use_reentrant=True does this; write it "
                "with torch's own operators, or with use_reentrant=False"
            )
