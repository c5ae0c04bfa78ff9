"""When two questions are the same, and what else must be the same for one answer to serve both."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from typing import Any

import orjson

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_END = " .?!…"


def normalised(question: str) -> str:
    """Without what people vary when they ask the same again: case, spaces, the mark at the end."""
    text = unicodedata.normalize("NFKC", question).casefold()
    return " ".join(text.split()).rstrip(_END)


def question_key(question: str) -> str:
    return hashlib.sha256(normalised(question).encode("utf-8", "surrogatepass")).hexdigest()


def scope_key(parts: dict[str, Any]) -> str:
    """One name for everything beside the question that an answer depends on."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def same_numbers(one: str, other: str) -> bool:
    """Vectors of "the plan for 10 people" and "for 100 people" are as good as equal."""
    return Counter(_NUMBER.findall(one)) == Counter(_NUMBER.findall(other))
