"""What is written in a notebook: its cells and parts, notes, READMEs beside it, stored outputs."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_layout import LOOP, NET, NOTEBOOKS

from harness import claims, notebook, outputs, reading, readme
from harness.claims import Claim
from harness.notebook import Cell, NotebookError
from harness.notes import Notes
from harness.submission import Source, Submission


def code(source: str = "", output: str = "") -> Cell:
    return Cell("code", source, output)


def text(source: str) -> Cell:
    return Cell("markdown", source)


def written(*cells: dict[str, Any]) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": list(cells)}).encode()


def stream(*pieces: str | tuple[str, str]) -> dict[str, Any]:
    """A code cell with what it printed, piece by piece, on stdout where no name is given."""
    named = [("stdout", piece) if isinstance(piece, str) else piece for piece in pieces]
    return {
        "cell_type": "code",
        "source": ["train()\n"],
        "outputs": [{"output_type": "stream", "name": n, "text": t} for n, t in named],
    }


# Cells --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        (["a\n", "b"], "a\nb"),
        ([("stderr", "\r 10%"), ("stderr", "\r100%"), "done\n"], "100%\ndone\n"),
        (["loss=0.31 long\rloss=0.2"], "loss=0.21 long"),
        (["a\r\nb\r\n"], "a\nb\n"),
        (["\x1b[1mbold\x1b[0m \x1b[38;5;12mblue\x1b[0m"], "bold blue"),
        (["x" * 5_000], "x" * notebook.MAX_LINE),
        (["half \ud800"], "half ?"),
    ],
    ids=["pieces", "bar", "overwritten", "crlf", "colours", "long", "surrogate"],
)
def test_output_is_what_a_terminal_shows(pieces: list[Any], shown: str) -> None:
    assert notebook.read(written(stream(*pieces)))[0].output == shown


def test_cells_keep_their_numbers() -> None:
    cells = notebook.read(
        written(
            {"cell_type": "markdown", "source": ["# A\n", "b"]},
            {"cell_type": "raw", "source": "c\r\nd"},
            {"cell_type": "video", "source": "e"},
            {
                "cell_type": "code",
                "source": "1",
                "outputs": [
                    {"output_type": "display_data", "data": {"image/png": "A" * 99}},
                    {"output_type": "execute_result", "data": {"text/plain": ["1", "\n2"]}},
                    {"output_type": "error", "ename": "E", "evalue": "told", "traceback": ["x"]},
                ],
            },
        )
    )
    assert cells == [
        text("# A\nb"),
        Cell("raw", "c\nd"),
        Cell("raw", ""),
        code("1", "\n1\n2\nE: told"),
    ]


@given(st.binary() | NOTEBOOKS)
def test_any_bytes_are_cells_or_refused(content: bytes) -> None:
    try:
        cells = notebook.read(content)
    except NotebookError:
        return
    parts = notebook.parts(cells, [(0, 0, 0), (None, 1, 1), (2, None, None)])
    submission = Submission("any", [Source("a.ipynb", content)], readmes={"README.md": content})
    for part in [None, *parts]:
        found = reading.read(submission, submission.steps[0], part)
        found.notes.model_dump_json()
        [each.model_dump_json() for each in [*found.claims, *found.logged]]


# Parts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "runs", "starts"),
    [
        # c defines a class, t trains, p is other code; anything else is a markdown cell.
        (["c", "t", "# Model 2", "c", "t"], [(0, 1), (3, 4)], [0, 2]),
        (["c", "t", "c", "t"], [(0, 1), (2, 3)], [0, 2]),
        (["c", "t", "Analysis: good", "c", "t"], [(0, 1), (3, 4)], [0, 3]),
        (["c", "t", "p", "Result: good", "## Step 2", "p", "c", "t"], [(0, 1), (6, 7)], [0, 4]),
        (["c", "t", "Analysis: good", "Target: more", "c", "t", "Analysis: x"], [(0, 1), (4, 5)], [0, 3]),
        (["c", "t", "a word", "c", "t"], [(0, 1), (3, 4)], [0, 2]),
        (["p", "# Model 3", "t", "p", "# Model 4", "p", "t"], [(None, 2), (None, 6)], [0, 4]),
        (["c", "t", "p", "t"], [(0, 1), (0, 3)], [0, 2]),
        (["c", "t"], [(0, 1), (0, 1)], [0, 0]),
        (["c", "t"], [(0, None)], [0]),
        # A class that is trained twice, with notes in between.
        (["c", "t", "c", "t", "Analysis: good", "t"], [(0, 1), (2, 3, 5)], [0, 2]),
        (["c", "t", "p", "t", "Analysis: good", "t"], [(0, 1), (None, 3, 5)], [0, 2]),
        (["c", "t", "t", "Analysis: good", "c", "t"], [(0, 1, 2), (4, 5)], [0, 4]),
        (["c", "t", "p", "t"], [(0, 1), (2, 1, 3)], [0, 2]),
        (["c", "t", "`Results:`\n99.2", "p", "a word", "c", "t"], [(0, 1), (5, 6)], [0, 3]),
        (["c", "t", "`Target:`\n99.2", "p", "a word", "c", "t"], [(0, 1), (5, 6)], [0, 2]),
    ],
)  # fmt: skip
def test_parts(cells: list[str], runs: list[tuple[int | None, ...]], starts: list[int]) -> None:
    notes_and_code = [code(each) if each in "ctp" else text(each) for each in cells]
    found = notebook.parts(notes_and_code, [(run[0], run[1], run[-1]) for run in runs])
    assert [part.start for part in found] == starts
    assert found[-1].stop == len(cells)
    assert all(one.stop in (other.start, len(cells)) for one, other in pairwise(found))


# Notes --------------------------------------------------------------------------------------

ALL = "Target: hold it\nResult: 99.41\nAnalysis: it holds"


@pytest.mark.parametrize(
    "cells",
    [
        [text("<a href='x'><img src='y'/></a>"), text(f"# Title\n{ALL}"), code("x")],
        [code("x"), text(ALL)],
        [text("## Target\nhold it"), code("x"), text("## Result\n99.41\n## Analysis\nit holds")],
        [text("## Target"), text("hold it"), code("x"), text("Result: 99.41"), text("Analysis: it holds")],
        [code(f'"""\n{ALL}\n"""'), code("x")],
        [code("# Target: hold it\n# Result: 99.41\n# Analysis: it holds")],
        [Cell("raw", ALL)],
        [text(ALL), code("x"), text("### Inference\nthe classes are balanced")],
        [text("|Target|Result|Analysis|\n|---|---|---|\n|hold it|99.41|it holds|")],
        [text(f"A step\n```\n{ALL}\n```")],
        [text("<b>Target:</b> hold it<br><b>Result:</b> 99.41<br/><b>Analysis:</b> it&nbsp;holds")],
    ],
)  # fmt: skip
def test_notes_of_cells(cells: list[Cell]) -> None:
    found = reading.of_cells(cells, range(len(cells)))
    words = found.target, found.result, found.analysis.replace("\xa0", " ")
    assert words == ("hold it", "99.41", "it holds")


def test_only_a_parts_own_cells_are_read() -> None:
    cells = [text("Target: one"), code("x"), text("Target: two")]
    assert reading.of_cells(cells, range(2)).target == "one"
    assert reading.of_cells(cells, range(2, 3)).target == "two"


def test_a_readme_tells_of_the_last_part() -> None:
    cells = [{"cell_type": "markdown", "source": f"Target: {n}"} for n in ("all", "one", "two")]
    submission = handed_in(*cells, README="Target: x\nResult: y\nAnalysis: z")
    step = submission.steps[0]
    first, last = (reading.read(submission, step, part).notes for part in (range(2), range(2, 3)))
    assert (first.target, first.result) == ("one", "")
    assert (last.target, last.result) == ("two", "y")
    assert reading.read(submission, step).notes.target == "all"


FULL = text("Target: all\nResult: y\nAnalysis: z")


@pytest.mark.parametrize(
    ("cells", "targets"),
    [
        ([FULL, code("model = A()"), code(LOOP), code("model = B()"), code(LOOP)], ["", "all"]),
        ([FULL, code(NET), code(LOOP), text("Analysis: good"), code(LOOP)], ["", "all"]),
        ([FULL, code(NET), code(LOOP), text("Target: more"), code(LOOP)], ["all", "more"]),
        ([code(NET), FULL, code(LOOP), code(NET), code(LOOP)], ["all", ""]),
        ([text("Target: all"), code(NET), code(LOOP), code(NET), code(LOOP)], ["all", ""]),
    ],
    ids=["of the file", "one kind more", "of the first", "below a class", "a target alone"],
)
def test_notes_of_the_file_are_its_last_parts(cells: list[Cell], targets: list[str]) -> None:
    parts = range(3), range(3, 5)
    assert [reading.of_cells(cells, part).target for part in parts] == targets
    assert reading.of_cells(cells, range(5)).target in ("all", "more")


def test_a_heading_above_is_the_title() -> None:
    cells = [text("# Batch Normalisation"), text(ALL), code("x")]
    assert reading.of_cells(cells, range(3)).title == "Batch Normalisation"


# READMEs ------------------------------------------------------------------------------------

BLOCK = "{0}Target{1}\naim {2}\n\n{0}Result{1}\nreached {2}\n\n{0}Analysis{1}\nbecause {2}\n\n"
QUOTED = (
    "# Assignment\n\nTarget:\n* 99.4 % in exactly 4 steps\n* each with target, result, analysis\n\n"
)


def sections(heading: str, mark: str = "### ", colon: str = "", after: str = "") -> str:
    return "".join(
        heading.format(n) + "\n" + BLOCK.format(mark, colon, n) + after.format(n) + "\n"
        for n in (1, 2, 3)
    )


@pytest.mark.parametrize(
    "readme_text",
    [
        sections("## Step {0}"),
        sections("## Step -{0} : the step", "    ", ":"),
        sections("# CODE {0}", "## ", ":"),
        sections("### Model{0}", " - **", "**:"),
        sections("## [Step {0}](step_{0}.ipynb)"),
        sections("##  a name", after="File : [Link](https://x.org/step_{0}.ipynb)\n"),
        sections("- [`model`](https://x.org/step_{0}.ipynb)", "    - "),
        sections("**Step {0}**", "- ", ":"),
        sections("<details><summary>Step {0}</summary>\n", "**", "**", "</details>\n"),
        sections("<h2>Step {0}</h2>", "<h3>", "</h3>"),
        sections("a paragraph"),
        sections("# Step {0}\n```", colon=":", after="```\n").replace("### ", ""),
        "# Objective\n99.4 %\n" + sections("## Step {0}", "### ") + "# Conclusion\nall is well\n",
        sections("## Step {0}\n```\nTotal params: 1\n```\n") + "## Final Model\n\na log\n",
        "| no | file | Targets | Results | Analysis |\n|---|---|---|---|---|\n"
        + "".join(f"| {n} | step_{n} | aim {n} | <ul><li>reached {n}</li></ul> | because {n} |\n" for n in (1, 2, 3)),
        "| | Step 1 | Step 2 | Step 3 |\n|---|---|---|---|\n"
        + "".join(f"| {k} | {w} 1 | {w} 2 | {w} 3 |\n" for k, w in [("Target", "aim"), ("Result", "reached"), ("Analysis", "because")]),
        "<table>\n<thead><tr><th>Target</th><th>Result</th><th>Analysis</th></tr></thead>\n<tbody>\n"
        + "".join(f"<tr>\n<td>aim {n}</td>\n<td>reached {n}</td><td>because {n}</td></tr>\n" for n in (1, 2, 3)) + "</table>",
    ],
    ids=["headings", "dashes", "code", "bullets", "links", "links below", "list", "bold", "details", "html", "flat", "in fences", "frame", "fences", "table", "columns", "html table"],
)  # fmt: skip
@pytest.mark.parametrize("opening", ["", QUOTED])
def test_readmes(readme_text: str, opening: str) -> None:
    steps = ["step_1.ipynb", "step_2.ipynb", "step_3.ipynb"]
    found = readme.about(opening + readme_text, steps)
    assert sorted(found) == steps
    for number, step in enumerate(steps, 1):
        said = found[step]
        told = [part.strip("- ") for part in (said.target, said.result, said.analysis)]
        assert [part.splitlines()[0] for part in told] == [f"aim {number}", f"reached {number}", f"because {number}"]  # fmt: skip
        assert "all is well" not in said.analysis
        assert "a log" not in said.analysis


def test_a_column_may_be_missing() -> None:
    table = "|step|Target|Result|\n|-|-|-|\n|1|a|b|\n|2|c|d|\n"
    found = readme.about(table, ["s1.py", "s2.py"])
    assert found == {"s1.py": Notes(target="a", result="b"), "s2.py": Notes(target="c", result="d")}


@pytest.mark.parametrize(
    ("readme_text", "steps", "told"),
    [
        (QUOTED, ["step_1.ipynb"], {}),
        (QUOTED, ["step_1.ipynb", "step_2.ipynb"], {}),
        (sections("## Step {0}"), ["step_2.ipynb"], {"step_2.ipynb": "2"}),
        (sections("## Step {0}"), ["step_1.ipynb", "step_2.ipynb"], {"step_1.ipynb": "1", "step_2.ipynb": "2"}),
        (sections("## a name"), ["step_1.ipynb", "step_2.ipynb"], {}),
        (sections("## Step {0}"), ["step_0.ipynb", "step_1.ipynb", "step_2.ipynb"], {"step_0.ipynb": "1", "step_1.ipynb": "2", "step_2.ipynb": "3"}),
        (sections("## Model_{0}"), ["models.py:Model_1", "models.py:Model_2", "models.py:Model_3"], {"models.py:Model_1": "1", "models.py:Model_2": "2", "models.py:Model_3": "3"}),
        (sections("## [x](step_{0}.ipynb)"), ["a/step_3.ipynb"], {"a/step_3.ipynb": "3"}),
        (sections("## Code {0}: (`x_{0}.ipynb`)"), ["assignment_2.ipynb"], {}),
        ("# Mine\nuses utils.py\n## Network\n`x_1.ipynb`\n" + BLOCK.format("### ", "", 1), ["assignment.ipynb"], {}),
        ("# Mine\nuses utils.py\n## Network\n" + BLOCK.format("### ", "", 1), ["assignment.ipynb"], {"assignment.ipynb": "1"}),
        ("## `my step.ipynb`\n" + BLOCK.format("### ", "", 1), ["my step.ipynb"], {"my step.ipynb": "1"}),
    ],
    ids=["assignment", "assignment twice", "one", "two", "unclear", "from 0", "classes", "folder", "others", "another", "one above", "blank"],
)  # fmt: skip
def test_whose_section_it_is(readme_text: str, steps: list[str], told: dict[str, str]) -> None:
    found = readme.about(readme_text, steps)
    assert {step: said.target.removeprefix("aim ") for step, said in found.items()} == told


@given(st.text() | st.lists(st.sampled_from([QUOTED, "## Step 2\n", "| Target | Result |\n", "Target: x\n", "<td>", "```\n", "# ", "|"])).map("".join))  # fmt: skip
def test_any_readme_is_read(given_text: str) -> None:
    readme.about(given_text, ["step_1.ipynb", "models.py:Model_2"])


# Everything ---------------------------------------------------------------------------------


def handed_in(*cells: dict[str, Any], **readmes: str) -> Submission:
    texts = {f"{name}.md": words.encode() for name, words in readmes.items()}
    return Submission("ada", [Source("step_1.ipynb", written(*cells))], readmes=texts)


def test_places_are_merged_and_all_of_them_claim() -> None:
    own = {
        "cell_type": "markdown",
        "source": "Result: 7,753 parameters, test accuracy: 99.41\nAnalysis: good",
    }
    submission = handed_in(own, README="Target: hold it\nResult: test accuracy: 99.52\nAnalysis: fine")  # fmt: skip
    found = reading.read(submission, submission.steps[0])
    assert (found.notes.target, found.notes.analysis) == ("hold it", "good")
    assert found.notes.places == {
        "target": "README.md",
        "result": "notebook",
        "analysis": "notebook",
    }
    assert [(claim.written, claim.place) for claim in found.claims] == [
        ("7,753 parameters, test accuracy: 99.41", ""),
        ("7,753 parameters, test accuracy: 99.41", ""),
        ("test accuracy: 99.52", "README.md"),
    ]


def test_what_two_places_say_alike_is_one_claim() -> None:
    same = Claim(quantity="parameters", written="7,753", where="result", lowest=7753, below=7754)
    found = claims.merge([("", [same]), ("README.md", [same])])
    assert [claim.place for claim in found] == [""]


def test_a_files_docstring_and_readme_are_read() -> None:
    source = b'"""Target: small\nResult: 99.1"""\n'
    submission = Submission("a", [Source("model1.py", source)], readmes={"README.md": b"Target: x\nResult: y\nAnalysis: z"})  # fmt: skip
    found = reading.read(submission, submission.steps[0])
    assert found.notes.places == {"target": "docstring", "result": "docstring", "analysis": "README.md"}  # fmt: skip


def test_a_class_has_its_own_docstring() -> None:
    source = b'"""Target: all"""\nclass A:\n    """Target: a"""\nclass B: pass\n'
    steps = [Source("models.py:A", source, "A"), Source("models.py:B", source, "B")]
    found = [reading.read(Submission("a", steps), step).notes.target for step in steps]
    assert found == ["a", "all"]


@pytest.mark.parametrize(
    ("place", "heading", "read"),
    [
        ("README.md", "Log of step_1.py", ["step_1.py"]),
        ("README.md", "Log of a/step_2.py", ["a/step_2.py"]),
        ("a/README.md", "step_2", ["a/step_2.py"]),
        ("b/README.md", "step_1", []),  # b holds no such step
        ("README.md", "Log of b/other_step_2.py", []),  # the name of one ends as another's
        ("README.md", "Log of step_1.py and step_2.py", []),
        ("README.md", "Training", []),
    ],
)
def test_a_log_is_that_of_the_one_step_above_it(place: str, heading: str, read: list[str]) -> None:
    steps = [
        Source(f"{name}.py", NET.encode()) for name in ("step_1", "a/step_2", "b/other_step_2")
    ]
    printed = f"## {heading}\n```\n{log(9_900, 9_940, 9_930)}```\n".encode()
    submission = Submission("ada", steps, readmes={place: printed})
    assert [step.name for step in steps if reading.read(submission, step).logged] == read


# Stored outputs -----------------------------------------------------------------------------

BAR = "Loss=0.02 Batch_id=468 Accuracy=99.02: 100%|####| 469/469 [00:15<00:00, 30.1it/s]\n"


def log(*correct: int, first: int = 1, of: int = 10_000) -> str:
    return "".join(
        f"EPOCH: {number}\n{BAR}\nTest set: Average loss: 0.02, Accuracy: {right}/{of} ({100 * right / of:.2f}%)\n"
        for number, right in enumerate(correct, first)
    )  # fmt: skip


def table(total: int) -> str:
    return f"====\nTotal params: {total:,}\nTrainable params: {total:,}\nNon-trainable params: 0\n----\n"


def stated(*cells: str, trained: int | None = None) -> list[tuple[str, float | None]]:
    printed = [code("x", each) for each in cells]
    found = outputs.read(printed, range(len(printed)), trained)
    assert {claim.where for claim in found} <= {"output"}
    return [(claim.quantity, claim.lowest) for claim in found]


def test_a_log_claims_its_best_and_its_last_accuracy_and_its_epochs() -> None:
    assert stated(table(7_753), log(9_800, 9_941, 9_937)) == [
        ("parameters", 7_753),
        ("test accuracy", 99.405),
        ("test accuracy", 99.365),
        ("epochs", 3),
    ]


@pytest.mark.parametrize(
    ("output", "percent", "out_of"),
    [
        (log(9_800, 9_900, first=0), [98, 99], 10_000),
        (log(59_000, 59_400, of=60_000), [100 * 59 / 60, 99], 60_000),
        ("Epoch 1: train acc 97.5 test acc: 98.25\nEpoch 2: train acc 98 test acc: 99.41 %\n", [98.25, 99.41], None),
        ("Epoch 1/2\nval_acc=0.9825\nEpoch 2/2\nval_acc=0.9941\n", [98.25, 99.41], None),
        ("epoch 1\nTest Accuracy: 98.25\nepoch 2\nTest Accuracy: 99.41\nBest test accuracy: 99.41\n", [98.25, 99.41], None),
        ("epoch 1\nTrain set: Accuracy: 59000/60000 (98.3%)\nTest set: Accuracy: 9825/10000 (98%)\n", [98.25], 10_000),
        ("epoch 1\nTest set: Accuracy: 59000/60000 (98.3%)\nTest set: Accuracy: 9825/10000 (98%)\n", [98.25], 10_000),
        ("Test set: Accuracy: 9,825/10,000 (98%)\nTest set: Accuracy: 9,941/10,000 (99%)\n", [98.25, 99.41], 10_000),
        ("epoch 1\nVal set: Accuracy: 4960/5000 (99%)\nTest set: Accuracy: 9910/10000 (99%)\n", [99.1], 10_000),
        ("epoch 1\nVal set: Accuracy: 4960/5000 (99%)\n", [99.2], 5_000),
        ("Epoch 1 :\nTrain set: Average loss: 0.01, Accuracy: 99.09\nTest set: Average loss: 0.05, Accuracy: 98.22\n", [98.22], None),
        ("Epoch 1\nValidation set: loss 0.05, acc: 0.9822\n", [98.22], None),
    ],
    ids=["from 0", "60,000", "one line", "fractions", "best", "both", "both alike", "no counter", "test and val", "val", "no counts", "no counts of val"],
)  # fmt: skip
def test_logs(output: str, percent: list[float], out_of: int | None) -> None:
    (found,) = outputs.runs([code("x", output)], range(1))
    assert found.percent == pytest.approx(percent)
    assert found.out_of == out_of


@pytest.mark.parametrize(
    "output",
    ["", BAR * 20, "Text(0.5, 1.0, 'Test Accuracy')", "Test set: Average loss: 0.1", "accuracy: 9941/10000",
     "Training set: Accuracy: 59000/60000 (98.33%)", "test accuracy: 0.1.2", "Test Accuracy: 5/10",
     "Test set: Accuracy: 9941/10000 (99.41%)", "Epoch 1\nTest set: loss 0.1, train accuracy: 98.2",
     "Epoch 1\nTrain set: Average loss: 0.1, Accuracy: 98.2", "Epoch 1\nTest set: Accuracy: 9"],
)  # fmt: skip
def test_what_is_no_log(output: str) -> None:
    assert not outputs.runs([code("x", output)], range(1))


@pytest.mark.parametrize(
    ("printed", "lowest", "below"),
    [
        ("Test Accuracy: 99%", 98.5, 99.5),
        ("val_acc: 0.994", 99.35, 99.45),
        ("val_acc: 0.9941", 99.405, 99.415),
        ("Test Accuracy: 99.41000366", 99.405004, 99.415004),
        ("Test set: Accuracy: 9941/10000 (99%)", 99.405, 99.415),
    ],
)
def test_an_accuracy_has_the_precision_in_which_it_is_printed(
    printed: str, lowest: float, below: float
) -> None:
    cells = [code("x", f"Epoch: 1\n{printed}\n")]
    claim = outputs.read(cells, range(1))[0]
    assert (claim.lowest, claim.below) == (lowest, below)
    (run,) = outputs.runs(cells, range(1))
    counted = run.out_of is not None
    assert run.half == pytest.approx(0 if counted else (below - lowest) / 2)


def test_a_counter_that_starts_again_starts_a_new_run() -> None:
    both = log(9_800, 9_900) + log(9_810, 9_910)
    cells = [code("x", both), code("x", log(9_820, 9_920)), code("x", log(9_930, first=3))]
    found = outputs.runs(cells, range(3))
    assert [(run.cell, run.percent) for run in found] == [
        (0, [98, 99]),
        (0, [98.1, 99.1]),
        (1, [98.2, 99.2, 99.3]),
    ]


@pytest.mark.parametrize(
    ("cells", "trained", "parameters"),
    [
        ([table(100), log(9_800, 9_900), table(7_753)], None, 100),
        ([table(100), table(7_753), log(9_800, 9_900)], None, None),
        ([table(7_753), table(7_753), log(9_800, 9_900)], None, 7_753),
        ([table(7_753)], None, 7_753),
        (["Trainable params: 800\nNon-trainable params: 100\n"], None, 800),
        (["Total params: 7.8 k\n"], None, None),
        (["Total parameters: 7753"], None, 7_753),
        (["Params size (MB): 0.03\nTotal mult-adds (M): 1.05\n"], None, None),
    ],
    ids=["before", "two networks", "twice", "no training", "frozen", "rounded", "own words", "sizes"],
)  # fmt: skip
def test_parameter_tables(cells: list[str], trained: int | None, parameters: int | None) -> None:
    found = dict(stated(*cells, trained=trained))
    assert found.get("parameters") == parameters


def test_the_last_run_of_the_cell_that_trains_claims() -> None:
    cells = [log(9_800, 9_900), log(9_700, 9_750)]
    assert ("test accuracy", 98.995) in stated(*cells, trained=0)
    assert ("test accuracy", 98.995) not in stated(*cells)


def test_a_run_that_goes_on_in_another_cell_claims() -> None:
    assert stated(log(9_820, 9_920), log(9_930, first=3)) == [
        ("test accuracy", 99.295),
        ("epochs", 3),
    ]


def test_epochs_are_claimed_only_where_each_has_its_number() -> None:
    cut_off = "Streaming output truncated to the last 5000 lines.\n" + log(9_800, 9_900, first=6)
    for output in (cut_off, log(9_800, 9_900) + "Test set: Accuracy: 9900/10000 (99.00%)\n"):
        assert "epochs" not in dict(stated(output))
