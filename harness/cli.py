"""The command line. Must not import torch before a command needs it."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

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
        typer.Option(help="Folder of data sets. [default: $HARNESS_DATA, or the cache folder]"),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(help="Folder of evidence. [default: $HARNESS_STORE, or the data folder]"),
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

    errors = Console(stderr=True, highlight=False)
    try:
        asked = rubrics.load(rubrics.find(rubric))
    except rubrics.RubricError as error:
        errors.print(str(error), style="red", markup=False, soft_wrap=True)
        raise typer.Exit(2) from None
    workshop = Workshop(stores.Store(stores.folder(store)), data.folder(data_dir), device)
    console = Console(highlight=False)
    scorecards = []
    missing = False
    with Display() as display:
        for path in paths:
            display.starting(path.name)
            try:
                scorecard = grade(path, asked, workshop, display.epoch)
            except FileNotFoundError as error:
                errors.print(str(error), style="red", markup=False, soft_wrap=True)
                missing = True
                continue
            write_reports(scorecard, out)
            scorecards.append(scorecard)
            if json:
                print(scorecard.model_dump_json())
            else:
                console.print(Report(scorecard))
                console.print()
    raise typer.Exit(exit_code(scorecards, missing))
