"""The words and numbers that every format shares. Must not know any format's syntax."""

from __future__ import annotations

from harness import data
from harness.audit import Audit, AuditedLog, Outcome
from harness.claims import Claim
from harness.evidence import Dataset, Epoch, Evidence, Fault, Run, Step
from harness.percentage import percent
from harness.plain import printable as printable
from harness.scorecard import Mark, Scorecard, Status
from harness.techniques import used

INTEGRITY = {
    "replayed": "replayed: trained and measured in a process that the submitted code never entered",
    "observed": "observed: a notebook's own loop trained in a process of its own, and each epoch's "
    "weights were measured outside; how they came about can be forged by a determined cheat",
    "answered": "observed, and answered in a process of its own: the network is no graph, so that "
    "code of the submission answered to images without labels",
    "advisory": "advisory: no sandbox was available, so this holds nothing against a cheat",
}
"""What each integrity level says of a score."""

SIGNS: dict[Status, str] = {
    "passed": "✓",
    "partly": "~",
    "failed": "✗",
    "awaiting": "…",
    "not graded": "?",
}
"""A sign for each status, so that no report depends on colour."""

OUTCOMES: dict[Outcome, Status] = {
    "meets": "passed",
    "misses": "failed",
    "cannot be told": "not graded",
}
"""What a rule makes of a printed log looks as what it makes of a step."""

LAYERS = (
    "layer",
    "kernel",
    "padding",
    "stride",
    "output",
    "receptive field",
    "arithmetic",
    "parameters",
)
"""Columns of the layer table, as the seeds have them."""


def points(value: float) -> str:
    """Points with up to two decimals: `2.5`, `20`, `3.33`."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def images(number: int) -> str:
    """`1 image`, `2 images`."""
    return f"{number:,} image{'s' * (number != 1)}"


def sentence(phrase: str) -> str:
    """A phrase with a large letter and a full stop."""
    return f"{phrase[:1].upper()}{phrase[1:]}{'' if phrase.endswith(('.', '!', '?')) else '.'}"


def headline(scorecard: Scorecard) -> str:
    """What was judged by what: the submission, its own title and author, and the rubric."""
    evidence = scorecard.evidence
    named = evidence.submission
    if evidence.title:
        named += f": {evidence.title}"
    if evidence.author:
        named += f", by {evidence.author}"
    return f"{named} · {scorecard.rubric}"


def verdict(scorecard: Scorecard) -> str:
    """The outcome in one sentence."""
    total = f"{points(scorecard.points)} of {points(scorecard.out_of)} points"
    within = [f"{points(scorecard.bonus)} of them a bonus"] if scorecard.bonus else []
    if late := scorecard.late:
        within.append(f"{points(late.points)} lost, {late.why}")
    total += f" ({'; '.join(within)})" * bool(within)
    if scorecard.awaiting:
        total += f", {points(scorecard.awaiting)} await a person"
    if scorecard.verdict == "not graded":
        return "not graded: the fault is the machine's or the harness's; grade it again"
    if scorecard.verdict == "passed":
        return f"passed with {total}"
    return f"not passed, {total}: {'; '.join(scorecard.reasons)}"


def so_far(scorecard: Scorecard) -> str:
    """What a check came to that trained nothing, in one sentence."""
    if scorecard.verdict == "not graded":
        return verdict(scorecard)
    total = f"{points(scorecard.points)} of {points(scorecard.out_of)} points before training"
    required = [reason for reason in scorecard.reasons if "required" in reason]
    return "; ".join([total, *required])


def levels(evidence: Evidence) -> list[str]:
    """What each integrity level in a submission says of its scores, and the sandbox."""
    found = {step.integrity: 0 for step in evidence.steps if step.runs or step.observed}
    walls = {step.sandbox: 0 for step in evidence.steps if step.sandbox}
    sandbox = [f"The submitted code ran in a sandbox: {' and '.join(walls)}."] if walls else []
    return [*(f"Integrity {INTEGRITY[level]}." for level in found), *sandbox]


def review(scorecard: Scorecard) -> list[str]:
    """What a person should look at, a sentence each."""
    found = [
        f"{mark.step or scorecard.evidence.submission}, {mark.check}: {sentence}"
        for mark in scorecard.marks
        for sentence in mark.review
    ]
    found += [
        f"{mark.step or scorecard.evidence.submission}, {mark.check}: {mark.asked} "
        f"({points(mark.out_of)} points)"
        for mark in scorecard.marks
        if mark.status == "awaiting"
    ]
    return found


def left_out(evidence: Evidence) -> list[str]:
    """Files that are no steps, and why, a sentence each."""
    return [f"Left out: {each.name}: {each.reason}" for each in evidence.left_out]


def marks_of(step: Step, scorecard: Scorecard) -> list[Mark]:
    """The marks of one step, in the rubric's order."""
    return [mark for mark in scorecard.marks if mark.step == step.name]


def heading(step: Step, scorecard: Scorecard) -> str:
    """A step's name and what it earned."""
    return f"{step.name} · {earned(step, scorecard)} points"


def earned(step: Step, scorecard: Scorecard) -> str:
    """What a step earned, of what it could earn so far: `41.25 of 66.25`."""
    marks = marks_of(step, scorecard)
    out_of = sum(m.out_of for m in marks if not m.bonus and m.status != "awaiting")
    return f"{points(sum(mark.points for mark in marks))} of {points(out_of)}"


def worth(mark: Mark) -> str:
    """What a mark earned: `2.5 of 10`, `+5 of 5` for a bonus, `- of 10` while it is open."""
    open_ = mark.status in ("awaiting", "not graded")
    earned = "-" if open_ else points(mark.points)
    return f"{'+' * mark.bonus}{earned} of {points(mark.out_of)}"


def facts(step: Step, evidence: Evidence) -> list[str]:
    """What was measured about a step, a line each."""
    lines = []
    if step.network:
        count = step.network.parameters
        held = "" if count.used == count.judged else f", {count.used:,} used in a forward pass"
        lines.append(
            f"{step.network.name}: {count.judged:,} parameters{held}; "
            f"{step.network.multiply_adds:,} multiply-adds an image"
        )
        lines += step.network.remarks
    if techniques := used(step):
        lines.append(f"uses {', '.join(techniques)}")
    if step.recipe:
        made = step.recipe
        parts = [f"{made.epochs} epochs", f"batches of {made.batch_size}", str(made.optimizer)]
        parts += [f"{made.scheduler} each {made.scheduler.interval}"] if made.scheduler else []
        parts += [str(transform) for transform in made.augment] + [made.loss.name]
        if made.normalize not in (None, data.NORMALIZE[evidence.dataset.name]):
            parts.append(f"normalised with mean {made.normalize.mean} and std {made.normalize.std}")
        lines.append(f"recipe: {', '.join(parts)}")
    if step.defaulted:
        lines.append(f"the rubric filled in {', '.join(step.defaulted)}")
    tried = step.burst
    if tried and tried.first_loss is not None and tried.last_loss is not None:
        learns = "learns" if tried.learned else "learns slowly, if at all"
        lines.append(
            f"{learns}: {tried.steps} steps of Adam on {tried.images} images bring the loss from "
            f"{tried.first_loss:.2f} to {tried.last_loss:.2f}"
        )
    for run in step.observed:
        lines += _own(run, evidence.dataset.test_size)
    for run in step.runs:
        lines.append(f"seed {run.seed}: {_reached(run, evidence.dataset.test_size)}")
    if step.shims:
        told = [shim.partition(": ")[2] or shim for shim in step.shims]
        lines.append(f"so that it runs here: {' '.join(told)}")
    lines += [f"{cell} (nothing hangs on it)" for cell in step.failed_cells if not step.fault]
    return lines


def _reached(run: Run, size: int) -> str:
    """What a run came to, in one sentence."""
    counts = [epoch.test_correct for epoch in run.epochs] or [run.before_training]
    return (
        f"{run.before_training:,} of {size:,} before training, "
        f"{counts[-1]:,} ({percent(counts[-1], size)}) after epoch {len(run.epochs)}, "
        f"at best {max(counts):,} ({percent(max(counts), size)}); on {run.machine.device}"
    )


def _own(run: Run, size: int) -> list[str]:
    """A notebook's own training: what was measured, and what its code saw."""
    assert run.observed is not None
    where = "" if run.observed.cell is None else f" in cell {run.observed.cell + 1}"
    lines = [f"its own training{where}: {_reached(run, size)}"]
    tested = [seen for epoch in run.epochs for seen in epoch.seen if seen.source == "test"]
    if tested:
        best = max(tested, key=lambda seen: seen.correct / max(seen.of, 1))
        lines.append(f"its own tests saw at best {best.correct:,} of {best.of:,} decoy images")
    if run.observed.stopped:
        lines.append(f"it was stopped after epoch {len(run.epochs)}, to be replayed")
    if run.observed.answered:
        lines.append("its network is no graph: it answered in a process of its own")
    lines += run.observed.findings + run.observed.remarks
    if run.observed.unreplayable:
        lines.append(f"it cannot be replayed: {run.observed.unreplayable}")
    return lines


def seed(run: Run) -> str:
    """The seed of a run, or whose random numbers it had."""
    return str(run.seed) if run.seed else "its own"


def about(claim: Claim) -> str:
    """What a claim speaks of: `test accuracy`, `dropout`, `3 x 3 convolutions`."""
    if claim.quantity == "convolutions":
        return f"{claim.of} convolutions"
    return claim.of if claim.quantity == "technique" else claim.quantity


def training(run: Run) -> str:
    """`seed 1`, or that a notebook trained by itself."""
    return f"seed {run.seed}" if run.seed else "its own training"


def epochs(step: Step, dataset: Dataset) -> tuple[list[str], list[tuple[str, ...]]]:
    """Columns and rows of the table of every epoch of every run."""
    columns = ["seed", "epoch", "training", f"test, of {dataset.test_size:,}", "test", "loss"]
    columns += ["rate", *(["its own test saw", "its log says"] if step.observed else [])]
    rows = [
        (
            seed(run),
            str(epoch.number),
            trained(epoch),
            f"{epoch.test_correct:,}",
            percent(epoch.test_correct, dataset.test_size),
            loss(epoch),
            f"{epoch.learning_rate:.4g}",
            *([seen(epoch), logged(step, run, epoch)] if step.observed else []),
        )
        for run in [*step.observed, *step.runs]
        for epoch in run.epochs
    ]
    return columns, rows


def trained(epoch: Epoch) -> str:
    """The training accuracy of an epoch, where it is known."""
    return "" if epoch.train_correct is None else percent(epoch.train_correct, epoch.samples)


def loss(epoch: Epoch) -> str:
    """The loss of an epoch, where it is known."""
    return "" if epoch.loss is None else f"{epoch.loss:.4f}"


def seen(epoch: Epoch) -> str:
    """What a notebook's own code saw when it tested after an epoch."""
    return "; ".join(
        f"{seen.correct:,} of {seen.of:,} {_IMAGES[seen.source]}"
        + ", by other weights than it trained" * seen.other
        for seen in epoch.seen
    )


def logged(step: Step, run: Run, epoch: Epoch) -> str:
    """The test accuracy that a notebook printed after an epoch when it was handed in.

    Only of a log that has a line for each epoch of its own training.
    """
    log = step.logged[-1].percent if step.logged else []
    if not run.observed or len(log) != len(run.epochs):
        return ""
    return f"{log[epoch.number - 1]:.2f} %"


_IMAGES = {"test": "decoy images", "train": "training images", "unknown": "images of its own"}
"""What a notebook tests on."""


def layers(step: Step) -> list[tuple[str, ...]]:
    """The layer table, a row of `LAYERS` each, without those that neither hold nor look around."""
    rows = []
    for layer in step.network.layers if step.network else []:
        if layer.parameters or layer.kernel:
            windows = [_sides(w) for w in (layer.kernel, layer.padding, layer.stride)]
            output, field = " x ".join(map(str, layer.output)), str(layer.receptive_field)
            total = f"{layer.parameters:,}"
            rows.append((layer.name, *windows, output, field, layer.arithmetic, total))
    if rows and step.network:
        whole = sum(layer.parameters for layer in step.network.layers)
        rows.append(("in all", *[""] * (len(LAYERS) - 2), f"{whole:,}"))
    return rows


def _sides(window: list[int]) -> str:
    """`3` for a square of 3 x 3, as the seeds' tables have it."""
    return str(window[0]) if len(set(window)) == 1 else " x ".join(map(str, window))


def fault_of(step: Step) -> list[str]:
    """What could not be observed about a step, a line each."""
    return [fault(each) for each in faults_of(step)]


def fault(found: Fault) -> str:
    """Whose fault it is, where, and what was found."""
    line = f" (line {found.line})" if found.line else ""
    return f"{found.owner}'s fault, at {found.stage}{line}: {found.message}"


def place_of(mark: Mark, evidence: Evidence) -> str:
    """Where a check was judged, in the words of every format for CI: `step 4`."""
    names = [step.name for step in evidence.steps]
    return f"step {names.index(mark.step) + 1}" if mark.step in names else "submission"


def unreached(mark: Mark, evidence: Evidence) -> bool:
    """Whether a check was not judged because of a fault, which is told by itself."""
    step = next((step for step in evidence.steps if step.name == mark.step), None)
    faults = faults_of(step) if step else not evidence.steps
    return bool(faults) and mark.status == "failed" and not (mark.measured or mark.overridden)


def asked_and_measured(mark: Mark) -> list[str]:
    """What a check asked for and what was measured, a line each."""
    return [f"asked: {mark.asked}"] + [f"measured: {mark.measured}"] * bool(mark.measured)


def faults_of(step: Step) -> list[Fault]:
    """All that could not be observed about a step."""
    return [fault for fault in [step.fault, *(run.fault for run in _runs(step))] if fault]


def seconds(step: Step) -> float:
    """Wall time of a step's trainings here."""
    return sum(epoch.seconds for run in _runs(step) for epoch in run.epochs)


def _runs(step: Step) -> list[Run]:
    return [*step.observed, *step.runs]


# Audits -------------------------------------------------------------------------------------


def claimed(audit: Audit) -> str:
    """What was held against what, and that nothing was measured."""
    return f"{audit.submission} · {audit.rubric} · claimed, not measured"


def place(log: AuditedLog) -> str:
    """Where a log stands, and the heading above it."""
    return f"{log.place}: {log.title}" if log.title else log.place


def looked(audit: Audit) -> list[str]:
    """What was looked for and not found, and what could not be read, a sentence each."""
    found = []
    if not audit.logs:
        files = ", ".join(audit.files)
        found.append(
            "no log was found: test accuracies beside numbers of epochs, in the stored outputs of "
            "notebooks or the code blocks of texts"
            + (f"; looked in {files}" if files else "; there is neither here" * (not audit.unread))
        )
    return found + [f"not read: {sentence}" for sentence in audit.unread]


def believed(audit: Audit) -> list[str]:
    """What an audit leaves open, a sentence each."""
    found = []
    if audit.silent:
        found.append(f"Printed figures say nothing about {', '.join(audit.silent)}.")
    return [*found, "Nothing was run and nothing measured; `harness grade` measures."]
