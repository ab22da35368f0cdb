"""What the learner's page says in words: each sentence is earned by the evidence."""

from collections.abc import Sequence
from typing import Any

import pytest
from evidence_samples import UNDER_8K, asking, check, evidence, found, run, step

from harness.claims import Claim
from harness.evidence import Fault, Layer, Mistake, Run, Step
from harness.judge.judge import judge
from harness.measures import CLEAR_GAP, fit
from harness.report import advice, story
from harness.rubric import Rubric
from harness.scorecard import Bar, Scorecard

BAR = Bar(quantity="test accuracy", value=9_940, last_epochs=3)
LOW = [9_900] * 12
ACCURACY = {"kind": "accuracy", "at_least": "99.4 %", "points": 50, "scope": "final step"}


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ([*LOW, 9_940, 9_941, 9_938], "epochs 13 and 14 hold 9,940, epoch 15 misses it by 2 images"),
        ([*LOW, 9_940, 9_939, 9_938], "epoch 13 holds 9,940, epoch 14 misses it by 1 image, epoch 15 by 2"),
        ([*LOW, 9_943, 9_945, 9_950], "epochs 13, 14 and 15 hold 9,940, with 3 images to spare"),
        ([*LOW, 9_940, 9_945, 9_950], "epochs 13, 14 and 15 hold 9,940, with no image to spare"),
        ([*LOW, 9_941, 9_945, 9_950], "epochs 13, 14 and 15 hold 9,940, with 1 image to spare"),
        ([*LOW, 9_930, 9_939, 9_938], "epoch 13 misses 9,940 by 10 images, epoch 14 by 1, epoch 15 by 2; epoch 14 had most, 9,939"),
        ([9_945, *LOW[1:], 9_930, 9_939, 9_938], "epoch 13 misses 9,940 by 10 images, epoch 14 by 1, epoch 15 by 2; epoch 1 had most, 9,945, and does not count: it is not among the last"),
    ],
)  # fmt: skip
def test_which_epochs_hold_and_which_miss(counts: Sequence[int], sentence: str) -> None:
    assert advice.held([run(*counts)], BAR) == [sentence]


def test_of_many_runs_those_that_miss_are_told_first() -> None:
    runs = [run(*LOW, *[9_950] * 3, seed=n) for n in range(1, 9)]
    told = advice.held([*runs, run(*LOW, 9_950, 9_950, 9_930, seed=9)], BAR)
    assert told[0] == "seed 9: epochs 13 and 14 hold 9,940, epoch 15 misses it by 10 images"
    assert len(told) == advice.MOST_RUNS + 1
    assert told[-1] == "and 4 further runs, in which no fewer hold it"


def test_epochs_that_leave_the_weights_alone_are_no_window() -> None:
    """As the judge has it."""
    still = run(*LOW, 9_930, 9_950, 9_950, stood_still=(15,))
    (told,) = advice.held([still], BAR)
    assert told.startswith("epoch 14 holds 9,940, epoch 12 misses it by 40 images, epoch 13 by 10")


# Advice --------------------------------------------------------------------------------------


def advised(rubric: Rubric, *steps: Step) -> list[tuple[str, list[str]]]:
    told = advice.advice(judge(rubric, evidence(*steps)))
    return [(each.what, [reason.sentence for reason in each.reasons]) for each in told]


def test_nothing_lost_is_no_advice_and_what_is_to_spare_is_told() -> None:
    card = judge(UNDER_8K, evidence(step(run(*LOW, *[9_950] * 3))))
    assert advice.advice(card) == []
    assert advice.spare(card) == [
        "7,753 parameters: 247 below the limit.",
        "Epochs 13, 14 and 15 hold 9,940, with 10 images to spare.",
    ]


def test_what_is_required_comes_first_then_the_dearest_then_a_bonus() -> None:
    small = {"kind": "parameters", "below": 100, "points": 90, "scope": "final step"}
    rubric = asking(
        ACCURACY,
        small | {"name": "tiny", "bonus": True},
        small | {"name": "small", "points": 5, "required": True},
        {"kind": "manual", "question": "?", "points": 90, "scope": "whole submission"},
    )
    names = [what for what, _ in advised(rubric, step(run(*[9_000] * 15)))]
    assert names == ["small", "accuracy", "tiny"]


def test_a_miss_of_many_steps_is_told_once() -> None:
    steps = [step(run(*[9_950] * 20), name=f"{n}.py", epochs=20) for n in range(4)]
    (told,) = advised(UNDER_8K, *steps)
    assert told == ("epochs", ["in 4 steps: 5 more than allowed"])


def test_too_many_parameters_name_the_layer_that_holds_most() -> None:
    def layer(name: str, parameters: int) -> Layer:
        return Layer(
            name=name,
            input=[1],
            output=[1],
            receptive_field_in=1,
            receptive_field=1,
            arithmetic="3x3x10x11 + 11",
            parameters=parameters,
        )

    big = step(
        run(*[9_950] * 15),
        judged=8_066,
        layers=[layer("Conv2d-1", 90), layer("Conv2d-2", 1_001)],
    )
    ((what, sentences),) = advised(UNDER_8K, big)
    assert what == "parameters"
    assert sentences == [
        "8,066, 66 over the limit; Conv2d-2 alone holds 1,001 (3x3x10x11 + 11), "
        "more than what is over"
    ]


@pytest.mark.parametrize(
    ("counts", "falling", "told"),
    [
        ([9_930, 9_945, 9_928, 9_946, 9_935], False, True),
        ([9_930, 9_945, 9_928, 9_946, 9_935], True, False),  # a rate that falls already
        ([9_930, 9_931, 9_932, 9_933, 9_934], False, False),  # none of them reaches it
    ],
)
def test_a_rate_is_spoken_of_only_where_the_count_jumps_over_the_threshold(
    counts: Sequence[int], falling: bool, told: bool
) -> None:
    made = run(*[9_900] * 10, *counts)
    rates = [0.1 / epoch.number if falling else 0.1 for epoch in made.epochs]
    epochs = [
        epoch.model_copy(update={"learning_rate": rate})
        for epoch, rate in zip(made.epochs, rates, strict=True)
    ]
    ((_, sentences),) = advised(asking(ACCURACY), step(made.model_copy(update={"epochs": epochs})))
    said = [sentence for sentence in sentences if "learning rate stays at 0.1" in sentence]
    assert bool(said) == told
    assert not told or "from epoch 11 on its count moves by 18 images" in said[0]


def test_a_claim_that_is_wrong_is_quoted_with_what_was_measured() -> None:
    claim = Claim(quantity="parameters", written="6k", where="result", lowest=5_500, below=6_500)
    rubric = asking({"kind": "claims", "points": 5, "scope": "every step"})
    assert advised(rubric, step(run(*[9_950] * 15), claims=[claim])) == [
        ("claims", ["parameters: “6k”, and measured: 7,753"])
    ]


def test_all_that_hangs_on_a_fault_is_one_piece_of_advice() -> None:
    fault = Fault(owner="submission", stage="import", message="no such module", line=3)
    broken = step(fault=fault).model_copy(update={"network": None, "recipe": None})
    ((what, sentences),) = advised(UNDER_8K, broken)
    assert what == "a step that could not be measured"
    assert sentences == ["submission's fault, at import (line 3): no such module"]


def test_a_machines_fault_is_no_advice() -> None:
    fault = Fault(owner="machine", stage="data", message="the disk is full")
    broken = step(fault=fault).model_copy(update={"network": None, "recipe": None})
    assert advised(UNDER_8K, broken) == []


# A step --------------------------------------------------------------------------------------


def card(*steps: Step, rubric: Rubric = UNDER_8K) -> Scorecard:
    return judge(rubric, evidence(*steps))


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (step(run(*[9_950] * 15)), "100 of 100 points: all that is asked of it is there"),
        (step(run(*[9_000] * 15), judged=9_000), "20 of 100 points: parameters and accuracy missed"),
        (step(run(*[9_935] * 15)), "75 of 100 points: accuracy held in part"),
    ],
)  # fmt: skip
def test_how_a_step_came_out(made: Step, sentence: str) -> None:
    assert story.outcome(made, card(made)) == sentence


@pytest.mark.parametrize("gap", [-2.0, -0.51, -0.5, -0.49, -0.2, 0.0, 0.2, 0.49, 0.5, 0.51, 2.0])
def test_no_claim_that_names_a_gap_as_the_page_does_is_wrong(gap: float) -> None:
    """And one that says the opposite is, where the gap is clear."""
    tested = 9_500
    made = step(run(*[tested] * 15, train_correct=round(600 * (95 + gap))))
    name = fit(round(gap, 6))
    told = story.fitting(made, card(made).evidence.dataset)
    assert told is not None
    assert told.name == name

    def right(quantity: Any, holds: bool) -> bool:
        claim = Claim(quantity=quantity, written="...", where="analysis", holds=holds)
        finding = found(check("claims"), made.model_copy(update={"claims": [claim]}))
        return finding.earned == 1

    for quantity in ("over-fitting", "under-fitting"):
        if name == quantity:
            assert right(quantity, True)
            assert not right(quantity, False)
        else:
            assert right(quantity, False)
    assert (name == "neither") == (abs(gap) <= CLEAR_GAP)


def test_what_makes_training_harder_is_named_beside_a_gap_below_zero() -> None:
    made = step(run(*[9_950] * 15), augment=[{"name": "RandomAffine", "degrees": 7}])
    told = story.fitting(made, card(made).evidence.dataset)
    assert told is not None
    assert told.sentence.endswith("image augmentation makes the training side the harder one")


def test_what_changed_since_the_step_before_and_what_came_of_it() -> None:
    one, two = step(run(*[9_900] * 15), judged=9_000), step(run(*[9_910] * 15), batch_size=64)
    told = story.since(one, two, card(one).evidence.dataset)
    assert told is not None
    assert told.phrases == ["parameters 9,000 to 7,753", "another batch size"]
    assert told.effects == [
        "best test accuracy 99.00 % to 99.10 % (no more than trainings differ by)",
        "gap -0.67 to -0.77 points",
    ]
    assert story.since(one, one.model_copy(update={"network": None}), evidence().dataset) is None


def test_the_accuracy_of_a_series_is_the_worst_of_the_last_epochs_of_the_run_in_the_middle() -> (
    None
):
    def lowest(*runs: Run) -> int | None:
        return story.lowest(step(*runs), 3)

    assert lowest(run(9_990, 9_910, 9_920, 9_905)) == 9_905
    assert lowest(run(*[9_900] * 3), run(*[9_930] * 3), run(*[9_920] * 3)) == 9_920
    assert lowest(run(9_990, declared=15)) is None


def test_confusions_are_told_by_how_often_they_happen() -> None:
    pairs = [(5, 3), (8, 1), (8, 1), (4, 9)]
    mistakes = [Mistake(image=n, label=a, answer=b, png="") for n, (a, b) in enumerate(pairs)]
    made = step(run(9_960).model_copy(update={"mistakes": mistakes}))
    found = [(each.label, each.answer, len(each.mistakes)) for each in story.confusions(made)]
    assert found == [(8, 1, 2), (4, 9, 1), (5, 3, 1)]
