"""Admits a network that a child handed over as a graph, and rebuilds it.

The rules of state, operators and behaviour stand here; what is admitted is counted in
`count.py`. Must not know recipes, data sets or how the graph was made: it sees bytes from a
process that it does not trust.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Set
from dataclasses import asdict, dataclass
from typing import Any, Literal

import safetensors
import safetensors.torch
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, fx, nn
from torch.utils.flop_counter import FlopCounterMode

from harness import frames
from harness.collect.operators import ADMITTED, CREATED, FORBIDDEN

MAX_TENSORS = 200
MAX_CALLS = 1_000
MAX_ELEMENTS = 4_000_000
"""Elements of one value, for each image."""
MAX_MULTIPLY_ADDS = 200_000_000
"""For each image; seed 004's networks take about a million."""

_WORD = re.compile(r"[A-Za-z,.> -]{0,64}")
_WEIGHTED = ("aten.conv", "aten.linear.")
_BATCH_NORM = "aten.batch_norm.default"
_SIZE = "aten.sym_size.int"
_SIZED = ("aten.view.default", "aten.reshape.default", "aten.expand.default")


class Refused(ValueError):
    """A graph that is not admitted: what was found, and what to write instead."""

    def __init__(
        self,
        message: str,
        line: int | None = None,
        owner: Literal["submission", "harness"] = "submission",
    ) -> None:
        super().__init__(message)
        self.line, self.owner = line, owner


@dataclass(frozen=True)
class Candidate:
    """An admitted network: its graphs, and its tensors as they were handed over."""

    definition: frames.Definition
    tensors: dict[str, Tensor]
    """By name, in the order of `definition.tensors`."""
    statistics: dict[str, float]
    """Batch-norm's running means and variances by name, and what each starts from."""
    counters: frozenset[str]
    """Names of batch-norm's batch counters."""
    training: fx.GraphModule
    """Takes all tensors in their order and then the images."""
    evaluation: fx.GraphModule
    sizes: dict[str, int]
    """Elements of each value that is computed without the images, by the value's name."""

    @property
    def digest(self) -> str:
        """SHA-256 of what is trained: graphs and tensors, without line numbers."""
        described = asdict(self.definition)
        decisive = {key: described[key] for key in ("tensors", "training", "evaluation")}
        for graph in (decisive["training"], decisive["evaluation"]):
            graph["calls"] = [call | {"line": None} for call in graph["calls"]]
        state = safetensors.torch.save(self.tensors)
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode() + state).hexdigest()


class GraphNetwork(nn.Module):
    """An admitted network with tensors of its own: an ordinary module from images to scores."""

    def __init__(self, candidate: Candidate, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        self._graphs = {True: candidate.training, False: candidate.evaluation}
        self._tensors: list[Tensor] = []
        for number, info in enumerate(candidate.definition.tensors):
            tensor = tensors[info.name]
            if info.requires_grad:
                tensor = nn.Parameter(tensor)
                self.register_parameter(f"tensor_{number}", tensor)
            else:
                self.register_buffer(f"tensor_{number}", tensor)
            self._tensors.append(tensor)

    def forward(self, images: Tensor) -> Tensor:
        """The network's answer, float32 [N, 10]."""
        answer: Tensor = self._graphs[self.training](*self._tensors, images)
        return answer


def admit(definition: bytes, tensors: bytes) -> Candidate:
    """Check what a child handed over, and rebuild it.

    Args:
        definition: the DEFINITION frame.
        tensors: the TENSORS frame.

    Raises:
        Refused: saying what was found and what to write instead.
    """
    try:
        described = TypeAdapter(frames.Definition).validate_json(definition)
        state = safetensors.torch.load(tensors)
    except (ValidationError, safetensors.SafetensorError) as error:
        raise Refused(f"what the submission's process handed over is malformed: {error}") from None
    if sorted(state) != sorted(info.name for info in described.tensors):
        raise Refused("what the submission's process handed over is malformed: tensors differ")
    state = {info.name: state[info.name] for info in described.tensors}
    graphs = {True: described.training, False: described.evaluation}
    counters = {name for name, t in state.items() if t.dtype == torch.int64 and t.dim() == 0}
    _check_tensors(described, state, counters)
    statistics = _unread_statistics(described)
    for training, graph in graphs.items():
        _check_operators(graph)
        _check_references(graph, state)
        _check_mutation(graph, counters, training)
        _check_flow(graph)
        statistics |= _check_batch_norm(graph, training)
    for graph in graphs.values():
        _check_statistics(graph, statistics.keys())
    modules = {training: _rebuild(graph, list(state)) for training, graph in graphs.items()}
    sizes: dict[str, int] = {}
    for training, graph in graphs.items():
        sizes |= _measure(graph, modules[training], state)
    return Candidate(
        described,
        state,
        statistics,
        frozenset(counters),
        modules[True],
        modules[False],
        sizes,
    )


def of_images(graph: frames.Graph) -> set[str]:
    """Names of the values that depend on the images."""
    found = {graph.image}
    for call in graph.calls:
        if found.intersection(references(call)) and call.operator != _SIZE:
            found.add(call.name)
    return found


def references(call: frames.Call) -> Iterator[str]:
    """Names of the values that a call takes."""

    def walk(argument: Any) -> Iterator[str]:
        if isinstance(argument, dict) and isinstance(argument.get("value"), str):
            yield argument["value"]
        elif isinstance(argument, list):
            for item in argument:
                yield from walk(item)

    yield from walk([*call.arguments, *call.keywords.values()])


def tensors_read(graph: frames.Graph) -> set[str]:
    """Names of the tensors that a forward pass takes."""
    taken = {name for call in graph.calls for name in references(call)}
    return {tensor for name, tensor in graph.reads.items() if name in taken}


def argument(call: frames.Call, position: int, keyword: str, default: Any = None) -> Any:
    """An argument of a call, wherever it was written."""
    if position < len(call.arguments):
        return call.arguments[position]
    return call.keywords.get(keyword, default)


def _check_operators(graph: frames.Graph) -> None:
    if len(graph.calls) > MAX_CALLS:
        raise Refused(f"the graph has {len(graph.calls):,} calls; at most {MAX_CALLS:,} are taken")
    for call in graph.calls:
        if call.operator in ADMITTED:
            continue
        short = call.operator.removeprefix("aten.").partition(".")[0]
        if short in FORBIDDEN:
            raise Refused(f"{short} is not allowed: {FORBIDDEN[short]}", call.line)
        raise Refused(
            f"the operator {call.operator} is not on the harness's list yet", call.line, "harness"
        )


def _check_references(graph: frames.Graph, state: dict[str, Tensor]) -> None:
    """Every value is made before it is used, once, and every tensor that is read exists."""
    known = {graph.image, *graph.reads}
    complete = set(graph.reads.values()) <= state.keys() and graph.image not in graph.reads
    for call in graph.calls:
        complete = complete and known.issuperset(references(call)) and call.name not in known
        known.add(call.name)
    if not complete or graph.output not in of_images(graph):
        raise Refused("the network's answer does not follow from the images")


def _check_tensors(
    definition: frames.Definition, state: dict[str, Tensor], counters: set[str]
) -> None:
    if len(state) > MAX_TENSORS:
        raise Refused(f"the network holds {len(state)} tensors; at most {MAX_TENSORS} are taken")
    for info in definition.tensors:
        tensor = state[info.name]
        if info.name in counters:
            continue
        if tensor.dtype != torch.float32:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise Refused(f"{info.name} is {kind}; parameters and constants must be float32")
        if not tensor.isfinite().all():
            raise Refused(f"{info.name} holds NaN or infinity before training")


def _unread_statistics(definition: frames.Definition) -> dict[str, float]:
    """Those of layers that the network holds and never calls; by their usual names, as torch's."""
    read = tensors_read(definition.training) | tensors_read(definition.evaluation)
    starts = {"running_mean": 0.0, "running_var": 1.0}
    return {
        info.name: starts[info.name.rpartition(".")[2]]
        for info in definition.tensors
        if info.kind == "buffer"
        and info.name not in read
        and info.name.rpartition(".")[2] in starts
    }


def _check_batch_norm(graph: frames.Graph, training: bool) -> dict[str, float]:
    """The running statistics of this graph by name: means start from 0, variances from 1."""
    found: dict[str, float] = {}
    for call in graph.calls:
        if call.operator != _BATCH_NORM:
            continue
        statistics = [argument(call, 3, "running_mean"), argument(call, 4, "running_var")]
        mean, variance = (graph.reads.get(v["value"]) if v else None for v in statistics)
        if mean is None or variance is None:
            raise Refused(
                "batch norm without running statistics answers by the batch, not by the image; "
                "leave track_running_stats=True",
                call.line,
            )
        if not training and argument(call, 5, "training"):
            raise Refused(
                "in evaluation this batch norm still uses the batch's own statistics; "
                "let model.eval() reach it",
                call.line,
            )
        if not 0 < argument(call, 6, "momentum") <= 1:
            raise Refused("batch norm's momentum must lie above 0 and at most at 1", call.line)
        found |= {mean: 0.0, variance: 1.0}
    return found


def _check_statistics(graph: frames.Graph, statistics: Set[str]) -> None:
    """Running statistics are read by batch norm alone: they are not counted as parameters."""
    for call in graph.calls:
        if call.operator == _BATCH_NORM:
            call = frames.Call("", "", [*call.arguments[:3], *call.arguments[5:]], {}, call.line)
        for name in references(call):
            if graph.reads.get(name) in statistics:
                raise Refused(
                    f"{graph.reads[name]} is a running statistic, and is read by something other "
                    "than batch norm; hold such numbers in an nn.Parameter",
                    call.line,
                )


def _check_mutation(graph: frames.Graph, counters: set[str], training: bool) -> None:
    """A forward pass changes nothing but batch counters, in training, and activations."""
    activations = of_images(graph)
    for call in graph.calls:
        short = call.operator.removeprefix("aten.").partition(".")[0]
        targets = list(references(call))
        tensors = [graph.reads[name] for name in targets if name in graph.reads]
        counts = training and call.operator == "aten.add_.Tensor" and call.arguments[1:] == [1]
        if counters.intersection(tensors) and not counts:
            raise Refused(f"{tensors[0]} is a batch counter, and is read", call.line)
        if short.endswith("_") and not (counters.issuperset(tensors) and counts):
            if targets[:1] and targets[0] in activations:
                continue
            raise Refused(
                f"{short} changes {', '.join(tensors)} during the forward pass; only batch norm's "
                "own statistics and activations may change",
                call.line,
            )


def _check_flow(graph: frames.Graph) -> None:
    """Weights do not depend on the images, and the batch's size only shapes."""
    dependent = of_images(graph)
    sizes = {call.name for call in graph.calls if call.operator == _SIZE}
    for call in graph.calls:
        if call.operator.startswith(_WEIGHTED):
            weights = frames.Call("", "", call.arguments[1:], call.keywords, call.line)
            if dependent.intersection(references(weights)):
                raise Refused("a layer's weights must not depend on the images", call.line)
        if sizes.intersection(references(call)) and call.operator not in _SIZED:
            raise Refused("the batch's size may only be used in view, reshape, expand", call.line)


def _rebuild(graph: frames.Graph, tensors: list[str]) -> fx.GraphModule:
    """A module that takes all tensors and the images, from operators under our own names."""
    built = fx.Graph()
    inputs = {name: built.placeholder(f"tensor_{i}") for i, name in enumerate(tensors)}
    image = built.placeholder("images")
    values = {name: inputs[tensor] for name, tensor in graph.reads.items()} | {graph.image: image}

    def decode(argument: Any, line: int | None) -> Any:
        match argument:
            case None | bool() | int() | float():
                return argument
            case str() if _WORD.fullmatch(argument) and argument not in ("floor", "trunc"):
                return argument
            case list():
                return [decode(item, line) for item in argument]
            case {"value": str(name)}:
                return values[name]
            case {"dtype": "float32"}:
                return torch.float32
            case {"memory_format": "contiguous_format" | "preserve_format"}:
                return None
        raise Refused(f"the argument {argument!r} is not taken; float32 is the only type", line)

    for call in graph.calls:
        arguments = [decode(item, call.line) for item in call.arguments]
        keywords = {
            key: decode(item, call.line)
            for key, item in call.keywords.items()
            if key not in ("device", "layout", "pin_memory")
        }
        function = ADMITTED[call.operator]
        if call.operator in CREATED:
            function, arguments = CREATED[call.operator], [image, *arguments]
        values[call.name] = built.call_function(function, tuple(arguments), keywords)
    built.output(values[graph.output])
    return fx.GraphModule(nn.Module(), built)


def _measure(
    graph: frames.Graph, module: fx.GraphModule, state: dict[str, Tensor]
) -> dict[str, int]:
    """Elements of the values computed without the images; all without computing anything.

    Shapes are propagated on meta tensors with two sizes of batch: every value that depends on
    the images must keep the batch as its first dimension, and depend on it in no other way.
    """
    lines = [call.line for call in graph.calls]
    dependent = of_images(graph)
    shapes: dict[int, list[list[int]]] = {}
    sizes: dict[str, int] = {}
    for batch in (11, 13):
        observer = _Shapes(module)
        inputs = [tensor.to("meta") for tensor in state.values()]
        images = torch.empty(batch, 1, 28, 28, device="meta")
        try:
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                observer.run(*inputs, images)
        except Exception as error:  # whatever an operator says of arguments it cannot take
            line = lines[min(len(observer.shapes), len(lines) - 1)] if lines else None
            first = str(error).partition("\n")[0]
            raise Refused(f"the graph cannot be computed: {first}", line) from None
        shapes[batch] = observer.shapes
        if counter.get_total_flops() > 2 * batch * MAX_MULTIPLY_ADDS:
            found = counter.get_total_flops() // (2 * batch)
            raise Refused(
                f"an image takes {found:,} multiply-adds; at most {MAX_MULTIPLY_ADDS:,} are taken"
            )
        if observer.answer != [batch, 10]:
            raise Refused(f"{batch} images give {observer.answer}; it must be [{batch}, 10]")
    for call, small, large in zip(graph.calls, shapes[11], shapes[13], strict=True):
        alone = small[:1] == [11] and large[:1] == [13] and small[1:] == large[1:]
        if call.name in dependent and not alone:
            raise Refused(
                f"a value of shape {small} mixes images: keep the batch as the first dimension",
                call.line,
            )
        elements = torch.Size(small).numel()
        if elements > MAX_ELEMENTS * (11 if call.name in dependent else 1):
            raise Refused(f"a value of {elements:,} elements is too large", call.line)
        if call.name not in dependent:
            sizes[call.name] = elements
    return sizes


class _Shapes(fx.Interpreter):
    """Runs a graph and notes the shape of each call's value."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.shapes: list[list[int]] = []
        self.answer: list[int] = []

    def run_node(self, n: fx.Node) -> Any:
        """The value of a node, noted."""
        value = super().run_node(n)
        first = value[0] if isinstance(value, list | tuple) and value else value
        shape = list(first.shape) if isinstance(first, Tensor) else []
        if n.op == "call_function":
            self.shapes.append(shape)
        elif n.op == "output":
            self.answer = shape if isinstance(value, Tensor) else []
        return value
