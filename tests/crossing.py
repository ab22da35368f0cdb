"""Takes a network over the wall without a process: for tests of what happens on either side."""

import json
from dataclasses import asdict
from pathlib import Path

import safetensors.torch
from torch import nn

from harness.collect.graph import Candidate, admit
from harness.inside import exporter


def crossed(network: nn.Module) -> Candidate:
    """A network as the trusted side has it."""
    return admit(*handed_over(network))


def handed_over(network: nn.Module) -> tuple[bytes, bytes]:
    """The DEFINITION and TENSORS frames of a network."""
    programs = {mode: exporter.export(network, mode) for mode in ("training", "evaluation")}
    definition, tensors = exporter.describe(network, programs, None, Path(__file__))
    return json.dumps(asdict(definition)).encode(), safetensors.torch.save(tensors)
