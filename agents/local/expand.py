"""What a unit needs to be understood: its antecedent, its lead-in, its list, its code block."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from agents.local.question import Question
from agents.local.rank import Scored
from agents.local.sentences import Section, Unit

WHOLE_LIST_ITEMS = 9
LONG_TABLE_WORDS = 140

Place = tuple[int, int]
"""(section index, place in the section)."""

_DANGLING = re.compile(
    r"^(?:\*\*)?(?:(?:it|this|that|these|those|they|them|such|its|their|he|she|his|her|the (?:latter|former|same|above|following|second|first|other)|both|either|neither|one of (?:these|them)|doing so|here|there(?! (?:is|are|was|were)\b)|another|others|some of (?:these|them)|most of (?:these|them)|all of (?:these|them)|each of (?:these|them)|each one)\b"
    r"|(?:then|first,? (?:the|it|you|this|a|an)\b|second,|so|thus|hence|therefore|otherwise|instead|however|but|and|or|also|still|yet|nevertheless|afterwards|next|finally|likewise|similarly|conversely|for (?:example|instance)|in (?:this|that|these|those|such|both|either) (?:case|way|example|cases)|as a result|for this reason|in other words|that is why|which|again|because of this|to (?:do|use|change|avoid|fix|enable|disable) (?:this|that|so|it|them)|after (?:that|this)|before (?:that|this)|when you do|if (?:so|not|it|they|this|that)\b)\b)",
    re.IGNORECASE,
)
_LOOSE_OPENER = re.compile(
    r"^(?:(?:however|additionally|in addition|moreover|furthermore|also|similarly|likewise|finally|of course"
    r"|in general|generally|as (?:noted|mentioned|described) (?:above|earlier|before)),|(?:please )?note that) ",
    re.IGNORECASE,
)


def elaboration(question: Question, best: Scored, places: Sequence[int]) -> list[int]:
    """What goes on with the first sentence in its paragraph; for an overview also the list after it."""
    units = best.section.units
    if units[places[-1]].kind != "sentence" or units[places[-1]].is_lead:
        return []
    overview = question.kind in ("define", "about")
    label = best.unit.text.startswith("**")
    out: list[int] = []
    for place in range(places[-1] + 1, len(units)):
        unit = units[place]
        same_paragraph = unit.kind == "sentence" and unit.block == best.unit.block
        if not same_paragraph or unit.pointer or len(out) == (3 if label else 2):
            break
        if not (overview or label or dangles(unit.text)):
            break
        out.append(place)
    after = (out[-1] if out else places[-1]) + 1
    if overview and after + 1 < len(units) and units[after].is_lead and best.place <= 2:
        items = list_of(units, after + 1) if units[after + 1].kind == "item" else []
        if 0 < len(items) <= 6 and sum(word_count(units[p]) for p in items) <= 70:
            out.extend([after, *items])
    return out


def word_count(unit: Unit) -> int:
    return len(unit.text.split())


def needed(question: Question, best: Scored, by_place: Mapping[Place, Scored]) -> list[int] | None:
    """The unit with what it cannot stand without; None when that is not to be had."""
    units = best.section.units
    place, unit = best.place, best.unit
    if unit.kind == "sentence":
        before = _antecedents(units, place)
        if before is None:
            return None
        after = _what_follows(question, best.section, place, by_place)
        return None if unit.is_lead and not after else [*before, place, *after]
    lead = lead_of(units, place)
    if unit.kind in ("item", "step") and not question.whole and _reads_alone(unit):
        return None if dangles(unit.text) else [place]
    if unit.kind == "table" and word_count(unit) > LONG_TABLE_WORDS:
        return None
    if unit.kind == "step" and question.kind == "howto" and len(list_of(units, place)) == 1:
        return None
    if unit.kind in ("code", "table"):
        return [p for p in (lead, place) if p is not None]
    items = list_of(units, place)
    chosen = items if _give_whole(question, units, items) else _worthy(best, items, by_place)
    return [*([lead] if lead is not None else []), *chosen]


def _antecedents(units: Sequence[Unit], place: int) -> list[int] | None:
    """The sentences before, as far back as a dangling opener reaches; None when it reaches nothing."""
    out: list[int] = []
    while dangles(units[place].text):
        place -= 1
        if place < 0 or units[place].kind != "sentence" or units[place].pointer or len(out) == 2:
            return None
        if units[place].is_lead:
            return None
        out.insert(0, place)
    return out


def dangles(text: str) -> bool:
    """Whether a sentence leans on the one before it."""
    return _DANGLING.match(text) is not None


def without_loose_opener(text: str) -> str:
    """ "However, x" as "X", for a sentence that begins a paragraph."""
    cut = _LOOSE_OPENER.sub("", text)
    return cut[:1].upper() + cut[1:] if cut != text and cut[:1].islower() else cut


def _what_follows(
    question: Question, section: Section, place: int, by_place: Mapping[Place, Scored]
) -> list[int]:
    """The list, table or code block a lead-in announces, or the code right after a step in prose."""
    units = section.units
    if place + 1 >= len(units):
        return []
    following = units[place + 1]
    if following.kind == "sentence":
        return []
    if not units[place].is_lead:
        direct = following.kind == "code" and following.text.count("\n") <= 14
        return [place + 1] if direct and question.kind in ("howto", "where", "about") else []
    if following.kind in ("code", "table"):
        return [place + 1]
    items = list_of(units, place + 1)
    if _give_whole(question, units, items):
        return items
    return _worthy(by_place[section.index, place + 1], items, by_place)


def list_of(units: Sequence[Unit], place: int) -> list[int]:
    """The places of the whole list an item belongs to."""
    block = units[place].block
    return [p for p, unit in enumerate(units) if unit.block == block]


def lead_of(units: Sequence[Unit], place: int) -> int | None:
    """The sentence that announces a list, table or code block, if there is one."""
    first = list_of(units, place)[0]
    if first == 0 or units[first - 1].kind != "sentence" or units[first - 1].pointer:
        return None
    lead = units[first - 1]
    if lead.is_lead:
        return first - 1
    announces = units[first].kind in ("code", "table") and not dangles(lead.text)
    return first - 1 if announces else None


def _reads_alone(unit: Unit) -> bool:
    """A list item that is a whole sentence."""
    return (
        word_count(unit) >= 7
        and unit.text.rstrip("*_)`").endswith((".", "!"))
        and "\n" not in unit.text
    )


def _give_whole(question: Question, units: Sequence[Unit], items: Sequence[int]) -> bool:
    size = sum(word_count(units[p]) for p in items)
    if len(items) == 1:
        return True
    if question.whole:
        return len(items) <= 2 * WHOLE_LIST_ITEMS and size <= 350
    return len(items) <= 5 and size <= 70


def _worthy(best: Scored, items: Sequence[int], by_place: Mapping[Place, Scored]) -> list[int]:
    """The items of a long list that speak to the question; at most five, the best always."""
    ranked = sorted(items, key=lambda p: -by_place[best.section.index, p].score)
    top = by_place[best.section.index, ranked[0]].score
    more = (p for p in ranked[1:5] if by_place[best.section.index, p].score >= 0.75 * top > 0)
    return sorted([ranked[0], *more])
