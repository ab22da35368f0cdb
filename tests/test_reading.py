"""Reading what was handed in: steps in order, and frames."""

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import frames, submission


def test_steps_stand_in_natural_order(tmp_path: Path) -> None:
    names = ["Step_10.py", "step_2.py", "step_9.py", "Step_1.py", "_helper.py", "notes.txt"]
    for name in names:
        (tmp_path / name).write_text("")
    found = submission.find(tmp_path)
    assert [s.name for s in found.steps] == ["Step_1.py", "step_2.py", "step_9.py", "Step_10.py"]
    assert found.name == tmp_path.name


@given(st.lists(st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]))))
def test_any_names_have_an_order(names: list[str]) -> None:
    keys = [submission.natural(Path(name)) for name in names]
    assert len(sorted(keys)) == len(names)


def test_a_single_file_is_a_submission_of_one_step(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("x")
    found = submission.find(tmp_path / "model.py")
    assert (found.name, [s.name for s in found.steps]) == ("model", ["model.py"])


@pytest.mark.parametrize("name", ["empty", "notes.txt", "large.py"])
def test_nothing_to_grade_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "large.py").write_bytes(b"#" * (submission.MAX_SOURCE + 1))
    with pytest.raises(submission.SubmissionError, match=name.partition(".")[0]):
        submission.find(tmp_path / name)


def test_what_is_no_plain_file_is_no_step(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    (tmp_path / "broken.py").symlink_to("nowhere")
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(submission.SubmissionError, match="holds no step"):
        submission.find(tmp_path)


@given(st.lists(st.tuples(st.sampled_from(frames.Kind), st.binary())))
def test_frames_come_back_as_they_were_sent(sent: list[tuple[frames.Kind, bytes]]) -> None:
    pipe = io.BytesIO()
    for kind, payload in sent:
        frames.write(pipe, kind, payload)
    assert list(frames.read(io.BytesIO(pipe.getvalue()))) == sent
    cut = pipe.getvalue()[:-1]
    if sent:
        with pytest.raises(frames.FrameError):
            list(frames.read(io.BytesIO(cut)))


@given(st.binary(min_size=1))
def test_other_bytes_are_no_frames(data: bytes) -> None:
    try:
        for kind, payload in frames.read(io.BytesIO(data)):
            assert kind in frames.Kind
            assert len(payload) < len(data)
    except frames.FrameError:
        pass


def test_a_frame_that_claims_an_exabyte_is_refused_before_it_is_read() -> None:
    header = frames._HEADER.pack(frames.Kind.TENSORS, 2**60)
    with pytest.raises(frames.FrameError, match="at most"):
        list(frames.read(io.BytesIO(header)))
