"""Notebooks made of a few cells, and what comes of them in a kernel of the harness."""

import io
import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from harness import frames
from harness.inside import notebook

SIZES = (70, 30)
"""Training and test images that are served."""


@dataclass
class Executed:
    """What came of a notebook."""

    status: int = 0
    cells: dict[int, frames.Cell] = field(default_factory=dict)
    kinds: list[frames.Kind] = field(default_factory=list)
    shims: dict[str, str] = field(default_factory=dict)
    copy: Any = None


def serve(folder: Path) -> None:
    """Write a small MNIST as torchvision has it."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, count in zip(("train", "t10k"), SIZES, strict=True):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        sizes = b"".join(n.to_bytes(4, "big") for n in images.shape)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03" + sizes + images.tobytes())
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(
            b"\0\0\x08\x01" + sizes[:4] + labels.tobytes()
        )


def execute(
    folder: Path,
    cells: list[tuple[str, dict[str, Any]]],
    beside: dict[str, str] | None = None,
    sizes: tuple[int, int] = SIZES,
    **limits: int,
) -> Executed:
    """Run cells, sources and metadata, as a notebook; a markdown cell stands above them."""
    made = nbformat.v4.new_notebook()
    made.cells = [nbformat.v4.new_markdown_cell("# Step 1")] + [
        nbformat.v4.new_code_cell(source, metadata=metadata) for source, metadata in cells
    ]
    checkout = folder / "checkout"
    for name, content in {"steps/Step 1.ipynb": nbformat.writes(made), **(beside or {})}.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(content)
    serve(folder / "data")
    reading, writing = os.pipe()
    settings = {"cell_seconds": 60, "seconds": 300, "memory": 4 * 2**30, "output": 100_000}
    order = frames.Order(
        dataset="MNIST",
        sizes=list(sizes),
        notebook="checkout/steps/Step 1.ipynb",
        folder="weeks/session-5",
        data="data",
        probe=writing,
        **settings | limits,  # type: ignore[arg-type]
    )
    executed = Executed()

    def listen() -> None:
        with os.fdopen(reading, "rb") as stream:
            for kind, payload in frames.read(stream):
                if kind is frames.Kind.SHIM:
                    shim = frames.Shim(**json.loads(payload))
                    executed.shims[shim.name] = shim.told

    listener = threading.Thread(target=listen)
    listener.start()
    stream = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HOME", str(folder))
        try:
            executed.status = notebook.run(order, stream)
        finally:
            os.close(writing)
    listener.join()
    stream.seek(0)
    for kind, payload in frames.read(stream):
        executed.kinds.append(kind)
        if kind is frames.Kind.CELL:
            cell = frames.Cell(**json.loads(payload))
            executed.cells[cell.cell] = cell
        elif payload:
            executed.copy = nbformat.reads(payload.decode(), as_version=4)
    return executed


def source_of(copy: Any, cell: int) -> str:
    """The source of a cell of an executed copy."""
    return str(copy.cells[cell].source)
