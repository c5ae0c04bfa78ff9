"""What people prefer: checked wherever it comes from, and never the reason of a crash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from agents.migrations import make_or_migrate
from agents.preference_file import MAX_BYTES, from_file, to_file
from agents.preference_store import PreferenceStore
from agents.preferences import DEFAULTS, FACTS, NAMES, Preferences
from agents.system_note import MAX_NOTE_CHARS
from agents.tables import preference
from core.database import Database
from core.errors import InvalidInput

CHOSEN = Preferences(
    agent="supervisor/policy",
    model="openai:gpt-4o-mini",
    streaming=False,
    temperature=0.75,
    note="Be *brief*.\nAlways.",
    timezone="Europe/Paris",
    facts=("model", "cost"),
    sources=False,
    steps=False,
    run_link=False,
)
WRONG: dict[str, list[Any]] = {
    "agent": ["nobody", "judge", "supervisor/nobody", "supervisor/", "react/", None, 3, ["react"]],
    "model": [None, 4, "x" * 301, "a\nb", "\x1b[2J"],
    "streaming": [0, 1, "yes", None],
    "temperature": [-0.1, 2.1, True, "0.5", float("nan"), float("inf"), 10**400, [1]],
    "note": [None, 5, "x" * (MAX_NOTE_CHARS + 1), ["a"]],
    "timezone": ["Nowhere/City", "../../etc/passwd", "/etc/localtime", "Europe", None, 7, "a\x00b"],
    "facts": ["cost", ["cost", "secrets"], [1], {"cost": 1}, None],
    "sources": ["false"],
    "steps": [[]],
    "run_link": [2],
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PreferenceStore]:
    database = Database(f"sqlite:///{tmp_path / 'app.db'}", prepare=make_or_migrate)
    yield PreferenceStore(database)
    database.close()


def file_of(**values: Any) -> bytes:
    whole = {"format": "switchboard-preferences", "version": 1, "preferences": values}
    return json.dumps(whole).encode()


def test_who_never_chose_has_the_defaults(store: PreferenceStore) -> None:
    assert store.load("ann") == DEFAULTS
    assert store.values("ann") == {}


def test_what_is_saved_is_loaded_and_is_nobody_elses(store: PreferenceStore) -> None:
    store.replace("ann", CHOSEN)
    assert (store.load("ann"), store.load("bob")) == (CHOSEN, DEFAULTS)


def test_a_value_back_at_its_default_is_not_kept(store: PreferenceStore) -> None:
    store.save("ann", {"agent": "react", "temperature": 1})
    store.save("ann", {"agent": "supervisor", "temperature": None})
    assert store.values("ann") == {}


def test_of_several_values_with_a_wrong_one_none_is_saved(store: PreferenceStore) -> None:
    with pytest.raises(InvalidInput, match="temperature"):
        store.save("ann", {"agent": "react", "temperature": 9})
    assert store.load("ann") == DEFAULTS


@pytest.mark.parametrize("name", [*NAMES, "no_such_preference"])
def test_a_value_that_cannot_be_is_refused(store: PreferenceStore, name: str) -> None:
    for value in WRONG.get(name, ["x"]):
        with pytest.raises(InvalidInput):
            store.set("ann", name, value)
    assert store.values("ann") == {}


def test_what_is_stored_and_cannot_be_used_counts_as_not_chosen(
    store: PreferenceStore, tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'app.db'}", prepare=make_or_migrate)
    rows = [
        {"owner": "ann", "name": "agent", "value": "removed graph"},
        {"owner": "ann", "name": "timezone", "value": {"deep": [1]}},
        {"owner": "ann", "name": "streaming", "value": False},
        {"owner": "ann", "name": "of a later release", "value": 1},
    ]
    with database.write() as connection:
        connection.execute(insert(preference), rows)
    database.close()
    assert store.load("ann") == Preferences(streaming=False)


def test_reset_gives_up_preferences_and_not_what_was_agreed_to(store: PreferenceStore) -> None:
    store.replace("ann", CHOSEN)
    store.agree("ann", "evaluation_consent", True)
    store.reset("ann")
    assert store.load("ann") == DEFAULTS
    assert store.agreed("ann", "evaluation_consent")


def test_what_was_agreed_to_can_be_withdrawn(store: PreferenceStore) -> None:
    store.agree("ann", "evaluation_consent", True)
    store.agree("ann", "evaluation_consent", False)
    assert not store.agreed("ann", "evaluation_consent")
    assert store.values("ann") == {}


@pytest.mark.parametrize("one", [CHOSEN, DEFAULTS])
def test_an_exported_file_brings_back_the_same(one: Preferences) -> None:
    found = from_file(to_file(one).encode(), CHOSEN)
    assert (found.preferences, found.wrong, found.unknown) == (one, {}, ())


def test_the_file_holds_no_consent(store: PreferenceStore) -> None:
    store.agree("ann", "evaluation_consent", True)
    assert "consent" not in to_file(store.load("ann"))
    found = from_file(file_of(evaluation_consent=True))
    assert found.unknown == ("evaluation_consent",)


def test_good_values_of_a_file_come_in_and_the_others_are_named() -> None:
    found = from_file(file_of(agent="react", temperature=7, owner="bob", theme="dark"), CHOSEN)
    assert (found.preferences.agent, found.preferences.temperature) == ("react", 0.75)
    assert "from 0 to 2" in found.wrong["temperature"]
    assert found.unknown == ("owner", "theme")


@pytest.mark.parametrize("name", WRONG)
def test_hostile_values_of_a_file_change_nothing(name: str) -> None:
    for value in WRONG[name]:
        found = from_file(file_of(**{name: value}), CHOSEN)
        assert found.preferences == CHOSEN
        assert list(found.wrong) == [name]


def test_text_that_hides_or_turns_text_is_taken_out_of_a_note() -> None:
    found = from_file(file_of(note="Be brief.\u202e\x00\ud800"))
    assert found.preferences.note == "Be brief."


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 50_000, "not JSON"),
        (b'{"format": ' + b"1" * 9_000 + b"}", "not JSON"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
        (b"[]", "does not say"),
        (b'{"agent": "react"}', "does not say"),
        (b'{"format": "switchboard-preferences", "version": 2}', "another version"),
        (b'{"format": "switchboard-preferences", "version": 1}', "no object"),
        (file_of(**{f"x{n}": 1 for n in range(300)}), "no object"),
        (b" " * (MAX_BYTES + 1), "larger than 100 kB"),
    ],
)
def test_what_is_no_file_of_preferences_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        from_file(data)


def test_a_file_with_a_byte_order_mark_is_read() -> None:
    assert from_file(b"\xef\xbb\xbf" + file_of(agent="react")).preferences.agent == "react"


def test_facts_keep_their_order_and_come_once() -> None:
    found = from_file(file_of(facts=["cost", "agent", "cost"]))
    assert found.preferences.facts == ("agent", "cost")
    assert set(found.preferences.facts) < set(FACTS)
