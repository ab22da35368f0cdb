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


CHECKS = {
    "steps": 'kind = "steps"\npoints = 1\nscope = "whole submission"\n',
    "uses": 'kind = "uses"\npoints = 1\nscope = "final step"\n',
    "epochs": 'kind = "epochs"\npoints = 1\nscope = "every step"\n',
    "parameters": 'kind = "parameters"\npoints = 1\nscope = "final step"\n',
}


@pytest.mark.parametrize(
    ("kind", "keys", "words"),
    [
        ("steps", "", "say exactly, at_least or at_most"),
        ("steps", "exactly = 4\nat_most = 5", "exactly stands alone"),
        ("steps", "at_least = 5\nat_most = 4", "no number is at least 5 and at most 4"),
        ("steps", 'exactly = 4\nscope = "final step"', "this kind of check judges 'whole submission'"),
        ("uses", "", "say techniques, without or pooling_at"),
        ("uses", 'techniques = ["dropout"]\nwithout = ["dropout"]', "dropout cannot be both asked for and excluded"),
        ("uses", "pooling_at = [11, 5]", "pooling_at = [11, 5]: the lesser number comes first"),
        ("uses", 'techniques = ["drop-out"]', "techniques[1] = 'drop-out': should be 'batch normalisation', 'dropout'"),
        ("epochs", "at_most = 10", "at_most = 10, but the rubric's recipe trains 15"),
        ("epochs", "at_most = 15\ntiers = { 12 = 0.5 }", "the tier 12 is not above at_most = 15"),
        ("parameters", "below = 8_000\ntiers = { 8000 = 0.5 }", "the tier 8,000 is not above below = 8,000"),
        ("parameters", "below = 8_000\nbonus = true\nrequired = true", "a bonus cannot be required"),
    ],
)  # fmt: skip
def test_checks_that_nothing_could_meet_are_refused(
    kind: str, keys: str, words: str, tmp_path: Path
) -> None:
    check = CHECKS[kind]
    if "scope" in keys:
        check = check.partition("scope")[0]
    text = f'title = "T"\ndataset = "mnist"\n[[checks]]\n{check}{keys}\n'
    assert words in told(text, tmp_path)


@pytest.mark.parametrize(
    ("accuracy", "words"),
    [
        ('tiers = { "99.5 %" = 0.5 }', "accuracy: the tier 99.5 % is not below at_least = 99.4 %"),
        ('tiers = { "99 %" = 0.5, "98 %" = 0.6 }', "a lower threshold must earn less than a higher one"),
        ("last_epochs = 20", "accuracy: last_epochs = 20, but epochs allows 15"),
        ('name = "epochs"', "two checks are called epochs; give one of them a name of its own"),
    ],
)  # fmt: skip
def test_checks_that_contradict_each_other_are_refused(
    accuracy: str, words: str, tmp_path: Path
) -> None:
    epochs = f"[[checks]]\n{CHECKS['epochs']}at_most = 15\n"
    assert words in told(f"{GOOD}{accuracy}\n{epochs}", tmp_path)


def test_a_rubric_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rubric.toml"
    path.write_bytes(b'title = "\xff"')
    with pytest.raises(RubricError, match="is not UTF-8 text"):
        load(path)
    with pytest.raises(RubricError, match="cannot be read"):
        load(tmp_path)
