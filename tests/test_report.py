"""Reports: the same scorecard for people and machines, and no learner's text that acts."""

import io
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from evidence_samples import UNDER_8K, evidence, run, step
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from harness.evidence import Fault, Layer
from harness.grade import exit_code, write_reports
from harness.judge.judge import judge
from harness.notes import Notes
from harness.report import document, markdown, terminal
from harness.scorecard import Scorecard

GOOD = judge(UNDER_8K, evidence(step(run(*[9_900] * 12, 9_940, 9_941, 9_945))))
LAYERED = judge(
    UNDER_8K,
    evidence(
        step(
            run(*[9_900] * 12, 9_940, 9_941, 9_945),
            layers=[
                Layer(
                    name="Conv2d-11",
                    kernel=[3, 3],
                    padding=[1, 1],
                    stride=[1, 1],
                    input=[10, 28, 28],
                    output=[11, 28, 28],
                    receptive_field_in=1,
                    receptive_field=3,
                    arithmetic="3x3x10x11 + 11",
                    parameters=1_001,
                ),
                Layer(
                    name="MaxPool2d-12",
                    kernel=[2, 2],
                    padding=[0, 0],
                    stride=[2, 2],
                    input=[11, 28, 28],
                    output=[11, 14, 14],
                    receptive_field_in=3,
                    receptive_field=4,
                ),
            ],
        )
    ),
)
BROKEN = Fault(owner="submission", stage="import", message="SyntaxError: |x|", line=3)


def shown(scorecard: Scorecard, width: int = 100, checked: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(terminal.Report(scorecard, checked))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("normalize", "told"),
    [
        ({"mean": 0.1309, "std": 0.3084}, ["normalised with mean 0.1309 and std 0.3084"]),
        ({"mean": 0.1307, "std": 0.3081}, []),  # the data set's own
        (None, []),
    ],
)
def test_a_normalisation_of_the_learners_own_is_told(
    normalize: dict[str, float] | None, told: list[str]
) -> None:
    card = judge(UNDER_8K, evidence(step(run(9_940), normalize=normalize)))
    assert re.findall(r"normalised[^,\n]*", markdown.render(card)) == told


def test_json_is_the_whole_scorecard() -> None:
    assert Scorecard.model_validate_json(document.render(GOOD)) == GOOD


def test_markdown_has_a_row_for_each_check_and_each_epoch() -> None:
    report = markdown.render(GOOD)
    assert (
        "| ✓ parameters | fewer than 8,000 parameters | 7,753 | 30 of 30 | 247 below the limit |"
        in report
    )
    assert "9,940, 9,941, 9,945 of 10,000" in report
    assert report.count("\n| 1 | ") == 15
    assert "**passed with 100 of 100 points**" in report


def test_the_terminal_says_the_same() -> None:
    report = shown(GOOD)
    for words in ("✓ parameters", "✓ epochs", "✓ accuracy", "passed with 100 of 100 points"):
        assert words in report


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_terminal_loses_nothing_in_a_narrow_window(width: int) -> None:
    """Where a line breaks, and nothing else, depends on the width."""
    whole, narrow = (shown(LAYERED, each, checked=True) for each in (1_000, width))
    assert all(cell in whole for cell in ("MaxPool2d-12", "receptive field", "3x3x10x11 + 11"))
    assert Counter("".join(narrow.split())) == Counter("".join(whole.split()))


def test_a_fault_is_told_with_owner_and_line() -> None:
    scorecard = judge(UNDER_8K, evidence(step(fault=BROKEN)))
    assert "submission's fault, at import (line 3): SyntaxError: |x|" in shown(scorecard, 200)
    assert "submission's fault, at import (line 3): SyntaxError: \\|x\\|" in markdown.render(
        scorecard
    )


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_nothing_that_a_learner_writes_is_markup(written: str) -> None:
    notes = Notes(title=written)
    fault = Fault(owner="submission", stage="import", message=written)
    card = judge(UNDER_8K, evidence(step(notes=notes, fault=fault)))
    plain = judge(UNDER_8K, evidence(step(notes=Notes(title="x"), fault=BROKEN)))
    report, usual = markdown.render(card), markdown.render(plain)
    assert report.count("\n|") == usual.count("\n|")
    assert report.count("\n#") == usual.count("\n#")
    assert report.count("<") - report.count("\\<") == usual.count("<") - usual.count("\\<")
    shown(card)


def test_terminal_escapes_do_not_reach_the_terminal() -> None:
    notes = Notes(title="\x1b[2J\x1b]0;owned\x07 [bold]title[/bold]")
    report = shown(judge(UNDER_8K, evidence(step(run(9_950), notes=notes))))
    assert "\x1b" not in report
    assert "[bold]title[/bold]" in report


def test_reports_of_learners_do_not_overwrite_each_other(tmp_path: Path) -> None:
    write_reports(GOOD, tmp_path)
    other = GOOD.model_copy(update={"evidence": evidence(step(run(1)), name="bob")})
    write_reports(other, tmp_path)
    assert json.loads((tmp_path / "ada" / "report.json").read_text())["points"] == 100
    assert (tmp_path / "bob" / "report.md").read_text().startswith("# bob")
    assert "<h1>bob</h1>" in (tmp_path / "bob" / "report.html").read_text()


@pytest.mark.parametrize(
    ("cards", "missing", "code"),
    [
        ([], True, 2),
        ([evidence(step(run(*[9_950] * 15)))], False, 0),
        ([evidence(step(run(*[9_950] * 15)))], True, 2),
        ([evidence(step(run(*[9_000] * 15)))], False, 1),
        ([evidence(step(fault=BROKEN)), evidence(step(run(*[9_000] * 15)))], False, 3),
        ([evidence(step(fault=BROKEN), step(run(*[9_000] * 15)))], False, 1),
        ([evidence(fault=Fault(owner="machine", stage="data", message="no"))], True, 4),
    ],
)
def test_exit_codes(cards: list[object], missing: bool, code: int) -> None:
    assert exit_code([judge(UNDER_8K, card) for card in cards], missing) == code  # type: ignore[arg-type]
