"""Documents become passages: what stays whole, what is cut, and which bytes are let in."""

from __future__ import annotations

import pytest

from agents.knowledge.markdown import markdown_blocks
from agents.knowledge.passages import Passage, read_document, split_document
from agents.knowledge.text import count_words, decode, normalise


def split(text: str, path: str = "billing/plans.md") -> list[Passage]:
    return split_document(read_document(path, "billing", text.encode()))


def prose(words: int, word: str = "word") -> str:
    return " ".join([word] * (words - 1) + ["end."])


def test_sections_become_passages_with_their_heading_trail() -> None:
    text = f"# Plans\n\n{prose(100)}\n\n## Team\n\n{prose(150)}\n\n### Seats\n\n{prose(160)}\n"
    assert [(p.title, p.heading, p.ordinal) for p in split(text)] == [
        ("Plans", "", 0),
        ("Plans", "Team", 1),
        ("Plans", "Team › Seats", 2),
    ]


def test_a_heading_that_repeats_the_title_is_not_part_of_the_trail() -> None:
    assert split("# Plans\n\n## Plans\n\nText.")[0].heading == ""


def test_tiny_sections_are_joined_and_keep_their_headings_as_lines() -> None:
    [passage] = split("# Plans\n\nLead.\n\n## Free\n\nNo cost.\n\n## Team\n\nSome cost.\n")
    assert passage.text == "Lead.\n\n## Free\n\nNo cost.\n\n## Team\n\nSome cost."


def test_long_prose_is_cut_near_the_target_and_loses_nothing() -> None:
    paragraphs = [prose(70, f"w{n}") for n in range(12)]
    passages = split("# T\n\n" + "\n\n".join(paragraphs))
    assert "\n\n".join(p.text for p in passages) == "\n\n".join(paragraphs)
    assert all(120 <= count_words(p.text) <= 240 for p in passages)


def test_one_paragraph_of_thousands_of_words_is_cut_at_sentences() -> None:
    passages = split("# T\n\n" + " ".join(f"Sentence {n} says {prose(18)}" for n in range(200)))
    assert all(count_words(p.text) <= 240 and p.text.endswith("end.") for p in passages)


@pytest.mark.parametrize(
    "block",
    [
        "```python\n" + "\n".join(f"x{n} = {n}" for n in range(90)) + "\n```",
        "~~~\n# not a heading\n\n" + "\n".join(["line of code"] * 90) + "\n~~~",
        "| a | b |\n|---|:-:|\n" + "\n".join(f"| {n} | value |" for n in range(60)),
        "1. First\n" + "\n".join(f"   - nested {n} with words" for n in range(60)),
        "- Item\n\n  ```sh\n  # comment\n\n  make it\n  ```\n\n  " + prose(200),
    ],
    ids=["fence", "tilde fence", "table", "item with nested items", "item with a fence"],
)
def test_a_block_below_400_words_is_never_split(block: str) -> None:
    passages = split(f"# T\n\n{prose(150)}\n\n{block}\n\n{prose(150)}")
    assert [p for p in passages if block in p.text], [p.text for p in passages]


def test_a_very_long_fence_is_cut_at_lines_into_fences() -> None:
    body = [f"value_{n} = compute({n}) # note" for n in range(300)]
    passages = split("# T\n\n```python\n" + "\n".join(body) + "\n```\n")
    assert len(passages) > 3
    for passage in passages:
        for block in markdown_blocks(passage.text):
            assert block.kind == "fence"
    assert [line for p in passages for line in p.text.split("\n") if "value" in line] == body


def test_a_very_long_table_repeats_its_head() -> None:
    rows = "\n".join(f"| {n} | some words in a cell |" for n in range(200))
    passages = split(f"# T\n\n| n | text |\n|---|---|\n{rows}")
    assert len(passages) > 3
    assert all(p.text.startswith("| n | text |\n|---|---|\n| ") for p in passages)


def test_a_lead_in_goes_with_what_it_leads_to() -> None:
    items = "\n".join(f"- {prose(40)}" for _ in range(3))
    passages = split(f"# T\n\n{prose(180)}\n\nYou need all of these:\n\n{items}")
    assert passages[1].text.startswith("You need all of these:\n\n- word")


def test_a_comment_in_a_fence_is_no_heading() -> None:
    kinds = [b.kind for b in markdown_blocks("```\n# no\n```\n\n# Yes\n\nSetext\n===\n\ntext")]
    assert kinds == ["fence", "heading", "heading", "paragraph"]


@pytest.mark.parametrize(
    ("path", "text", "title"),
    [
        ("a/b.md", "## Sub\n\n# `Real` *title* [link](x.md) #\n", "Real title link"),
        ("a/b.md", "---\ntitle: 'From front matter'\n---\ntext", "From front matter"),
        ("a/error-bad_file.md", "no heading", "error bad file"),
        ("a/note.txt", "# First line\n\nrest", "# First line"),
        ("a/note.txt", "x" * 200, "note"),
        ("a/empty.md", "", "empty"),
    ],
)
def test_the_title_of_a_document(path: str, text: str, title: str) -> None:
    assert read_document(path, "a", text.encode()).title == title


def test_plain_text_has_no_headings() -> None:
    [passage] = split("# not a heading\n\n## nor this", path="a/x.txt")
    assert passage.text == "# not a heading\n\n## nor this"


def test_passage_ids_are_stable_and_differ_by_place_and_content() -> None:
    first = split("# T\n\nsame text")[0]
    assert first.passage_id == split("# T\n\nsame text")[0].passage_id
    others = [split("# T\n\nother text")[0], split("# T\n\nsame text", path="b/x.md")[0]]
    assert len({first.passage_id, *(p.passage_id for p in others)}) == 3


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"\xef\xbb\xbfBOM", "BOM"),
        (b"a\r\nb\rc\x0bd", "a\nb\nc\nd"),
        (b"nul\x00 bell\x07 tab\t", "nul bell tab\t"),
        (b"bad \xff\xfe byte", "bad \ufffd\ufffd byte"),
        ("zero\u200bwidth \u202eturned".encode(), "zerowidth turned"),
        ("utf-16 é".encode("utf-16"), "utf-16 é"),
        ("e\u0301".encode(), "é"),
    ],
)
def test_bytes_become_well_formed_text(raw: bytes, text: str) -> None:
    assert decode(raw) == text


def test_a_lone_surrogate_is_replaced() -> None:
    assert normalise("a\ud800b") == "a\ufffdb"


@pytest.mark.parametrize(
    "text",
    [
        "x" * 200_000,
        "word " * 50_000,
        "あ" * 30_000,
        "# " * 30_000,
        "|" + "  |" * 600 + "\n" + "|" + "  |" * 600 + "x",
        "- " * 20_000,
        "\n".join("  " * min(n, 500) + "- item" for n in range(2000)),
        "```\n" * 5001,
        "[" * 20_000,
        "---\n" * 5000,
    ],
    ids=[
        "one word",
        "one line",
        "kana",
        "hashes",
        "cells",
        "dashes",
        "deep",
        "fences",
        "[",
        "rules",
    ],
)
def test_hostile_documents_are_split_quickly_into_bounded_passages(text: str) -> None:
    assert all(len(p.text) <= 8000 for p in split(text))
