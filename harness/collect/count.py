"""Counts the numbers that an admitted network holds. Must not know any limit on them."""

from __future__ import annotations

from typing import Any

from harness import frames
from harness.collect.graph import Candidate, of_images, references, tensors_read
from harness.evidence import Parameters

EXEMPT_STATISTICS = 1_000
"""Elements of batch-norm statistics that are free; more could be a table of answers."""

_FREE_FLOATS = {
    "aten.batch_norm.default": (6, 7),  # momentum, eps
    "aten.group_norm.default": (4,),  # eps
    "aten.layer_norm.default": (4,),
    "aten.instance_norm.default": (6, 7),
    "aten.dropout.default": (1,),  # p
    "aten.feature_dropout.default": (1,),
    "aten.alpha_dropout.default": (1,),
    "aten.feature_alpha_dropout.default": (1,),
    "aten.leaky_relu.default": (1,),  # slope
    "aten.leaky_relu_.default": (1,),
    "aten.upsample_nearest2d.vec": (2,),  # scale factors
    "aten.upsample_bilinear2d.vec": (3,),
}
"""Positions of the arguments whose Python floats are settings of a layer, and hold no weights."""


def count(candidate: Candidate) -> Parameters:
    """The parameters of a network: those judged, those used, those trained.

    Judged are all distinct tensors that the module holds or a graph reads, the floats written
    into the graph, and what weights computed from smaller tensors hold beyond those. Batch
    norm's counters are free, and so are its running statistics up to `EXEMPT_STATISTICS`.
    """
    sizes = {name: tensor.numel() for name, tensor in candidate.tensors.items()}
    free = candidate.statistics.keys() | candidate.counters
    weights = {name: size for name, size in sizes.items() if name not in free}
    statistics = sum(sizes[name] for name in candidate.statistics)
    graphs = (candidate.definition.training, candidate.definition.evaluation)
    beyond = max(_floats(graph) for graph in graphs)
    beyond += max(_generated(graph, sizes, candidate.sizes) for graph in graphs)
    if statistics > EXEMPT_STATISTICS:
        beyond += statistics - EXEMPT_STATISTICS
    read = {tensor for graph in graphs for tensor in tensors_read(graph)}
    return Parameters(
        judged=sum(weights.values()) + beyond,
        used=sum(size for name, size in weights.items() if name in read) + beyond,
        trainable=sum(
            sizes[info.name] for info in candidate.definition.tensors if info.requires_grad
        ),
    )


def _floats(graph: frames.Graph) -> int:
    """Python floats in the arguments of calls, which could hold weights."""

    def within(argument: Any) -> int:
        if isinstance(argument, list):
            return sum(map(within, argument))
        return isinstance(argument, float) and argument not in (0.0, 1.0)

    return sum(
        within(argument)
        for call in graph.calls
        for position, argument in enumerate([*call.arguments, *call.keywords.values()])
        if position not in _FREE_FLOATS.get(call.operator, ())
    )


def _generated(graph: frames.Graph, tensors: dict[str, int], values: dict[str, int]) -> int:
    """Elements that weights computed in the graph have beyond the tensors that they come from.

    Seen: 7,650 parameters that generate 55,584 weights. Weight norm stays what it holds.
    """
    dependent = of_images(graph)
    leaves: dict[str, frozenset[str]] = {
        name: frozenset([tensor]) for name, tensor in graph.reads.items()
    }
    largest: dict[frozenset[str], int] = {}
    for call in graph.calls:
        if call.name in dependent:
            continue
        leaves[call.name] = frozenset().union(*(leaves.get(n, ()) for n in references(call)))
        origin = leaves[call.name]
        if origin:  # zeros and ones alone hold nothing
            largest[origin] = max(largest.get(origin, 0), values[call.name])
    return sum(
        max(0, size - sum(tensors[name] for name in origin)) for origin, size in largest.items()
    )
