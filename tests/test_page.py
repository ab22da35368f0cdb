"""The learner's page: all that is measured is on it, and it needs nothing beside it."""

import re
from datetime import UTC, datetime

import pytest
from evidence_samples import UNDER_8K, check, evidence, run, step
from pages import Page

from harness import grade
from harness.claims import Claim
from harness.evidence import Evidence, Fault, LeftOut, Mistake, Observed, Run, Step
from harness.judge.judge import judge
from harness.notes import Notes
from harness.overrides import Override
from harness.percentage import Percentage
from harness.report import page
from harness.roster import Learner
from harness.rubric import Late
from harness.scorecard import Scorecard

HELD = [9_900] * 12 + [9_940, 9_941, 9_938]
CLAIM = Claim(
    quantity="parameters", written="8k parameters", where="result", lowest=7_950, below=8_050
)
PNG = "iVBORw0KGgo="
ALL = UNDER_8K.model_copy(
    update={
        "checks": [*UNDER_8K.checks, check("claims"), check("integrity", "every step")],
        "late": Late(due=datetime(2026, 1, 1, tzinfo=UTC), per_day=Percentage("10 %")),
    }
)


def shown(scorecard: Scorecard) -> Page:
    found = Page(page.render(scorecard))
    assert found.wrong == []
    return found


def series() -> Evidence:
    """Three steps, of which the last misses the accuracy."""
    mistakes = [Mistake(image=n, label=8, answer=1, png=PNG) for n in range(2)]
    mistakes.append(Mistake(image=9, label=5, answer=3, png=PNG))
    last = run(*HELD).model_copy(update={"mistakes": mistakes})
    return evidence(
        step(run(*[9_800] * 15), name="one.py", judged=20_000),
        step(run(*[9_850] * 15, train_correct=59_900), name="two.py", judged=9_000),
        step(last, run(*HELD, seed=2), name="three.py", claims=[CLAIM], batch_size=64),
    )


@pytest.fixture(scope="module")
def told() -> Page:
    return shown(judge(ALL, series()))


@pytest.mark.parametrize(
    "words",
    [
        "Not passed, ",
        "Step 1: one.py",
        "fewer than 8,000 parameters",
        "247 below the limit",
        "Over-fitting : training accuracy ends 1.33 points above test accuracy",
        "Since two.py : Parameters 9,000 to 7,753; another batch size.",
        "“8k parameters”",
        "✗ not so",
        "62 of 10,000 test images (0.62 %) were answered wrongly",
        "These are the 3 of which the network was surest.",
        "Most often a 8 was taken for a 1: 2 times.",
        "The series",
        "The line is what is asked, 9,940 of 10,000 (99.40 %); the shaded part is the last 3 epochs",
        "The line and the shaded part are what is asked of the last step",
        "Integrity replayed",
        "the learning rate at the first step of each epoch",
    ],
)
def test_a_page_tells(told: Page, words: str) -> None:
    assert words in told.text


def test_the_verdict_and_what_to_change_come_first(told: Page) -> None:
    """Before any step; the advice that is worth most before the others."""
    place = told.text.index
    order = ["Not passed", "What would be worth most to change", "accuracy", "claims", "The steps"]
    assert [place(words) for words in order] == sorted(place(words) for words in order)
    assert "epochs 13 and 14 hold 9,940, epoch 15 misses it by 2 images" in told.text


def test_every_chart_has_a_name_and_its_figures_as_a_table(told: Page) -> None:
    charts = [attrs for tag, attrs in told.elements if tag == "svg"]
    assert len(charts) == 4
    for attrs in charts:
        title, description = str(attrs["aria-labelledby"]).split()
        assert {title, description} <= set(told.values("id"))
    assert told.text.count("Every epoch of step") == 3
    assert "9,938" in told.text


def test_mistakes_say_in_words_what_they_show(told: Page) -> None:
    assert told.values("alt") == ["8 taken for 1", "8 taken for 1", "5 taken for 3"]
    assert set(told.values("src")) == {f"data:image/png;base64,{PNG}"}


def test_ids_are_unique_and_links_lead_to_them(told: Page) -> None:
    ids = told.values("id")
    assert len(ids) == len(set(ids))
    links = [link for link in told.values("href") if link.startswith("#")]
    assert links == told.values("href")
    assert {link[1:] for link in links} <= set(ids)
    assert {name for names in told.values("aria-labelledby") for name in names.split()} <= set(ids)


def test_a_page_needs_nothing_beside_it(told: Page) -> None:
    tags = {tag for tag, _ in told.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "form", "base"}
    text = page.render(judge(ALL, series()))
    addresses = set(re.findall(r"https?://[^\"' ]+", text))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert not re.search(r"url\((?!#)|@import", text)


def test_the_same_scorecard_makes_the_same_page_whatever_was_drawn_before() -> None:
    card = judge(ALL, series())
    first = page.render(card)
    page.render(judge(UNDER_8K, evidence(*[step(run(1, 2, seed=n), name=str(n)) for n in (1, 2)])))
    assert page.render(card) == first


def test_pages_stay_small() -> None:
    """Four steps of three seeds, with layers and 50 mistakes; a mail holds it."""
    mistakes = [Mistake(image=n, label=n % 10, answer=1, png="A" * 600) for n in range(50)]
    runs = [run(*HELD, seed=n).model_copy(update={"mistakes": mistakes}) for n in (1, 2, 3)]
    steps = [step(*runs, name=f"step_{n}.py", judged=n * 1_000) for n in range(1, 5)]
    assert len(page.render(judge(ALL, evidence(*steps)))) < 400_000


def test_what_a_person_set_what_lateness_cost_and_who_it_is() -> None:
    why = "The notebook was checked by hand."
    override = Override(submission="ada", step="three.py", check="accuracy", points=50, why=why)
    learner = Learner(
        folder="ada", name="Ada Lovelace", submitted_at=datetime(2026, 1, 2, 12, tzinfo=UTC)
    )
    told = shown(judge(ALL, series(), [override], learner))
    assert "Ada Lovelace" in told.text
    assert f"set by a person by a person: {why}" in told.text
    assert re.search(r"Late: [\d.]+ points were taken off\. 2 days late", told.text)
    assert "misses it by 2 images" not in told.text.partition("The steps")[0]


BROKEN = Fault(
    owner="submission",
    stage="import",
    message="NameError: x",
    line=7,
    traceback="File\n  line 7\nNameError",
)
MACHINE = Fault(owner="machine", stage="data", message="the disk is full")


def faulty(**changes: object) -> Step:
    return step(fault=BROKEN).model_copy(update={"network": None, "recipe": None, **changes})


def test_a_fault_is_told_with_its_line_and_what_hangs_on_it() -> None:
    told = shown(judge(ALL, evidence(faulty())))
    assert "submission's fault, at import (line 7): NameError: x" in told.text
    assert "The end of the traceback" in told.text
    first = told.text.partition("The steps")[0]
    assert "a step that could not be measured" in first
    assert first.count("NameError") == 1


def own(**changes: object) -> Run:
    observed = Observed(cell=3, declared=True, **changes)  # type: ignore[arg-type]
    return run(*HELD, seed=1).model_copy(update={"seed": 0, "observed": observed})


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (evidence(), "there is no step"),
        (evidence(fault=BROKEN), "submission's fault, at import"),
        (evidence(fault=MACHINE), "Not graded: the fault is the machine's"),
        (evidence(step(run(9_000, 9_100, declared=15, fault=BROKEN))), "NameError"),
        (evidence(step(run(9_000, declared=15, fault=MACHINE))), "not all of it could be graded"),
        (evidence(faulty(), step(run(*HELD), name="two.py")), "not measured"),
        (evidence(step(run(*HELD, train_correct=0))), "Under-fitting"),
        (evidence(step(*[run(*HELD, seed=n) for n in range(1, 12)])), "11 runs"),
        (evidence(step(run(*HELD), judged=0), step(run(1), name="b", judged=0)), "The series"),
        (evidence(step(run(*HELD), claims=[CLAIM])).model_copy(update={"left_out": [LeftOut(name="eda.ipynb", reason="it has no network")]}), "eda.ipynb: it has no network"),
        (evidence(step().model_copy(update={"observed": [own(), own()]})), "its own training in cell 4"),
        (evidence(step(run(*HELD), notes=Notes(title="A title"))), "A title"),
    ],
)  # fmt: skip
def test_any_evidence_makes_a_page(held: Evidence, words: str) -> None:
    assert words in shown(judge(ALL, held)).text


def test_evidence_of_an_older_harness_makes_a_page_that_says_what_is_missing() -> None:
    card = judge(ALL, series())
    lacking = {"kind": "", "bar": None, "compared": []}
    marks = [mark.model_copy(update=lacking) for mark in card.marks]
    told = shown(card.model_copy(update={"marks": marks}))
    assert "No line is drawn: this was judged before charts knew what is asked." in told.text
    assert "No check held these against what was measured." in told.text
    older = judge(ALL, evidence(step(run(*HELD))))
    assert "Which of them was not kept with this evidence" in shown(older).text


@pytest.mark.parametrize(("counts", "name"), [("first", "Over-fitting"), ("last", "Under-fitting")])
def test_of_a_notebooks_trainings_the_one_that_counts_is_told(counts: str, name: str) -> None:
    rates = {"first": 60_000, "last": 40_000}
    network = step().network
    trained = [
        own(network=network).model_copy(update={"epochs": run(*HELD, train_correct=right).epochs})
        for right in rates.values()
    ]
    held = evidence(step().model_copy(update={"observed": trained}))
    card = judge(ALL.model_copy(update={"counts": counts}), held)
    assert f"{name} :" in shown(card).text


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -1.0, 0.0, 1e308, 1e-320])
@pytest.mark.filterwarnings("error")
def test_a_learning_rate_that_none_can_have_spoils_no_page(rate: float) -> None:
    made = run(*HELD)
    odd = [epoch.model_copy(update={"learning_rate": rate}) for epoch in made.epochs]
    card = judge(ALL, evidence(step(made.model_copy(update={"epochs": odd}))))
    assert f"{rate:.4g}" in shown(card).text


def test_who_only_checks_waits_for_no_charts() -> None:
    """What draws them takes a second to import."""
    assert not hasattr(grade, "page")
