"""`harness doctor`: what a grade would use on this machine, what is missing, and what mends it."""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import typer

import harness
from harness.commands.options import AsJson, DataDir, Device, StoreDir, Where

EPILOG = """
Examples:

  harness doctor

  harness doctor --device cuda --json

Exit codes: 0 a grade would work; 2 usage error; 4 it would not.
"""

PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "pydantic", "safetensors")
"""Those that decide what is measured."""

ROOM = 100 * 2**20
"""Bytes that the store should have; the evidence of a submission takes about one million."""


class Finding(NamedTuple):
    """What was found about one thing that a grade needs."""

    subject: str
    works: bool
    """Whether a grade would work with it as it is."""
    found: str
    mend: str = ""
    """The command that mends what is amiss, or advice where none can."""


def doctor(
    device: Where = Device.auto,
    data_dir: DataDir = None,
    store: StoreDir = None,
    as_json: AsJson = False,
) -> None:
    """Say what a grade would use here, and what mends what is missing."""
    from rich.console import Console

    from harness import data
    from harness import store as stores

    findings = [_versions(), _device(device), *_sandboxes()]
    findings += [_data(name, data.folder(data_dir)) for name in data.DATASETS]
    findings += [_store(stores.folder(store))]
    works = all(finding.works for finding in findings)
    if as_json:
        print(json.dumps({"works": works, "findings": [f._asdict() for f in findings]}))
    else:
        console = Console(highlight=False, markup=False, soft_wrap=True)
        for finding in findings:
            sign = "✓" if finding.works and not finding.mend else "~" if finding.works else "✗"
            console.print(f"{sign} {finding.subject}: {finding.found}")
            if finding.mend:
                console.print(f"    to mend it: {finding.mend}")
        console.print("A grade would work." if works else "A grade would not work.")
    raise typer.Exit(0 if works else 4)


def _versions() -> Finding:
    from importlib.metadata import PackageNotFoundError, version

    found, absent = [f"harness {harness.__version__}", f"Python {platform.python_version()}"], []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            absent.append(package)
    lack = f"; not installed: {', '.join(absent)}" if absent else ""
    mend = f"pip install {' '.join(absent)}" if absent else ""
    return Finding("versions", not absent, ", ".join(found) + lack, mend)


def _device(asked: Device) -> Finding:
    try:
        from harness.collect.device import NoDeviceError, choose, machine
    except ImportError as error:
        return Finding("device", False, f"torch does not load: {error}", "pip install torch")
    try:
        return Finding("device", True, machine(choose(asked)).device)
    except NoDeviceError as error:
        return Finding("device", False, str(error), "harness doctor --device auto")


def _sandboxes() -> list[Finding]:
    """Which sandbox a grade would run submitted code in, and what came of trying each."""
    from harness.collect.sandbox import walls

    tried = walls.tried()
    used = next((wall.name for wall, problem in tried if not problem), "")
    found = f"{used}, tried here: integrity replayed or observed" if used else "none works"
    mend = "" if used else "harness grade --no-sandbox, for people whom you trust: advisory"
    findings = [Finding("sandbox", bool(used), found, mend)]
    for wall, problem in tried:
        told = f"does not work: {problem}" if problem else f"works; {wall.lacks}"
        mend = wall.mend(problem) if problem else ""
        findings.append(Finding(wall.name, bool(used), told, mend))
    return findings


def _data(name: str, folder: Path) -> Finding:
    from harness import data

    if name == "digits":
        return Finding(name, True, "inside scikit-learn")
    where = data.raw(name, folder)
    if len(data.missing(name, folder)) == 4:
        found = f"not in {where}; the first grade that needs it downloads it"
        return Finding(name, True, found, f"harness data get {name}")
    if problem := data.problem(name, folder):
        return Finding(name, False, problem, f"harness data get {name}, without the wrong file")
    return Finding(name, True, f"verified in {where}")


def _store(folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        elsewhere = "give a folder that can be written, with --store or HARNESS_STORE"
        return Finding("store", False, f"{folder} cannot be written: {error}", elsewhere)
    found = f"{folder} can be written, and has {free / 2**30:,.1f} GiB free"
    return Finding("store", free >= ROOM, found, "" if free >= ROOM else "free some disk")
