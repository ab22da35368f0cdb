"""What commands share: options that mean the same everywhere, and how a message is told.

Must import nothing that is slow, because `--help` loads it.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

EXIT_CODES = """
Exit codes: 0 passed; 1 graded and below the pass mark; 2 usage or rubric error; 3 nothing could
be graded through the submission's fault; 4 the machine's or the harness's fault.
"""


class Device(enum.StrEnum):
    """Where to train."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="PATH...",
        help="Submissions: a folder of steps, a notebook, a .py file, or a zip or tar of them; "
        "or a folder of submissions, such as Canvas or Moodle let you download.",
    ),
]
Reports = Annotated[
    list[Path],
    typer.Argument(metavar="REPORT...", help="Files report.json, or folders that hold some."),
]
RubricName = Annotated[
    str,
    typer.Option("--rubric", help="What is asked: a TOML file, or the name of a shipped rubric."),
]
Out = Annotated[Path, typer.Option(help="Folder for each submission's report.html, .md and .json.")]
Where = Annotated[Device, typer.Option(help="Where to train.")]
DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder of data sets. Default: $HARNESS_DATA, else the cache folder."),
]
StoreDir = Annotated[
    Path | None,
    typer.Option(help="Folder of evidence. Default: $HARNESS_STORE, else the data folder."),
]
NoSandbox = Annotated[
    bool,
    typer.Option(
        "--no-sandbox",
        help="Run submitted code without a sandbox, at level advisory: only your own, or that of "
        "people whom you trust.",
    ),
]
RosterFile = Annotated[
    Path | None,
    typer.Option(help="CSV file of who is behind each submission; see docs/rubric.md."),
]
Starters = Annotated[
    list[str] | None,
    typer.Option(
        "--starter",
        metavar="NAME",
        help="A submission that is starter code: what it holds makes nobody alike. Repeatable.",
    ),
]
Since = Annotated[
    str,
    typer.Option(
        metavar="REF", help="Only submissions that differ from this branch or commit of git."
    ),
]
AsClass = Annotated[
    bool,
    typer.Option(
        "--class",
        help="Each folder, archive and step in PATH is a submission, whatever PATH looks like.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a machine to read.")]


OverridesFile = Annotated[
    Path | None,
    typer.Option(help="TOML file of points that a person awards; see docs/rubric.md."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the scorecards as JSON, one a line.")]
JUnitFile = Annotated[
    Path | None,
    typer.Option("--junit", metavar="FILE", help="Write a JUnit XML file too, for a CI service."),
]
GitHub = Annotated[
    bool,
    typer.Option(
        "--github",
        help="In GitHub Actions: annotate the learner's lines, and write the job's summary.",
    ),
]
ExitZero = Annotated[
    bool,
    typer.Option("--exit-zero", help="Exit with 0 where it would be 1 or 3: for batches."),
]


def say(message: str) -> None:
    """A line for people, whole however wide it is, and red on a terminal."""
    from rich.console import Console

    from harness.plain import printable

    message = printable(message)
    Console(stderr=True, highlight=False).print(message, style="red", markup=False, soft_wrap=True)


def fail(message: str, code: int) -> NoReturn:
    """End the command with a message and an exit code."""
    say(message)
    raise typer.Exit(code)
