"""Tells what went wrong with a learner's file in words that the learner can act on.

Part of the process that belongs to the submission: of the harness it must know nothing but
`frames`.
"""

from __future__ import annotations

import traceback
from pathlib import Path

from harness import frames


class Refused(Exception):
    """The file cannot be handed over; the message says why and what to write instead."""


_BY_VALUE = (
    "the forward pass takes a number or a decision from the values of the images (an `if`, a "
    "`while`, float(), int() or .item() of a tensor): a graph has no such step; write it with "
    "tensors, such as clamp, relu, maximum or a product with a sigmoid"
)

_BEHIND = (
    "the forward pass changes a tensor behind the graph's back, as through .data: use detach() "
    "or torch.no_grad()"
)

EXPORT = {
    "data-dependent": _BY_VALUE,
    "unbacked": _BY_VALUE,
    "specialized it to be a constant": (
        "the forward pass is written for one number of images (a Python loop over the batch, "
        "len(x), or a batch size written out): treat the whole batch at once, as in x.flatten(1), "
        "and write x.size(0) for its size"
    ),
    "fake tensor in the exported program": _BEHIND,
    "not tracked with proxy": _BEHIND,
    ".numpy()": (
        "the forward pass turns a tensor into a NumPy array, where no gradient can follow: "
        "compute it with torch"
    ),
}
"""Words in the errors of torch.export, and what they mean for a learner."""


def fault_of(error: BaseException, stage: str, path: Path) -> frames.Fault:
    """An exception as the learner should read it, with the line of their own file."""
    ours = str(Path(__file__).parent)
    extracted = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in extracted if not frame.filename.startswith(ours)]
    own = [frame.lineno for frame in theirs if frame.filename == str(path)]
    line = own[-1] if own else None
    if isinstance(error, SyntaxError) and error.filename == str(path):
        line = error.lineno
    if isinstance(error, Refused):
        message, text = str(error), ""
    else:
        message = f"{type(error).__name__}: {error}".strip(": ")
        text = "".join(
            [*traceback.format_list(theirs), *traceback.format_exception_only(error)]
        ).replace(str(path), path.name)
    if stage == "export" and not isinstance(error, Refused):
        first = message.partition("\n")[0]
        meaning = next((told for words, told in EXPORT.items() if words in message), None)
        message = meaning or f"the network cannot be written as a graph: {first}"
    return frames.Fault("submission", stage, message[:2000], line, text[-4000:])
