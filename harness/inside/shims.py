"""Prepares a kernel for notebooks that were written for another machine and an older PyTorch.

Rewrites nothing on disk, changes no number that a notebook computes, and tells everything that it
puts in a missing thing's place. Each kind of preparation stands in a module of its own; here
they are put together. Must not know what any of them does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.inside import loading, machine, older, served, standins, telling
from harness.inside.shell import Shell


def install(order: dict[str, Any], private: Path) -> None:
    """Prepare this process.

    Args:
        order: the `Order` of the notebook.
        private: the process's own folder, in which everything lies.
    """
    telling.to(order["probe"])
    root = Path(order["notebook"]).parts[0]
    Shell.checkout = private / root
    Shell.folder = order["folder"]
    standins.install()
    served.install(order, private)
    loading.install()
    older.install()
    machine.install(private, private / root)
