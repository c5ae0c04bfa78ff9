"""Text hygiene for documents and questions: bytes in, plain well-formed Unicode out.

Everything that enters the index or a search goes through `normalise`, so that no later step (SQLite,
JSON, a provider) meets a NUL, a lone surrogate or a byte-order mark. Pure functions.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

from core.text import clean

_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
# Marks without width that cut a word in two for a search and for nobody else.
_INVISIBLE = re.compile(r"[\u00ad\u200b\u2060\ufffe\uffff]")

# Scripts written without spaces between words: Thai, Lao, Myanmar, Khmer, kana, Han.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
_UNSPACED_CHAR = re.compile(f"[{UNSPACED}]")


def decode(raw: bytes) -> str:
    """The text of a file: UTF-8, or UTF-16 when it starts with that mark; bad bytes become U+FFFD."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return normalise(raw.decode("utf-16", errors="replace"))
    return normalise(raw.decode("utf-8", errors="replace"))


def normalise(text: str) -> str:
    """NFC, `\\n` line ends, no control characters, no invisible marks; lone surrogates as U+FFFD."""
    text = _LINE_ENDS.sub("\n", _SURROGATES.sub("\ufffd", text))
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", clean(text)))


def count_words(text: str) -> int:
    """Words by spaces, plus one for every two characters of a script that uses none.

    At least one for 16 characters, so that encoded data and endless lines have a size too.
    """
    words = len(text.split()) + len(_UNSPACED_CHAR.findall(text)) // 2
    return max(words, len(text) // 16)
