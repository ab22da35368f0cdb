"""The techniques of the exercise, as they show in a network's layers and in its recipe.

Must not know which of them are asked for.
"""

from __future__ import annotations

from harness.evidence import Layer, Step
from harness.structure import TECHNIQUES, Technique


def used(step: Step) -> dict[Technique, list[str]]:
    """The techniques that a step uses, and where: names of layers, or of torch's classes."""
    found: dict[Technique, list[str]] = {technique: [] for technique in TECHNIQUES}
    for layer in step.network.layers if step.network else []:
        for technique in _of(layer):
            found[technique].append(layer.name)
    if step.recipe:
        found["image augmentation"] = [transform.name for transform in step.recipe.augment]
        found["scheduler"] = [step.recipe.scheduler.name] if step.recipe.scheduler else []
    return {technique: where for technique, where in found.items() if where}


def spoken_of(technique: str, step: Step) -> bool | None:
    """Whether a step uses what people call so; None where that cannot be known.

    A convolution that has its whole input under its kernel is fully connected in all but name, and
    any average pooling may be meant to be global. How a notebook that was not replayed changes its
    images and its learning rate is seen only where torch and torchvision do it.
    """
    layers = step.network.layers if step.network else []
    if technique in used(step):
        return True
    if technique in ("image augmentation", "scheduler"):
        return False if step.recipe and step.integrity == "replayed" else None
    if technique == "fully connected":
        return any(
            layer.kind.startswith("Conv") and layer.kernel == layer.input[-len(layer.kernel) :]
            for layer in layers
        )
    return technique == "global average pooling" and any("AvgPool" in y.kind for y in layers)


def pooled_at(step: Step) -> int | None:
    """The receptive field, in pixels, that the first max pooling sees; None without one."""
    layers = step.network.layers if step.network else []
    return next((layer.receptive_field_in for layer in layers if "MaxPool" in layer.kind), None)


def _of(layer: Layer) -> list[Technique]:
    kind, several = layer.kind, any(side > 1 for side in layer.kernel)
    if kind.startswith("BatchNorm"):
        return ["batch normalisation"]
    if layer.p:  # a dropout of 0 drops nothing
        return ["dropout"]
    if "AvgPool" in kind and several and layer.pools_globally:
        return ["global average pooling"]
    if "MaxPool" in kind:
        return ["max pooling"]
    if kind == "Linear":
        return ["fully connected"]
    if kind.startswith("Conv") and layer.kernel and not several:
        return ["1 x 1 convolution"]
    return []
