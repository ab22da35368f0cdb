"""What the trusted side admits: the rules, and the holes that they close."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from crossing import Net, crossed, handed_over, small
from torch import Tensor, nn

from harness.collect.graph import admit
from harness.collect.rules import Refused


def reading_statistics(net: Net, x: Tensor) -> Tensor:
    return net.head(net.norm(x).flatten(1) + net.norm.running_mean.sum())


def mixing_images(net: Net, x: Tensor) -> Tensor:
    return net.head((x - x.mean(0, keepdim=True)).flatten(1))


def counting_images(net: Net, x: Tensor) -> Tensor:
    return net.head(x.flatten(1)) * x.shape[0]


def weights_from_images(net: Net, x: Tensor) -> Tensor:
    return F.linear(x.flatten(1), x.flatten(1)[:10] * net.head.weight)


def batch_statistics(net: Net, x: Tensor) -> Tensor:
    return net.head(
        F.batch_norm(x, net.norm.running_mean, net.norm.running_var, training=True).flatten(1)
    )


def no_statistics(net: Net, x: Tensor) -> Tensor:
    return net.head(F.batch_norm(x, None, None, training=True).flatten(1))


def constants_from_nothing(net: Net, x: Tensor) -> Tensor:
    return net.head(x.flatten(1) * torch.arange(784, dtype=torch.float32))


def packed_numbers(net: Net, x: Tensor) -> Tensor:
    return net.head(x.flatten(1) * torch.floor(net.head.weight[0]))


def double_precision(net: Net, x: Tensor) -> Tensor:
    return net.head(x.flatten(1).double().float())


def mixing_by_softmax(net: Net, x: Tensor) -> Tensor:
    return net.head(x.flatten(1)).softmax(0)


def shifting_along_the_batch(net: Net, x: Tensor) -> Tensor:
    return F.pad(net.head(x.flatten(1)), (0, 0, 1, -1))


def knowing_the_number_of_images(net: Net, x: Tensor) -> Tensor:
    return net.head(x.flatten(1)) * net.head.bias[:1].expand(x.shape[0]).sum()


def norm_over_the_batch(net: Net, x: Tensor) -> Tensor:
    return torch._weight_norm(net.head(x.flatten(1)), torch.ones(1, 10), 1)


def keeping_statistics(net: Net, x: Tensor) -> Tensor:
    mean, variance = net.norm.running_mean, net.norm.running_var
    return net.head(F.instance_norm(x, mean, variance, momentum=1.0).flatten(1) - mean)


def part_of_the_batch(net: Net, x: Tensor) -> Tensor:
    return net.head(x[:500].flatten(1))


def last_of_the_batch(net: Net, x: Tensor) -> Tensor:
    return net.head((x + x.split(999, 0)[0]).flatten(1))


def filling_the_memory(net: Net, x: Tensor) -> Tensor:
    wide = x.expand(-1, 1_000, -1, -1)
    for _ in range(20):
        wide = wide.exp()
    return net.head(wide[:, 0].flatten(1))


def noise(net: Net, x: Tensor) -> Tensor:
    scores = net.head(x.flatten(1))
    return scores + 1e-7 * torch.randn_like(scores)


def mixing_by_einsum(net: Net, x: Tensor) -> Tensor:
    scores = net.head(x.flatten(1))
    return torch.einsum("nd,md->nd", scores, scores)


def stretched_statistics(net: Net, x: Tensor) -> Tensor:
    mean, variance = net.norm.running_mean[:1], net.norm.running_var[:1]
    return net.head(F.batch_norm(x, mean * 2, variance).flatten(1))


def a_number_from_the_images(net: Net, x: Tensor) -> Tensor:
    return net.head(x.flatten(1)) * x.max().item()


def attention_among_images(net: Net, x: Tensor) -> Tensor:
    scores = net.head(x.flatten(1))
    return F.scaled_dot_product_attention(scores, scores, scores)


def spectral_vector_of_images(net: Net, x: Tensor) -> Tensor:
    with torch.no_grad():
        torch.div(x.mean((0, 1, 2)), 2.0, out=net.memory)
    return net.head(x.flatten(1)) + net.memory[:10]


@pytest.mark.parametrize(
    ("forward", "words"),
    [
        (mixing_by_softmax, "mixes images"),
        (part_of_the_batch, "mixes images"),
        (last_of_the_batch, "mixes images"),
        (filling_the_memory, "all values together"),
        (stretched_statistics, "running statistic"),
        (a_number_from_the_images, "item is not allowed"),
        (attention_among_images, "mixes images"),
        (spectral_vector_of_images, "div changes memory"),
        (shifting_along_the_batch, "mixes images"),
        (knowing_the_number_of_images, "mixes images"),
        (norm_over_the_batch, "weights must not depend on the images"),
        (keeping_statistics, "instance norm with running statistics"),
        (noise, "random numbers are not drawn in evaluation"),
        (mixing_by_einsum, "mixes images"),
        (reading_statistics, "running statistic"),
        (mixing_images, "mixes images"),
        (counting_images, "batch's size"),
        (weights_from_images, "weights must not depend on the images"),
        (batch_statistics, "batch's own statistics"),
        (no_statistics, "without running statistics"),
        (lambda net, x: net.head(x.flatten(1)) + torch.randn(10), "drawn in training alone"),
        (constants_from_nothing, "arange is not allowed"),
        (packed_numbers, "floor is not allowed"),
        (double_precision, "float32 is the only type"),
    ],
)
def test_refuses_with_what_was_found(forward: Callable[[Net, Tensor], Tensor], words: str) -> None:
    network = Net(forward)
    network.norm = nn.BatchNorm2d(1)
    network.register_buffer("memory", torch.zeros(28))
    with pytest.raises(Refused, match=words) as refusal:
        crossed(network)
    assert refusal.value.owner == "submission"


def reinterpreted(net: Net, x: Tensor) -> Tensor:
    return net.head(x.flatten(1)) * net.head.bias.view(torch.int32)


def several_numbers_in_one(net: Net, x: Tensor) -> Tensor:
    pairs = torch.complex(net.head.bias, net.head.bias)
    return net.head(x.flatten(1)) + torch.view_as_real(pairs).sum(1)


def with_a_hidden_parameter() -> nn.Module:
    hidden = torch.randn(10, requires_grad=True)
    return Net(lambda net, x: net.head(x.flatten(1)) + hidden)


def with_nan() -> nn.Module:
    network = Net()
    nn.init.constant_(network.head.bias, float("nan"))
    return network


def with_many_tensors() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10), *[nn.PReLU() for _ in range(199)])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Net(reinterpreted), "view is not allowed"),
        (lambda: Net(several_numbers_in_one), "complex is not allowed"),
        (with_a_hidden_parameter, "must not require a gradient"),
        (with_nan, "holds NaN"),
        (with_many_tensors, "holds 201 tensors"),
        (lambda: nn.Sequential(nn.BatchNorm2d(1, track_running_stats=False), Net()), "leave track_running_stats=True"),
        (lambda: nn.Sequential(nn.BatchNorm2d(1, momentum=0.0), Net()), "momentum must lie above 0"),
        (lambda: nn.Sequential(nn.InstanceNorm2d(1, track_running_stats=True), Net()), "leave track_running_stats=False"),
    ],
)  # fmt: skip
def test_refuses_a_network(make: Callable[[], nn.Module], words: str) -> None:
    with pytest.raises(Refused, match=words) as refusal:
        crossed(make())
    assert refusal.value.owner == "submission"


def test_refuses_to_write_into_a_tensor_shown_for_each_image() -> None:
    def remembering(net: Net, x: Tensor) -> Tensor:
        return net.memory.expand(x.shape[0], -1).add_(net.head(x.flatten(1)))

    network = Net(remembering)
    network.register_buffer("memory", torch.zeros(1, 10))
    with pytest.raises(Refused, match="add_ changes a value"):
        crossed(network)


def test_refuses_double_parameters() -> None:
    with pytest.raises(Refused, match="must be float32"):
        crossed(Net(lambda net, x: net.head(x.flatten(1))).requires_grad_().apply(_halved))


def _halved(module: nn.Module) -> None:
    module.register_buffer("extra", torch.zeros(3, dtype=torch.float16))


def test_refuses_a_network_that_asks_for_a_terabyte() -> None:
    network = Net(lambda net, x: net.head(x.repeat(1, 10_000, 1, 1).mean(1).flatten(1)))
    with pytest.raises(Refused, match="too large"):
        crossed(network)


def test_refuses_a_network_that_computes_without_end() -> None:
    layers = [nn.Conv2d(1, 64, 3, padding=1), *[nn.Conv2d(64, 64, 3, padding=1)] * 18]
    with pytest.raises(Refused, match="multiply-adds"):
        crossed(nn.Sequential(*layers, nn.Flatten(), nn.Linear(64 * 784, 10)))


def test_an_unknown_operator_is_the_harnesss_gap() -> None:
    with pytest.raises(Refused, match=r"aten\.erf\.default") as refusal:
        crossed(Net(lambda net, x: net.head(x.flatten(1).erf())))
    assert refusal.value.owner == "harness"


def test_refuses_a_counter_that_is_read() -> None:
    network = Net(lambda net, x: net.head(x.flatten(1)) * net.number)
    network.register_buffer("number", torch.tensor(7))
    with pytest.raises(Refused, match="batch counter"):
        crossed(network)


def test_refuses_a_parameter_that_changes_in_the_forward_pass() -> None:
    network = Net(lambda net, x: net.head(x.flatten(1)) * net.count.add_(1.0))
    network.register_buffer("count", torch.zeros(()))
    with pytest.raises(Refused, match="changes count during the forward pass"):
        crossed(network)


def keyword(definition: dict[str, Any], name: str) -> None:
    definition["training"]["calls"][0]["keywords"][name] = 1


def in_place_by_keyword(definition: dict[str, Any]) -> None:
    """`add_(other=activation, self=parameter)`: the first value named is not what changes."""
    graph = definition["evaluation"]
    parameter = next(name for name, tensor in graph["reads"].items() if tensor == "1.weight")
    call = graph["calls"][-1] | {
        "name": "forged",
        "operator": "aten.add_.Tensor",
        "arguments": [],
        "keywords": {"other": {"value": graph["calls"][0]["name"]}, "self": {"value": parameter}},
    }
    graph["calls"].append(call)


def statistics_by_keyword(definition: dict[str, Any]) -> None:
    """Running statistics as the weight of a batch norm, past a check of positions alone."""
    for graph in (definition["training"], definition["evaluation"]):
        (call,) = (c for c in graph["calls"] if "batch_norm" in c["operator"])
        names = ("input", "weight", "bias", "running_mean", "running_var")
        call["keywords"] = dict(zip(names, call["arguments"], strict=False))
        names = ("training", "momentum", "eps", "cudnn_enabled")
        call["keywords"] |= dict(zip(names, call["arguments"][5:], strict=True))
        call["keywords"]["weight"] = call["keywords"]["running_var"]
        call["arguments"] = []


def averaging_by_an_image(definition: dict[str, Any]) -> None:
    """A momentum that is a tensor, where only a batch counter may stand."""
    graph = definition["training"]
    (call,) = (c for c in graph["calls"] if "batch_norm" in c["operator"])
    call["arguments"][6] = {"value": graph["image"]}


def averaging_in_evaluation(definition: dict[str, Any]) -> None:
    """The same where no counter is looked for."""
    graph = definition["evaluation"]
    (call,) = (c for c in graph["calls"] if "batch_norm" in c["operator"])
    call["arguments"][6] = {"value": graph["image"]}


def learning_statistics(definition: dict[str, Any]) -> None:
    """Running statistics with a gradient, at which torch's batch norm stops."""
    (info,) = (t for t in definition["tensors"] if t["name"] == "1.running_mean")
    info.update(kind="parameter", requires_grad=True)


def too_few_arguments(definition: dict[str, Any]) -> None:
    (call,) = (c for c in definition["training"]["calls"] if "batch_norm" in c["operator"])
    call["arguments"] = call["arguments"][:1]


def averaging_over_none(definition: dict[str, Any]) -> None:
    """A batch counter that has not counted: one over nought."""
    graph = definition["training"]
    (call,) = (c for c in graph["calls"] if "batch_norm" in c["operator"])
    counter = next(name for name, t in graph["reads"].items() if t.endswith("tracked"))
    call["arguments"][6] = {"value": counter}


def part_of_the_statistics(definition: dict[str, Any]) -> None:
    """Evaluation that reads the last statistics, and not the first as ghost batch norm does."""
    graph = definition["evaluation"]
    (call,) = (c for c in graph["calls"] if "batch_norm" in c["operator"])
    cut = call | {"name": "cut", "operator": "aten.slice.Tensor", "keywords": {}}
    cut["arguments"] = [call["arguments"][3], 0, 2, 4]
    call["arguments"][3] = {"value": "cut"}
    graph["calls"].insert(graph["calls"].index(call), cut)


def writing_weights(definition: dict[str, Any]) -> None:
    """What spectral norm does to its vectors, done to a parameter."""
    graph = definition["training"]
    read = {"value": next(name for name, tensor in graph["reads"].items() if tensor == "1.weight")}
    call = {"name": "written", "operator": "aten.div.out", "arguments": [read, read], "line": None}
    graph["calls"].append(call | {"keywords": {"out": read}})


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: keyword(d, "x=1); import os; os._exit(9); ("),
        lambda d: keyword(d, "x=1)\r    return None\rimport os; os._exit(9)\rif (0"),
        lambda d: keyword(d, "input"),
        averaging_by_an_image,
        averaging_over_none,
        averaging_in_evaluation,
        learning_statistics,
        too_few_arguments,
        part_of_the_statistics,
        writing_weights,
        in_place_by_keyword,
        statistics_by_keyword,
        lambda d: d["training"]["calls"].reverse(),
        lambda d: d["training"].update(output="nothing"),
        lambda d: d["training"].update(output=next(iter(d["training"]["reads"]))),
        lambda d: d["evaluation"]["reads"].update(x="no tensor"),
        lambda d: d["tensors"].pop(),
        lambda d: d["tensors"].append(d["tensors"][0]),
        lambda d: d.pop("training"),
        lambda d: d["training"]["calls"][0]["arguments"].append({"code": "print(1)"}),
        lambda d: d["training"]["calls"][0].update(arguments=[{"value": "tensor_0"}] * 40),
    ],
)
def test_refuses_a_forged_graph(damage: Callable[[dict[str, object]], object]) -> None:
    definition, tensors = handed_over(small())
    described = json.loads(definition)
    damage(described)
    with pytest.raises(Refused):
        admit(json.dumps(described).encode(), tensors)


@pytest.mark.parametrize(
    ("operator", "settings", "words"),
    [
        ("aten.unbind.int", [2], "unbind makes more than 1,000 values$"),
        ("aten.chunk.default", [2_000, 2], "chunk makes more than 1,000 values$"),
        ("aten.split.Tensor", [1, 2], "split makes more than 1,000 values$"),
        ("aten.view.default", [[1] * 65], "view.default does not take such a long list"),
    ],
)
def test_refuses_what_would_take_the_memory(operator: str, settings: list[Any], words: str) -> None:
    definition, tensors = handed_over(small())
    described = json.loads(definition)
    graph = described["training"]
    call = {"name": "many", "operator": operator, "keywords": {}, "line": 7}
    wide = call | {"name": "wide", "operator": "aten.repeat.default"}
    wide["arguments"] = [{"value": graph["image"]}, [1, 1, 100, 1]]
    graph["calls"] += [wide, call | {"arguments": [{"value": "wide"}, *settings]}]
    with pytest.raises(Refused, match=words) as refusal:
        admit(json.dumps(described).encode(), tensors)
    assert refusal.value.line == 7


def test_refuses_a_thousand_calls() -> None:
    definition, tensors = handed_over(small())
    described = json.loads(definition)
    described["training"]["calls"] *= 300
    with pytest.raises(Refused, match="calls; at most 1,000 are taken"):
        admit(json.dumps(described).encode(), tensors)


def test_refuses_bytes_that_are_no_tensors() -> None:
    definition, tensors = handed_over(small())
    for bad in (b"", b"x" * 100, tensors[:-1], b"\xff" * 8 + tensors[8:]):
        with pytest.raises(Refused):
            admit(definition, bad)


def test_the_digest_tells_networks_apart_and_not_lines() -> None:
    torch.manual_seed(0)
    network = small()
    definition, tensors = handed_over(network)
    described = json.loads(definition)
    for call in described["training"]["calls"]:
        call["line"] = 99
    digest = admit(definition, tensors).digest
    assert admit(json.dumps(described).encode(), tensors).digest == digest
    assert crossed(small()).digest != digest
