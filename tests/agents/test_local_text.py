"""Stems, sentences and the reading of a question: the words the embedded answerer works with."""

from __future__ import annotations

import pytest

from agents.local.compose import cite
from agents.local.expand import dangles, without_loose_opener
from agents.local.inline import is_pointer, split_sentences
from agents.local.question import Kind, procedure, read_question
from agents.local.sentences import sections
from agents.local.smalltalk import smalltalk
from agents.local.stem import stem, words
from core.events import Source


@pytest.mark.parametrize(
    "family",
    [
        "install installing installed installation",
        "configure configured configuring configuration",
        "cancel cancelled canceled cancelling cancellation",
        "delete deletes deleting deletion",
        "price prices pricing",
        "route routed routing router",
        "policy policies",
        "compare compared comparison",
        "store stored storage",
        "verify verified verification",
        "safe safely",
    ],
)
def test_forms_of_a_word_have_one_stem(family: str) -> None:
    assert len({stem(word) for word in family.split()}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("capital", "capitalized"), ("policy", "police"), ("user", "use"), ("new", "news")],
)
def test_different_words_keep_different_stems(one: str, other: str) -> None:
    assert stem(one) != stem(other)


def test_text_without_spaces_is_cut_into_pairs() -> None:
    assert words("数据存储 x") == ["数据", "据存", "存储", "x"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Use e.g. Redis. It helps.", ["Use e.g. Redis.", "It helps."]),
        ("Python 3.11 is needed. Yes.", ["Python 3.11 is needed.", "Yes."]),
        ("Run `a. B` now. Then stop.", ["Run `a. B` now.", "Then stop."]),
        ("See [A. B](https://x.y). Done.", ["See [A. B](https://x.y).", "Done."]),
        ('He said "stop." Then left.', ['He said "stop."', "Then left."]),
        ("**The port is used.** Take another.", ["**The port is used.** Take another."]),
        ("我们。你们。", ["我们。", "你们。"]),
        ("no end", ["no end"]),
    ],
)
def test_sentences_are_cut_where_they_end(text: str, expected: list[str]) -> None:
    assert split_sentences(text) == expected


def test_a_passage_becomes_sections_of_whole_units() -> None:
    text = (
        "Intro with [a link](other.md) and ![i](x.png).\n\n### Steps\n\nDo this:\n\n"
        "1. First\n   ```sh\n   run\n   ```\n2. Second\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\n"
        "### Further reading\n\n- [More](more.md)"
    )
    source = Source(n=3, passage_id="", document="d", title="T", area="a", text=text)
    first, second = sections([source])
    assert [(u.kind, u.text) for u in first.units] == [("sentence", "Intro with a link and .")]
    assert second.trail == ("Steps",)
    assert [(u.kind, u.marker) for u in second.units] == [
        ("sentence", ""),
        ("step", "1."),
        ("step", "2."),
        ("table", ""),
    ]
    assert second.units[0].is_lead
    assert second.units[1].text == "First\n```sh\nrun\n```"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("What is Switchboard?", "define"),
        ("what does TTFT mean", "define"),
        ("How do I add a key?", "howto"),
        ("Can you tell me how to add a key?", "howto"),
        ("install on windows", "howto"),
        ("How does routing work?", "about"),
        ("How is cost computed?", "about"),
        ("How much does it cost?", "amount"),
        ("What is the price of a run?", "amount"),
        ("Where are logs?", "where"),
        ("Why is it slow?", "why"),
        ("What happens if I press stop?", "why"),
        ("When are prices updated?", "when"),
        ("Who can see my chats?", "who"),
        ("Which models can I use?", "list"),
        ("What are the limits?", "list"),
        ("Is it free?", "yesno"),
        ("Hi, can I use Postgres?", "yesno"),
        ("What is the difference between a run and a turn?", "compare"),
        ("Postgres", "about"),
    ],
)
def test_the_kind_of_a_question(text: str, kind: Kind) -> None:
    assert read_question(text).kind == kind


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How do I add my key?", "add your key"),
        ("how to stop an answer", "stop an answer"),
        ("How can I compare two models if I have no key?", "compare two models"),
        ("What is a key?", None),
    ],
)
def test_a_procedure_is_said_to_the_person(question: str, expected: str | None) -> None:
    assert procedure(question) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A fact.", "A fact [2]."),
        ("Do this:", "Do this [2]:"),
        ("**Steps:**", "**Steps** [2]:"),
        ("A list, etc.", "A list, etc. [2]"),
        ("no stop", "no stop [2]"),
        ('He said "no."', 'He said "no." [2]'),
    ],
)
def test_citations_stand_before_the_stop(text: str, expected: str) -> None:
    assert cite(text, 2) == expected


def test_openers_that_lean_on_a_sentence_before_are_known() -> None:
    assert [
        dangles(t) for t in ("It also runs.", "This is why.", "Then click.", "The app runs.")
    ] == [
        True,
        True,
        True,
        False,
    ]
    assert without_loose_opener("However, it runs.") == "It runs."
    assert without_loose_opener("In addition to this, it runs.") == "In addition to this, it runs."


def test_pointers_are_no_statements() -> None:
    assert is_pointer('For more information, see "X."')
    assert is_pointer("This page describes the chat.")
    assert not is_pointer("For more speed, choose a smaller model.")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Hi!", "greeting"),
        ("hello there", "greeting"),
        ("thanks a lot", "thanks"),
        ("Who are you?", "self"),
        ("are you ChatGPT?", "self"),
        ("what can you do?", "abilities"),
        ("help", "abilities"),
        ("bye", "bye"),
        ("Hi, how do I add a key?", None),
        ("help me add a key", None),
    ],
)
def test_small_talk_is_told_from_questions(text: str, kind: str | None) -> None:
    assert smalltalk(text) == kind
