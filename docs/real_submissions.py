"""Tries the harness on public submissions, and writes `docs/real-submissions.md`.

    python docs/real_submissions.py check OWNER/NAME/FOLDER CHECKOUT
    python docs/real_submissions.py grade OWNER/NAME/FOLDER CHECKOUT/STEP.ipynb
    python docs/real_submissions.py write

The first two keep what was measured in `docs/evidence/real-submissions/`, a file a folder: names,
counts and causes, and nothing that the learner wrote. CHECKOUT is that folder of a clone; the
submissions themselves are never committed.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

import torch

from harness import data, notebook, outputs, store, submission
from harness.collect.device import choose, machine
from harness.collect.workshop import Workshop
from harness.evidence import Evidence, Step
from harness.grade import check, grade
from harness.percentage import percent
from harness.rubric import find, load
from harness.submission import Source

DOCS = Path(__file__).parent
EVIDENCE = DOCS / "evidence" / "real-submissions"
RUBRIC = "under-10k"


def workshop() -> Workshop:
    return Workshop(store.Store(store.folder()), data.folder(), "cpu")


def printed(step: Step, sources: dict[str, Source]) -> list[int]:
    """Parameters in the last table that a notebook printed before it trained, when handed in."""
    source = sources.get(step.name.partition(".ipynb")[0] + ".ipynb")
    if source is None:
        return []
    cells = notebook.read(source.content)
    part = range(*step.part) if step.part else range(len(cells))
    claims = outputs.read(cells, part, step.trained)
    return [int(c.lowest) for c in claims if c.quantity == "parameters" and c.lowest is not None]


def row(step: Step, sources: dict[str, Source]) -> dict[str, Any]:
    """What is told of a step file in a check."""
    notes = [kind for kind in ("target", "result", "analysis") if getattr(step.notes, kind)]
    return {
        "step": step.name,
        "fault": f"{step.fault.owner}: {step.fault.message[:200]}" if step.fault else "",
        "parameters": step.network.parameters.judged if step.network else None,
        "used": step.network.parameters.used if step.network else None,
        "printed": printed(step, sources),
        "notes": {kind: step.notes.places.get(kind, "") for kind in notes},
        "claims": len([claim for claim in step.claims if claim.where != "output"]),
        "epochs": step.recipe.epochs if step.recipe else None,
        "shims": sorted(shim.partition(":")[0] for shim in step.shims),
        "failed_cells": len(step.failed_cells),
    }


def full(evidence: Evidence) -> list[dict[str, Any]]:
    """What is told of a step that was graded whole."""
    size = evidence.dataset.test_size
    return [
        {
            "step": step.name,
            "integrity": step.integrity,
            "fault": step.fault.message[:200] if step.fault else "",
            "epochs": [epoch.test_correct for epoch in run.epochs],
            "samples": sum(epoch.samples for epoch in run.epochs),
            "of": size,
            "logged": step.logged[-1].percent if step.logged else [],
            "decoy": [[s.correct, s.of] for e in run.epochs for s in e.seen if s.source == "test"],
            "findings": [*run.observed.findings, *run.observed.remarks] if run.observed else [],
            "unreplayable": run.observed.unreplayable if run.observed else "",
            "seconds": round(sum(epoch.seconds for epoch in run.epochs)),
        }
        for step in evidence.steps
        for run in step.observed[-1:]
    ]


def keep(name: str, update: dict[str, Any]) -> None:
    path = EVIDENCE / f"{name.replace('/', '+').replace(' ', '_')}.json"
    known = json.loads(path.read_text()) if path.is_file() else {"name": name}
    here = {
        "device": machine(choose("cpu")).device,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    known |= update | {"machine": here}
    EVIDENCE.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known, indent=1) + "\n")


def cell(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ")


def table() -> list[str]:
    """The page, from what is kept."""
    kept = [json.loads(path.read_text()) for path in sorted(EVIDENCE.glob("*.json"))]
    steps = [(each["name"], step) for each in kept for step in each["steps"]]
    ran = [step for _, step in steps if not step["fault"]]
    told = [step for step in ran if step["printed"]]
    right = [s for s in told if {s["parameters"], s["used"]} & set(s["printed"])]
    noted = [step for _, step in steps if len(step["notes"]) == 3]
    here = kept[0]["machine"] if kept else {}
    lines = [
        "# Tried on public submissions",
        "",
        "Written by `python docs/real_submissions.py write` from `docs/evidence/real-submissions/`.",
        f"Machine: {here.get('device')}, Python {here.get('python')}, PyTorch {here.get('torch')}.",
        "",
        f"- {len(kept)} folders of public repositories, {len(steps)} steps; "
        f"**{len(ran)} ({percent(len(ran), len(steps))}) run to a verdict** at sample size "
        "(512 training and 128 test images, loops unchanged).",
        f"- {len(told)} of these print a parameter table: the last one printed before the training "
        f"shows a count that was measured, held or used, in {len(right)}.",
        f"- Target, Result and Analysis are found for {len(noted)} of {len(steps)}.",
        "",
        "| submission | step | verdict | parameters | used | printed | notes | epochs | shims | "
        "failed cells |",
        "|---|---|---|---:|---:|---:|---|---:|---|---:|",
    ]
    for name, step in steps:
        notes = " ".join(
            f"{kind[0].upper()}{'' if place in ('notebook', 'docstring') else ' (README)'}"
            for kind, place in step["notes"].items()
        )
        count, used = step["parameters"], step["used"]
        columns = [
            name,
            step["step"],
            step["fault"] or "graded",
            "" if count is None else f"{count:,}",
            "" if used == count or used is None else f"{used:,}",
            ", ".join(f"{printed:,}" for printed in step["printed"]),
            notes,
            str(step["epochs"] or ""),
            ", ".join(step["shims"]),
            str(step["failed_cells"] or ""),
        ]
        lines.append(f"| {' | '.join(map(cell, columns))} |")
    left_out = [(each["name"], left) for each in kept for left in each["left_out"]]
    lines += ["", "## Left out", ""] if left_out else []
    lines += [f"- {name}: {left['name']}: {left['reason']}" for name, left in left_out]
    lines += [
        "",
        "## Graded in full",
        "",
        "The notebook's own epochs on the whole of MNIST; counts are correct answers among the "
        "10,000 test images, measured outside.",
        "",
        "| submission | step | epochs | last three measured | best measured | best in its stored log | "
        "integrity | remarks | minutes |",
        "|---|---|---:|---|---:|---:|---|---|---:|",
    ]
    for each in kept:
        for step in each.get("full", []):
            counts = step["epochs"]
            columns = [
                each["name"],
                step["step"],
                str(len(counts)),
                ", ".join(f"{count:,}" for count in counts[-3:]),
                f"{max(counts):,}" if counts else step["fault"],
                f"{max(step['logged']):.2f} %" if step["logged"] else "",
                step["integrity"],
                "; ".join(step["findings"]),
                f"{step['seconds'] / 60:.0f}",
            ]
            lines.append(f"| {' | '.join(map(cell, columns))} |")
    return lines


def main() -> None:
    match sys.argv[1:]:
        case ["check", name, folder]:
            began = time.monotonic()
            scorecard = check(Path(folder), load(find(RUBRIC)), workshop())
            evidence = scorecard.evidence
            if evidence.fault:
                print(evidence.fault.message)
            left_out = [each.model_dump() for each in evidence.left_out]
            sources = {source.name: source for source in submission.find(Path(folder)).steps}
            rows = [row(step, sources) for step in evidence.steps]
            keep(name, {"steps": rows, "left_out": left_out})
            print(name, len(evidence.steps), "steps in", round(time.monotonic() - began), "s")
        case ["grade", name, notebook]:
            scorecard = grade(Path(notebook), load(find(RUBRIC)), workshop(), lambda told: None)
            keep(name, {"full": full(scorecard.evidence)})
        case ["write"]:
            (DOCS / "real-submissions.md").write_text("\n".join(table()) + "\n")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
