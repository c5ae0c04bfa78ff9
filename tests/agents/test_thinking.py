"""ThinkingSplitter: the same text, however it was cut, always splits in the same way."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.thinking import ThinkingSplitter

CASES = [
    ("Hello", "", "Hello"),
    ("<thinking>plan</thinking>Hello", "plan", "Hello"),
    ("\n <thinking>plan</thinking>\n\n Hello ", "plan", "Hello "),
    ("<thinking>a</thinking> <thinking>b</thinking> c", "ab", "c"),
    ("<thinking>never closed", "never closed", ""),
    ("<thinking>cut in the ta</thin", "cut in the ta</thin", ""),
    ("<thinking></thinking>", "", ""),
    ("<thinking>x</thinking>\n", "x", ""),
    ("<think", "", "<think"),
    ("  plain", "", "  plain"),
    ("  ", "", "  "),
    ("Write `<thinking>` tags</thinking>", "", "Write `<thinking>` tags</thinking>"),
    ("```\n<thinking>x</thinking>\n```", "", "```\n<thinking>x</thinking>\n```"),
    ("<b><thinking>x</thinking>", "", "<b><thinking>x</thinking>"),
    ("<thinking>a < b </ c</thinking>d", "a < b </ c", "d"),
    ("<thinking><thinking>a</thinking>b", "<thinking>a", "b"),
]


def split(pieces: list[str]) -> tuple[str, str]:
    splitter = ThinkingSplitter()
    parts = [part for piece in pieces for part in splitter.feed(piece)] + splitter.flush()
    assert all(text for _, text in parts)
    return (
        "".join(text for kind, text in parts if kind == "thinking"),
        "".join(text for kind, text in parts if kind == "text"),
    )


@pytest.mark.parametrize(("whole", "thinking", "text"), CASES)
def test_thinking_is_split_from_text(whole: str, thinking: str, text: str) -> None:
    assert split([whole]) == (thinking, text)
    assert split(list(whole)) == (thinking, text)


@given(st.data())
def test_any_cut_gives_the_same_result(data: st.DataObject) -> None:
    scraps = st.sampled_from(["<thinking>", "</thinking>", "<", "</", "think", ">", " ", "\n", "a"])
    whole = "".join(data.draw(st.lists(scraps, max_size=12)))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)))) | {0, len(whole)})
    pieces = [whole[a:b] for a, b in pairwise(cuts)]
    assert split(pieces) == split([whole])


@given(st.text(max_size=30))
def test_text_without_a_tag_passes_unchanged(text: str) -> None:
    assert split(list(text)) == ("", text)


def test_an_ordinary_answer_is_never_delayed() -> None:
    splitter = ThinkingSplitter()
    assert splitter.feed("He") == [("text", "He")]
    assert splitter.feed("llo <thinking>") == [("text", "llo <thinking>")]


def test_thinking_is_shown_as_it_comes() -> None:
    splitter = ThinkingSplitter()
    assert splitter.feed("<thinking>First,") == [("thinking", "First,")]
    assert splitter.feed(" then</") == [("thinking", " then")]
    assert splitter.feed("i>") == [("thinking", "</i>")]
