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
from typing import Any, NamedTuple, Self

import safetensors.torch
import torch
from pydantic_core import from_json
from torch import Tensor, fx, nn
from torch.utils.flop_counter import FlopCounterMode

from harness import frames
from harness.collect import untrusted
from harness.collect.calls import of_images
from harness.collect.flow import mixes, parted
from harness.collect.operators import ADMITTED, CHANCE, CREATED
from harness.collect.rules import Kept, Refused, check, normalised

MAX_ELEMENTS = 1_000_000
"""Elements of one value, for each image; the seeds' largest has 61,952."""
MAX_TOTAL = 10_000_000
"""Of all values together: training holds them at once for every image of a batch."""
MAX_NAME = 200
"""Characters of the name of a class, or of a tensor: they stand in reports."""
MAX_PIECES = 1_000
"""Values that one call makes of another."""
MAX_MULTIPLY_ADDS = 500_000_000
"""For each image; seed 004's networks take about a million."""

IMAGE = [1, 28, 28]
"""Shape of the data sets' images: channels, height, width."""
MAX_SIDE = 64
"""Of images that a notebook has resized."""

BATCHES = (11, 13)
"""Two sizes of batch for which shapes are propagated: prime, and no usual number of channels."""
PARTED_BATCHES = (16, 24)
"""The same for training with ghost batch norm, which cuts a batch into 2, 4 or 8 equal parts."""

_WORD = re.compile(r"[A-Za-z,.> -]{0,64}")


@dataclass(frozen=True)
class Candidate:
    """An admitted network: its graphs, and its tensors as they were handed over."""

    definition: frames.Definition
    tensors: dict[str, Tensor]
    """By name, in the order of `definition.tensors`."""
    kept: Kept
    """Those of the tensors that training keeps without an optimiser."""
    training: fx.GraphModule
    """Takes all tensors in their order and then the images."""
    evaluation: fx.GraphModule
    unshaken: fx.GraphModule
    """The evaluation graph without what it leaves to chance, such as dropout that is never off."""
    parts: int
    """Equal parts into which training cuts a batch: above 1 with ghost batch norm."""
    least: int
    """Images that batch norm needs in a training batch, to have two values for each channel."""
    training_sizes: dict[str, int]
    """Elements of each value of the training graph that is computed without the images."""
    evaluation_sizes: dict[str, int]

    @property
    def digest(self) -> str:
        """SHA-256 of what is trained: graphs and tensors, without line numbers."""
        described = asdict(self.definition)
        decisive = {key: described[key] for key in ("tensors", "training", "evaluation")}
        if self.definition.image != IMAGE:
            decisive["image"] = self.definition.image
        for graph in (decisive["training"], decisive["evaluation"]):
            graph["calls"] = [call | {"line": None} for call in graph["calls"]]
        state = safetensors.torch.save(self.tensors)
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode() + state).hexdigest()

    @property
    def shape(self) -> str:
        """SHA-256 of how the graphs are built: their calls by number, with the tensors' sizes."""
        sizes = {name: list(tensor.shape) for name, tensor in self.tensors.items()}
        built = [
            _built(graph, sizes) for graph in (self.definition.training, self.definition.evaluation)
        ]
        return hashlib.sha256(json.dumps(built, sort_keys=True).encode()).hexdigest()


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
        places = {info.name: n for n, info in enumerate(candidate.definition.tensors)}
        self._parts = {places[name]: parts for name, parts in candidate.kept.parts.items()}

    def train(self, mode: bool = True) -> Self:
        """As any module; ghost batch norm's statistics become the mean over the parts."""
        if self.training and not mode:
            for place, parts in self._parts.items():
                tensor = self._tensors[place]
                tensor.copy_(tensor.view(parts, -1).mean(0).repeat(parts))
        return super().train(mode)

    def forward(self, images: Tensor) -> Tensor:
        """The network's answer, float32 [N, 10]."""
        answer: Tensor = self._graphs[self.training](*self._tensors, images)
        return answer


def _built(graph: frames.Graph, sizes: dict[str, list[int]]) -> list[Any]:
    """A graph's calls, in which each value goes by its number and each tensor by its size."""
    known: dict[str, Any] = {name: sizes[tensor] for name, tensor in graph.reads.items()}
    known |= {graph.image: "images"}
    known |= {call.name: number for number, call in enumerate(graph.calls)}

    def named(written: Any) -> Any:
        match written:
            case {"value": str(name)}:
                return {"value": known[name]}
            case dict():
                return {key: named(each) for key, each in written.items()}
            case list():
                return [named(each) for each in written]
        return written

    return [[call.operator, named(call.arguments), named(call.keywords)] for call in graph.calls]


def admit(definition: bytes, tensors: bytes) -> Candidate:
    """Check what a child handed over, and rebuild it.

    Args:
        definition: the DEFINITION frame.
        tensors: the TENSORS frame.

    Raises:
        Refused: saying what was found and what to write instead.
    """
    described, state = _parsed(definition, tensors)
    if sorted(state) != sorted(info.name for info in described.tensors):
        raise Refused("what the submission's process handed over is malformed: tensors differ")
    if not _is_square(described.image):
        shape = " x ".join(map(str, described.image))
        raise Refused(
            f"it takes images of {shape}: give it squares of at most {MAX_SIDE} pixels in 1 or 3 "
            "channels"
        )
    state = {info.name: state[info.name] for info in described.tensors}
    described = replace(
        described,
        training=normalised(described.training),
        evaluation=normalised(described.evaluation),
    )
    kept = check(described, state)
    training, evaluation, unshaken = (
        _rebuild(graph, list(state))
        for graph in (described.training, described.evaluation, _unshaken(described.evaluation))
    )
    measured = _measure(described.training, training, state, described.image, training=True)
    return Candidate(
        definition=described,
        tensors=state,
        kept=kept,
        training=training,
        evaluation=evaluation,
        unshaken=unshaken,
        parts=measured.parts,
        least=measured.least,
        training_sizes=measured.sizes,
        evaluation_sizes=_measure(
            described.evaluation, evaluation, state, described.image, training=False
        ).sizes,
    )


def _parsed(definition: bytes, tensors: bytes) -> tuple[frames.Definition, dict[str, Tensor]]:
    malformed = "what the submission's process handed over is malformed"
    if len(definition) > untrusted.MAX_JSON:
        raise Refused(f"{malformed}: a definition of {len(definition):,} bytes")
    try:
        described = untrusted.checked(frames.Definition, from_json(definition))
        state = safetensors.torch.load(tensors)
    except Exception as error:  # whatever the readers find wrong with bytes
        raise Refused(f"{malformed}: {str(error)[:500]}") from None
    names = [described.network, *(info.name for info in described.tensors)]
    if any(len(name) > MAX_NAME for name in names):
        raise Refused(f"{malformed}: a name of more than {MAX_NAME} characters")
    return described, state


def _is_square(image: list[int]) -> bool:
    return len(image) == 3 and image[0] in (1, 3) and 8 <= image[1] == image[2] <= MAX_SIDE


def _unshaken(graph: frames.Graph) -> frames.Graph:
    """The graph with everything left to chance switched off."""
    calls = [
        replace(call, arguments=[*call.arguments[:2], False]) if call.operator in CHANCE else call
        for call in graph.calls
    ]
    return replace(graph, calls=calls)


def _cumulative_batch_norm(*arguments: Any) -> Any:
    """Batch norm whose running statistics are the mean over all batches so far.

    As torch's `momentum=None`; in the momentum's place stands the number of batches.
    """
    *first, batches, eps, fast = arguments
    momentum = 1.0 if batches.is_meta else 1.0 / float(batches)
    return torch.ops.aten.batch_norm.default(*first, momentum, eps, fast)


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
        if call.operator == "aten.batch_norm.default" and isinstance(arguments[6], fx.Node):
            function = _cumulative_batch_norm
        values[call.name] = built.call_function(function, tuple(arguments), keywords)
    built.output(values[graph.output])
    return fx.GraphModule(nn.Module(), built)


class _Measured(NamedTuple):
    """What propagated shapes tell."""

    sizes: dict[str, int]
    """Elements of the values that are computed without the images."""
    parts: int
    least: int


def _measure(
    graph: frames.Graph,
    module: fx.GraphModule,
    state: dict[str, Tensor],
    image: list[int],
    training: bool,
) -> _Measured:
    """Check the shapes of a graph's values, without computing anything.

    They are propagated on meta tensors with two sizes of batch: every value that depends on
    the images must keep the batch as its first dimension, and depend on it in no other way.
    """
    cut = parted(graph) if training else set()
    batches = PARTED_BATCHES if cut else BATCHES
    dependent = of_images(graph)
    first, second = (
        _shapes(graph, module, state, torch.empty(batch, *image, device="meta"))
        for batch in batches
    )
    sizes: dict[str, int] = {}
    parts = least = 1
    total = 0
    for call, small, large in zip(graph.calls, first, second, strict=True):
        into = batches[0] // small[0] if call.name in cut and small and small[0] else 1
        alone = [n * into for n in (*small[:1], *large[:1])] == [*batches]
        alone = alone and small[1:] == large[1:]
        if call.name in dependent and (not alone or mixes(call, len(small), dependent)):
            raise Refused(
                f"a value of shape {small} mixes images: keep the batch as the first dimension",
                call.line,
            )
        parts = max(parts, into)
        if call.operator == "aten.batch_norm.default" and torch.Size(small[2:]).numel() == 1:
            least = max(least, 2 * into)
        elements = torch.Size(small).numel()
        if small and not elements:
            raise Refused("a value without elements holds nothing to answer by", call.line)
        if elements > MAX_ELEMENTS * (batches[0] if call.name in dependent else 1):
            raise Refused(f"a value of {elements:,} elements is too large", call.line)
        total += elements // (batches[0] if call.name in dependent else 1)
        if total > MAX_TOTAL:
            raise Refused(f"all values together have more than {MAX_TOTAL:,} elements", call.line)
        if call.name not in dependent:
            sizes[call.name] = elements
    return _Measured(sizes, parts, least)


def _shapes(
    graph: frames.Graph, module: fx.GraphModule, state: dict[str, Tensor], images: Tensor
) -> list[list[int]]:
    """The shape of each call's value for images on the meta device."""
    batch = len(images)
    lines = [call.line for call in graph.calls]
    observer = _Shapes(module)
    inputs = [tensor.to("meta") for tensor in state.values()]
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            observer.run(*inputs, images)
    except Exception as error:  # whatever an operator says of arguments it cannot take
        line = lines[min(len(observer.shapes), len(lines) - 1)] if lines else None
        message = str(error).partition("\n")[0]
        told = message if isinstance(error, Refused) else f"the graph cannot be computed: {message}"
        raise Refused(told, line) from None
    if counter.get_total_flops() > 2 * batch * MAX_MULTIPLY_ADDS:
        found = counter.get_total_flops() // (2 * batch)
        raise Refused(
            f"an image takes {found:,} multiply-adds; at most {MAX_MULTIPLY_ADDS:,} are taken"
        )
    if observer.answer != [batch, 10]:
        raise Refused(f"{batch} images give {observer.answer}; it must be [{batch}, 10]")
    return observer.shapes


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

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        """What an operator makes, unless that is too many values for the memory."""
        name = getattr(target, "__name__", "").partition(".")[0]
        if name in ("unbind", "chunk", "split") and isinstance(args[0], Tensor):
            most = max(args[0].shape, default=0)
            if name == "split" and isinstance(args[1], int):
                most //= max(1, args[1])
            if min(most, args[1] if name == "chunk" else most) > MAX_PIECES:
                raise Refused(f"{name} makes more than {MAX_PIECES:,} values")
        return super().call_function(target, args, kwargs)
