"""`harness audit`: what a rubric makes of the figures that submissions printed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import ExitZero, RubricName, fail, say

EPILOG = """
Examples:

  harness audit README.md

  harness audit notebooks/ training.log --rubric under-20k

  harness audit class/* --json --exit-zero

Exit codes: 0 no log misses a rule; 1 one does; 2 usage or rubric error; 3 no log was found in a
submission; 4 the machine's fault.
"""


def audit(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="A folder or an archive of notebooks and READMEs, a notebook, or any text file.",
        ),
    ],
    rubric: RubricName = "under-10k",
    json: Annotated[
        bool, typer.Option("--json", help="Print the audits as JSON, one a line.")
    ] = False,
    exit_zero: ExitZero = False,
) -> None:
    """Hold the logs that submissions printed against a rubric; every figure is a claim.

    Reads the stored outputs of notebooks and the code blocks of READMEs and other texts: test
    accuracies of each epoch and parameter tables. Nothing is run, and nothing is measured.
    """
    from rich.console import Console

    from harness.commands import scorecards as shared
    from harness.grade import audit
    from harness.report.terminal import AuditReport

    asked = shared.asked(rubric)
    audits = []
    missing = False
    console = Console(highlight=False)
    for path in paths:
        try:
            found = audit(path, asked)
        except FileNotFoundError:
            say(f"{path}: no such file or folder")
            missing = True
            continue
        except OSError as error:
            fail(f"the machine's fault: {error}", 4)
        audits.append(found)
        if json:
            print(found.model_dump_json(), flush=True)
        else:
            console.print(AuditReport(found))
            console.print()
    code = int(any(found.misses for found in audits))
    if not all(found.logs for found in audits):
        code = 3
    if missing:
        code = 2
    raise typer.Exit(0 if exit_zero and code in (1, 3) else code)
