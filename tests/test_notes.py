"""Reading Target, Result and Analysis, in the styles in which learners write them."""

import re
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import notes
from harness.notes import Notes

CALM = Notes(title="Step 4: a schedule", target="hold 99.4", result="99.41", analysis="it holds")


def test_notes_of_a_file() -> None:
    source = b'''"""Step 4: a schedule.

Target: hold 99.4 %
    over the last epochs.
Results: 7,753 parameters.

Analysis:
- it holds
"""'''
    assert notes.read(source) == Notes(
        title="Step 4: a schedule.",
        target="hold 99.4 %\nover the last epochs.",
        result="7,753 parameters.",
        analysis="- it holds",
    )


@pytest.mark.parametrize("source", [b"", b"x = 1", b"'''Target: x", b"\xff", b"(" * 10_000, b"\0"])
def test_a_file_without_notes(source: bytes) -> None:
    assert notes.read(source) == Notes()


@pytest.mark.parametrize(
    "text",
    [
        "# Step 4: a schedule\n## Target\nhold 99.4\n## Result\n99.41\n## Analysis\nit holds",
        "Step 4: a schedule\nTarget:\nhold 99.4\nResults:\n99.41\nAnalysis:\nit holds",
        "**Step 4: a schedule**\n\n**Target:** hold 99.4\n**Result**: 99.41\n__Analysis:__ it holds",
        "Step 4: a schedule\n- Target: hold 99.4\n- Results: 99.41\n- Analysis: it holds",
        "Step 4: a schedule :\n 1 - Target:\n\nhold 99.4\n 5 - Results:\n99.41\n 6- Analysis:\nit holds",
        "***\n#### Step 4: a schedule\n***\n##### Target\n\n> hold 99.4\n##### Results\n99.41\n##### Analysis\nit holds\n***",
        "Step 4: a schedule\n> * Target: hold 99.4\n> * Result: 99.41\n> * Analysis: it holds",
        "Step 4: a schedule\nTarget\nhold 99.4\nResults\n99.41\nAnalysis\nit holds",
        "Step 4: a schedule\nTarget - hold 99.4\nResults -\n99.41\nAnalysis \u2013 it holds",
        "Step 4: a schedule\n- **Target** - hold 99.4\n- `Result:` 99.41\n- Analysis - it holds",
        "Step 4: a schedule\n<b>Target:</b> [hold 99.4](https://x.org)<br>Result: 99.41<br/><h3>Analysis</h3>it holds",
        "<details><summary>Step 4: a schedule</summary>\nTarget: hold 99.4\nResult: 99.41\nAnalysis: it holds\n</details>",
        "Step 4: a schedule\nTarget\n------\nhold 99.4\n\nResult\n======\n99.41\n\nAnalysis\n---\nit holds",
        "Step 4: a schedule\n(1) TARGET :- hold 99.4\n(2) RESULT :- 99.41\n(3) ANALYSIS :- it holds",
        "Step 4: a schedule\nAnalysis: it holds\nResult: 99.41\nTarget: hold 99.4",
        "Step 4: a schedule\nObjective: hold 99.4\nResults: 99.41\nConclusion: it holds",
        "Step 4: a schedule\nAim: hold 99.4\nResult: 99.41\nInference: it holds",
        "Step 4: a schedule\nGoals: hold 99.4\nResutls: 99.41\nObservations: it holds",
        "Step 4: a schedule\nTagret: hold 99.4\nReslut: 99.41\nAnanlysis: it holds",
        "\ufeffStep 4: a schedule\r\nTarget\uff1a hold 99.4\r\nResult\u00a0: 99.41\r\n\u3000Analy\u200bsis: it holds\r\n",
        "Step 4: a schedule\n\x1b[1mTarget:\x1b[0m hold 99.4\n\tResult:\t99.41\n\x1b[32mAnalysis\x1b[0m: it holds",
        "Step 4: a schedule\n\U0001f3af Target: hold 99.4\n\U0001f4c8 Result: 99.41\n\u2705 Analysis: it holds",
    ],
)
def test_styles(text: str) -> None:
    read = notes.read_text(text)
    assert (
        read.model_copy(
            update={"target": read.target.lstrip("> "), "title": read.title.rstrip(" :")}
        )
        == CALM
    )


@pytest.mark.parametrize(
    "line",
    [
        'Each step needs to have a "target, result, analysis" TEXT block',
        "target, result, analysis",
        "Your new target is 99.4",
        "Target accuracy: 99.4",
        "Assignment Objective",
        "The objective: less than 10k",
        "## Model design:",
        "References:",
        "| Target | Result | Analysis |",
        "> | Result: | 99.4 |",
        "we are still far from the\ntarget\nbut near",
        "we like these\nresults.",
        "we like the\nresult - and the net",
        "Test: 99.4",
        "Results of step 2: 99.3",
        "Targets and goals:",
        "x Result: 99.4",
        "```\nResult: printed by a script\n```",
        "~~~text\nAnalysis\n```\nTarget:\n~~~",
        "> ```\n> Target: quoted code\n> ```",
    ],
)
def test_what_is_no_heading(line: str) -> None:
    read = notes.read_text(f"A step\nAnalysis: as follows\n{line}\n\nTarget: plain")
    assert (read.title, read.result, read.target) == ("A step", "", "plain")
    assert re.findall(r"\w+", read.analysis) == ["as", "follows", *re.findall(r"\w+", line)]


def test_blocks_of_one_kind_are_joined() -> None:
    read = notes.read_text("Result: 99.4\nObservation: slow\nResult: 7k\nConclusion: too slow")
    assert read == Notes(result="99.4\n7k", analysis="slow\ntoo slow")


def test_a_heading_is_no_title() -> None:
    assert notes.read_text("Target: x\nA line\nResult: y") == Notes(target="x\nA line", result="y")


def test_what_follows_a_colon_keeps_its_bounds() -> None:
    read = notes.read_text("Target: <8k parameters\nResult: >99.4")
    assert (read.target, read.result) == ("<8k parameters", ">99.4")


def test_fenced_text_stays_in_its_block() -> None:
    log = "Test set: Accuracy: 9941/10000 (99.41%)"
    assert log in notes.read_text(f"Result:\n```\n{log}\n```\nAnalysis: good").result


def test_only_so_much_is_read() -> None:
    read = notes.read_text("Result: 1\n" + "a\n" * notes.MAX_TEXT + "Analysis: never reached")
    assert read.result
    assert not read.analysis


HOSTILE = [
    "[" * 100_000,
    "Target" + " " * 99_000 + "x",
    "Target" + "*_ " * 33_000 + "x",
    "Result:" + "- " * 50_000,
    "\x1b[" * 50_000,
    "a:" * 50_000,
    "`" * 100_000,
    "\n".join(f"{'qwertyuiop'[i % 10]}{'asdfg'[i % 5]}{i % 7 * 'z'}ults:" for i in range(10_000)),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_read_in_no_time(text: str) -> None:
    """Patterns that try again at each character took a minute for some of these."""
    assert isinstance(notes.read_text(text), Notes)


@given(st.binary() | st.text().map(str.encode) | st.text().map(lambda t: repr(t).encode()))
def test_no_file_crashes_the_notes(source: bytes) -> None:
    assert isinstance(notes.read(source), Notes)


HEADINGS = {
    "target": ["Target", "targets", "Objective", "Aim", "Goals", "GOAL"],
    "result": ["Result", "Results", "RESULTS", "Reslut"],
    "analysis": ["Analysis", "Ananlysis", "Conclusion", "Inference", "Observations"],
}
STYLES = [
    "# {}",
    "### {}:",
    "{}:",
    "{} :",
    "**{}:**",
    "**{}**",
    "- {}:",
    "2 - {}:",
    "3) {}:",
    "> * {}:",
    "> **{}**:",
]
LINES = st.lists(
    st.sampled_from(
        ["7,753 parameters", "- no over-fitting", "> 99.4 < 99.5", "", "a: b", "the target is"]
    )
)


@st.composite
def written(draw: st.DrawFn) -> tuple[Notes, str]:
    """Notes, and a text that says them."""
    texts, lines = {}, ["A title"]
    for kind in draw(st.permutations(sorted(HEADINGS))):
        heading = draw(st.sampled_from(STYLES)).format(draw(st.sampled_from(HEADINGS[kind])))
        body = draw(LINES)
        lines += [heading, *body]
        texts[kind] = "\n".join(body).strip()
    return Notes(title="A title", **texts), "\n".join(lines)


@pytest.mark.parametrize("text", ["\n" * 5_000, "words" + "\n" * 5_000, "```\n" * 5_000])
def test_a_text_without_notes_has_none(text: str) -> None:
    assert not notes.read_text(text).kinds


@given(written())
def test_notes_come_back_as_they_were_written(case: tuple[Notes, str]) -> None:
    expected, text = case
    assert notes.read_text(text) == expected
    assert notes.read_text(text.replace("\n", "\r\n")) == expected
    assert notes.read_text(textwrap.indent(text, "\t  ")) == expected


@given(st.text(st.characters(exclude_characters="\r")))
def test_line_endings_make_no_difference(text: str) -> None:
    text = f"Title\nTarget:\n{text}\nResult: y"
    assert notes.read_text(text.replace("\n", "\r\n")) == notes.read_text(text)
