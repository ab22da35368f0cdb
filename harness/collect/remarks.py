"""What a learner and a person who grades should know about a network, beside its numbers.

Must not know limits, recipes or data sets.
"""

from __future__ import annotations

from harness import frames
from harness.collect.count import counted_statistics, statistics
from harness.collect.graph import Candidate
from harness.collect.operators import CHANCE


def remarks(candidate: Candidate) -> list[str]:
    """A sentence for each thing that a graph does and an honest network seldom means to do."""
    told = []
    if lines := _by_chance(candidate.definition.evaluation):
        where = f" in line {lines[0]}" if lines[0] else ""
        told.append(
            f"The dropout{where} is never switched off, so that the network answers by chance: "
            "write nn.Dropout, or F.dropout(x, p, training=self.training)."
        )
    if candidate.kept.parts:
        told.append(
            "Ghost batch norm: before each evaluation its running statistics become the mean over "
            "the parts of a batch, as the usual class does in train(False)."
        )
    if counted := counted_statistics(candidate):
        told.append(
            f"Batch norm holds {statistics(candidate):,} running statistics: {counted:,} of them "
            "count as parameters."
        )
    return told


def _by_chance(graph: frames.Graph) -> list[int | None]:
    """Lines of the dropouts that are left on."""
    return [
        call.line
        for call in graph.calls
        if call.operator in CHANCE and call.arguments[1] != 0 and call.arguments[2] is True
    ]
