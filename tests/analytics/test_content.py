"""What is kept of a run's words: in which mode, how long, and what happens when it cannot be."""

from __future__ import annotations

import json
import sqlite3
import stat
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analytics.content import MAX_BYTES, ContentKeeper, KeptShare, Said, kept, of_run
from analytics.queries.reading import Reader
from analytics.recorder import Recorder
from core.errors import StorageError
from tests.analytics.scripts import START_US, meta, simple_run

QUESTION = "I am ann@example.com, is my card 4111 1111 1111 1111 charged?"


@pytest.fixture
def keeper(tmp_path: Path) -> ContentKeeper:
    return ContentKeeper(tmp_path / "content.key")


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = Recorder(
        tmp_path / "analytics.db", interval_s=0.01, content_key=tmp_path / "content.key"
    )
    yield made
    made.close()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    made = Reader(tmp_path / "analytics.db")
    yield made
    made.close()


def said(text: str, kind: Any = "question", item: str = "") -> Said:
    return Said(kind, item, lambda: text)


def prompt(*texts: str) -> Said:
    messages = [{"role": "user", "parts": [{"type": "text", "content": t}]} for t in texts]
    return Said("prompt", "c1", lambda: messages)


def text_of(keeper: ContentKeeper, mode: str, what: Said) -> str:
    (row,) = keeper.rows("r1", mode, 1, [what])
    return str(row["text"])


def play(recorder: Recorder, run_id: str, mode: str, words: Sequence[Said]) -> None:
    of, events = simple_run(replace(meta(run_id), content_mode=mode))
    for event in events[:-1]:
        recorder.observe(of, event)
    recorder.observe(of, events[-1], words)


# -- the modes


def test_off_keeps_nothing_and_does_not_even_look(keeper: ContentKeeper) -> None:
    def looked() -> str:
        raise AssertionError("nobody asked for it")

    assert keeper.rows("r1", "off", 1, [Said("question", "", looked)]) == []


def test_full_keeps_every_character(keeper: ContentKeeper) -> None:
    assert text_of(keeper, "full", said(QUESTION)) == QUESTION


def test_masked_keeps_the_sense_and_not_the_person(keeper: ContentKeeper) -> None:
    masked = text_of(keeper, "masked", said(QUESTION))
    assert masked == "I am [email], is my card [card] charged?"


def test_a_masked_prompt_is_json_without_addresses_in_any_place(keeper: ContentKeeper) -> None:
    messages = [
        {"role": "user", "parts": [{"type": "text", "content": "line\nbob@example.com"}]},
        {
            "role": "assistant",
            "parts": [
                {
                    "type": "tool_call",
                    "arguments": {"to": ["bob@example.com"], "account": 123456789012, "n": 3},
                }
            ],
        },
    ]
    found = json.loads(text_of(keeper, "masked", Said("prompt", "c1", lambda: messages)))
    assert found[0]["parts"][0]["content"] == "line\n[email]"
    assert found[1]["parts"][0]["arguments"] == {"to": ["[email]"], "account": "[number]", "n": 3}


def test_hashed_recognises_equal_texts_across_processes_and_tells_nothing(tmp_path: Path) -> None:
    first, second = (ContentKeeper(tmp_path / "content.key") for _ in range(2))
    a, b, other = (
        text_of(first, "hashed", said(QUESTION)),
        text_of(second, "hashed", said(QUESTION)),
        text_of(second, "hashed", said(QUESTION + " ")),
    )
    assert a == b != other
    assert len(bytes.fromhex(a)) == 32


def test_another_installation_has_another_key(tmp_path: Path) -> None:
    here, there = (ContentKeeper(tmp_path / name / "content.key") for name in ("a", "b"))
    assert text_of(here, "hashed", said("x")) != text_of(there, "hashed", said("x"))


def test_only_its_owner_may_read_the_key(tmp_path: Path, keeper: ContentKeeper) -> None:
    text_of(keeper, "hashed", said("x"))
    assert stat.S_IMODE((tmp_path / "content.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["content.key"]


@pytest.mark.parametrize("held", ["", "zz", "ab", "é"])
def test_a_damaged_key_is_named_and_never_replaced(tmp_path: Path, held: str) -> None:
    path = tmp_path / "content.key"
    path.write_text(held, "utf-8")
    with pytest.raises(StorageError, match="does not hold a key"):
        ContentKeeper(path).rows("r1", "hashed", 1, [said("x")])
    assert path.read_text("utf-8") == held


# -- the bound


@pytest.mark.parametrize("mode", ["full", "masked"])
def test_a_long_text_is_cut_and_says_so(keeper: ContentKeeper, mode: str) -> None:
    text = text_of(keeper, mode, said("é" * MAX_BYTES))
    assert text.endswith(f"[cut: about {MAX_BYTES:,} bytes left out]")
    assert len(text.encode()) < MAX_BYTES + 100


@pytest.mark.slow
def test_a_cut_never_leaves_half_of_what_would_be_masked(keeper: ContentKeeper) -> None:
    """Cut first, the address at the cut would not be one any more, and its half would be kept."""
    for length in range(MAX_BYTES * 4 - 40, MAX_BYTES * 4):
        text = (
            "bob@example.com " * (length // 16) + "x" * (length % 16) + "secretbob@example.com " * 9
        )
        assert "bob" not in text_of(keeper, "masked", said(text))


def test_of_a_long_prompt_the_last_messages_are_kept_whole(keeper: ContentKeeper) -> None:
    long = prompt("a" * 30_000, "b" * 50_000, "the question")
    found = json.loads(text_of(keeper, "full", long))
    texts = [message["parts"][0]["content"] for message in found]
    assert texts[-1] == "the question"
    assert texts[-2] == "b" * 50_000
    assert "bytes left out" in texts[-3]
    assert len(json.dumps(found)) < MAX_BYTES + 1_000


def test_of_very_many_messages_the_early_ones_are_counted(keeper: ContentKeeper) -> None:
    found = json.loads(text_of(keeper, "full", prompt(*["x" * 100] * 5_000)))
    assert len(json.dumps(found)) < MAX_BYTES + 1_000
    note = found[0]["parts"][0]["content"]
    assert note == f"[cut: {5_000 - (len(found) - 1):,} earlier messages left out]"


def test_characters_no_database_takes_are_replaced(keeper: ContentKeeper) -> None:
    assert text_of(keeper, "full", said("a\ud800b\x00c")) == "a?b\ufffdc"


# -- with the recorder


def test_words_are_stored_with_the_run_and_read_in_order(
    recorder: Recorder, reader: Reader
) -> None:
    words = [said("Yes.", "answer"), prompt("Q"), said("Q?"), said("", "prompt", "empty")]
    play(recorder, "r1", "full", words)
    assert recorder.flush()
    found = of_run(reader, "r1")
    assert [(item.kind, item.item) for item in found] == [
        ("question", ""), ("prompt", "c1"), ("answer", ""),
    ]  # fmt: skip
    assert (found[0].text, found[2].text, found[0].mode) == ("Q?", "Yes.", "full")
    assert kept(reader) == (KeptShare(mode="full", items=3, runs=1, oldest_us=START_US),)


def test_texts_are_made_on_the_writers_thread(recorder: Recorder, reader: Reader) -> None:
    threads = []

    def make() -> str:
        threads.append(threading.current_thread().name)
        return "Q?"

    play(recorder, "r1", "masked", [Said("question", "", make)])
    assert recorder.flush()
    assert threads == ["analytics-writer"]


def test_a_run_stored_twice_has_its_words_once(recorder: Recorder, reader: Reader) -> None:
    for _ in range(2):
        play(recorder, "r1", "full", [said("Q?")])
        assert recorder.flush()
    assert [item.text for item in of_run(reader, "r1")] == ["Q?"]


def test_words_that_cannot_be_kept_cost_no_figures_and_are_counted(
    tmp_path: Path, recorder: Recorder, reader: Reader
) -> None:
    (tmp_path / "content.key").write_text("damaged")
    play(recorder, "r1", "hashed", [said("Q?")])
    assert recorder.flush()
    assert of_run(reader, "r1") == ()
    with sqlite3.connect(tmp_path / "analytics.db") as connection:
        assert connection.execute("SELECT status, content_mode FROM run").fetchall() == [
            ("ok", "hashed")
        ]
    connection.close()
    health = recorder.health()
    assert (health.content_lost, health.dropped) == (1, 0)
    assert health.last_error is not None
    assert "does not hold a key" in health.last_error
