"""Whether a question is about the files of its conversation, and about which of them. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from agents.files.values import Attachment

About = Literal["surely", "maybe"]

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
    r"|\bwhat(?:'s| is| does| do| are)? (?:this|that|it|these|they|the (?:\w+ )?(?:file|pdf|csv|"
    r"document|attachment|text|report|table)s?) (?:about|say|contain|describe|deal with|all about)\b"
    r"|\bwhat(?:'s| is| are) in (?:it|this|these|the)\b|\bdescribe (?:it|this|the)\b",
    re.IGNORECASE,
)


def asks_for_overview(question: str) -> bool:
    """About a file as a whole, and not about something in it."""
    return _SUMMARY.search(question) is not None


def about_files(question: str, files: Sequence[Attachment], *, came_with: bool) -> About:
    """`came_with`: files were sent with this very question."""
    if came_with or _POINTED.search(question) or named_in(question, files):
        return "surely"
    return "maybe"


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
