"""From what a person entered in a form to what the graph gets, and the line history keeps of it.

Entered values are untrusted: whatever a widget showed is checked again here, and a sentence says what
is wrong with each field. What comes out fits the graph's schema, or nothing comes out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from core.interrupt_fields import Field
from core.interrupt_form import Action, Decision, Form
from core.json_schema import Unjudged, errors

MAX_ANSWER_CHARS = 200_000
MAX_SAID_CHARS = 300
_MISSING = object()
_OLDER = {"approve": "accept", "edit": "edit", "respond": "response", "reject": "ignore"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Filled:
    """An answer, or why there is none yet."""

    answer: Any = None
    problems: Mapping[str, str] = field(default_factory=dict)
    """Key of a field (see `Field.key`) to a sentence; "" for the whole answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a person decided on one tool call."""

    decision: Decision
    message: str = ""
    """The reason of a rejection, or what stands in for the tool's result."""
    entered: Mapping[str, Any] = field(default_factory=dict)
    """Values of the action's fields, for an edit."""


def answer_review(form: Form, verdicts: Sequence[Verdict]) -> Filled:
    """One verdict for each of the form's actions, in order. Keys of problems begin with "n/"."""
    decisions: list[dict[str, Any]] = []
    problems: dict[str, str] = {}
    if len(verdicts) != len(form.actions):
        return Filled(problems={"": "Decide on each of the actions."})
    for n, (action, verdict) in enumerate(zip(form.actions, verdicts, strict=True)):
        decision, wrong = _decision(action, verdict)
        problems |= {f"{n}/{key}": sentence for key, sentence in wrong.items()}
        decisions.append(decision)
    if problems:
        return Filled(problems=problems)
    if form.dialect == "older":
        return whole(form, [_older(one) for one in decisions])
    return whole(form, decisions[0] if form.dialect == "per_call" else {"decisions": decisions})


def answer_fields(form: Form, entered: Mapping[str, Any]) -> Filled:
    """The answer to a form with typed fields."""
    answer, problems = _object(form.fields, entered, {})
    return Filled(problems=problems) if problems else whole(form, answer)


def answer_choice(form: Form, chosen: Sequence[int]) -> Filled:
    """`chosen`: places among the form's options."""
    values = [form.options[n].value for n in chosen if 0 <= n < len(form.options)]
    if not values:
        return Filled(problems={"": "Choose an answer."})
    return whole(form, values if form.several else values[0])


def answer_text(form: Form, text: str, *, as_json: bool = False) -> Filled:
    """A free answer, as text or as JSON."""
    if not text.strip():
        return Filled(problems={"": "Write an answer."})
    if not as_json:
        return whole(form, text)
    value, problem = _parsed(text)
    return Filled(problems={"": problem}) if problem else whole(form, value)


def describe(form: Form, answer: Any) -> str:
    """What was decided, in a few words without an end: "approved save_note"."""
    if form.kind == "review":
        decided = _decisions(answer)
        if len(decided) == len(form.actions) and decided:
            pairs = zip(form.actions, decided, strict=True)
            return _short("; ".join(_said(action, one) for action, one in pairs))
    if form.kind == "choice":
        chosen = answer if form.several and isinstance(answer, list) else [answer]
        labels = [
            next((o.label for o in form.options if o.value == one), str(one)) for one in chosen
        ]
        return _short(f"chose {', '.join(labels)}")
    if isinstance(answer, Mapping) and form.kind == "fields":
        labels_of = {f.path: f.label for f in form.fields}
        parts = (f"{labels_of.get((k,), k)}: {_plain(v)}" for k, v in answer.items())
        return _short(f"answered {', '.join(parts)}")
    return _short(f"answered {_plain(answer)}")


# -- reviews


def _decision(action: Action, verdict: Verdict) -> tuple[dict[str, Any], dict[str, str]]:
    if verdict.decision not in action.allowed:
        return {}, {"": f"'{action.name}' cannot be answered with '{verdict.decision}'."}
    message = verdict.message.strip()
    match verdict.decision:
        case "approve":
            return {"type": "approve"}, {}
        case "reject":
            return {"type": "reject"} | ({"message": message} if message else {}), {}
        case "respond":
            problem = {} if message else {"message": "Write what the tool would have answered."}
            return {"type": "respond", "message": message}, problem
    args, problems = _object(action.fields, verdict.entered, action.args)
    if not problems and not isinstance(args, Mapping):
        problems = {"": "The arguments must be a JSON object."}
    return {"type": "edit", "edited_action": {"name": action.name, "args": args}}, problems


def _older(decision: dict[str, Any]) -> dict[str, Any]:
    kind = _OLDER[decision["type"]]
    args: Any = None
    if kind == "edit":
        edited = decision["edited_action"]
        args = {"action": edited["name"], "args": edited["args"]}
    elif kind == "response":
        args = decision["message"]
    return {"type": kind, "args": args}


def _decisions(answer: Any) -> list[Mapping[str, Any]]:
    if isinstance(answer, Mapping) and isinstance(answer.get("decisions"), list):
        answer = answer["decisions"]
    items = answer if isinstance(answer, list) else [answer]
    return [item for item in items if isinstance(item, Mapping)]


def _said(action: Action, decision: Mapping[str, Any]) -> str:
    message = decision.get("message") or decision.get("args")
    said = f": {message}" if isinstance(message, str) and message.strip() else ""
    match decision.get("type"):
        case "approve" | "accept":
            return f"approved {action.name}"
        case "edit":
            return f"changed and approved {action.name}"
        case "reject" | "ignore":
            return f"rejected {action.name}{said}"
        case "respond" | "response":
            return f"answered for {action.name}{said}"
    return f"answered {action.name}"


# -- fields


def _object(
    fields: Sequence[Field], entered: Mapping[str, Any], before: Mapping[str, Any]
) -> tuple[Any, dict[str, str]]:
    """The object the fields make, over what was there before."""
    answer: dict[str, Any] = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in before.items()
    }
    problems: dict[str, str] = {}
    for one in fields:
        value, problem = _value(one, entered.get(one.key))
        if problem:
            problems[one.key] = problem
        elif not one.path:
            return value, problems
        elif value is _MISSING:
            _put(answer, one.path, _MISSING)
        else:
            _put(answer, one.path, value)
    return answer, problems


def _put(answer: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    *outer, last = path
    place = answer
    for name in outer:
        inner = place.get(name)
        if not isinstance(inner, dict):
            if value is _MISSING:
                return
            inner = place[name] = {}
        place = inner
    if value is _MISSING:
        place.pop(last, None)
    else:
        place[last] = value


def _value(one: Field, raw: Any) -> tuple[Any, str]:
    """(value, why it cannot be used)."""
    if raw is None or raw == [] or (isinstance(raw, str) and not raw.strip()):
        return _empty(one, raw)
    match one.kind:
        case "choice":
            found = _chosen(one, [raw])
            return (found[0], "") if found else (None, f"{one.label}: choose one of the list.")
        case "choices":
            places = raw if isinstance(raw, list | tuple) else [raw]
            return _chosen(one, places), ""
        case "boolean":
            return (raw, "") if isinstance(raw, bool) else (None, f"{one.label}: choose yes or no.")
        case "integer" | "number":
            return _number(one, raw)
        case "date":
            return _date(one, raw)
        case "lines":
            lines = raw if isinstance(raw, list) else str(raw).splitlines()
            return [line.strip() for line in lines if line.strip()], ""
        case "json":
            value, problem = _parsed(str(raw))
            return value, f"{one.label}: {problem}" if problem else ""
    return _text(one, str(raw))


def _empty(one: Field, raw: Any) -> tuple[Any, str]:
    if one.may_be_empty:
        return raw or "", ""
    if one.nullable and (one.required or one.default is not None):
        return None, ""
    if not one.required:
        return _MISSING, ""
    if one.kind in ("choices", "lines"):
        return [], ""  # whether that is too few is for the schema to say
    return None, f"Fill in “{one.label}”."


def _chosen(one: Field, places: Sequence[Any]) -> list[Any]:
    return [
        one.options[n].value for n in places if isinstance(n, int) and 0 <= n < len(one.options)
    ]


def _number(one: Field, raw: Any) -> tuple[Any, str]:
    try:
        value = float(raw)
    except (TypeError, ValueError, OverflowError):
        return None, f"{one.label}: write a number."
    if value != value or value in (float("inf"), float("-inf")):
        return None, f"{one.label}: write a number."
    if one.kind == "integer" and value != int(value):
        return None, f"{one.label}: write a whole number."
    if one.minimum is not None and value < one.minimum:
        return None, f"{one.label}: at least {one.minimum:g}."
    if one.maximum is not None and value > one.maximum:
        return None, f"{one.label}: at most {one.maximum:g}."
    if one.kind == "integer":
        return raw if isinstance(raw, int) else int(value), ""
    return value, ""


def _date(one: Field, raw: Any) -> tuple[Any, str]:
    if isinstance(raw, date):
        return raw.isoformat()[:10], ""
    try:
        return date.fromisoformat(str(raw).strip()).isoformat(), ""
    except ValueError:
        return None, f"{one.label}: write a date such as 2026-03-31."


def _text(one: Field, text: str) -> tuple[Any, str]:
    if len(text) > MAX_ANSWER_CHARS:
        return None, f"{one.label}: at most {MAX_ANSWER_CHARS:,} characters."
    if one.min_length is not None and len(text) < one.min_length:
        return None, f"{one.label}: at least {one.min_length} characters."
    if one.max_length is not None and len(text) > one.max_length:
        return None, f"{one.label}: at most {one.max_length} characters."
    return text, ""


def _parsed(text: str) -> tuple[Any, str]:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse), ""
    except (ValueError, RecursionError) as exc:
        return None, f"this is not JSON ({str(exc)[:100]})."


# -- the whole


def whole(form: Form, answer: Any) -> Filled:
    """The answer, if it fits the form's schema."""
    if len(json.dumps(answer, default=str)) > MAX_ANSWER_CHARS:
        return Filled(problems={"": f"The answer has more than {MAX_ANSWER_CHARS:,} characters."})
    if form.schema is None:
        return Filled(answer=answer)
    try:
        found = errors(form.schema, answer)
    except Unjudged:
        return Filled(answer=answer)  # the graph judges it when it goes on
    if not found:
        return Filled(answer=answer)
    problems: dict[str, str] = {}
    for error in found[:20]:
        path = tuple(str(step) for step in error.absolute_path)
        one = next((f for f in form.fields if f.path and path[: len(f.path)] == f.path), None)
        problems[one.key if one else ""] = (
            f"{one.label + ': ' if one else ''}{error.message[:200].rstrip('.')}."
        )
    return Filled(problems=problems)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_SAID_CHARS else f"{line[: MAX_SAID_CHARS - 1]}…"
