"""No graph that a child hands over breaks the trusted side: it is admitted and counted, or refused.

Definitions of honest networks are changed here and there, as a forger would; `HYPOTHESIS_PROFILE`
says how often.
"""

import copy
import functools
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from crossing import Net, handed_over, small
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_honest import GhostBatchNorm
from torch import Tensor, nn

from harness.collect.define import Unobservable, admitted
from harness.collect.graph import MAX_TOTAL
from harness.collect.operators import ADMITTED, FORBIDDEN
from harness.collect.state import redrawn
from harness.inside import capture


def several(net: Net, x: Tensor) -> Tensor:
    """Operators whose arguments are lists, numbers, words and several values."""
    one, other = F.pad(x, (1, 1, 1, 1)).chunk(2, 2)
    x = torch.cat([one, other], 1).repeat(1, 2, 1, 1).permute(0, 1, 3, 2)
    x = F.interpolate(F.unfold(x, 3)[:, :, None], scale_factor=(1.0, 0.5))
    x = F.leaky_relu_(x.mean((2, 3)) * 0.5, 0.2) @ net.head.weight[:, :36].t()
    return torch.einsum("ni,oi->no", x.softmax(1), net.head.weight[:, :10]) + net.head.bias


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "small": small,
    "several": lambda: Net(several),
    "spectral": lambda: nn.Sequential(
        nn.Flatten(), nn.utils.parametrizations.spectral_norm(nn.Linear(784, 10))
    ),
    "ghost": lambda: nn.Sequential(GhostBatchNorm(1, 2), nn.Flatten(), nn.Linear(784, 10)),
}

BATCHES = {"ghost": capture.SPLIT_BATCH}

Place = tuple[str | int, ...]

NUMBERS = st.one_of(
    st.integers(-3, 12),
    st.sampled_from(
        [2**31, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30, 10**400, 64, 784, 1_000_000]
    ),
    st.floats(),
    st.booleans(),
    st.none(),
)
WORDS = st.one_of(
    st.sampled_from([*ADMITTED, *(f"aten.{name}.default" for name in FORBIDDEN)]),
    st.sampled_from(
        ["getitem", "aten.nothing.default", "value", "parameter", "buffer", "constant"]
    ),
    st.sampled_from(
        ["nd,md->nd", "ni,oi->no", "n->", "...", "same", "floor", "sum", "out", "self"]
    ),
    st.text(max_size=5),
)
LEAVES = st.one_of(
    NUMBERS,
    WORDS,
    st.fixed_dictionaries({"value": WORDS}),
    st.sampled_from(
        [{"dtype": "float32"}, {"dtype": "int64"}, {"memory_format": "contiguous_format"}]
    ),
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


@functools.cache
def honest(name: str) -> tuple[bytes, bytes]:
    """What an honest child hands over."""
    torch.manual_seed(0)
    return handed_over(NETWORKS[name](), BATCHES.get(name, capture.BATCH))


def places(value: Any, here: Place = ()) -> Iterator[Place]:
    """The way to everything inside a document."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*here, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*here, key))


def at(document: Any, way: Place) -> Any:
    for key in way:
        document = document[key]
    return document


def changed(document: Any, draw: Callable[..., Any]) -> None:
    """Change one thing in a document: a forger replaces, copies, moves and takes away."""
    ways = list(places(document))
    if not ways:
        return
    *way, last = draw(st.sampled_from(ways))
    inside = at(document, tuple(way))
    match draw(
        st.sampled_from(["replace", "take from elsewhere", "remove", "copy", "swap", "add"])
    ):
        case "replace":
            inside[last] = draw(ANYTHING)
        case "take from elsewhere":
            inside[last] = copy.deepcopy(at(document, draw(st.sampled_from(ways))))
        case "remove":
            del inside[last]
        case "copy" if isinstance(inside, list):
            inside.insert(draw(st.integers(0, len(inside))), copy.deepcopy(inside[last]))
        case "swap" if isinstance(inside, list):
            other = draw(st.integers(0, len(inside) - 1))
            inside[last], inside[other] = inside[other], inside[last]
        case _ if isinstance(inside, dict):
            inside[draw(WORDS)] = draw(ANYTHING)


def written(document: Any) -> bytes:
    return json.dumps(document).encode("utf-8", "surrogatepass")


def expect_counted_or_refused(definition: bytes, tensors: bytes) -> bool:
    """Whether a network was admitted; everything that is asked of such a one then answers."""
    try:
        candidate, network = admitted(definition, tensors)
    except Unobservable as cause:
        fault = cause.fault
    else:
        assert 0 <= network.parameters.used <= network.parameters.judged
        assert all(math.prod(layer.output) <= MAX_TOTAL for layer in network.layers)
        assert redrawn(candidate, 1).keys() == candidate.tensors.keys()
        return True
    # A traceback is that of an error which nobody foresaw.
    assert not fault.traceback, fault.traceback
    assert fault.stage == "admission"
    return False


@given(st.sampled_from(sorted(NETWORKS)), st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_changed_graph_is_counted_or_refused(name: str, draw: st.DataObject) -> None:
    sent, tensors = honest(name)
    definition = json.loads(sent)
    for _ in range(draw.draw(st.integers(1, 3))):
        changed(definition, draw.draw)
    expect_counted_or_refused(written(definition), tensors)


@given(draw=st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_another_call_is_counted_or_refused(draw: st.DataObject) -> None:
    """Any operator of the list, with values that the graph has and numbers that it has not."""
    sent, tensors = honest("small")
    definition = json.loads(sent)
    for mode in ("training", "evaluation"):
        graph = definition[mode]
        place = draw.draw(st.integers(0, len(graph["calls"])))
        known = [graph["image"], *graph["reads"], *(c["name"] for c in graph["calls"][:place])]
        value = st.sampled_from(known).map(lambda name: {"value": name})
        argument = st.one_of(value, NUMBERS, st.lists(NUMBERS | value, max_size=4))
        call = {
            "name": "another",
            "operator": draw.draw(st.sampled_from(sorted(ADMITTED))),
            "arguments": [draw.draw(value), *draw.draw(st.lists(argument, max_size=5))],
            "keywords": {},
            "line": None,
        }
        graph["calls"].insert(place, call)
        if draw.draw(st.booleans()):
            _rewire(graph, graph["calls"][place + 1 :], draw.draw)
    expect_counted_or_refused(written(definition), tensors)


def _rewire(graph: dict[str, Any], calls: list[dict[str, Any]], draw: Callable[..., Any]) -> None:
    """Let a later call, or the answer, take the new value in place of another."""
    if calls and calls[0]["arguments"]:
        draw(st.sampled_from(calls))["arguments"][0] = {"value": "another"}
    else:
        graph["output"] = "another"


TENSORS = st.sampled_from(
    [
        torch.zeros(()),
        torch.zeros(0),
        torch.zeros(4),
        torch.full((4,), math.nan),
        torch.full((4,), math.inf),
        torch.zeros(4, dtype=torch.float64),
        torch.zeros(4, dtype=torch.int64),
        torch.tensor(2**62),
        torch.zeros(2, dtype=torch.bool),
        torch.zeros((1,) * 60),
        torch.rand(10, 324),
        torch.rand(4, 1, 3, 3) * 1e38,
    ]
)


@given(draw=st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_other_tensors_are_counted_or_refused(draw: st.DataObject) -> None:
    definition, sent = honest("small")
    tensors = safetensors.torch.load(sent)
    for name in draw.draw(st.sets(st.sampled_from(sorted(tensors)), min_size=1, max_size=3)):
        tensors[name] = draw.draw(TENSORS).clone()
    expect_counted_or_refused(definition, safetensors.torch.save(tensors))


@given(draw=st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_changed_bytes_are_counted_or_refused(draw: st.DataObject) -> None:
    """Of either frame: safetensors' header lies in the first bytes."""
    sent = [bytearray(frame) for frame in honest("small")]
    for which, place, byte in draw.draw(
        st.lists(
            st.tuples(st.integers(0, 1), st.integers(0, 600), st.integers(0, 255)),
            min_size=1,
            max_size=4,
        )
    ):
        sent[which][place % len(sent[which])] = byte
    cut = draw.draw(st.integers(0, 1))
    sent[cut] = sent[cut][: draw.draw(st.sampled_from([None, 0, 7, 8, 9, 100]))]
    expect_counted_or_refused(bytes(sent[0]), bytes(sent[1]))


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_changed_here_is_admitted_unchanged(name: str) -> None:
    assert expect_counted_or_refused(*honest(name))
