"""Answers images with a packed model: the last resort for a network that is no graph.

Runs in a fresh process after the notebook has ended, without labels. It must know nothing of the
harness but `frames`; what it unpacks is the submission's own code.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

from harness import frames

BATCH = 1_000


def main() -> None:
    """Answer each task of the order on standard input: files of weights, and of images."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    order = json.loads(sys.stdin.readline())

    import cloudpickle
    import safetensors.torch
    import torch

    from harness.inside.confine import with_submitted_code
    from harness.inside.limits import limit

    limit(order["cpu_seconds"], order["memory"])
    torch.set_num_threads(1)
    gc.enable()
    given, private = Path(order["given"]), Path.cwd()
    for place in (order["folder"], "checkout"):
        sys.path.append(str(private / place))
    (private / order["folder"]).mkdir(parents=True, exist_ok=True)
    os.chdir(private / order["folder"])
    with_submitted_code()
    model = cloudpickle.loads((given / "packed").read_bytes())
    with torch.no_grad():
        for weights, images in order["tasks"]:
            if weights:
                _load(model, safetensors.torch.load_file(given / weights))
            model.eval()
            batches = torch.split(safetensors.torch.load_file(given / images)["images"], BATCH)
            answers = torch.cat([model(batch).reshape(len(batch), -1) for batch in batches])
            packed = safetensors.torch.save({"answers": answers.float().contiguous()})
            frames.write(pipe, frames.Kind.ANSWERS, packed)
    frames.write(pipe, frames.Kind.END, b"0")


def _load(model: Any, weights: dict[str, Any]) -> None:
    """Put an epoch's weights into the model, buffers that are not stored included."""
    held = dict(model.named_parameters(remove_duplicate=False))
    held |= dict(model.named_buffers(remove_duplicate=False))
    for name, value in weights.items():
        if name in held:
            held[name].copy_(value)


if __name__ == "__main__":
    main()
