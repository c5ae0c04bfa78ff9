"""LibreChat's export of a conversation: a list of messages, or replies nested inside replies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agents.exchange import fields
from agents.exchange.found import Found, by_time, checked_count, parents_of
from agents.exchange.reasoning import take_out
from agents.exchange.tree import newest_leaf, order
from core.conversation import Conversation, Message, Rating
from core.errors import InvalidInput
from core.transcript import AnswerSummary

NAME = "librechat"
NO_PARENT = "00000000-0000-0000-0000-000000000000"
_THUMBS = {"thumbsUp": 1, "thumbsDown": -1}


def fits(entry: Mapping[str, Any]) -> bool:
    return "conversationId" in entry and ("messages" in entry or "messagesTree" in entry)


def read(entry: Mapping[str, Any]) -> Found:
    """Raises InvalidInput with what is wrong."""
    said: dict[str, Mapping[str, Any]] = {}
    parents: list[tuple[str, str | None]] = []
    for key, parent, message in _flat(entry.get("messagesTree") or entry.get("messages")):
        if key not in said:
            said[key] = message
            parents.append((key, parent))
            checked_count(len(said))
    tree = order(parents)
    above: dict[str | None, str | None] = {None: None}
    messages: list[Message] = []
    for key in tree.keys:
        before = above[tree.parents[key]]
        found = _message(key, before, said[key])
        above[key] = before if found is None else key
        if found is not None:
            messages.append(found)
    if not messages:
        raise InvalidInput("It has no messages.")
    said_in_order = by_time(messages)
    times = [one.created_at_us for one in messages if one.created_at_us]
    options = fields.mapping(entry.get("options"))
    notes = list(tree.notes)
    if options.get("promptPrefix") or entry.get("promptPrefix"):
        notes.append("Its instructions are left out: they are not part of what was said.")
    created = fields.moment(entry.get("createdAt")) or min(times, default=None)
    updated = fields.moment(entry.get("updatedAt")) or max(times, default=None)
    conversation = Conversation(
        title=fields.title(entry.get("title"), messages[0].text),
        messages=said_in_order,
        created_at_us=created,
        updated_at_us=updated,
        head=newest_leaf([one.key for one in said_in_order], parents_of(messages)),
        tags=fields.tags(entry.get("tags")),
        archived_at_us=updated if entry.get("isArchived") is True else None,
        source=NAME,
    )
    owner = next(
        (fields.line(one.get("user"), 100) for one in said.values() if one.get("user")), ""
    )
    return Found(conversation=conversation, notes=tuple(notes), owner=owner)


def _flat(value: object) -> Iterator[tuple[str, str | None, Mapping[str, Any]]]:
    """(key, parent, message) of every message, parents first when they are nested."""
    waiting: list[tuple[Mapping[str, Any], str | None]] = [
        (one, None) for one in reversed(fields.objects(value))
    ]
    unnamed = 0
    while waiting:
        message, inside = waiting.pop()
        key = message.get("messageId") or message.get("_id")
        if not isinstance(key, str) or not key:
            unnamed += 1
            key = f"message-{unnamed}"
        told = message.get("parentMessageId")
        parent = inside if inside is not None else told
        yield key, parent if isinstance(parent, str) and parent != NO_PARENT else None, message
        children = fields.objects(message.get("children"))
        waiting.extend((child, key) for child in reversed(children))


def _message(key: str, before: str | None, message: Mapping[str, Any]) -> Message | None:
    from_user = message.get("isCreatedByUser")
    if not isinstance(from_user, bool):
        from_user = str(message.get("sender") or message.get("role")).lower() == "user"
    words, thinking, tools, names = _content(message.get("content"))
    text = words or fields.text(message.get("text"))
    files = [*fields.objects(message.get("files")), *fields.objects(message.get("attachments"))]
    names += [fields.line(one.get("filename") or one.get("name"), 200) for one in files]
    summary = None
    if not from_user:
        text, taken = take_out(text)
        summary = _summary(message, thinking or taken, tools)
    text = (text + fields.attached(names)).strip()
    if not text and not (summary and (summary.thinking or summary.tools)):
        return None
    return Message(
        key=key,
        parent=before,
        role="user" if from_user else "assistant",
        text=text,
        created_at_us=fields.moment(message.get("createdAt")),
        summary=summary,
        rating=None if from_user else _rating(message.get("feedback")),
    )


def _summary(
    message: Mapping[str, Any], thinking: str, tools: list[dict[str, Any]]
) -> AnswerSummary:
    cut = message.get("unfinished") is True or message.get("finish_reason") == "incomplete"
    status = "error" if message.get("error") is True else "cancelled" if cut else "completed"
    error = None
    if status == "error":
        error = {
            "code": "import", "message": "The other program could not answer.",
            "what_to_do": "Ask again.", "retryable": False,
        }  # fmt: skip
    return fields.answer(
        model=message.get("model") or message.get("sender"),
        thinking=thinking,
        tools=tools,
        status=status,
        error=error,
        input_tokens=fields.number(message.get("promptTokens")),
        output_tokens=fields.number(message.get("tokenCount")),
    )


def _content(value: object) -> tuple[str, str, list[dict[str, Any]], list[str]]:
    """(words, reasoning, calls of tools, names of files) of the parts of a message."""
    texts: list[str] = []
    thoughts: list[str] = []
    tools: list[dict[str, Any]] = []
    names: list[str] = []
    for part in fields.objects(value):
        kind = str(part.get("type"))
        match kind:
            case "text":
                texts.append(_words(part.get("text")))
            case "think":
                thoughts.append(_words(part.get("think")))
            case "error":
                texts.append(_words(part.get("error")))
            case "tool_call":
                call = fields.mapping(part.get("tool_call"))
                inner = fields.mapping(call.get("function")) or call
                output = call.get("output", inner.get("output"))
                tools.append(
                    fields.tool(
                        str(call.get("id") or ""),
                        inner.get("name"),
                        inner.get("args", inner.get("arguments")),
                        None if output is None else fields.as_text(output),
                    )
                )
            case _:
                names.append("image" if "image" in kind else "file")
    words = "\n\n".join(text for text in texts if text.strip())
    return words, "\n\n".join(thought for thought in thoughts if thought), tools, names


def _words(value: object) -> str:
    return fields.text(value.get("value") if isinstance(value, dict) else value)


def _rating(value: object) -> Rating | None:
    told = fields.mapping(value)
    thumb = _THUMBS.get(str(told.get("rating")))
    if thumb is None:
        return None
    tag = told.get("tag")
    reason = fields.line(tag.get("label") or tag.get("key") if isinstance(tag, dict) else tag)
    return fields.rating(thumb, reason, told.get("text"))
