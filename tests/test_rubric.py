"""Rubrics: what is shipped is valid, and a mistake is told with file, key, value and remedy."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.collect import resolve
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

MANUAL = """
[[checks]]
kind = "manual"
question = "Is it convincing?"
points = 10
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
    resolve.rehearse(rubric.recipe)
    resolve.loss(rubric.recipe)
    resolve.transforms(rubric.recipe)


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
        ("[[checks]]", "[checks]", "checks: write [[checks]], in double brackets"),
        ("points = 40", 'points = "40"', "checks[1].points = '40': should be a valid number"),
        ("points = 40", "points = true", "checks[1].points = True: should be a valid number"),
        ("points = 40", 'points = 40\nrequired = "yes"', "checks[1].required = 'yes': should be a valid boolean"),
        ("points = 40", "points = 40\nbonus = 1", "checks[1].bonus = 1: should be a valid boolean"),
        ("points = 40", 'points = 40\nname = " "', "checks[1].name = ' ': String should have at least 1 character"),
        ("points = 40", "points = 40\ntiers = { 96 = 0.5 }", "checks[1].tiers, key '96': write a percentage in quotes"),
        ("points = 40", 'points = 40\ntiers = { "96 %" = "0.5" }', "checks[1].tiers.\"96 %\" = '0.5': should be a valid number"),
        ("points = 40", "points = 0", "the document: there is nothing to earn"),
        ("points = 40", "points = 40\nbonus = true", "the document: there is nothing to earn"),
        (GOOD[GOOD.index("[[checks"):], MANUAL, "manual: all points await a person"),
        ('"digits"', '"digits"\nseeds = "3"', "seeds = '3': should be a valid integer"),
        ('"digits"', '"digits"\npackages = ["scikit-learn"]', "packages[1] = 'scikit-learn': write the name that is imported, such as sklearn"),
        ('"digits"', '"digits"\nrecipe = { epochs = 3, batch_size = 1, optimizer = 5 }', "recipe.optimizer = 5: write a name, or a table with a name"),
        ('"digits"', '"digits"\nrecipe = 5', "recipe = 5: should be a table"),
        ('"digits"', f'"digits"\npackages = {"[" * 5_000}{"]" * 5_000}', "has brackets within brackets, more than can be read"),
        ('title = "T"', f'{".".join("a" * 5_000)} = 1', "a is not a known key"),
        (GOOD[GOOD.index("[[checks"):], "checks = []", "checks = []: "),
        ('dataset = "digits"', 'dataset = "digits"\nrecipe = { epoch = 3 }', "recipe.epoch = 3 is not a known key; did you mean epochs?"),
        ('dataset = "digits"', 'dataset = "digits"\npass_mark = 70', "pass_mark = 70: write a percentage in quotes"),
    ],
)  # fmt: skip
def test_a_mistake_is_told(find_text: str, replace_by: str, words: str, tmp_path: Path) -> None:
    assert words in told(GOOD.replace(find_text, replace_by), tmp_path)


def test_a_missing_rubric_names_the_shipped_ones() -> None:
    with pytest.raises(
        RubricError,
        match="digits-quickstart, four-steps, strict, under-10k, under-15-epochs, under-20k, under-8k",
    ):
        find("under-9k")


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("title", "tittle").replace("points = 40", "points = -1")
    assert len(told(text, tmp_path).splitlines()) == 3


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
        ("uses", 'techniques = ["dropout", "dropout"]', "techniques names dropout twice"),
        ("uses", 'pooling_at = [5, 11]\nwithout = ["max pooling"]', "max pooling cannot be both asked for and excluded"),
        ("epochs", "at_most = 15\ntiers = { 18 = 0.5, 20 = 0.6 }", "20 must earn less than 18, which is harder to reach"),
        ("parameters", "below = 8000\ntiers = { 10_000 = 0.5, 12_000 = 0.9 }", "12000 must earn less than 10000"),
        ("parameters", "below = 8000\ntiers = { 10_000 = 0.5, 10000 = 0.4 }", "two of 10_000, 10000 are the same"),
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
        ('tiers = { "99 %" = 0.5, "98 %" = 0.6 }', "98 % must earn less than 99 %, which is harder to reach"),
        ('tiers = { "96 %" = 0.5, "96.0 %" = 0.4 }', "two of 96 %, 96.0 % are the same"),
        ('tiers = { "96 %" = 0.5, "96%" = 0.4 }', "two of 96 %, 96% are the same"),
        ("last_epochs = 16", "accuracy: last_epochs = 16, but the rubric's recipe trains 15"),
        (f"[[checks]]\n{CHECKS['steps']}exactly = 4\n[[checks]]\nname = 'more'\n{CHECKS['steps']}at_least = 5",
            "steps: at most 4 steps, but more asks for 5"),
        (f"[[checks]]\n{CHECKS['uses']}techniques = ['dropout']\n[[checks]]\nname = 'plain'\n{CHECKS['uses']}without = ['dropout']",
            "uses: dropout cannot be both asked for and excluded by plain"),
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


def test_the_accuracy_is_held_no_longer_than_the_rubric_trains(tmp_path: Path) -> None:
    recipe = "recipe = { epochs = 2, batch_size = 128, optimizer = 'SGD' }"
    short = GOOD.replace('dataset = "digits"', f'dataset = "digits"\n{recipe}')
    assert "last_epochs = 3, but the rubric's recipe trains 2" in told(short, tmp_path)


def test_whole_numbers_are_points(tmp_path: Path) -> None:
    path = tmp_path / "rubric.toml"
    for written in ("40", "40.0", "2.5"):
        path.write_text(GOOD.replace("points = 40", f"points = {written}"))
        assert load(path).checks[0].points == float(written)


def toml(value: Any) -> str:
    """A value as TOML, tables inline."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{toml(key)} = {toml(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


KEYS = st.sampled_from(
    ["title", "seeds", "checks", "recipe", "kind", "name", "points", "scope", "tiers", "at_most"]
) | st.text(st.characters(codec="utf-8"))
ANYTHING = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.text(st.characters(codec="utf-8"))
    | st.sampled_from(["99 %", "99.0 %", "SGD", "accuracy", "steps", "final step", "dropout"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)


def places(table: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to every value in a table."""
    if isinstance(table, dict | list):
        for key, value in table.items() if isinstance(table, dict) else enumerate(table):
            yield (*here, key)
            yield from places(value, (*here, key))


@given(st.data())
def test_no_change_to_a_rubric_crashes_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Values, keys and whole tables are replaced, taken away and added: it is read, or refused."""
    source = data.draw(st.sampled_from(["four-steps", "under-20k", "strict"]))
    table = tomllib.loads(find(source).read_text(encoding="utf-8"))
    for _ in range(data.draw(st.integers(1, 3))):
        *way, last = data.draw(st.sampled_from(list(places(table))))
        inside: Any = table
        for key in way:
            inside = inside[key]
        match data.draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                inside[last] = data.draw(ANYTHING)
            case "remove":
                del inside[last]
            case "add" if isinstance(inside, dict):
                inside[data.draw(KEYS)] = data.draw(ANYTHING)
        if not table:
            return
    path = tmp_path_factory.mktemp("rubric") / "r.toml"
    path.write_text(
        "\n".join(f"{toml(key)} = {toml(value)}" for key, value in table.items()),
        encoding="utf-8",
        newline="",
    )
    try:
        load(path)
    except RubricError as error:
        told = str(error)
    else:
        told = f"{path}: is a rubric"
    assert all(line.startswith(f"{path}: ") for line in told.splitlines())
    assert "is not TOML" not in told
