"""What crosses from the child: frames as they were sent, and nothing else."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import frames


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


@given(
    st.lists(st.tuples(st.sampled_from(frames.Kind), st.binary(max_size=20)), min_size=1),
    st.dictionaries(st.integers(0, 200), st.integers(0, 255), max_size=3),
    st.integers(0, 200),
)
def test_a_changed_stream_gives_what_stood_before_the_change(
    sent: list[tuple[frames.Kind, bytes]], changes: dict[int, int], cut: int
) -> None:
    pipe = io.BytesIO()
    ends = [0]
    for kind, payload in sent:
        frames.write(pipe, kind, payload)
        ends.append(len(pipe.getvalue()))
    stream = bytearray(pipe.getvalue())
    for place, byte in changes.items():
        stream[place % len(stream)] = byte
    stream = stream[: max(cut, 1)]
    wrong = next(
        (n for n, (a, b) in enumerate(zip(stream, pipe.getvalue(), strict=False)) if a != b),
        len(stream),
    )
    whole = sum(end <= wrong for end in ends[1:])
    came = []
    try:
        for frame in frames.read(io.BytesIO(bytes(stream))):
            came.append(frame)
    except frames.FrameError:
        pass
    assert came[:whole] == sent[:whole]
    assert sum(len(payload) for _, payload in came) <= len(stream)


def test_a_frame_that_claims_an_exabyte_is_refused_before_it_is_read() -> None:
    header = frames._HEADER.pack(frames.Kind.TENSORS, 2**60)
    with pytest.raises(frames.FrameError, match="at most"):
        list(frames.read(io.BytesIO(header)))
