"""Bytes that no exporter and no probe wrote, as the trusted side takes them: refused in short."""

import json
import struct
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
import safetensors.torch
import torch
from crossing import handed_over, small
from test_notebook_hazards import BEGUN, EPOCH
from torch import nn

from harness.collect.define import Unobservable, admitted
from harness.collect.received import Malformed, Received
from harness.frames import Kind

DEFINITION, TENSORS = handed_over(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)))

Damage = Callable[[dict[str, Any]], object]


def graph_with(
    operator: str, arguments: Callable[[dict[str, Any]], list[Any]], times: int = 1
) -> Damage:
    """Calls put behind a training graph, each of the one before."""

    def damage(described: dict[str, Any]) -> None:
        graph = described["training"]
        for number in range(times):
            graph["last"] = graph["calls"][-1]["name"] if number else graph["calls"][2]["name"]
            call = {"name": f"more_{number}", "operator": operator, "keywords": {}, "line": 3}
            graph["calls"].append(call | {"arguments": arguments(graph)})
        graph.pop("last", None)

    return damage


def last(graph: dict[str, Any]) -> dict[str, str]:
    return {"value": graph["last"]}


def image(graph: dict[str, Any]) -> dict[str, str]:
    return {"value": graph["image"]}


def bias(graph: dict[str, Any]) -> dict[str, str]:
    return {"value": next(name for name, tensor in graph["reads"].items() if "bias" in tensor)}


def own(described: dict[str, Any]) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = described["training"]["calls"]
    return calls


GRAPHS: dict[str, tuple[Damage, str]] = {
    "doubled forty times": (
        graph_with("aten.cat.default", lambda g: [[last(g), last(g)], 1], 40),
        "elements is too large",
    ),
    "many large values": (
        graph_with("aten.repeat.default", lambda g: [image(g), [1, 900, 1, 1]], 20),
        "all values together have more than",
    ),
    "expanded to a terabyte": (
        graph_with("aten.expand.default", lambda g: [image(g), [-1, 10**6, 28, 28]]),
        "elements is too large",
    ),
    "weights expanded": (
        graph_with("aten.expand.default", lambda g: [bias(g), [10**6, 10**6, -1]]),
        "elements is too large",
    ),
    "expanded past counting": (
        graph_with("aten.expand.default", lambda g: [bias(g), [2**62, 2**62, -1]]),
        "cannot be computed",
    ),
    "repeated": (
        graph_with("aten.repeat.default", lambda g: [image(g), [1, 10**12, 1, 1]]),
        "elements is too large",
    ),
    "a cycle": (
        lambda d: own(d)[0]["arguments"].__setitem__(0, {"value": own(d)[-1]["name"]}),
        "does not follow from the images",
    ),
    "itself": (
        lambda d: own(d)[0]["arguments"].__setitem__(0, {"value": own(d)[0]["name"]}),
        "does not follow from the images",
    ),
    "two of one name": (
        lambda d: own(d)[1].update(name=own(d)[0]["name"]),
        "does not follow from the images",
    ),
    "no operator": (lambda d: own(d)[0].update(operator="os.system"), "no operator of torch's"),
    "an operator of a million letters": (
        lambda d: own(d)[0].update(operator="aten." + "x" * 10**6 + ".default"),
        "no operator of torch's",
    ),
    "an operator's attribute": (
        lambda d: own(d)[0].update(operator="aten.__class__.mro"),
        "not on the harness's list",
    ),
    "a number of 400 digits": (
        lambda d: own(d)[0]["arguments"].append(10**400),
        "cannot be computed",
    ),
    "no name": (lambda d: d.pop("network"), "('network',): Field required"),
    "a name of a million letters": (
        lambda d: d.update(network="x" * 10**6),
        "a name of more than 200 characters",
    ),
    "text for calls": (lambda d: d["training"].update(calls="calls"), "valid list"),
    "a call that is none": (lambda d: d["training"].update(calls=[None]), "Call"),
    "an image of a terabyte": (lambda d: d.update(image=[1, 10**6, 10**6]), "it takes images of"),
    "a million wrong tensors": (lambda d: d.update(tensors=[0] * 10**6), "malformed"),
    "a million wrong names": (
        lambda d: d["training"].update(reads={str(n): 0 for n in range(10**5)}),
        "malformed",
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_forged_graph_is_refused_in_short(name: str) -> None:
    damage, words = GRAPHS[name]
    definition, tensors = handed_over(small())
    described = json.loads(definition)
    damage(described)
    sent = json.dumps(described).encode()
    tracemalloc.start()
    with pytest.raises(Unobservable) as refused:
        admitted(sent, tensors)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    fault = refused.value.fault
    assert fault.owner == ("harness" if words == "not on the harness's list" else "submission")
    assert words in fault.message
    assert len(fault.message) < 800
    assert peak < 150 * 2**20


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[" * 10**6,
        b'{"a":' * 10**5,
        b'{"recipe": ' + b"9" * 5_000 + b"}",
        b'{"recipe": "\\ud800"}',
        b"\xff\xfe",
        b"{" + b'"recipe": 1,' * 10**5 + b'"recipe": 2}',
        b" " * (8 * 2**20 + 1),
        b'{"tensors": [' + b"0," * (4 * 2**20 - 20) + b"0]}",
    ],
    ids=["empty", "null", "deep", "deep tables", "long", "half", "bytes", "twice", "wide", "wrong"],
)  # fmt: skip
def test_what_is_no_definition_is_refused_in_short(text: bytes) -> None:
    with pytest.raises(Unobservable, match="malformed") as refused:
        admitted(text, TENSORS)
    assert refused.value.fault.owner == "submission"
    assert len(refused.value.fault.message) < 800


def safetensor(head: object, body: bytes = b"") -> bytes:
    written = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(written)) + written + body


def changed(**update: Any) -> bytes:
    """The tensors of the other network, with another header for its weights."""
    length = struct.unpack("<Q", TENSORS[:8])[0]
    head = json.loads(TENSORS[8 : 8 + length])
    head["1.weight"].update(update)
    return safetensor(head, TENSORS[8 + length :])


def of_type(kind: torch.dtype, value: float | None = None) -> bytes:
    held = safetensors.torch.load(TENSORS)
    weight = held["1.weight"] if value is None else torch.full_like(held["1.weight"], value)
    return safetensors.torch.save(held | {"1.weight": weight.to(kind)})


STATES = {
    "a header of an exabyte": (struct.pack("<Q", 2**62) + TENSORS[8:], "malformed"),
    "a header past the end": (struct.pack("<Q", len(TENSORS)) + TENSORS[8:], "malformed"),
    "no header": (TENSORS[:4], "malformed"),
    "text for a header": (safetensor(b"{" * 1_000), "malformed"),
    "overlapping tensors": (changed(data_offsets=[0, 31_360]), "malformed|tensors differ"),
    "a huge shape": (changed(shape=[2**40, 2**40]), "malformed"),
    "an empty shape past counting": (
        safetensor({"1.weight": {"dtype": "F32", "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}}),
        "malformed",
    ),
    "an unknown type": (changed(dtype="X9"), "malformed"),
    "a type that torch lacks": (of_type(torch.float8_e8m0fnu), "malformed"),
    "half a byte a number": (changed(dtype="F4"), "malformed"),
    "double precision": (of_type(torch.float64), "must be float32"),
    "complex numbers": (of_type(torch.complex64), "must be float32"),
    "whole numbers": (of_type(torch.int64), "must be float32"),
    "booleans": (of_type(torch.bool), "must be float32"),
    "NaN": (of_type(torch.float32, float("nan")), "NaN or infinity"),
    "infinity": (of_type(torch.float32, float("-inf")), "NaN or infinity"),
    "another network's": (handed_over(small())[1], "tensors differ"),
    "a pickle": (b"\x80\x04cos\nsystem\n(S'touch owned'\ntR.", "malformed"),
}  # fmt: skip


@pytest.mark.parametrize("name", STATES)
def test_malformed_tensors_are_refused_in_short(name: str) -> None:
    content, words = STATES[name]
    with pytest.raises(Unobservable) as refused:
        admitted(DEFINITION, content)
    assert refused.value.fault.owner == "submission"
    assert any(each in refused.value.fault.message for each in words.split("|"))
    assert len(refused.value.fault.message) < 800


@pytest.mark.parametrize(
    "kind", [Kind.RUN, Kind.EPOCH, Kind.SEEN, Kind.SHIM, Kind.CELL, Kind.FAULT]
)
def test_what_a_notebook_tells_wrong_is_read_up_to_the_first_mistake(kind: Kind) -> None:
    fields = ("image", "steps", "seen", "recipe", "schedulers", "name")
    wrong = ", ".join(f'"{field}": [{"0, " * 300_000}0]' for field in fields)
    received = Received()
    begun = BEGUN | {"cell": 0}
    received.take(Kind.RUN, json.dumps(begun).encode())
    tracemalloc.start()
    with pytest.raises(Malformed) as refused:
        received.take(kind, f"{{{wrong}}}".encode())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(str(refused.value)) < 500
    assert peak < 150 * 2**20


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ([(Kind.DEFINITION, b"{}"), (Kind.DEFINITION, b"{}")], "a second network of run 1"),
        ([(Kind.TENSORS, b"")], "tensors without a definition"),
        ([(Kind.PACKED, b"cos\nsystem\n.")], "a packed model that belongs to no network"),
        ([(Kind.WEIGHTS, b"")], "weights without an epoch"),
        ([(Kind.ANSWERS, b"")], "a frame of kind ANSWERS in the middle"),
        ([(Kind.EPOCH, json.dumps(EPOCH | {"number": 7}).encode())], "epoch 7 after epoch 0"),
        ([(Kind.EPOCH, json.dumps(EPOCH | {"samples": 10**300, "number": 1}).encode())], "a number over"),
        ([(Kind.RUN, json.dumps(BEGUN | {"run": n}).encode()) for n in range(2, 70)], "more than 64 trainings"),
        ([(Kind.DEFINITION, b" " * (2**23 + 1))], "a definition of 8,388,609 bytes"),
        ([(Kind.CELL, b"[" * 1_000_000)], "recursion limit"),
    ],
)  # fmt: skip
def test_frames_out_of_place_are_malformed(sent: list[tuple[Kind, bytes]], words: str) -> None:
    received = Received()
    received.take(Kind.RUN, json.dumps(BEGUN).encode())
    with pytest.raises(Malformed, match=words):  # noqa: PT012
        for frame in sent:
            received.take(*frame)
