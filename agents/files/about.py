"""Whether a question is about the files of its conversation, and about which of them. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.files.values import Attachment
from agents.knowledge.terms import content_words

_NOUN = (
    r"(?:files?|attachments?|uploads?|pdfs?|csvs?|documents?|docs?|spreadsheets?|tables?|sheets?|"
    r"papers?|reports?|texts?|data|contracts?|letters?|manuals?|logs?|articles?|notes?|pages?|rows?)"
)
_POINTED = re.compile(
    rf"\b(?:this|that|these|those|my|attached|uploaded|both|enclosed) (?:\w+ )?{_NOUN}\b"
    rf"|\b(?:attached|uploaded|attachments?|uploads?)\b"
    rf"|\b(?:in|of|from|on|to|about|summari[sz]e|describe|read) the (?:\w+ )?"
    r"(?:files?|pdfs?|csvs?|documents?|spreadsheets?|tables?|sheets?)\b"
    r"|\b(?:on )?(?:pages?|rows?|lines?|columns?) \d"
    r"|\bthe (?:first|last|next) (?:page|row|column)\b|\bhow many (?:rows|columns|pages)\b",
    re.IGNORECASE,
)
_SUMMARY = re.compile(
    r"\b(?:summar(?:y|ies|i[sz]e[ds]?|i[sz]ing)|tl;?dr|overview|outline|gist|in short|"
    r"(?:main|key|most important) (?:points?|ideas?|findings?|messages?|takeaways?)|takeaways?)\b"
    r"|\bwhat(?:'s| is| does| do| are)? (?:it|they|(?:this|that|these|those|the|my)(?: [\w.-]+){0,3}?)"
    r"(?: all)? (?:about|say|contain|describe|deal with)\W*$"
    r"|\bwhat(?:'s| is| are) in (?:it|(?:this|these|the|my)(?: [\w.-]+){0,3})\W*$"
    r"|\b(?:describe|explain|read) (?:it|(?:this|these|the|my)(?: [\w.-]+){0,3})\W*$",
    re.IGNORECASE,
)
_WHAT_IS_WANTED = re.compile(
    r"\b(?:summar\w+|tl;?dr|overview|outline|gist|short|main|key|most|important|points?|ideas?|"
    r"findings?|messages?|takeaways?|about|says?|contains?|describes?|deals?|explain|read)\b",
    re.IGNORECASE,
)
_NO_TOPIC = frozenset(
    [
        "briefly",
        "brief",
        "short",
        "sentence",
        "sentences",
        "bullet",
        "bullets",
        "paragraph",
        "paragraphs",
        "words",
        "word",
        "line",
        "lines",
        "list",
        "attached",
        "uploaded",
        "whole",
        "entire",
        "full",
        "complete",
        "content",
        "contents",
        "quick",
        "simple",
        "please",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "ten",
    ]
)
_SENTENCE = re.compile(r"(?<=[.?!])\s+")


def asks_for_overview(question: str, names: Sequence[str]) -> bool:
    """About files as a whole, and not about something in them. `names`: theirs.

    The last sentence counts alone, too: what it leans on may stand before it.
    """
    last = _SENTENCE.split(question.strip())[-1]
    return any(_is_overview(text, names) for text in (question, last))


def _is_overview(text: str, names: Sequence[str]) -> bool:
    if not _SUMMARY.search(text):
        return False
    rest = text
    for name in names:
        rest = re.sub(re.escape(name), " ", rest, flags=re.IGNORECASE)
    rest = re.sub(rf"\b{_NOUN}\b", " ", _WHAT_IS_WANTED.sub(" ", rest), flags=re.IGNORECASE)
    stems = {word for name in names for word in content_words(name)}
    return not [word for word in content_words(rest) if word not in _NO_TOPIC and word not in stems]


def about_files(question: str, files: Sequence[Attachment], *, came_with: bool) -> bool:
    """`came_with`: files were sent with this very question."""
    return came_with or bool(_POINTED.search(question)) or bool(named_in(question, files))


def named_in(question: str, files: Sequence[Attachment]) -> list[Attachment]:
    """The files a question calls by name, with or without the ending."""
    said = question.casefold()
    return [one for one in files if _is_named(one.name.casefold(), said)]


def _is_named(name: str, said: str) -> bool:
    if name in said:
        return True
    stem = name.rpartition(".")[0] or name
    words = re.sub(r"[\W_]+", " ", stem).strip()
    spoken = re.sub(r"[\W_]+", " ", said)
    return len(words) >= 4 and f" {words} " in f" {spoken} "
