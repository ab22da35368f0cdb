"""What marks come to: verdicts over seeds, a bonus, the points of a person, a pass mark."""

import textwrap
from pathlib import Path

import pytest
from evidence_samples import EPOCHS, asking, evidence, run, step
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import binomtest

from harness import overrides
from harness.evidence import Step
from harness.judge.judge import judge
from harness.judge.statistics import verdict
from harness.rubric import Rubric
from harness.scorecard import Scorecard

MANUAL = {
    "kind": "manual",
    "question": "Is it convincing?",
    "points": 10,
    "scope": "whole submission",
}


@given(st.integers(1, 40).flatmap(lambda runs: st.tuples(st.integers(0, runs), st.just(runs))))
def test_a_verdict_is_that_of_clopper_and_pearson(counts: tuple[int, int]) -> None:
    passing, runs = counts
    lower = binomtest(passing, runs, alternative="greater").proportion_ci(0.95).low
    upper = binomtest(passing, runs, alternative="less").proportion_ci(0.95).high
    words = "confirmed" if lower > 0.5 else "refuted" if upper < 0.5 else "inconclusive"
    assert verdict(passing, runs).words == words


@pytest.mark.parametrize(
    ("passing", "runs", "words", "further"),
    [
        (5, 5, "confirmed", 0),
        (7, 8, "confirmed", 0),
        (6, 8, "inconclusive", 3),
        (4, 4, "inconclusive", 1),
        (0, 5, "refuted", 0),
        (1, 8, "refuted", 0),
        (1, 1, "inconclusive", 4),
    ],
)
def test_verdicts_over_seeds(passing: int, runs: int, words: str, further: int) -> None:
    assert verdict(passing, runs) == (words, further)
    made = [run(*[9_950 if n < passing else 9_000] * 3, seed=n + 1) for n in range(runs)]
    accuracy = {"kind": "accuracy", "at_least": "99.4 %", "points": 10, "scope": "final step"}
    card = judge(asking(accuracy), evidence(step(*made)))
    assert card.points == (10 if 2 * passing > runs else 0)
    assert bool(card.marks[0].review) == (words == "inconclusive")
    every = judge(asking(accuracy | {"runs": "every one"}), evidence(step(*made)))
    assert every.points == (10 if passing == runs else 0)


def test_a_bonus_comes_on_top() -> None:
    bonus = {
        "kind": "parameters",
        "name": "bonus",
        "below": 8_000,
        "points": 5,
        "scope": "final step",
        "bonus": True,
    }
    epochs = {"kind": "epochs", "at_most": 15, "points": 10, "scope": "every step"}
    card = judge(asking(epochs, bonus, pass_mark="100 %"), evidence(step(judged=7_999)))
    assert (card.points, card.out_of, card.bonus, card.verdict) == (15, 10, 5, "passed")
    card = judge(asking(epochs, bonus, pass_mark="100 %"), evidence(step(judged=8_000)))
    assert (card.points, card.out_of, card.bonus, card.verdict) == (10, 10, 0, "passed")


def test_an_awaited_bonus_is_not_taken_off_the_other_points() -> None:
    card = judge(asking(EPOCHS, MANUAL | {"bonus": True}, pass_mark="100 %"), evidence(step()))
    assert (card.points, card.out_of, card.awaiting, card.verdict) == (90, 90, 10, "passed")


def test_a_share_reaches_a_pass_mark_of_its_own_size() -> None:
    tiered = EPOCHS | {"points": 100, "tiers": {"20": 0.7}}
    assert judge(asking(tiered), evidence(step(epochs=18))).verdict == "passed"


def overridden(tmp_path: Path, text: str, asked: Rubric, *steps: Step) -> Scorecard:
    path = tmp_path / "overrides.toml"
    path.write_text(textwrap.dedent(text))
    return judge(asked, evidence(*steps), overrides.load(path, asked))


def test_points_of_a_person_are_awaited_and_then_awarded(tmp_path: Path) -> None:
    asked = asking(EPOCHS, MANUAL)
    card = judge(asked, evidence(step()))
    assert (card.points, card.out_of, card.awaiting, card.verdict) == (90, 90, 10, "passed")
    text = """
    [[override]]
    submission = "ada"
    check = "manual"
    points = 7
    why = "Step 2 does not say why."

    [[override]]
    submission = "bob"
    check = "manual"
    points = 1
    why = "Another learner's."
    """
    card = overridden(tmp_path, text, asked, step())
    assert (card.points, card.out_of, card.awaiting) == (97, 100, 0)
    assert card.marks[-1].why == "by a person: Step 2 does not say why."


def test_a_person_can_replace_any_mark(tmp_path: Path) -> None:
    text = """
    [[override]]
    submission = "ada"
    step = "step_1.py"
    check = "epochs"
    points = 45
    why = "Agreed beforehand."
    """
    card = overridden(tmp_path, text, asking(EPOCHS), step(epochs=20))
    assert (card.points, card.marks[0].status) == (45, "partly")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[override]]\nsubmision = "ada"', "override[1].submision = 'ada' is not a known key; did you mean submission?"),
        ('[[override]]\nsubmission = "a"\ncheck = "epoch"\npoints = 1\nwhy = "x"', "override[1].check = 'epoch' is not in the rubric; did you mean epochs?"),
        ('[[override]]\nsubmission = "a"\ncheck = "epochs"\npoints = 91\nwhy = "x"', "override[1].points = 91: epochs is worth 90"),
        ('[[override]]\nsubmission = "a"\ncheck = "epochs"\npoints = 9\nwhy = ""', "override[1].why = ''"),
        ('[[override]]\nsubmission = "a"\ncheck = "epochs"\npoints = 9\nwhy = "x"\n' * 2, "2 overrides of epochs for a; keep one"),
        ("[[override", "is not TOML"),
        ("[override]", "override: write [[override]], in double brackets"),
        (f"override = {'[' * 5_000}{']' * 5_000}", "has brackets within brackets"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_overrides_is_told(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "overrides.toml"
    path.write_text(text)
    with pytest.raises(overrides.OverrideError) as error:
        overrides.load(path, asking(EPOCHS))
    assert words in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("", "the override of epochs for ada, without a step: there is no such mark; the steps are 1.py, 2.py"),
        ('step = "3.py"', "the override of epochs for ada, step 3.py: there is no such mark"),
        ('step = "2.py"\npoints = 46', "step 2.py: 46.0 points of 45.0"),
    ],
)  # fmt: skip
def test_an_override_that_hits_nothing_is_told(tmp_path: Path, keys: str, words: str) -> None:
    points = "" if "points" in keys else "points = 1\n"
    text = f'[[override]]\nsubmission = "ada"\ncheck = "epochs"\nwhy = "x"\n{points}{keys}\n'
    with pytest.raises(overrides.OverrideError, match=words):
        overridden(tmp_path, text, asking(EPOCHS), step(name="1.py"), step(name="2.py"))


def test_a_person_writes_a_third_with_two_decimals(tmp_path: Path) -> None:
    text = "".join(
        f'[[override]]\nsubmission = "ada"\nstep = "{n}.py"\ncheck = "epochs"\n'
        'points = 3.33\nwhy = "x"\n'
        for n in (1, 2, 3)
    )
    steps = [step(name=f"{n}.py", epochs=99) for n in (1, 2, 3)]
    required = asking(EPOCHS | {"points": 10, "required": True}, pass_mark="100 %")
    card = overridden(tmp_path, text, required, *steps)
    assert (card.points, card.verdict) == (10, "passed")


def test_what_another_rubric_filled_in_is_not_the_learners() -> None:
    filled = step(run(*[9_950] * 19), epochs=19).model_copy(update={"defaulted": ["epochs"]})
    card = judge(asking(EPOCHS), evidence(filled))
    assert card.verdict == "not graded"
    assert "another rubric filled in the recipe's epochs" in card.marks[0].why
    same = step(run(*[9_950] * 15)).model_copy(update={"defaulted": ["epochs"]})
    assert judge(asking(EPOCHS), evidence(same)).verdict == "passed"


@pytest.mark.parametrize("name", ["../../escaped", "a/b", "", ".", "..", "a\\b"])
def test_no_submissions_name_leads_out_of_the_reports(name: str) -> None:
    with pytest.raises(ValidationError, match="without a path"):
        evidence(step(), name=name)
