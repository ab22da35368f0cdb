"""Evidence: everything observed about a submission, and no opinion.

Collect writes it, judge reads it, and nothing else passes between the two. It is a versioned
JSON document. Must not know torch, rubrics or reports.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from harness.claims import Claim
from harness.notes import Notes
from harness.outputs import Logged
from harness.recipe import Recipe

FORMAT = 2
"""Raised when these models change in a way that an older reader would misunderstand."""

ENGINE = 3
"""Raised by hand when training gives other numbers than before; stored runs are then not reused."""


RULES = 6
"""Raised by hand when admission, counting or anatomy changes; stored definitions are then made
anew."""


class Observation(BaseModel):
    """Base of all that is observed: plain, immutable, and strict about its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Fault(Observation):
    """Why something could not be observed, and whose it is."""

    owner: Literal["submission", "harness", "machine"]
    """Only the submission's own faults cost points."""
    stage: str
    """What was being done, such as `import`, `export` or `training`."""
    message: str
    """One sentence: what was found and what would be right."""
    line: int | None = None
    """Line in the learner's file, where it is known."""
    traceback: str = ""
    """The last lines of the learner's traceback."""


class Parameters(Observation):
    """How many numbers the network holds."""

    judged: int
    """All that the module holds or a forward pass reads, as the rubric counts by default."""
    used: int
    """Those that a forward pass reads; torchsummary prints about this."""
    trainable: int
    """Those that the optimiser moves."""


class Layer(Observation):
    """One layer of a network, as the training graph calls it."""

    name: str
    """torch.nn's class and the layer's number, as torchsummary names it: `Conv2d-1`."""
    kernel: list[int] = []
    """Height and width of a convolution or a pooling; a global pooling's is its whole input."""
    padding: list[int] = []
    stride: list[int] = []
    p: float | None = None
    """Of a dropout: how likely it drops an element; 0 where it is turned off."""
    input: list[int]
    """Shape of what it takes without the batch: channels, height, width."""
    output: list[int]
    """Shape of its value without the batch."""
    receptive_field_in: int
    """The receptive field of what it takes: where a pooling stands."""
    receptive_field: int
    """Pixels of the image, along its longer side, from the first to the last that one element of
    the value depends on. Padding is no pixel, so that it is never above the image's 28; the
    statistics of a norm are not counted."""
    arithmetic: str = ""
    """How its parameters come about, such as `3x3x10x11 + 11`."""
    parameters: int = 0
    """Those that no layer before it reads: tied weights are told once."""
    line: int | None = None
    """Line in the learner's file."""

    @property
    def kind(self) -> str:
        """torch.nn's class, such as `Conv2d`."""
        return self.name.rpartition("-")[0]

    @property
    def pools_globally(self) -> bool:
        """Whether it pools its whole input into one position."""
        positions = self.input[-len(self.kernel) :] if self.kernel else None
        return "Pool" in self.kind and self.kernel == positions


class Network(Observation):
    """What the exported graphs tell about a network without training it."""

    name: str
    """The learner's class."""
    digest: str
    """SHA-256 of graphs and initial tensors: what is trained, apart from recipe and seed."""
    parameters: Parameters
    layers: list[Layer]
    """In the order of the forward pass in training; reshapes and plain arithmetic are left out."""
    multiply_adds: int
    """For one image in evaluation, as torchinfo counts them: a convolution's weights and biases
    once for each position of its output, those of other layers once. What torchinfo overlooks
    counts in full: each position of a linear layer, matrix products that no layer holds."""
    graph: str = ""
    """SHA-256 of the graphs without names and tensors' values: equal for networks that are built
    alike, whatever they are called. Empty where there is no graph."""
    training_multiply_adds: int
    """The same in training; an evaluation that costs more may be an ensemble."""
    evaluation_only: list[str] = []
    """Tensors that the answer needs in evaluation and not in training."""
    remarks: list[str] = []
    """What the learner and a person who grades should know, a sentence each."""


class Machine(Observation):
    """Where and with what a run was trained."""

    device: str
    """The processor or GPU that trained, such as `cpu: Intel(R) Xeon(R) Processor, 1 thread`."""
    system: str
    python: str
    torch: str
    harness: str


class Seen(Observation):
    """What a notebook's own code saw when it tested: a claim, as all that it tells."""

    source: Literal["test", "train", "unknown"]
    """The images: of the test set that it was given (a decoy), of the training set, or of none
    that is known."""
    correct: int
    of: int
    other: bool = False
    """Whether weights other than the trained ones were tested, such as their average."""


class Epoch(Observation):
    """What was measured in and after one epoch."""

    number: int
    """From 1."""
    test_correct: int
    """Correct answers among the test images, after the epoch."""
    train_correct: int | None
    """Correct answers among the training images as they were trained on, during the epoch; None
    where a notebook's labels could not be seen."""
    samples: int
    """Training images back-propagated."""
    loss: float | None
    """Mean training loss during the epoch; None where a notebook's could not be seen."""
    learning_rate: float
    """At the epoch's first step."""
    seen: list[Seen] = []
    """What the notebook's own code saw after the epoch."""
    moved: bool = True
    """Whether the weights are others than before the epoch."""
    seconds: float
    """Wall time of training and evaluation; the only figure that differs between equal runs."""


class Mistake(Observation):
    """A test image that was answered wrongly after the last epoch."""

    image: int
    """Its number in the test set, from 0."""
    label: int
    answer: int
    png: str
    """The image as the data set has it: a PNG in base64."""


class Observed(Observation):
    """What a notebook trained and how, as the probe in its process tells."""

    network: Network | None = None
    recipe: Recipe | None = None
    """As far as the library has names for it; in words where it has none."""
    unreplayable: str = ""
    """Why the trusted side cannot train so; empty if it can."""
    handed_in: str = ""
    """Names the definition in the store, as `Step.handed_in`."""
    cell: int | None
    """The cell, from 0, that trained."""
    declared: bool
    """Whether so many epochs could be read from its loop before that had run."""
    stopped: bool = False
    """Whether it was ended early, to be replayed."""
    answered: bool = False
    """Whether its answers came from a sandbox, because its network is no graph."""
    weights: str = ""
    """SHA-256 of the tensors after the last epoch; empty where the network is no graph."""
    findings: list[str] = []
    """Where the optimiser's account and the weights contradict each other, a sentence each."""
    remarks: list[str] = []
    """What the learner and a person who grades should know, a sentence each."""


class Run(Observation):
    """One training of one step from one seed."""

    seed: int
    """From 1; the random numbers come from the instructor's secret and this. 0 for a notebook's own
    training, whose random numbers are the learner's."""
    key: str
    """Names the run in the store: a digest of all that decides its result."""
    declared_epochs: int
    """Fixed before the run began."""
    before_training: int
    """Correct test answers of the initial weights, which are drawn anew but for a notebook's own
    training."""
    epochs: list[Epoch]
    shifted: int | None = None
    """Correct answers after the last epoch when the test images are shifted by one pixel: the
    lowest of the four directions. A table of answers would miss them."""
    mistakes: list[Mistake] = []
    """Those that the network was surest of, of a complete run from the first seed, or of a
    notebook's own training."""
    observed: Observed | None = None
    """Only of a notebook's own training."""
    machine: Machine
    fault: Fault | None = None
    """Why the run ended before its last declared epoch."""

    @property
    def complete(self) -> bool:
        """Whether every declared epoch was measured."""
        return len(self.epochs) == self.declared_epochs


class Burst(Observation):
    """A few optimiser steps on a small sample, which show that a network can learn at all."""

    images: int
    """In the sample."""
    steps: int
    first_loss: float | None
    """Mean loss over the sample in the first step; None if it was no number."""
    last_loss: float | None
    """Mean loss over the sample in the last step; None if it was no number."""
    learned: bool
    """Whether the loss fell by a fifth."""


Integrity = Literal["replayed", "observed", "answered", "advisory"]
"""Replayed: the trusted side trained the graph itself. Observed: a notebook trained it, and the
trusted side measured the weights of each epoch. Answered: likewise, but the answers came from a
sandbox, because the network is no graph. Advisory: any of these where there was no sandbox."""


Counting = Literal["last", "first"]
"""Which of a notebook's own trainings of a network is judged."""


Place = Literal["network", "recipe", "target", "result", "analysis"]
"""The class of the network, the recipe, and the headings of the notes."""


class Step(Observation):
    """One step of a submission, in the order in which the learner took them."""

    name: str
    """The file's name."""
    notes: Notes
    claims: list[Claim] = []
    """What the notes, and a notebook's stored outputs, state about the network and its training."""
    logged: list[Logged] = []
    """The trainings that were printed in READMEs and a notebook's outputs, beside ours."""
    source: str
    """SHA-256 of the file."""
    fingerprint: list[int] = []
    """Of the code, as `harness.fingerprint` takes it: two that share much are alike."""
    lines: dict[Place, int] = {}
    """Where in a model definition stands what a report points at."""
    handed_in: str
    """Names the definition in the store. For a file, SHA-256 of the contents of this file and all
    before it, and of the classes that were named to be graded: they ran in one child, where an
    earlier step could have spoken for a later one; and of the sandbox's name. For a notebook, of
    all that it was run with."""
    integrity: Integrity = "replayed"
    """How its figures were obtained."""
    sandbox: str = ""
    """The wall around the submitted code: `bubblewrap`, `Landlock with seccomp`; empty for none."""
    network: Network | None = None
    recipe: Recipe | None = None
    """As trained: the learner's, with what it left out filled in."""
    defaulted: list[str] = []
    """Keys of the recipe that the learner left to the rubric."""
    burst: Burst | None = None
    """Only where the step was checked and not graded."""
    observed: list[Run] = []
    """A notebook's own trainings of this network, in their order."""
    part: tuple[int, int] | None = None
    """The cells of a notebook that belong to the step, from 0, and where they end; None for all."""
    trained: int | None = None
    """The cell that trains."""
    shims: list[str] = []
    """What was put in a missing thing's place so that the notebook runs, a sentence each."""
    failed_cells: list[str] = []
    """The notebook's cells that ended with an error, a sentence each."""
    executed: str = ""
    """Names the executed notebook in the store; to look at, never to judge."""
    runs: list[Run] = []
    """Those of the trusted side."""
    fault: Fault | None = None
    """Why the step could not be observed."""

    def counting(self, which: Counting) -> Step:
        """The step as one of its notebook's own trainings makes it.

        Its runs are those of the trusted side, where that replayed this training; else the
        training itself.
        """
        if not self.observed:
            return self
        run = self.observed[0 if which == "first" else -1]
        assert run.observed is not None
        handed_in = run.observed.handed_in or self.handed_in
        replayed = bool(self.runs) and self.handed_in == handed_in
        update: dict[str, Any] = {
            "network": run.observed.network,
            "recipe": run.observed.recipe,
            "handed_in": handed_in,
            "runs": self.runs if replayed else [run],
        }
        if which == "first" and len(self.observed) > 1:
            update["fault"] = None if run.epochs else run.fault
        if self.integrity == "replayed" and not replayed:
            update["integrity"] = "answered" if run.observed.answered else "observed"
        return self.model_copy(update=update)


class Dataset(Observation):
    """The images that decide."""

    name: str
    identity: str
    """Names the exact content."""
    train_size: int
    test_size: int


class LeftOut(Observation):
    """A file that might be taken for a step, and is none."""

    name: str
    reason: str


def _readable(number: int) -> int:
    if number != FORMAT:
        raise ValueError(f"this is format {number}, and this harness reads {FORMAT}")
    return number


def _plain(name: str) -> str:
    if name in ("", ".", "..") or not {"/", "\\", "\0"}.isdisjoint(name):
        raise ValueError("a submission's name is a folder's, without a path")
    return name


class Evidence(Observation):
    """Everything observed about one submission."""

    format: Annotated[int, AfterValidator(_readable)] = FORMAT
    engine: int = ENGINE
    submission: Annotated[str, AfterValidator(_plain)]
    """The name under which it was handed in."""
    author: str = ""
    """As `submission.toml` says."""
    title: str = ""
    """As `submission.toml` says."""
    left_out: list[LeftOut] = []
    """Files that might be taken for steps."""
    dataset: Dataset
    steps: list[Step]
    fault: Fault | None = None
    """Why nothing could be observed at all."""

    def model_dump_measured(self) -> dict[str, Any]:
        """The document without wall times: equal for equal runs on one machine."""
        of_runs = {"__all__": {"epochs": {"__all__": {"seconds"}}}}
        times = {"steps": {"__all__": {"runs": of_runs, "observed": of_runs}}}
        return self.model_dump(exclude=times)
