"""Fingerprints: equal for equal code however it is named and laid out, whatever the text."""

import keyword
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.fingerprint import MOST, RUN, WINDOW, fingerprint

NET = '''
"""Target: fewer parameters."""
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 3)  # the first
        self.norm = nn.BatchNorm2d(10)
        self.conv2 = nn.Conv2d(10, 10, 1)

    def forward(self, x):
        x = self.norm(self.conv1(x).relu())
        print(f"{x.shape} after {self.conv1}")
        return nn.functional.log_softmax(self.conv2(x).mean((2, 3)), dim=1)


recipe = {"epochs": 15, "batch_size": 128}
'''
RENAMED = (
    NET.replace("Net", "DigitModel")
    .replace("conv1", "entry")
    .replace("norm", "scaling")
    .replace("(self", "(this")
    .replace("self.", "this.")
    .replace("x", "images")
    .replace("log_softmaimages", "log_softmax")
    .replace("epochs", "laps")
)


@pytest.mark.parametrize(
    "same",
    [
        RENAMED,
        NET.replace("    ", "\t"),
        NET.replace("  # the first", "\n        # a comment\n"),
        NET.replace("15", "12").replace("10", "16"),
        NET.replace('"""Target: fewer parameters."""', "'Something else'"),
        NET.replace("after", "{x.dtype!r:>{10}} after {len(x)}"),
        f"!pip install torchsummary\n%matplotlib inline\n{NET}",
    ],
    ids=["names", "tabs", "comments", "numbers", "texts", "formatted texts", "shell"],
)
def test_what_a_learner_chooses_freely_changes_nothing(same: str) -> None:
    assert fingerprint([same]) == fingerprint([NET])


def test_another_layer_changes_it() -> None:
    assert fingerprint([NET.replace("BatchNorm2d", "GroupNorm")]) != fingerprint([NET])


def test_cells_count_as_one_text() -> None:
    half = NET.index("class Net")
    assert fingerprint([NET[:half], NET[half:]]) == fingerprint([NET])


WORDS = st.sampled_from([word for word in keyword.kwlist if word not in ("def", "class")])
PASSAGE = st.lists(WORDS, min_size=RUN + WINDOW - 1, max_size=80)
AROUND = st.tuples(*[st.lists(WORDS, max_size=120)] * 4)


@given(PASSAGE, AROUND)
def test_a_passage_as_long_as_run_and_window_leaves_a_common_hash(
    passage: list[str], around: tuple[list[str], ...]
) -> None:
    a, b, c, d = (" ".join(words) for words in around)
    said = " ".join(passage)
    one, other = fingerprint([f"{a} {said} {b}"]), fingerprint([f"{c} {said} {d}"])
    assert set(one) & set(other)


@given(st.text() | st.text(st.sampled_from("()[]{}\"'\\\n\t fF!%#:=.\0\x0c\ud800xé0")))
def test_any_text_has_one(text: str) -> None:
    found = fingerprint([text, NET])
    assert found == sorted(set(found))
    assert all(0 <= each < 2**32 for each in found)


def test_what_is_no_python_is_read_as_far_as_it_can_be() -> None:
    assert set(fingerprint([NET])) & set(fingerprint([f"{NET}\nx = (1,\n"]))


def test_a_long_file_is_read_in_part() -> None:
    random = Random(1)
    words = random.choices(keyword.kwlist, k=2 * MOST)
    assert fingerprint([" ".join(words)]) == fingerprint([" ".join(words[:MOST])])
