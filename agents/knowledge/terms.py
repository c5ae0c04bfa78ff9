"""Which words of a question are worth looking for. Pure functions, shared by search and follow-ups.

A question is hostile input: only letters and digits get out of here, so nothing of FTS5's query
language can, and every term is quoted besides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.knowledge.text import UNSPACED, normalise

MAX_QUERY_CHARS = 20_000
MAX_CANDIDATES = 400
"""Different words of a question that are looked up at all; a pasted log can hold thousands."""

_STOP = """
a about after again all also am an and any anybody anyone anything are aren't as at be because been
before being both but by can can't cannot could couldn't did didn't do does doesn't doing don't each
either else ever every few for from get gets getting give got had has hasn't have haven't having he
hello help her here hers hey hi him his how how's however i i'd i'll i'm i've if in instead into is
isn't it it's its itself just kindly know let like many may maybe me mean means might mine more most
much must my myself need needs neither no nor not now of off okay ok on once one only onto or other
our ours out over own please possible pls quite rather really same say shall she should so some
somebody someone something still such tell than thank thanks that that's the their theirs them then
there there's these they thing things this those though through to too under until up upon us very
want wants was wasn't way we we're well were weren't what what's whatever when when's where where's
whether which while who who's whom whose why will with within without won't would wouldn't yes yet
you you'd you'll you're you've your yours yourself
"""
STOP_WORDS = frozenset(_STOP.split())

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_UNSPACED_RUN = re.compile(f"[{UNSPACED}]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    text: str
    """Lower case, letters and digits only."""
    inside: bool = False
    """A part of a word, or cut from text without spaces: found by substring only."""

    @property
    def match(self) -> str:
        """As one FTS5 string. Quotes cannot occur; doubled all the same."""
        return '"' + self.text.replace('"', '""') + '"'


def words(text: str) -> list[str]:
    """The words of a text in lower case and in order, stop words included."""
    found = (match.replace("’", "'") for match in _WORD.findall(normalise(text).lower()))
    return [word.removesuffix("'s") for word in found]


def content_words(text: str) -> list[str]:
    """The words that carry meaning, in order, with repetitions."""
    return [
        word for word in words(text) if word not in STOP_WORDS and (len(word) > 1 or word.isdigit())
    ]


def query_terms(query: str) -> list[Term]:
    """The different terms of a question in order of appearance; none for an empty or odd one."""
    terms: dict[Term, None] = {}
    for word in content_words(query[:MAX_QUERY_CHARS]):
        for part in word.split("'"):
            rest = _UNSPACED_RUN.sub(" ", part)
            for piece in rest.split():
                terms[Term(text=piece)] = None
            for run in _UNSPACED_RUN.findall(part):
                for gram in _grams(run):
                    terms[Term(text=gram, inside=True)] = None
        if len(terms) >= MAX_CANDIDATES:
            break
    return list(terms)


def _grams(run: str) -> list[str]:
    return [run[i : i + 3] for i in range(len(run) - 2)] or ([run] if len(run) == 2 else [])
