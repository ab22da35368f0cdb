"""Reading what Targets set out to do, and what must not be taken for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import aims, notes


def words(target: str) -> list[str]:
    return [aim.words for aim in aims.read(target)]


FEWER, MORE, GAP, ACCURACY = (
    "fewer parameters",
    "more parameters",
    "a smaller gap",
    "a higher accuracy",
)


# The first twelve are words of the seed documents.
@pytest.mark.parametrize(
    ("target", "meant"),
    [
        ("Get the basic skeleton right And Reduce the model paramter so that it will help us make lighter model", [FEWER]),
        ("Make the model lighter by reducing the number of parameters\n> * Reduce the number of channels", [FEWER]),
        ("Have more number of channels before maxpooling", []),
        ("- Reduce Parameters by introducing GAP\n- Add a conv layer after GAP as output layer", [FEWER]),
        ("-reduce channel size in last layer from 32 to 16 to bring params less than 10K", ["fewer than 10,000 parameters"]),
        ("1 - Achive High Accuracy with less then 8K Parameters", ["fewer than 8,000 parameters"]),
        ("1 - Increase model capacity. Add more layers at the end And Increase the Number of kernel.", [MORE]),
        ("Add Regularization with the help of Dropout , which interns help us in reducing overfitting", [GAP]),
        ("If we push this model further there is a high chance we can achieve the target of 99.4", []),
        ("* Apply Batch Norm after every convolution layer to improve accuracy\n* Apply dropouts if there is overfitting", [ACCURACY]),
        ("Apply Image Augmentation since there are some images which are slightly rotated", []),
        ("Reduce batch size for more parameter updates", []),
        ("Make a lighter model", [FEWER]),
        ("Use a smaller network", [FEWER]),
        ("Cut the parameters and raise the test accuracy", [FEWER, ACCURACY]),
        ("Reduce the number of parameters of the model", [FEWER]),
        ("Raise the model's capacity: increase the number of parameters", [MORE]),
        ("Prevent over-fitting", [GAP]),
        ("Regularise the model", [GAP]),
        ("Reduce overfitting of the model by adding dropout", [GAP]),
        ("There is no overfitting, so remove dropout and raise accuracy", [ACCURACY]),
        ("Reach 99.4 % with fewer than 10,000 parameters", ["fewer than 10,000 parameters"]),
        ("Parameters: at most 8,000", ["fewer than 8,001 parameters"]),
        ("Fewer than 10k parameters (bonus: fewer than 8k parameters)", ["fewer than 10,000 parameters"]),
        ("Reduce the number of parameters to under 8k", ["fewer than 8,000 parameters"]),
    ],
)  # fmt: skip
def test_aims(target: str, meant: list[str]) -> None:
    assert words(target) == meant


UNAIMED = [
    "slightly rotated images for the model",
    "Cutout augmentation for the model",
    "Understand how the model behaves",
    "Fix the underfitting of the model: add channels",
    "without increasing the number of parameters",
    "Do not increase the capacity",
    "Use a smaller batch size to help the model",
    "Use a smaller learning rate for the model",
    "Make the augmentation lighter",
    "Make lighter augmentation",
    "A light model",
    "Use smaller model inputs",
    "Reduce the number of channels and add a layer",
    "No need to reduce the parameters",
    "Later we will reduce the number of parameters",
    "Instead of reducing parameters, add a scheduler",
    "Having reduced the parameters, add a scheduler",
    "Reduce the parameters if the accuracy allows it",
    "Reduce the number of parameters in the first block",
    "Reduce the parameters of the scheduler",
    "Fewer parameters than 10,000",
    "Reduce the parameters in one block and increase the capacity, with more parameters, fewer parameters",
    "More than 10,000 parameters",
    "Fewer than 1,000 parameters in each layer",
    "Not fewer than 8,000 parameters",
    "Remove regularization",
    "Use less regularization",
    "Batch norm has a regularization effect",
    "See whether a higher rate means higher accuracy",
    "Improve accuracy on the training set",
    "Reach a high accuracy",
    "Use a higher learning rate",
    "99.4 % test accuracy",
]  # fmt: skip


@pytest.mark.parametrize("target", UNAIMED)
def test_what_is_no_aim(target: str) -> None:
    assert words(target) == []


@given(st.text() | st.lists(st.sampled_from(["reduce", "the", "fewer", "than", "10k", "parameters", "increase", "model", "lighter", "overfitting", "not", "accuracy", ".", "\n", ","])).map(" ".join))  # fmt: skip
def test_any_text_is_read(text: str) -> None:
    found = words(text)
    assert len(found) == len(set(found)) <= 4


@pytest.mark.parametrize("unit", ["reduce ", "reduce the ", "the ", "make the model ", "parameters ", "number of ", "less than ", "add regularization "])  # fmt: skip
def test_hostile_text_is_read_in_no_time(unit: str) -> None:
    assert isinstance(words(unit * (notes.MAX_TEXT // len(unit))), list)
