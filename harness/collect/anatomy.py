"""The anatomy of a network: its layer table and what it costs to compute, read from its graphs.

Only calls that the answer needs are told, so that a layer whose value is thrown away is none.
Must not know limits, recipes or data sets.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Set
from typing import Any, NamedTuple

from harness import frames
from harness.collect.calls import SIZE, live, of_images, references, tensors_read
from harness.collect.graph import Candidate
from harness.collect.operators import ADMITTED
from harness.collect.reach import Value, marked, propagate
from harness.evidence import Layer


class Anatomy(NamedTuple):
    """What the graphs tell, for `evidence.Network`."""

    layers: list[Layer]
    multiply_adds: int
    training_multiply_adds: int
    evaluation_only: list[str]


def anatomy(candidate: Candidate) -> Anatomy:
    """The layer table of the training graph, and what both graphs cost.

    A layer is what torch.nn has a class for, however it is written: `F.conv2d` on a parameter
    is a `Conv2d`, a product of images with weights (`@`, `einsum`) a `Linear`, and a mean or a
    maximum over all positions (`x.mean((2, 3))`) an `AvgPool2d` or a `MaxPool2d` whose kernel is
    its whole input. Reshapes, padding and plain arithmetic are none.
    """
    definition, tensors = candidate.definition, candidate.tensors
    free = candidate.kept.free
    channels, side, _ = definition.image
    images = marked(channels, side)
    training = _Pass(
        live(definition.training),
        propagate(definition.training, candidate.training, tensors, images),
        free,
    )
    evaluation = _Pass(
        live(definition.evaluation),
        propagate(definition.evaluation, candidate.evaluation, tensors, images.to("meta")),
        free,
    )
    only = tensors_read(evaluation.graph) - tensors_read(training.graph)
    return Anatomy(
        layers=training.layers({name: list(t.shape) for name, t in tensors.items()}),
        multiply_adds=evaluation.multiply_adds(),
        training_multiply_adds=training.multiply_adds(),
        evaluation_only=[name for name in tensors if name in only],
    )


_CLASSES = {
    "conv1d": "Conv1d",
    "conv2d": "Conv2d",
    "conv_transpose1d": "ConvTranspose1d",
    "conv_transpose2d": "ConvTranspose2d",
    "linear": "Linear",
    "max_pool1d": "MaxPool1d",
    "max_pool2d": "MaxPool2d",
    "avg_pool1d": "AvgPool1d",
    "avg_pool2d": "AvgPool2d",
    "avg_pool3d": "LocalResponseNorm",  # images have no third dimension; that layer makes one
    "adaptive_max_pool1d": "AdaptiveMaxPool1d",
    "adaptive_max_pool2d": "AdaptiveMaxPool2d",
    "adaptive_avg_pool1d": "AdaptiveAvgPool1d",
    "adaptive_avg_pool2d": "AdaptiveAvgPool2d",
    "batch_norm": "BatchNorm{}d",
    "instance_norm": "InstanceNorm{}d",
    "group_norm": "GroupNorm",
    "layer_norm": "LayerNorm",
    "rms_norm": "RMSNorm",
    "dropout": "Dropout",
    "feature_dropout": "Dropout{}d",
    "alpha_dropout": "AlphaDropout",
    "feature_alpha_dropout": "FeatureAlphaDropout",
    "relu": "ReLU",
    "relu6": "ReLU6",
    "elu": "ELU",
    "selu": "SELU",
    "celu": "CELU",
    "silu": "SiLU",
    "mish": "Mish",
    "gelu": "GELU",
    "leaky_relu": "LeakyReLU",
    "prelu": "PReLU",
    "hardtanh": "Hardtanh",
    "hardswish": "Hardswish",
    "hardsigmoid": "Hardsigmoid",
    "softplus": "Softplus",
    "sigmoid": "Sigmoid",
    "log_sigmoid": "LogSigmoid",
    "tanh": "Tanh",
    "softmax": "Softmax",
    "log_softmax": "LogSoftmax",
    "upsample_nearest1d": "Upsample",
    "upsample_nearest2d": "Upsample",
    "upsample_linear1d": "Upsample",
    "upsample_bilinear2d": "Upsample",
    "pixel_shuffle": "PixelShuffle",
    "pixel_unshuffle": "PixelUnshuffle",
    "channel_shuffle": "ChannelShuffle",
    "im2col": "Unfold",
}
"""torch.nn's class for an operator; `{}` stands for the number of dimensions."""

_PRODUCTS = ("matmul", "mm", "bmm", "mv", "einsum")
_OVER_POSITIONS = {"mean": "AvgPool{}d", "amax": "MaxPool{}d"}


def _operator(call: frames.Call) -> str:
    """`conv2d` of `aten.conv2d.padding`, and `relu` of `aten.relu_.default`."""
    return call.operator.removeprefix("aten.").partition(".")[0].removesuffix("_")


def _named(call: frames.Call) -> dict[str, Any]:
    """A call's arguments under the names of its operator's schema, defaults included."""
    schema = ADMITTED[call.operator]._schema.arguments  # type: ignore[attr-defined]
    defaults = {argument.name: argument.default_value for argument in schema}
    return defaults | dict(zip(defaults, call.arguments, strict=False)) | call.keywords


class _Window(NamedTuple):
    """What a layer looks at at once, along no, one or two dimensions."""

    kernel: list[int] = []
    padding: list[int] = []
    stride: list[int] = []


class _Pass:
    """One forward pass: a live graph, and what its values look like."""

    def __init__(self, graph: frames.Graph, values: dict[str, Value], free: Set[str]) -> None:
        self.graph, self.values = graph, values
        self._free = {name for name, tensor in graph.reads.items() if tensor in free}
        self._batch = of_images(graph)
        # Weights repeated for each image depend on how many there are, and show none of them.
        self._images = {graph.image}
        for call in graph.calls:
            if call.operator != SIZE and not self._images.isdisjoint(references(call)):
                self._images.add(call.name)
        self._leaves = {n: [t] for n, t in graph.reads.items() if n not in self._free}
        for call in graph.calls:
            if call.name not in self._images:
                self._leaves[call.name] = self._behind(references(call))

    def layers(self, tensors: dict[str, list[int]]) -> list[Layer]:
        """The layer table.

        Args:
            tensors: the shape of each by name.
        """
        table: list[Layer] = []
        told: set[str] = set()
        for call in self.graph.calls:
            kind = self._kind(call)
            if not kind:
                continue
            leaves = self._behind(self._weights(call))
            new = [tensors[leaf] for leaf in leaves if leaf not in told]
            told.update(leaves)
            taken = [self.values[name] for name in references(call) if name in self._images]
            shape = list(taken[0].shape[1:])
            table.append(
                Layer(
                    name=f"{kind}-{len(table) + 1}",
                    **self._window(call, shape)._asdict(),
                    p=_probability(call),
                    input=shape,
                    output=list(self.values[call.name].shape[1:]),
                    receptive_field_in=max(value.field for value in taken),
                    receptive_field=self.values[call.name].field,
                    arithmetic=_arithmetic(_operator(call), new),
                    parameters=sum(map(math.prod, new)),
                    line=call.line,
                )
            )
        return table

    def multiply_adds(self) -> int:
        """For one image; see `evidence.Network.multiply_adds`."""
        return sum(map(self._cost, self.graph.calls))

    def _kind(self, call: frames.Call) -> str:
        """torch.nn's class for a call; empty for one that is no layer."""
        if call.name not in self._images:
            return ""
        operator = _operator(call)
        shape = self.values[next(references(call))].shape
        if operator in _PRODUCTS:
            return "Linear" if self._weights(call) else ""
        if operator in _OVER_POSITIONS:
            axes = {axis % len(shape) for axis in _named(call)["dim"] or ()}
            over = len(shape) > 2 and axes == set(range(2, len(shape)))
            return _OVER_POSITIONS[operator].format(len(shape) - 2) if over else ""
        return _CLASSES.get(operator, "").format(max(1, len(shape) - 2))

    def _weights(self, call: frames.Call) -> list[str]:
        """Names of the values that a call takes besides images and running statistics."""
        others = self._images | self._free
        return [name for name in references(call) if name not in others]

    def _behind(self, names: Iterable[str]) -> list[str]:
        """The tensors that values are computed from, each once."""
        return list(dict.fromkeys(leaf for n in names for leaf in self._leaves.get(n, [])))

    def _window(self, call: frames.Call, taken: list[int]) -> _Window:
        """The window of a convolution, a pooling or an unfolding; empty for other layers.

        Args:
            call: of a layer.
            taken: the shape of its input without the batch.
        """
        operator, named = _operator(call), _named(call)
        if operator in _OVER_POSITIONS:
            return _Window(taken[1:], [0 for _ in taken[1:]], taken[1:])
        if operator.startswith("adaptive"):
            parts = named["output_size"]
            sizes = list(zip(taken[-len(parts) :], parts, strict=True))
            # Exact where the parts are equal; else the window of an ordinary pooling that
            # comes to as many parts.
            kernel = [size // part + size % part for size, part in sizes]
            return _Window(kernel, [0 for _ in parts], [size // part for size, part in sizes])
        if operator.startswith("conv"):
            kernel = list(self.values[named["weight"]["value"]].shape[2:])
        elif "kernel_size" in named and _CLASSES[operator] != "LocalResponseNorm":
            kernel = _each(named["kernel_size"], 1 if operator.endswith("1d") else 2)
        else:
            return _Window()
        padding = named["padding"]
        if padding == "same":
            steps = _each(named["dilation"], len(kernel))
            padding = [step * (size - 1) // 2 for size, step in zip(kernel, steps, strict=True)]
        elif padding == "valid":
            padding = [0]
        return _Window(
            kernel, _each(padding, len(kernel)), _each(named["stride"] or kernel, len(kernel))
        )

    def _cost(self, call: frames.Call) -> int:
        operator, value = _operator(call), self.values[call.name]
        if call.name not in self._images or operator not in _CLASSES:
            images = self.values[self.graph.image].shape[0]
            return value.products // (images if call.name in self._batch else 1)
        entries = sum(math.prod(self.values[name].shape) for name in self._weights(call))
        if operator.startswith("conv"):
            return entries * math.prod(value.shape[2:])
        if operator == "linear":
            return entries * math.prod(value.shape[1:-1])
        return entries


def _each(setting: Any, many: int) -> list[int]:
    """A setting for each dimension, as torch reads it: one number stands for all of them."""
    numbers = setting if isinstance(setting, list) else [setting]
    return numbers * many if len(numbers) == 1 else numbers


def _probability(call: frames.Call) -> float | None:
    """What a dropout drops; 0 where it is turned off."""
    if not _operator(call).endswith("dropout"):
        return None
    named = _named(call)
    return float(named["p"]) if named["train"] else 0.0


def _arithmetic(operator: str, shapes: list[list[int]]) -> str:
    """How the numbers of tensors come about: height x width x from x to, as the seeds write it."""
    terms: list[str] = []
    for shape in shapes:
        if operator.startswith("conv") and len(shape) > 2:
            outward = shape[:2] if operator.startswith("conv_transpose") else shape[1::-1]
            shape = shape[2:] + outward
        elif operator == "linear":
            shape = shape[::-1]
        terms.append("x".join(map(str, shape or [1])))
    if len(terms) > 1 and len(set(terms)) == 1:
        return f"{len(terms)}x{terms[0]}"
    return " + ".join(terms)
