"""What a step does otherwise than the one before it. Must not know what is asked."""

from __future__ import annotations

from harness import techniques
from harness.evidence import Step

_OTHERWISE = {
    "batch_size": "another batch size",
    "optimizer": "another optimiser or other settings of it",
    "scheduler": "another learning-rate schedule",
    "augment": "another image augmentation",
    "loss": "another loss",
    "normalize": "another normalisation of the images",
}
"""What is said where a part of the recipe differs; epochs are numbers of their own."""


def changed(before: Step, after: Step) -> list[str]:
    """What a step does otherwise than the step before it, a phrase each."""
    assert before.network and before.recipe and after.network and after.recipe
    phrases = []
    old, new = before.network.parameters.judged, after.network.parameters.judged
    if old != new:
        phrases.append(f"parameters {old:,} to {new:,}")
    had, has = techniques.used(before), techniques.used(after)
    phrases += [f"with {technique}" for technique in has if technique not in had]
    phrases += [f"without {technique}" for technique in had if technique not in has]
    if before.recipe.epochs != after.recipe.epochs:
        phrases.append(f"{before.recipe.epochs} epochs to {after.recipe.epochs}")
    was, now = before.recipe.model_dump(), after.recipe.model_dump()
    for key, phrase in _OTHERWISE.items():
        told = key in ("scheduler", "augment") and not (was[key] and now[key])  # with, or without
        if was[key] != now[key] and not told:
            phrases.append(phrase)
    if not phrases and before.network.digest != after.network.digest:
        phrases.append("another network of the same size")
    return phrases
