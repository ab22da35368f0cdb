"""The gradebook: a line for each submission, the front, what is missed and what needs a person."""

from itertools import permutations

import pytest
from class_samples import scorecards
from evidence_samples import UNDER_8K, asking, evidence, run, step
from hypothesis import given
from hypothesis import strategies as st

from harness.claims import Claim
from harness.evidence import Evidence, Fault, Step
from harness.gradebook import Concern, Row, failing, front, gradebook, row
from harness.judge.judge import judge
from harness.overrides import Override
from harness.roster import Learner

BROKEN = Fault(owner="submission", stage="import", message="SyntaxError: x", line=3)
FULL = Fault(owner="machine", stage="training", message="the disk is full")
CLAIMS = {"kind": "claims", "points": 10, "scope": "every step"}


def held(parameters: int, *last: int, name: str = "ada") -> Row:
    return row(judge(UNDER_8K, evidence(step(run(*last), judged=parameters), name=name)))


@pytest.mark.parametrize(
    ("learner", "author", "shown"),
    [
        (Learner(folder="ada", name="Ada"), "A.", "Ada"),
        (Learner(folder="ada", first_name="A", last_name="L"), "A.", "A L"),
        (Learner(folder="ada"), "A.", "A."),
        (None, "", "ada"),
    ],
)
def test_a_learner_is_called_as_the_roster_says(
    learner: Learner | None, author: str, shown: str
) -> None:
    given = evidence(step(run(9_900))).model_copy(update={"author": author})
    assert row(judge(UNDER_8K, given, learner=learner)).learner == shown


def test_a_line_holds_each_step_and_the_last_epochs_of_the_last() -> None:
    given = evidence(
        step(run(9_000), name="1"), step(run(*[9_950] * 12, 9_941, 9_942, 9_943), name="2")
    )
    found = row(judge(UNDER_8K, given))
    assert found.steps == [("1", 10, 10), ("2", 90, 90)]
    assert (found.parameters, found.last, found.of, found.share) == (
        7_753,
        [9_941, 9_942, 9_943],
        10_000,
        1,
    )


@pytest.mark.parametrize(
    ("made", "last"),
    [
        (run(1, 2, 3, 4), [2, 3, 4]),
        (run(1, 2, 3, 4, stood_still=(3,)), [1, 2, 4]),  # they count as one with the one before
        (run(1, 2, 3, declared=15), []),
        (run(1, 2, 3, fault=BROKEN), []),
        (run(1, 2), [1, 2]),
    ],
)
def test_the_last_epochs_are_of_a_run_that_came_to_its_end(made: object, last: list[int]) -> None:
    assert row(judge(UNDER_8K, evidence(step(made)))).last == last  # type: ignore[arg-type]


def test_nothing_observed_is_a_line_as_well() -> None:
    found = row(judge(UNDER_8K, evidence(fault=BROKEN)))
    assert (found.steps, found.parameters, found.last) == ([], None, [])
    assert found.concerns == [
        Concern("not runnable", "submission's fault, at import: SyntaxError: x")
    ]


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), max_size=8))
def test_the_front_is_what_no_other_beats(networks: list[tuple[int, int]]) -> None:
    rows = [held(size, *[right] * 3) for size, right in networks]
    beaten = {
        (a, b)
        for (a, b), (c, d) in permutations(networks, 2)
        if c <= a and d >= b and (a, b) != (c, d)
    }
    expected = sorted(one for one in networks if one not in beaten)
    assert [(each.parameters, min(each.last)) for each in front(rows)] == expected


def test_the_front_leaves_out_what_is_in_doubt_or_unfinished() -> None:
    rubric = asking({"kind": "integrity", "points": 10, "scope": "every step"})
    odd = judge(rubric, evidence(step(run(*[9_990] * 3, shifted=100), judged=10)))
    short = judge(rubric, evidence(step(run(*[9_990] * 3, declared=4, shifted=9_980), judged=10)))
    fine = judge(rubric, evidence(step(run(*[9_900] * 3, shifted=9_890), judged=5_000)))
    assert [each.parameters for each in front([row(c) for c in (odd, short, fine)])] == [5_000]


def test_checks_are_counted_by_how_often_they_are_missed() -> None:
    given = [
        evidence(step(run(*[right] * 15), judged=size), name=f"{size} {right}")
        for size in (7_000, 9_000)
        for right in (9_950, 9_935, 9_000)
    ]
    found = failing([judge(UNDER_8K, each) for each in given])
    assert found == [("accuracy", 4, 6), ("parameters", 3, 6)]


def claimed(*claims: Claim, fault: Fault | None = None) -> Step:
    return step(*[run(*[9_900] * 15)] * (not fault), claims=claims, fault=fault)


TOO_MUCH = Claim(
    quantity="test accuracy", written="99.9 %", where="result", lowest=99.85, below=99.95
)


@pytest.mark.parametrize(
    ("given", "needs"),
    [
        (evidence(claimed(TOO_MUCH)), ["over-claimed"]),
        (evidence(claimed()), []),  # to claim nothing is no over-claim
        (evidence(step(fault=BROKEN)), ["not runnable"]),
        (evidence(step(run(9_000, fault=FULL, declared=2))), ["not graded"]),
        (evidence(step(fault=BROKEN, name="1"), step(fault=BROKEN, name="2")), ["not runnable"]),
    ],
)
def test_what_needs_a_person_is_told_by_its_kind(given: Evidence, needs: list[str]) -> None:
    found = row(judge(asking(CLAIMS), given)).concerns
    assert [concern.need for concern in found] == needs


def test_what_more_seeds_could_settle_hides_nothing_odd() -> None:
    odd = run(*[9_950] * 15, before_training=9_000, shifted=9_940)
    integrity = {"kind": "integrity", "points": 10, "scope": "every step"}
    accuracy = {"kind": "accuracy", "at_least": "99.4 %", "points": 10, "scope": "every step"}
    found = row(judge(asking(integrity, accuracy), evidence(step(odd)))).concerns
    assert [concern.need for concern in found] == ["to look at", "inconclusive"]


def test_a_fault_is_told_with_all_its_steps() -> None:
    given = evidence(step(fault=BROKEN, name="1"), step(fault=BROKEN, name="2"))
    (sentence,) = row(judge(UNDER_8K, given)).findings
    assert sentence == "1, 2, submission's fault, at import: SyntaxError: x"


def test_what_a_person_has_settled_needs_none() -> None:
    settled = [Override(submission="ada", step="step_1.py", check="claims", points=5, why="Typo.")]
    assert row(judge(asking(CLAIMS), evidence(claimed(TOO_MUCH)), settled)).concerns == []


def test_a_class_holds_its_starters_apart() -> None:
    cards = scorecards(6)
    book = gradebook(cards, starters=("learner-0000",))
    assert len(book.rows) == 5
    assert book.likenesses == []
    (pair,) = gradebook(cards).likenesses
    assert (pair.one, pair.other) == ("learner-0000", "learner-0002")


def test_no_class_is_an_empty_gradebook() -> None:
    assert gradebook([]) == ("", [], [], [], [], [])
