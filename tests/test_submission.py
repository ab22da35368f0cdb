"""What is handed in: files, folders and archives, their order, and `submission.toml`."""

import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import archive, layout, submission
from harness.submission import SubmissionError, find

Files = dict[str, bytes]


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as packed:
        for name, text in files.items():
            packed.writestr(name, text)
    return content.getvalue()


def tarred(files: Files, mode: str = "w:") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode) as packed:  # type: ignore[call-overload]
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            packed.addfile(member, io.BytesIO(text))
    return content.getvalue()


PACKERS: dict[str, Callable[[Files], bytes]] = {
    ".zip": zipped,
    ".tar": tarred,
    ".tar.gz": lambda files: tarred(files, "w:gz"),
    ".TGZ": lambda files: tarred(files, "w:gz"),
    ".tar.xz": lambda files: tarred(files, "w:xz"),
}


def lying(folder: Path, files: Files) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text)
    return folder


def names(path: Path) -> list[str]:
    return [step.name for step in find(path).steps]


def refused(path: Path) -> str:
    with pytest.raises(SubmissionError) as error:
        find(path)
    return str(error.value)


STEPS = {
    "Step_10.py": b"10",
    "step_2.py": b"2",
    "step_9.py": b"9",
    "Step_1.py": b"1",
    "_helper.py": b"",
    ".hidden.py": b"",
    "notes.txt": b"",
    "old/step_3.py": b"",
}
ORDER = ["Step_1.py", "step_2.py", "step_9.py", "Step_10.py"]


def test_a_folders_steps_stand_in_natural_order(tmp_path: Path) -> None:
    found = find(lying(tmp_path / "ada", STEPS))
    assert [step.name for step in found.steps] == ORDER
    assert found.name == "ada"


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("wrapping", ["", "handed in/", "./a/b/"])
def test_an_archive_is_the_folder_that_it_packs(tmp_path: Path, suffix: str, wrapping: str) -> None:
    files = {wrapping + name: text for name, text in STEPS.items()}
    files |= {"__MACOSX/._step_1.py": b"", ".DS_Store": b"", f"{wrapping}.git/step_0.py": b""}
    packed = tmp_path / f"ada.b{suffix}"
    packed.write_bytes(PACKERS[suffix](files))
    found = find(packed)
    assert found == replace(find(lying(tmp_path / "plain", STEPS)), name="ada.b", place="ada.b")


def test_a_folder_in_a_folder_is_looked_through(tmp_path: Path) -> None:
    lying(tmp_path / "outer", {"inner/step_1.py": b"", ".DS_Store": b""})
    assert names(tmp_path / "outer") == ["step_1.py"]


@given(st.lists(st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]))))
def test_any_names_have_an_order(given_names: list[str]) -> None:
    ordered = sorted(given_names, key=layout.natural)
    given_names.reverse()
    assert ordered == sorted(given_names, key=layout.natural)


@given(st.lists(st.integers(0, 10**6), unique=True), st.sampled_from(["step_", "Step ", "S"]))
def test_numbered_steps_stand_by_their_numbers(numbers: list[int], stem: str) -> None:
    ordered = sorted((f"{stem}{n}.py" for n in numbers), key=layout.natural)
    assert ordered == [f"{stem}{n}.py" for n in sorted(numbers)]


def test_a_single_file_is_a_submission_of_one_step(tmp_path: Path) -> None:
    found = find(lying(tmp_path, {"model.py": b"x"}) / "model.py")
    assert (found.name, [s.name for s in found.steps]) == ("model", ["model.py"])


def test_a_submission_knows_its_place_in_its_repository(tmp_path: Path) -> None:
    folder = lying(tmp_path, {"model.py": b"x"})
    packed = lying(tmp_path, {"ada.zip": zipped({"model.py": b"x"})}) / "ada.zip"
    places = [find(path).place for path in (folder, folder / "model.py", packed)]
    assert places == [tmp_path.name, tmp_path.name, "ada"]
    (tmp_path / ".git").mkdir()
    deeper = lying(tmp_path / "course" / "week 5", {"model.py": b"x"})
    assert [find(path).place for path in (deeper, folder)] == ["course/week 5", ""]


@pytest.mark.parametrize("name", ["empty", "notes.txt", "large.py", "empty.zip", "empty.tar.gz"])
def test_nothing_to_grade_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    large = b"#" * (submission.MAX_SOURCE + 1)
    lying(tmp_path, {"notes.txt": b"", "large.py": large})
    lying(tmp_path, {f"empty{suffix}": PACKERS[suffix]({}) for suffix in (".zip", ".tar.gz")})
    assert name in refused(tmp_path / name)


def test_what_is_no_plain_file_is_no_step(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    os.mkfifo(tmp_path / "pipe.zip")
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    (tmp_path / "broken.py").symlink_to("nowhere")
    (tmp_path / "folder.py").mkdir()
    for path in (tmp_path, tmp_path / "pipe.py", tmp_path / "zero.py", tmp_path / "pipe.zip"):
        assert "holds no step" in refused(path)


def linked_zip() -> bytes:
    link = zipfile.ZipInfo("step_1.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr(link, "/etc/passwd")
    return content.getvalue()


def special_tar(kind: bytes, **pax: str) -> bytes:
    member = tarfile.TarInfo("step_1.py")
    member.type, member.linkname, member.pax_headers = kind, "/etc/passwd", pax
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as packed:
        packed.addfile(tarfile.TarInfo("README"))
        packed.addfile(member)
    return content.getvalue()


def encrypted_zip() -> bytes:
    content = bytearray(zipped({"step_1.py": b"x"}))
    for header, flags in (b"PK\x03\x04", 6), (b"PK\x01\x02", 8):
        content[content.index(header) + flags] |= 1
    return bytes(content)


LARGE = bytes(archive.MAX_BYTES + 1)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("cut.zip", zipped(STEPS)[:-30], "is damaged or no such archive"),
        ("cut.tar.gz", tarred(STEPS, "w:gz")[:-30], "is damaged or no such archive"),
        ("cut.tar.xz", tarred(STEPS, "w:xz")[:-30], "it ends too early"),
        ("cut.tar", tarred({"step_1.py": b"x" * 2000})[:1000], "is damaged or no such archive"),
        ("other.tar", zipped(STEPS), "is damaged or no such archive"),
        ("bomb.tar.gz", zlib.compress(LARGE, 1, 31), "unpacks to more than 67,108,864 bytes"),
        ("bomb.tar.xz", lzma.compress(LARGE, preset=0), "unpacks to more than 67,108,864 bytes"),
        ("bomb.zip", zipped({f"{n}.py": LARGE[:1_100_000] for n in range(70)}), "unpacks to more than 67,108,864 bytes"),
        ("step.zip", zipped({"step_1.py": LARGE[:1_100_000]}), "step_1.py is over 1,000,000 bytes long"),
        ("many.zip", zipped({str(n): b"" for n in range(10_001)}), "more than 10,000 files"),
        ("large.zip", LARGE, "is over 67,108,864 bytes long"),
        ("up.zip", zipped({"../step_1.py": b""}), "'../step_1.py' leads out of it"),
        ("up.tar", tarred({"a/../../step_1.py": b""}), "leads out of it"),
        ("root.tar", tarred({"/step_1.py": b""}), "'/step_1.py' leads out of it"),
        ("windows.zip", zipped({"..\\step_1.py": b""}), "leads out of it"),
        ("twice.tar", tarred({"step_1.py": b"", "./step_1.py": b""}), "holds step_1.py twice"),
        ("control.tar", tarred({"step\n1.py": b""}), "cannot be a file's name"),
        ("long.zip", zipped({"x" * 300 + ".py": b""}), "cannot be a file's name"),
        ("secret.zip", encrypted_zip(), "it is encrypted"),
        ("rare.zip", zipped({"step_1.py": b""}, zipfile.ZIP_LZMA), "its compression is unusual"),
        ("link.zip", linked_zip(), "holds no step"),
        ("link.tar", special_tar(tarfile.SYMTYPE), "holds no step"),
        ("link.tar", special_tar(tarfile.LNKTYPE), "holds no step"),
        ("device.tar", special_tar(tarfile.CHRTYPE), "holds no step"),
        ("pipe.tar", special_tar(tarfile.FIFOTYPE), "holds no step"),
        ("backwards.tar", special_tar(tarfile.REGTYPE, size="-1536"), "holds step_1.py twice"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_wrong_archive_is_told(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    told = refused(tmp_path / name)
    assert name in told or "step_1.py" in told
    assert words in told
    assert [p.name for p in tmp_path.iterdir()] == [name]


@given(
    st.sampled_from(sorted(PACKERS)),
    st.dictionaries(st.text(min_size=1, max_size=20) | st.sampled_from(ORDER), st.binary()),
)
def test_no_members_name_escapes(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, files: Files
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    packed = folder / f"ada{suffix}"
    try:
        packed.write_bytes(PACKERS[suffix](files))
    except (UnicodeEncodeError, UserWarning):
        return  # this packer cannot write such a name
    try:
        steps = find(packed).steps
    except SubmissionError:
        return
    for step in steps:
        assert step.name == Path(step.name).name
        (folder / step.name).write_bytes(step.content)  # a name that a file can have
        assert step.content in files.values()


@given(st.sampled_from(sorted(PACKERS)), st.data())
def test_any_bytes_are_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, draw: st.DataObject
) -> None:
    """Random bytes, and archives with some bytes changed: the second get past the first header."""
    content = bytearray(PACKERS[suffix]({"step_1.py": b"x" * 30, "step_2.py": b"y"}))
    for place, byte in draw.draw(st.dictionaries(st.integers(0, 600), st.integers(0, 255))).items():
        content[place % len(content)] = byte
    for wrong in bytes(content), draw.draw(st.binary()):
        packed = tmp_path_factory.mktemp("archive") / f"ada{suffix}"
        packed.write_bytes(wrong)
        try:
            find(packed)
        except SubmissionError as error:
            assert packed.name in str(error) or "step_" in str(error)  # noqa: PT017


MANIFEST = """
author = "Ada Lovelace"
title = "Four steps to 99.4 %"
order = ["second.py", "first.py"]
classes = { "first.py" = "Small" }
"""


def test_a_manifest_names_author_title_order_and_classes(tmp_path: Path) -> None:
    files = {"first.py": b"1", "second.py": b"2", "submission.toml": MANIFEST.encode()}
    expected = [submission.Source("second.py", b"2"), submission.Source("first.py", b"1", "Small")]
    (tmp_path / "ada.zip").write_bytes(zipped(files))
    for path in (lying(tmp_path / "ada", files), tmp_path / "ada.zip"):
        assert find(path) == submission.Submission(
            "ada", expected, "ada", "Ada Lovelace", "Four steps to 99.4 %"
        )


@pytest.mark.parametrize(
    ("find_text", "replace_by", "words"),
    [
        ("author", "auther", "auther = 'Ada Lovelace' is not a known key; did you mean author?"),
        ('"Ada Lovelace"', "1815", "author = 1815: should be a valid string"),
        ('"second.py"', '"secnd.py"', "order: 'secnd.py' is not a step here; did you mean second.py?"),
        ('"second.py"', '"_helper.py"', "order: '_helper.py' is not a step here"),
        ('"second.py"', '"first.py"', "order: 'first.py' stands there twice"),
        ('"second.py", ', "", "order lacks 'second.py'; it must name every step"),
        ('{ "first.py"', '{ "third.py"', "classes: 'third.py' is not a step here; did you mean first.py?"),
        ('"Small"', '"Small()"', "classes.\"first.py\" = 'Small()': write the name of a class"),
        ('["second.py", "first.py"]', '"first.py"', "order = 'first.py': should be a valid list"),
        ("author =", "author", "is not TOML"),
        ("author", "author = " + "[" * 10_000, "is not TOML"),
        ("Ada", "\udcff", "is not UTF-8 text"),
        ("Ada", "A" * submission.MAX_SOURCE, "submission.toml is over 1,000,000 bytes long"),
        ("author", "author" + ".a" * 200_000, "submission.toml is over 20,000 bytes long"),
        ("author", "author" + ".a" * 5_000, "is not TOML"),
        ('"Ada Lovelace"', "9" * 5_000, "is not TOML"),
        ("Ada", "Ada\\n", "author = 'Ada\\n Lovelace': write one line of printable characters"),
        ("Ada", "\\u001b[31m", "write one line of printable characters"),
    ],
    ids=lambda value: value[:30],
)  # fmt: skip
def test_a_wrong_manifest_is_told(
    tmp_path: Path, find_text: str, replace_by: str, words: str
) -> None:
    text = MANIFEST.replace(find_text, replace_by).encode(errors="surrogateescape")
    files = {"first.py": b"", "second.py": b"", "_helper.py": b"", "submission.toml": text}
    told = refused(lying(tmp_path / "ada", files))
    assert "submission.toml" in told
    assert words in told


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    files = {
        "first.py": b"1",
        "second.py": b"2",
        "submission.toml": b"\xef\xbb\xbf" + MANIFEST.encode(),
    }
    assert find(lying(tmp_path / "ada", files)).author == "Ada Lovelace"


def test_many_wrong_keys_are_told_in_short(tmp_path: Path) -> None:
    text = "".join(f"key_{number} = 1\n" for number in range(1_000))
    files = {"first.py": b"", "submission.toml": text.encode()}
    assert len(refused(lying(tmp_path / "ada", files))) < 5_000


@given(st.text())
def test_no_manifest_crashes_it(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    files = {"first.py": b"", "submission.toml": text.encode(errors="surrogatepass")}
    folder = lying(tmp_path_factory.mktemp("manifest"), files)
    try:
        assert names(folder) == ["first.py"]
    except SubmissionError as error:
        assert "submission.toml" in str(error)  # noqa: PT017
