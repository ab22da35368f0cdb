"""A notebook's cells run to the end, whatever the cells do; and the driver says what happened."""

import io
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from kernels import Executed, execute, source_of

from harness import frames
from harness.inside import notebook

# A kernel takes seconds to start, so that each serves a table of cells.
CELLS: list[tuple[str, dict[str, Any], str, int | None]] = [
    # source, metadata, the error that is told, its line in the cell
    ("x = 1\nprint('\\x1b[31mred\\x1b[0m')\nx", {}, "", None),
    ("x += 1", {"tags": ["skip-execution"]}, "", None),
    ("y = 0\n1 / y", {"tags": ["raises-exception"]}, "ZeroDivisionError: division by zero", 2),
    ("def broken(:\n    pass", {}, "SyntaxError: invalid syntax", 1),
    ("", {}, "", None),
    ("def f():\n    raise ValueError('in f')\n\nf()", {}, "ValueError: in f", 4),
    ("assert x == 2", {}, "", None),
    ("assert input('Who? ') == ''\nimport getpass\nassert getpass.getpass('Key: ') == ''", {}, "", None),
    ("while True:\n    pass", {}, "stopped after 5 s", None),
    ("while True:\n    print('a line' * 100)", {}, "stopped, because it wrote more than 500,000 ch", None),
    ("print('z' * 90_000)", {}, "", None),
    ("from IPython.display import Image, display\ndisplay(Image(b'\\x89PNG\\r\\n\\x1a\\n' + bytes(60_000)))", {}, "", None),
    ("import shutil, os\nshutil.rmtree(os.path.abspath('../../kernel'))\nshutil.rmtree(os.path.abspath('..'))", {}, "", None),
    ("print('still here')", {}, "", None),
    ("await __import__('asyncio').sleep(0)", {}, "", None),
    ("import beside", {}, "ModuleNotFoundError: No module named 'beside'", 1),
    ("raise SystemExit(4)", {}, "SystemExit: 4", 1),
    ("bytearray(2 ** 45)", {}, "MemoryError", 1),
    ("import os\nos._exit(3)", {}, "the kernel ended in this cell: the code ended its own process, with exit code 3", None),
    ("x = 'never reached'", {}, "", None),
]  # fmt: skip


KERNEL = pytest.mark.xdist_group("driver")
"""Tests of one kernel run where it was started."""


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """The table, executed."""
    folder = tmp_path_factory.mktemp("driver")
    cells = [(source, metadata) for source, metadata, *_ in CELLS]
    return execute(folder, cells, cell_seconds=5, output=50_000)


@KERNEL
@pytest.mark.parametrize("place", range(len(CELLS) - 1))
def test_how_a_cell_ended(executed: Executed, place: int) -> None:
    _, _, error, line = CELLS[place]
    cell = executed.cells[place + 1]  # a markdown cell stands above them
    if error:
        assert cell.error.startswith(error)
    else:
        assert cell.error == ""
    if not error.startswith("stopped"):  # somewhere in its loop
        assert cell.line == line
    assert "\x1b" not in cell.traceback
    assert cell.seconds >= 0


@KERNEL
def test_no_cell_runs_without_a_kernel(executed: Executed) -> None:
    assert max(executed.cells) == len(CELLS) - 1
    assert executed.kinds[-1] == frames.Kind.EXECUTED
    assert executed.status == 3


@KERNEL
def test_the_copy_is_capped_biggest_images_first(executed: Executed) -> None:
    assert executed.copy is not None
    outputs = [cell.get("outputs", []) for cell in executed.copy.cells]
    assert len(nbformat.writes(executed.copy)) < 100_000
    said = json.dumps(outputs)
    assert "an image of 80," in said
    assert "output of 90," in said
    assert "still here" in said
    assert outputs[1][-1]["data"]["text/plain"] == "1"
    assert source_of(executed.copy, len(CELLS)) == "x = 'never reached'"


STUBBORN = """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""


def test_a_loop_that_cannot_be_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "GRACE_SECONDS", 0.5)
    executed = execute(tmp_path, [("x = 1", {}), (STUBBORN, {}), ("x", {})], seconds=3)
    assert [cell.error for cell in executed.cells.values()] == [
        "",
        "stopped, because the notebook took longer than 3 s; it could not be interrupted, so that "
        "its kernel was ended",
    ]
    assert executed.copy is not None


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"cells": 3, "nbformat": 4}'])
def test_a_file_that_is_no_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    (tmp_path / "Step 1.ipynb").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    stream = io.BytesIO()
    order = frames.Order("MNIST", [6, 6], notebook="Step 1.ipynb", output=1000, seconds=9)
    assert notebook.run(order, stream) == 0
    stream.seek(0)
    kinds = dict(frames.read(stream))
    assert "Step 1.ipynb is no notebook" in json.loads(kinds[frames.Kind.CELL])["error"]
    assert kinds[frames.Kind.EXECUTED] == b""
