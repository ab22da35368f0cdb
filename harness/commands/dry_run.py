"""What `harness grade --dry-run` shows: what would be trained, and how long it would take."""

from __future__ import annotations

from datetime import timedelta
from json import dumps

from rich.console import Console
from rich.table import Table

from harness import grade
from harness.collect.device import NoDeviceError
from harness.collect.plan import Plan
from harness.collect.workshop import Workshop
from harness.commands.options import say
from harness.commands.submissions import HandedIn
from harness.data import DataError
from harness.evidence import Fault
from harness.report.words import fault_of, printable
from harness.rubric import Rubric
from harness.submission import SubmissionError


def tell(
    found: list[HandedIn], rubric: Rubric, workshop: Workshop, json: bool, exit_zero: bool
) -> int:
    """Print the plan of each submission and the time of all: the exit code, as of a grade."""
    codes, total = {0}, 0.0
    told = []
    for name, path, _ in found:
        plans, fault = list[Plan](), None
        try:
            plans = grade.dry_run(path, rubric, workshop)
        except FileNotFoundError:
            say(f"{path}: no such file or folder")
            codes.add(2)
            continue
        except SubmissionError as error:
            fault = Fault(owner="submission", stage="reading", message=str(error))
        except (DataError, NoDeviceError) as error:
            fault = Fault(owner="machine", stage="data", message=str(error))
        if fault:
            say(f"{name}: the {fault.owner}'s fault: {fault.message}")
            codes.add(4 if fault.owner == "machine" else 3)
        elif all(plan.step.fault for plan in plans):
            codes.add(3)
        total += sum(plan.seconds for plan in plans)
        told.append(
            {
                "submission": name,
                "fault": fault and fault.model_dump(),
                "steps": [_plain(plan) for plan in plans],
            }
        )
        if not json and not fault:
            _show(name, plans)
    if json:
        print(dumps({"submissions": told, "seconds": total}))
    else:
        print(f"In all about {_time(total)} on this machine, as busy as it is now.")
    code = next(code for code in (4, 2, 3, 0) if code in codes)
    return 0 if exit_zero and code == 3 else code


def _show(name: str, plans: list[Plan]) -> None:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("step", overflow="fold")
    table.add_column("to train")
    table.add_column("an epoch", justify="right")
    table.add_column("in all", justify="right")
    for plan in plans:
        if plan.step.fault:
            table.add_row(plan.step.name, printable("; ".join(fault_of(plan.step))), "", "")
            continue
        if plan.unrun:
            table.add_row(plan.step.name, "its own training", "", "not known before it runs")
            continue
        runs = ", ".join(f"seed {seed}: {epochs} epochs" for seed, epochs in plan.lacking)
        each = f"{plan.seconds_an_epoch:.1f} s" if plan.lacking else ""
        table.add_row(plan.step.name, runs or "nothing", each, _time(plan.seconds))
    console = Console(highlight=False)
    console.print(name, style="bold", markup=False)
    console.print(table)
    console.print()


def _plain(plan: Plan) -> dict[str, object]:
    return {
        "step": plan.step.name,
        "fault": plan.step.fault and plan.step.fault.model_dump(),
        "unrun": plan.unrun,
        "lacking": [lacking._asdict() for lacking in plan.lacking],
        "seconds_an_epoch": plan.seconds_an_epoch,
    }


def _time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
