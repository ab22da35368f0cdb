"""`harness grade`: train and measure submissions, and score each step."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.commands.options import (
    EXIT_CODES,
    DataDir,
    Device,
    Out,
    Paths,
    RubricName,
    StoreDir,
    Where,
    fail,
    say,
)

EPILOG = f"""
Examples:

  harness grade submissions/quickstart --rubric digits-quickstart

  harness grade class/* --rubric under-10k --out reports/

  harness grade my-steps/ --rubric my-rubric.toml --json
{EXIT_CODES}"""


def grade(
    paths: Paths,
    rubric: RubricName,
    out: Out = Path("reports"),
    device: Where = Device.auto,
    data_dir: DataDir = None,
    store: StoreDir = None,
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
    from harness.commands.progress import Display
    from harness.grade import exit_code, grade, write_reports
    from harness.report.terminal import Report
    from harness.submission import name_of

    try:
        asked = rubrics.load(rubrics.find(rubric))
    except rubrics.RubricError as error:
        fail(str(error), 2)
    names = Counter(name_of(path) for path in paths)
    if twice := [name for name, number in names.items() if number > 1]:
        fail(f"several submissions are called {twice[0]}: their reports need an --out each", 2)
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
                say(f"{path}: no such file or folder")
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
        fail(f"the machine's fault: {error}; what was measured is kept", 4)
    except KeyboardInterrupt:
        fail("interrupted; what was measured is kept, and the same command goes on from there", 130)
    raise typer.Exit(exit_code(scorecards, missing))
