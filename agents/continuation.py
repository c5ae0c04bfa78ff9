"""Going on with an answer that broke off: what the next model is told, and what it repeats."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from agents import prompts

TAIL_CHARS = 400
"""How far back a repetition may begin."""
LONG_OVERLAP = 12
"""From this length on a repetition is one even if it begins inside a word."""


def continuation(messages: Sequence[BaseMessage], partial: str) -> list[BaseMessage]:
    """The conversation, the text so far as the model's own turn, and the request to go on.

    A turn of the user ends it: only some models go on with an assistant turn by themselves.
    """
    return [*messages, AIMessage(partial.rstrip()), HumanMessage(prompts.load("continue"))]


class Overlap:
    """Drops what a continuation repeats of the text before it.

    Holds back the first pieces only as long as they may still be a repetition. Short repetitions
    count when they are whole words ("… from the" + "the scripted"): a doubled word is rarer in
    good text than in continuations.
    """

    def __init__(self, partial: str) -> None:
        self._tail = partial[-TAIL_CHARS:]
        self._held = ""
        self.decided = not self._tail

    def feed(self, piece: str) -> str:
        """What may be shown now."""
        if self.decided:
            return piece
        self._held += piece
        if self._may_grow():
            return ""
        return self.flush()

    def flush(self) -> str:
        """The rest, once nothing more comes or nothing more can be a repetition."""
        self.decided = True
        held, self._held = self._held, ""
        for size in range(min(len(held), len(self._tail)), 0, -1):
            if self._tail.endswith(held[:size]) and self._counts(held, size):
                return held[size:]
        return held

    def _may_grow(self) -> bool:
        """Whether what is held occurs in the tail, so that the next piece may repeat on."""
        return self._held in self._tail

    def _counts(self, held: str, size: int) -> bool:
        repeated = held[:size]
        if size >= LONG_OVERLAP:
            return True
        before = self._tail[-size - 1 : -size]
        after = held[size : size + 1]
        whole = not (before.isalnum() and repeated[0].isalnum())
        whole = whole and not (after.isalnum() and repeated[-1].isalnum())
        return whole and sum(character.isalpha() for character in repeated) >= 3


class SameBeginning:
    """Drops the beginning that a whole new answer shares with an old one that is gone on with.

    For the answerer that cannot continue a text but says the same thing twice. Where the new answer
    turns out to be another one, it stands under the old one after `otherwise`.
    """

    def __init__(self, begun: str, otherwise: str) -> None:
        self._begun = begun
        self._otherwise = otherwise
        self._held = ""
        self.decided = False

    def feed(self, piece: str) -> str:
        """What may be shown now."""
        if self.decided:
            return piece
        self._held += piece
        if self._begun.startswith(self._held):
            return ""
        self.decided = True
        if self._held.startswith(self._begun):
            return self._held[len(self._begun) :]
        return self._otherwise + self._held

    def flush(self) -> str:
        """The rest, once nothing more comes: a shorter answer adds nothing."""
        self.decided = True
        return ""
