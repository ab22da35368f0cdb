"""The networks and recipes of the five seed documents' 23 steps, for the tests that need real ones.

A network is a string in the notation of the seeds' own summary. Every layer begins with a capital:

- ``C8>16 3`` convolves 8 channels into 16 with a 3 x 3 kernel, ``p1`` pads it, ``+b`` adds a bias
- ``BN`` batch normalisation, ``R`` ReLU, ``D0.1`` dropout, ``D2 0.1`` dropout of whole channels
- ``M`` max-pools by 2, ``A5`` average-pools by 5, ``AA`` average-pools to one pixel

A comma may end a block of layers, for the reader's sake.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from harness.evidence import Layer

_CONVOLUTION = re.compile(r"C(\d+)>(\d+) (\d+)( p1)?( \+b)?")
_OTHER = re.compile(r"(BN|R|M|AA)|(A)(\d+)|(D2 |D)([\d.]+)")


class SeedNetwork(nn.Module):
    """A chain of layers that ends in the log-probabilities of ten digits."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map images [N, 1, 28, 28] to log-probabilities [N, 10]."""
        return F.log_softmax(self.layers(x).view(-1, 10), dim=1)


def build(layers: str) -> nn.Module:
    """Make the network that `layers` describes, with fresh weights.

    Raises:
        ValueError: A layer is not in the notation.
    """
    return SeedNetwork(*_parse(layers))


def _parse(layers: str) -> Iterator[nn.Module]:
    channels = 1
    for layer in re.split(r",? (?=[A-Z])", layers):
        if convolution := _CONVOLUTION.fullmatch(layer):
            inputs, channels, kernel = map(int, convolution.group(1, 2, 3))
            padded, biased = map(bool, convolution.group(4, 5))
            yield nn.Conv2d(inputs, channels, kernel, padding=int(padded), bias=biased)
            continue
        other = _OTHER.fullmatch(layer)
        match [part for part in other.groups() if part] if other else []:
            case ["BN"]:
                yield nn.BatchNorm2d(channels)
            case ["R"]:
                yield nn.ReLU()
            case ["M"]:
                yield nn.MaxPool2d(2)
            case ["AA"]:
                yield nn.AdaptiveAvgPool2d(1)
            case ["A", size]:
                yield nn.AvgPool2d(int(size))
            case ["D", rate]:
                yield nn.Dropout(float(rate))
            case ["D2 ", rate]:
                yield nn.Dropout2d(float(rate))
            case _:
                raise ValueError(f"not a layer: {layer!r}")


@dataclass(frozen=True)
class SeedStep:
    """One step of a seed document; `str(step)` is its pytest id, such as ``000-7``."""

    seed: str
    step: int
    layers: str
    parameters: int
    recipe: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.seed}-{self.step}"


def _recipe(
    *,
    epochs: int = 15,
    batch_size: int = 128,
    lr: float = 0.01,
    step_lr: tuple[int, float] | None = None,
    augment: list[dict[str, Any]] | None = None,
    normalize: dict[str, float] | None = None,
) -> dict[str, Any]:
    recipe: dict[str, Any] = {
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": {"name": "SGD", "lr": lr, "momentum": 0.9},
        "loss": "nll_loss",
    }
    if step_lr:
        step_size, gamma = step_lr
        recipe["scheduler"] = {"name": "StepLR", "step_size": step_size, "gamma": gamma}
    if augment:
        recipe["augment"] = augment
    if normalize:
        recipe["normalize"] = normalize
    return recipe


def _rotation(degrees: int, fill: int = 1) -> list[dict[str, Any]]:
    return [{"name": "RandomRotation", "degrees": degrees, "fill": fill}]


_AFFINE_AND_JITTER: list[dict[str, Any]] = [
    {"name": "RandomAffine", "degrees": 7, "fill": 1},
    {"name": "ColorJitter", "brightness": 0.1, "contrast": 0.1, "saturation": 0.1, "hue": 0.1},
]
_NORMALIZE_002 = {"mean": 0.1309, "std": 0.3084}

_LAYERS_000_7 = (
    "C1>8 3 BN D0.01 R, C8>8 3 BN D0.01 R, C8>8 3 BN D0.01 R, M, "
    "C8>16 3 BN D0.01 R, C16>16 3 BN D0.01 R, C16>8 1 BN D0.01 R, "
    "C8>32 3 BN D0.01 R, C32>64 1 BN D0.01 R, A5, C64>10 1"
)
# The document names batch normalisation only: the ReLU stands where phase 2 has it.
_LAYERS_004_3 = (
    "C1>9 3 R BN, C9>9 3 R BN, C9>9 3 R BN, M, "
    "C9>16 3 R BN, C16>16 3 R BN, C16>16 3 R BN, C16>10 1, A5"
)

SEED_STEPS: list[SeedStep] = [
    SeedStep(
        "000",
        1,
        "C1>16 3 R, C16>32 3 R, C32>64 3 R, M, "
        "C64>16 1 R, C16>64 3 R, C64>64 3 R, C64>10 1 R, C10>10 7",
        75_828,
        _recipe(),
    ),
    SeedStep(
        "000",
        2,
        "C1>8 3 R, C8>8 3 R, C8>8 3 R, M, C8>16 3 R, C16>8 3 R, C8>10 3 R, C10>10 5",
        6_748,
        _recipe(),
    ),
    SeedStep(
        "000",
        3,
        "C1>8 3 BN R, C8>8 3 BN R, C8>8 3 BN R, M, "
        "C8>16 3 BN R, C16>8 3 BN R, C8>10 3 BN R, C10>10 5",
        6_864,
        _recipe(),
    ),
    SeedStep(
        "000",
        4,
        "C1>8 3 BN R, C8>8 3 BN R, C8>8 3 BN D0.1 R, M, "
        "C8>16 3 BN D0.1 R, C16>8 3 BN D0.1 R, C8>10 3 BN D0.1 R, C10>10 5",
        6_864,
        _recipe(),
    ),
    SeedStep(
        "000",
        5,
        "C1>8 3 BN R, C8>8 3 BN R, C8>8 3 BN D0.1 R, M, "
        "C8>16 3 BN D0.1 R, C16>8 3 BN D0.1 R, C8>10 1 BN D0.1 R, "
        "C10>10 3 BN D0.1 R, C10>10 1 BN D0.1 R, A5",
        4_764,
        _recipe(),
    ),
    SeedStep(
        "000",
        6,
        "C1>8 3 BN R, C8>8 3 BN R, C8>8 3 BN D0.007 R, M, "
        "C8>16 3 BN D0.007 R, C16>16 3 BN D0.007 R, C16>8 1 BN D0.007 R, "
        "C8>32 3 BN D0.007 R, C32>16 1 BN D0.007 R, A5, C16>10 1",
        8_008,
        _recipe(),
    ),
    SeedStep("000", 7, _LAYERS_000_7, 10_120, _recipe(augment=_rotation(7))),
    SeedStep(
        "000", 8, _LAYERS_000_7, 10_120, _recipe(lr=0.1, step_lr=(2, 0.6), augment=_rotation(7))
    ),
    SeedStep(
        "000",
        9,
        "C1>8 3 BN D0.01 R, C8>8 3 BN D0.01 R, C8>8 3 BN D0.01 R, M, "
        "C8>13 3 BN D0.01 R, C13>14 3 BN D0.01 R, C14>8 1 BN D0.01 R, "
        "C8>26 3 BN D0.01 R, C26>50 1 BN D0.01 R, A5, C50>10 1",
        7_852,
        _recipe(lr=0.1, step_lr=(2, 0.6), augment=_rotation(7)),
    ),
    SeedStep(
        "000",
        10,
        "C1>8 3 BN D0.01 R, C8>8 3 BN D0.01 R, C8>8 3 BN D0.01 R, M, "
        "C8>10 3 BN D0.01 R, C10>12 3 BN D0.01 R, C12>8 1 BN D0.01 R, "
        "C8>16 3 BN D0.01 R, C16>32 1 BN D0.01 R, A5, C32>10 1",
        5_308,
        _recipe(lr=0.1, step_lr=(2, 0.5), augment=_rotation(7)),
    ),
    SeedStep(
        "001",
        1,
        "C1>10 3 R, C10>16 3 R, M, C16>10 1 R, C10>16 3 R, C16>16 3 R, C16>32 3 R, C32>10 6",
        21_562,
        _recipe(batch_size=64),
    ),
    SeedStep(
        "001",
        2,
        "C1>10 3 R, C10>16 3 R, M, C16>10 1 R, C10>16 3 R, C16>16 3 R, C16>32 3 R, A6, C32>10 1",
        10_362,
        _recipe(epochs=20, batch_size=64),
    ),
    SeedStep(
        "001",
        3,
        "C1>10 3 BN R, C10>16 3 BN R, M, "
        "C16>10 1 BN R, C10>16 3 BN R, C16>16 3 BN R, C16>16 3 BN R, A6, C16>10 1",
        8_066,
        _recipe(batch_size=64),
    ),
    SeedStep(
        "001",
        4,
        "C1>10 3 R BN, C10>16 3 R BN, M, "
        "C16>10 1 R BN, C10>16 3 R BN, C16>16 3 R BN, C16>16 3 R BN, A6, C16>10 1",
        8_066,
        _recipe(batch_size=64, step_lr=(10, 0.01)),
    ),
    SeedStep(
        "002",
        1,
        "C1>32 3 R, C32>64 3 R, C64>128 3 R, M, "
        "C128>32 1 R, C32>64 3 R, C64>128 3 R, C128>128 7 R, C128>10 1",
        992_800,
        _recipe(normalize=_NORMALIZE_002),
    ),
    SeedStep(
        "002",
        2,
        "C1>16 3 p1 R, C16>24 3 R, M, C24>8 1 R, C8>16 3 R, C16>16 3 R, C16>16 3 R, A7, C16>10 1",
        9_712,
        _recipe(normalize=_NORMALIZE_002),
    ),
    SeedStep(
        "002",
        3,
        "C1>16 3 p1 BN R D0.1, C16>24 3 BN R D0.1, M, C24>8 1 BN R D0.1, "
        "C8>16 3 BN R D0.1, C16>16 3 BN R D0.1, C16>16 3 BN R D0.1, A7, C16>10 1",
        9_904,
        _recipe(normalize=_NORMALIZE_002),
    ),
    SeedStep(
        "002",
        4,
        # The document says dropout 0.1, but its figures come from coursework that has 0.01.
        "C1>16 3 p1 BN R D0.01, C16>24 3 BN R D0.01, M, C24>8 1 BN R D0.01, "
        "C8>16 3 BN R D0.01, C16>16 3 BN R D0.01, C16>16 3 BN R D0.01, AA, C16>10 1",
        9_904,
        _recipe(batch_size=32, step_lr=(5, 0.1), augment=_rotation(10), normalize=_NORMALIZE_002),
    ),
    SeedStep(
        "003",
        1,
        "C1>16 3 R BN D2 0.1, C16>16 3 R BN, C16>32 3 R BN D2 0.1, C32>16 1 +b R, M, "
        "C16>16 3 R BN D2 0.1, C16>16 3 p1 R BN D2 0.1, "
        "C16>16 3 R BN D2 0.1, C16>32 3 R BN D2 0.1, C32>10 1, A5",
        19_712,
        # A bare RandomRotation(10): torchvision fills with 0 unless it is told otherwise.
        _recipe(epochs=19, augment=_rotation(10, fill=0)),
    ),
    SeedStep(
        "004",
        1,
        "C1>10 3 +b R, C10>10 3 +b R, C10>10 3 +b R, M, C10>10 3 +b R, "
        "C10>11 3 +b R, C11>12 3 +b R, C12>12 3 +b R, C12>13 3 +b R, C13>10 1 +b",
        7_896,
        _recipe(),
    ),
    SeedStep(
        "004",
        2,
        "C1>10 3 R BN, C10>10 3 R BN, C10>10 3 R BN, M, C10>10 3 R BN, "
        "C10>11 3 R BN, C11>12 3 R BN, C12>12 3 R BN, C12>13 3 R BN, C13>10 1",
        7_974,
        _recipe(),
    ),
    SeedStep("004", 3, _LAYERS_004_3, 7_753, _recipe(lr=0.1, augment=_AFFINE_AND_JITTER)),
    SeedStep(
        "004",
        4,
        _LAYERS_004_3,
        7_753,
        _recipe(lr=0.1, step_lr=(2, 0.6), augment=_AFFINE_AND_JITTER),
    ),
]

CLAIMED = {
    "000": [
        (99.16, 98.72),
        (99.05, 98.81),
        (99.48, 99.15),
        (99.02, 99.28),
        (98.39, 98.93),
        (99.40, 99.37),
        (99.12, 99.42),
        (99.44, 99.53),
        (99.32, 99.46),
        (99.16, 99.41),
    ],
    "001": [(99.6, 98.9), (99.09, 98.7), (99.4, 99.4), (99.6, 99.4)],
    "002": [(99.88, 99.14), (98.44, 98.53), (98.75, 99.24), (99.08, 99.44)],
    "003": [(None, 99.45)],
    "004": [(99.04, 98.88), (99.43, 99.21), (98.72, 99.30), (98.75, 99.47)],
}
"""The best training and test accuracy, in percent, that each document gives for its steps."""

# The tables that document 004 prints: kind, kernel, padding, output size, receptive field,
# arithmetic, parameters. It gives batch norm's parameters alone.
_PHASE_1: list[tuple[str | int, ...]] = [
    ("Conv2d", 3, 0, 26, 3, "3x3x1x10 + 10", 100),
    ("Conv2d", 3, 0, 24, 5, "3x3x10x10 + 10", 910),
    ("Conv2d", 3, 0, 22, 7, "3x3x10x10 + 10", 910),
    ("MaxPool2d", 2, 0, 11, 8, "", 0),
    ("Conv2d", 3, 0, 9, 12, "3x3x10x10 + 10", 910),
    ("Conv2d", 3, 0, 7, 16, "3x3x10x11 + 11", 1001),
    ("Conv2d", 3, 0, 5, 20, "3x3x11x12 + 12", 1200),
    ("Conv2d", 3, 0, 3, 24, "3x3x12x12 + 12", 1308),
    ("Conv2d", 3, 0, 1, 28, "3x3x12x13 + 13", 1417),
    ("Conv2d", 1, 0, 1, 28, "1x1x13x10 + 10", 140),
]
_PHASE_2: list[tuple[str | int, ...]] = [
    ("Conv2d", 3, 0, 26, 3, "3x3x1x10", 90),
    ("BatchNorm2d", "2x10", 20),
    ("Conv2d", 3, 0, 24, 5, "3x3x10x10", 900),
    ("BatchNorm2d", "2x10", 20),
    ("Conv2d", 3, 0, 22, 7, "3x3x10x10", 900),
    ("BatchNorm2d", "2x10", 20),
    ("MaxPool2d", 2, 0, 11, 8, "", 0),
    ("Conv2d", 3, 0, 9, 12, "3x3x10x10", 900),
    ("BatchNorm2d", "2x10", 20),
    ("Conv2d", 3, 0, 7, 16, "3x3x10x11", 990),
    ("BatchNorm2d", "2x11", 22),
    ("Conv2d", 3, 0, 5, 20, "3x3x11x12", 1188),
    ("BatchNorm2d", "2x12", 24),
    ("Conv2d", 3, 0, 3, 24, "3x3x12x12", 1296),
    ("BatchNorm2d", "2x12", 24),
    ("Conv2d", 3, 0, 1, 28, "3x3x12x13", 1404),
    ("BatchNorm2d", "2x13", 26),
    ("Conv2d", 1, 0, 1, 28, "1x1x13x10", 130),
]
_PHASE_3_AND_4: list[tuple[str | int, ...]] = [
    ("Conv2d", 3, 0, 26, 3, "3x3x1x9", 81),
    ("BatchNorm2d", "2x9", 18),
    ("Conv2d", 3, 0, 24, 5, "3x3x9x9", 729),
    ("BatchNorm2d", "2x9", 18),
    ("Conv2d", 3, 0, 22, 7, "3x3x9x9", 729),
    ("BatchNorm2d", "2x9", 18),
    ("MaxPool2d", 2, 0, 11, 8, "", 0),
    ("Conv2d", 3, 0, 9, 12, "3x3x9x16", 1296),
    ("BatchNorm2d", "2x16", 32),
    ("Conv2d", 3, 0, 7, 16, "3x3x16x16", 2304),
    ("BatchNorm2d", "2x16", 32),
    ("Conv2d", 3, 0, 5, 20, "3x3x16x16", 2304),
    ("BatchNorm2d", "2x16", 32),
    ("Conv2d", 1, 0, 5, 20, "1x1x16x10", 160),
    ("AvgPool2d", 5, 0, 1, 28, "", 0),
]
TABLES_004: list[list[tuple[str | int, ...]]] = [_PHASE_1, _PHASE_2, _PHASE_3_AND_4, _PHASE_3_AND_4]


def as_printed(layer: Layer) -> tuple[str | int, ...]:
    if layer.kind == "BatchNorm2d":
        return layer.kind, layer.arithmetic, layer.parameters
    (size,) = set(layer.output[1:]) or {0}
    (kernel,), (padding,) = set(layer.kernel) or {0}, set(layer.padding) or {0}
    field, arithmetic, parameters = layer.receptive_field, layer.arithmetic, layer.parameters
    return layer.kind, kernel, padding, size, field, arithmetic, parameters
