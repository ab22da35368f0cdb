"""Admits a network that a child handed over as a graph, and rebuilds it.

What a graph may do stands in `rules.py`, what it holds is counted in `count.py`; here it is
propagated and becomes a module again. Must not know recipes, data sets or how the graph was
made: it sees bytes from a process that it does not trust.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

import safetensors
import safetensors.torch
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, fx, nn
from torch.utils.flop_counter import FlopCounterMode

from harness import frames
from harness.collect.calls import of_images
from harness.collect.operators import ADMITTED, CREATED
from harness.collect.rules import Refused, check, mixes, normalised

MAX_ELEMENTS = 4_000_000
"""Elements of one value, for each image."""
MAX_MULTIPLY_ADDS = 200_000_000
"""For each image; seed 004's networks take about a million."""

_WORD = re.compile(r"[A-Za-z,.> -]{0,64}")


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
    training_sizes: dict[str, int]
    """Elements of each value of the training graph that is computed without the images."""
    evaluation_sizes: dict[str, int]

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
    described = replace(
        described,
        training=normalised(described.training),
        evaluation=normalised(described.evaluation),
    )
    statistics, counters = check(described, state)
    training, evaluation = (
        _rebuild(graph, list(state)) for graph in (described.training, described.evaluation)
    )
    return Candidate(
        definition=described,
        tensors=state,
        statistics=statistics,
        counters=frozenset(counters),
        training=training,
        evaluation=evaluation,
        training_sizes=_measure(described.training, training, state),
        evaluation_sizes=_measure(described.evaluation, evaluation, state),
    )


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
        if call.name in dependent and (not alone or mixes(call, len(small), dependent)):
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
