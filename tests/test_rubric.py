"""Rubrics: what is shipped is valid, and a mistake is told with file, key, value and remedy."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.rubric import SHIPPED, RubricError, find, kinds, load

GOOD = """
title = "T"
dataset = "digits"

[[checks]]
kind = "accuracy"
at_least = "99.4 %"
points = 40
scope = "final step"
"""


def told(text: str, tmp_path: Path) -> str:
    path = tmp_path / "rubric.toml"
    path.write_text(text)
    with pytest.raises(RubricError) as error:
        load(path)
    assert str(path) in str(error.value)
    return str(error.value).replace(f"{path}: ", "")


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_rubrics_are_valid(path: Path) -> None:
    rubric = load(path)
    assert sum(check.points for check in rubric.checks if not check.bonus) == 100
    assert find(path.stem) == path


def test_kinds_are_found_through_entry_points() -> None:
    assert kinds().keys() == {
        "parameters", "epochs", "accuracy", "steps", "notes", "claims", "uses", "progress",
        "integrity", "manual",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("find_text", "replace_by", "words"),
    [
        ("title", "tittle", "tittle = 'T' is not a known key; did you mean title?"),
        ("at_least", "atleast", "checks[1].atleast = '99.4 %' is not a known key; did you mean at_least?"),
        ('"99.4 %"', "99.4", "checks[1].at_least = 99.4: write a percentage in quotes"),
        ('"99.4 %"', '"994 %"', "checks[1].at_least = '994 %': write a percentage"),
        ("points = 40", "points = -1", "checks[1].points = -1: should be greater than or equal to 0"),
        ("points = 40\n", "", "checks[1].points is missing"),
        ('"accuracy"', '"acuracy"', "kind is 'acuracy'; the kinds of check are accuracy, claims, epochs"),
        ('"digits"', '"cifar"', "dataset = 'cifar': should be 'mnist', 'fashion-mnist', 'kmnist', 'qmnist' or 'digits'"),
        ('"final step"', '"last step"', "checks[1].scope = 'last step': should be 'every step', 'final step' or"),
        ("[[checks]]", "[[checks", "is not TOML"),
        (GOOD[GOOD.index("[[checks"):], "checks = []", "checks = []: "),
        ('dataset = "digits"', 'dataset = "digits"\nrecipe = { epoch = 3 }', "recipe.epoch = 3 is not a known key; did you mean epochs?"),
        ('dataset = "digits"', 'dataset = "digits"\npass_mark = 70', "pass_mark = 70: write a percentage in quotes"),
    ],
)  # fmt: skip
def test_a_mistake_is_told(find_text: str, replace_by: str, words: str, tmp_path: Path) -> None:
    assert words in told(GOOD.replace(find_text, replace_by), tmp_path)


def test_a_missing_rubric_names_the_shipped_ones() -> None:
    with pytest.raises(
        RubricError, match="digits-quickstart, four-steps, strict, under-10k, under-20k, under-8k"
    ):
        find("under-9k")


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("title", "tittle").replace("points = 40", "points = -1")
    assert len(told(text, tmp_path).splitlines()) == 3


@given(st.text())
def test_no_text_crashes_it(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("rubric") / "r.toml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(RubricError):
        load(path)
