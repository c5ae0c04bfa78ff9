"""Counts and outline of an answer in Markdown: what stands in code is no structure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.outline import Part
from core.text_features import Difference, TextFeatures, prose_of, structure_diff, traits_of

ANSWER = """# Install

Run **make run** in its folder [1]. See [the page](https://a.b/c) or https://d.e/f [2][1].

1. Open a terminal.
2. Run:
   ```bash
   # not a heading
   - not an **item** [9]
   ```
3. Open the `port[3]` page.
   - nested

| A | B |
|---|---|
| 1 | **2** |

Done
----
"""


def test_a_whole_answer_is_counted() -> None:
    assert traits_of(ANSWER) == TextFeatures(
        words=34,
        headings=2,
        list_items=4,
        bold=2,
        code_blocks=1,
        tables=1,
        links=2,
        citations=(1, 2),
        outline=(
            Part(kind="heading", level=1, text="Install"),
            Part(kind="text", size=12),
            Part(kind="steps", level=1, size=2),
            Part(kind="code", text="bash", size=2),
            Part(kind="steps", level=2, size=2),
            Part(kind="table", text="A | B", size=1),
            Part(kind="heading", level=2, text="Done"),
        ),
    )


HEADINGS = [
    ("# One\n## Two ##\n#Three\n####### Seven", 2),
    ("    # code", 0),
    ("Title\n=====\n\ntext\n\n---\n\nmore", 1),
    ("#", 0),
    ("> ## Quoted", 1),
    ("~~~\n# in a fence\n```\n# still\n~~~\n# Out", 1),
    ("```\n# never closed", 0),
    ("a `# b` c", 0),
    ("- item\n---\n", 0),
]
ITEMS = [
    ("- a\n* b\n+ c\n1. d\n2) e", 5),
    ("-a\n1.b\n**bold**\n* * *\n- - -", 0),
    ("In the year\n1999. it was", 0),
    ("A list:\n1. one\n2. two", 2),
    ("- a\n\n  more of a\n\n- b", 2),
    ("text\n    - not a list but text", 1),
    ("```\n- a\n```", 0),
    ("- [ ] task", 1),
]
BOLD = [
    ("**a** and __b__ and ***c***", 3),
    ("**open\n\nnext** x", 0),
    ("2 ** 3 ** 4", 0),
    ("snake__case__name", 0),
    ("`**a**` \\*\\*b\\*\\*", 0),
    ("**`code`**", 1),
    ("**two\nlines**", 1),
]
LINKS = [
    ("[a](http://x.y) ![image](http://x.y/z.png) [b][1]", 1),
    ("https://a.b/c, <https://d.e>", 2),
    ("`[a](b)` and [c](d(e)f)", 1),
    ("[a](http://x.y", 1),
]
CITATIONS = [
    ("so [2], and so [1][2].", (2, 1)),
    ("[1](http://x) `a[2]` \\[3\\] [1234] [a]", ()),
    ("```\nx[1]\n```\n[4]", (4,)),
]


@pytest.mark.parametrize(("text", "count"), HEADINGS)
def test_headings(text: str, count: int) -> None:
    assert traits_of(text).headings == count


@pytest.mark.parametrize(("text", "count"), ITEMS)
def test_items_of_lists(text: str, count: int) -> None:
    assert traits_of(text).list_items == count


@pytest.mark.parametrize(("text", "count"), BOLD)
def test_bold_spans(text: str, count: int) -> None:
    assert traits_of(text).bold == count


@pytest.mark.parametrize(("text", "count"), LINKS)
def test_links(text: str, count: int) -> None:
    assert traits_of(text).links == count


@pytest.mark.parametrize(("text", "numbers"), CITATIONS)
def test_citations(text: str, numbers: tuple[int, ...]) -> None:
    assert traits_of(text).citations == numbers


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("It's 10,000 e-mails [1].", 3),
        ("see [the page](https://a.b/c?d=e)", 3),
        ("日本語", 3),
        ("1. one\n2. two", 2),
        ("```\nx = 1\n```", 2),
        ("— * …", 0),
    ],
)
def test_words_are_those_a_reader_sees(text: str, count: int) -> None:
    assert traits_of(text).words == count


def test_reading_takes_a_minute_for_238_words() -> None:
    assert traits_of("word " * 238).reading_seconds == pytest.approx(60)


def test_prose_is_without_code() -> None:
    assert prose_of("Use `OpenAI()`:\n\n```\nimport openai\n```\nDone.") == "Use x:\n\nDone."


def test_a_table_needs_a_rule_of_as_many_cells() -> None:
    assert [traits_of(text).tables for text in ("|a|b|\n|---|", "a | b\n--|--", "a | b")] == [
        0,
        1,
        0,
    ]


def test_two_outlines_are_compared_part_by_part() -> None:
    left = traits_of("# Install\n\nOne two.\n\n- a\n- b\n\n```sh\nx\n```")
    right = traits_of("# install\n\n1. a\n2. b\n\n```sh\nx\ny\n```\n\n## More")
    assert structure_diff(left, right) == (
        Difference(side="both", text="Heading 1: Install (right: heading 1: install)"),
        Difference(side="left", text="Text of 2 words"),
        Difference(side="left", text="List of 2 items"),
        Difference(side="right", text="Numbered list of 2 items"),
        Difference(side="both", text="Code of 1 line in sh (right: code of 2 lines in sh)"),
        Difference(side="right", text="Heading 2: More"),
    )


def test_equal_answers_have_no_difference() -> None:
    features = traits_of(ANSWER)
    assert {line.side for line in structure_diff(features, features)} == {"both"}


def test_of_endless_answers_the_beginnings_are_compared() -> None:
    left = traits_of("".join(f"# h{n}\n\ntext\n\n- a\n" for n in range(400)))
    right = traits_of("".join(f"# g{n}\n\ntext\n\n- a\n" for n in range(400)))
    last = structure_diff(left, right)[-1]
    assert last == Difference(side="right", text="And 1,000 more parts")


@given(st.text(alphabet="ab 1.`*_#-|>[]()\\~=\n\t", max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    features = traits_of(text)
    assert features.words >= 0
    assert features.code_blocks == sum(part.kind == "code" for part in features.outline)


HOSTILE = ["`` ` " * 20_000, "**a " * 30_000, "[" * 50_000, "[a](" * 25_000, "# " * 50_000]
HOSTILE += [
    "- a\n" * 25_000,
    " " * 100_000 + "x",
    "a|b\n" * 25_000,
    "> " * 50_000,
    "```\n" * 25_001,
]


@pytest.mark.parametrize("text", HOSTILE, ids=[text[:6] for text in HOSTILE])
def test_a_hostile_text_is_read_to_its_end(text: str) -> None:
    assert traits_of(text).words >= 0
