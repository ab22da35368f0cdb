"""Measures the five seed documents' 23 steps, and writes `docs/seeds.md`: claimed against measured.

    python docs/seeds.py measure [--seeds 1] [--last 3] [--device auto] [FOLDER...]
    python docs/seeds.py write

The first has `harness grade` train every step of `submissions/FOLDER` from `--seeds` seeds, and its
last step from `--last`; without FOLDER all five. What was trained once is not trained again, so it
goes on where it was interrupted, and folders may be measured side by side. The reports are kept in
`docs/evidence/`. The second makes the page from these and from `docs/seeds.toml`, which holds what
people say about it, and trains nothing. On a GPU:

    python docs/seeds.py measure --seeds 5 --last 5 --device cuda
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Annotated, Any, Literal, NamedTuple

import typer

from harness import reading, submission
from harness.claims import Claim
from harness.evidence import Run, Step
from harness.grade import audit
from harness.report.markdown import text
from harness.report.words import verdict
from harness.rubric import find, load
from harness.scorecard import Scorecard

DOCS = Path(__file__).parent
EVIDENCE = DOCS / "evidence"
SUBMISSIONS = DOCS.parent / "submissions"

RUBRICS = {
    "s5-ten-steps": "under-15-epochs",
    "eva-assignment-5": "four-steps",
    "coding-drill-down": "four-steps",
    "task-2-under-20k": "under-20k",
    "digit-recognizer-four-phases": "under-8k",
}
"""The folders, in the order of seeds 000 to 004, and the rubrics that their documents ask for."""

MARGIN = 0.1
"""Points of percent around the measured range in which a claim still lies within it."""

LAST = 3
"""Epochs at the end of a run that are compared beside its best."""

UNMEASURED = "not yet measured"

app = typer.Typer(add_completion=False, rich_markup_mode=None, help=__doc__)


@app.command()
def measure(
    folders: Annotated[list[str] | None, typer.Argument(metavar="FOLDER...")] = None,
    seeds: Annotated[int, typer.Option(help="Runs of every step.")] = 1,
    last: Annotated[int, typer.Option(help="Runs of the last step.")] = 3,
    device: str = "auto",
) -> None:
    """Have reference submissions graded, and keep the reports."""
    for folder in folders or RUBRICS:
        path = SUBMISSIONS / folder
        *others, final = submission.find(path).steps
        _grade(path, folder, seeds if others else max(seeds, last), device, EVIDENCE)
        if others and last > seeds:
            _grade(path / final.name, folder, last, device, EVIDENCE / folder)


def _grade(path: Path, folder: str, seeds: int, device: str, out: Path) -> None:
    command = [sys.executable, "-m", "harness", "grade", str(path), "--rubric", RUBRICS[folder]]
    command += ["--seeds", str(seeds), "--device", device, "--out", str(out), "--exit-zero"]
    # A notebook's own run is what is measured of it, unless it is to be trained several times.
    command += ["--replay"] if seeds > 1 else []
    subprocess.run(command, check=True)


def _report(folder: Path) -> Scorecard:
    return Scorecard.model_validate_json((folder / "report.json").read_bytes())


class Row(NamedTuple):
    """A step, what is claimed of it, and the most runs that were measured of it."""

    folder: str
    name: str
    claims: list[Claim]
    logged: list[float]
    """The test accuracies of the log that was printed, in percent; empty without one."""
    step: Step | None
    """As observed; None where no report tells of it yet."""
    runs: list[Run]

    def claim(self, quantity: str) -> Claim | None:
        """The first claim about it in the step's Result."""
        said = [claim for claim in self.claims if claim.where == "result"]
        return next((claim for claim in said if claim.quantity == quantity), None)

    def best(self) -> list[float]:
        """The best test accuracy of each run, in percent."""
        return [max(_accuracies(run)) for run in self.runs]

    def last(self) -> list[float]:
        """The test accuracies in the last epochs of all runs, in percent."""
        return [accuracy for run in self.runs for accuracy in _accuracies(run)[-LAST:]]

    def verdict(self) -> tuple[Literal["above", "within", "below", ""], float]:
        """Where the claimed best test accuracy lies, and by how much outside; empty if unknown."""
        claim, best = self.claim("test accuracy"), self.best()
        if not best or claim is None or claim.lowest is None or claim.below is None:
            return "", 0
        above, below = claim.lowest - max(best), min(best) - claim.below
        if max(above, below) <= MARGIN:
            return "within", 0
        return ("above", above) if above > below else ("below", below)


def _accuracies(run: Run) -> list[float]:
    return [epoch.test_correct / 100 for epoch in run.epochs]


def rows() -> Iterator[Row]:
    """The 23 steps, in the order of their seeds."""
    for folder in RUBRICS:
        reports = sorted((EVIDENCE / folder).glob("**/report.json"))
        observed = [step for path in reports for step in _report(path.parent).evidence.steps]
        submitted = submission.find(SUBMISSIONS / folder)
        for source in submitted.steps:
            read = reading.read(submitted, source)
            logged = read.logged[-1].percent if read.logged else []
            alike = [step for step in observed if step.name == source.name]
            step = max(alike, key=lambda step: len(_complete(step)), default=None)
            runs = _complete(step) if step else []
            yield Row(folder, source.name, read.claims, logged, step, runs)


def _complete(step: Step) -> list[Run]:
    return [run for run in step.counting("last").runs if run.complete]


def table(found: list[Row]) -> Iterator[str]:
    columns = ["step", "parameters claimed", "counted", "runs", "best test % claimed", "measured"]
    columns += [f"last {LAST} epochs claimed", "measured", "the claimed best lies"]
    yield f"| {' | '.join(columns)} |"
    yield "|---|---:|---:|---|---:|---|---|---|---|"
    for row in found:
        network = row.step.network if row.step else None
        cells = [f"`{row.name}`", _count(row.claim("parameters"))]
        cells += [f"{network.parameters.judged:,}" if network else ""]
        cells += [_level(row)]
        cells += [_percentage(row.claim("test accuracy")), _spread(row.best())]
        cells += [_spread(row.logged[-LAST:]), _spread(row.last())]
        yield f"| {' | '.join([*cells, _verdict(row)])} |"


def _level(row: Row) -> str:
    counted = row.step.counting("last") if row.step else None
    return f"{len(row.runs)} {counted.integrity}" if counted and row.runs else UNMEASURED


def _count(claim: Claim | None) -> str:
    if claim is None or claim.lowest is None or claim.below is None:
        return ""
    exact = claim.below - claim.lowest == 1
    return f"{claim.lowest:,.0f}" if exact else f"{(claim.lowest + claim.below) / 2_000:g}k"


def _percentage(claim: Claim | None) -> str:
    if claim is None or claim.lowest is None or claim.below is None:
        return ""
    return f"{round((claim.lowest + claim.below) / 2, 3):g}"


def _spread(values: list[float]) -> str:
    if not values:
        return ""
    lowest, highest = min(values), max(values)
    told = f"{mean(values):.2f}"
    return told if lowest == highest else f"{told} ({lowest:.2f} to {highest:.2f})"


def _verdict(row: Row) -> str:
    place, by = row.verdict()
    told = f"{by:.2f} points {place}" if place in ("above", "below") else place
    return f"{told}; one run" if place and len(row.runs) == 1 else told


def findings(said: list[dict[str, str]]) -> Iterator[str]:
    """What stands against the documents, with the words of the report for what a machine found.

    Raises:
        SystemExit: where a report does not say what it is said to say.
    """
    yield "| seed | finding | found by | in its words |"
    yield "|---|---|---|---|"
    for each in said:
        found_by, words = "a person", ""
        if "says" in each:
            found_by = f"`harness {'audit' if 'log' in each else 'grade'}`"
            words = text(_quoted(each))
        yield f"| {each['seed']} | {text(each['finding'])} | {found_by} | {words} |"


def _quoted(finding: dict[str, str]) -> str:
    """The line of a report that says it."""
    if "log" not in finding and not _graded_whole(finding["report"]):
        return UNMEASURED
    lines = _audited(finding) if "log" in finding else _graded(finding)
    for line in lines:
        if finding["says"] in line:
            return line
    sys.exit(f"docs/seeds.toml: no report says {finding['says']!r} of {finding['report']}")


def _graded(finding: dict[str, str]) -> Iterator[str]:
    for mark in _report(EVIDENCE / finding["report"]).marks:
        if (mark.step, mark.check) == (finding["step"], finding["check"]):
            for line in (*mark.review, f"{mark.measured}; {mark.why}"):
                yield f"{mark.step}, {mark.check}: {line}"


def _audited(finding: dict[str, str]) -> Iterator[str]:
    folder = finding["report"]
    for log in audit(SUBMISSIONS / folder, load(find(RUBRICS[folder]))).logs:
        if finding["log"] in log.title:
            for line in (*log.remarks, *(f"{each.claimed}: {each.why}" for each in log.lines)):
                yield f"{log.title}: {line}"


@app.command()
def write() -> None:
    """Write the page from the evidence."""
    (DOCS / "seeds.md").write_text(page(), encoding="utf-8")


def page() -> str:
    """What the evidence and the people come to."""
    said = tomllib.loads((DOCS / "seeds.toml").read_text(encoding="utf-8"))
    return "\n".join(_page(list(rows()), said)) + "\n"


def _page(found: list[Row], said: dict[str, Any]) -> Iterator[str]:
    runs = [run for row in found for run in row.runs]
    machines = {(run.machine.device, run.machine.python, run.machine.torch) for run in runs}
    measured = sum(bool(row.runs) for row in found)
    yield "# The seeds: claimed against measured"
    yield ""
    yield "Written by `python docs/seeds.py write` from `docs/evidence/` and `docs/seeds.toml`."
    for device, python, torch in sorted(machines):
        yield f"Measured on {device}, Python {python}, PyTorch {torch}."
    yield ""
    yield (
        "Five documents of learners, 23 steps, as [reference submissions](../submissions): what "
        f"each step claims, and what the harness measured of it. {measured} of {len(found)} steps "
        "are measured. Accuracies are percent of the 10,000 test images; of several figures the "
        "mean is shown, and in brackets the least and the greatest. A claim lies *within* what was "
        f"measured if it is no further than {MARGIN} points from it. Equal trainings from other "
        "random numbers differ by some 0.05 points, so one run alone settles nothing."
    )
    for number, (folder, rubric) in enumerate(RUBRICS.items()):
        yield ""
        yield f"## Seed {number:03}: [{folder}](../submissions/{folder})"
        yield ""
        told = UNMEASURED
        if _graded_whole(folder):
            told = (
                f"[its report](evidence/{folder}/report.md): {verdict(_report(EVIDENCE / folder))}."
            )
        yield f"Graded under `{rubric}`, {told}"
        yield ""
        yield from table([row for row in found if row.folder == folder])
    yield ""
    yield "## Why claims lie outside"
    yield ""
    yield from _reasons(found, said["why"])
    yield ""
    yield "## What stands against the documents"
    yield ""
    yield from findings(said["finding"])


def _graded_whole(folder: str) -> bool:
    return (EVIDENCE / folder / "report.json").is_file()


def _reasons(found: list[Row], why: dict[str, str]) -> Iterator[str]:
    """A sentence for each claim that does not lie within what was measured, and for no other.

    Raises:
        SystemExit: where one is missing, or left over.
    """
    outside = [
        f"{row.folder}/{row.name}" for row in found if row.verdict()[0] in ("above", "below")
    ]
    if odd := set(outside) ^ set(why):
        sys.exit(f"docs/seeds.toml: [why] needs a sentence for {outside}; look at {sorted(odd)}")
    for name in outside:
        yield f"- {name}: {why[name]}"


if __name__ == "__main__":
    app()
