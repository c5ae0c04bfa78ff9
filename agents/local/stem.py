"""Words of a text and their stems: what counts as "the same word" for the embedded answerer.

The stemmer is Porter's (1980) without its rare steps: enough that install, installing and
installation are one word. Pure functions; the cache is bounded and holds no state of a caller.
"""

from __future__ import annotations

import re
from functools import lru_cache

from agents.knowledge.terms import STOP_WORDS
from agents.knowledge.text import UNSPACED

_WORD = re.compile(r"[^\W_]+(?:['’](?!s\b)[^\W_]+)?")
_UNSPACED_RUN = re.compile(f"[{UNSPACED}]+")
_PHRASAL_FORMS = {
    form: base
    for base, forms in {
        "back": "back backs backed backing", "set": "set sets setting", "log": "log logs logged logging",
        "sign": "sign signs signed signing",
    }.items()
    for form in forms.split()
}  # fmt: skip
_PHRASAL = re.compile(rf"\b({'|'.join(_PHRASAL_FORMS)}) (up|in|out)\b", re.IGNORECASE)
"""Verbs that are one word as a noun: to back up, a backup."""
_IRREGULAR = {
    "comparison": "compar", "comparisons": "compar", "storage": "store", "stored": "store",
    "privacy": "privat", "retention": "retain", "payment": "pay", "payments": "pay", "paid": "pay",
    "ran": "run", "chosen": "choos", "chose": "choos", "choice": "choos", "founded": "founded",
    "kept": "keep", "sent": "send", "built": "build", "written": "write", "data": "data",
    "latency": "latenc", "users": "user", "usage": "usag", "used": "use", "using": "use",
    "news": "news", "does": "do", "done": "do", "setup": "setup", "generation": "generat",
    "notification": "notifi", "notifications": "notifi", "verification": "verifi",
    "creation": "creat", "decision": "decid", "decisions": "decid", "router": "rout",
    "subscription": "subscrib", "subscriptions": "subscrib", "agents": "agent",
}  # fmt: skip
_STEP2 = (
    ("ational", "ate"), ("tional", "tion"), ("ization", "ize"), ("isation", "ize"),
    ("ation", "ate"), ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"),
    ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"), ("ability", "able"),
    ("izer", "ize"), ("abli", "able"), ("ibli", "ible"), ("ousli", "ous"), ("alli", "al"),
    ("entli", "ent"), ("eli", "e"), ("li", ""), ("ness", ""),
)  # fmt: skip
_STEP4 = (
    "ement", "ance", "ence", "able", "ible", "ment", "icate", "ative", "ate", "ism", "ous", "ive",
    "ical", "ion",
)  # fmt: skip


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The stem of one lower-case word. A word with digits, or of up to three letters, is its own."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= 3 or not word.isalpha() or not word.isascii():
        return word
    word = _without_ending(_without_plural(word))
    if word.endswith("y") and len(word) > 3 and _syllables(word[:-1]):
        word = word[:-1] + "i"
    for suffix, put in _STEP2:
        if word.endswith(suffix) and _syllables(word[: -len(suffix)]) > 0:
            word = word[: -len(suffix)] + put
            break
    for suffix in _STEP4:
        if word.endswith(suffix):
            base = word[: -len(suffix)]
            if _syllables(base) > 1 and (suffix != "ion" or base[-1:] in "st"):
                word = base
            break
    if word.endswith("e") and (_syllables(word[:-1]) > 1 or not _short_end(word[:-1])):
        word = word[:-1]
    if word.endswith("ll") and _syllables(word) > 1:
        word = word[:-1]
    return word


def _without_plural(word: str) -> str:
    if word.endswith("sses"):
        return word[:-2]
    if word.endswith("ies"):
        return word[:-3] + ("y" if len(word) > 4 else "ie")
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_ending(word: str) -> str:
    """Without -ed and -ing, with the letter put back that the ending took or doubled."""
    for suffix in ("ed", "ing"):
        base = word[: -len(suffix)]
        if not word.endswith(suffix) or not re.search("[aeiouy]", base):
            continue
        if base.endswith(("at", "bl", "iz")):
            return base + "e"
        if len(base) > 2 and base[-1] == base[-2] and base[-1] not in "lsz":
            return base[:-1]
        if _syllables(base) == 1 and _short_end(base):
            return base + "e"
        return base
    return word


def _syllables(base: str) -> int:
    """Porter's measure: how often a consonant follows a vowel."""
    return len(re.findall("[aeiouy][^aeiouy]", base))


def _short_end(base: str) -> bool:
    return re.search("[^aeiou][aeiouy][^aeiouwxy]$", base) is not None


def words(text: str) -> list[str]:
    """The words in lower case and in order; text written without spaces comes as pairs of characters."""
    text = _PHRASAL.sub(lambda m: f"{_PHRASAL_FORMS[m[1].lower()]}{m[2]}", text)
    found = [match.lower().replace("’", "'") for match in _WORD.findall(text)]
    if not _UNSPACED_RUN.search(text):
        return found
    out: list[str] = []
    for word in found:
        run = _UNSPACED_RUN.fullmatch(word)
        out.extend(word[i : i + 2] for i in range(len(word) - 1)) if run else out.append(word)
    return out


def stems(text: str) -> list[str]:
    """The stems of all words of a text, in order."""
    return [stem(word) for word in words(text)]


def is_content(word: str) -> bool:
    """Whether a lower-case word carries meaning of its own."""
    return word not in STOP_WORDS and (len(word) > 1 or word.isdigit())
