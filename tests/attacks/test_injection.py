"""Words that act: in names, notes, errors and outputs, through every report and the commands."""

import html
import io
import json
import re
from pathlib import Path

import pytest
from batches import Laboratory
from evidence_samples import UNDER_8K, evidence, run, step
from markdown_it import MarkdownIt
from markdown_it.token import Token
from notebook_samples import LOOPS, SETUP, notebook
from notebook_samples import NET as NOTEBOOK_NET
from pages import Page
from payloads import CELLS, LOGS, LONG, MARKUP, PAYLOADS, TERMINAL, UNSEEN, commands, steering
from rich.console import Console
from step_samples import NET
from step_samples import step as source
from typer.testing import CliRunner, Result

from harness import cli
from harness.claims import Claim
from harness.evidence import Fault, Layer, LeftOut, Observed, Seen
from harness.judge.judge import judge
from harness.notes import Notes
from harness.recipe import Ingredient, Recipe
from harness.report import document, markdown, page, terminal
from harness.roster import Learner
from harness.scorecard import Compared, Lateness, Scorecard

SHORT = {name: words for name, words in PAYLOADS.items() if name not in LONG}
READ = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def everywhere(words: str) -> Scorecard:
    """A scorecard with these words wherever a learner, or a process of theirs, can put any."""
    trained = run(*[9_950] * 15)
    seen = [Seen(source="test", correct=1, of=2)]
    observed = Observed(
        recipe=Recipe(epochs=15, batch_size=64, optimizer=Ingredient(name=words, lr=words)),
        unreplayable=words,
        cell=1,
        declared=True,
        findings=[words],
        remarks=[words],
    )
    own = trained.model_copy(
        update={
            "seed": 0,
            "observed": observed,
            "epochs": [epoch.model_copy(update={"seen": seen}) for epoch in trained.epochs],
        }
    )
    fault = Fault(owner="submission", stage=words[:20], message=words, traceback=words)
    claim = Claim(quantity="test accuracy", written=words, where="result", lowest=99.9)
    one = step(own, notes=Notes(title=words, result=words), claims=[claim], fault=fault)
    assert one.network is not None
    one = one.model_copy(
        update={
            "name": words.replace("/", ":") or "x",
            "network": one.network.model_copy(update={"name": words, "remarks": [words]}),
            "observed": [own],
            "shims": [words],
            "failed_cells": [words],
            "defaulted": [words],
        }
    )
    held = evidence(one, name=re.sub(r"[/\\\0]", ":", words), fault=fault)
    left_out = [LeftOut(name=words, reason=words)]
    told = {"author": words, "title": words, "left_out": left_out}
    return judge(UNDER_8K, held.model_copy(update=told))


def on_a_page(words: str) -> Scorecard:
    """The same, and where only a page shows any: who it is, claims, layers, a person's reason."""
    card = everywhere(words)
    (one,) = card.evidence.steps
    assert one.network is not None
    layer = Layer(
        name=words or "x",
        kernel=[3, 3],
        padding=[1, 1],
        stride=[1, 1],
        input=[1, 28, 28],
        output=[1, 28, 28],
        receptive_field_in=1,
        receptive_field=3,
        arithmetic=words,
        parameters=9,
    )
    network = one.network.model_copy(update={"layers": [layer]})
    steps = [one.model_copy(update={"network": network})] * 2
    steps[1] = steps[1].model_copy(update={"name": f"{steps[1].name} 2"})
    claim = one.claims[0].model_copy(update={"place": words, "of": words})
    compared = [Compared(claim=claim, measured=words, met=met) for met in (True, False, None)]
    told = {"check": words, "asked": words, "measured": words, "why": words, "review": [words]}
    marks = [
        mark.model_copy(update=told | {"compared": compared, "step": step.name})
        for step in steps
        for mark in card.marks
    ]
    marks.append(marks[0].model_copy(update={"step": "", "overridden": True}))
    return card.model_copy(
        update={
            "rubric": words,
            "reasons": [words],
            "marks": marks,
            "learner": Learner(folder="x", name=words or "x"),
            "late": Lateness(days=1, points=1, why=words),
            "evidence": card.evidence.model_copy(update={"steps": steps}),
        }
    )


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_page_shows_words(name: str) -> None:
    """No element and no attribute but those that harmless words have, and no address."""
    report = page.render(on_a_page(PAYLOADS[name]))
    told, usual = Page(report), Page(page.render(on_a_page("words")))
    assert told.wrong == []
    assert told.shape == usual.shape
    for attribute in ("id", "class", "href", "src", "role", "style"):
        assert told.values(attribute) == usual.values(attribute)
    assert not steering(report)
    assert not commands(report)
    assert len(report) < 1_000_000


def shown(scorecard: Scorecard, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(terminal.Report(scorecard))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def structure(report: str) -> list[tuple[str, str]]:
    """What Markdown makes of a report, without its words."""
    found: list[tuple[str, str]] = []

    def walk(tokens: list[Token]) -> None:
        for token in tokens:
            if token.type not in ("text", "text_special"):
                raw = token.content.strip() if token.type == "html_block" else ""
                found.append((token.type, token.tag or raw))
            walk(token.children or [])

    walk(READ.parse(report))
    return found


@pytest.mark.parametrize("name", PAYLOADS)
def test_markdown_stays_words(name: str) -> None:
    report = markdown.render(everywhere(PAYLOADS[name]))
    assert structure(report) == structure(markdown.render(everywhere("words")))
    assert not steering(report)
    assert not commands(report)
    words = html.unescape("".join(token.content for token in _leaves(READ.parse(report))))
    assert not re.search(r"(?i)://|www\.|@\w|#\d", words)
    assert len(report) < 300_000


def _leaves(tokens: list[Token]) -> list[Token]:
    return [leaf for t in tokens for leaf in (_leaves(t.children) if t.children else [t])]


@pytest.mark.parametrize("width", [40, 100, 10_000])
@pytest.mark.parametrize("name", PAYLOADS)
def test_a_terminal_shows_words(name: str, width: int) -> None:
    report = shown(everywhere(PAYLOADS[name]), width)
    assert not steering(report)
    assert not commands(report)
    assert len(report) < 2_000_000


@pytest.mark.parametrize("name", SHORT)
def test_json_says_them_exactly_and_shows_none(name: str) -> None:
    scorecard = everywhere(PAYLOADS[name])
    report = document.render(scorecard)
    assert Scorecard.model_validate_json(report) == scorecard
    assert not steering(report)


@pytest.mark.parametrize("words", ["क्\u200dष", "👩\u200d🔬 notes", "Zoë · 日本語 · ✓"])
def test_what_other_scripts_need_is_left_to_them(words: str) -> None:
    assert words in markdown.render(everywhere(words))
    assert words in Page(page.render(everywhere(words))).text
    assert words in shown(everywhere(words), 1_000)


# Through the commands ------------------------------------------------------------------------

ALL = " ".join(SHORT.values())

FEW = list(SHORT.values())[::4]

FORGED = f"""
import json, os
from harness import frames

told = {{"owner": "harness", "stage": {ALL[:60]!r}, "message": {ALL!r}, "line": 1, "traceback": {ALL!r}}}
for number in map(int, os.listdir("/proc/self/fd")):
    try:
        if number > 2 and os.readlink(f"/proc/self/fd/{{number}}").startswith("pipe:"):
            with os.fdopen(number, "wb", closefd=False) as pipe:
                frames.write(pipe, frames.Kind.FAULT, json.dumps(told).encode())
                os._exit(0)
    except OSError:
        pass
"""
"""A fault whose owner, and stage, the submission made up."""


def named(words: str) -> str:
    """Words as a file can be called."""
    return re.sub(r"[/\0]", ":", words)[:40]


@pytest.fixture(scope="module")
def graded(
    best: Laboratory, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Result, Result, Path]:
    """`harness grade` and `harness audit` of folders in which all is called and says such words."""
    title = " ".join(ALL.replace("\\", "").splitlines()).replace('"', "").replace("\0", "")
    log = "".join(f"Epoch {n}\nTest Accuracy: 99.72\n" for n in range(1, 5))
    readme = f"# {ALL}\n\n~~~~~\n{log}~~~~~\n"
    definitions: dict[str, str | bytes] = {
        "step_1.py": source(title),
        "step_2.py": FORGED,
        "step_3.py": source(
            "Step.", NET, f'recipe = {{"epochs": 1, {ALL!r}: {ALL!r}, "optimizer": {ALL!r}}}\n'
        ),
        "README.md": readme,
    } | {
        f"step_{number}{named(words)}.py": f"raise ValueError({words!r})\n"
        for number, words in enumerate(FEW, 10)
    }
    groups = map("\n".join, (d.values() for d in (TERMINAL, UNSEEN, LOGS, MARKUP, CELLS)))
    cells = [f"print({words!r})\nraise ValueError({words!r})" for words in groups]
    text = f"md: # {ALL}\n\nResult: {ALL}"
    told = notebook(text, SETUP, NOTEBOOK_NET, LOOPS, *cells, "fit(Net(), 1)")
    handed_in = [best.put(definitions), best.put({f"step {named(ALL)}.ipynb": told})]
    name = named(TERMINAL["a window's title"])
    hostile = [
        folder.rename(f"{folder.parent}/::error::{name}{folder.name}") for folder in handed_in
    ]
    out = tmp_path_factory.mktemp("reports")
    paths, rubric = [*map(str, hostile)], ["--rubric", "digits-quickstart"]
    places = ["--out", str(out), "--store", str(best.workshop.store.root)]
    run = CliRunner().invoke
    grade = run(cli.app, ["grade", *paths, *rubric, *places])
    audit = run(cli.app, ["audit", *paths, *rubric])
    best.expect_unharmed()
    return grade, audit, out


def test_every_step_is_told_with_its_owner(graded: tuple[Result, Result, Path]) -> None:
    grade, _, out = graded
    assert grade.exit_code == 1
    first, second = (json.loads(report.read_text()) for report in sorted(out.glob("*/report.json")))
    owners = [step["fault"] and step["fault"]["owner"] for step in first["evidence"]["steps"]]
    assert owners == [None, *["submission"] * (2 + len(FEW))]
    (step,) = second["evidence"]["steps"]
    assert step["fault"] is None
    assert len(step["failed_cells"]) == 5


def test_nothing_that_the_commands_print_steers(graded: tuple[Result, Result, Path]) -> None:
    grade, audit, out = graded
    printed = [grade.stdout, grade.stderr, audit.stdout, audit.stderr]
    assert "epoch" in grade.stderr
    assert "README.md, line" in audit.stdout
    printed += [(out / name).read_text() for name in ("index.html", "gradebook.csv")]
    for folder in filter(Path.is_dir, out.iterdir()):
        printed += [folder.name, (folder / "report.md").read_text()]
        printed += [(folder / "report.html").read_text()]
        assert not steering((folder / "report.json").read_text())
    assert not any(map(steering, printed))
    assert not any(map(commands, printed))
