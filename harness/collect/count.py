"""Counts the numbers that an admitted network holds. Must not know any limit on them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from harness import frames
from harness.collect.calls import SIZE, of_images, references, tensors_read
from harness.collect.graph import Candidate
from harness.collect.operators import ADMITTED, CHANCE, CREATED
from harness.evidence import Parameters

_VIEWS = frozenset(
    """
    aten.view.default aten.reshape.default aten.expand.default aten.expand_as.default
    aten.repeat.default aten.permute.default aten.t.default aten.mT.default aten.matrix_H.default
    aten.transpose.int aten.unsqueeze.default aten.squeeze.default aten.squeeze.dim
    aten.flatten.using_ints aten.contiguous.default aten.clone.default aten.detach.default
    aten.alias.default
    """.split()  # noqa: SIM905 - a column of quotes would say less
)
"""Operators that show a value again and add nothing to it."""

EXEMPT_STATISTICS = 1_000
"""Elements of batch norm's statistics, and of spectral norm's vectors, that are free; more could
be a table of answers, unless the network holds `EXEMPT_SHARE` as many parameters."""

EXEMPT_SHARE = 10
"""Parameters for each free statistic, where that is more: below any limit of this exercise it is
not, and a network of millions is told the count that torchsummary prints."""

_SETTINGS = {
    "aten.batch_norm.default": ("momentum", "eps"),
    "aten.group_norm.default": ("eps",),
    "aten.layer_norm.default": ("eps",),
    "aten.instance_norm.default": ("momentum", "eps"),
    "aten.rms_norm.default": ("eps",),
    **dict.fromkeys(CHANCE, ("p",)),
    "aten.leaky_relu.default": ("negative_slope",),
    "aten.leaky_relu_.default": ("negative_slope",),
    "aten.upsample_nearest2d.vec": ("scale_factors",),
    "aten.upsample_bilinear2d.vec": ("scale_factors",),
}
"""Arguments whose numbers are settings of a layer, and hold no weights."""

FREE_SETTINGS = 30
"""Different settings that are free; as many as hundreds could be weights."""

FREE_DIGITS = 50
"""Whole numbers of one digit that are free in arithmetic, such as the bounds of ReLU6. Seen: a
digits' classifier in the `alpha` of 640 additions."""

FREE_SIZES = 100
"""Calls that are free to show an image's values more often, or a part of them. Seen: a digits'
classifier in the sizes of 160 expanded values, which are then summed up."""

_SIZED = frozenset(
    """
    aten.expand.default aten.repeat.default aten.slice.Tensor aten.select.int aten.pad.default
    aten.constant_pad_nd.default
    """.split()  # noqa: SIM905 - a column of quotes would say less
)


def count(candidate: Candidate) -> Parameters:
    """The parameters of a network: those judged, those used, those trained.

    Judged are all distinct tensors that the module holds or a graph reads, the floats written
    into the graph, and what weights computed from smaller tensors hold beyond those. Batch
    norm's counters are free, and so are its running statistics and spectral norm's vectors as far
    as `statistics_beyond` says.
    """
    sizes = {name: tensor.numel() for name, tensor in candidate.tensors.items()}
    weights = _weights(candidate)
    graphs = (candidate.definition.training, candidate.definition.evaluation)
    values = (candidate.training_sizes, candidate.evaluation_sizes)
    beyond = max(_numbers(graph) for graph in graphs)
    beyond += max(_generated(graph, sizes, v) for graph, v in zip(graphs, values, strict=True))
    beyond += counted_statistics(candidate)
    read = {tensor for graph in graphs for tensor in tensors_read(graph)}
    return Parameters(
        judged=sum(weights.values()) + beyond,
        used=sum(size for name, size in weights.items() if name in read) + beyond,
        trainable=sum(
            sizes[info.name] for info in candidate.definition.tensors if info.requires_grad
        ),
    )


def statistics(candidate: Candidate) -> int:
    """How many running statistics a network holds, and vectors of a spectral norm."""
    names = candidate.kept.free - candidate.kept.counters
    return sum(candidate.tensors[name].numel() for name in names)


def counted_statistics(candidate: Candidate) -> int:
    """How many of them count as parameters."""
    return statistics_beyond(statistics(candidate), sum(_weights(candidate).values()))


def statistics_beyond(statistics: int, weights: int) -> int:
    """How many of so many statistics count as parameters, beside so many weights."""
    return max(0, statistics - max(EXEMPT_STATISTICS, weights // EXEMPT_SHARE))


def _weights(candidate: Candidate) -> dict[str, int]:
    """Numbers in each tensor that is no statistic."""
    return {
        info.name: _held(info, candidate.tensors[info.name])
        for info in candidate.definition.tensors
        if info.name not in candidate.kept.free
    }


def _held(info: frames.TensorInfo, tensor: Tensor) -> int:
    """Numbers in a tensor: a constant that is the same everywhere is one, or none if 0 or 1."""
    if info.kind == "parameter" or info.requires_grad:
        return tensor.numel()
    values = torch.unique(tensor)
    if len(values) > 1:
        return tensor.numel()
    return len(set(values.tolist()) - {0.0, 1.0})


def _numbers(graph: frames.Graph) -> int:
    """Numbers in the arguments of calls that could hold weights: all but sizes and settings."""
    dependent = of_images(graph)
    stored: list[float] = []
    different: set[Any] = set()
    sized = 0
    for call in graph.calls:
        if call.operator == "getitem":
            continue
        sized += call.operator in _SIZED and call.name in dependent
        # Settings are those of a layer; a call that takes no image is none.
        settings = _SETTINGS.get(call.operator, ()) if call.name in dependent else ()
        schema = {a.name: a for a in ADMITTED[call.operator]._schema.arguments}  # type: ignore[attr-defined]
        given = dict(zip(schema, call.arguments, strict=False)) | call.keywords
        for name, argument in given.items():
            # Whole numbers where the schema asks for them are sizes, dimensions and strides.
            size = "int" in str(schema[name].type)
            if name in settings:
                numbers = argument if isinstance(argument, list) else [argument]
                different.update(n for n in numbers if isinstance(n, int | float))
            elif not size and argument != schema[name].default_value:
                stored += _stored(argument)
    digits = sum(number == number // 1 and abs(number) <= 9 for number in stored)
    free = min(digits, FREE_DIGITS) + min(sized, FREE_SIZES) + min(len(different), FREE_SETTINGS)
    return len(stored) + sized + len(different) - free


def _stored(argument: Any) -> list[float]:
    """The numbers that an argument holds."""
    if isinstance(argument, list):
        return [number for item in argument for number in _stored(item)]
    if isinstance(argument, bool) or not isinstance(argument, int | float):
        return []
    # The eps of torch's own normalize, which a weight of a spectral norm goes through, is none.
    return [argument] if argument != 1e-12 else []


def _generated(graph: frames.Graph, tensors: dict[str, int], values: dict[str, int]) -> int:
    """Elements that weights computed in the graph have beyond the tensors that they come from.

    Seen: 7,650 parameters that generate 55,584 weights; and a table of answers made of the sizes
    of `torch.ones`, which comes from no tensor at all. Weight norm stays what it holds.
    """
    dependent = of_images(graph)
    leaves = {name: frozenset([tensor]) for name, tensor in graph.reads.items()}
    elements = {name: tensors[tensor] for name, tensor in graph.reads.items()}
    largest: dict[frozenset[str], int] = {}
    from_nothing = 0
    for call in graph.calls:
        if call.name in dependent or call.operator == SIZE:
            continue
        taken = list(references(call))
        origin = frozenset[str]().union(*(leaves.get(name, frozenset()) for name in taken))
        leaves[call.name] = origin
        # A view shows what it is a view of, however often.
        viewed = call.operator in _VIEWS and len(taken) == 1
        elements[call.name] = elements[taken[0]] if viewed else values[call.name]
        if origin:
            largest[origin] = max(largest.get(origin, 0), elements[call.name])
        elif not viewed and call.operator not in CREATED:
            from_nothing += values[call.name]
    return from_nothing + sum(
        max(0, size - sum(tensors[name] for name in origin)) for origin, size in largest.items()
    )
