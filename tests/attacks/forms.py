"""Many attacks in one submission, as model definitions or as a notebook; and what each was told."""

from collections.abc import Callable, Mapping

import pyseccomp
from batches import Laboratory, only_step
from notebook_samples import LOOPS, NET, SETUP
from notebook_samples import notebook as written
from step_samples import step

UNTRAINED = "fit(Net(), 1, lr=0.0)"

HONEST = [SETUP, NET, LOOPS, UNTRAINED]
"""Cells that an attack stands behind. What they train knows nothing, so that whoever knows the
digits was told them."""

Attacks = Mapping[str, str]
"""Names to code that fails where an attack does."""

Told = dict[str, str]
"""Names to the errors that the report gives; empty for an attack that went through."""


def definitions(laboratory: Laboratory, attacks: Attacks) -> Told:
    """Each attack is a step: it runs in a fork of one process."""
    files = {f"step_{n}.py": code + step() for n, code in enumerate(attacks.values(), 1)}
    scorecard = laboratory.attack(files)
    told = {}
    for name, each in zip(attacks, scorecard.evidence.steps, strict=True):
        assert each.fault is None or each.fault.owner == "submission", each.fault
        told[name] = each.fault.message if each.fault else ""
    return told


def notebook(laboratory: Laboratory, attacks: Attacks) -> Told:
    """Each attack is a cell: they share a process, and what one does the next finds."""
    scorecard = laboratory.attack({"Step_1.ipynb": written(*HONEST, *attacks.values())})
    assert scorecard.verdict == "failed"
    failed = dict(told.split(": ", 1) for told in only_step(scorecard).failed_cells)
    assert not failed.keys() & {f"cell {n}" for n in range(1, len(HONEST) + 1)}
    return {
        name: failed.get(f"cell {number}", "")
        for number, name in enumerate(attacks, len(HONEST) + 1)
    }


Form = Callable[[Laboratory, Attacks], Told]

FORMS: tuple[Form, ...] = (definitions, notebook)


def name_of(form: Form) -> str:
    """As a test's name tells it."""
    return form.__name__


CALL = """
import ctypes, os

def call(name, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    answer = libc.syscall(ctypes.c_long(NUMBERS[name]), *arguments)
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer
"""
"""For attacks that ask the kernel itself."""


def calling(*names: str) -> str:
    """The start of an attack that makes these system calls."""
    numbers = {name: pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name) for name in names}
    here = {name: number for name, number in numbers.items() if number >= 0}
    return f"NUMBERS = {here}\n{CALL}"
