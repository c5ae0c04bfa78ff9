"""A conversation as lines of JSON: for fine-tuning in OpenAI's chat form, and as test questions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from agents.evaluation.case_of import MAX_TEXT_CHARS
from agents.evaluation.from_answer import cited
from agents.evaluation.question_set import Case, write_set
from agents.evaluation.reading import MAX_QUESTION_CHARS
from core.conversation import Conversation, Message
from core.transcript import AnswerSummary


def for_training(one: Conversation) -> str:
    """One line with the branch shown; "" when nothing of it was answered.

    Questions without a whole answer are left out. An answer somebody marked as bad stays as context
    and has the weight 0: it is not learned from.
    """
    messages: list[dict[str, Any]] = []
    for question, answer in _turns(one):
        told: dict[str, Any] = {"role": "assistant", "content": answer.text}
        if answer.rating is not None and answer.rating.thumb < 0:
            told["weight"] = 0
        messages += [{"role": "user", "content": question.text}, told]
    if all("weight" in told for told in messages[1::2]):
        return ""
    return json.dumps({"messages": messages}, ensure_ascii=False) + "\n"


def for_evaluation(one: Conversation) -> str:
    """A line for each question of the branch shown that has a whole answer: its reference."""
    cases = []
    digest = one.digest()[:12]
    for number, (question, answer) in enumerate(_turns(one), 1):
        if len(question.text) > MAX_QUESTION_CHARS:
            continue
        documents = cited(answer.text, answer.summary or AnswerSummary())
        place = f"question {number} of " if number > 1 else ""
        cases.append(
            Case(
                id=f"{digest}-{number}",
                question=question.text,
                tags=one.tags,
                document=documents[0] if documents else "",
                reference=answer.text[:MAX_TEXT_CHARS],
                notes=f"From {place}the chat: {one.title}",
            )
        )
    return write_set(cases).decode("utf-8") if cases else ""


def _turns(one: Conversation) -> Iterator[tuple[Message, Message]]:
    """Questions of the branch shown with their whole answers."""
    branch = one.branch()
    for question, answer in pairwise(branch):
        whole = answer.summary is None or answer.summary.status == "completed"
        asked = question.role == "user" and question.text.strip()
        if asked and answer.role == "assistant" and answer.text.strip() and whole:
            yield question, answer
