"""What a question asks for: its kind, its words with their weight, and what else may stand for them.

Pure functions on the question's text; which words are rare in the passages is known to `rank.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from agents.local.stem import is_content, stem, words

Kind = Literal[
    "define", "howto", "list", "where", "why", "when", "who", "amount", "yesno", "compare", "about"
]

_KINDS: tuple[tuple[Kind, str], ...] = (
    ("compare", r"\b(?:differences?|compared? (?:to|with)|versus|vs\.?)\b|\b(?:better|cheaper|faster) than\b|\bdiffer\b"),
    ("about", r"^how (?:do|does) .{1,60} works?\b|\b(?:used|good|meant|there) for\b|\bpurpose of\b"),
    ("howto", r"^how (?:do|can|should|would|could|does one|to|might)\b(?! (?:you )?(?:know|calculat|comput))|\bhow (?:do|can) (?:i|we|you|one)\b|\b(?:steps?|instructions|guide|way) (?:to|for)\b|^(?:show|tell|teach) me how\b|\bhow to\b|^(?:set ?up|install|configure|enable|add|create|change|delete|remove|connect|run|start|deploy|export|import|reset|update|upgrade)\b"),
    ("amount", r"\bhow (?:much|many|long|often|expensive|cheap|big|large|fast|old|far)\b|\bwhat (?:is|does|do|'s) .{0,40}\b(?:cost|costs|price|limit|quota|size|number|maximum|minimum|percentage|rate|fee)\b|\bat what (?:price|cost)\b"),
    ("where", r"^(?:where|(?:in|on|under) (?:which|what)|which (?:page|screen|menu))\b|\bwhere (?:is|are|do|does|can|will)\b"),
    ("why", r"^(?:why|how come|for what reason|what (?:causes|is the reason|happens (?:if|when)))\b|\bwhy (?:is|are|do|does|did|can|was|would)\b|\breasons? (?:for|why)\b"),
    ("when", r"^(?:when|since when|until when|by when|at what time|what (?:date|day|year))\b"),
    ("who", r"^(?:who|whom|whose|which (?:person|people|role|team|users?))\b"),
    ("list", r"^(?:which|list|name|enumerate)\b|^what (?:are|were) (?:the|all|my|our|your|some|possible|supported|available) (?!(?:purpose|point|meaning)\b)|\bwhat (?:kinds?|types?|sorts?|options|features|models|events|commands|settings|requirements|methods)\b|\b(?:list of|all the|which of)\b|^what (?:\w+ ){1,2}(?:do|does|can|is|are|will|should)\b(?! .*\bmean\b)(?!.*\bneed\b)|^give me (?:a list|all|the)\b"),
    ("define", r"^(?:what|who)(?:'s| is| are| was)\b|\bwhat does .{1,80}\bmean|\bmeaning of\b|^(?:define|explain|describe)\b|^(?:tell me|what) about\b|\bwhat (?:do you mean|is meant) by\b|^(?:what|how) do(?:es)? .{1,60} (?:do|stand for|work|mean)\b"),
    ("yesno", r"^(?:can|could|may|is|are|do|does|did|will|would|should|must|has|have|am|was|were|shall|isn't|aren't|doesn't|don't|can't)\b|\b(?:is it|am i|are we|can i|may i|do i|is there) \w+"),
)  # fmt: skip
_KIND_RES = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)

# Words that say what is done, or name everything: they count, but a passage is not chosen by them alone.
_WEAK_WORDS = """
    use used using work works make makes made set find found new different several various look see show
    happen go take put try let thing kind type sort way example information detail general
    possible available best good better able allow support supported provide include does mean exactly
    actually current currently first ten page app application product tool system people person user
    want like come start give call ask tell explain describe define list name number point part case
    time today day week month year default possible difference different between happens another already still yet
"""
_WEAK = frozenset(stem(word) for word in _WEAK_WORDS.split())
_COMMON_WORDS = """
data file files question answer message text version setting settings server collect gather record hold
contain handle manage require choose select send sent receive safe safely happen click press
menu change screen view item value content result output input request service
"""
_COMMON = frozenset(stem(word) for word in _COMMON_WORDS.split())
_PRODUCT_WEIGHT = 0.45
_COMMON_WEIGHT = 0.65
_WEAK_WEIGHT = 0.35
EARLIER = 0.7
"""Of a word's weight when it comes from an earlier question."""

_SYNONYMS = (
    "stop cancel abort interrupt halt end", "price cost fee charge expensive cheap rate", "delete remove erase purge",
    "install setup set", "run start launch execute open", "create add make new register",
    "error fail problem issue trouble wrong broken crash", "store save keep persist retain live located",
    "folder directory", "compare versus contrast", "custom own", "slow latency delay",
    "change edit update modify switch", "login signin authenticate log sign", "pay purchase buy",
    "private personal confidential", "key token credential secret", "documents docs document article handbook file",
    "question prompt query message", "answer reply response", "chat conversation thread", "fast quick speed",
    "allow permit able", "show display view see", "config configure setting option", "fix solve resolve repair",
    "send share transmit leave", "team organization", "need require requirement prerequisite", "begin start first",
    "quit leave exit", "turn enable activate", "disable off deactivate", "limit quota maximum", "permission access right",
    "invoice receipt bill", "model llm", "export download", "import upload", "choose pick select decide",
    "explain mean define", "upgrade update", "secure protect safe", "repo repository", "pr pull", "ip address",
    "money refund", "remember memory", "language translation", "guide tutorial", "two 2fa factor", "wait queue",
    "database sqlite postgres", "compute calculate", "picture image photo avatar", "rule policy", "country region",
    "happen occur", "computer machine device server internet", "add plug integrate connect", "force pin fix", "data information content metrics conversation", "agent specialist", "provider openai bedrock vendor", "version release newer",
    "collect gather record track", "telemetry tracking", "blocked ban suspend", "combine merge join", "mean stand", "number figure",
)  # fmt: skip


def _synonyms() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for group in _SYNONYMS:
        members = {stem(word) for word in group.split()}
        for member in members:
            table.setdefault(member, set()).update(members - {member})
    return {member: frozenset(others) for member, others in table.items()}


SYNONYMS = _synonyms()


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    stem: str
    surface: str
    """As the person wrote it."""
    base: float
    """Weight before rarity: 1 for a word that names something."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    text: str
    kind: Kind
    terms: tuple[Term, ...]
    """The different content words, in order of appearance."""
    order: tuple[str, ...]
    """All stems as they stand, small words included."""
    pairs: frozenset[tuple[str, str]]
    """Neighbouring content words: phrases."""
    negated: bool

    @property
    def whole(self) -> bool:
        """Whether a procedure or an enumeration should be given whole."""
        return self.kind in ("howto", "list")


def read_question(text: str, asked: str | None = None) -> Question:
    """The question as it will be measured. Only its last 2,000 characters count.

    `asked`: what the person wrote, when `text` is a follow-up completed with earlier words. It
    decides what kind of answer is wanted, and the earlier words count a little less.
    """
    text = " ".join(text[-2000:].split())
    asked = text if asked is None else " ".join(asked[-2000:].split())
    lowered = _without_politeness(text.lower()).replace("stand for", "mean")
    own = set(words(asked.lower()))
    surfaces = {
        part.lower(): whole
        for whole in re.findall(r"[^\W_]+(?:[-_'’.][^\W_]+)*", text)
        for part in re.split(r"[-_.]", whole)
    }
    content = [
        word.removesuffix("'s") for word in words(lowered) if is_content(word.removesuffix("'s"))
    ]
    terms: dict[str, Term] = {}
    for word in content[:60]:
        surface = surfaces.get(word, word)
        base = _base(word, surface) * (1.0 if word in own else EARLIER)
        terms.setdefault(stem(word), Term(stem=stem(word), surface=surface, base=base))
    chain = [stem(word) for word in content]
    return Question(
        text=asked,
        kind=_kind(_without_politeness(asked.lower()).replace("stand for", "mean")),
        terms=tuple(terms.values()),
        order=tuple(stem(word) for word in words(lowered)),
        pairs=frozenset(pairwise(chain)),
        negated=bool(re.search(r"\b(?:not|n't|never|without|no)\b|n't\b", lowered)),
    )


def _kind(lowered: str) -> Kind:
    return next((kind for kind, pattern in _KIND_RES if pattern.search(lowered)), "about")


_POLITE = re.compile(
    r"^(?:(?:hi|hello|hey|ok|okay|so|and|but|please|thanks|well|um)\b[,!. ]*)+"
    r"|^(?:(?:can|could|would|will) you (?:please )?|please |i (?:want|need|would like|'d like) (?:you )?to know |do you know )"
    r"(?=(?:tell|explain|show|give|list|describe|what|how|where|why|when|who|which|if)\b)",
    re.IGNORECASE,
)


def _without_politeness(lowered: str) -> str:
    for _ in range(2):
        lowered = _POLITE.sub("", lowered).strip()
    return re.sub(
        r"^(?:tell me|explain(?: to me)?|show me) (?=(?:what|how|where|why|when|who|which)\b)",
        "",
        lowered,
    )


def _base(word: str, surface: str) -> float:
    if stem(word) in _WEAK:
        return _WEAK_WEIGHT
    if word == "switchboard":
        return _PRODUCT_WEIGHT
    if stem(word) in _COMMON:
        return _COMMON_WEIGHT
    special = any(c.isdigit() for c in word) or surface[1:] != surface[1:].lower()
    return 1.2 if special and len(word) > 1 else 1.0


_OPENER = re.compile(
    r"^(?:how (?:do|can|should|would|could|might) (?:i|we|you|one|people|someone)|how to|(?:can|could|may) i|"
    r"what (?:are|is) the (?:steps?|best way|way|right way) to|steps to|(?:show|tell|teach) me how to|i (?:want|need) to)\s+",
    re.IGNORECASE,
)


def procedure(question: str) -> str | None:
    """ "add a key" of "How do I add my key?", said to the person who asked; None if it is no such question."""
    text = _POLITE.sub("", question).strip()
    match = _OPENER.match(text)
    if match is None:
        return None
    rest = re.split(r"[?.!,;:]|\b(?:when|if|so that|because)\b", text[match.end() :], maxsplit=1)[
        0
    ].strip()
    swap = {
        "my": "your",
        "our": "your",
        "i": "you",
        "we": "you",
        "me": "you",
        "us": "you",
        "mine": "yours",
    }
    said = " ".join(swap.get(word.lower(), word) for word in rest.split())
    return said if 1 < len(said.split()) <= 12 else None
