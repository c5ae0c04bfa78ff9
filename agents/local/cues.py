"""What the form of a unit says about whether it answers: cues for each kind of question."""

from __future__ import annotations

import re

from agents.local.match import likeness, pairs_met
from agents.local.question import Question
from agents.local.sentences import Section, Unit
from agents.local.stem import is_content, stem, words
from agents.local.weights import Weights

_CUES = {
    "where": r"`[^`]*[/.][^`]*`|\b(?:in|under|at|on|inside|below) (?:the |your |`|\*\*|\")|\b(?:page|folder|file|menu|tab|sidebar|directory)\b",
    "why": r"\b(?:because|since|so that|reasons?|therefore|due to|to avoid|to prevent|otherwise|means that|as a result|usually|happens when|caused by)\b",
    "when": r"\b(?:when|after|before|until|once|as soon as|every|within|days?|hours?|minutes?|months?|years?|\d{4})\b",
    "who": r"\b(?:owners?|admins?|administrators?|members?|users?|person|people|you|anyone|everyone|only|team|company|managers?|maintainers?|collaborators?)\b",
    "amount": r"\d|\b(?:free|unlimited|no limit|nothing|half|twice|one|two|three|once)\b",
    "yesno": r"\b(?:can|cannot|can't|may|must|not|only|never|always|allowed|possible|supports?|required|needs?|without)\b",
    "list": r":.*,.* (?:and|or) |\b(?:two|three|four|five|six|seven|eight|nine|ten|\d+) (?:of )?\w+s\b|\bfollowing\b",
    "howto": r"^(?:to|first|then|next|run|open|click|set|add|copy|put|choose|select|go to|in the|use|type|enter|create|install|start|press|write|edit)\b|`",
}  # fmt: skip
_CUE_RES = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _CUES.items()}


def shape(
    question: Question, weights: Weights, section: Section, place: int, held: dict[str, float]
) -> float:
    """What form, place and kind of question add or take."""
    unit = section.units[place]
    size = len(unit.order)
    bonus = (
        0.12 * (pairs_met(question, unit.order) / len(question.pairs)) if question.pairs else 0.0
    )
    bonus += 0.06 if place == 0 else 0.0
    if question.kind in ("define", "about") and not section.trail and unit.kind == "sentence":
        bonus += 0.12 if place == 0 else 0.06 if place < 3 else 0.0
    if place == 0:  # under a heading that asks the question stands its answer
        bonus += 0.6 * likeness(question, section)
    cue = _CUE_RES.get(question.kind)
    if cue is not None and held and cue.search(unit.text):
        bonus += 0.15 if question.kind in ("why", "amount", "where", "list") else 0.08
    if question.kind == "where" and re.search(r"`[^`]*[/.][^`]*`", unit.text):
        bonus += 0.15
    if question.kind == "yesno":
        bonus += _answers_modal(question.text, unit.text)
    if question.kind in ("define", "about", "compare"):
        bonus += definition(weights, section, unit)
    if unit.pointer:
        bonus -= 0.6
    if unit.text.endswith("?") or size < 4:
        bonus -= 0.25
    bonus -= _too_long(unit)
    if unit.kind == "table" and question.kind not in ("list", "amount", "compare"):
        bonus -= 0.15
    if unit.kind == "step" and question.kind != "howto":
        bonus -= 0.12
    if unit.kind == "sentence" and re.match(r"\*\*(?:Note|Tip|Warning|Caution)", unit.text):
        bonus -= 0.1
    if not held:
        bonus -= 0.15
    return bonus


_MODALS = (
    (re.compile(r"\b(?:need|needs|have|has|must|required|necessary|should)\b", re.I),
     re.compile(r"\b(?:need(?:s|ed)?|required?|requires|must|necessary|without|optional|should)\b", re.I)),
    (re.compile(r"\b(?:can|could|may|able|allowed|possible|support\w*)\b", re.I),
     re.compile(r"\b(?:can|cannot|can't|may|able|allowed?|allows|possible|supports?|supported|works? with)\b", re.I)),
)  # fmt: skip


def _answers_modal(asked: str, text: str) -> float:
    """A bonus when "do I need" meets "needed", "can I" meets "can"."""
    verb = asked[:40]
    return 0.2 if any(a.search(verb) and b.search(text) for a, b in _MODALS) else 0.0


def _too_long(unit: Unit) -> float:
    size = len(unit.order)
    if unit.kind == "sentence":
        return 0.1 if size > 45 else 0.0
    return 0.3 if size > 110 else 0.15 if size > 60 else 0.0


_SAYS_WHAT = re.compile(
    r"^(?!(?:after|when|if|while|before|once|because|since|although|with|by|to|for|in|on)\b)(?P<subject>.{2,70}?)\s(?:is|are|means?|stands? for|refers? to|describes?|lets?|allows?|enables?|gives?|shows?|provides?|helps?)\b",
    re.IGNORECASE,
)


def definition(weights: Weights, section: Section, unit: Unit) -> float:
    """A bonus for "X is …" where X is what the question is about, and for `**X** – …`."""
    match = _SAYS_WHAT.match(unit.text) or re.match(r"\*\*(?P<subject>[^*]{2,60})\*\*", unit.text)
    if match is None or not weights.worth:
        return 0.0
    # "Time to first token (TTFT) is …" defines both names.
    return max(_defines(weights, name) for name in re.split(r"[()]", match["subject"]))


def _defines(weights: Weights, name: str) -> float:
    subject = [stem(word) for word in words(name) if is_content(word)]
    if not 0 < len(subject) <= 6:
        return 0.0
    met = weights.share(weights.held(subject))
    focus = sum(word in weights.factors for word in subject) / len(subject)
    return 0.45 * met * focus
