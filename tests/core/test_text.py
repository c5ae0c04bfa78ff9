"""Text from outside is stored clean or refused with a sentence."""

from __future__ import annotations

import pytest

from core.errors import InvalidInput, redact
from core.text import clean, message_text, short_title


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("nul\x00 bell\x07 esc\x1b[31m", "nul bell esc[31m"),
        ("lone \ud800 surrogate", "lone  surrogate"),
        ("turned \u202earound", "turned around"),
        ("\ufeffmarked", "marked"),
        ("tab\tand 日本語 🙂", "tab\tand 日本語 🙂"),
    ],
)
def test_control_characters_go_and_everything_else_stays(given: str, kept: str) -> None:
    assert clean(given) == kept


@pytest.mark.parametrize("text", ["", "   \n\t ", "\x00\x01", "\ud83d", "\u200b \u200d\u2060"])
def test_an_empty_message_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="empty"):
        message_text(text, 100)


@pytest.mark.parametrize("length", [101, 10_000_000])
def test_a_long_message_is_refused_with_both_numbers(length: int) -> None:
    with pytest.raises(InvalidInput, match="the limit is 100"):
        message_text("x" * length, 100)


def test_a_message_of_exactly_the_limit_is_taken() -> None:
    assert message_text("x" * 100, 100) == "x" * 100


def test_a_message_that_is_not_text_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not text"):
        message_text(b"bytes", 100)


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("How do I add a key? It fails.", "How do I add a key?"),
        ("  many\n lines  here ", "many lines here"),
        ("word " * 30, "word word word word word word word word word word word word…"),
        ("x" * 90, "x" * 60 + "…"),
        ("\x00", "New chat"),
    ],
)
def test_a_title_is_the_first_sentence_cut_at_a_word(question: str, title: str) -> None:
    assert short_title(question) == title


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Incorrect API key provided: sk-proj-abcdef1234567890WXYZ.", "sk-…WXYZ"),
        ("Authorization: Bearer eyJhbGciOi.abc.def", "Bearer …"),
        ("postgresql://user:hunter22@host/db", "postgresql://user:…@host/db"),
        ("AKIAIOSFODNN7EXAMPLE refused", "AKIA…MPLE refused"),
        ('{"api_key": "abcdefghijkl"}', '"api_key": "…'),
        ("key sb-abcdef1234567890abcdef1234567890abcdefghWXYZ of", "key sb-…WXYZ of"),
        ("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2ln, sorry", "got eyJ…, sorry"),
        ("Cookie: switchboard_session=abcdefghijkl; x=1", "switchboard_session=…; x=1"),
        ("a sb-tree and an eye", "a sb-tree and an eye"),
    ],
)
def test_keys_never_get_through(text: str, shown: str) -> None:
    assert shown in redact(text)
    for secret in ("abcdef1234567890", "eyJhbGciOi", "hunter22", "IOSFODNN7", "abcdefghijkl"):
        assert secret not in redact(text)


def test_a_redacted_text_is_one_bounded_line() -> None:
    assert redact("a\n" * 1000, limit=50) == ("a " * 25)[:49] + "…"
