"""The command line: which commands there are. Must not import torch before a command needs it."""

from __future__ import annotations

import codecs
import io
import sys
from typing import Annotated

import typer

import harness
from harness.commands import audit, check, data, doctor, export, grade, new, regrade, rubric

app = typer.Typer(
    name="harness",
    rich_markup_mode=None,  # its help would take twice the time
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """What a console of few characters shows, so that the signs of a report still differ."""
    assert isinstance(error, UnicodeEncodeError)
    signs = {"✓": "+", "✗": "x", "…": "..."}
    lacking = error.object[error.start : error.end]
    return "".join(signs.get(character, "?") for character in lacking), error.end


codecs.register_error(_in_ascii.__name__, _in_ascii)


@app.callback(invoke_without_command=True)
def main(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Grade the MNIST 99.4 % exercise: train what learners hand in, measure it, score each step."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_in_ascii.__name__)
    if version:
        print(harness.__version__)
        raise typer.Exit


app.command(epilog=check.EPILOG)(check.check)
app.command(epilog=audit.EPILOG)(audit.audit)
app.command(epilog=grade.EPILOG)(grade.grade)
app.command(epilog=regrade.EPILOG)(regrade.regrade)
app.command(epilog=export.EPILOG)(export.export)
app.add_typer(rubric.app, name="rubric")
app.add_typer(new.app, name="new")
app.add_typer(data.app, name="data")
app.command(epilog=doctor.EPILOG)(doctor.doctor)
