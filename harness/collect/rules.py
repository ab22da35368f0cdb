"""The rules that a submission's graph must keep before it is rebuilt.

Each closes a hole that was seen to work without it. Shapes are checked in `graph.py`, where the
graph is propagated. Must not know recipes or data sets.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from harness import frames
from harness.collect.calls import SIZE, of_images, references, tensors_read
from harness.collect.operators import ADMITTED, FORBIDDEN

MAX_TENSORS = 200
MAX_CALLS = 1_000

_WEIGHTED = {
    **dict.fromkeys(("aten.conv", "aten.linear."), 1),
    # Weight norm's own arguments are weights; over images it would mix them.
    "aten._weight_norm": 0,
}
"""Beginnings of operators that take weights, and where these begin among the arguments."""

_BATCH_NORM = "aten.batch_norm.default"
_INSTANCE_NORM = "aten.instance_norm.default"
_NOISE = "aten.randn_like.default"
_SIZED = ("aten.view.default", "aten.reshape.default", "aten.expand.default")


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


def check(
    definition: frames.Definition, state: dict[str, Tensor]
) -> tuple[dict[str, float], set[str]]:
    """Refuse a definition that breaks a rule.

    Args:
        definition: with its calls in one form, as `normalised` gives it.
        state: its tensors by name.

    Returns:
        Batch-norm's running statistics by name, with what each starts from; and the names of its
        batch counters.

    Raises:
        Refused: saying what was found and what to write instead.
    """
    graphs = {True: definition.training, False: definition.evaluation}
    counters = {name for name, t in state.items() if t.dtype == torch.int64 and t.dim() == 0}
    _check_tensors(definition, state, counters)
    statistics = _unread_statistics(definition)
    for training, graph in graphs.items():
        _check_references(graph, state)
        _check_mutation(graph, counters, training)
        _check_flow(graph)
        statistics |= _check_batch_norm(graph, training)
    for graph in graphs.values():
        _check_statistics(graph, statistics.keys())
    return statistics, counters


def normalised(graph: frames.Graph) -> frames.Graph:
    """The graph with every argument where its operator's schema has it.

    The same argument by position and by name would otherwise be two things to check, and a name
    that is none would reach generated code.

    Raises:
        Refused: for an operator that is not admitted, or arguments that it does not take.
    """
    if len(graph.calls) > MAX_CALLS:
        raise Refused(f"the graph has {len(graph.calls):,} calls; at most {MAX_CALLS:,} are taken")
    return replace(graph, calls=[_normalised(call) for call in graph.calls])


def _normalised(call: frames.Call) -> frames.Call:
    if call.operator == "getitem":
        match call.arguments, call.keywords:
            case [{"value": str()}, int()], {} if not call.keywords:
                return call
        raise Refused("an item of a value is taken by one number", call.line)
    _check_operator(call)
    schema = ADMITTED[call.operator]._schema.arguments  # type: ignore[attr-defined]
    positional = [argument for argument in schema if not argument.kwarg_only]
    keywords = dict(call.keywords)
    missing = positional[len(call.arguments) :]
    while missing and missing[-1].name not in keywords:
        missing.pop()
    arguments = call.arguments + [keywords.pop(a.name, a.default_value) for a in missing]
    known = {argument.name for argument in schema if argument.kwarg_only}
    if len(arguments) > len(positional) or not known.issuperset(keywords):
        raise Refused(f"{call.operator} does not take these arguments", call.line)
    return replace(call, arguments=arguments, keywords=keywords)


def _check_operator(call: frames.Call) -> None:
    if call.operator in ADMITTED:
        return
    short = call.operator.removeprefix("aten.").partition(".")[0]
    if short in FORBIDDEN:
        raise Refused(f"{short} is not allowed: {FORBIDDEN[short]}", call.line)
    raise Refused(
        f"the operator {call.operator} is not on the harness's list yet", call.line, "harness"
    )


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
    for call in graph.calls:
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
        names = [graph.reads.get(s["value"]) if s else None for s in (mean, variance)]
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
        if not isinstance(momentum, int | float) or not 0 < momentum <= 1:
            raise Refused("batch norm's momentum must lie above 0 and at most at 1", call.line)
        found |= {str(names[0]): 0.0, str(names[1]): 1.0}
    return found


def _check_statistics(graph: frames.Graph, statistics: Set[str]) -> None:
    """Running statistics are read by batch norm alone: they are not counted as parameters."""
    for call in graph.calls:
        if call.operator == _BATCH_NORM:
            call = replace(call, arguments=call.arguments[:3] + call.arguments[5:])
        for name in references(call):
            if graph.reads.get(name) in statistics:
                raise Refused(
                    f"{graph.reads[name]} is a running statistic, and is read by something other "
                    "than batch norm; hold such numbers in an nn.Parameter",
                    call.line,
                )


def _check_mutation(graph: frames.Graph, counters: set[str], training: bool) -> None:
    """A forward pass changes nothing but batch counters, in training, and activations."""
    activations = of_images(graph)
    counting = {name for name, tensor in graph.reads.items() if tensor in counters}
    for call in graph.calls:
        targets = list(references(call))
        counts = call.operator == "aten.add_.Tensor" and counting.issuperset(targets)
        if training and counts and call.arguments[1:] == [1] and not call.keywords:
            counting.add(call.name)
            continue
        if read := counting.intersection(targets):
            raise Refused(f"{', '.join(sorted(read))} is a batch counter, and is read", call.line)
        short = call.operator.removeprefix("aten.").partition(".")[0]
        if short.endswith("_") and call.arguments[:1] not in [[{"value": n}] for n in activations]:
            changed = next(
                (graph.reads[name] for name in targets if name in graph.reads), "a value"
            )
            raise Refused(
                f"{short} changes {changed} during the forward pass; only batch norm's own "
                "statistics and activations may change",
                call.line,
            )


def mixes(call: frames.Call, rank: int, dependent: set[str]) -> bool:
    """Whether a call that keeps the batch's shape works across its images all the same.

    Args:
        call: with its arguments as `normalised` gives them.
        rank: dimensions of its value.
        dependent: names of the values that depend on the images.
    """
    if call.operator in ("aten.softmax.int", "aten.log_softmax.int"):
        return call.arguments[1] in (0, -rank)
    if call.operator in ("aten.pad.default", "aten.constant_pad_nd.default"):
        return len(call.arguments[1]) >= 2 * rank
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


def _check_flow(graph: frames.Graph) -> None:
    """Weights do not depend on the images, and the batch's size only shapes."""
    dependent = of_images(graph)
    sizes = {call.name for call in graph.calls if call.operator == SIZE}
    for call in graph.calls:
        for beginning, first in _WEIGHTED.items():
            weights = replace(call, arguments=call.arguments[first:])
            if not call.operator.startswith(beginning):
                continue
            if dependent.intersection(references(weights)):
                raise Refused("a layer's weights must not depend on the images", call.line)
        if sizes.intersection(references(call)) and call.operator not in _SIZED:
            raise Refused("the batch's size may only be used in view, reshape, expand", call.line)
