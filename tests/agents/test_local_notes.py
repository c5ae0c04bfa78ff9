"""Which messages the embedded answerer takes for a request to keep a note."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from agents.local.notes import is_note_tool, note_in
from agents.local.reply import REJECTED, respond

TOOL = {"type": "function", "function": {"name": "save_note", "description": "Keeps a note.", "parameters": {
    "type": "object", "properties": {"title": {"type": "string"}, "text": {"type": "string"}},
    "required": ["title", "text"]}}}  # fmt: skip
SEARCH = {"type": "function", "function": {"name": "search_docs", "description": "Searches.", "parameters": {
    "type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}}}  # fmt: skip

WANTED = [
    ("Save a note: the wifi password is tulip.", "Wifi password is tulip", "The wifi password is tulip."),
    ("please save a note that standup is at 9:30", "Standup is at 9:30", "Standup is at 9:30"),
    ("Remember that the office closes at six.", "Office closes at six", "The office closes at six."),
    ("Remember: buy milk", "Buy milk", "Buy milk"),
    ("Note that backups run on Sunday", "Backups run on Sunday", "Backups run on Sunday"),
    ("note: call Ada", "Call Ada", "Call Ada"),
    ("Don't forget that Bob is on leave", "Bob is on leave", "Bob is on leave"),
    ("Could you make a note of my desk number: 42", "Desk number: 42", "My desk number: 42"),
    ('Save a note titled "Wifi": it is tulip', "Wifi", "It is tulip"),
    ("Add a note called Wifi: it is tulip", "Wifi", "It is tulip"),
    ("Make a note to renew the certificate", "Renew the certificate", "Renew the certificate"),
]  # fmt: skip
UNWANTED = [
    "Do you remember that I asked about wifi?",
    "Note that I use Postgres. How do I back it up?",
    "How do I save a note?",
    "Can you save a note?",
    "What is a release note?",
    "Save a note",
    "Where are notes kept?",
]


@pytest.mark.parametrize(("asked", "title", "text"), WANTED)
def test_a_request_to_keep_a_note_gives_its_title_and_text(
    asked: str, title: str, text: str
) -> None:
    assert note_in(asked) == (title, text)


@pytest.mark.parametrize("asked", UNWANTED)
def test_other_messages_keep_no_note(asked: str) -> None:
    assert note_in(asked) is None
    call = respond([HumanMessage(asked)], [SEARCH, TOOL]).call
    assert call is None or call.name == "search_docs"


def test_the_note_is_given_to_the_tool_that_keeps_notes() -> None:
    call = respond([HumanMessage(WANTED[0][0])], [SEARCH, TOOL]).call
    assert call is not None
    assert (call.name, call.args) == ("save_note", {"title": WANTED[0][1], "text": WANTED[0][2]})


def test_a_tool_is_known_by_its_name_and_its_text() -> None:
    assert is_note_tool("saveNote", {"body": {}})
    assert not is_note_tool("search_notes", {"text": {}})
    assert not is_note_tool("save_note", {"count": {}})


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("Saved the note “Wifi” as /notes/x.md.", "Saved the note “Wifi” as /notes/x.md."),
        (
            f"{REJECTED} of save_note. It was not run; do not call it again unless asked to. "
            "The reason given: no secrets",
            "That was rejected, so nothing was done. The reason given: no secrets",
        ),
        (
            "A person changed the arguments to {'title': 'W'} before it ran. Saved the note “W”.",
            "Saved the note “W”.",
        ),
    ],
)
def test_what_became_of_the_note_is_said_in_words(result: str, said: str) -> None:
    call = {"name": "save_note", "args": {}, "id": "c1", "type": "tool_call"}
    messages = [
        HumanMessage(WANTED[0][0]),
        AIMessage("", tool_calls=[call]),
        ToolMessage(result, name="save_note", tool_call_id="c1"),
    ]
    assert respond(messages, [SEARCH, TOOL]).text == said
