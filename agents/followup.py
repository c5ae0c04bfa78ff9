"""Makes a follow-up searchable: "and for Postgres?" becomes a question that stands alone.

No model: rules for English, written to leave a question alone when in doubt. The result is for
retrieval and routing; a model that answers gets the conversation itself. Pure functions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from agents.knowledge.terms import content_words, words
from agents.knowledge.text import normalise

MAX_CHAIN = 4
"""How many earlier questions a chain of follow-ups may lean on."""
MAX_CONTEXT_WORDS = 25
ANSWER_HEAD_CHARS = 4000

_SOCIAL_WORDS = (
    "thanks thank thx cheers hello hi hey bye goodbye great perfect cool nice ok okay yes no sure "
    "lol welcome good morning evening afternoon you very much so"
)
_GENERIC_WORDS = (
    "example examples detail details detailed explain elaborate continue shorter longer simpler "
    "summary summarise summarize briefly steps step go again rephrase expand clarify else further "
    "reason reasons exactly first second third last next previous former latter option options "
    "alternative alternatives point difference sure wrong correct work works happen happens "
    "long big often soon expensive cost costs"
)
_SOCIAL = frozenset(_SOCIAL_WORDS.split())
_GENERIC = frozenset(_GENERIC_WORDS.split())
"""Words that say nothing about what: a question of these alone leans on the one before."""
_TIME = "second|minute|hour|day|morning|afternoon|evening|night|week|month|quarter|year|time|way"
_HERE = (
    "product|app|application|tool|site|website|service|page|company|chat|assistant|system|platform"
)

_OPENER = re.compile(
    r"^(?:(?:ok|okay|so|thanks|great|yes|no|hm+)[,. ]+)?(?:and|or|but|also|plus|then|what about|"
    r"how about|what if|same for|the same|instead|otherwise|besides|another|any other|"
    r"anything else|"
    r"why not|how so|how come|since when|compared (?:to|with))\b"
)
_PREPOSITION = re.compile(
    r"^(?:for|on|in|with|without|from|to|at|under|via|using|between|by|per|as|of|during|after|"
    r"before|"
    r"only|just|even|not|except|unless)\b"
)
_POINTING = re.compile(
    rf"\b(?:it|its|they|them|their|theirs|he|she|him|his|her)\b"
    rf"|\b(?:the|that|this|which) (?:(?:first|second|third|fourth|fifth|last|other|next|former|"
    rf"latter|"
    rf"same|1st|2nd|3rd|4th)(?: (?:one|option|step|point|item|way|method))?(?=\W*$| (?!time|day))|"
    rf"ones?\b)"
    rf"|^(?:is|was|are|were|does|did|do|can|could|will|would|has|have|should) (?:this|that|these|"
    rf"those)\b"
    rf"|^(?:this|that|these|those)\b(?! (?:{_TIME})s?\b)"
    rf"|\b(?:this|that|these|those)\W*$"
    rf"|\b(?:what|why|how|when|where|who) (?:\w+ )?(?:is|was|are|were|does|do|did|would|will|can) "
    rf"(?:this|that|these|those)\b(?! (?:{_TIME})s?\b)(?! \w+ ?:)"
    rf"|\b(?:of|about|for|with|like|after|before|without|to|than|besides) (?:this|that|these|"
    rf"those)\b"
    rf"(?! (?:{_TIME})s?\b)"
    rf"|\b(?:this|these|those) (?!(?:{_TIME}|is|are|was|were|{_HERE})s?\b)[a-z]+\b(?! ?:)"
)
# Nothing is pointed at: "is it possible to", "what time is it".
_IMPERSONAL = re.compile(
    r"\b(?:is it|it is|it's|was it|would it be) (?:\w+ )?(?:possible|allowed|ok|okay|legal|"
    r"necessary|"
    r"required|safe|worth|true|better|best|normal|easy|hard|enough|free|ever) (?:to|that|if|for|"
    r"\w+ing)\b"
    r"|\bwhat (?:time|day|date) is it\b"
)
_NEW_CLAUSE = re.compile(r"[,;:.?!]|\b(?:and|or|but|then|when|if|while|because|so|before|after)\b")
_ORDINALS = {
    "first": 0, "1st": 0, "former": 0, "second": 1, "2nd": 1, "latter": 1,
    "third": 2, "3rd": 2, "fourth": 3, "4th": 3, "fifth": 4, "last": -1,
}  # fmt: skip
_LIST_ITEM = re.compile(r"(?m)^ {0,3}(?:[-*+]|\d{1,2}[.)])\s+(.{1,300})")
_CITATION = re.compile(r"\[\d{1,3}\]")
_MARKED = re.compile(
    r"\*\*([^*\n]{2,60})\*\*|`([^`\n]{2,60})`|\"([^\"\n]{2,60})\"|“([^”\n]{2,60})”"
)
_NAME = re.compile(r"\b[A-Z][A-Za-z0-9]*[A-Z0-9][A-Za-z0-9]*\b|(?<=[a-z,] )[A-Z][a-z0-9]{2,}\b")

Lean = Literal["no", "topic", "pointing"]


def standalone(question: str, history: Sequence[tuple[str, str]]) -> str:
    """The question as it can be searched without the conversation.

    `history`: (role, text) of the messages before it, oldest first; roles `user` (or `human`) and
    anything else for answers. A self-contained question, and any without an earlier one, comes back
    unchanged. Otherwise: the earlier question, what it points at in the last answer, the new words.
    """
    return _resolve(question, history, MAX_CHAIN)


def leans_on_context(question: str) -> Lean:
    """`pointing`: names something said before ("it"). `topic`: goes on about it ("and for Postgres?")."""
    line = " ".join(normalise(question[:2000]).lower().replace("’", "'").split())
    found = words(line)
    if not found or all(word in _SOCIAL for word in found) or len(found) > 30:
        return "no"
    pointing = _POINTING.search(_IMPERSONAL.sub(lambda match: "-" * len(match[0]), line))
    if pointing and not _named_before(line[: pointing.start()]):
        return "pointing"
    content = [word for word in content_words(line) if word not in _GENERIC]
    if _OPENER.match(line) and len(content) <= 6:
        return "topic"
    if not content or (_PREPOSITION.match(line) and len(found) <= 6):
        return "topic"
    # "Postgres?" goes on; "refund policy" and "docker" are what people type into a search box.
    return "topic" if len(found) == 1 and line.endswith("?") else "no"


def _named_before(start: str) -> bool:
    """Whether the question itself names what a later pronoun means, in a clause of its own."""
    clauses = [part for part in _NEW_CLAUSE.split(start) if part is not None]
    return len(clauses) > 1 and any(
        word not in _GENERIC for clause in clauses[:-1] for word in content_words(clause)
    )


def _resolve(question: str, history: Sequence[tuple[str, str]], chain: int) -> str:
    lean = leans_on_context(question)
    asked = next((i for i in range(len(history) - 1, -1, -1) if _is_user(history[i][0])), None)
    if lean == "no" or asked is None or chain == 0:
        return question
    earlier = _shortened(_resolve(history[asked][1], history[:asked], chain - 1))
    answer = next((text for role, text in reversed(history[asked:]) if not _is_user(role)), "")
    topic = _pointed_at(question, answer) if lean == "pointing" else ""
    known = {*words(earlier), *words(question)}
    new_topic = " ".join(word for word in topic.split() if not known.issuperset(words(word)))
    return " ".join(part for part in (earlier, new_topic, question.strip()) if part)


def _is_user(role: str) -> bool:
    return role in ("user", "human")


def _shortened(question: str) -> str:
    """A question of usual length as it is; of a long one the words that carry meaning."""
    line = " ".join(normalise(question[:20_000]).split())
    if len(line.split()) <= MAX_CONTEXT_WORDS and len(line) <= 400:
        return line
    return " ".join(list(dict.fromkeys(content_words(line)))[:MAX_CONTEXT_WORDS])


def _pointed_at(question: str, answer: str) -> str:
    """The list item an ordinal names, or else what the answer's first sentence is about."""
    text = _CITATION.sub("", normalise(answer[:ANSWER_HEAD_CHARS]))
    items = [match.strip() for match in _LIST_ITEM.findall(text)]
    for word in words(question):
        place = _ORDINALS.get(word)
        if place is not None and items and place < len(items):
            return " ".join(list(dict.fromkeys(content_words(items[place])))[:8])
    first = re.split(r"(?<=[.!?:])\s|\n\s*\n", text.strip(), maxsplit=1)[0]
    marked = ["".join(groups) for groups in _MARKED.findall(first)]
    return " ".join((marked or list(dict.fromkeys(_NAME.findall(first))))[:3])
