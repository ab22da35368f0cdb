"""Which pixels of the image each value of a graph depends on: receptive fields, by experiment.

The graph runs on 56 images of 28 x 28: in each one row or one column is marked with ones. Weights
become ones and every operator only passes marks on, so that whatever is marked in the end depends
on that row or column. Residual additions, concatenation, dilation, strides and padding need no
formula this way, and padding never adds to a field. Must not know layers, parameters or reports.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx
from torch.fx.node import map_aggregate
from torch.utils.flop_counter import FlopCounterMode

from harness import frames


class Value(NamedTuple):
    """What is known of one value of a graph; of several values at once, of the first."""

    shape: tuple[int, ...]
    """With the number of marked images in front, where it depends on them."""
    field: int
    """Pixels, along the longer side, that one of its elements depends on; 0 for weights."""
    products: int
    """Multiplications of matrix products and convolutions that made it, for the whole batch."""


def marked(channels: int, side: int) -> Tensor:
    """The images of the experiment: each row, then each column.

    Returns:
        float32 [2 * side, channels, side, side].
    """
    rows, columns = torch.eye(side)[:, :, None], torch.eye(side)[:, None, :]
    images = torch.cat([rows.expand(-1, -1, side), columns.expand(-1, side, -1)])
    return images[:, None].repeat(1, channels, 1, 1)


def propagate(
    graph: frames.Graph, module: fx.GraphModule, tensors: dict[str, Tensor], images: Tensor
) -> dict[str, Value]:
    """Every value of an admitted graph, by its name.

    Args:
        graph: with its calls in one form.
        module: the same graph, from `tensors` in their order and the images to the answer.
        tensors: only their shapes matter.
        images: `marked()`; on the meta device where fields do not matter, and none are told.
    """
    marking = _Marking(module)
    with torch.no_grad():
        marking.run(*(tensor.to("meta") for tensor in tensors.values()), images)
    of_tensors = dict(zip(tensors, marking.values, strict=False))
    image, *of_calls = marking.values[len(tensors) :]
    values = {name: of_tensors[tensor] for name, tensor in graph.reads.items()}
    values[graph.image] = image
    return values | dict(zip((call.name for call in graph.calls), of_calls, strict=True))


class _Marking(fx.Interpreter):
    """Runs a graph on marks. Weights are on the meta device: all they have is a shape."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.values: list[Value] = []
        self._products = 0

    def run_node(self, n: fx.Node) -> Any:
        """The marks of a node's value, noted."""
        self._products = 0
        result = super().run_node(n)
        if n.op != "output":
            first = result[0] if isinstance(result, list | tuple) and result else result
            tensor = isinstance(first, Tensor)
            shape = tuple(first.shape) if tensor else ()
            field = _field(first) if tensor and not first.is_meta else 0
            self.values.append(Value(shape, field, self._products))
        return result

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        """The marks that an operator passes on; for operators on weights, a shape."""
        images: list[Tensor] = []

        def outlined(value: Tensor) -> Tensor:
            if not value.is_meta:
                images.append(value)
            return value.to("meta")

        shapes, settings = _each_tensor((args, kwargs), outlined)
        with FlopCounterMode(display=False) as counter:
            outline = target(*shapes, **settings)
        self._products = counter.get_total_flops() // 2
        name = target.__name__.partition(".")[0].removesuffix("_")
        if not images or isinstance(outline, int) or name in ("new_zeros", "new_ones"):
            return outline
        passed = _passed(name, target, args, kwargs, images, outline)
        return _each_tensor(passed, lambda marks: (marks > 0).float())


def _each_tensor(values: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """Nested `values` with every tensor in them replaced."""
    return map_aggregate(values, lambda v: function(v) if isinstance(v, Tensor) else v)


def _field(marks: Tensor) -> int:
    """The longest stretch from the first to the last mark of an element, along either side."""
    if not marks.numel():
        return 0
    side = len(marks) // 2
    marks = marks.reshape(2, side, -1)
    upwards = torch.arange(1.0, side + 1)[:, None]
    end = (marks * upwards).amax(dim=1)
    beginning = side - (marks * upwards.flip(0)).amax(dim=1)
    return max(0, int((end - beginning).max()))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PRODUCTS = _words("conv1d conv2d conv_transpose1d conv_transpose2d linear matmul mm bmm mv einsum")

_REDUCTIONS = _words(
    "sum mean var std amax amin logsumexp norm linalg_vector_norm softmax log_softmax"
)
"""Operators whose value depends on all that lies along `dim`."""

_POINTWISE = _words("""
    batch_norm _cumulative_batch_norm group_norm layer_norm instance_norm rms_norm
    dropout feature_dropout alpha_dropout feature_alpha_dropout detach
    elu selu mish leaky_relu prelu hardtanh hardswish hardsigmoid log_sigmoid
""")
"""Those that torch does not tag as pointwise, or not in each of its versions. By convention the
statistics of a norm are none of its field, or every field behind a group norm would be 28."""

_MOVES = _words("""
    getitem cat stack repeat roll flip lift_fresh_copy pad constant_pad_nd im2col
    pixel_shuffle pixel_unshuffle channel_shuffle
    max_pool1d max_pool2d adaptive_max_pool1d adaptive_max_pool2d
    avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d
    upsample_nearest1d upsample_nearest2d upsample_linear1d upsample_bilinear2d
""")
"""Operators that move or average marks themselves; views do too."""

_NOISE = _words("zeros_like ones_like randn_like")


def _passed(
    name: str, target: Any, args: Any, kwargs: Any, images: list[Tensor], outline: Any
) -> Any:
    """Above 0 where a value of `outline`'s shape depends on what is marked in `images`."""
    if name in _NOISE:
        return torch.zeros(outline.shape)
    if name in _PRODUCTS:
        return _multiplied(name, target, args)
    if name in _POINTWISE or torch.Tag.pointwise in getattr(target, "tags", ()):
        return reduce(torch.add, images).expand(outline.shape)
    if name in _MOVES or getattr(target, "is_view", False):
        if name in ("pad", "constant_pad_nd"):
            args = args[: 3 if name == "pad" else 2]  # without the value that is filled in
        return target(*_each_tensor(args, _unmarked), **kwargs)
    if name in _REDUCTIONS:
        schema = (argument.name for argument in target._schema.arguments)
        dim = (dict(zip(schema, args, strict=False)) | kwargs).get("dim")
        if dim not in (None, []):
            reduced = images[0].amax(dim, keepdim=True)
            same = reduced.dim() == outline.dim()
            return reduced.expand(outline.shape) if same else reduced.reshape(outline.shape)
    # An operator without a rule may look at everything that it is given.
    union = reduce(torch.maximum, (marks.flatten(1).amax(1) for marks in images))
    return _each_tensor(
        outline, lambda part: union.view(-1, *[1] * (part.dim() - 1)).expand(part.shape)
    )


def _multiplied(name: str, target: Any, args: Any) -> Tensor:
    """Marks through a product: each operand's own, with ones for the others and no bias."""
    operands = args[1] if name == "einsum" else args[:2]
    ones = [torch.ones(operand.shape) for operand in operands]
    total = torch.zeros(())
    for place, operand in enumerate(operands):
        if operand.is_meta:
            continue
        mixed = [*ones[:place], operand, *ones[place + 1 :]]
        if name == "einsum":
            total = total + target(args[0], mixed)
        else:
            total = total + target(*mixed, *[None for _ in args[2:3]], *args[3:])
    # Sums of ones and zeros; fast convolutions leave rounding errors where there is nothing.
    return total - 0.5


def _unmarked(value: Tensor) -> Tensor:
    """Weights among the operands hold no marks."""
    return torch.zeros(value.shape) if value.is_meta else value
