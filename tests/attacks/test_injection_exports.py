"""Words that act, through the exports and what is told to CI services."""

import csv
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from payloads import CELLS, PAYLOADS, commands, steering
from test_injection import ALL, everywhere, named, structure
from typer.testing import CliRunner

from harness import cli
from harness.report import (
    canvas,
    github,
    gradebook_csv,
    gradescope,
    job_summary,
    junit,
    nbgrader,
)
from harness.roster import Learner
from harness.scorecard import Scorecard


def everyones(words: str) -> Scorecard:
    """Such words from the learner, and from the roster, too."""
    keys = {"name": words, "login": words, "section": words, "email": words}
    learner = Learner(folder="x", id="12", sis_id=words, first_name=words, last_name=words, **keys)
    return everywhere(words).model_copy(update={"learner": learner})


@pytest.mark.parametrize("name", PAYLOADS)
def test_tables_hold_words_and_no_formula(name: str) -> None:
    card = everyones(PAYLOADS[name])
    usual = everyones("words")
    for module in gradebook_csv, canvas, nbgrader:
        told, plain = (
            module.render([each]) if module is gradebook_csv else module.render([each], "mnist")
            for each in (card, usual)
        )
        rows, others = (list(csv.reader(io.StringIO(t, newline=""))) for t in (told, plain))
        assert [len(row) for row in rows] == [len(row) for row in others]
        assert not [cell for row in rows for cell in row if re.match(r"[=@\t\r]|[-+](?!\d)", cell)]
        assert not steering(told)
        assert not commands(told)
        assert len(told) < 100_000


@pytest.mark.parametrize("name", CELLS)
def test_a_formula_is_whole_behind_its_apostrophe(name: str) -> None:
    words = " ".join(CELLS[name].split())
    (row,) = csv.DictReader(io.StringIO(gradebook_csv.render([everyones(CELLS[name])])))
    assert row["name"] == f"'{words}"


@pytest.mark.parametrize("name", PAYLOADS)
def test_junit_and_gradescope_hold_words(name: str) -> None:
    card = everyones(PAYLOADS[name])
    told, results = junit.render([card]), gradescope.render(card)
    usual = ET.fromstring(junit.render([everyones("words")]))
    found = ET.fromstring(told)
    assert [each.tag for each in found.iter()] == [each.tag for each in usual.iter()]
    shown = "".join(
        text for each in found.iter() for text in (*each.attrib.values(), each.text or "")
    )
    written = json.loads(results)
    formats = {written["output_format"], *(test["output_format"] for test in written["tests"])}
    assert formats == {"text"}
    for text in told, results, shown, json.dumps(written, ensure_ascii=False):
        assert not steering(text)
    for text in told, results:
        assert not commands(text)
        assert len(text) < 300_000


@pytest.mark.parametrize("name", PAYLOADS)
def test_annotations_and_the_summary_hold_words(name: str) -> None:
    card, usual = everyones(PAYLOADS[name]), everyones("words")
    told, plain = (github.render([(each, lambda step: step)]) for each in (card, usual))
    assert told.count("\n") == plain.count("\n")
    for line in told.splitlines():
        # As the runner reads it: a command, its properties, and what it says.
        _, head, message = line.split("::", 2)
        command, properties = head.split(" ", 1)
        assert command in ("error", "warning")
        keys = [each.partition("=")[0] for each in properties.split(",")]
        assert keys in (["file", "title"], ["file", "line", "title"])
        assert not commands(message)
        assert "::" not in re.sub(r"::(?![A-Za-z])", "", message)
    assert not steering(told)
    summary, other = job_summary.render([card]), job_summary.render([usual])
    assert structure(summary) == structure(other)
    assert not steering(summary)
    assert not commands(summary)


def test_nothing_that_a_submission_says_is_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a runner that reads standard output and standard error as they come."""
    folder = tmp_path / f"::error::{named(ALL)}"
    folder.mkdir()
    (folder / "step_1.py").write_text(
        "import torch.nn as nn\n\n\nclass Net(nn.Module):\n    pass\n"
    )
    monkeypatch.setattr("harness.grade.collect", lambda *_: everywhere(ALL).evidence)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    arguments = ["check", str(folder), "--rubric", "under-8k", "--no-sandbox", "--github"]
    result = CliRunner().invoke(cli.app, [*arguments, "--store", str(tmp_path / "store")])
    assert result.exit_code in (1, 3), result.output
    first, *lines = result.output.splitlines()
    token = first.removeprefix("::stop-commands::")
    assert re.fullmatch("[0-9a-f]{32}", token)
    end = lines.index(f"::{token}::")
    assert not commands("\n".join(lines[:end]))
    assert lines[end + 1 :]
    for line in lines[end + 1 :]:
        assert re.match(r"::(error|warning) file=[^:,]*(,line=\d+)?,title=[^:,]*::", line)
        assert len(re.findall(r"::(?=[A-Za-z])|##\[", line[2:])) <= 1
    assert not steering(result.output)
    assert not commands((tmp_path / "summary.md").read_text())
