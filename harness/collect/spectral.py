"""Recognises spectral norm's power iteration in a graph. Must not know torch or any rule."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from harness import frames
from harness.collect.calls import first

_SHOWN = (
    "aten.flatten.using_ints",
    "aten.reshape.default",
    "aten.view.default",
    "aten.permute.default",
    "aten.detach.default",
    "aten.clone.default",
    "aten.contiguous.default",
    "aten.matrix_H.default",
    "aten.t.default",
    "aten.transpose.int",
)
"""Operators through which a weight and the vectors are read."""


def iterates(call: frames.Call, graph: frames.Graph, vectors: Set[str]) -> bool:
    """Whether a `div.out` divides a weight times one of the vectors by its norm.

    Anything else that is written into a vector would make it a memory for weights.

    Args:
        call: of `graph`.
        graph: that of training.
        vectors: names of the buffers that may be written.
    """
    makers = {c.name: c for c in graph.calls}
    held = dict(graph.reads)
    for c in graph.calls:
        if c.operator in _SHOWN and first(c) in held:
            held[c.name] = held[str(first(c))]
        elif c.operator == "aten.div.out" and (into := _value(c.keywords.get("out"))) in held:
            held[c.name] = held[into]
    product, divisor = (makers.get(_value(argument)) for argument in call.arguments)
    if product is None or divisor is None or product.operator != "aten.mv.default":
        return False
    weight, by = (held.get(_value(argument)) for argument in product.arguments)
    chain = []
    while divisor is not None and divisor is not product:
        chain.append(divisor.operator.removesuffix(".default").removesuffix("_"))
        divisor = makers.get(first(divisor) or "")
    of_norm = chain == ["aten.expand_as", "aten.clamp_min", "aten.linalg_vector_norm"]
    over_itself = divisor is product
    return of_norm and over_itself and by in vectors and weight not in (None, *vectors)


def _value(argument: Any) -> str:
    return str(argument.get("value")) if isinstance(argument, dict) else ""
