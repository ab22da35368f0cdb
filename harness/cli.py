"""The command line. Must not import torch before a command needs it."""

from __future__ import annotations

import enum
from collections import Counter
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

import harness

app = typer.Typer(
    name="harness",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)

EXAMPLES = """
Examples:

  harness grade submissions/quickstart --rubric digits-quickstart

  harness grade class/* --rubric under-10k --out reports/

  harness grade my-steps/ --rubric my-rubric.toml --json

Exit codes: 0 passed; 1 graded and below the pass mark; 2 usage or rubric error; 3 nothing could
be graded through the submission's fault; 4 the machine's or the harness's fault.
"""


class Device(enum.StrEnum):
    """Where to train."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Grade the MNIST 99.4 % exercise: train what learners hand in, measure it, score each step."""
    if version:
        print(harness.__version__)
        raise typer.Exit


@app.command(epilog=EXAMPLES)
def grade(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Submissions: a folder of steps, or one .py file."),
    ],
    rubric: Annotated[
        str,
        typer.Option(help="What is asked: a TOML file, or the name of a shipped rubric."),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for report.json and report.md of each submission.")
    ] = Path("reports"),
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.auto,
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of data sets. Default: $HARNESS_DATA, else the cache folder."),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(help="Folder of evidence. Default: $HARNESS_STORE, else the data folder."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print the scorecards as JSON, one a line.")
    ] = False,
) -> None:
    """Train and measure submissions, and score each step.

    Evidence is stored after every epoch: what was trained once is not trained again, and a
    grade that was interrupted goes on where it stopped.
    """
    from harness import data
    from harness import rubric as rubrics
    from harness import store as stores
    from harness.collect.collect import Workshop
    from harness.grade import exit_code, grade, write_reports
    from harness.progress import Display
    from harness.report.terminal import Report
    from harness.submission import name_of

    try:
        asked = rubrics.load(rubrics.find(rubric))
    except rubrics.RubricError as error:
        _fail(str(error), 2)
    names = Counter(name_of(path) for path in paths)
    if twice := [name for name, number in names.items() if number > 1]:
        _fail(f"several submissions are called {twice[0]}: their reports need an --out each", 2)
    console = Console(highlight=False)
    scorecards = []
    missing = False
    try:
        workshop = Workshop(stores.Store(stores.folder(store)), data.folder(data_dir), device)
        for path in paths:
            try:
                with Display(path.name) as display:
                    scorecard = grade(path, asked, workshop, display.epoch)
            except FileNotFoundError:
                _say(f"{path}: no such file or folder")
                missing = True
                continue
            write_reports(scorecard, out)
            scorecards.append(scorecard)
            if json:
                print(scorecard.model_dump_json())
            else:
                console.print(Report(scorecard))
                console.print()
    except OSError as error:
        _fail(f"the machine's fault: {error}; what was measured is kept", 4)
    except KeyboardInterrupt:
        _fail(
            "interrupted; what was measured is kept, and the same command goes on from there", 130
        )
    raise typer.Exit(exit_code(scorecards, missing))


def _say(message: str) -> None:
    """A line for people, whole however wide it is, and red on a terminal."""
    Console(stderr=True, highlight=False).print(message, style="red", markup=False, soft_wrap=True)


def _fail(message: str, code: int) -> NoReturn:
    _say(message)
    raise typer.Exit(code)
