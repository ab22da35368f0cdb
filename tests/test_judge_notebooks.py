"""What a notebook's own trainings are worth, which of them counts, and how they are kept."""

from pathlib import Path
from typing import Any

import pytest
from evidence_samples import UNDER_8K, evidence, run, step

from harness.evidence import Evidence, Fault, Observed, Run, Seen, Step
from harness.judge.accuracy import Accuracy
from harness.judge.epochs import Epochs
from harness.judge.integrity import Integrity
from harness.judge.judge import judge
from harness.report import words
from harness.rubric import Check, Finding, Rubric
from harness.store import Store

ACCURACY = Accuracy.model_validate(
    {"kind": "accuracy", "at_least": "99.4 %", "points": 40, "scope": "final step"}
)
EPOCHS = Epochs(kind="epochs", at_most=15, points=1, scope="every step")
INTEGRITY = Integrity(kind="integrity", points=1, scope="every step")
FIRST = UNDER_8K.model_copy(update={"counts": "first"})


def own(
    *correct: int,
    judged: int = 7_753,
    samples: int = 60_000,
    declared: int | None = None,
    fault: Fault | None = None,
    shifted: int | None = 9_900,
    **observed: Any,
) -> Run:
    """A notebook's own training."""
    made = step(judged=judged, epochs=declared or len(correct))
    told = {"network": made.network, "recipe": made.recipe, "cell": 3, "declared": bool(declared)}
    ran = run(*correct, declared=declared, seed=0, fault=fault, shifted=shifted)
    epochs = [epoch.model_copy(update={"samples": samples}) for epoch in ran.epochs]
    return ran.model_copy(
        update={"observed": Observed.model_validate(told | observed), "epochs": epochs}
    )


def notebook(*runs: Run, **changes: Any) -> Step:
    """The step of a notebook, as collect hands it over."""
    made = step(name="Step_1.ipynb")
    blank = {"observed": list(runs), "integrity": "observed", "network": None, "recipe": None}
    return made.model_copy(update=blank | changes)


def points(rubric: Rubric, step: Step) -> dict[str, float]:
    return {mark.check: mark.points for mark in judge(rubric, evidence(step)).marks}


def found(check: Check, training: Run) -> Finding:
    made = notebook(training).counting("last")
    return check.judge(made, evidence(made))


GOOD, BAD = [9_950] * 15, [9_000] * 15


def test_the_rubric_says_which_training_counts() -> None:
    several = notebook(own(*GOOD, judged=9_000), own(*BAD), own(*BAD, judged=7_000))
    assert points(UNDER_8K, several) == {"parameters": 30, "epochs": 20, "accuracy": 0}
    assert points(FIRST, several) == {"parameters": 0, "epochs": 20, "accuracy": 50}


def test_a_replay_stands_for_the_training_that_it_replayed() -> None:
    last = own(*GOOD[:2], declared=15, handed_in="key-2", stopped=True)
    whole = own(*BAD, handed_in="key-1")
    replays = {"runs": [run(*GOOD)], "handed_in": "key-2", "integrity": "replayed"}
    replayed = notebook(whole, last, **replays)
    assert points(UNDER_8K, replayed)["accuracy"] == 50
    assert replayed.counting("last").integrity == "replayed"
    # Judged anew by a rubric that counts another training, that one's own figures count.
    assert points(FIRST, replayed)["accuracy"] == 0
    assert replayed.counting("first").integrity == "observed"
    stopped = notebook(last.model_copy(), whole, **replays | {"handed_in": "key-1"})
    assert judge(FIRST, evidence(stopped)).verdict == "not graded"


def test_replays_of_fewer_seeds_than_the_rubric_asks_are_graded_again() -> None:
    replayed = notebook(own(*GOOD, handed_in="k"), runs=[run(*GOOD)], handed_in="k")
    three = UNDER_8K.model_copy(update={"seeds": 3})
    assert judge(three, evidence(replayed)).verdict == "not graded"
    # What cannot be replayed is judged by what was seen.
    assert judge(three, evidence(notebook(own(*GOOD)))).verdict == "passed"


@pytest.mark.parametrize(
    ("training", "epochs", "share"),
    [
        (own(*[9_950] * 18, samples=50_000), "15 epochs (900,000 images)", 1),
        (own(*[9_950] * 19, samples=50_000), "15.8333 epochs (950,000 images)", 0),
        (own(*[9_950] * 8, samples=120_000), "16 epochs (960,000 images)", 0),
        (own(*[9_950] * 3, declared=20), "20 epochs (180,000 images)", 0),  # broken off
        (own(*[9_950] * 3, declared=15), "15 epochs (180,000 images)", 1),
        (own(*[9_950] * 3, declared=4, samples=400_000), "20 epochs (1,200,000 images)", 0),
    ],
)  # fmt: skip
def test_epochs_are_counted_in_samples(training: Run, epochs: str, share: float) -> None:
    finding = found(EPOCHS, training)
    assert (finding.measured, finding.earned) == (epochs, share)


def test_findings_cost_the_accuracy_and_call_a_person() -> None:
    told = "its weights changed 3 times while no optimiser stepped"
    suspicious = own(*GOOD, findings=[told])
    accuracy, integrity = found(ACCURACY, suspicious), found(INTEGRITY, suspicious)
    assert (accuracy.earned, accuracy.why) == (0, told)
    assert (integrity.earned, integrity.review) == (0, (told,))


def test_remarks_are_only_told() -> None:
    told = "a scheduler is defined and never stepped: StepLR"
    remarked = own(*GOOD, remarks=[told])
    assert found(ACCURACY, remarked).earned == 1
    assert found(INTEGRITY, remarked)[0::3] == (1, ())
    assert told in words.facts(notebook(remarked), evidence())


def test_what_broke_off_does_not_hold_its_accuracy() -> None:
    fault = Fault(owner="submission", stage="notebook", message="cell 4: KeyboardInterrupt")
    broken = own(*GOOD[:5], declared=15, fault=fault)
    assert found(ACCURACY, broken)[0:3:2] == (0, "cell 4: KeyboardInterrupt")


def told_of(training: Run, **changes: Any) -> str:
    made = notebook(training, **changes)
    return "\n".join([*words.levels(evidence(made)), *words.facts(made, evidence(made))])


def test_words() -> None:
    plain = told_of(own(*GOOD, unreplayable="its loss is its own"))
    assert "observed: a notebook's own loop trained" in plain
    assert "its own training in cell 4: 1,000 of 10,000 before training" in plain
    assert "it cannot be replayed: its loss is its own" in plain
    answered = told_of(own(*GOOD, answered=True), integrity="answered")
    assert "observed, and answered in a process of its own" in answered
    assert "its network is no graph: it answered in a process of its own" in answered
    assert "stopped after epoch 15" in told_of(own(*GOOD, declared=20, stopped=True))
    tested = own(*GOOD)
    seen = tested.epochs[0].model_copy(
        update={"seen": [Seen(source="test", correct=9_912, of=10_000)]}
    )
    tested = tested.model_copy(update={"epochs": [seen, *tested.epochs[1:]]})
    assert "its own tests saw at best 9,912 of 10,000 decoy images" in told_of(tested)


def test_an_observation_is_kept_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = [notebook(own(*GOOD, remarks=["a"]), own(*BAD), shims=["tqdm: a stand-in"])]
    assert store.observation("key") is None
    store.write_observation("key", kept, b"{}")
    assert store.observation("key") == kept
    assert store.executed("key") == b"{}"


def test_evidence_with_observed_runs_is_judged_again_as_before() -> None:
    """As regrade does: from the report's own JSON; wall times make no difference."""
    observed = evidence(notebook(own(*GOOD), own(*BAD)))
    again = Evidence.model_validate_json(observed.model_dump_json())
    for rubric in (UNDER_8K, FIRST):
        assert judge(rubric, again) == judge(rubric, observed)
    slower = [e.model_copy(update={"seconds": 99}) for e in observed.steps[0].observed[0].epochs]
    slow = own(*GOOD).model_copy(update={"epochs": slower})
    other = evidence(notebook(slow, own(*BAD)))
    assert other.model_dump_measured() == observed.model_dump_measured()
