"""Keeps evidence and what resuming needs, outside every checkout and submission.

Every file is written whole or not at all, so that a killed grade leaves nothing half-written.
Must not know torch, or what the bytes mean beyond evidence's own models.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import tempfile
from pathlib import Path

import platformdirs
from pydantic import TypeAdapter, ValidationError

from harness import frames
from harness.evidence import RULES, Network, Run, Step

_STEPS = TypeAdapter(list[Step])


def folder(given: Path | None = None) -> Path:
    """Where the store lies: as given, else `HARNESS_STORE`, else the platform's data folder."""
    if given is not None:
        return given
    if named := os.environ.get("HARNESS_STORE"):
        return Path(named)
    return platformdirs.user_data_path("mnist-harness") / "store"


class Store:
    """A folder of definitions and runs, each found again by what decides it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def secret(self) -> bytes:
        """The instructor's secret, from which every run's random numbers come; made once."""
        path = self.root / "secret"
        if not path.exists():
            write(path, secrets.token_bytes(32), private=True)
        return path.read_bytes()

    def definition(self, handed_in: str) -> tuple[bytes, bytes] | None:
        """The DEFINITION and TENSORS frames of a step, by `Step.handed_in`, if they are whole."""
        folder = self._definition(handed_in)
        with contextlib.suppress(FileNotFoundError):
            graph = (folder / "definition.json").read_bytes()
            tensors = (folder / "tensors.safetensors").read_bytes()
            if (folder / "sha256").read_bytes() == digest(graph + tensors).encode():
                return graph, tensors
        return None

    def network(self, handed_in: str) -> Network | None:
        """What was observed about a step's network."""
        with contextlib.suppress(FileNotFoundError, ValidationError):
            path = self._definition(handed_in) / "network.json"
            return Network.model_validate_json(path.read_bytes())
        return None

    def write_definition(
        self, handed_in: str, definition: bytes, tensors: bytes, network: Network
    ) -> None:
        """Keep what a child handed over and what was observed about it."""
        folder = self._definition(handed_in)
        write(folder / "definition.json", definition)
        write(folder / "tensors.safetensors", tensors)
        write(folder / "sha256", digest(definition + tensors).encode())
        write(folder / "network.json", network.model_dump_json(indent=1).encode())

    def observation(self, key: str) -> list[Step] | None:
        """The steps of a notebook that was run to its end."""
        with contextlib.suppress(FileNotFoundError, ValidationError):
            path = self._observation(key) / "steps.json"
            return _STEPS.validate_json(path.read_bytes())
        return None

    def executed(self, key: str) -> bytes | None:
        """The executed notebook of an observation; to look at, never to judge."""
        with contextlib.suppress(FileNotFoundError):
            return (self._observation(key) / "executed.ipynb").read_bytes()
        return None

    def write_observation(self, key: str, steps: list[Step], executed: bytes) -> None:
        """Keep what was observed of a notebook."""
        folder = self._observation(key)
        write(folder / "executed.ipynb", executed)
        write(folder / "steps.json", _STEPS.dump_json(steps, indent=1))

    def run(self, key: str) -> Run | None:
        """A run, finished or not."""
        with contextlib.suppress(FileNotFoundError, ValidationError):
            return Run.model_validate_json((self._run(key) / "run.json").read_bytes())
        return None

    def write_run(self, run: Run) -> None:
        """Keep a run as it stands."""
        write(self._run(run.key) / "run.json", run.model_dump_json(indent=1).encode())

    def state(self, key: str) -> bytes | None:
        """What a run's training goes on from, and after its last epoch its final weights."""
        with contextlib.suppress(FileNotFoundError):
            return (self._run(key) / "state.safetensors").read_bytes()
        return None

    def write_state(self, key: str, state: bytes) -> None:
        """Keep what a run's training goes on from."""
        write(self._run(key) / "state.safetensors", state)

    def _definition(self, handed_in: str) -> Path:
        return self.root / "definitions" / f"{handed_in}-{frames.FORMAT}.{RULES}"

    def _observation(self, key: str) -> Path:
        return self.root / "observations" / key[:2] / key

    def _run(self, key: str) -> Path:
        return self.root / "runs" / key[:2] / key


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def write(path: Path, content: bytes, private: bool = False) -> None:
    """Replace a file by new content, whole and durable, or leave it as it was."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if not private:
            Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
