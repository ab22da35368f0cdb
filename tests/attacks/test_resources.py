"""Bombs, floods and endless loops. Each has bounds of its own, should nothing else stop it."""

import re
from dataclasses import replace

import psutil
import pytest
from batches import Laboratory, only_step
from forms import FORMS, HONEST, Form, Told, definitions, name_of
from notebook_samples import notebook
from step_samples import step

START = "import contextlib, os, signal, sys, threading, time\n"

BOUNDED = {
    "one list": ("held = []\nfor _ in range(100):\n    held.append(bytearray(2**26))", "MemoryError"),
    "one tensor": ("import torch\nheld = torch.ones(2**31)", "can't allocate memory"),
    "open files": ("with contextlib.ExitStack() as stack:\n    for _ in range(5_000):\n        stack.enter_context(open('/dev/null'))", "Too many open files"),
    "pipes": ("opened = []\ntry:\n    for _ in range(5_000):\n        opened += os.pipe()\nfinally:\n    for each in opened:\n        os.close(each)", "Too many open files"),
    "a huge file with nothing in it": ("with open('sparse', 'wb') as file:\n    file.truncate(2**40)", "File too large"),
    "threads": ("over = threading.Event()\ntry:\n    for _ in range(1_000):\n        threading.Thread(target=over.wait).start()\nfinally:\n    over.set()", "can't start new thread"),
}  # fmt: skip
"""What the process's own limits end; and what comes of it. It can go on then."""

BOMBS = {
    "memory of several processes": (
        "for _ in range(3):\n    if os.fork() == 0:\n        held = [bytearray(b'1' * 2**26) for _ in range(18)]\n        time.sleep(20)\n        os._exit(0)\ntime.sleep(20)",
        r"its processes used more than \d GiB of memory",
    ),
    "files": (
        "for number in range(1_000_000):\n    os.close(os.open(f'{number}', os.O_CREAT))",
        "it made more than 100,000 files",
    ),
    "disk": (
        "for number in range(5):\n    with open(f'big-{number}', 'wb') as file:\n        file.write(bytes(2**25))\ntime.sleep(20)",
        "it wrote more than .* GiB of files|No space left on device",
    ),
    "disk of files without names": (
        "held = []\nfor _ in range(5):\n    held.append(open('big', 'wb'))\n    held[-1].write(bytes(2**25))\n    held[-1].flush()\n    os.unlink('big')\ntime.sleep(20)",
        "it wrote more than .* GiB of files|No space left on device",
    ),
    "folders in folders": (
        "for _ in range(3_000):\n    os.mkdir('down')\n    os.chdir('down')\nraise OSError('it is deep')",
        "it is deep",
    ),
    "folders that are closed": (
        "os.makedirs('closed/within')\nos.chmod('closed', 0)\nraise OSError('it is closed')",
        "it is closed",
    ),
    "processes": (
        "first, told = os.getpid(), None\nfor _ in range(20):\n    try:\n        os.fork()\n    except OSError as refused:\n        told = refused\nif os.getpid() != first:\n    time.sleep(600)\nraise told",
        "Resource temporarily unavailable",
    ),
}  # fmt: skip
"""What the watch over all of a submission's processes ends, or the wall. The last stays as long
as it may."""

LOOPS = {
    "a loop": "while True: pass",
    "a loop that cannot be interrupted": "for one in (signal.SIGINT, signal.SIGTERM, signal.SIGXCPU):\n    signal.signal(one, signal.SIG_IGN)\nwhile True:\n    try:\n        while True: pass\n    except BaseException:\n        continue",
    "a loop where an object ends": "class Endless:\n    def __del__(self):\n        while True:\n            try:\n                while True: pass\n            except BaseException:\n                continue\none = Endless()\ndel one",
}  # fmt: skip


@pytest.fixture(scope="module", params=FORMS, ids=name_of)
def told(request: pytest.FixtureRequest, laboratory: Laboratory) -> Told:
    form: Form = request.param
    return form(laboratory, {name: f"{START}{code}\n" for name, (code, _) in BOUNDED.items()})


@pytest.fixture(scope="module")
def bombed(laboratory: Laboratory) -> Told:
    told = definitions(laboratory, {name: f"{START}{code}\n" for name, (code, _) in BOMBS.items()})
    assert not left_of_all()
    return told


def left_of_all() -> list[psutil.Process]:
    """Processes that this one started for submitted code, directly or not."""
    benches = [
        process
        for process in psutil.Process().children()
        if "harness.collect.bench_process" in process.cmdline()
    ]
    kept = {*benches, *(one for bench in benches for one in bench.children(recursive=True))}
    return [one for one in psutil.Process().children(recursive=True) if one not in kept]


@pytest.mark.parametrize("what", BOUNDED)
def test_a_limit_ends_it(told: Told, what: str) -> None:
    assert re.search(BOUNDED[what][1], told[what]), told[what]


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_ends_and_the_next_step_is_graded(bombed: Told, bomb: str) -> None:
    assert re.search(BOMBS[bomb][1], bombed[bomb]), bombed[bomb]


@pytest.mark.parametrize("bomb", ["memory of several processes", "files"])
def test_a_bomb_ends_its_notebook(laboratory: Laboratory, bomb: str) -> None:
    code, expected = BOMBS[bomb]
    scorecard = laboratory.attack(
        {"Step_1.ipynb": notebook(*HONEST, START + code, "fit(Net(), 9)")}
    )
    assert scorecard.verdict == "failed"
    (run,) = only_step(scorecard).observed
    assert run.fault is not None
    assert run.fault.owner == "submission"
    assert re.search(expected, run.fault.message), run.fault.message
    assert not left_of_all()


def test_a_flood_of_a_definition_ends(laboratory: Laboratory) -> None:
    flood = "while True: print('Accuracy: 360/360 (100.00%)' * 10_000)\n"
    fault = only_step(laboratory.attack({"step_1.py": flood + step()})).fault
    assert fault is not None
    assert fault.owner == "submission"
    # The file's own bound, or that of all files: what is printed goes into one without a name.
    assert re.search("File too large|more than 0.0625 GiB of files", fault.message)


def test_a_flood_of_a_notebook_ends(laboratory: Laboratory) -> None:
    printed = "while True: print('Accuracy: 360/360 (100.00%)' * 100)"
    past = "import os\nwhile True: os.write(2, b'Accuracy: 360/360 (100.00%)' * 10_000)"
    scorecard = laboratory.attack({"Step_1.ipynb": notebook(*HONEST, printed, past)})
    told = only_step(scorecard).failed_cells
    assert len(told) == 2
    assert all("it wrote more than 2,000,000 characters" in each for each in told)
    assert scorecard.verdict == "failed"


def test_an_endless_definition_ends(laboratory: Laboratory) -> None:
    workshop = laboratory.workshop
    short = replace(workshop, limits=replace(workshop.limits, cpu_seconds=2, wall_seconds=30))
    told = definitions(
        laboratory._replace(workshop=short), {n: f"{START}{c}\n" for n, c in LOOPS.items()}
    )
    for name in LOOPS:
        assert "it was ended after 2 s of processor time" in told[name]


def test_a_definition_that_waits_ends(laboratory: Laboratory) -> None:
    """What computes is another process, so that the first uses no time."""
    limits = replace(laboratory.workshop.limits, wall_seconds=4)
    short = laboratory._replace(workshop=replace(laboratory.workshop, limits=limits))
    waits = "import os\nif os.fork() == 0:\n    while True: pass\nos.wait()\n"
    told = definitions(short, {"it waits": waits})
    assert told == {"it waits": "no answer within 4 s"}
    assert not left_of_all()


def test_an_endless_notebook_ends(laboratory: Laboratory) -> None:
    workshop = laboratory.workshop
    short = replace(workshop, notebook=replace(workshop.notebook, cell_seconds=3))
    cells = [
        START + LOOPS[name]
        for name in ("a loop", "a loop where an object ends", "a loop that cannot be interrupted")
    ]
    network = "class Net(__import__('torch').nn.Module): pass"
    files = {"Step_1.ipynb": notebook(network, *cells, "after = 1")}
    step_of = only_step(laboratory._replace(workshop=short).attack(files))
    assert step_of.fault is not None
    assert step_of.fault.owner == "submission"
    told = step_of.failed_cells
    assert [each.split(":")[0] for each in told] == ["cell 2", "cell 3", "cell 4"]
    assert all("stopped after 3 s" in each for each in told)
    assert told[-1].endswith("could not be interrupted, so that its kernel was ended")
    assert not left_of_all()
