"""What a submission printed, held against a rubric: found wherever it stands, believed nowhere."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from evidence_samples import UNDER_8K, run
from evidence_samples import step as observed_step
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from test_notebook_reading import code, log, stream, table, text, written
from typer.testing import CliRunner

from harness import notebook, printed
from harness.audit import Audit, Line
from harness.cli import app
from harness.data import DATASETS
from harness.evidence import Evidence
from harness.judge.audit import audit
from harness.judge.judge import judge
from harness.outputs import Stated
from harness.printed import Printed, Printouts
from harness.report.terminal import AuditReport
from harness.rubric import Check, Finding

MNIST = DATASETS["mnist"]
HELD = log(9_900, 9_940, 9_941, 9_942)
ONCE = log(9_900, 9_941, 9_938, 9_940)


def indented(block: str, by: int = 4) -> str:
    return "".join(f"{' ' * by}{line}\n" for line in block.splitlines())


def fenced(block: str, fence: str = "```") -> str:
    return f"{fence}\n{block}{fence.replace('<', '</')}\n"


def shape(logs: list[Printed]) -> list[tuple[str, str, int | None, int]]:
    return [(p.place, p.title, p.log.parameters, len(p.log.stated)) for p in logs]


# Where logs stand ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written_text", "found"),
    [
        (f"# Mine\n\n{fenced(table(7_753) + ONCE)}", [("a.md, line 9", "Mine", 7_753, 4)]),
        (f"# Model\n{fenced(table(900))}\n## Training ##\nIn epoch 3 all is well.\n{fenced(ONCE)}", [("a.md, line 13", "Training", 900, 4)]),
        (f"Intro\n\n   With 5k Param :\n\n{indented(table(5_308))}\n{indented(ONCE)}\n\n  2 With 10k Param :\n\n{indented(table(10_120), 9)}\n{indented(HELD, 10)}", [("a.md, line 11", "With 5k Param", 5_308, 4), ("a.md, line 37", "2 With 10k Param", 10_120, 4)]),
        (indented(ONCE).replace("    EPOCH: 3", "-   EPOCH: 3"), [("a.md, line 1", "", None, 4)]),
        (indented(ONCE).replace("EPOCH: 3\n", "EPOCH: 3"), [("a.md, line 1", "", None, 4)]),
        (f"## Step 2\nAnalysis:\n{fenced(ONCE, '~~~')}", [("a.md, line 4", "Step 2", None, 4)]),
        (f"# Mine\n<details><summary>Log of a.py</summary>\n\n{fenced(ONCE)}", [("a.md, line 5", "Log of a.py", None, 4)]),
        (f" - **Logs**:\n<pre style='x'>\n{ONCE}</pre>\nEpoch 9: nothing\n", [("a.md, line 3", "Logs", None, 4)]),
        (f"```\n{ONCE}", [("a.md, line 2", "", None, 4)]),
        (ONCE, [("a.md, line 1", "", None, 4)]),
        (ONCE.replace("\n", "\r\n"), [("a.md, line 1", "", None, 4)]),
        (ONCE.replace("Test set", "    Test set"), [("a.md, line 1", "", None, 4)]),
        (f"{fenced(HELD + table(100) + ONCE)}", [("a.md, line 2", "", None, 4), ("a.md, line 23", "", 100, 4)]),
        (f"{fenced(table(100) + table(200) + HELD)}", [("a.md, line 12", "", None, 4)]),
        (fenced(log(9_900, 9_910, 9_920, first=6)), [("a.md, line 2", "", None, 3)]),
    ],
    ids=["fence", "two fences", "indented", "list mark", "run together", "tildes", "summary", "pre", "open", "raw", "crlf", "half indented", "two in one", "two tables", "cut off"],
)  # fmt: skip
def test_logs_in_texts(written_text: str, found: list[Any]) -> None:
    assert shape(printed.of_text("a.md", written_text)) == found


@pytest.mark.parametrize(
    "written_text",
    [
        "",
        "Test accuracy: 99.46 in epoch 12\n",
        "    1 - Test Accuracy: 99.46 (At EPOCH - 11)\n\n    1 - Test Accuracy: 99.41 (At EPOCH - 12)\n\n    1 - Test Accuracy: 99.3 (At EPOCH - 14)\n",
        fenced(log(9_940, 9_941)),
        fenced("Test set: Accuracy: 9900/10000 (99.00%)\n" * 3),
        "Less than 15 Epochs\n99.4% validation accuracy\n",
    ],
    ids=["nothing", "prose", "notes", "two epochs", "no numbers", "assignment"],
)  # fmt: skip
def test_texts_without_a_log(written_text: str) -> None:
    assert not printed.of_text("a.md", written_text)


def test_logs_in_notebooks() -> None:
    cells = [text("# Step 4\nmany words"), code("x", table(900)), text("Result:\n99.4"), code("x", ONCE), code("y", HELD)]  # fmt: skip
    assert shape(printed.of_notebook("a.ipynb", cells)) == [
        ("a.ipynb, cell 4", "Step 4", 900, 4),
        ("a.ipynb, cell 5", "Step 4", None, 4),
    ]


PIECES = st.sampled_from([log(9_940), log(9_900, 9_941, 9_942), table(7_753), "```\n", "    ", "- ", "# A\n", "Epoch 3 test acc: 99.4\n", "<pre>", "</pre>\n", "\r", "\t", "~~~", "\n", "9/10"])  # fmt: skip


@given(st.text() | st.lists(PIECES | st.text(max_size=9)).map("".join))
def test_no_figure_is_invented(given_text: str) -> None:
    shown = notebook.shown(given_text.replace("\r\n", "\n")).replace(",", "")
    for found in printed.of_text("a.md", given_text):
        for stated in found.log.stated:
            assert stated.written.replace(",", "") in shown
            figure = stated.percent * stated.out_of / 100 if stated.out_of else stated.percent
            assert f"{figure:.10g}" in stated.written
        assert str(found.log.parameters or "") in shown
        assert 1 <= int(found.place.rpartition(" ")[2]) <= given_text.count("\n") + 1
        Audit.model_validate(held(found).model_dump())


def test_a_folder_and_an_archive_of_it(tmp_path: Path) -> None:
    files = {
        "step_10.ipynb": written(stream(ONCE)),
        "step_9.ipynb": written(stream(HELD)),
        "step_8.ipynb": b"{",
        "README.md": fenced(HELD).encode(),
        "notes/more.md": fenced(ONCE).encode(),
        "train.py": f'"""\n{ONCE}"""'.encode(),
        ".hidden/README.md": fenced(HELD).encode(),
    }
    folder = tmp_path / "ada"
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_bytes(content)
    with zipfile.ZipFile(tmp_path / "ada.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    for path in folder, tmp_path / "ada.zip":
        found = printed.read(path)
        places = ["more.md, line 2", "README.md, line 2", "step_9.ipynb, cell 1", "step_10.ipynb, cell 1"]  # fmt: skip
        assert [one.place.removeprefix("notes/") for one in found.logs] == places
        (unread,) = found.unread
        assert unread.startswith("step_8.ipynb: it is no notebook")


def test_a_folder_without_a_notebook(tmp_path: Path) -> None:
    (tmp_path / "RESULTS.md").write_text(fenced(HELD))
    (tmp_path / "step_1.py").write_text("")
    assert printed.read(tmp_path).files == ["RESULTS.md"]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.zip", b"PK", "a.zip: it is damaged"),
        ("a.ipynb", b"", "a.ipynb: the file is empty"),
        ("a.log", b"\xff\x00\xfe" * 9, ""),
        ("a.log", b"\xff\xfe\x00", ""),
    ],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    found = printed.read(tmp_path / name)
    assert not found.logs
    assert "".join(found.unread).startswith(told)


def test_what_powershell_wrote_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(ONCE, encoding="utf-16")
    assert shape(printed.read(tmp_path / "a.log").logs) == [("a.log, line 1", "", None, 4)]


# What the rules make of them ----------------------------------------------------------------


def held(found: Printed, **accuracy: Any) -> Audit:
    checks = [c.model_copy(update=accuracy) if c.kind == "accuracy" else c for c in UNDER_8K.checks]
    rubric = UNDER_8K.model_copy(update={"checks": checks})
    return audit("ada", rubric, Printouts(logs=[found]), MNIST)


def lines(output: str, **accuracy: Any) -> dict[str, Line]:
    (found,) = printed.of_notebook("a.ipynb", [code("x", output)])
    return {line.check: line for line in held(found, **accuracy).logs[0].lines}


def percentages(*printed_so: str) -> str:
    return "".join(f"Epoch {n}\nTest Accuracy: {p}\n" for n, p in enumerate(printed_so, 1))


@pytest.mark.parametrize(
    ("output", "check", "outcome", "claimed", "why"),
    [
        (table(7_999) + HELD, "parameters", "meets", "7,999", "1 below the limit"),
        (table(8_000) + HELD, "parameters", "misses", "8,000", "the limit itself is not below the limit"),
        (HELD, "parameters", "cannot be told", "", "no parameter table of its own, or several that differ"),
        (log(*[9_000] * 15), "epochs", "meets", "15 epochs", "within the limit"),
        (log(*[9_000] * 16, first=0), "epochs", "misses", "16 epochs", "1 more than allowed"),
        (log(*[9_000] * 16, first=6), "epochs", "cannot be told", "16 accuracies", "its epochs are not numbered one by one from the first"),
        (HELD, "accuracy", "meets", "9,940, 9,941, 9,942 of 10,000", "as asked"),
        (ONCE, "accuracy", "misses", "9,941, 9,938, 9,940 of 10,000", "missed in epoch 3 by 2; holds 99.3 %"),
        (log(9_000, 9_941, 9_938, 9_940, first=0), "accuracy", "misses", "9,941, 9,938, 9,940 of 10,000", "missed in epoch 3 by 2; holds 99.3 %"),
        (log(9_941, 9_938, 9_940, first=13), "accuracy", "misses", "9,941, 9,938, 9,940 of 10,000", "missed in epoch 14 by 2; holds 99.3 %"),
        (log(9_800, 9_941, 9_800), "accuracy", "misses", "9,800, 9,941, 9,800 of 10,000", "missed in epoch 1 by 140, epoch 3 by 140"),
        (log(9_941, 9_942), "accuracy", "misses", "9,941, 9,942 of 10,000", "2 epochs are fewer than 3"),
        (log(59_900, 59_910, 59_920, of=60_000), "accuracy", "cannot be told", "59,900, 59,910, 59,920 of 60,000", "the test set has 10,000 images"),
        (log(9_941, first=9) + log(9_941, 9_942, first=12), "accuracy", "cannot be told", "9,941, 9,941, 9,942 of 10,000", "its last epochs are not numbered one by one"),
        ("Test set: Accuracy: 9941/10000 (99.41%)\n" * 3, "accuracy", "cannot be told", "9,941, 9,941, 9,941 of 10,000", "its last epochs are not numbered one by one"),
        (log(9_941, 9_942, 9_943) + "Epoch 4\nEpoch 5\n", "accuracy", "cannot be told", "9,941, 9,942, 9,943 of 10,000", "it goes on to epoch 5, and tells no more"),
        (percentages("99.40 %", "99.41 %", "0.9942"), "accuracy", "meets", "9,940, 9,941, 9,942 of 10,000", "as asked"),
        (percentages("99.39 %", "99.40 %", "99.4"), "accuracy", "misses", "9,939, 9,940, 9,935 to 9,945 of 10,000", "missed in epoch 1 by 1; holds 99.3 %"),
        (percentages("99.41", "99.41", "99.4"), "accuracy", "cannot be told", "9,941, 9,941, 9,935 to 9,945 of 10,000", "what is printed is too coarse to tell"),
        (percentages("99.5", "99.5", "99.5"), "accuracy", "meets", "9,945 to 9,955, 9,945 to 9,955, 9,945 to 9,955 of 10,000", "as asked"),
        (percentages("99.5", "99.3", "99.5"), "accuracy", "misses", "9,945 to 9,955, 9,925 to 9,935, 9,945 to 9,955 of 10,000", "missed in epoch 2 by 5; holds 99.0 %"),
    ],
)  # fmt: skip
def test_rules(output: str, check: str, outcome: str, claimed: str, why: str) -> None:
    line = lines(output)[check]
    assert (line.outcome, line.claimed, line.why) == (outcome, claimed, why)


NOT_HELD = "99.4 % is not consistent: of the last 3 epochs it is missed in epoch 2 by 2"


@pytest.mark.parametrize(
    ("correct", "last_epochs", "remarks"),
    [
        ([9_941, 9_938, 9_940], 1, [NOT_HELD]),
        ([9_941, 9_938, 9_930], 1, []),
        ([9_940, 9_941, 9_942], 1, []),
        ([9_930, 9_941, 9_942, 9_940], 1, []),
        ([9_930, 9_931, 9_932], 1, []),
        ([9_941, 9_938, 9_940], 2, []),
        ([9_938, 9_941, 9_940], 2, [NOT_HELD.replace("2 by", "1 by")]),
        ([9_941, 9_938, 9_940], 3, []),
    ],
)
def test_what_is_reached_and_not_held_is_remarked(
    correct: list[int], last_epochs: int, remarks: list[str]
) -> None:
    """Where it is a miss by the rubric itself, no remark is needed."""
    (found,) = printed.of_notebook("a.ipynb", [code("x", log(*correct))])
    assert held(found, last_epochs=last_epochs).logs[0].remarks == remarks


def test_a_coarse_figure_is_no_evidence_that_it_was_not_held() -> None:
    for before, remarks in ("99.4", 0), ("99.3", 1):
        output = percentages("99.41", before, "99.40")
        (found,) = printed.of_notebook("a.ipynb", [code("x", output)])
        assert len(held(found, last_epochs=1).logs[0].remarks) == remarks


def test_a_log_is_judged_as_the_run_would_be() -> None:
    counts = 9_950, 9_941, 9_938, 9_940
    evidence = Evidence(submission="ada", dataset=MNIST, steps=[observed_step(run(*counts))])
    marks = {mark.check: mark for mark in judge(UNDER_8K, evidence).marks}
    claimed = lines(log(*counts))
    for check in "epochs", "accuracy":
        assert claimed[check].why == marks[check].why.replace(" (confirmed)", "")
        assert claimed[check].asked == marks[check].asked


def test_a_percentage_that_is_not_its_counts() -> None:
    wrong = "Epoch 1\nTest set: Accuracy: 9941/10000 (99.14%)\n"
    right = "Epoch 1\nTest set: Accuracy: 9946/10000 (99%)\nEpoch 2\nTest set: Accuracy: 9946/10000 (99.5%)\n"
    cut = "Epoch 1\nTest set: Accuracy: 9946/10000 (99.4%)\nEpoch 2\nTest set: Accuracy: 9946/10000 (0.99%)\n"
    (found,) = printed.of_notebook("a.ipynb", [code("x", wrong)])
    told = "“Test set: Accuracy: 9941/10000 (99.14%)”: the count is 99.41 %, not 99.14 %"
    assert held(found).logs[0].remarks == [told]
    (found,) = printed.of_notebook("a.ipynb", [code("x", wrong + wrong.replace("1", "2", 1) * 2)])
    assert held(found).logs[0].remarks == [f"{told}; and so in 2 more lines"]
    for output in right, cut:
        (found,) = printed.of_notebook("a.ipynb", [code("x", output)])
        assert not held(found).logs[0].remarks


@pytest.mark.parametrize(
    ("percent", "half", "out_of", "ends"),
    [
        (99.4, 0.005, None, (9_940, 9_940)),
        (99.4, 0.05, None, (9_935, 9_945)),
        (99.4, 0.5, None, (9_890, 9_990)),
        (100 * 9_941 / 10_000, 0, 10_000, (9_941, 9_941)),
        (100 * 59_641 / 60_000, 0, 60_000, (59_641, 59_641)),
    ],
)
def test_what_a_rounded_figure_can_mean(
    percent: float, half: float, out_of: int | None, ends: tuple[int, int]
) -> None:
    assert Stated("", percent, half, out_of, True).correct(10_000) == ends


@given(st.integers(200, 9_999), st.integers(0, 6))
def test_the_true_count_is_among_those(count: int, digits: int) -> None:
    """However the percentage was rounded; that of the last digit of four is the count itself."""
    for shown in f"{100 * count / 10_000:.{digits}f}", f"{count / 10_000:.{digits + 2}f}":
        (found,) = printed.of_text("a.txt", percentages(shown, shown, shown))
        low, high = found.log.stated[0].correct(10_000)
        assert low <= count <= high
        assert low == high or digits < 2


class Silent(Check):
    """A kind of an instructor's own, from before there were audits."""

    needs = ("network",)

    def asked(self, dataset: Any) -> str:
        return ""

    def judge(self, step: Any, evidence: Any) -> Finding:
        return Finding(1, "", "")


def test_a_kind_without_an_audit_is_silent() -> None:
    silent = Silent(kind="silent", points=1, scope="every step")
    rubric = UNDER_8K.model_copy(update={"checks": [*UNDER_8K.checks, silent]})
    found = audit("ada", rubric, Printouts(logs=printed.of_text("a.md", HELD)), MNIST)
    assert found.silent == ["silent"]
    assert [line.check for line in found.logs[0].lines] == ["parameters", "epochs", "accuracy"]


def test_a_missed_bonus_is_no_miss() -> None:
    logs = Printouts(logs=printed.of_text("a.md", fenced(table(9_000) + HELD)))
    for bonus in False, True:
        update = {"bonus": bonus, "required": False}
        checks = [c.model_copy(update=update if c.kind == "parameters" else {}) for c in UNDER_8K.checks]  # fmt: skip
        found = audit("ada", UNDER_8K.model_copy(update={"checks": checks}), logs, MNIST)
        assert found.logs[0].lines[0].outcome == "misses"
        assert found.misses == (not bonus)


# The command --------------------------------------------------------------------------------


def audited(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["audit", *map(str, arguments)], env={"COLUMNS": "150"})
    return result.exit_code, result.stdout, result.stderr


def test_every_figure_is_called_a_claim(tmp_path: Path) -> None:
    path = tmp_path / "ten-steps.md"
    path.write_text(f"## With 5k\n{fenced(table(5_308) + ONCE)}")
    number, told, _ = audited(path)
    assert number == 1
    assert told.splitlines()[0].endswith("· claimed, not measured")
    assert "ten-steps.md, line 8: With 5k" in told
    assert "✗ accuracy" in told
    assert "Nothing was run and nothing measured" in told
    number, told, _ = audited(path, "--json", "--exit-zero")
    found = Audit.model_validate_json(told)
    assert number == 0
    assert (json.loads(told)["figures"], found.submission) == ("claimed", "ten-steps")
    assert found.logs[0].lines[0].claimed == "5,308"


@pytest.mark.parametrize(
    ("given_text", "arguments", "number"),
    [
        (fenced(table(5_308) + HELD), [], 0),
        (fenced(HELD), [], 0),
        (fenced(table(5_308) + ONCE), [], 1),
        (fenced(table(5_308) + ONCE), ["--rubric", "under-20k"], 0),
        (fenced(table(5_308) + HELD), ["no-such"], 2),
        (fenced(table(5_308) + HELD), ["--rubric", "no-such"], 2),
        ("no log", [], 3),
        ("no log", ["--exit-zero"], 0),
        ("no log", ["--exit-zero", "no-such"], 2),
    ],
)
def test_exit_codes(tmp_path: Path, given_text: str, arguments: list[str], number: int) -> None:
    (tmp_path / "a.md").write_text(given_text)
    assert audited(tmp_path / "a.md", *arguments)[0] == number


def test_the_readme_shows_what_an_audit_says() -> None:
    """And the seed's own figures: 5,308 parameters and one epoch missed, 10,120 and none."""
    root = Path(__file__).parents[1]
    told = CliRunner().invoke(
        app, ["audit", str(root / "submissions" / "s5-ten-steps")], env={"COLUMNS": "104"}
    )
    shown = "\n".join(line.rstrip() for line in told.stdout.rstrip().splitlines())
    assert shown in (root / "README.md").read_text(encoding="utf-8")
    assert told.exit_code == 1


def test_what_was_looked_for_is_told(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("words")
    (tmp_path / "bad.ipynb").write_text("{")
    _, told, _ = audited(tmp_path)
    assert "looked in bad.ipynb, README.md" in " ".join(told.split())
    assert "not read: bad.ipynb: it is no notebook" in told
    (tmp_path / "damaged.zip").write_bytes(b"PK")
    assert "neither here" not in audited(tmp_path / "damaged.zip")[1]
    assert f"{tmp_path}/none: no such file" in "".join(audited(tmp_path / "none")[2].split("\n"))


def test_nobodys_words_steer_the_terminal() -> None:
    heading = "# [red]\x1b[31m bold\x07\n"
    logs = printed.of_text("\x1b]0;a.md", heading + fenced(ONCE))
    console = Console(width=200, file=io.StringIO())
    with console.capture() as captured:
        console.print(AuditReport(audit("\x1b[2J", UNDER_8K, Printouts(logs=logs), MNIST)))
    told = captured.get()
    assert "\x1b" not in told
    assert "\x07" not in told
    assert "[red]" in told


def test_it_imports_no_torch(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(fenced(HELD))
    script = (
        "import sys\n"
        "from harness.cli import app\n"
        f"app(['audit', {str(tmp_path / 'a.md')!r}], standalone_mode=False)\n"
        "assert 'torch' not in sys.modules\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
