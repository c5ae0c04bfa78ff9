"""The chosen units as readable Markdown with citations.

Sentences become paragraphs, one per passage; lists, tables and code blocks stay whole under a short
lead-in. Every statement is followed by the number of its passage; the number on a lead-in stands for
all that it leads to. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.local.choose import Chosen
from agents.local.expand import dangles, without_loose_opener
from agents.local.inline import split_sentences
from agents.local.match import SAME_QUESTION, likeness
from agents.local.question import Question, procedure
from agents.local.sentences import Section, Unit
from agents.local.stem import stems
from agents.local.weights import Weights

MAX_TABLE_ROWS = 8

_NO_STOP_BEFORE = re.compile(r"(?:\betc|\be\.g|\bi\.e|\bvs|\b[A-Z]|\.)$")


def cite(text: str, n: int) -> str:
    """The statement with its passage's number, before the final punctuation where that reads well."""
    text = text.rstrip()
    end = re.search(r"([.!?:：。]|\:)(\**)$", text)
    if end is None:
        return f"{text} [{n}]"
    head = text[: end.start()]
    if _NO_STOP_BEFORE.search(head):
        return f"{text} [{n}]"
    if end[2]:  # "**Lead-in:**" keeps its colon inside the bold
        return f"{head}{end[2]} [{n}]{end[1]}"
    return f"{head} [{n}]{end[1]}"


def escaped(name: str) -> str:
    """A title or a file's name as it is, whatever Markdown would make of it."""
    return re.sub(r"([\\`*_\[\]<>$|~])", r"\\\1", name)


def render(question: Question, weights: Weights, chosen: Sequence[Chosen]) -> str:
    """The answer. The first chosen section comes first."""
    blocks: list[str] = []
    before: Chosen | None = None
    for choice in chosen:
        blocks.extend(_section(question, weights, choice, before))
        before = choice
    return "\n\n".join(blocks)


_SAYS_YES_OR_NO = re.compile(r"(?:Yes|No)\b[,.:;]? ?")
_LIMITED = re.compile(
    r"\b(?:only|unless|except|but|however|not|if|some|most|n't)\b|n't\b", re.IGNORECASE
)


def verdict(question: Question, chosen: Sequence[Chosen]) -> str:
    """ "Yes. " or "No. " where the first sentence says so beyond doubt, else nothing."""
    if question.kind != "yesno" or question.negated or not chosen:
        return ""
    first = chosen[0].section.units[chosen[0].places[0]]
    if _SAYS_YES_OR_NO.match(first.text):
        return ""
    named = [term.stem for term in question.terms]
    if first.kind != "sentence" or not named:
        return ""
    asks_permission = re.match(r"(?i)(?:can|may|could) (?:i|we|you|one)\b", question.text)
    if asks_permission and re.match(r"(?:You|We|One|Anyone|Everyone) (?:can|may)\b", first.text):
        plain = not _LIMITED.search(first.text) and set(named) <= first.stems
        return "Yes. " if plain else ""
    denied = re.search(r"(?i)\b(?:no|without(?: a| an| any)?) (?:\w+ )?(\w+)", first.text)
    about = denied is not None and stems(denied[0])[-1] in named[-1:]
    about = about and not first.text.startswith("No ")
    return "No. " if about and re.match(r"(?i)(?:do|does|is|are|has|have)\b", question.text) else ""


def _goes_on(unit: Unit, choice: Chosen, before: Chosen | None) -> bool:
    """Whether a list is the rest of the one above it, cut off by the end of a passage."""
    if before is None or unit.kind != "step" or before.section.document != choice.section.document:
        return False
    last = before.section.units[before.places[-1]]
    return last.kind == "step" and int(last.marker[:-1]) + 1 == int(unit.marker[:-1])


def _section(
    question: Question, weights: Weights, choice: Chosen, chosen_before: Chosen | None
) -> list[str]:
    """The blocks of one section: paragraphs, lists with their lead-in, tables, code."""
    units, section = choice.section.units, choice.section
    blocks: list[str] = []
    prose: list[str] = []
    places = list(choice.places)
    at = 0

    def flush() -> None:
        if prose:
            blocks.append(" ".join(prose))
            prose.clear()

    while at < len(places):
        unit = units[places[at]]
        if unit.kind == "sentence" and not unit.is_lead:
            text = _said_here(question, section, unit.text)
            text = text if prose else without_loose_opener(text)
            leans = at + 1 < len(places) and _leans(units, places[at], places[at + 1])
            prose.append(text if leans else cite(text, section.n))
            at += 1
            continue
        flush()
        if unit.is_lead:
            blocks.append(cite(_said_here(question, section, unit.text), section.n))
            at += 1
            if at >= len(places) or units[places[at]].kind == "sentence":
                continue
            text, at = _block(weights, question, units, places, at, n=None)
        else:
            led = at > 0 and _introduces(units, places[at - 1], places[at])
            if not led and unit.kind != "table" and not _alone(units, places, at):
                if not _goes_on(units[places[at]], choice, chosen_before):
                    blocks.append(_lead(question, weights, section, units[places[at]]))
                led = True
            text, at = _block(weights, question, units, places, at, n=None if led else section.n)
        # A list stands right below its lead-in.
        if blocks and text[:1] in "-*0123456789" and blocks[-1].endswith((":", "：")):
            blocks[-1] += "\n\n" + text
        else:
            blocks.append(text)
    flush()
    return blocks


def _said_here(question: Question, section: Section, text: str) -> str:
    """Without the "Yes," that answers the heading, when the heading is another question."""
    match = re.match(r"(?:Yes|No), ", text)
    if match is None or likeness(question, section) >= SAME_QUESTION:
        return text
    rest = text[match.end() :]
    return rest[:1].upper() + rest[1:]


def _leans(units: Sequence[Unit], place: int, following: int) -> bool:
    """Whether the next chosen sentence goes on with this one: both share one citation."""
    return (
        following == place + 1
        and units[following].kind == "sentence"
        and (not units[following].is_lead and dangles(units[following].text))
    )


def _introduces(units: Sequence[Unit], place: int, following: int) -> bool:
    """Whether a chosen sentence stands right above a list, a table or code."""
    between = units[place + 1 : following]
    passed_over = all(unit.pointer or dangles(unit.text) for unit in between)
    return units[place].kind == "sentence" and passed_over


def _alone(units: Sequence[Unit], places: Sequence[int], at: int) -> bool:
    """A single list item that reads as a sentence."""
    block = units[places[at]].block
    same = [p for p in places if units[p].block == block]
    return units[places[at]].kind in ("item", "step") and len(same) == 1


def _lead(question: Question, weights: Weights, section: Section, first: Unit) -> str:
    """A lead-in for a list that has none: from the question when its heading fits, else the heading."""
    what = procedure(question.text)
    fits = weights.share(weights.held(section.head_stems | section.title_stems)) >= 0.6
    if first.kind == "step" and int(first.marker[:-1]) > 1:
        start = f"**{section.heading}**, from step {first.marker[:-1]} on (the passage I was given starts there):"
        return cite(start, section.n)
    if what and fits and not re.search(r"\b(?:it|this|that|these|those|them|one)\b", what):
        return cite(f"To {what}:", section.n)
    return cite(f"**{section.heading}**:", section.n)


def _block(
    weights: Weights,
    question: Question,
    units: Sequence[Unit],
    places: Sequence[int],
    at: int,
    n: int | None,
) -> tuple[str, int]:
    """The Markdown of a code block, a table or the chosen items of one list, and where to go on."""
    unit = units[places[at]]
    if unit.kind == "code":
        return unit.text, at + 1
    if unit.kind == "table":
        table = _table(weights, question, unit.text)
        return (table if n is None else f"{table}\n\n[{n}]"), at + 1
    end = at
    while end < len(places) and units[places[end]].block == unit.block:
        end += 1
    items = [units[p] for p in places[at:end]]
    if n is not None and len(items) == 1 and "\n" not in items[0].text:
        text = items[0].text if question.whole else _to_the_point(weights, items[0].text)
        return cite(text, n), end
    return bullets(items, n), end


def _to_the_point(weights: Weights, text: str) -> str:
    """A list item of several sentences from its first telling one on; a bold label stays."""
    parts = split_sentences(text)
    if len(parts) < 2 or text.startswith("**"):
        return text
    worth = [weights.share(weights.held(stems(part))) for part in parts]
    first = next(i for i, value in enumerate(worth) if value >= 0.6 * max(worth))
    return " ".join(parts[first:]) if not dangles(parts[first]) else text


def bullets(items: Sequence[Unit], n: int | None = None) -> str:
    """A Markdown list. Steps are numbered from the first one's own number."""
    lines: list[str] = []
    first = int(items[0].marker[:-1]) if items[0].kind == "step" else 0
    for i, item in enumerate(items):
        marker = f"{first + i}." if item.kind == "step" else "-"
        head, _, rest = item.text.partition("\n")
        lines.append(f"{marker} {head if n is None else cite(head, n)}")
        pad = " " * (len(marker) + 1)
        lines.extend(f"{pad}{line}" if line.strip() else "" for line in rest.split("\n") if rest)
    return "\n".join(lines)


def _table(weights: Weights, question: Question, text: str) -> str:
    """A small table whole; of a large one the rows that speak to the question, best first."""
    lines = text.split("\n")
    rows = lines[2:]
    if len(rows) <= MAX_TABLE_ROWS or (question.whole and len(rows) <= 2 * MAX_TABLE_ROWS):
        return text
    worth = {row: weights.share(weights.held(stems(row))) for row in rows}
    top = max(worth.values())
    kept = [row for row in rows if worth[row] >= 0.7 * top and worth[row] > 0][:MAX_TABLE_ROWS]
    return "\n".join([*lines[:2], *(kept or rows[:MAX_TABLE_ROWS])])
