"""What the graphs tell of a network: the layer table, receptive fields and multiply-adds."""

import json
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
import torchinfo
from crossing import crossed, handed_over
from seed_networks import SEED_STEPS, TABLES_004, SeedStep, as_printed, build
from torch import Tensor, nn
from torchinfo.torchinfo import clear_cached_forward_pass

from harness.collect.anatomy import Anatomy, anatomy
from harness.collect.count import count
from harness.collect.graph import admit


@pytest.mark.parametrize("phase", [1, 2, 3, 4])
def test_the_tables_of_document_004(phase: int) -> None:
    (step,) = (step for step in SEED_STEPS if str(step) == f"004-{phase}")
    table = [as_printed(layer) for layer in of(build(step.layers)).layers]
    assert [row for row in table if row[0] not in ("ReLU", "LogSoftmax")] == TABLES_004[phase - 1]


@pytest.mark.parametrize("step", SEED_STEPS, ids=str)
def test_counts_as_torchinfo_does_on_the_seeds(step: SeedStep) -> None:
    network = build(step.layers)
    candidate = crossed(network)
    told = anatomy(candidate)
    theirs = summary(network)
    parameters = sum(layer.parameters for layer in told.layers)
    assert parameters == count(candidate).judged == theirs.total_params
    assert told.multiply_adds == told.training_multiply_adds == theirs.total_mult_adds
    assert told.evaluation_only == []


def summary(network: nn.Module) -> torchinfo.ModelStatistics:
    clear_cached_forward_pass()  # it goes by the class's name, which all seed networks share
    return torchinfo.summary(network, (1, 1, 28, 28), verbose=0)


def of(network: nn.Module) -> Anatomy:
    return anatomy(crossed(network))


class Net(nn.Module):
    """Layers by name, and whatever a test does with them; then a mean that gives ten scores."""

    def __init__(self, forward: Callable[["Net", Tensor], Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.between = forward
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x: Tensor) -> Tensor:
        return scores(self.between(self, x))


def scores(x: Tensor) -> Tensor:
    """[N, 10] of any value, without a layer."""
    return x.flatten(1).sum(1, keepdim=True).expand(-1, 10)


LAYERS = [
    nn.Conv2d(1, 8, 3, padding="same"),
    nn.BatchNorm2d(8),
    nn.GroupNorm(2, 8),
    nn.InstanceNorm2d(8, affine=True),
    nn.LayerNorm([28, 28]),
    nn.LocalResponseNorm(3),
    nn.ReLU(),
    nn.ELU(),
    nn.SELU(),
    nn.CELU(),
    nn.SiLU(),
    nn.Mish(),
    nn.GELU(),
    nn.LeakyReLU(),
    nn.PReLU(8),
    nn.Hardtanh(),
    nn.Hardswish(),
    nn.Hardsigmoid(),
    nn.Softplus(),
    nn.Sigmoid(),
    nn.LogSigmoid(),
    nn.Tanh(),
    nn.ReLU(inplace=True),
    nn.Dropout(0.1),
    nn.Dropout2d(0.1),
    nn.AlphaDropout(0.1),
    nn.FeatureAlphaDropout(0.1),
    nn.Softmax(1),
    nn.MaxPool2d(2),
    nn.ConvTranspose2d(8, 4, 2, stride=2),
    nn.PixelUnshuffle(2),
    nn.PixelShuffle(2),
    nn.Upsample(scale_factor=0.5),
    nn.AvgPool2d(2),
    nn.AdaptiveMaxPool2d(4),
    nn.AdaptiveAvgPool2d((2, 2)),
    nn.Unfold(2),
    nn.Conv1d(16, 6, 1, groups=2),
    nn.BatchNorm1d(6),
    nn.MaxPool1d(1),
    nn.AvgPool1d(1),
    nn.Flatten(),
    nn.Linear(6, 12),
    nn.BatchNorm1d(12),
    nn.Linear(12, 10, bias=False),
    nn.LogSoftmax(1),
]


def test_layers_have_the_names_and_counts_of_torch_nn() -> None:
    """In one chain of all of them, named and numbered as torchsummary would."""
    network = nn.Sequential(*LAYERS)
    told, theirs = of(network), summary(network)
    classes = [type(layer).__name__ for layer in LAYERS if not isinstance(layer, nn.Flatten)]
    names = [f"{kind}-{number}" for number, kind in enumerate(classes, start=1)]
    assert [layer.name for layer in told.layers] == names
    assert sum(layer.parameters for layer in told.layers) == theirs.total_params
    assert told.multiply_adds == told.training_multiply_adds == theirs.total_mult_adds


def chain(*layers: nn.Module) -> Net:
    steps = nn.Sequential(*layers)
    return Net(lambda net, x: net.steps(x), steps=steps)


def c(kernel: int, **options: int | str) -> nn.Conv2d:
    return nn.Conv2d(1, 1, kernel, bias=False, **options)  # type: ignore[arg-type]


def residual(net: Net, x: Tensor) -> Tensor:
    x = net.a(x)
    return net.c(x + net.b(x))


def concatenated(net: Net, x: Tensor) -> Tensor:
    return net.join(torch.cat([net.a(x), net.b(x)], dim=1))


def excited(net: Net, x: Tensor) -> Tensor:
    x = net.a(x)
    return net.b(x * torch.sigmoid(F.adaptive_avg_pool2d(x, 1)))


def attention(net: Net, x: Tensor) -> Tensor:
    tokens = net.a(x).flatten(2)
    return net.b((tokens @ torch.softmax(tokens.transpose(1, 2) @ tokens, -1)).unflatten(2, (7, 7)))


def own_norm(net: Net, x: Tensor) -> Tensor:
    x = net.a(x)
    return net.b((x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True))


def outer(net: Net, x: Tensor) -> Tensor:
    """Of a corner's 4 columns and an edge's 6 rows: the longer side."""
    columns, rows = x[:, 0, 0, :4], x[:, 0, :6, 0]
    return net.a(torch.einsum("bi,bj->bij", columns, rows).unsqueeze(1))


# Kernels of 3 on strides of 1 see 3, 5, 7 pixels and so on.
FIELDS = {
    "padding": (chain(*[c(9, padding=4) for _ in range(5)]), [9, 17, 25, 28, 28]),
    "dilated": (chain(c(3), c(3, dilation=3), c(1)), [3, 9, 9]),
    "strided": (chain(c(3, stride=2), c(3), c(1, stride=2), c(2)), [3, 7, 7, 11]),
    "same": (chain(c(3, padding="same"), c(5, padding="same")), [3, 7]),
    "reflected": (chain(c(3, padding=1, padding_mode="reflect"), c(3)), [3, 5]),
    "transposed": (chain(c(2, stride=2), nn.ConvTranspose2d(1, 1, 2, stride=2), c(3)), [2, 2, 4]),
    "nearest": (chain(c(2, stride=2), nn.Upsample(scale_factor=2), c(3)), [2, 2, 4]),
    "bilinear": (chain(c(2, stride=2), nn.Upsample(scale_factor=2, mode="bilinear"), c(3)), [2, 4, 6]),
    "shuffled": (chain(nn.PixelUnshuffle(2), nn.Conv2d(4, 4, 3), nn.PixelShuffle(2), c(3)), [1, 6, 6, 8]),
    "max pooling": (chain(c(3), nn.MaxPool2d(2), c(3)), [3, 4, 8]),
    "adaptive": (chain(nn.AdaptiveAvgPool2d(7), c(3)), [4, 12]),
    "global": (chain(c(3), nn.AdaptiveAvgPool2d(1), c(1)), [3, 28, 28]),
    "flattened": (chain(c(3), nn.Flatten(), nn.Linear(676, 5)), [3, 28]),
    "columns alone": (chain(c(3), nn.Linear(26, 5), c(3)), [3, 28, 28]),
    "cumulative": (chain(c(3), nn.BatchNorm2d(1, momentum=None), c(3)), [3, 3, 5]),
    "group norm": (chain(c(3), nn.GroupNorm(1, 1), nn.LayerNorm(26), c(3)), [3, 3, 3, 5]),
    "unfolded": (chain(c(3), nn.Unfold(3), nn.Conv1d(9, 1, 1)), [3, 3, 5]),
    "a row": (chain(nn.Flatten(2), nn.Conv1d(1, 1, 3), nn.Conv1d(1, 1, 30)), [28, 28]),
    "residual": (Net(residual, a=c(3), b=c(5, padding=2), c=c(3)), [3, 7, 9]),
    "concatenated": (Net(concatenated, a=c(3, padding=1), b=c(7, padding=3), join=nn.Conv2d(2, 1, 1)), [3, 7, 7]),
    "squeeze and excite": (Net(excited, a=c(3), b=c(1)), [3, 28, 28, 28]),
    "attention": (Net(attention, a=c(4, stride=4), b=c(1)), [4, 28, 28]),
    "norm by hand": (Net(own_norm, a=nn.Conv2d(1, 4, 3), b=nn.Conv2d(4, 1, 3)), [3, 5]),
    "a corner": (Net(lambda net, x: net.a(x[:, :, 3:8, 20:].flatten(1)), a=nn.Linear(40, 5)), [8]),
    "outer product": (Net(outer, a=c(1)), [6]),
    "a softmax over the image": (Net(lambda net, x: net.a(x.softmax(-1)), a=c(1)), [28, 28]),
}  # fmt: skip


@pytest.mark.parametrize("case", FIELDS)
def test_receptive_fields(case: str) -> None:
    network, fields = FIELDS[case]
    table = of(network).layers
    assert [layer.receptive_field for layer in table] == fields


def test_where_a_pooling_stands() -> None:
    _, pooling, _ = of(chain(c(5), nn.MaxPool2d(3), c(1))).layers
    assert (pooling.kind, pooling.receptive_field_in, pooling.receptive_field) == (
        "MaxPool2d",
        5,
        7,
    )


GLOBAL = {
    "adaptive": (lambda x: F.adaptive_avg_pool2d(x, 1), "AdaptiveAvgPool2d", [26, 26]),
    "of its size": (lambda x: F.avg_pool2d(x, 26), "AvgPool2d", [26, 26]),
    "mean": (lambda x: x.mean((2, 3)), "AvgPool2d", [26, 26]),
    "mean, kept": (lambda x: x.mean([-1, -2], keepdim=True), "AvgPool2d", [26, 26]),
    "flat mean": (lambda x: x.flatten(2).mean(2), "AvgPool1d", [676]),
    "max": (lambda x: x.amax((2, 3)), "MaxPool2d", [26, 26]),
}


@pytest.mark.parametrize("case", GLOBAL)
def test_global_pooling_however_it_is_written(case: str) -> None:
    pool, kind, kernel = GLOBAL[case]
    _, pooling = of(Net(lambda net, x: pool(net.a(x)), a=nn.Conv2d(1, 4, 3))).layers
    assert (pooling.kind, pooling.kernel, pooling.pools_globally) == (kind, kernel, True)
    assert pooling.receptive_field == 28


def test_pooling_that_is_not_global() -> None:
    table = of(chain(nn.AdaptiveAvgPool2d(14), nn.AvgPool2d(13), c(1))).layers
    assert [layer.kernel for layer in table] == [[2, 2], [13, 13], [1, 1]]
    assert [layer.pools_globally for layer in table] == [False, False, False]


def test_a_mean_over_channels_is_no_layer() -> None:
    table = of(Net(lambda net, x: net.a(x).mean(1), a=nn.Conv2d(1, 4, 3))).layers
    assert [layer.kind for layer in table] == ["Conv2d"]


def test_windows() -> None:
    table = of(
        chain(
            nn.Conv2d(1, 4, (3, 5), padding=(1, 0), stride=2),
            nn.Conv2d(4, 4, 3, padding="same", dilation=2),
            nn.Conv2d(4, 4, 1, padding="valid"),
            nn.MaxPool2d(3, stride=1, padding=1),
            nn.AdaptiveAvgPool2d((5, 4)),
            nn.Unfold((2, 1)),
            nn.MaxPool1d(2),
            nn.ReLU(),
        )
    ).layers
    assert [(layer.kernel, layer.padding, layer.stride) for layer in table] == [
        ([3, 5], [1, 0], [2, 2]),
        ([3, 3], [2, 2], [1, 1]),
        ([1, 1], [0, 0], [1, 1]),
        ([3, 3], [1, 1], [1, 1]),
        ([6, 3], [0, 0], [2, 3]),
        ([2, 1], [0, 0], [1, 1]),
        ([2], [0], [2]),
        ([], [], []),
    ]
    assert (table[0].input, table[0].output) == ([1, 28, 28], [4, 14, 12])


def arithmetic(network: nn.Module) -> list[tuple[str, str, int]]:
    return [(row.kind, row.arithmetic, row.parameters) for row in of(network).layers]


def test_arithmetic() -> None:
    network = chain(
        nn.Conv2d(1, 4, (3, 5)),
        nn.Conv2d(4, 8, 3, groups=4, bias=False),
        nn.ConvTranspose2d(8, 6, 2),
        nn.PReLU(),
        nn.LayerNorm([25, 23]),
        nn.Flatten(),
        nn.Linear(3450, 10),
    )
    assert arithmetic(network) == [
        ("Conv2d", "3x5x1x4 + 4", 64),
        ("Conv2d", "3x3x1x8", 72),
        ("ConvTranspose2d", "2x2x8x6 + 6", 198),
        ("PReLU", "1", 1),
        ("LayerNorm", "2x25x23", 1150),
        ("Linear", "3450x10 + 10", 34510),
    ]


def test_tied_weights_are_told_once() -> None:
    twice, tied = nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3)
    tied.weight = twice.weight
    network = chain(twice, twice, tied)
    assert arithmetic(network) == [
        ("Conv2d", "3x3x1x1 + 1", 10),
        ("Conv2d", "", 0),
        ("Conv2d", "1", 1),
    ]
    assert (
        of(network).multiply_adds
        == summary(network).total_mult_adds
        == 10 * (26**2 + 24**2 + 22**2)
    )


def test_weight_norm_tells_what_it_holds() -> None:
    network = chain(nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 4, 3)))
    ((kind, _, parameters),) = arithmetic(network)
    assert (kind, parameters) == ("Conv2d", 36 + 4 + 4)


class Functional(nn.Module):
    """Parameters alone: a convolution, a matrix product, and an einsum."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(4, 1, 3, 3))
        self.hidden = nn.Parameter(torch.randn(676, 6))
        self.last = nn.Parameter(torch.randn(4, 6, 10))

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv2d(x, self.kernel).flatten(2) @ self.hidden
        return torch.einsum("nch,chk->nk", x, self.last)


def test_functional_networks() -> None:
    assert arithmetic(Functional()) == [
        ("Conv2d", "3x3x1x4", 36),
        ("Linear", "676x6", 4056),
        ("Linear", "4x6x10", 240),
    ]
    told = of(Functional())
    assert told.multiply_adds == 36 * 26**2 + 4 * 676 * 6 + 240
    assert [layer.receptive_field for layer in told.layers] == [3, 28, 28]


def test_weights_repeated_for_each_image_are_weights() -> None:
    def forward(net: Net, x: Tensor) -> Tensor:
        weight = net.a.weight.expand(x.shape[0], -1, -1)
        return torch.bmm(x.flatten(2), weight.transpose(1, 2))

    network = Net(forward, a=nn.Linear(784, 5, bias=False))
    assert arithmetic(network) == [("Linear", "5x784", 3920)]
    assert of(network).multiply_adds == 3920


def test_a_linear_layer_costs_at_each_position() -> None:
    assert of(chain(nn.Linear(28, 4))).multiply_adds == 28 * (28 * 4 + 4)


def test_dropout_tells_how_likely() -> None:
    def forward(net: Net, x: Tensor) -> Tensor:
        return F.dropout(net.c(net.b(net.a(x))), 0.5, training=False)

    layers = {"a": c(3), "b": nn.Dropout(0.25), "c": nn.Dropout2d(0.0)}
    told = [(layer.kind, layer.p) for layer in of(Net(forward, **layers)).layers]
    assert told == [("Conv2d", None), ("Dropout", 0.25), ("Dropout2d", 0.0), ("Dropout", 0.0)]


def test_evaluation_that_reads_more_and_costs_more() -> None:
    def forward(net: Net, x: Tensor) -> Tensor:
        return net.a(x) if net.training else net.a(x) + net.extra(x)

    told = of(Net(forward, a=nn.Conv2d(1, 1, 3), extra=nn.Conv2d(1, 1, 3)))
    assert told.evaluation_only == ["extra.weight", "extra.bias"]
    assert told.multiply_adds == 2 * told.training_multiply_adds
    assert len(told.layers) == 1


def test_what_the_answer_does_not_need_is_no_layer() -> None:
    """A child can hand over any graph, such as one whose training computes more than it uses."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Dropout(), nn.Linear(10, 10))
    definition, tensors = handed_over(network)
    described = json.loads(definition)
    training = described["training"]
    training["output"] = next(c["name"] for c in training["calls"] if "linear" in c["operator"])
    training["calls"][1]["line"] = 7
    told = anatomy(admit(json.dumps(described).encode(), tensors))
    assert [(layer.name, layer.line) for layer in told.layers] == [("Linear-1", 7)]
    assert (told.training_multiply_adds, told.multiply_adds) == (7850, 7850 + 110)
    assert told.evaluation_only == ["3.weight", "3.bias"]
