"""A large or broken file, and archives that are made to do harm."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.exchange import source, split
from agents.exchange.deep_json import _loads
from agents.exchange.reading import Reading
from agents.exchange.split import Splitter
from core.errors import InvalidInput
from tests.agents.exchanging import chatgpt, entries, problems, written

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=6), VALUES, max_size=4)


class Slow(io.BytesIO):
    """Gives a few bytes at a time, so that every place is once the end of what was read."""

    def __init__(self, data: bytes, step: int) -> None:
        super().__init__(data)
        self._step = step

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(self._step, size or 1) if size and size > 0 else -1)


def pieces(data: bytes, step: int = 1_000_000, **options: Any) -> list[tuple[Any, str]]:
    found = Splitter(Slow(data, step), **options)
    return [(json.loads(one.raw) if one.raw else None, one.problem) for one in found]


@given(
    items=st.lists(OBJECTS, max_size=5), step=st.integers(4, 9), indent=st.sampled_from([None, 1])
)
def test_a_list_is_cut_into_its_entries_wherever_the_reading_stops(
    items: list[Any], step: int, indent: int | None
) -> None:
    data = json.dumps(items, indent=indent, ensure_ascii=False).encode("utf-8", "replace")
    expected = [(json.loads(json.dumps(one, ensure_ascii=False).encode("utf-8", "replace")), "")
                for one in items]  # fmt: skip
    assert pieces(data, step) == expected


@given(items=st.lists(OBJECTS, min_size=1, max_size=5), step=st.integers(4, 9))
def test_lines_of_json_are_cut_too(items: list[Any], step: int) -> None:
    data = "\n".join(json.dumps(one) for one in items).encode()
    assert [one for one, _ in pieces(data, step)] == json.loads(json.dumps(items))


@given(value=VALUES)
def test_json_of_any_depth_is_read_as_the_standard_library_does(value: Any) -> None:
    text = json.dumps(value)
    assert _loads(text) == json.loads(text)


@pytest.mark.parametrize("text", ["{", '{"a"', '{"a" 1}', "[1", "]", '{"a": }', "", "[1] 2", "nul"])
def test_json_that_is_none_is_refused_at_any_depth(text: str) -> None:
    with pytest.raises(ValueError):
        _loads(text)


def test_the_header_of_an_envelope_is_known_with_its_first_entry() -> None:
    found = Splitter(
        io.BytesIO(b'{"switchboard": {"format": 1},\n"conversations": [\n{"a": 1}\n]}\n')
    )
    (piece,) = found
    assert (found.header, piece.raw) == (b'{"switchboard": {"format": 1}}', b'{"a": 1}')


def test_an_entry_that_is_cut_in_the_middle_costs_only_itself(tmp_path: Path) -> None:
    data = json.dumps([chatgpt("One"), chatgpt("Two"), chatgpt("Three")]).encode()
    path = written(tmp_path, data[: data.index(b"Three") + 100])
    assert [one.title for one in entries(path)] == ["One", "Two", ""]
    assert problems(path) == {3: "The file ends in the middle of it."}


def test_an_entry_that_is_no_json_costs_only_itself(tmp_path: Path) -> None:
    parts = [json.dumps(chatgpt(name)) for name in ("One", "Two", "Three", "Four")]
    parts[1] = parts[1].replace('"current_node":', '"current_node" oops')
    parts[2] = parts[2].replace('"children": ["q"]', '"children": ["q"')
    path = written(tmp_path, ("[" + ",\n".join(parts) + "]").encode())
    assert [bool(one.conversation) for one in entries(path)] == [True, False, False, True]
    assert problems(path)[2].startswith("It is not valid JSON: Expecting ':' delimiter")


def test_an_entry_that_is_not_utf_8_costs_only_itself(tmp_path: Path) -> None:
    parts = [json.dumps(chatgpt(name)).encode() for name in ("One", "Two")]
    path = written(tmp_path, b"[" + parts[0].replace(b"One", b"\xff\xfe") + b"," + parts[1] + b"]")
    assert problems(path) == {1: "It is not UTF-8 text."}
    assert entries(path)[1].title == "Two"


def test_an_entry_over_the_limit_is_passed_over_without_being_held() -> None:
    data = b'[{"a": "' + b"x" * 5_000 + b'"}, {"b": 1}, {"c": [' + b"1, " * 2_000 + b"1]}, {}]"
    found = pieces(data, 100, max_entry_bytes=1_000)
    assert [one for one, _ in found] == [None, {"b": 1}, None, {}]
    splitter = Splitter(Slow(data, 100), max_entry_bytes=1_000)
    held = [len(splitter._buffer) for _ in splitter]
    assert max(held) < 3_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no conversations"),
        (b"[]", "holds no conversations"),
        (b"hello", "not JSON"),
        (b"\x00\x01\x02" * 100, "not JSON"),
        (b"PK\x03\x04 but no archive", "ZIP archive cannot be read"),
        (b"<html><body>login</body></html>", "not JSON"),
    ],
)
def test_a_file_that_is_something_else_says_so(
    tmp_path: Path, content: bytes, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        entries(written(tmp_path, content))


def archive(folder: Path, files: dict[str, bytes], name: str = "export.zip") -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for member, content in files.items():
            out.writestr(member, content)
    return path


def test_the_archive_chatgpt_sends_is_read_as_it_is(tmp_path: Path) -> None:
    path = archive(
        tmp_path,
        {
            "chat.html": b"<html>",
            "user.json": b"{}",
            "conversations-001.json": json.dumps([chatgpt("Two")]).encode(),
            "conversations-000.json": json.dumps([chatgpt("One")]).encode(),
            "../../evil.json": b"[]",
        },
    )
    before = set(tmp_path.parent.rglob("*"))
    assert [(one.number, one.title) for one in entries(path)] == [(1, "One"), (2, "Two")]
    assert set(tmp_path.parent.rglob("*")) == before


def test_an_archive_of_single_conversations_is_read(tmp_path: Path) -> None:
    files = {f"{name}.json": json.dumps(chatgpt(name)).encode() for name in ("b", "a")}
    assert [one.title for one in entries(archive(tmp_path, files))] == ["a", "b"]


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path) -> None:
    path = archive(tmp_path, {"conversations.json": b"[" + b" " * 60_000_000 + b"]"})
    with pytest.raises(InvalidInput, match="more than 200 times its size"):
        entries(path)


def test_an_archive_that_lies_about_its_sizes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_FILE_BYTES", 1_000_000)
    path = archive(tmp_path, {"conversations.json": b"[" + b" " * 3_000_000 + b"]"})
    raw = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = raw.index(mark)
        raw[at + place : at + place + 4] = struct.pack("<I", 900_000)
    path.write_bytes(raw)
    with pytest.raises(InvalidInput):
        entries(path)


def test_an_archive_with_too_many_names_is_refused_unread(tmp_path: Path) -> None:
    path = archive(tmp_path, {"conversations.json": b"[]"})
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x05\x06")
    raw[at + 12 : at + 16] = struct.pack("<I", 500_000_000)
    path.write_bytes(raw)
    with pytest.raises(InvalidInput, match="are looked at"):
        entries(path)


def test_an_encrypted_archive_says_what_to_do(tmp_path: Path) -> None:
    path = archive(tmp_path, {"conversations.json": b"[]"})
    raw = bytearray(path.read_bytes())
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    with pytest.raises(InvalidInput, match="encrypted") as caught:
        entries(path)
    assert "password" in caught.value.what_to_do


def test_an_archive_without_json_and_a_nested_one_are_refused(tmp_path: Path) -> None:
    inner = archive(tmp_path, {"conversations.json": b"[]"}, "inner.zip").read_bytes()
    with pytest.raises(InvalidInput, match="no JSON file"):
        entries(archive(tmp_path, {"inner.zip": inner, "photo.png": b"x"}))


def test_progress_is_told_over_all_of_the_file(tmp_path: Path) -> None:
    reading = Reading(written(tmp_path, [chatgpt(str(n)) for n in range(3)]), owner="local")
    assert reading.share == 0.0
    list(reading)
    assert reading.share == 1.0


def test_brackets_too_many_are_passed_over() -> None:
    assert [one for one, _ in pieces(b'[{"a": 1}}, {"b": 2}]')] == [{"a": 1}, {"b": 2}]


def test_the_limit_of_an_entry_is_the_documented_one() -> None:
    assert split.MAX_ENTRY_BYTES == 64_000_000
