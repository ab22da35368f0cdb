"""Takes a network over the wall without a process: for tests of what happens on either side."""

import json
from dataclasses import asdict
from pathlib import Path

import safetensors.torch
from torch import nn

from harness.collect.graph import Candidate, admit
from harness.inside import capture


def crossed(network: nn.Module, batch: int = capture.BATCH) -> Candidate:
    """A network as the trusted side has it; the export's example is a batch of this size."""
    return admit(*handed_over(network, batch))


def handed_over(network: nn.Module, batch: int = capture.BATCH) -> tuple[bytes, bytes]:
    """The DEFINITION and TENSORS frames of a network."""
    programs = {mode: capture.export(network, mode, batch) for mode in ("training", "evaluation")}
    definition, tensors = capture.describe(network, programs, None, Path(__file__))
    return json.dumps(asdict(definition)).encode(), safetensors.torch.save(tensors)
