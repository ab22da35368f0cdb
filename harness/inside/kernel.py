"""The kernel in which a notebook's cells run: IPython's own, with shims and a probe beside it.

The driver starts it and tells it what it needs in one environment variable. Cells come as
ordinary requests, in the order of `cells`, the indexes of the cells that are not empty; a silent
request says that the last has ended. So the probe is called as

    probe.install(order)                   once, before the first cell
    probe.cell_began(index, source)        before each cell; index from 0, markdown cells counted
    probe.finish()                         after the last

and is never told of a notebook that the driver stops. Must not know what a probe does.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from ipykernel import kernelapp
from ipykernel.iostream import IOPubThread
from ipykernel.ipkernel import IPythonKernel
from traitlets.config import Config

from harness.inside import shims
from harness.inside.confine import with_submitted_code
from harness.inside.limits import limit
from harness.inside.shell import Shell
from harness.inside.telling import tell

ORDER = "HARNESS_ORDER"


class Kernel(IPythonKernel):
    """Tells the probe of cells, answers questions with nothing, and says where a cell failed."""

    shell_class = Shell
    cells: list[int] = []
    probe: ModuleType | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._cells = iter(self.cells)

    async def do_execute(self, code: str, silent: bool, *args: Any, **options: Any) -> Any:
        """Run a cell; or, for a silent request, let the probe finish."""
        if silent:
            self._tell_probe("finish")
            return {"status": "ok", "execution_count": self.execution_count, "payload": []}
        self._tell_probe("cell_began", next(self._cells), code)
        reply = await super().do_execute(code, silent, *args, **options)
        if reply["status"] == "error":
            assert self.shell is not None
            reply["line"] = _line(self.shell.user_ns)
        return reply

    def _tell_probe(self, what: str, *args: Any) -> None:
        """Call the probe, whose errors must not become the notebook's."""
        if self.probe is None:
            return
        try:
            getattr(self.probe, what)(*args)
        except Exception:
            traceback.print_exc(file=sys.__stderr__)

    def raw_input(self, prompt: object = "") -> str:
        """Nobody is there to answer."""
        tell("input()", "input() is answered with an empty line.")
        print(prompt)
        return ""

    def getpass(self, prompt: object = "", *_: object, **__: object) -> str:
        """Nobody is there to answer."""
        return self.raw_input(prompt)


class Publisher(IOPubThread):
    """Publishes outputs, but for those of forked processes.

    For these ipykernel would listen on the loopback, and there is no network here.
    """

    def __init__(self, socket: Any, pipe: bool = False, **options: Any) -> None:
        super().__init__(socket, pipe=False, **options)

    def schedule(self, f: Callable[[], Any]) -> None:
        """Call a function in the thread that publishes, unless this is a forked process."""
        if self._is_master_process():
            super().schedule(f)


def _line(namespace: dict[str, Any]) -> int | None:
    """The line of the cell in which the last error came up."""
    error = getattr(sys, "last_value", None)
    if isinstance(error, SyntaxError) and error.lineno:
        return error.lineno
    line, trace = None, getattr(error, "__traceback__", None)
    while trace is not None:
        if trace.tb_frame.f_globals is namespace and trace.tb_frame.f_code.co_name == "<module>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def main() -> None:
    """Prepare the process, and serve cells until the driver says that it is enough."""
    order = json.loads(os.environ.pop(ORDER))
    Kernel.cells = order.pop("cells")
    # What is imported stays, so to look for garbage in it again and again would only cost time.
    gc.disable()
    # Where torch's one thread is not the only one, processor time runs ahead of the clock.
    limit(2 * order["seconds"], order["memory"])
    import torch

    torch.set_num_threads(1)
    private = Path.cwd()
    shims.install(order, private)
    if importlib.util.find_spec("harness.inside.probe") is not None:
        Kernel.probe = importlib.import_module("harness.inside.probe")
        Kernel.probe.install(order)
    setattr(kernelapp, "IOPubThread", Publisher)  # noqa: B010 - it is not among its exports
    config = Config()
    config.HistoryManager.enabled = False
    app = kernelapp.IPKernelApp.instance(kernel_class=Kernel, config=config)
    app.initialize(sys.argv[1:])
    # Sockets are bound by now, to relative paths; from here on this is the learner's own folder.
    folder = (private / order["notebook"]).parent
    os.chdir(folder)
    # Modules of what was handed in: those beside the notebook through "", as in any kernel.
    if "" not in sys.path:
        libraries = (place for place, one in enumerate(sys.path) if one.endswith("-packages"))
        sys.path.insert(next(libraries, len(sys.path)), "")
    sys.path += [str(one) for one in (folder, *folder.parents) if one.is_relative_to(private)][:-1]
    gc.freeze()
    gc.enable()
    with_submitted_code()
    app.start()


if __name__ == "__main__":
    main()
