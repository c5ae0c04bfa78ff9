"""What others read of an export: training, evaluation, Markdown and HTML."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from agents.evaluation.reading import read_set
from agents.exchange.export import FORMS, KINDS, file_name, text_of
from agents.exchange.lines import for_evaluation, for_training
from agents.exchange.page import as_html, as_markdown
from agents.migrations import make_or_migrate
from core.conversation import Conversation, Message, Rating
from core.database import Database
from core.transcript import AnswerSummary
from tests.agents.exchanging import FILES, bring, everything

HOSTILE = "<script>alert(1)</script> ![x](http://evil.example/a.png) [c](javascript:alert(1)) \"'>&"


def talk(*said: tuple[str, str], head: int | None = None, title: str = "T") -> Conversation:
    """Questions and answers one after another; (text, status) with "" for a question."""
    messages: list[Message] = []
    for number, (text, status) in enumerate(said, 1):
        messages.append(
            Message(
                key=f"m{number}",
                parent=f"m{number - 1}" if number > 1 else None,
                role="assistant" if status else "user",
                text=text,
                created_at_us=1_721_000_000_000_000 + number,
                summary=AnswerSummary(status=status, model="m") if status else None,  # type: ignore[arg-type]
            )
        )
    return Conversation(
        title=title, messages=tuple(messages), head=f"m{head or len(messages)}",
        created_at_us=1_721_000_000_000_000, tags=("work",),
    )  # fmt: skip


def test_training_lines_hold_the_branch_shown_with_whole_answers_only() -> None:
    one = talk(("q1", ""), ("a1", "completed"), ("q2", ""), ("cut", "cancelled"), ("q3", ""),
               ("a3", "completed"), ("q4", ""))  # fmt: skip
    assert json.loads(for_training(one)) == {
        "messages": [
            {"role": "user", "content": "q1"}, {"role": "assistant", "content": "a1"},
            {"role": "user", "content": "q3"}, {"role": "assistant", "content": "a3"},
        ]
    }  # fmt: skip


def test_an_answer_marked_as_bad_is_not_learned_from() -> None:
    one = talk(("q1", ""), ("a1", "completed"), ("q2", ""), ("a2", "completed"))
    messages = list(one.messages)
    from dataclasses import replace

    messages[1] = replace(messages[1], rating=Rating(thumb=-1))
    told = json.loads(for_training(replace(one, messages=tuple(messages))))["messages"]
    assert [message.get("weight") for message in told] == [None, 0, None, None]


def test_a_chat_without_a_whole_answer_makes_no_line() -> None:
    assert for_training(talk(("q1", ""), ("", "error"))) == ""
    assert for_evaluation(talk(("q1", ""), ("", "error"))) == ""


def test_evaluation_lines_are_a_question_set_that_can_be_read() -> None:
    one = talk(
        ("How long?", ""), ("Two days.", "completed"), ("And then?", ""), ("Three.", "completed")
    )
    parsed = read_set(for_evaluation(one).encode(), "x.eval.jsonl")
    assert not parsed.faults
    assert [(case.question, case.reference, case.tags) for case in parsed.cases] == [
        ("How long?", "Two days.", ("work",)),
        ("And then?", "Three.", ("work",)),
    ]


def test_markdown_tells_who_said_what_with_sources_and_reasoning() -> None:
    from agents.exchange.reading import Reading

    found = next(iter(Reading(FILES / "chatgpt.json", owner="local"))).conversation
    assert found is not None
    text = as_markdown(found)
    assert text.startswith("# Weekend in Lisbon\n\n*2024-07-18 13:40 UTC · 4 messages · 2 more in")
    assert "> **Looking at the tram**" in text
    assert "- [1] Tram 28" in text
    assert "version 1 of 2" in text


def test_markdown_shows_titles_names_and_questions_as_they_were_typed() -> None:
    """Was: a title or a question with markup in it became headings, links and HTML of the page."""
    typed = f"# Loud {HOSTILE}\n---\n> **b** `c`\n1. d\n\te\n\n- f | g"
    line = " ".join(typed.split())
    summary = AnswerSummary(
        model=HOSTILE, sources=[{"n": 1, "title": HOSTILE, "document": "d", "heading": HOSTILE}]
    )
    messages = (
        Message(key="m1", parent=None, role="user", text=typed),
        Message(key="m2", parent="m1", role="assistant", text="# My *own* words", summary=summary,
                rating=Rating(thumb=1, comment=typed)),
    )  # fmt: skip
    text = as_markdown(Conversation(title=typed, messages=messages, head="m2", tags=(typed,)))
    found = Tags(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    assert set(found.tags) <= {"h1", "h2", "p", "em", "strong", "ul", "li", "br"}
    assert (found.addresses, found.tags.count("h1")) == ([], 2)  # the title, and the answer's own
    said = "".join(found.words)
    assert said.count(line) == 3  # title, tag, rating
    assert "".join(typed.split()) in "".join(said.split()).replace("\xa0", "")


class Tags(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [
            value or "" for name, value in attrs if name in ("src", "href", "action")
        ]
        assert not [name for name, _ in attrs if name.startswith("on")]


def test_html_shows_hostile_text_as_text_and_asks_nobody() -> None:
    summary = AnswerSummary(
        thinking=HOSTILE, model=HOSTILE,
        tools=[{"name": HOSTILE, "input": HOSTILE, "output": HOSTILE, "error": None}],
        sources=[{"n": 1, "title": HOSTILE, "document": HOSTILE, "heading": HOSTILE, "text": HOSTILE}],
    )  # fmt: skip
    messages = (
        Message(key="m1", parent=None, role="user", text=HOSTILE),
        Message(key="m2", parent="m1", role="assistant", text=HOSTILE, summary=summary,
                rating=Rating(thumb=1, comment=HOSTILE)),
    )  # fmt: skip
    text = as_html(Conversation(title=HOSTILE, messages=messages, head="m2", tags=(HOSTILE,)))
    found = Tags(text)
    assert {"script", "img", "iframe", "link", "object"}.isdisjoint(found.tags)
    assert found.addresses == ["http://evil.example/a.png"]  # a link that waits for a click
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import", text)


def test_html_formats_answers_and_leaves_questions_as_they_were_typed() -> None:
    one = talk(
        ("**not bold**\n  <b>", ""),
        ("**bold**\n\n```py\nx < 1\n```\n\n|a|b|\n|-|-|\n|1|2|", "completed"),
    )
    text = as_html(one)
    assert "<strong>bold</strong>" in text
    assert "x &lt; 1" in text
    assert "<table>" in text
    assert "**not bold**\n  &lt;b&gt;" in text


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    db = Database(f"sqlite:///{tmp_path / 'app.db'}", prepare=make_or_migrate)
    yield db
    db.close()


def test_pages_of_all_chats_come_as_an_archive_with_harmless_names(database: Database) -> None:
    bring(database, FILES / "chatgpt.json")
    with zipfile.ZipFile(io.BytesIO(everything(database, "html"))) as archive:
        assert archive.namelist() == [
            "2024-07-18-00001-weekend-in-lisbon.html",
            "2024-07-20-00002-sourdough.html",
        ]
        assert archive.read("2024-07-20-00002-sourdough.html").startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("../../etc/passwd", "etc-passwd.json"),
        ('a"b<c>|d\r\n', "a-b-c-d.json"),
        ("日本", "chat.json"),
        ("x" * 300, "x" * 60 + ".json"),
        ("CON", "con.json"),
    ],
)
def test_a_title_makes_a_harmless_file_name(title: str, name: str) -> None:
    assert file_name(title, "json") == name


def test_every_form_has_words_and_writes_something() -> None:
    one = talk(("q", ""), ("a", "completed"))
    assert set(KINDS) == set(FORMS)
    assert all(text_of(one, form) for form in FORMS)
