"""Greetings, thanks, and questions about the answerer itself.

It says honestly what it is: no language model, but an answerer that quotes documents. When passages
tell what the product can do, the answer comes from them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from core.events import Source

Smalltalk = Literal["greeting", "thanks", "bye", "self", "abilities", "product"]

_FILLER = r"(?:[\s,.!?:;)(-]|there|everyone|all|again|bot|switchboard|so much|very much|a lot|you|today|please|great|perfect|ok|okay)*"
_IT = r"(?:app|application|product|tool|site|website|thing|place|service|software|program|system)"
_PATTERNS: tuple[tuple[Smalltalk, str], ...] = (
    ("greeting", rf"(?:hi|hello|hey|hiya|howdy|good (?:morning|afternoon|evening|day)|greetings|yo|how are you(?: doing)?|how's it going|what's up|test|testing|ping){_FILLER}"),
    ("thanks", rf"(?:(?:ok|okay|great|perfect|cool|nice|awesome|wonderful)[,!. ]+)?(?:thanks?|thank you|thx|cheers|much appreciated|got it|that helps|that helped|great|perfect|cool|nice){_FILLER}"),
    ("bye", rf"(?:bye|goodbye|see you|good night|ciao){_FILLER}(?:later|soon|tomorrow)?{_FILLER}"),
    ("self", r"(?:so )?(?:who|what)(?: exactly)? are you|who am i (?:talking|speaking|chatting) (?:to|with)|are you (?:a |an )?(?:bot|robot|human|person|ai|real|chatgpt|gpt|llm|language model).{0,30}|what(?:'s| is) your name|(?:which|what) (?:\w+ )?model (?:are you|is this|do you use|am i (?:talking|speaking) to)|introduce yourself|tell me about yourself|how do you work"),
    ("product", rf"what(?:'s| is| does) (?:this|it|the)(?: {_IT})?(?: (?:about|for|do|doing|all about|supposed to do|used for))*|what am i looking at|where am i|(?:explain|describe|tell me about|what about) (?:this|the) {_IT}"),
    ("abilities", r"(?:what|how) can you (?:do|help|answer)(?: (?:for )?(?:me|us)| with)?|what (?:are you able to do|do you do|do you know|can i (?:ask|do)(?: you| here)?|should i ask(?: you)?)|help(?: me)?|how can you help(?: me)?|what (?:questions )?can (?:i|you) (?:ask|answer)(?: you)?"),
)  # fmt: skip
_RES = tuple(
    (
        kind,
        re.compile(
            rf"(?:(?:hi|hello|hey|ok|okay|so)\b[,!. ]*)?(?:{pattern})[\s?!.:)]*", re.IGNORECASE
        ),
    )
    for kind, pattern in _PATTERNS
)
ABOUT_PRODUCT = "What is Switchboard and what can you do with it?"
_SELF = (
    "I am Switchboard's built-in answerer. I am not a language model: I look through the documents I am "
    "given, choose the sentences that answer your question, and cite each of them by number."
)
_LIMITS = "When the documents do not hold an answer, I say so."


def smalltalk(text: str) -> Smalltalk | None:
    """The kind of small talk, if the message is nothing but that."""
    line = " ".join(text.split()).replace("’", "'")
    if len(line) > 90:
        return None
    return next((kind for kind, pattern in _RES if pattern.fullmatch(line)), None)


def reply(kind: Smalltalk, sources: Sequence[Source]) -> str:
    """What to say. `sources` tell which subjects there are to ask about."""
    topics = _topics(sources)
    if kind == "greeting":
        return f"Hello! Ask me a question and I will answer it from the documents{topics}, with sources."
    if kind == "thanks":
        return "You're welcome. Ask on whenever you like."
    if kind == "bye":
        return "Goodbye! This conversation stays in the history if you want to go on later."
    if kind == "product":
        return (
            "This is Switchboard: a chat with LangGraph agents that answer from documents with sources, a "
            "page that compares models side by side, and a dashboard of what every answer cost in time, "
            "tokens and money. Ask “What is Switchboard?” for what its handbook says."
        )
    if kind == "self":
        return (
            f"{_SELF} {_LIMITS} With a language model configured, that model answers instead of me."
        )
    return (
        f"I answer questions from the documents{topics}: what something is, how to do it, where it is "
        "found, what it costs. I keep steps, tables and code whole and cite every statement. I can also "
        "report this installation's figures, such as “cost this week by model” or “p95 latency today”, "
        f"where that tool is available. {_LIMITS}"
    )


def self_prefix() -> str:
    """What the answerer is, in a sentence, before what the documents say about the product."""
    return _SELF


def _topics(sources: Sequence[Source]) -> str:
    titles = list(dict.fromkeys(source.title for source in sources if source.title))[:3]
    if not titles:
        return ""
    return f" (for example {', '.join(f'*{title}*' for title in titles)})"
