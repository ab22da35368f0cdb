"""The rules that a submission's graph must keep before it is rebuilt.

Each closes a hole that was seen to work without it. Shapes are checked in `graph.py`, where the
graph is propagated. Must not know recipes or data sets.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from harness import frames
from harness.collect import spectral
from harness.collect.calls import SIZE, activations, first, of_images, references, tensors_read
from harness.collect.operators import ADMITTED, FORBIDDEN

MAX_TENSORS = 200
MAX_CALLS = 1_000
"""Of a graph, and values that its calls take in lists: the order of a long list holds weights."""
MAX_LISTED = 64
"""Numbers in a list; torch takes at most 64 dimensions."""

_OPERATOR = re.compile(r"\w{1,60}\.\w{1,60}\.\w{1,60}", re.ASCII)
"""A name as torch gives it: its library's, its own, and that of its overload."""

_WEIGHTED = {
    **dict.fromkeys(("aten.conv", "aten.linear."), 1),
    # Weight norm's own arguments are weights; over images it would mix them.
    "aten._weight_norm": 0,
}
"""Beginnings of operators that take weights, and where these begin among the arguments."""

_BATCH_NORM = "aten.batch_norm.default"
_INSTANCE_NORM = "aten.instance_norm.default"
_NOISE = "aten.randn_like.default"
_STATISTICS_SHOWN = ("aten.slice.Tensor", "aten.view.default", "aten.reshape.default")
_FRESH = ("aten.linalg_vector_norm.default", "aten.lift_fresh_copy.default")
"""Operators whose value is nobody else's, and may be changed in place."""
_SIZED = ("aten.view.default", "aten.reshape.default", "aten.expand.default")
"""Operators that may take the batch's size."""


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
class Kept:
    """The tensors that training keeps without an optimiser, and the rules treat apart."""

    statistics: dict[str, float]
    """Batch norm's running means and variances by name, and what each starts from."""
    counters: frozenset[str]
    """Batch norm's batch counters."""
    iterates: frozenset[str]
    """Spectral norm's vectors, which each step of training computes anew from the weights."""
    parts: dict[str, int]
    """Ghost batch norm's running statistics by name, and how many parts of a batch have their own
    in each; evaluation reads the first."""

    @property
    def free(self) -> frozenset[str]:
        """Names of those that hold no weights."""
        return self.counters | self.statistics.keys() | self.iterates


def check(definition: frames.Definition, state: dict[str, Tensor]) -> Kept:
    """Refuse a definition that breaks a rule.

    Args:
        definition: with its calls in one form, as `normalised` gives it.
        state: its tensors by name.

    Raises:
        Refused: saying what was found and what to write instead.
    """
    graphs = {True: definition.training, False: definition.evaluation}
    counters = {name for name, t in state.items() if t.dtype == torch.int64 and t.dim() == 0}
    _check_tensors(definition, state, counters)
    vectors = {
        info.name
        for info in definition.tensors
        if info.kind == "buffer" and not info.requires_grad and state[info.name].dim() == 1
    }
    statistics = _unread_statistics(definition)
    iterates: set[str] = set()
    for training, graph in graphs.items():
        _check_references(graph, state)
        iterates |= _check_mutation(graph, counters, vectors if training else set(), training)
        _check_flow(graph)
        statistics |= _check_batch_norm(graph, training)
    trained = {info.name for info in definition.tensors if info.requires_grad}
    if both := sorted(trained & statistics.keys()):
        raise Refused(f"{both[0]} is a running statistic, and must not require a gradient")
    if both := sorted(iterates & statistics.keys()):
        raise Refused(f"{both[0]} is a running statistic, and is changed by more than batch norm")
    _check_statistics(definition.training, set(statistics))
    firsts = _check_statistics(definition.evaluation, set(statistics))
    if odd := [name for name, size in firsts.items() if state[name].numel() % size]:
        raise Refused(f"{odd[0]} does not fall into equal parts, of which evaluation reads one")
    parts = {name: state[name].numel() // size for name, size in firsts.items()}
    return Kept(statistics, frozenset(counters), frozenset(iterates), parts)


def normalised(graph: frames.Graph) -> frames.Graph:
    """The graph with every argument where its operator's schema has it.

    The same argument by position and by name would otherwise be two things to check, and a name
    that is none would reach generated code.

    Raises:
        Refused: for an operator that is not admitted, or arguments that it does not take.
    """
    if len(graph.calls) > MAX_CALLS:
        raise Refused(f"the graph has {len(graph.calls):,} calls; at most {MAX_CALLS:,} are taken")
    _check_lists(graph)
    _check_forms(graph)
    for call in graph.calls:  # before an operator that is merely not listed yet
        name = call.operator.removeprefix("aten.")
        reason = FORBIDDEN.get(name) or FORBIDDEN.get(name.partition(".")[0])
        if reason and call.operator not in ADMITTED:
            raise Refused(f"{name.partition('.')[0]} is not allowed: {reason}", call.line)
    return replace(graph, calls=[_normalised(call) for call in graph.calls])


def _check_lists(graph: frames.Graph) -> None:
    """Calls take few values in lists, and short lists of numbers.

    Seen: a digits' classifier of no parameter, in the order of 1,960 values that `cat` takes.
    """
    taken = len(graph.calls)
    for call in graph.calls:
        for argument in (*call.arguments, *call.keywords.values()):
            if not isinstance(argument, list):
                continue
            values = sum(isinstance(item, dict) for item in argument)
            taken += values
            flat = not any(isinstance(item, list) for item in argument)
            if not flat or len(argument) - values > MAX_LISTED:
                raise Refused(f"{call.operator} does not take such a long list", call.line)
            if taken > MAX_CALLS:
                raise Refused(
                    f"the graph's calls, and the values that cat and stack take, are more than "
                    f"{MAX_CALLS:,}",
                    call.line,
                )


def _check_forms(graph: frames.Graph) -> None:
    """What JSON has no word for is told as a dictionary of one name: `{"value": "conv2d"}`."""
    for call in graph.calls:
        for argument in (*call.arguments, *call.keywords.values()):
            for item in argument if isinstance(argument, list) else [argument]:
                if isinstance(item, dict) and [*map(type, item.values())] != [str]:
                    raise Refused("an argument is no number, word or value", call.line)


def _normalised(call: frames.Call) -> frames.Call:
    if call.operator == "getitem":
        match call.arguments, call.keywords:
            case [{"value": str()}, int()], {} if not call.keywords:
                return call
        raise Refused("an item of a value is taken by one number", call.line)
    if not _OPERATOR.fullmatch(call.operator):
        raise Refused("the graph calls something that is no operator of torch's", call.line)
    if call.operator not in ADMITTED:
        raise Refused(
            f"the operator {call.operator} is not on the harness's list yet", call.line, "harness"
        )
    schema = ADMITTED[call.operator]._schema.arguments  # type: ignore[attr-defined]
    positional = [argument for argument in schema if not argument.kwarg_only]
    keywords = dict(call.keywords)
    missing = positional[len(call.arguments) :]
    while missing and missing[-1].name not in keywords:
        missing.pop()
    arguments = call.arguments + [keywords.pop(a.name, a.default_value) for a in missing]
    known = {argument.name for argument in schema if argument.kwarg_only}
    enough = all(a.has_default_value() for a in positional[len(arguments) :])
    if not enough or len(arguments) > len(positional) or not known.issuperset(keywords):
        raise Refused(f"{call.operator} does not take these arguments", call.line)
    return replace(call, arguments=arguments, keywords=keywords)


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
        if info.requires_grad and info.kind != "parameter":
            raise Refused(f"{info.name} is a {info.kind}, and must not require a gradient")
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
    tensors = dict(graph.reads)
    for call in graph.calls:
        if call.operator in _STATISTICS_SHOWN and (shown := str(first(call))) in tensors:
            tensors[call.name] = tensors[shown]
        if call.operator == _INSTANCE_NORM and call.arguments[3:5] != [None, None]:
            raise Refused(
                "instance norm with running statistics is not taken; "
                "leave track_running_stats=False",
                call.line,
            )
        if call.operator == _NOISE and not training:
            raise Refused("random numbers are not drawn in evaluation", call.line)
        if call.operator != _BATCH_NORM:
            continue
        *_, mean, variance, of_batch, momentum, _, _ = call.arguments
        held = (s.get("value") if isinstance(s, dict) else None for s in (mean, variance))
        names = [tensors.get(str(name)) for name in held]
        if not all(names):
            raise Refused(
                "batch norm without running statistics answers by the batch, not by the image; "
                "leave track_running_stats=True",
                call.line,
            )
        if not training and of_batch is not False:
            raise Refused(
                "in evaluation this batch norm still uses the batch's own statistics; "
                "let model.eval() reach it",
                call.line,
            )
        cumulative = isinstance(momentum, dict)  # `_check_mutation` sees that it is a counter
        if cumulative and not training:
            raise Refused("batch norm's momentum is a tensor; give a number", call.line)
        given = isinstance(momentum, int | float) and 0 < momentum <= 1
        if training and not cumulative and not given:
            raise Refused("batch norm's momentum must lie above 0 and at most at 1", call.line)
        found |= {str(names[0]): 0.0, str(names[1]): 1.0}
    return found


def _check_statistics(graph: frames.Graph, statistics: set[str]) -> dict[str, int]:
    """Running statistics are read by batch norm alone: they are not counted as parameters.

    Returns:
        Those of which the graph shows batch norm the first elements alone, and how many.
    """
    held = {name: tensor for name, tensor in graph.reads.items() if tensor in statistics}
    firsts: dict[str, int] = {}
    for call in graph.calls:
        taken = set(references(call))
        if call.operator in _STATISTICS_SHOWN and taken <= held.keys():
            held[call.name] = held[str(first(call))]
            if call.operator == "aten.slice.Tensor":
                firsts |= _first_part(call, graph)
            continue
        if call.operator == _BATCH_NORM:
            taken = set(
                references(replace(call, arguments=call.arguments[:3] + call.arguments[5:]))
            )
        for name in taken & held.keys():
            raise Refused(
                f"{held[name]} is a running statistic, and is read by something other "
                "than batch norm; hold such numbers in an nn.Parameter",
                call.line,
            )
    return firsts


def _first_part(call: frames.Call, graph: frames.Graph) -> dict[str, int]:
    match call.arguments:
        case [_, 0, 0 | None, int(end)] | [_, 0, 0 | None, int(end), 1] if end > 0:
            if tensor := graph.reads.get(str(first(call))):
                return {tensor: end}
    raise Refused(
        "of running statistics only the first part can be read, as ghost batch norm does: "
        "running_mean[:num_features]",
        call.line,
    )


def _check_mutation(
    graph: frames.Graph, counters: set[str], vectors: set[str], training: bool
) -> set[str]:
    """A forward pass changes nothing but batch counters, in training, and activations.

    Spectral norm also writes its vectors, computed from weights alone.

    Args:
        graph: of either mode.
        counters: names of batch counters.
        vectors: names of the buffers that spectral norm may write.
        training: whether the graph is that of training.

    Returns:
        Those of the vectors that it writes.
    """
    images = of_images(graph)
    fresh = activations(graph) | {c.name for c in graph.calls if c.operator in _FRESH}
    counting = {name for name, tensor in graph.reads.items() if tensor in counters}
    counted: set[str] = set()
    written: set[str] = set()
    for call in graph.calls:
        targets = list(references(call))
        counts = call.operator == "aten.add_.Tensor" and counting.issuperset(targets)
        if training and counts and call.arguments[1:] == [1] and not call.keywords:
            counting.add(call.name)
            counted.add(call.name)
            continue
        if counts and not training:
            raise Refused(
                "in evaluation this batch norm still counts batches; let model.eval() reach it",
                call.line,
            )
        if call.operator == _BATCH_NORM and training:
            # Where its momentum is None, it averages over as many batches as its counter says.
            targets = list(references(replace(call, arguments=call.arguments[:6])))
            if not counted.issuperset({*references(call)} - {*targets}):
                raise Refused("batch norm's momentum is a tensor; give a number", call.line)
        if read := counting.intersection(targets):
            raise Refused(f"{', '.join(sorted(read))} is a batch counter, and is read", call.line)
        short = call.operator.removeprefix("aten.").partition(".")[0]
        into = call.keywords.get("out")
        if call.operator.endswith(".out") and isinstance(into, dict) and call.name not in images:
            vector = graph.reads.get(into.get("value", ""))
            if vector in vectors and spectral.iterates(call, graph, vectors):
                written.add(vector)
                continue
        changes = short.endswith("_") or call.operator.endswith(".out")
        allowed = first(call) in fresh and short.endswith("_")
        if changes and not allowed:
            changed = next(
                (graph.reads[name] for name in targets if name in graph.reads), "a value"
            )
            raise Refused(
                f"{short} changes {changed} during the forward pass; only batch norm's own "
                "statistics and activations may change",
                call.line,
            )
    return written


def _check_flow(graph: frames.Graph) -> None:
    """Weights do not depend on the images, and the batch's size only shapes."""
    dependent = of_images(graph)
    sizes = {call.name for call in graph.calls if call.operator == SIZE}
    for call in graph.calls:
        for beginning, place in _WEIGHTED.items():
            weights = replace(call, arguments=call.arguments[place:])
            if not call.operator.startswith(beginning):
                continue
            if dependent.intersection(references(weights)):
                raise Refused("a layer's weights must not depend on the images", call.line)
        if sizes.intersection(references(call)) and call.operator not in _SIZED:
            raise Refused("the batch's size may only be used in view, reshape, expand", call.line)
