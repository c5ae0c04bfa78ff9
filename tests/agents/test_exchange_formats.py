"""Exports of other programs become conversations: trees, reasoning apart, nothing trusted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agents.exchange.reading import read_object
from core.conversation import Message
from tests.agents.exchanging import (
    FILES,
    chatgpt,
    entries,
    node,
    one_conversation,
    problems,
    written,
)


def said(messages: tuple[Message, ...]) -> list[tuple[str | None, str, str]]:
    return [(one.parent, one.key, one.text) for one in messages]


def first(name: str) -> Any:
    found = entries(FILES / name)[0].conversation
    assert found is not None
    return found


def test_chatgpts_tree_keeps_its_branches_and_the_one_that_is_shown() -> None:
    found = first("chatgpt.json")
    assert said(found.messages) == [
        (None, "q1", "Where was this taken?\n[Attached: tram.jpg]"),
        ("q1", "a1", "In Lisbon [1]."),
        ("q1", "a1b", "In Porto."),
        ("a1", "q2", "What does a ticket cost?"),
        ("q2", "a2", "About three euros."),
        ("a1", "q2b", "Is it crowded?"),
    ]
    assert [one.key for one in found.branch()] == ["q1", "a1", "q2", "a2"]


def test_chatgpts_thoughts_tools_and_pages_stand_beside_the_answer() -> None:
    summary = first("chatgpt.json").messages[1].summary
    assert summary.thinking == "**Looking at the tram**\n\nYellow tram, line 28."
    assert [(t["name"], t["input"], t["output"]) for t in summary.tools] == [
        ("web", 'search("tram 28")', "Tram 28 runs in Lisbon")
    ]
    assert [(s["n"], s["title"], s["document"]) for s in summary.sources] == [
        (1, "Tram 28", "https://example.org/28")
    ]
    assert summary.model == "o3"


def test_a_broken_entry_is_named_and_the_others_are_read() -> None:
    found = entries(FILES / "chatgpt.json")
    assert [bool(one.conversation) for one in found] == [True, False, True]
    assert (found[1].title, found[1].problem) == (
        "Half an entry",
        "It has no messages ('mapping' is missing).",
    )


def test_without_a_current_node_the_newest_branch_is_shown(tmp_path: Path) -> None:
    entry = chatgpt()
    del entry["current_node"]
    entry["mapping"]["a2"] = node("a2", "q", "assistant", "newer", 1_721_000_009.0)
    entry["mapping"]["a1"] = node("a1", "q", "assistant", "older", 1_721_000_001.5)
    (found,) = entries(written(tmp_path, [entry]))
    assert found.conversation is not None
    assert found.conversation.head == "a2"
    assert found.notes == ("It does not say which of its branches is shown: the last one is.",)


def test_nodes_in_a_circle_and_orphans_lose_nothing(tmp_path: Path) -> None:
    entry = chatgpt()
    entry["mapping"]["x"] = node("x", "y", "user", "round", 1_721_000_010.0)
    entry["mapping"]["y"] = node("y", "x", "assistant", "and round", 1_721_000_011.0)
    entry["mapping"]["z"] = node("z", "gone", "user", "lost and found", 1_721_000_012.0)
    (found,) = entries(written(tmp_path, [entry]))
    assert found.conversation is not None
    assert {one.text for one in found.conversation.messages} == {
        "What about Tea?", "A lot about Tea.", "round", "and round", "lost and found",
    }  # fmt: skip
    assert len(found.notes) == 2


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
def test_a_byte_order_mark_is_no_problem(tmp_path: Path, mark: bytes) -> None:
    data = mark + json.dumps([chatgpt()]).encode()
    assert one_conversation(written(tmp_path, data)).title == "Tea"


def test_utf_16_is_read(tmp_path: Path) -> None:
    data = json.dumps([chatgpt("Thé")], ensure_ascii=False).encode("utf-16")
    assert one_conversation(written(tmp_path, data)).title == "Thé"


def test_a_chat_that_starts_with_hidden_instructions_starts_with_the_question(
    tmp_path: Path,
) -> None:
    entry = chatgpt()
    hidden = node("ctx", "root", "user", "")
    hidden["message"]["content"] = {
        "content_type": "user_editable_context", "user_profile": "secret",
    }  # fmt: skip
    hidden["message"]["metadata"] = {"is_user_system_message": True}
    entry["mapping"] |= {"ctx": hidden}
    entry["mapping"]["q"]["parent"] = "ctx"
    (found,) = entries(written(tmp_path, [entry]))
    assert found.conversation is not None
    assert "secret" not in str(found.conversation)
    assert found.conversation.messages[0].key == "q"


def test_open_webuis_reasoning_is_kept_apart_from_the_answer() -> None:
    messages = {one.key: one for one in first("open_webui.json").messages}
    assert (messages["a1"].text, messages["a1"].summary.thinking) == (
        "No: 91 = 7 × 13.",
        "91 = 7 × 13",
    )
    assert (messages["a2"].text, messages["a2"].summary.thinking) == (
        "It is not prime [1].",
        "Seven times thirteen.",
    )


def test_open_webuis_tags_usage_rating_sources_and_tools_come_along() -> None:
    found = first("open_webui.json")
    messages = {one.key: one for one in found.messages}
    assert (found.tags, bool(found.pinned_at_us)) == (("maths", "weather"), True)
    assert (messages["a1"].summary.output_tokens, messages["a1"].rating.thumb) == (42, 1)
    assert messages["a2"].summary.sources[0]["title"] == "primes.md"
    (tool,) = messages["a3"].summary.tools
    assert (tool["name"], tool["input"], tool["output"]) == (
        "get_weather", '{"city": "Paris"}', '"18 C"',
    )  # fmt: skip


def test_an_answer_that_speaks_of_think_tags_keeps_them(tmp_path: Path) -> None:
    text = 'Models write:\n```\n<think>\nhm\n</think>\n<details type="reasoning">x</details>\n```'
    messages = {
        "u": {"id": "u", "parentId": None, "role": "user", "content": "<think>mine</think>?"},
        "a": {"id": "a", "parentId": "u", "role": "assistant", "content": text},
    }
    chat = {"title": "t", "history": {"messages": messages, "currentId": "a"}}
    found = one_conversation(written(tmp_path, [{"chat": chat}]))
    assert [one.text for one in found.messages] == ["<think>mine</think>?", text]


def test_librechats_nested_replies_become_a_tree_with_reasoning_apart() -> None:
    found = first("librechat.json")
    messages = {one.key: one for one in found.messages}
    assert [(one.parent, one.key) for one in found.messages] == [
        (None, "m-q1"), ("m-q1", "m-a1"), ("m-q1", "m-a2"), ("m-a1", "m-q2"), ("m-q2", "m-a3"),
    ]  # fmt: skip
    assert messages["m-a1"].summary.thinking == "Green tea burns above 80."
    assert (messages["m-a2"].text, messages["m-a2"].summary.thinking) == (
        "About 75 °C.",
        "Lower than boiling.",
    )
    assert messages["m-a3"].summary.status == "cancelled"
    assert messages["m-a1"].rating.comment == "inaccurate: too vague"


def test_librechats_plain_list_is_the_same_tree(tmp_path: Path) -> None:
    listed = [
        {"messageId": "b", "parentMessageId": "a", "isCreatedByUser": False, "text": "yes",
         "createdAt": "2025-01-01T10:00:01Z", "model": "m"},
        {"messageId": "a", "parentMessageId": "00000000-0000-0000-0000-000000000000",
         "isCreatedByUser": True, "text": "well?", "createdAt": "2025-01-01T10:00:00Z"},
    ]  # fmt: skip
    data = {"conversationId": "c", "title": "T", "recursive": False, "messages": listed}
    found = one_conversation(written(tmp_path, data))
    assert said(found.messages) == [(None, "a", "well?"), ("a", "b", "yes")]


def test_two_thousand_nested_replies_are_read(tmp_path: Path) -> None:
    text = ""
    for number in range(2_000):
        text += (
            f'{{"messageId": "{number}", "isCreatedByUser": {"false" if number % 2 else "true"}, '
            f'"text": "t{number}", "children": ['
        )
    data = '{"conversationId": "c", "title": "Deep", "recursive": true, "messages": [' + text
    found = one_conversation(written(tmp_path, (data + "]}" * 2_001).encode()))
    assert len(found.branch()) == 2_000


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"what": "else"}, "no format that can be read"),
        ({"title": "x", "mapping": {}}, "no messages"),
        ({"title": "x", "mapping": {"a": 5, "b": None}}, "no messages"),
        ({"chat": {"history": {"messages": {"a": {"role": "robot"}}}}}, "no messages"),
        ({"conversationId": "c", "messages": "none"}, "no messages"),
        (["not", "an", "object"], "not a conversation"),
        ({"title": "x", "mapping": {"a": node("a", None, "user", "x" * 2_000_001)}}, "2,000,001"),
    ],
)
def test_what_is_no_conversation_says_why(tmp_path: Path, content: object, problem: str) -> None:
    assert problem in problems(written(tmp_path, [chatgpt(), content]))[2]


@pytest.mark.parametrize("name", ["chatgpt.json", "open_webui.json", "librechat.json"])
def test_hostile_values_in_every_place_never_stop_the_reading(name: str) -> None:
    whole = json.loads((FILES / name).read_text())
    entry = whole[0] if isinstance(whole, list) else whole
    odd: list[Any] = [None, -1, 1e300, "\u202e\x00", [[]], {"a": []}]
    read = 0
    for inside, step in places_of(entry):
        kept = inside[step]
        for value in odd:
            inside[step] = value
            found = read_object(1, entry)
            assert found.problem or found.conversation
            read += 1
        inside[step] = kept
    assert read > 100


def places_of(data: Any) -> list[tuple[Any, Any]]:
    steps = (
        list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else []
    )
    found = []
    for step in steps:
        found += [(data, step), *places_of(data[step])]
    return found
