"""Which submissions lie in a folder: a class's, a bulk download's, or one learner's."""

from pathlib import Path

import pytest

from harness.class_folder import members
from harness.submission import find

MODEL = "import torch.nn as nn\n\nclass Net(nn.Module): ...\n"
NOTEBOOK = (
    '{"nbformat": 4, "cells": [{"cell_type": "code", "source": "class Net(nn.Module): ..."}]}'
)


def laid_out(folder: Path, files: list[str]) -> Path:
    for name in files:
        path = folder / "class" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(NOTEBOOK if name.endswith(".ipynb") else MODEL)
    return folder / "class"


def found(folder: Path, files: list[str], roster: tuple[str, ...] = ()) -> list[str]:
    scratch = folder / "scratch"
    scratch.mkdir()
    return [one.name for one in members(laid_out(folder, files), roster, scratch)]


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["ada/step_1.py", "bob/step_1.py"], ["ada", "bob"]),
        (["ada/Step_1.ipynb", "bob/final.ipynb", "README.md"], ["ada", "bob"]),
        (["ada.zip", "bob.tar.gz"], ["ada", "bob"]),
        (["student_1/a.ipynb", "student_2/b.ipynb"], ["student_1", "student_2"]),
        (["s-101/a.ipynb", "s-205/b.ipynb"], ["s-101", "s-205"]),
        (["ada/step_1.py", "bob/nested/deep/Step.ipynb", "roster.csv"], ["ada", "bob"]),
        ([f"{n}/a.ipynb" for n in range(1, 31)], sorted(map(str, range(1, 31)))),
    ],
)
def test_folders_and_archives_of_several_are_a_class(
    tmp_path: Path, files: list[str], names: list[str]
) -> None:
    assert found(tmp_path, files) == names


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["ada/step_1.py", "README.md"], ["ada"]),
        (["1/step_1.py", "2/step_1.py"], ["1", "2"]),
        (["ada/step_1.py", "bob/step_1.py", "step_1.py"], ["ada", "bob", "step_1"]),
        (["ada/step_1.py", "bob/step_1.py", "submission.toml"], ["ada", "bob"]),
    ],
    ids=["its first", "numbers", "a step beside them", "a manifest beside them"],
)
def test_what_is_said_to_be_a_class_is_one(
    tmp_path: Path, files: list[str], names: list[str]
) -> None:
    folder = laid_out(tmp_path, files)
    assert [one.name for one in members(folder, (), tmp_path, as_class=True)] == names


@pytest.mark.parametrize(
    "files",
    [
        ["step_1.py", "step_2.py"],
        ["Step_1/a.ipynb", "Step_2/a.ipynb", "Step_3/a.ipynb"],
        ["0_setup/a.ipynb", "1_skeleton/a.ipynb"],
        ["final.ipynb", "utils/model.py", "data/load.py"],
        ["notebooks/a.ipynb", "images/plot.png"],
        ["Baseline/a.ipynb", "BatchNorm/a.ipynb", "submission.toml"],
    ],
)
def test_the_folders_of_one_learner_are_one_submission(tmp_path: Path, files: list[str]) -> None:
    assert found(tmp_path, files) == ["class"]


def test_a_tool_beside_a_class_is_nobodys_submission(tmp_path: Path) -> None:
    folder = laid_out(tmp_path, ["ada/step_1.py", "bob/step_1.py", "conftest.py"])
    (folder / "conftest.py").write_text("import pytest\n")
    assert [one.name for one in members(folder, (), tmp_path)] == ["ada", "bob"]


def test_a_roster_makes_a_class_of_any_folder(tmp_path: Path) -> None:
    files = ["Step_1/a.ipynb", "Step_2/b.ipynb"]
    assert found(tmp_path, files, ("Step_2",)) == ["Step_1", "Step_2"]


def test_a_bulk_download_of_canvas_is_a_class(tmp_path: Path) -> None:
    files = [
        "lovelaceada_LATE_4711_8899_step_1.py",
        "lovelaceada_LATE_4711_8900_step_2-1.py",
        "rossbob_815_9001_my work.zip",
        "weilandré_816_9002_Step 4.ipynb",
        "carrollzoe_817_text.html",
    ]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    handed_in = members(laid_out(tmp_path, files), (), scratch)
    assert [one.name for one in handed_in] == ["lovelaceada_4711", "rossbob_815", "weilandré_816"]
    assert [step.name for step in find(handed_in[0].path).steps] == ["step_1.py", "step_2-1.py"]
    assert [file.name for file in handed_in[1].path.iterdir()] == ["my work.zip"]
    assert [step.name for step in find(handed_in[2].path).steps] == ["Step 4.ipynb"]


def test_a_bulk_download_of_moodle_is_a_class(tmp_path: Path) -> None:
    files = [
        "Ada Lovelace_4711_assignsubmission_file_/step_1.py",
        "Ada Lovelace_4711_assignsubmission_file_/step_2.py",
        "Bob de_la Cruz_4712_assignsubmission_file_/hw.ipynb",
        "Zoë_4713_assignsubmission_file_step_4.py",
    ]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    handed_in = members(laid_out(tmp_path, files), (), scratch)
    names = ["Ada Lovelace_4711", "Bob de_la Cruz_4712", "Zoë_4713"]
    assert [one.name for one in handed_in] == names
    assert [len(find(one.path).steps) for one in handed_in] == [2, 1, 1]


def test_what_was_typed_into_moodle_takes_no_files_place(tmp_path: Path) -> None:
    files = [
        "Ada Lovelace_4711_assignsubmission_file/step_1.py",
        "Ada Lovelace_4711_assignsubmission_onlinetext/onlinetext.html",
        "Bob Ross_4712_assignsubmission_onlinetext/onlinetext.html",
    ]
    ada, bob = members(laid_out(tmp_path, files), (), tmp_path)
    assert len(find(ada.path).steps) == 1
    assert bob.name == "Bob Ross_4712"


def test_canvas_makes_no_folders(tmp_path: Path) -> None:
    files = ["group_1_1_ada/step_1.py", "group_1_2_bob/step_1.py"]
    assert found(tmp_path, files) == ["group_1_1_ada", "group_1_2_bob"]


def test_a_name_is_no_path_to_any_system(tmp_path: Path) -> None:
    names = found(tmp_path, [r"ada\..\eve/step_1.py", "bob/step_1.py"])
    assert names == ["ada�..�eve", "bob"]


def test_a_folder_with_one_odd_name_is_no_download(tmp_path: Path) -> None:
    assert found(tmp_path, ["ada_1_2_step.py", "step_2.py"]) == ["class"]


def test_links_are_nobodys_submission(tmp_path: Path) -> None:
    folder = laid_out(tmp_path, ["ada/step_1.py", "bob/step_1.py"])
    (folder / "eve").symlink_to(folder / "ada")
    assert [one.name for one in members(folder, (), tmp_path)] == ["ada", "bob"]


@pytest.mark.parametrize("name", ["step_1.py", "work.zip", "none"])
def test_what_is_no_folder_is_one_submission(tmp_path: Path, name: str) -> None:
    (path,) = [one.path for one in members(tmp_path / name, (), tmp_path)]
    assert path == tmp_path / name
