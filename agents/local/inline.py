"""One line of Markdown as sentences, cleaned of what makes no sense outside its page."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|vs|cf|Dr|Mr|Mrs|Ms|St|No|Inc|Ltd|Co|approx|incl|min|max|Fig|p|pp|U\.S|a\.m|p\.m)"
    r"|\b[A-Z])\.$"
)
_SENTENCE_END = re.compile(
    r"(?<=[.!?…])[\"'”’)\]*_]*\s+(?=[\"'“‘(\[*_`$]*[A-Z0-9À-Þ`])|(?<=[。！？])\s*"
)
_SPAN = re.compile(r"`[^`]+`|\[[^\]\[]{0,300}\]\([^)]{0,500}\)")
_IMAGE = re.compile(r"!\[[^\]\[]{0,300}\]\([^)]{0,500}\)")
_COMMENT = re.compile(r"<!--.{0,2000}?-->|<a (?:name|id)=[^>]*>(?:</a>)?|<br\s*/?>", re.DOTALL)
RELATIVE_LINK = re.compile(r"\[([^\]\[]{1,300})\]\((?!https?://)[^)]{0,500}\)")
_QUOTE = re.compile(r"^[ \t]*>[ \t]?", re.MULTILINE)
_ADMONITION = re.compile(r"\[!(\w+)\][ \t]*\n?")
_LABEL = re.compile(r"\*\*[^*]{2,120}\*\*[.!?]?")
_POINTER = re.compile(
    r"^(?:\*\*\w+:?\*\*:?\s*)?(?:for (?:information|instructions|details|more|further|additional|detailed|full|a (?:full|complete|list))\b.{0,80}?(?:,|:)? (?:see|read|visit|refer|check|contact)\b"
    r"|for (?:more|further|additional) (?:information|details)\b|(?:also )?see (?:also )?[\"“*\[]|to learn more\b|learn more\b|read more\b|more (?:information|details)\b)",
    re.IGNORECASE,
)
_ABOUT_PAGE = re.compile(
    r"^(?:welcome to\b|(?:this|the following) (?:page|guide|article|section|document|chapter|topic|handbook)\b)",
    re.I,
)


def is_pointer(sentence: str) -> bool:
    """Whether a sentence only refers elsewhere."""
    return _POINTER.match(sentence) is not None or _ABOUT_PAGE.match(sentence) is not None


def clean_inline(text: str) -> str:
    """A paragraph as one line, without what makes no sense outside its page."""
    text = _ADMONITION.sub(lambda m: f"**{m[1].capitalize()}:** ", _QUOTE.sub("", text))
    text = RELATIVE_LINK.sub(r"\1", _IMAGE.sub("", _COMMENT.sub(" ", text)))
    return " ".join(text.split())


def split_sentences(text: str) -> list[str]:
    """The sentences of one line of Markdown."""
    shielded = _SPAN.sub(lambda m: "\x00" * len(m[0]), text)
    out: list[str] = []
    start = 0
    for match in _SENTENCE_END.finditer(shielded):
        head = text[start : match.start()]
        if _ABBREVIATION.search(head.rstrip("\"'”’)]*_ ")):
            continue
        closing = match[0].rstrip()
        out.append((head + closing).strip())
        start = match.end()
    out.append(text[start:].strip())
    return [_balanced(sentence) for sentence in _with_labels(out) if sentence]


def _with_labels(parts: Sequence[str]) -> list[str]:
    """ "**The port is in use.** Start with …": the label stays with its first sentence."""
    out: list[str] = []
    for part in parts:
        if out and _LABEL.fullmatch(out[-1]):
            out[-1] += f" {part}"
        else:
            out.append(part)
    return out


def _balanced(sentence: str) -> str:
    """Without a bold mark whose partner stands in a sentence next to it."""
    return sentence.replace("**", "") if sentence.count("**") % 2 else sentence
