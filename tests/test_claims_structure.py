"""What a network is said to be made of, and when it got there: what is read, and what is judged."""

import re
from typing import Any

import pytest
from evidence_samples import check, found, step
from hypothesis import given
from hypothesis import strategies as st

from harness import claims, notes, structure
from harness.claims import Claim, Quantity
from harness.evidence import Layer, Step
from harness.judge import logs
from harness.notes import Notes
from harness.outputs import Logged


def analysis(text: str) -> list[Claim]:
    return claims.read(Notes(analysis=text))


BUILT_WITH = "The network is built with "
BN, DROPOUT, GAP, FC = "batch normalisation", "dropout", "global average pooling", "fully connected"
MAX_POOL, ONE = "max pooling", "1 x 1 convolution"


@pytest.mark.parametrize(
    ("text", "techniques"),
    [
        ("The architecture is built using batch normalization, drop out, fully connected layer and Global Average Pooling (GAP).", [BN, DROPOUT, FC, GAP]),
        ("- in all the network is built with batch normalisation, dropout, a fully connected layer and global average pooling; 99.4 % is attained within 20 epochs, and the number of parameters reached over 20k", [BN, DROPOUT, FC, GAP]),
        ("Our model uses BN and Dropout2d", [BN, DROPOUT]),
        ("The model consists of 3x3 convolutions, batch-norm, max-pooling, 1x1 conv layers & GAP.", [BN, MAX_POOL, ONE, GAP]),
        ("The network contains ReLU, BatchNorm2d and a dropout of 0.1.", [BN, DROPOUT]),
        ("So the whole model is made up of convolutions, 1 \u00d7 1 convolutions and FC layers", [ONE, FC]),
        ("This model has dropout, image augmentation and an LR scheduler to fight over-fitting", [DROPOUT, "image augmentation", "scheduler"]),
        ("A small network with a dense layer and max pooling", [FC, MAX_POOL]),
        ("Network uses linear layers and max pool", [FC, MAX_POOL]),
        ("The network uses GAP, GAP, and dropout, and reaches 99.4", [GAP, DROPOUT]),
    ],
)  # fmt: skip
def test_techniques(text: str, techniques: list[str]) -> None:
    said = [claim.of for claim in analysis(text) if claim.quantity == "technique"]
    assert said == techniques


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("A light model with 1 max pool layer and 7 3x3 conv2d layer and 1 1x1 conv2d layer.The last layer is used to downsample", {"3 x 3": 7, "1 x 1": 1}),
        ("The network is light: seven 3 x 3 convolutions with one max-pooling among them, and a\n1 x 1 convolution that brings the channels down to ten, one for each digit.", {"3 x 3": 7}),
        ("The model has eight 3x3 convolutions.", {"3 x 3": 8}),
        ("Our network consists of Twenty 5 * 5 conv layers", {"5 x 5": 20}),
        ("This network uses 10 3x3 conv layers and BN", {"3 x 3": 10}),
        ("The network has two 3 x 3 convolutions, max pooling, five 3 x 3 convolutions", {}),
    ],
)  # fmt: skip
def test_convolutions(text: str, counted: dict[str, int]) -> None:
    said = [claim for claim in analysis(text) if claim.quantity == "convolutions"]
    assert {claim.of: (claim.lowest, claim.below) for claim in said} == {
        kernel: (number, number + 1) for kernel, number in counted.items()
    }


UNCLAIMED = [
    f"{BUILT_WITH}dropout",  # one thing is no enumeration
    f"{BUILT_WITH}no dropout and no fully connected layer",
    f"{BUILT_WITH}dropout and batch norm, without a fully connected layer",
    f"{BUILT_WITH}dropout and a fully connected layer, which GAP could replace",
    f"{BUILT_WITH}dropout and a fully connected layer which was replaced by GAP",
    f"{BUILT_WITH}dropout and a fully connected layer; next we use GAP",
    f"{BUILT_WITH}dropout and a fully connected layer originally",
    f"{BUILT_WITH}dropout and a fully connected layer, or GAP rather",
    f"{BUILT_WITH}dropout and maybe a fully connected layer",
    f"{BUILT_WITH}dropout and a fully connected layer if there is capacity left",
    "The network was built with dropout and a fully connected layer",
    "The network is not built with dropout and a fully connected layer",
    "The network isn't built with dropout and a fully connected layer",
    "The network could be built with dropout and a fully connected layer",
    "The next network is built with dropout and a fully connected layer",
    "The previous network is built with dropout and a fully connected layer",
    "In step 2 the network is built with dropout and a fully connected layer",
    "The model improves: dropout and a fully connected layer",
    "The model has a fully connected layer instead of GAP",
    "GAP is better than a network that uses dropout and a fully connected layer",
    "A network uses dropout and a fully connected layer",
    "If the network uses dropout and a fully connected layer it is slow",
    "Each block of the network uses dropout and batch normalisation",
    "I wonder if the model has dropout and batch normalisation",
    "A model with dropout and batch normalisation overfits less",
    "We add dropout and batch normalisation to the model",
    "dropout, batch normalisation, GAP",
    "the last two 3 x 3 convolutions",
    "The network has two more 3 x 3 convolutions",
    "The network has two 3 x 3 convolutions before the pooling",
    "The network has two 3 x 3 convolutions, then five wider ones",
    "The network has two 3 x 3 convolutions in each block",
    "The network has three blocks with two 3 x 3 convolutions",
    "The network has 16 3x3 convolutions",  # channels, perhaps
    "The network has 21 3x3 conv layers",
    "The network has one and a half 3 x 3 convolutions",
    "The network has a 3 x 3 convolution",
    "The first block of the network has two 3 x 3 convolutions",
    "Two 3 x 3 convolutions with 16 channels each",
    "The transition layer of the network has one 1 x 1 convolution",
    "The network has three 3 x 3 convolutions, max pooling and so on",
    "The simple network has dropout and a fully connected layer, ours has GAP",
    "The small network uses dropout and a fully connected layer; the large one GAP",
    "99.4 % in the 13th epoch",
    "Achieved accuracy of 99.44% at 15th epoch",
    "99.4 % reached in the 13th and 14th epoch",
    "99.4 % reached in epoch 9, 13",
    "99.4 % reached in epochs 9 to 13",
    "99.4 % reached again in the 13th epoch",
    "99.4 % reached by epoch 13",
    "The model reached 99.4 % in epoch 13 for a second time",
    "We still reached 99.4 % in the 13th epoch",
    "It once more reached 99.4 % in the 13th epoch",
    "With a batch size of 32 we reached 99.4 % in epoch 13",
    "Without dropout the model reached 99.4 % in epoch 13",
    "Starting at lr=0.1 the model reached 99.4 % in epoch 13",
    "99.4 % was reached in epoch 8, but with seed 2 in epoch 11",
    "In the other run we hit 99.4 % in epoch 13",
    "Another student reached 99.4 % in epoch 13",
    "99.4 % reached within 13 epochs",
    "99.4 % reached in 13 epochs",
    "99.4 % not reached in the 13th epoch",
    "99.4 % should be reached in the 13th epoch",
    "Training: 99.4 % reached in the 13th epoch",
    "Training accuracy reached 99.4 % in the 13th epoch",
    "The best accuracy, 99.4 % reached in the 13th epoch, is high",
    "Best: 99.45 % reached in the 13th epoch",
    "reached over 99.4 % in the 13th epoch",
    "reached 99.4 % accuracy in the last epoch",
    "if it reached 99.4 % in the 13th epoch",
    "loss 0.02 reached in epoch 13",
    "Test Accuracy : ( 9th and 13th Epoch )",
]  # fmt: skip


@pytest.mark.parametrize("text", UNCLAIMED)
def test_what_is_no_claim(text: str) -> None:
    new = ("technique", "convolutions", "epoch reached")
    assert [claim for claim in analysis(f"- {text}") if claim.quantity in new] == []


@pytest.mark.parametrize(
    ("text", "percent", "epoch"),
    [
        ("In 13th epoch, I have reached 99.4% of accuracy.", "99.4", 13),
        ("- 99.4 % reached in the 13th epoch", "99.4", 13),
        ("Best test accuracy: 99.45\n- 99.4 % reached in the 13th epoch", "99.4", 13),
        ("the model first reached 99.40 at epoch 9", "99.40", 9),
        ("our model hits 99.4 acc at 6th epoch and maintains the same till 15th epoch", "99.4", 6),
        ("Test accuracy of 99 % is reached in epoch 1", "99", 1),
        ("In the 3rd epoch the model reaches a test accuracy of 99.1", "99.1", 3),
    ],
)
def test_the_epoch_in_which_an_accuracy_is_reached(text: str, percent: str, epoch: int) -> None:
    (claim,) = [claim for claim in analysis(text) if claim.quantity == "epoch reached"]
    assert (claim.of, claim.lowest, claim.below) == (percent, epoch, epoch + 1)


def test_an_epoch_that_is_listed_is_none_that_was_reached_first() -> None:
    (claim,) = analysis("- Test Accuracy : 99.4 ( 9th and 13th Epoch )")
    assert claim.quantity == "test accuracy"


WORDS = f"the network model is built with using consists of has uses a an , and & ( ) ; . : 3 x 3 1x1 conv seven 7 layer layers no not replaced {BN} drop-out GAP fc dense max-pooling reached 99.4 % in at epoch 13 13th".split()  # fmt: skip
TEXT = st.text() | st.lists(st.sampled_from(WORDS) | st.text(max_size=3)).map(" ".join)
KNOWN = re.compile(
    r"norm|bn|drop|gap|global|pool|connected|fc|dense|linear|conv|augment|schedul|step ?lr", re.I
)


@given(st.sampled_from(["", BUILT_WITH, f"{BUILT_WITH}dropout, "]), TEXT)
def test_any_text_is_read(head: str, text: str) -> None:
    for claim in analysis(head + text):
        if claim.quantity in ("technique", "convolutions"):
            assert KNOWN.search(head + text)
            assert (claim.of in structure.TECHNIQUES) == (claim.lowest is None)


@pytest.mark.parametrize("unit", ["the model ", "the network has ", "model with ", "dropout, ", "dropout and ", "3 x 3 conv ", "seven 3x3 conv, ", "seven ", "seven 3 x 3 conv layers ", "in epoch 1, ", "reached 99.4 ", "99.4 % accuracy of ", "in all, ", "a ", "light "])  # fmt: skip
def test_hostile_text_is_read_in_no_time(unit: str) -> None:
    for text in (unit, f"the network has {unit}"):
        assert isinstance(analysis(text + unit * (notes.MAX_TEXT // len(unit))), list)


# What is judged ------------------------------------------------------------------------------


def layer(name: str, *kernel: int, into: int = 28, p: float | None = None) -> Layer:
    """A layer on square maps of that side; or, where that is 0, on features."""
    shape = [10, into, into] if into else [10]
    fields = {"receptive_field_in": 1, "receptive_field": 28}
    return Layer(name=name, kernel=list(kernel), p=p, input=shape, output=shape, **fields)


CONVOLUTIONAL = [layer("Conv2d-1", 3, 3), layer("Conv2d-2", 1, 1, into=5)]


def technique(name: str) -> Claim:
    return Claim(quantity="technique", written="...", where="analysis", of=name)


@pytest.mark.parametrize(
    ("name", "last", "right"),
    [
        (FC, layer("Conv2d-3", 1, 1, into=5), False),
        (FC, layer("Conv2d-3", 1, 1, into=1), True),
        (FC, layer("Conv2d-3", 7, 7, into=7), True),
        (FC, layer("Linear-3", into=0), True),
        (GAP, layer("AvgPool2d-3", 5, 5, into=5), True),
        (GAP, layer("AvgPool2d-3", 4, 4, into=5), True),
        (GAP, layer("MaxPool2d-3", 5, 5, into=5), False),
        (DROPOUT, layer("Dropout2d-3", p=0.1), True),
        (DROPOUT, layer("ReLU-3"), False),
        (BN, layer("BatchNorm2d-3"), True),
        (BN, layer("LayerNorm-3"), False),
        (ONE, layer("ReLU-3"), True),
        (MAX_POOL, layer("AdaptiveMaxPool2d-3", 5, 5, into=5), True),
    ],
    ids=str,
)
def test_what_a_network_is_said_to_have(name: str, last: Layer, right: bool) -> None:
    told = step(layers=[*CONVOLUTIONAL, last], claims=[technique(name)])
    finding = found(check("claims"), told)
    why = "as measured" if right else f"“...”: no {name}"
    assert (finding.earned, finding.why) == (right, why)


@pytest.mark.parametrize(
    ("recipe", "changes", "measured"),
    [
        ({}, {}, "0 of 1 claims right"),
        ({"scheduler": "StepLR"}, {}, "1 of 1 claims right"),
        ({}, {"integrity": "observed"}, "not measured yet"),  # it may be done by hand
        ({"scheduler": "StepLR"}, {"integrity": "observed"}, "1 of 1 claims right"),
        ({}, {"recipe": None}, "not measured yet"),
    ],
)
def test_how_it_is_said_to_train(
    recipe: dict[str, Any], changes: dict[str, Any], measured: str
) -> None:
    told = step(claims=[technique("scheduler")], **recipe).model_copy(update=changes)
    assert found(check("claims"), told).measured == measured


def with_pooling_among(before: int, after: int) -> Step:
    pool = layer("MaxPool2d-9", 2, 2)
    return step(layers=[layer("Conv2d-1", 3, 3)] * before + [pool] + [layer("Conv2d-1", 3, 3)] * after)  # fmt: skip


@pytest.mark.parametrize(
    ("number", "right"),
    [(8, True), (7, False), (9, False), (3, True), (5, True)],  # those up to the pooling, or after
)
def test_convolutions_are_counted(number: int, right: bool) -> None:
    counted = Claim(
        quantity="convolutions",
        written="...",
        where="analysis",
        of="3 x 3",
        lowest=number,
        below=number + 1,
    )
    ones = counted.model_copy(update={"of": "1 x 1", "lowest": 0, "below": 1})
    told = with_pooling_among(3, 5).model_copy(update={"claims": [counted, ones]})
    finding = found(check("claims"), told)
    assert finding.earned == (1 + right) / 2
    assert finding.why == ("as measured" if right else "“...”: 8 convolutions of 3 x 3")
    assert not finding.review  # two kernels are no contradiction


def reached(epoch: int, percent: str = "99.4", quantity: Quantity = "epoch reached") -> Claim:
    return Claim(
        quantity=quantity,
        written="...",
        where="result",
        of=percent,
        lowest=epoch,
        below=epoch + 1,
    )


LOG_003 = [98.29, 98.78, 99.05, 99.14, 99.24, 99.28, 99.25, 99.34, 99.39, 99.41, 99.3, 99.36, 99.4, 99.44, 99.41, 99.45, 99.44, 99.41, 99.45]  # fmt: skip
ALREADY = "the notes say “...”, and the printed log shows 99.41 % in epoch 10 of 19 already"


@pytest.mark.parametrize(
    ("claim", "log", "told"),
    [
        (reached(13), {}, ALREADY),
        (reached(12), {}, ALREADY),
        (reached(11), {}, ALREADY),
        (reached(10), {}, ""),
        (reached(9), {}, ""),  # counted from 0
        (reached(8), {}, ""),  # 99.39 in the log's 9th, counted from 0, is nearly 99.4
        (reached(5), {}, "the notes say “...”, and the printed log shows it in epoch 9 of 19 first"),
        (reached(19), {}, ""),  # where the training ended
        (reached(30), {}, ""),  # of another training
        (reached(13), {"whole": False}, ""),
        (reached(13), {"half": 0.05}, ""),  # 99.41 may be less than 99.4
        (reached(3, "99.9"), {}, "the notes say “...”, and the printed log shows at best 99.45 %"),
    ],
    ids=str,
)  # fmt: skip
def test_the_epoch_reached_is_held_against_the_log(
    claim: Claim, log: dict[str, Any], told: str
) -> None:
    logged = Logged(**{"cell": 3, "percent": LOG_003, "whole": True} | log)
    assert logs.contradictions([claim], [logged]) == [told] * bool(told)
