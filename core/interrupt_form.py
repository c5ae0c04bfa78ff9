"""What a graph asks people, as a form to draw: from the value of an interrupt and its schema.

Read, in this order: a review of tool calls as LangChain's human-in-the-loop middleware writes it (all
calls of a turn in one interrupt, or one call each), the older form with `action_request`, a response
schema, a list of choices, a plain question. Anything else is shown as it is, with a free answer.
`interrupt_answer.py` turns what was entered into what the graph gets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from core.interrupt_fields import (
    Field,
    Option,
    fields_of_schema,
    fields_of_values,
    options_of,
    resolve,
)

Decision = Literal["approve", "edit", "reject", "respond"]
DECISIONS: tuple[Decision, ...] = get_args(Decision)
FormKind = Literal["review", "fields", "choice", "text"]
Dialect = Literal["batched", "per_call", "older"]
"""How the answer to a review is written."""
MAX_ACTIONS = 50
MAX_TEXT_CHARS = 20_000
_QUESTIONS = (
    "question",
    "message",
    "prompt",
    "title",
    "text",
    "description",
    "instruction",
    "query",
)
_CHOICES = ("options", "choices")
_FLAGS = {
    "allow_accept": "approve",
    "allow_edit": "edit",
    "allow_respond": "respond",
    "allow_ignore": "reject",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One tool call that a person is to decide on."""

    name: str
    args: Mapping[str, Any]
    description: str = ""
    allowed: tuple[Decision, ...] = DECISIONS
    fields: tuple[Field, ...] = ()
    """Its arguments, for changing them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """All texts in it are a graph's, and may quote a model or a document."""

    kind: FormKind
    question: str = ""
    details: str = ""
    """What else came with the question, as JSON; "" when there is nothing else."""
    actions: tuple[Action, ...] = ()
    dialect: Dialect = "batched"
    fields: tuple[Field, ...] = ()
    options: tuple[Option, ...] = ()
    several: bool = False
    """More than one of the options may be chosen."""
    free: bool = False
    """The answer may be any text, or JSON."""
    schema: Mapping[str, Any] | bool | None = None
    """What the answer must fit, when the graph says so."""

    @property
    def subject(self) -> str:
        """What it is about, for a list: one line."""
        if self.actions:
            names = list(dict.fromkeys(action.name for action in self.actions))
            return f"Approve {', '.join(names[:3])}{' …' if len(names) > 3 else ''}"
        line = " ".join((self.question or self.details).split())
        return line[:160] or "A question without words"


def read_form(value: str, response_schema: str | None = None) -> Form:
    """The form of an interrupt, given as the JSON it is stored as. Never raises for what it holds."""
    content, schema = _json(value), _json(response_schema) if response_schema else None
    known = schema if isinstance(schema, Mapping) else None
    review = _review(content, known)
    if review is not None:
        return review
    question, details = _question(content)
    if known is not None:
        return Form(
            kind="fields", question=question, details=details, schema=known, fields=fields_of_schema(known)
        )  # fmt: skip
    options = _choices(content)
    if options and isinstance(content, Mapping):
        several = bool(content.get("multiple") or content.get("multi") or content.get("several"))
        rest = _as_json(_without(content, (*_CHOICES, *_QUESTIONS, "multiple", "multi", "several")))
        return Form(
            kind="choice", question=question, details=rest, options=options, several=several
        )
    return Form(kind="text", question=question, details=details, free=bool(details))


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except (ValueError, RecursionError):
        return text


def _question(content: Any) -> tuple[str, str]:
    """(the question, the rest as JSON)."""
    if isinstance(content, str):
        return content[:MAX_TEXT_CHARS], ""
    if content is None:
        return "", ""
    if isinstance(content, Mapping):
        for name in _QUESTIONS:
            if isinstance(content.get(name), str) and content[name].strip():
                return content[name][:MAX_TEXT_CHARS], _as_json(_without(content, (name,)))
    return "", _as_json(content)


def _without(content: Mapping[str, Any], names: Sequence[str]) -> Mapping[str, Any]:
    return {name: value for name, value in content.items() if name not in names}


def _as_json(content: Any) -> str:
    if content in ({}, [], None):
        return ""
    text = json.dumps(content, ensure_ascii=False, indent=2)
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[:MAX_TEXT_CHARS]}\n…"


def _choices(content: Any) -> tuple[Option, ...]:
    if not isinstance(content, Mapping):
        return ()
    for name in _CHOICES:
        if options := options_of(content.get(name)):
            return options
    return ()


# -- reviews of tool calls


def _review(content: Any, schema: Mapping[str, Any] | None) -> Form | None:
    if isinstance(content, Mapping) and isinstance(content.get("action_requests"), list):
        return _batched(content)
    if isinstance(content, Mapping) and content.get("type") == "tool_approval":
        return _per_call(content, schema)
    items = content if isinstance(content, list) else [content]
    if items and all(_is_action_request(item) for item in items):
        actions = tuple(_older(item) for item in items[:MAX_ACTIONS])
        return Form(kind="review", actions=actions, dialect="older")
    return None


def _batched(content: Mapping[str, Any]) -> Form | None:
    requests = content["action_requests"]
    if not requests or len(requests) > MAX_ACTIONS:
        return None
    if not all(isinstance(one, Mapping) and isinstance(one.get("name"), str) for one in requests):
        return None
    configs = content.get("review_configs")
    by_name = {
        config["action_name"]: config
        for config in (configs if isinstance(configs, list) else ())
        if isinstance(config, Mapping) and isinstance(config.get("action_name"), str)
    }
    actions = tuple(_action(one, by_name.get(one["name"], {})) for one in requests)
    return Form(kind="review", actions=actions, dialect="batched")


def _action(request: Mapping[str, Any], config: Mapping[str, Any]) -> Action:
    args = _args(request)
    schema = config.get("args_schema")
    known = isinstance(schema, Mapping) and isinstance(schema.get("properties"), Mapping)
    return Action(
        name=request["name"],
        args=args,
        description=_text(request.get("description")),
        allowed=_allowed(config.get("allowed_decisions")),
        fields=fields_of_schema(schema, args) if known else fields_of_values(args),
    )


def _per_call(content: Mapping[str, Any], schema: Mapping[str, Any] | None) -> Form:
    args, branches = _args(content), _branches(schema)
    edit = _property(branches.get("edit", {}), "edited_action", schema)
    inner = _property(edit, "args", schema)
    if isinstance(inner.get("properties"), Mapping):
        # What the arguments refer to is defined beside the branches.
        fields = fields_of_schema({**inner, "$defs": (schema or {}).get("$defs", {})}, args)
    else:
        fields = fields_of_values(args)
    action = Action(
        name=str(content.get("name") or "tool"),
        args=args,
        description=_text(content.get("description")),
        allowed=_allowed(list(branches) or None),
        fields=fields,
    )
    return Form(kind="review", actions=(action,), dialect="per_call", schema=schema)


def _branches(schema: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """Decision to its schema, of a union of decisions or of a single one."""
    if schema is None:
        return {}
    each = schema.get("oneOf") or schema.get("anyOf") or [schema]
    found: dict[str, Mapping[str, Any]] = {}
    for one in each if isinstance(each, list) else ():
        branch = _follow(one, schema)
        kind = _property(branch, "type", schema)
        names = kind.get("enum")
        name = kind.get("const", names[0] if isinstance(names, list) and names else None)
        if isinstance(name, str):
            found[name] = branch
    return found


def _property(
    part: Mapping[str, Any], name: str, root: Mapping[str, Any] | None
) -> Mapping[str, Any]:
    properties = part.get("properties")
    return _follow(properties.get(name) if isinstance(properties, Mapping) else None, root)


def _follow(part: object, root: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if isinstance(part, Mapping) and isinstance(part.get("$ref"), str):
        part = resolve(part["$ref"], root or {})
    return part if isinstance(part, Mapping) else {}


def _is_action_request(item: Any) -> bool:
    return (
        isinstance(item, Mapping)
        and isinstance(item.get("action_request"), Mapping)
        and isinstance(item.get("config"), Mapping)
    )


def _older(item: Mapping[str, Any]) -> Action:
    request, config = item["action_request"], item["config"]
    args = _args(request)
    return Action(
        name=str(request.get("action") or "action"),
        args=args,
        description=_text(item.get("description")),
        allowed=_allowed([what for flag, what in _FLAGS.items() if config.get(flag)]),
        fields=fields_of_values(args),
    )


def _args(request: Mapping[str, Any]) -> Mapping[str, Any]:
    args = request.get("args", request.get("arguments"))
    return args if isinstance(args, Mapping) else {}


def _allowed(names: object) -> tuple[Decision, ...]:
    """The decisions named, in the order of DECISIONS; all but `respond` when none is."""
    given = names if isinstance(names, list) else []
    found = tuple(one for one in DECISIONS if one in given)
    return found or ("approve", "edit", "reject")


def _text(value: object) -> str:
    """A description without the call itself, which LangChain's own repeats and forms show."""
    text = value[:MAX_TEXT_CHARS] if isinstance(value, str) else ""
    return text.split("\n\nTool: ", 1)[0].strip()
