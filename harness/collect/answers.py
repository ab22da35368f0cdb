"""Has a packed model answer images in a fresh sandbox, where its network is no graph.

The images go in without labels, and scores come out: what a score then rests on is the
submission's own code, and the integrity level says so. Must not know labels, nor open the pack.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import safetensors.torch
import torch
from torch import Tensor

from harness import frames
from harness.collect.sandbox.child import ChildFailed
from harness.collect.sandbox.process import START_SECONDS, Process
from harness.collect.sandbox.walls import Sandbox
from harness.frames import Kind

SECONDS = 1_800
MEMORY = 4 * 2**30
"""Bytes of data."""


def answers(
    packed: bytes,
    tasks: Sequence[tuple[bytes, Tensor]],
    notebook: PurePosixPath,
    checkout: Mapping[PurePosixPath, bytes],
    sandbox: Sandbox,
    seconds: int = SECONDS,
) -> list[Tensor]:
    """Scores float32 [N, 10] for each task.

    Args:
        packed: the PACKED frame.
        tasks: weights (a WEIGHTS frame; empty for those in the pack), and images float32
            [N, C, H, W].
        notebook: the place of the notebook that trained it, whose modules it may need.
        checkout: the files beside it.
        sandbox: what it runs in.
        seconds: of processor time, and of wall time, for all of it.

    Raises:
        ChildFailed: if it does not answer.
    """
    with sandbox.room(MEMORY) as room:
        room.lay_out(checkout)
        room.give("packed", packed)
        named: dict[int, str] = {}
        order = []
        for number, (weights, images) in enumerate(tasks):
            if id(images) not in named:
                named[id(images)] = f"images-{number}"
                tensors = {"images": images.cpu().contiguous()}
                room.give(f"images-{number}", safetensors.torch.save(tensors))
            if weights:
                room.give(f"weights-{number}", weights)
            order.append((f"weights-{number}" if weights else "", named[id(images)]))
        process = Process(["harness.inside.answer"], room, sandbox.wall, backlog=len(tasks) + 1)
        try:
            process.order(
                json.dumps(
                    {
                        "given": str(room.given),
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
