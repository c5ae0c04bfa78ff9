"""What files say as a whole: the most telling sentences in their order, for "summarise this file".

Telling is a sentence whose words the file repeats; each part of it gives at most one, so that the
end is heard as well as the beginning. Pure functions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from agents.files.about import asks_for_overview
from agents.files.reading import ABOUT_TABLE, AREA
from agents.local.compose import cite, escaped
from agents.local.question import Question
from agents.local.sentences import Section, Unit, sections
from core.events import Source

SENTENCES = 7
WORDS = range(6, 46)


def summary(question: Question, sources: Sequence[Source]) -> str | None:
    """The answer to a question about files as a whole; None when it asks something else."""
    attached = [source for source in sources if source.area == AREA]
    names = list(dict.fromkeys(source.title for source in attached))
    if not attached or not asks_for_overview(question.text, names):
        return None
    parts = [_of_file(name, attached) for name in names]
    return "\n\n".join(part for part in parts if part) or None


def _of_file(title: str, attached: Sequence[Source]) -> str:
    found = sections([source for source in attached if source.title == title])
    table = next((section for section in found if section.trail[-1:] == (ABOUT_TABLE,)), None)
    if table is not None:
        lines = [
            f"- {cite(unit.text, table.n)}"
            if unit.kind == "item"
            else f"{cite(unit.text, table.n)}\n"
            for unit in table.units
        ]
        return "\n".join(lines)
    units = [(section, unit) for section in found for unit in section.units if _quotable(unit)]
    if not units:
        units = [(section, unit) for section in found for unit in section.units[:1]]
    lines = [f"- {cite(unit.text, section.n)}" for section, unit in _telling(units)]
    return "\n".join([f"**{escaped(title)}** says, among other things:\n", *lines]) if lines else ""


def _quotable(unit: Unit) -> bool:
    return (
        unit.kind in ("sentence", "item", "step")
        and len(unit.order) in WORDS
        and "\n" not in unit.text
        and not unit.pointer
        and not unit.text.endswith("?")
    )


def _telling(units: Sequence[tuple[Section, Unit]]) -> list[tuple[Section, Unit]]:
    """The best of each of up to seven stretches of the file, and its first sentence."""
    common = Counter(stem for _, unit in units for stem in unit.stems)

    def worth(pair: tuple[Section, Unit]) -> float:
        _, unit = pair
        known = sum(common[stem] - 1 for stem in unit.stems)
        return known / (len(unit.stems) + 6)

    count = min(SENTENCES, len(units))
    chosen = []
    for n in range(count):
        stretch = units[n * len(units) // count : (n + 1) * len(units) // count]
        chosen.append(stretch[0] if n == 0 else max(stretch, key=worth))
    return chosen
