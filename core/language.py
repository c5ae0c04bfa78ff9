"""A guess at the language of a question, for slices of votes. Not for anything that must be right."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

# The commonest short words of each language; those that several share are of no use here.
_WORDS = {
    "en": "the is are of and to in that it for with what how do does can i my this why which when",
    "de": "der die das und ist nicht ein eine wie was kann ich mit für auf sind warum wird zu den",
    "fr": "le les des est une et pour dans que qui je comment quel quelle pas avec sur pourquoi du",
    "es": "el los las es una y para como que por qué cómo cuál con puedo mi del está son",
    "it": "il gli che è una per come cosa con sono posso del della perché quale non di",
    "pt": "os uma para como que não com por qual posso do da são está meu em",
    "nl": "het een en van is hoe wat kan ik niet met voor op zijn waarom welke mijn",
    "pl": "jest nie się w na jak czy co z do mogę dlaczego który są to",
}
_SETS = {language: frozenset(words.split()) for language, words in _WORDS.items()}
_SCRIPTS = {
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CJK": "zh",
    "CYRILLIC": "ru",
    "GREEK": "el",
    "ARABIC": "ar",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "THAI": "th",
}
_LOOKED_AT = 2_000
_WORD = re.compile(r"[^\W\d_]+")


def guess(text: str) -> str | None:
    """An ISO 639-1 code, or None when the text gives no sign of one."""
    text = text[:_LOOKED_AT].lower()
    scripts = Counter(_script(letter) for letter in text if letter.isalpha())
    if scripts:
        if scripts["HIRAGANA"] + scripts["KATAKANA"]:
            return "ja"
        commonest = scripts.most_common(1)[0][0]
        if commonest != "LATIN":
            return _SCRIPTS.get(commonest)
    words = Counter(_WORD.findall(text))
    hits = {
        language: sum(n for word, n in words.items() if word in common)
        for language, common in _SETS.items()
    }
    best = max(hits, key=lambda language: hits[language])
    return best if hits[best] else None


def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").split()[0]
