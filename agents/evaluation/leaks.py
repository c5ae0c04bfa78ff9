"""Does an answer give away which model wrote it? Votes on such answers are flagged, not deleted.

Names alone, no style: of the model, its family, its maker or its seller. A name that the question or
the sources hold gives nothing away, because any model would repeat it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from agents.evaluation.model_names import MAKERS, makers_of, own_patterns
from core.text_features import prose_of

_EVERYBODY = "|".join([*(maker.plain for maker in MAKERS), *(maker.spoken for maker in MAKERS)])
# Words that may stand between "I am" and a name.
_FILLER = (
    r"(?:(?:a|an|the|ai|artificial|intelligence|large|language|multimodal|generative|helpful|"
    r"conversational|virtual|chat|model|assistant|chatbot|bot|system|agent|llm|version|variant|"
    r"member|part|of|are|family|series|called|named|known|as|which|that|was|is|am|been|actually|just|"
    r"simply|currently|also|and|by|from|based|on|powered|running|built|created|made|developed|"
    r"trained|designed|provided|team|researchers|engineers|inventors|scientists|company|at)"
    r"[\s,:;*_\"“'‘(]+){0,14}"
)
_MADE = r"(?:trained|developed|created|made|built|designed|engineered|powered|produced)"
_KIND = (
    r"(?:(?:large|small|multimodal|generative)\s+){0,3}(?:ai|artificial intelligence|language|chat)?"
    r"\s*(?:model|assistant|chatbot|system|ai|llm)?"
)
_MARK = r"[\s*_\"“'‘(]*"
_SAYS_OF_ITSELF = (
    rf"\b(?:I am|I['’]m|my name is|call me|you(?: a|['’])re (?:talking|speaking|chatting) (?:to|with))"
    rf"[\s,:]+{_MARK}{_FILLER}(?P<name>NAMES)",
    rf"\bI (?:was|have been|come|run)\s+{_FILLER}(?P<name>NAMES)",
    rf"\bas an? {_KIND}[\s,]+(?:(?:that|which) (?:was|is) )?(?:{_MADE} (?:and {_MADE} )?by|from|called|named)"
    rf"\s+(?:the )?(?:team at )?{_MARK}(?P<name>NAMES)",
    rf"\bas {_MARK}(?P<name>NAMES){_MARK},? I\b",
    rf"\bmy (?:creators?|developers?|makers?|provider|underlying model)[\s,:]+{_FILLER}{_MARK}"
    r"(?P<name>NAMES)",
    rf"(?:^|[.!?\n]\s*){_MADE} by {_MARK}(?P<name>NAMES)(?=[^.!?\n]{{0,60}}\bI\b)",
    rf"\bthis (?:answer|response|reply|text|message) (?:was|is|comes) (?:\w+ )?(?:by|from|with)"
    rf"\s+{_MARK}(?P<name>NAMES)",
    rf"(?:^|\n)[\s>*_]*(?:—|–|--|signed,?\s|model:|(?:answered|written|generated) (?:by|with))"
    rf"{_MARK}(?P<name>NAMES)[\s*_.)]*(?:\n|$)",
)


def identity_leak(
    text: str, model_ids_and_names: Iterable[str], question: str, sources_text: str
) -> str | None:
    """The name in an answer that gives away who wrote it, as it stands there; None when none does.

    `model_ids_and_names`: of the model that wrote it, such as "openai:gpt-4o-mini", "GPT-4o mini".
    It is a leak when the writer says of itself its own name or that of its maker, whatever was
    asked; when it says so of another one that neither question nor sources hold; and when the name
    of the model or its maker stands anywhere although neither question nor sources hold it. An own
    maker among other makers is an overview, not a leak. Code does not count.
    """
    given = list(model_ids_and_names)
    prose, known = prose_of(text), f"{question}\n{sources_text}"
    own, makers = own_patterns(given), makers_of(given)
    of_own = "|".join([*own, *(m.plain for m in makers), *(m.spoken for m in makers)])
    if name := _said_of_itself(prose, of_own, known):
        return name
    for pattern in own:
        if (found := _search(pattern, prose)) and not _search(pattern, known):
            return found
    others = "|".join(maker.plain for maker in MAKERS if maker not in makers)
    if _search(others, prose):
        return None
    for maker in makers:
        found = _search(maker.plain, prose)
        asked = _search(maker.plain, known, re.IGNORECASE) or _search(maker.spoken, known)
        if found and not asked:
            return found
    return None


def _said_of_itself(prose: str, of_own: str, known: str) -> str | None:
    names = f"{of_own}|{_EVERYBODY}" if of_own else _EVERYBODY
    for statement in _SAYS_OF_ITSELF:
        pattern = statement.replace("NAMES", rf"(?<!\w)(?:{names})(?!\w)")
        for said in re.finditer(pattern, prose, re.IGNORECASE):
            name = said["name"]
            is_own = bool(of_own) and re.fullmatch(of_own, name, re.IGNORECASE)
            if is_own or not _search(re.escape(name), known, re.IGNORECASE):
                return name
    return None


def _search(pattern: str, text: str, flags: int = 0) -> str | None:
    found = re.search(rf"(?<!\w)(?:{pattern})(?!\w)", text, flags) if pattern else None
    return found[0] if found else None
