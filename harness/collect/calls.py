"""Reads a submission's graph: which values depend on which. Must not know torch or any rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from harness import frames

SIZE = "aten.sym_size.int"
"""The operator that gives the size of a batch; its value is a number, and holds no image."""


def of_images(graph: frames.Graph) -> set[str]:
    """Names of the values that depend on the images, on their number included."""
    found = {graph.image}
    sizes: set[str] = set()
    for call in graph.calls:
        if call.operator == SIZE:
            sizes.add(call.name)
        elif not found.union(sizes).isdisjoint(references(call)):
            found.add(call.name)
    return found


def activations(graph: frames.Graph) -> set[str]:
    """Names of the values that hold what was computed from images: changing one changes no tensor.

    A parameter that is shown once for each image depends on their number, and is none.
    """
    found = {graph.image}
    for call in graph.calls:
        shown = call.operator == "aten.expand_as.default"
        taken = {first(call)} if shown else set(references(call))
        if call.operator != SIZE and found & taken:
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


def first(call: frames.Call) -> str | None:
    """Name of the value that a call takes as its first argument, if it is one."""
    argument = call.arguments[0] if call.arguments else None
    return argument.get("value") if isinstance(argument, dict) else None


def tensors_read(graph: frames.Graph) -> set[str]:
    """Names of the tensors that a forward pass takes."""
    taken = {name for call in graph.calls for name in references(call)}
    return {tensor for name, tensor in graph.reads.items() if name in taken}


def live(graph: frames.Graph) -> frames.Graph:
    """The graph without the calls that its answer does not need."""
    needed = {graph.output}
    calls: list[frames.Call] = []
    for call in reversed(graph.calls):
        in_place = call.operator.partition(".")[2].partition(".")[0].endswith("_")
        changed = next(references(call), None) if in_place else None
        if call.name in needed or changed in needed:
            needed.update(references(call))
            calls.append(call)
    return replace(graph, calls=calls[::-1])
