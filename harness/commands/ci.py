"""What commands do for a CI service: a JUnit file, and GitHub's annotations and job summary.

Must not know how a scorecard comes about.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.commands.options import fail
from harness.report import github, job_summary, junit
from harness.scorecard import Scorecard
from harness.store import write

Graded = list[tuple[Path, Scorecard]]
"""Paths as the user gave them, and what became of them."""


@contextmanager
def gate(
    junit_file: Path | None, on_github: bool, json: bool, checked: bool = False
) -> Iterator[Graded]:
    """Tell a CI service of all that is put into the list, once the block is through.

    On GitHub nothing that is printed in the block is obeyed, whoever wrote it.

    Args:
        junit_file: where to write JUnit XML, if anywhere.
        on_github: whether to annotate, and to write the job's summary.
        json: whether standard output is JSON.
        checked: whether submissions are checked, and not graded.

    Raises:
        OSError: if a file cannot be written.
    """
    if on_github and json:
        fail("--github and --json both print to standard output: give one of them", 2)
    graded: Graded = []
    token = secrets.token_hex(16)
    if on_github:
        print(f"::stop-commands::{token}", flush=True)
    try:
        yield graded
    finally:
        if on_github:
            print(f"::{token}::", flush=True)
    cards = [card for _, card in graded]
    if junit_file:
        write(junit_file, junit.render(cards).encode())
    if on_github:
        handed_in = [(card, _files(path)) for path, card in graded]
        print(github.render(handed_in), end="", flush=True)
        _summarise(cards, checked)


def _summarise(scorecards: Sequence[Scorecard], checked: bool) -> None:
    """Add to the job's summary, which other commands may have begun."""
    if not (named := os.environ.get("GITHUB_STEP_SUMMARY")):
        return
    with Path(named).open("ab") as summary:
        room = job_summary.MOST - summary.tell()
        summary.write(job_summary.render(scorecards, checked, room).encode())


def _files(path: Path) -> github.Files:
    """Where a submission's files lie in the clone that it is from, which need not be the job's own.

    Those in an archive lie in the archive.
    """
    whole = path.resolve()
    root = next((one for one in whole.parents if (one / ".git").exists()), Path.cwd())

    def place(name: str) -> str:
        found = next(filter(_is_file, _candidates(whole, name)), whole)
        return (found.relative_to(root) if found.is_relative_to(root) else found).as_posix()

    return place


def _candidates(path: Path, name: str) -> Iterator[Path]:
    """A step's file: in the submission's folder, or in the only one within."""
    if not name or not path.is_dir():
        return
    # One class of several in a file has a name such as `models.py:Model_2`.
    names = [name, name.rpartition(":")[0]]
    inner = [within for within in path.iterdir() if within.is_dir()]
    folders = [path, *inner] if len(inner) == 1 else [path]
    yield from (folder / each for folder in folders for each in names if each)


def _is_file(path: Path) -> bool:
    with suppress(OSError):  # a name is longer where it shows what is not seen in it
        return path.is_file()
    return False
