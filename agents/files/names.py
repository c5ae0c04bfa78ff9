"""File names from outside: shown to people, never used as a path."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from core.text import clean

MAX_NAME = 120
_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u2060\u3164]")


def safe_name(given: str) -> str:
    """The last part of a path, on one line, without control and invisible characters."""
    text = _INVISIBLE.sub("", clean(given.replace("\\", "/")))
    name = " ".join(unicodedata.normalize("NFC", text).rsplit("/", 1)[-1].split())
    stem, dot, suffix = name.rpartition(".")
    if len(name) > MAX_NAME:
        name = f"{stem[: MAX_NAME - 1 - len(suffix)]}{dot}{suffix}" if len(suffix) < 12 else ""
        name = name or text[:MAX_NAME]
    return name if name.strip(". ") else "file"


def unused_name(name: str, taken: Collection[str]) -> str:
    """The name, or `name (2).ext` and so on when it is taken. Case does not tell names apart."""
    known = {one.casefold() for one in taken}
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    number, candidate = 1, name
    while candidate.casefold() in known:
        number += 1
        candidate = f"{stem} ({number}){dot}{suffix}"
    return candidate
