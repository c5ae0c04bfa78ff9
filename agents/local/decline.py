"""What is said when the passages do not hold the answer: plainly, from what was really searched.

Every sentence is made of the question's own words and the titles that came closest.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.files.reading import AREA
from agents.local.choose import Chosen
from agents.local.compose import escaped, render
from agents.local.question import Question
from agents.local.sentences import Section
from agents.local.weights import Weights, merge

CLOSEST = 3
WORTH_NAMING = 0.6
"""Weight from which a missing word is named: "already" missing explains nothing."""


def not_held(
    question: Question, weights: Weights, ranked: Sequence[Section], searched: Sequence[Section]
) -> str:
    """No answer: which words were not met, what was searched and came closest, what one can do."""
    missing = _missing(question, weights)
    named = [term for term in question.terms if term.base >= WORTH_NAMING]
    if missing and len(missing) >= len(named):
        first = f"The documents I searched do not mention {quoted(missing)}, so I cannot answer this from them."
    elif missing:
        first = f"I found no answer: the documents I searched do not mention {quoted(missing)}."
    else:
        words = quoted(
            list(dict.fromkeys(term.surface for term in named or question.terms))[:4], "and"
        )
        first = (
            f"I found no answer: the documents mention {words}, but I found no passage that answers this."
            if len(named) > 1
            else f"I found no answer: the documents mention {words}, but do not say this about it."
        )
    near = [section for section in ranked if weights.share(_around(weights, section)) >= 0.4]
    return f"{first} {_searched(near, searched)}\n\n{_advice(question, near)}"


def closest_only(question: Question, weights: Weights, chosen: Sequence[Chosen]) -> str:
    """The nearest statement, called that."""
    section = chosen[0].section
    missing = _missing(question, weights)
    why = f"they do not mention {quoted(missing)}" if missing else "no passage covers all of it"
    return (
        f"The documents do not answer this directly; {why}. "
        f"The closest I found is in {_name(section)}:\n\n{render(question, weights, chosen)}"
    )


def no_passages(question: Question) -> str:
    """Nothing was found at all."""
    words = quoted(list(dict.fromkeys(term.surface for term in question.terms))[:4])
    about = f" about {words}" if words else ""
    return (
        f"I found no passage{about} in the documents, so I have nothing to answer from.\n\n"
        "You could use other words for it, or add a document about it to the knowledge folder. "
        "I answer only from documents; a language model, once configured, can also answer without."
    )


def without_documents(*, figures: bool) -> str:
    """The run gives no documents, so nothing was searched."""
    what = (
        "I can only answer from documents and report this installation's figures. This answer was "
        "asked for without documents, and I see no figure that it asks for."
        if figures
        else "I can only answer from documents, and this answer was asked for without them."
    )
    return f"{what}\n\nTo get one, choose a language model, or let the documents be used."


def say_more(found: Sequence[Section]) -> str:
    """The question has no word to search for."""
    return (
        "Please say a little more: I look for the words of your question in the documents, and this "
        f"one has none that I could look for. They cover, for example, {_titles(found)}."
    )


def quoted(words: Sequence[str], last: str = "or") -> str:
    """“a”, “b” or “c”."""
    return _joined([f"“{word}”" for word in words], last)


def _joined(words: Sequence[str], last: str) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _missing(question: Question, weights: Weights) -> list[str]:
    telling = {term.surface for term in question.terms if term.base >= WORTH_NAMING}
    return list(dict.fromkeys(word for word in weights.missing if word in telling))[:4]


def _around(weights: Weights, section: Section) -> dict[str, float]:
    return merge(
        weights.held(section.body_stems), weights.held(section.head_stems | section.title_stems)
    )


def _searched(near: Sequence[Section], searched: Sequence[Section]) -> str:
    names = {section.area for section in searched if section.area}
    areas = ["your files" if area == AREA else f"*{area}*" for area in sorted(names)]
    where = f" in {_joined(areas, 'and')}" if areas else ""
    count = len({section.n for section in searched})
    passages = f"{count} passage{'s' if count != 1 else ''}{where}"
    if not near:
        return f"I searched {passages}, for example {_titles(searched)}."
    return f"I searched {passages}; the closest {'is' if _single(near) else 'are'} {_titles(near)}."


def _single(found: Sequence[Section]) -> bool:
    return len({section.title for section in found if section.title}) == 1


def _titles(found: Sequence[Section]) -> str:
    names = list(dict.fromkeys(f"*{escaped(section.title)}*" for section in found if section.title))
    return _joined(names[:CLOSEST], "and") or "untitled text"


def _advice(question: Question, near: Sequence[Section]) -> str:
    rephrase = (
        "You could name the feature, page or setting you mean"
        if len(question.terms) <= 3
        else "You could ask for one thing at a time"
    )
    return (
        f"{rephrase}, or add {_what_to_add(near)}. I only quote what documents say; "
        "a language model, once configured, can also answer from general knowledge."
    )


def _what_to_add(near: Sequence[Section]) -> str:
    if near and near[0].area == AREA:
        return "a file that says it"
    folder = f"the *{near[0].area}* folder" if near and near[0].area else "the knowledge folder"
    return f"a document about it to {folder}"


def _name(section: Section) -> str:
    return f"*{escaped(section.title)}*" + (f" › *{section.heading}*" if section.trail else "")
