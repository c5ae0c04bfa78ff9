"""Whether an answer that did not come through a form is one to the question that was asked.

The other way round of `interrupt_answer.py`: programs send the answer as the graph gets it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.interrupt_answer import Filled, whole
from core.interrupt_form import Action, Form

_NAMES = {
    "approve": "approve", "edit": "edit", "respond": "respond", "reject": "reject",
    "accept": "approve", "response": "respond", "ignore": "reject",
}  # fmt: skip
"""A decision as it is written, the older way too, and what it is called in a form."""


def check_answer(form: Form, answer: Any) -> Filled:
    """The answer, or what is wrong with it in one sentence (under "")."""
    match form.kind:
        case "review":
            problem = _review(form, answer)
        case "choice":
            problem = _choice(form, answer)
        case "text":
            empty = answer is None or (isinstance(answer, str) and not answer.strip())
            problem = "Give an answer." if empty else ""
        case "fields":
            problem = ""
    return Filled(problems={"": problem}) if problem else whole(form, answer)


def _review(form: Form, answer: Any) -> str:
    decisions = _decisions(form, answer)
    if decisions is None:
        return 'Decide in the form {"decisions": [{"type": "approve"}, …]}, once for each action.'
    if len(decisions) != len(form.actions):
        return f"{len(form.actions)} decisions are asked for, not {len(decisions)}."
    for action, decision in zip(form.actions, decisions, strict=True):
        if problem := _decision(action, decision):
            return problem
    return ""


def _decisions(form: Form, answer: Any) -> Sequence[Any] | None:
    if form.dialect == "per_call":
        return [answer]
    if form.dialect == "batched":
        answer = answer.get("decisions") if isinstance(answer, Mapping) else None
    return answer if isinstance(answer, list) else None


def _decision(action: Action, decision: Any) -> str:
    kind = _NAMES.get(str(decision.get("type"))) if isinstance(decision, Mapping) else None
    if kind not in action.allowed:
        return f"'{action.name}' can be answered with: {', '.join(action.allowed)}."
    if kind == "edit" and not isinstance(_edited(decision).get("args"), Mapping):
        return f"The changed arguments of '{action.name}' must be a JSON object."
    said = decision.get("message") or decision.get("args")
    if kind == "respond" and not (isinstance(said, str) and said.strip()):
        return f"Write what '{action.name}' would have answered."
    return ""


def _edited(decision: Mapping[str, Any]) -> Mapping[str, Any]:
    edited = decision.get("edited_action", decision.get("args"))
    return edited if isinstance(edited, Mapping) else {}


def _choice(form: Form, answer: Any) -> str:
    chosen = answer if form.several and isinstance(answer, list) else [answer]
    offered = [option.value for option in form.options]
    if not chosen or any(not any(_same(one, value) for value in offered) for one in chosen):
        return "Choose one of the list." if not form.several else "Choose of the list."
    return ""


def _same(one: Any, other: Any) -> bool:
    """As JSON tells values apart: true is not 1."""
    return type(one) is type(other) and bool(one == other)
