"""The roster: who is behind each submission, and what is told of one that cannot be read."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.roster import RosterError, load


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "roster.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_a_roster_names_learners_by_their_folders(
    tmp_path: Path, separator: str, encoding: str
) -> None:
    lines = [
        ["folder", "name", "id", "submitted_at"],
        ["ada", "Ada Lovelace", "0815", "2026-11-30T23:10:00+01:00"],
        ["bob", "", "", ""],
    ]
    text = "\r\n".join(separator.join(line) for line in lines)
    roster = load(written(tmp_path, text, encoding))
    assert list(roster) == ["ada", "bob"]
    assert (roster["ada"].shown, roster["ada"].id) == ("Ada Lovelace", "0815")
    assert roster["ada"].submitted_at == datetime.fromisoformat("2026-11-30T23:10:00+01:00")
    assert (roster["bob"].shown, roster["bob"].submitted_at) == ("", None)


def test_what_spreadsheets_quote_is_whole(tmp_path: Path) -> None:
    text = 'folder,name,first_name,last_name\nada,"O\'Brien, ""Ada""",,\nbob,,Bob,Ross\n'
    roster = load(written(tmp_path, text))
    assert roster["ada"].shown == 'O\'Brien, "Ada"'
    assert roster["bob"].shown == "Bob Ross"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the column 'folder' is missing"),
        ("name\nada\n", "the column 'folder' is missing"),
        ("folder,nme\nada,x\n", "the column 'nme' is not known; did you mean name?"),
        ("folder,id,id\nada,1,2\n", "the column 'id' stands there twice"),
        ("folder,name\nada,x\nada,y\n", "line 3: folder = 'ada' stands there twice"),
        ("folder,name\n,x\n", "line 2: folder is empty"),
        ("folder,name\nada,Lovelace, Ada\n", "line 2: more values than columns"),
        (
            "folder,submitted_at\nada,30.11.2026\n",
            "line 2: submitted_at = '30.11.2026': write a time such as 2026-11-30T23:10:00+01:00",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(RosterError, match=r"roster\.csv") as error:
        load(written(tmp_path, text))
    assert told in str(error.value)


def test_what_is_no_roster_is_told(tmp_path: Path) -> None:
    with pytest.raises(RosterError, match="cannot be read"):
        load(tmp_path / "none.csv")
    with pytest.raises(RosterError, match="not UTF-8"):
        load(written(tmp_path, "folder,name\nada,é\n", "latin-1"))


@given(st.text())
def test_any_text_is_a_roster_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("roster") / "roster.csv"
    path.write_bytes(text.encode(errors="surrogatepass"))
    with suppress(RosterError):
        assert all(folder == learner.folder for folder, learner in load(path).items())
