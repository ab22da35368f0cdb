"""Follows the images of a batch through a graph: what mixes them, what cuts the batch into parts.

Must not know shapes other than by their rank, or any rule.
"""

from __future__ import annotations

from harness import frames
from harness.collect.calls import first, references

_VIEWS = ("aten.view.default", "aten.reshape.default")

_CUTS = {
    "aten.slice.Tensor": 1,
    "aten.split.Tensor": 2,
    "aten.split_with_sizes.default": 2,
    "aten.chunk.default": 2,
}
"""Operators that cut a value, and where their dimension stands. Of a batch that is smaller than
the cut they show everything, so that propagated shapes do not tell."""


def mixes(call: frames.Call, rank: int, dependent: set[str]) -> bool:
    """Whether a call that keeps the batch's shape works across its images all the same.

    Args:
        call: with its arguments as `normalised` gives them.
        rank: dimensions of its value.
        dependent: names of the values that depend on the images.
    """
    if call.operator in ("aten.softmax.int", "aten.log_softmax.int"):
        return call.arguments[1] in (0, -rank)
    if call.operator in _CUTS:
        place = _CUTS[call.operator]
        dim = call.arguments[place] if len(call.arguments) > place else 0
        return dim in (0, -rank) and not _shows_all(call)
    if call.operator in ("aten.pad.default", "aten.constant_pad_nd.default"):
        return len(call.arguments[1]) >= 2 * rank
    if call.operator == "aten.scaled_dot_product_attention.default":
        return rank < 3
    if call.operator != "aten.einsum.default":
        return False
    inputs, _, output = str(call.arguments[0]).replace(" ", "").partition("->")
    batch = output[:1]
    for letters, operand in zip(inputs.split(","), call.arguments[1], strict=False):
        of_batch = dependent.intersection([operand.get("value")])
        if not batch.isalpha() or letters.find(batch) != (0 if of_batch else -1):
            return True
        if letters.count(batch) > 1:
            return True
    return False


def _shows_all(call: frames.Call) -> bool:
    """Whether a slice is `[:]`, whatever the size."""
    if call.operator != "aten.slice.Tensor":
        return False
    given = dict(zip(("start", "end", "step"), call.arguments[2:], strict=False))
    end = given.get("end")
    endless = end is None or (isinstance(end, int) and end >= 2**31)
    return given.get("start") in (0, None) and endless and given.get("step", 1) == 1


def parted(graph: frames.Graph) -> set[str]:
    """Names of the values that hold a batch cut into equal parts, each to be normalised alone.

    That is ghost batch norm in training: a view, batch norm, and a view that puts it together.
    """
    readers: dict[str, list[frames.Call]] = {}
    makers = {call.name: call for call in graph.calls}
    for call in graph.calls:
        for name in references(call):
            readers.setdefault(name, []).append(call)
    found = set()
    for call in graph.calls:
        maker = makers.get(first(call) or "")
        trains = call.operator == "aten.batch_norm.default" and call.arguments[5] is True
        if not trains or maker is None:
            continue
        around = [maker, *readers.get(call.name, [])]
        if all(c.operator in _VIEWS for c in around) and readers[maker.name] == [call]:
            found |= {maker.name, call.name}
    return found
