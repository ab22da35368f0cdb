"""Runs a notebook, cell after cell, in a kernel of its own: the driver.

It reads one order from its standard input and writes frames to its standard output: how each
cell ended, and the executed notebook to look at. What was trained is told by the kernel, over a
pipe that the driver only passes on. It must know nothing of torch, and trusts neither the
notebook nor the kernel: both may be broken, endless or dead, and the order is still answered.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import queue
import re
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import nbformat
import zmq
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from harness import frames

START_SECONDS = 300
"""For torch to be imported in the kernel: some seconds, or minutes on a machine that is busy."""

GRACE_SECONDS = 10.0
"""For a cell to end that was interrupted, before its kernel is ended."""

FLOOD = 10
"""A cell that writes so many times the output that is kept is stopped."""

MESSAGE = 32 * 2**20
"""Bytes of one message from the kernel; longer ones are not received."""

FOLDER = "kernel"
"""For the connection file and the sockets. Its path is relative, and short, because the path of a
Unix socket may have no more than some hundred characters."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Manager(AsyncKernelManager):
    """Starts this package's kernel, whatever kernels are installed or the notebook names."""

    @property
    def kernel_spec(self) -> KernelSpec:
        """How the kernel is started."""
        main = ["-P", "-s", "-m", "harness.inside.kernel", "-f", "{connection_file}"]
        return KernelSpec(argv=[sys.executable, *main], display_name="harness", language="python")


class Client(NotebookClient):
    """Executes cells, and notices a flood of output."""

    def __init__(self, notebook: NotebookNode, kept: int, **options: Any) -> None:
        super().__init__(notebook, **options)
        self._kept = kept
        self._written = 0
        self.reply: dict[str, Any] | None = None
        """The kernel's answer to the last cell."""
        self.flooded = asyncio.Event()

    def begin(self) -> None:
        """Forget the cell before."""
        self._written = 0
        self.reply = None
        self.flooded.clear()

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        """Take in what a cell writes, as far as it is within its bounds."""
        if msg["msg_type"] in ("stream", "display_data", "execute_result", "update_display_data"):
            self._written += _size(msg["content"])
            if self._written > FLOOD * self._kept:
                self.flooded.set()
                return None
        elif msg["msg_type"].startswith("comm"):
            return None  # widgets, whose state nobody shows
        return super().process_message(msg, cell, cell_index)


def _size(content: Any) -> int:
    """About how many bytes an output has."""
    if isinstance(content, str):
        return len(content)
    if isinstance(content, dict):
        return sum(map(_size, content.values()))
    return sum(map(_size, content)) if isinstance(content, list) else 8


class Stopped(Exception):
    """The kernel is gone, or the notebook's time is up; no further cell can run."""


class Run:
    """One notebook on its way through one kernel."""

    def __init__(self, order: frames.Order, notebook: NotebookNode, stream: BinaryIO) -> None:
        self._order = order
        self._notebook = notebook
        self._stream = stream
        self._deadline = 0.0
        self.status = 0
        """The exit status of the kernel, where it ended by itself."""

    async def execute(self) -> None:
        """Execute all code cells; one that fails does not keep the next from running."""
        cells = [
            (index, cell)
            for index, cell in enumerate(self._notebook.cells)
            if cell.cell_type == "code"
        ]
        for _, cell in cells:
            cell.outputs, cell.execution_count = [], None
        full = [index for index, cell in cells if cell.source.strip()]
        Path(FOLDER).mkdir(exist_ok=True)
        self._manager = manager = Manager(
            connection_file=f"{FOLDER}/connection.json",
            **({"transport": "ipc", "ip": f"{FOLDER}/socket"} if os.name == "posix" else {}),
        )
        manager.context.setsockopt(zmq.MAXMSGSIZE, MESSAGE)
        self._client = Client(
            self._notebook,
            self._order.output,
            km=manager,
            allow_errors=True,
            skip_cells_with_tag="",  # no cell has it: the learner's own tags mean nothing here
            timeout=None,
            startup_timeout=START_SECONDS,
            record_timing=False,
            on_cell_executed=self._keep,
        )
        options: dict[str, Any] = {"pass_fds": (self._order.probe,)} if os.name == "posix" else {}
        told = json.dumps(asdict(self._order) | {"cells": full})
        try:
            async with self._client.async_setup_kernel(
                env=os.environ | {"HARNESS_ORDER": told}, **options
            ):
                frames.write(self._stream, frames.Kind.READY, b"")
                self._deadline = time.monotonic() + self._order.seconds
                with contextlib.suppress(Stopped):
                    for index, cell in cells:
                        await self._cell(index, cell)
                await self._finish()
        finally:
            with contextlib.suppress(Exception):
                await manager.shutdown_kernel(now=True)

    def _keep(self, cell: NotebookNode, cell_index: int, execute_reply: dict[str, Any]) -> None:
        self._client.reply = execute_reply["content"]

    async def _cell(self, index: int, cell: NotebookNode) -> None:
        """Execute a cell, and say how it ended.

        Raises:
            Stopped: if no further cell can run.
        """
        began = time.monotonic()
        self._client.begin()
        try:
            fault = await self._attempt(cell, index)
        except DeadKernelError:
            self.status = await self._status()
            self._tell(index, began, f"the kernel ended in this cell: {_death(self.status)}")
            raise Stopped from None
        reply = self._client.reply or {}
        failed = reply.get("status") == "error"
        said = f"{reply.get('ename')}: {reply.get('evalue')}".removesuffix(": ") if failed else ""
        self._tell(index, began, fault or said, reply)
        cap(self._notebook, self._order.output)
        if time.monotonic() >= self._deadline:
            raise Stopped

    def _tell(
        self, index: int, began: float, error: str, reply: dict[str, Any] | None = None
    ) -> None:
        reply = reply or {}
        trace = _ANSI.sub("", "\n".join(reply.get("traceback", [])))
        cell = frames.Cell(
            cell=index,
            seconds=round(time.monotonic() - began, 3),
            error=_ANSI.sub("", error)[:2000],
            line=reply.get("line"),
            traceback="\n".join(trace.splitlines()[-20:])[-4000:],
        )
        frames.write(self._stream, frames.Kind.CELL, json.dumps(asdict(cell)).encode())

    async def _attempt(self, cell: NotebookNode, index: int) -> str:
        """Execute a cell within its time.

        Returns:
            Why it was stopped; empty if it was not.
        """
        whole = self._deadline - time.monotonic()
        seconds = min(self._order.cell_seconds, whole)
        task = asyncio.ensure_future(self._client.async_execute_cell(cell, index))
        flood = asyncio.ensure_future(self._client.flooded.wait())
        await asyncio.wait({task, flood}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        flood.cancel()
        if self._client.flooded.is_set():
            fault = (
                f"stopped, because it wrote more than {FLOOD * self._order.output:,} "
                "characters; is there a print in a loop?"
            )
        elif task.done():
            await task
            return ""
        elif whole < self._order.cell_seconds:
            fault = f"stopped, because the notebook took longer than {self._order.seconds:,} s"
        else:
            fault = f"stopped after {seconds:,} s: a cell may take no longer; is its loop endless?"
        for _ in range(2):  # the first may be caught by an `except:` of the learner's
            if not task.done():
                await self._manager.interrupt_kernel()
                await asyncio.wait({task}, timeout=GRACE_SECONDS / 2)
        if not task.done():
            await self._manager.signal_kernel(signal.SIGTERM if os.name == "nt" else 9)
            fault += "; it could not be interrupted, so that its kernel was ended"
        try:
            await task
        except DeadKernelError:
            self._tell(index, time.monotonic() - seconds, fault)
            raise Stopped from None
        return fault

    async def _finish(self) -> None:
        """Let the probe send what it still holds: a silent request, which only the driver makes."""
        kernel = self._client.kc
        assert kernel is not None
        asked = kernel.execute("", silent=True)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until and await self._manager.is_alive():
            with contextlib.suppress(queue.Empty):
                answer = await kernel.shell_channel.get_msg(timeout=1)
                if answer["parent_header"].get("msg_id") == asked:
                    return

    async def _status(self) -> int:
        """The exit status of a kernel that has ended."""
        provisioner = self._manager.provisioner
        status = await provisioner.poll() if provisioner is not None else None
        return -1 if status is None else int(status)


def _death(status: int) -> str:
    """Why a kernel ended, from its exit status."""
    if status >= 0:
        return f"the code ended its own process, with exit code {status}"
    killed = {-getattr(signal, name, 0) for name in ("SIGKILL", "SIGXCPU", "SIGABRT")}
    if status in killed:
        return "its processor time or memory was used up, or it killed itself"
    return f"by signal {-status}"


def cap(notebook: NotebookNode, most: int) -> None:
    """Leave out the biggest outputs, images before text, until no more than `most` bytes remain."""
    held = [
        ("image/png" in output.get("data", {}), _size(output), cell, place)
        for cell in notebook.cells
        if cell.cell_type == "code"
        for place, output in enumerate(cell.outputs)
    ]
    total = sum(size for _, size, _, _ in held)
    for image, size, cell, place in sorted(held, key=lambda one: one[:2], reverse=True):
        if total <= most:
            return
        said = f"[{'an image' if image else 'output'} of {size:,} bytes is left out here]\n"
        cell.outputs[place] = nbformat.v4.new_output("stream", name="stdout", text=said)
        total -= size


def run(order: frames.Order, stream: BinaryIO) -> int:
    """Execute the notebook of an order, and send it back.

    Returns:
        The exit status of the kernel: 0 unless it ended by itself.
    """
    path = Path(order.notebook)
    try:
        notebook = nbformat.reads(path.read_text("utf-8-sig"), as_version=4)
    except Exception as error:
        cell = frames.Cell(0, 0.0, f"{path.name} is no notebook: {error}"[:2000], None, "")
        frames.write(stream, frames.Kind.CELL, json.dumps(asdict(cell)).encode())
        frames.write(stream, frames.Kind.EXECUTED, b"")
        return 0
    one = Run(order, notebook, stream)
    with contextlib.suppress(DeadKernelError):
        asyncio.run(one.execute())
    cap(notebook, order.output)
    executed = nbformat.writes(notebook).encode()
    if len(executed) > frames.MAX_FRAME:
        executed = b""
    frames.write(stream, frames.Kind.EXECUTED, executed)
    return one.status


if __name__ == "__main__":
    # What anything else prints must not end up among the frames.
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    gc.enable()
    ended = run(frames.Order(**json.loads(sys.stdin.readline())), pipe)
    frames.write(pipe, frames.Kind.END, json.dumps(ended).encode())
