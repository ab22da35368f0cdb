"""What evidence is worth: thresholds as counts, consistency, several seeds, faults."""

import math
from fractions import Fraction

import pytest
from evidence_samples import UNDER_8K, evidence, run, step
from hypothesis import given
from hypothesis import strategies as st

from harness.evidence import Fault, Step
from harness.judge.accuracy import Accuracy
from harness.judge.epochs import Epochs
from harness.judge.judge import judge
from harness.judge.parameters import Parameters
from harness.percentage import Percentage, percent
from harness.rubric import Check, Finding, Rubric

ACCURACY = Accuracy.model_validate(
    {
        "kind": "accuracy",
        "at_least": "99.4 %",
        "points": 40,
        "tiers": {"99.3 %": 0.5, "99.0 %": 0.25},
        "scope": "final step",
    }
)


def found(check: Check, *steps: Step) -> Finding:
    """What a check makes of the last of these steps."""
    return check.judge(steps[-1], evidence(*steps))


@given(st.decimals(0, 100, places=3), st.integers(1, 100_000))
def test_a_percentage_is_exactly_a_count(share: object, total: int) -> None:
    count = Percentage(f"{share} %").of(total)
    exact = Fraction(str(share)) / 100 * total
    assert count == math.ceil(exact)


@pytest.mark.parametrize(
    ("written", "total", "count"),
    [("99.4 %", 10_000, 9_940), ("99.4%", 360, 358), ("100 %", 360, 360), ("0 %", 10, 0)],
)
def test_thresholds_of_the_exercise(written: str, total: int, count: int) -> None:
    assert Percentage(written).of(total) == count


@given(st.integers(0, 10_000))
def test_no_count_below_a_threshold_is_shown_as_reaching_it(count: int) -> None:
    assert (percent(count, 10_000) >= "99.40 %") == (count >= 9_940) or count == 10_000


@pytest.mark.parametrize("written", ["99.4", "", "abc %", "101 %", "-1 %", "99,4 %", "1e2 %"])
def test_other_writings_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"such as .99\.4 %"):
        Percentage(written)


@pytest.mark.parametrize(
    ("counts", "share"),
    [
        ((9_900, 9_940, 9_940, 9_940), 1),
        ((9_950, 9_950, 9_940, 9_939), 0.5),  # the last epoch misses it by one image
        ((9_950, 9_939, 9_950, 9_950), 0.5),
        ((9_939, 9_950, 9_950, 9_950), 1),  # before the window
        ((9_930, 9_930, 9_930, 9_930), 0.5),
        ((9_900, 9_930, 9_930, 9_929), 0.25),
        ((9_900, 9_990, 9_990, 9_899), 0),
    ],
)
def test_every_one_of_the_last_epochs_counts(counts: tuple[int, ...], share: float) -> None:
    assert found(ACCURACY, step(run(*counts))).earned == share


def test_says_by_how_many_images_it_was_missed() -> None:
    finding = found(ACCURACY, step(run(9_940, 9_941, 9_938, 9_940)))
    assert finding.why == "missed in epoch 3 by 2; holds 99.3 %"
    assert finding.measured == "9,941, 9,938, 9,940 of 10,000 (lowest 99.38 %)"


@pytest.mark.parametrize(("holding", "share"), [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1)])
def test_more_than_half_of_the_runs_must_hold_it(holding: int, share: float) -> None:
    runs = [run(*[9_950 if seed <= holding else 9_000] * 3, seed=seed) for seed in range(1, 5)]
    finding = found(ACCURACY, step(*runs))
    assert finding.earned == share
    assert f"{holding} of 4 runs" in finding.why


def test_a_run_that_broke_off_does_not_hold_its_last_epochs() -> None:
    finding = found(ACCURACY, step(run(9_950, 9_950, 9_950, declared=5)))
    assert (finding.earned, finding.why) == (0, "the run ended after epoch 3 of 5")


def test_too_few_epochs_for_the_window() -> None:
    finding = found(ACCURACY, step(run(9_950, 9_950)))
    assert (finding.earned, finding.why) == (0, "2 epochs are fewer than 3")


@pytest.mark.parametrize(("count", "share"), [(7_999, 1), (8_000, 0), (8_001, 0)])
def test_the_limit_itself_is_too_many_parameters(count: int, share: float) -> None:
    check = Parameters(kind="parameters", below=8_000, points=1, scope="final step")
    assert found(check, step(judged=count)).earned == share


def test_both_counts_are_told_where_they_differ() -> None:
    check = Parameters(kind="parameters", below=10_000, points=1, scope="final step")
    finding = found(check, step(judged=11_268, used=8_932))
    assert finding[:3] == (0, "11,268 (a forward pass uses 8,932)", "1,268 over the limit")
    used = check.model_copy(update={"count": "used"})
    assert found(used, step(judged=11_268, used=8_932)).earned == 1


@pytest.mark.parametrize(("epochs", "share"), [(14, 1), (15, 1), (16, 0)])
def test_epochs(epochs: int, share: float) -> None:
    check = Epochs(kind="epochs", at_most=15, points=1, scope="every step")
    assert found(check, step(run(*[9_900] * epochs), epochs=epochs)).earned == share


def test_points_of_every_step_are_shared_and_the_final_step_is_the_last() -> None:
    good = step(run(*[9_950] * 15), name="step_2.py")
    long = step(run(*[9_950] * 20), name="step_1.py", judged=9_000, epochs=20)
    scorecard = judge(UNDER_8K, evidence(long, good))
    assert [(m.step, m.check, m.points, m.out_of) for m in scorecard.marks] == [
        ("step_1.py", "epochs", 0, 10),
        ("step_2.py", "parameters", 30, 30),
        ("step_2.py", "epochs", 10, 10),
        ("step_2.py", "accuracy", 50, 50),
    ]
    assert (scorecard.points, scorecard.out_of, scorecard.verdict) == (90, 100, "passed")


@pytest.mark.parametrize("steps", [3, 6, 7, 11])
def test_shares_of_points_add_up_exactly(steps: int) -> None:
    rubric = UNDER_8K.model_copy(update={"pass_mark": Percentage("100 %")})
    good = [step(run(*[9_950] * 15), name=f"step_{number}.py") for number in range(steps)]
    scorecard = judge(rubric, evidence(*good))
    assert (scorecard.points, scorecard.verdict) == (100, "passed")


def test_a_required_check_fails_the_submission_whatever_the_points() -> None:
    scorecard = judge(UNDER_8K, evidence(step(run(*[9_950] * 15), judged=8_000)))
    assert scorecard.points == 70
    assert scorecard.verdict == "failed"
    assert scorecard.reasons == ["step_1.py: parameters is required, and was not met"]


def test_the_submissions_fault_costs_points_and_anothers_does_not() -> None:
    theirs = Fault(owner="submission", stage="import", message="SyntaxError")
    scorecard = judge(UNDER_8K, evidence(step(fault=theirs)))
    # Parameters and declared epochs were known before anything failed.
    assert (scorecard.points, scorecard.verdict) == (50, "failed")
    assert "SyntaxError" in scorecard.marks[-1].why
    nothing = step(fault=theirs).model_copy(update={"network": None, "recipe": None})
    assert judge(UNDER_8K, evidence(nothing)).points == 0
    for owner in ("harness", "machine"):
        ours = Fault(owner=owner, stage="data", message="no disk")
        for observed in (
            evidence(step(fault=ours)),
            evidence(step(run(9_950, declared=15, fault=ours))),
            evidence(fault=ours),
        ):
            scorecard = judge(UNDER_8K, observed)
            assert scorecard.verdict == "not graded"


def test_no_step_is_no_pass() -> None:
    theirs = Fault(owner="submission", stage="reading", message="holds no step")
    scorecard = judge(UNDER_8K, evidence(fault=theirs))
    assert (scorecard.points, scorecard.out_of, scorecard.verdict) == (0, 100, "failed")


@given(
    st.lists(st.lists(st.integers(0, 10_000), max_size=16), min_size=1, max_size=3),
    st.integers(1, 30_000),
)
def test_points_stay_within_what_the_rubric_gives(runs: list[list[int]], judged: int) -> None:
    made = [run(*counts, declared=max(len(counts), 1), seed=n) for n, counts in enumerate(runs, 1)]
    rubric: Rubric = UNDER_8K
    scorecard = judge(rubric, evidence(step(*made, judged=judged)))
    assert 0 <= scorecard.points <= scorecard.out_of
    assert scorecard == judge(rubric, evidence(step(*made, judged=judged)))
    assert (scorecard.verdict == "passed") == (not scorecard.reasons)
