"""Has a packed model answer images in a fresh sandbox, where its network is no graph.

The images go in without labels, and scores come out: what a score then rests on is the
submission's own code, and the integrity level says so. Must not know labels, nor open the pack.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

import safetensors.torch
import torch
from torch import Tensor

from harness import frames
from harness.collect import sandbox
from harness.collect.sandbox import START_SECONDS, ChildFailed, Process
from harness.frames import Kind

SECONDS = 1_800
MEMORY = 4 * 2**30
"""Bytes of data."""


def answers(
    packed: bytes,
    tasks: Sequence[tuple[bytes, Tensor]],
    notebook: PurePosixPath,
    checkout: Mapping[PurePosixPath, bytes],
    seconds: int = SECONDS,
) -> list[Tensor]:
    """Scores float32 [N, 10] for each task.

    Args:
        packed: the PACKED frame.
        tasks: weights (a WEIGHTS frame; empty for those in the pack), and images float32
            [N, C, H, W].
        notebook: the place of the notebook that trained it, whose modules it may need.
        checkout: the files beside it.
        seconds: of processor time, and of wall time, for all of it.

    Raises:
        ChildFailed: if it does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="harness-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        sandbox.lay_out(checkout, folder / "checkout")
        (folder / "checkout" / notebook.parent).mkdir(parents=True, exist_ok=True)
        (folder / "packed").write_bytes(packed)
        named: dict[int, str] = {}
        order = []
        for number, (weights, images) in enumerate(tasks):
            if id(images) not in named:
                named[id(images)] = f"images-{number}"
                tensors = {"images": images.cpu().contiguous()}
                safetensors.torch.save_file(tensors, folder / f"images-{number}")
            if weights:
                (folder / f"weights-{number}").write_bytes(weights)
            order.append((f"weights-{number}" if weights else "", named[id(images)]))
        process = Process(["harness.inside.answer"], folder, backlog=len(tasks) + 1)
        try:
            process.order(
                json.dumps(
                    {
                        "folder": f"checkout/{notebook.parent}",
                        "tasks": order,
                        "cpu_seconds": seconds,
                        "memory": MEMORY,
                    }
                )
            )
            deadline = time.monotonic() + START_SECONDS + seconds
            return [_next(process, len(images), deadline) for _, images in tasks]
        except TimeoutError:
            raise ChildFailed(f"it did not answer within {seconds:,} s") from None
        except OSError as error:
            raise ChildFailed(f"it does not answer: {error}{process.last_words()}") from None
        finally:
            process.end()


def _next(process: Process, images: int, deadline: float) -> Tensor:
    try:
        frame = process.next(deadline)
    except frames.FrameError as error:
        raise ChildFailed(f"what it answered cannot be read: {error}") from None
    if frame is None or frame[0] is not Kind.ANSWERS:
        raise ChildFailed(f"it does not answer{process.last_words()}")
    try:
        scores = safetensors.torch.load(frame[1])["answers"]
    except Exception as error:  # whatever safetensors finds wrong with bytes
        raise ChildFailed(f"what it answered cannot be read: {error}") from None
    if scores.shape != (images, 10) or scores.dtype != torch.float32:
        raise ChildFailed(f"it answers {list(scores.shape)}; it must be [{images}, 10]")
    if scores.isnan().any():
        raise ChildFailed("it answers with what is no number")
    return scores
