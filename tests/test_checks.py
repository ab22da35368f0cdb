"""What each kind of check makes of a step: shares of points, and the reasons."""

from pathlib import Path
from typing import Any

import pytest
from evidence_samples import asking, check, evidence, found, run, step

from harness import rubric
from harness.claims import Claim, Quantity
from harness.evidence import Fault, Layer, Step
from harness.judge.judge import judge
from harness.notes import Notes
from harness.outputs import Logged
from harness.rubric import kinds


@pytest.mark.parametrize(
    ("asked", "number", "share", "why"),
    [
        ({"exactly": 4}, 4, 1, "as asked"),
        ({"exactly": 4}, 3, 0, "1 too few"),
        ({"exactly": 4}, 6, 0, "2 too many"),
        ({"at_least": 2}, 1, 0, "1 too few"),
        ({"at_least": 2}, 9, 1, "as asked"),
        ({"at_most": 2}, 3, 0, "1 too many"),
        ({"at_least": 2, "at_most": 4}, 3, 1, "as asked"),
    ],
)
def test_steps(asked: dict[str, int], number: int, share: float, why: str) -> None:
    steps = [step(name=f"{n}.py") for n in range(number)]
    finding = found(check("steps", "whole submission", **asked), *steps)
    assert (finding.earned, finding.why) == (share, why)


def test_no_step_is_not_four() -> None:
    card = judge(
        asking({"kind": "steps", "exactly": 4, "points": 1, "scope": "whole submission"}),
        evidence(),
    )
    assert (card.points, card.out_of, card.verdict) == (0, 1, "failed")


def test_each_part_of_the_notes_earns_its_share() -> None:
    notes = Notes(target="reach 99.4 %", result="no", analysis="")
    finding = found(check("notes", at_least=5), step(notes=notes))
    assert finding.earned == pytest.approx(1 / 3)
    assert finding.measured == "target 12 characters, result 2 characters"
    assert finding.why == "Result is too short; Analysis is missing"
    assert found(check("notes", parts=["target"]), step(notes=notes)).earned == 1


def claim(
    quantity: Quantity, lowest: float | None = None, below: float | None = None, holds: bool = True
) -> Claim:
    return Claim(
        quantity=quantity, written="...", where="result", lowest=lowest, below=below, holds=holds
    )


@pytest.mark.parametrize(
    ("claimed", "right"),
    [
        (claim("parameters", 7_753, 7_754), True),
        (claim("parameters", 7_500, 8_500), True),  # "8k"
        (claim("parameters", 7_752, 7_753), False),
        (claim("parameters", 7_000, 7_001), True),  # what a forward pass uses, as torchsummary has it
        (claim("parameters", None, 10_000), True),
        (claim("parameters", 20_000, None), False),  # "over 20k"
        (claim("test accuracy", 98.995, 99.005), True),  # an earlier epoch than the best
        (claim("epochs", 15, 16), True),
        (claim("epochs", 14, 15), False),
        (claim("test accuracy", 99.455, 99.465), True),
        (claim("test accuracy", 99.295, 99.305), True),  # within 0.2 points of 99.46
        (claim("test accuracy", 99.695, 99.705), False),
        (claim("training accuracy", 98.295, 98.305), True),
        (claim("training accuracy", 99.295, 99.305), False),
        (claim("over-fitting"), False),
        (claim("over-fitting", holds=False), True),
        (claim("under-fitting"), True),
        (claim("under-fitting", holds=False), False),
    ],
    ids=str,
)  # fmt: skip
def test_a_claim_is_right_at_the_precision_in_which_it_is_written(
    claimed: Claim, right: bool
) -> None:
    trained = run(9_900, *[9_940] * 13, 9_946, train_correct=59_000)  # 98.33 % in training
    finding = found(check("claims"), step(trained, used=7_000, claims=[claimed]))
    assert finding.earned == right


@pytest.mark.parametrize(
    ("train_correct", "over", "not_over", "under"),
    [
        (59_800, True, True, True),
        (59_990, True, False, False),
        (59_520, True, True, True),
        (59_400, False, True, True),
    ],
)
def test_a_small_gap_may_be_called_either(
    train_correct: int, over: bool, not_over: bool, under: bool
) -> None:
    trained = run(9_930, train_correct=train_correct)
    claims = [claim("over-fitting"), claim("over-fitting", holds=False), claim("under-fitting")]
    found_each = [
        found(check("claims"), step(trained, claims=[each])).earned == 1 for each in claims
    ]
    assert found_each == [over, not_over, under]


def test_the_nearest_of_several_runs_decides_a_claim() -> None:
    runs = [run(9_900, seed=1), run(9_940, seed=2)]
    assert (
        found(check("claims"), step(*runs, claims=[claim("test accuracy", 99.395, 99.405)])).earned
        == 1
    )


def test_wrong_claims_are_quoted_beside_what_was_measured() -> None:
    claims = [claim("parameters", 8_066, 8_067), claim("parameters", 7_753, 7_754)]
    finding = found(check("claims"), step(run(9_940), claims=claims))
    assert finding[:4] == (
        0.5,
        "1 of 2 claims right",
        "“...”: 7,753",
        ("the notes say both “...” and “...”",),
    )
    assert [(each.met, each.measured) for each in finding.compared] == [
        (False, "7,753"),
        (True, "7,753"),
    ]


def test_a_log_of_another_test_set_is_no_claim_about_this_one() -> None:
    logged = claim("test accuracy", 99.395, 99.405)
    assert found(check("claims"), step(run(9_940), claims=[logged])).earned == 1
    other = logged.model_copy(update={"out_of": 60_000})
    finding = found(check("claims"), step(run(9_940), claims=[other]))
    assert (finding.earned, finding.why) == (0, "“...”: the test set has 10,000 images")


def test_before_training_accuracies_are_left_open() -> None:
    claims = [claim("parameters", 7_753, 7_754), claim("test accuracy", 1, 2)]
    assert found(check("claims"), step(claims=claims)).earned == 1
    waiting = found(check("claims"), step(claims=claims[1:]))
    assert (waiting.earned, waiting.measured) == (1, "not measured yet")


def test_silence_earns_nothing_and_a_figure_that_was_not_read_costs_nothing() -> None:
    assert found(check("claims"), step()).earned == 0
    unread = found(check("claims"), step(notes=Notes(result="We got 99.43 with 7.7K.")))
    assert unread.earned == 1
    assert unread.review


def layer(
    name: str,
    *output: int,
    side: int,
    kernel: int = 0,
    fields: tuple[int, int],
    p: float | None = None,
) -> Layer:
    """A layer on `side` x `side` pixels, by its receptive fields before and after."""
    return Layer(
        name=name,
        kernel=[kernel] * 2 if kernel else [],
        p=p,
        input=[8, side, side],
        output=list(output),
        receptive_field_in=fields[0],
        receptive_field=fields[1],
    )


LAYERS = [
    layer("Conv2d-1", 8, 26, 26, side=28, kernel=3, fields=(1, 3)),
    layer("BatchNorm2d-2", 8, 26, 26, side=26, fields=(3, 3)),
    layer("Conv2d-3", 8, 24, 24, side=26, kernel=3, fields=(3, 5)),
    layer("Dropout-4", 8, 24, 24, side=24, fields=(5, 5), p=0),
    layer("MaxPool2d-5", 8, 12, 12, side=24, kernel=2, fields=(5, 6)),
    layer("Conv2d-6", 10, 12, 12, side=12, kernel=1, fields=(6, 6)),
    layer("AvgPool2d-7", 10, 1, 1, side=12, kernel=12, fields=(6, 28)),
]


@pytest.mark.parametrize(
    ("asked", "share", "why"),
    [
        ({"techniques": ["batch normalisation", "global average pooling"]}, 1, "as asked"),
        ({"techniques": ["batch normalisation", "dropout"]}, 0.5, "no dropout"),
        (
            {"techniques": ["max pooling", "1 x 1 convolution", "image augmentation", "scheduler"]},
            1,
            "as asked",
        ),
        ({"without": ["fully connected"]}, 1, "as asked"),
        ({"without": ["1 x 1 convolution"]}, 0, "1 x 1 convolution at Conv2d-6"),
        ({"pooling_at": [5, 11]}, 1, "as asked"),
        ({"pooling_at": [7, 11]}, 0, "max pooling at a receptive field of 5"),
        ({"pooling_at": [5, 11], "without": ["dropout"]}, 1, "as asked"),
    ],
)
def test_uses(asked: dict[str, Any], share: float, why: str) -> None:
    recipe = {"augment": ["RandomRotation"], "scheduler": "StepLR"}
    finding = found(check("uses", **asked), step(layers=LAYERS, **recipe))
    assert (finding.earned, finding.why) == (share, why)


def test_an_average_over_part_of_the_image_is_not_global() -> None:
    partial = [
        layer("AvgPool2d-1", 10, 2, 2, side=12, kernel=6, fields=(6, 16)),
        layer("AvgPool2d-2", 10, 1, 1, side=9, kernel=8, fields=(6, 20)),
        layer("AvgPool2d-3", 10, 1, 1, side=1, kernel=1, fields=(20, 20)),
    ]
    finding = found(check("uses", techniques=["global average pooling"]), step(layers=partial))
    assert finding.earned == 0


def before_and_after(target: str, **after: Any) -> tuple[Step, Step]:
    first = step(run(9_900, train_correct=59_700), name="1.py", judged=9_000)
    trained = after.pop("trained", run(9_930, train_correct=59_500))
    return first, step(trained, name="2.py", notes=Notes(target=target), **after)


@pytest.mark.parametrize(
    ("target", "after", "share", "why"),
    [
        ("Make the model lighter.", {}, 1, "fewer parameters: 9,000 to 7,753"),
        (
            "Reduce the number of parameters",
            {"judged": 9_100},
            0,
            "not fewer parameters: 9,000 to 9,100",
        ),
        ("Increase model capacity.", {"judged": 9_100}, 1, "more parameters: 9,000 to 9,100"),
        ("Add dropout to reduce overfitting", {}, 1, "a smaller gap: 0.50 % to -0.13 %"),
        (
            "Add regularization",
            {"trained": run(9_900, train_correct=59_940)},
            0,
            "not a smaller gap",
        ),
        ("Improve the accuracy", {}, 1, "a higher accuracy: 99.00 % to 99.30 %"),
        ("Improve the accuracy", {"trained": run(9_890)}, 1, "within the spread of runs"),
        ("Improve the accuracy", {"trained": run(9_800)}, 0, "not a higher accuracy"),
        ("Reduce parameters and improve accuracy", {"judged": 9_999}, 0.5, "not fewer parameters"),
        ("Add global average pooling", {}, 1, "its Target names nothing that was measured"),
        (
            "Reach 99.4 % with fewer than 10,000 parameters",
            {"judged": 9_000, "epochs": 10},
            1,
            "fewer than 10,000 parameters: 9,000",
        ),
        (
            "Reach 99.4 % with fewer than 10,000 parameters",
            {"judged": 10_000},
            0,
            "not fewer than 10,000 parameters: 10,000",
        ),
        (
            "Make the model lighter, with fewer than 10,000 parameters",
            {"judged": 9_000, "epochs": 10},
            1,
            "fewer than 10,000 parameters: 9,000",
        ),
        ("Reduce the number of parameters", {"judged": 9_000, "epochs": 10}, 0, "9,000 to 9,000"),
        (
            "Reduce overfitting",
            {"trained": run(9_900, train_correct=59_760)},
            1,
            "within the spread of runs",
        ),
    ],
)
def test_progress(target: str, after: dict[str, Any], share: float, why: str) -> None:
    finding = found(check("progress", "every step"), *before_and_after(target, **after))
    assert finding.earned == share
    assert why in finding.why


def test_progress_names_what_changed() -> None:
    steps = before_and_after("", scheduler="StepLR", layers=LAYERS, epochs=10)
    finding = found(check("progress"), *steps)
    assert finding.measured == (
        "parameters 9,000 to 7,753; with batch normalisation; with global average pooling; "
        "with max pooling; with 1 x 1 convolution; with scheduler; 15 epochs to 10"
    )


@pytest.mark.parametrize(
    ("old", "new", "phrase"),
    [
        ({"scheduler": "StepLR"}, {"scheduler": "OneCycleLR"}, "another learning-rate schedule"),
        ({"scheduler": "StepLR"}, {}, "without scheduler"),
        ({"augment": ["RandomRotation"]}, {"augment": ["ColorJitter"]}, "another image augmentation"),
        ({}, {"augment": ["ColorJitter"]}, "with image augmentation"),
        ({}, {"batch_size": 64}, "another batch size"),
        ({}, {"optimizer": "Adam"}, "another optimiser or other settings of it"),
        ({}, {"loss": "cross_entropy"}, "another loss"),
        ({}, {"normalize": {"mean": 0.5, "std": 0.5}}, "another normalisation of the images"),
        ({}, {"epochs": 1}, "15 epochs to 1"),
    ],
)  # fmt: skip
def test_each_part_of_a_recipe_is_named_once(
    old: dict[str, Any], new: dict[str, Any], phrase: str
) -> None:
    steps = step(name="1.py", **old), step(name="2.py", **new)
    assert found(check("progress"), *steps).measured == phrase


def test_a_gap_that_grows_but_shows_no_over_fitting_is_no_failure() -> None:
    first = step(run(9_930, train_correct=59_000), name="1.py")
    notes = Notes(target="Avoid over-fitting")
    second = step(run(9_930, train_correct=59_500), name="2.py", notes=notes, judged=7_000)
    finding = found(check("progress"), first, second)
    assert (finding.earned, finding.why) == (1, "a smaller gap: -0.97 % to -0.13 %")


def test_without_max_pooling_it_stands_nowhere() -> None:
    finding = found(check("uses", pooling_at=[5, 11]), step(layers=LAYERS[:1]))
    assert (finding.earned, finding.why) == (0, "no max pooling")


def test_a_step_after_a_broken_one_is_compared_with_nothing() -> None:
    broken = step(name="1.py").model_copy(update={"network": None})
    finding = found(check("progress"), broken, step(name="2.py"))
    assert (finding.earned, finding.why) == (
        1,
        "1.py could not be observed, so nothing is compared",
    )


def test_aims_that_were_not_measured_are_left_open() -> None:
    steps = [step(name="1.py"), step(name="2.py", judged=1, notes=Notes(target="improve accuracy"))]
    assert found(check("progress"), *steps).why == "its Target names nothing that was measured"


def test_another_network_of_the_same_size_is_a_change() -> None:
    other = step(name="2.py")
    assert other.network is not None
    network = other.network.model_copy(update={"digest": "1" * 64})
    other = other.model_copy(update={"network": network})
    assert found(check("progress"), step(name="1.py"), other).measured == (
        "another network of the same size"
    )


def test_a_step_that_changes_nothing_is_no_progress() -> None:
    assert found(check("progress"), step(name="1.py"), step(name="2.py")).earned == 0
    assert found(check("progress"), step(name="1.py")).earned == 1


@pytest.mark.parametrize(
    ("observed", "share", "looked_at"),
    [
        (step(run(9_940, shifted=9_915)), 1, 0),
        (step(run(9_940, shifted=9_440)), 1, 0),
        (step(run(9_940, shifted=9_439)), 0, 1),
        (step(run(9_940, shifted=9_950)), 1, 0),
        (step(run(9_940, shifted=9_915), evaluation=1_050_000), 1, 0),
        (step(run(9_940, shifted=9_915), evaluation=1_050_001), 0, 1),
        (step(run(9_940, shifted=9_915), evaluation_only=["second.weight"]), 0, 1),
        (step(run(9_940, shifted=9_915, before_training=9_000)), 1, 1),
        (step(run(9_940, shifted=9_915, before_training=100)), 1, 1),
        (step(run(9_940, 9_940, shifted=9_915, stood_still=(2,))), 1, 1),
    ],
)
def test_integrity(observed: Step, share: float, looked_at: int) -> None:
    finding = found(check("integrity", "every step"), observed)
    assert (finding.earned, len(finding.review)) == (share, looked_at)


@pytest.mark.parametrize(
    ("last_epochs", "counts", "earned", "remarks"),
    [
        (1, (9_941, 9_938, 9_940), 1, ["epoch 2 by 2"]),
        (2, (9_930, 9_941, 9_940), 1, ["epoch 1 by 10"]),
        (1, (9_900, 9_940, 9_941, 9_940), 1, []),
        (1, (9_940, 9_941, 9_939), 0, []),  # the check says so itself
        (3, (9_930, 9_940, 9_940, 9_940), 1, []),
    ],
)
def test_where_it_is_not_asked_that_accuracy_is_held_a_lapse_is_a_remark(
    last_epochs: int, counts: tuple[int, ...], earned: float, remarks: list[str]
) -> None:
    asked = check("accuracy", at_least="99.4 %", last_epochs=last_epochs)
    finding = found(asked, step(run(*counts)))
    assert finding.earned == earned
    told = [line for line in finding.review if "not consistent" in line]
    assert [line.rpartition("missed in ")[2] for line in told] == remarks


def test_of_several_runs_those_that_reach_the_accuracy_are_told_to_lapse() -> None:
    asked = check("accuracy", at_least="99.4 %", last_epochs=1)
    lapsed, held = run(9_941, 9_938, 9_940, seed=2), run(9_940, 9_940, 9_940, seed=3)
    finding = found(asked, step(run(9_940, 9_940, 9_939, seed=1), lapsed, held))
    (told,) = (line for line in finding.review if "not consistent" in line)
    assert told.startswith("seed 2: ")


def test_epochs_in_which_the_weights_stand_still_are_one() -> None:
    accuracy = check("accuracy", at_least="99.4 %")
    lucky = run(9_900, 9_900, 9_940, 9_941, 9_942, stood_still=(4, 5))
    finding = found(accuracy, step(lucky))
    assert finding.earned == 0
    assert finding.measured == "9,900, 9,900, 9,940 of 10,000 (lowest 99.00 %)"
    assert found(accuracy, step(run(9_940, 9_940, 9_940, stood_still=(2, 3)))).why == (
        "1 epochs that change the weights are fewer than 3"
    )


def test_a_limit_may_have_tiers() -> None:
    parameters = check("parameters", below=8_000, tiers={"10_000": 0.5, 12_000: 0.25})
    shares = [
        found(parameters, step(judged=n)).earned for n in (7_999, 8_000, 9_999, 10_000, 12_000)
    ]
    assert shares == [1, 0.5, 0.5, 0.25, 0]
    epochs = check("epochs", at_most=15, tiers={20: 0.5})
    assert [found(epochs, step(epochs=n)).earned for n in (15, 16, 20, 21)] == [1, 0.5, 0.5, 0]


DISK = Fault(owner="machine", stage="training", message="the disk is full")


def output(quantity: Quantity, lowest: float, below: float, **more: Any) -> Claim:
    """A claim that a notebook printed."""
    return Claim(
        quantity=quantity, written="log", where="output", lowest=lowest, below=below, **more
    )


def test_what_was_printed_is_held_against_what_was_measured() -> None:
    printed = [
        output("test accuracy", 99.405, 99.415, out_of=10_000),
        output("test accuracy", 99.895, 99.905, out_of=10_000),
        output("test accuracy", 99.395, 99.405, out_of=60_000),
        output("epochs", 15, 16),
    ]
    finding = found(check("claims"), step(run(9_940), claims=printed))
    assert finding.measured == "2 of 4 claims right"
    assert "the test set has 10,000 images" in finding.why


def test_a_table_of_what_is_used_is_right_and_told() -> None:
    printed = [output("parameters", 8_932, 8_933)]
    finding = found(check("claims"), step(run(9_940), judged=11_268, used=8_932, claims=printed))
    assert finding.earned == 1
    assert finding.why == "“log” counts those that a forward pass uses, of 11,268 held"


def test_notes_above_their_own_log_are_for_a_person() -> None:
    written = [claim("test accuracy", 99.985, 99.995), output("test accuracy", 98.985, 98.995)]
    logged = [Logged(cell=3, percent=[98.1, 98.99])]
    told = step(run(9_899), claims=written).model_copy(update={"logged": logged})
    (sentence,) = found(check("claims"), told).review
    assert sentence.endswith("and the printed log shows at best 98.99 %")
    assert not found(check("claims"), told.model_copy(update={"logged": []})).review


@pytest.mark.parametrize(
    ("lowest", "half", "above"),
    [(99.415, 0.005, True), (99.405, 0.005, False), (99.415, 0, True), (99.445, 0.05, False)],
)
def test_notes_are_above_a_log_only_beyond_its_precision(
    lowest: float, half: float, above: bool
) -> None:
    written = [claim("test accuracy", lowest, lowest + 0.01)]
    logged = [Logged(cell=3, percent=[98.1, 99.41], half=half)]
    told = step(run(9_941), claims=written).model_copy(update={"logged": logged})
    assert bool(found(check("claims"), told).review) == above


@pytest.mark.parametrize("kind", ["claims", "progress", "accuracy", "integrity"])
def test_the_machines_fault_is_waited_for(kind: str) -> None:
    """What a check would take into account could not be observed, through nobody's fault."""
    keys = {"at_least": "99.4 %"} if kind == "accuracy" else {}
    judged = {"kind": kind, "points": 10, "scope": "final step", **keys}
    claims = [claim("test accuracy", 99.395, 99.405)]
    observed = step(name="1.py"), step(name="2.py", claims=claims, fault=DISK)
    assert judge(asking(judged), evidence(*observed)).verdict == "not graded"


def test_a_run_without_an_end_is_no_proof_of_integrity() -> None:
    nan = Fault(owner="submission", stage="training", message="the loss became nan")
    finding = found(check("integrity"), step(run(declared=15, fault=nan)))
    assert (finding.earned, finding.why) == (0, "the loss became nan")


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_the_example_of_each_kind_is_a_check(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "rubric.toml"
    other = '[[checks]]\nkind = "integrity"\nname = "other"\npoints = 1\nscope = "every step"\n'
    path.write_text(f'title = "T"\ndataset = "mnist"\n{other}{kinds()[kind].example}')
    _, made = rubric.load(path).checks
    assert made.kind == kind
    card = judge(rubric.load(path), evidence(step(run(*[9_950] * 15, shifted=9_930))))
    assert card.marks[-1].check == made.name
