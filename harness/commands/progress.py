"""Shows how far a grade is: a live line on a terminal, a line for each epoch elsewhere.

Must not know how anything is measured.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from harness.percentage import percent

if TYPE_CHECKING:
    from harness.collect.collect import Progress as Told


class Display:
    """The progress of one submission on standard error; a context manager."""

    def __init__(self, submission: str) -> None:
        console = Console(stderr=True)
        self._live = console.is_terminal
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[state]}"),
            console=console,
            transient=True,
            disable=not self._live,
            # Standard output belongs to the report, which may go to a file.
            redirect_stdout=False,
        )
        self._task = self._bar.add_task(f"{submission}: reading", total=None, state="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def epoch(self, told: Told) -> None:
        """Show the epoch that was just measured."""
        run = told.run
        last, declared = run.epochs[-1], run.declared_epochs
        who = f"seed {run.seed}/{told.seeds}" if run.seed else "its own training"
        where = f"step {told.number}/{told.steps} {told.step}, {who}"
        state = f"epoch {last.number}/{declared}, {percent(last.test_correct, told.test_size)}"
        left = _time(_seconds_left(told))
        if not self._live:
            print(f"{told.submission}: {where}, {state}, {left} left", file=sys.stderr, flush=True)
            return
        self._bar.update(
            self._task,
            description=f"{told.submission}: {where}",
            completed=last.number,
            total=declared,
            state=f"{state}, {left} left",
        )


def _seconds_left(told: Told) -> float:
    """Seconds for the rest of the submission, if every epoch takes as long as those of this run."""
    run = told.run
    each = sum(epoch.seconds for epoch in run.epochs) / len(run.epochs)
    runs = (told.steps - told.number + 1) * told.seeds - max(run.seed, 1)
    return each * (run.declared_epochs * (runs + 1) - len(run.epochs))


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
