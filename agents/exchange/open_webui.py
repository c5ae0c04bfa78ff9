"""Open WebUI's export of chats: messages by id, each naming its parent, and the id of the current one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agents.exchange import fields
from agents.exchange.found import Found, by_time, checked_count, parents_of
from agents.exchange.reasoning import details_of, take_out
from agents.exchange.tree import newest_leaf, order
from core.conversation import Conversation, Message, Rating
from core.errors import InvalidInput
from core.transcript import AnswerSummary

NAME = "open-webui"


def fits(entry: Mapping[str, Any]) -> bool:
    if isinstance(entry.get("chat"), dict) or ("chat" in entry and "user_id" in entry):
        return True
    return isinstance(fields.mapping(entry.get("history")).get("messages"), dict)


def read(entry: Mapping[str, Any]) -> Found:
    """Raises InvalidInput with what is wrong."""
    chat = fields.mapping(entry.get("chat")) or entry
    said, current = _messages(chat)
    checked_count(len(said))
    if not said:
        raise InvalidInput("It has no messages.")
    tree = order((key, _id(message.get("parentId"))) for key, message in said.items())
    above: dict[str | None, str | None] = {None: None}
    messages: list[Message] = []
    notes = list(tree.notes)
    for key in tree.keys:
        before = above[tree.parents[key]]
        message = _message(key, before, said[key])
        if message is None:
            above[key] = before
            if said[key].get("role") == "system":
                notes.append("Its system prompt is left out: it is not part of what was said.")
            continue
        messages.append(message)
        above[key] = key
    if not messages:
        raise InvalidInput("It has no messages.")
    messages = list(by_time(messages))
    head = above.get(current)
    if head is None:
        head = newest_leaf([message.key for message in messages], parents_of(messages))
        notes.append("It does not say which of its branches is shown: the last one is.")
    return Found(
        conversation=_conversation(entry, chat, messages, head),
        notes=tuple(dict.fromkeys(notes)),
        owner=fields.line(entry.get("user_id"), 100),
    )


def _conversation(
    entry: Mapping[str, Any], chat: Mapping[str, Any], messages: list[Message], head: str | None
) -> Conversation:
    created = fields.moment(entry.get("created_at")) or fields.moment(chat.get("timestamp"))
    updated = fields.moment(entry.get("updated_at")) or created
    meta = fields.mapping(entry.get("meta"))
    return Conversation(
        title=fields.title(entry.get("title") or chat.get("title"), messages[0].text),
        messages=tuple(messages),
        created_at_us=created,
        updated_at_us=updated,
        head=head,
        tags=fields.tags(meta.get("tags") or chat.get("tags")),
        pinned_at_us=updated if entry.get("pinned") is True else None,
        archived_at_us=updated if entry.get("archived") is True else None,
        source=NAME,
    )


def _messages(chat: Mapping[str, Any]) -> tuple[dict[str, Mapping[str, Any]], str | None]:
    """(messages by id, the current one). Old chats have a plain list instead of a tree."""
    history = fields.mapping(chat.get("history"))
    by_id = fields.mapping(history.get("messages"))
    if by_id:
        return {k: fields.mapping(m) for k, m in by_id.items()}, _id(history.get("currentId"))
    found: dict[str, Mapping[str, Any]] = {}
    before: str | None = None
    for place, message in enumerate(fields.objects(chat.get("messages"))):
        key = _id(message.get("id")) or f"message-{place}"
        found[key] = {**message, "parentId": message.get("parentId", before)}
        before = key
    return found, before


def _message(key: str, before: str | None, message: Mapping[str, Any]) -> Message | None:
    role = message.get("role")
    if role not in ("user", "assistant"):
        return None
    text, names = _content(message.get("content"))
    names += [_file_name(one) for one in fields.objects(message.get("files"))]
    summary = None
    if role == "assistant":
        text, summary = _answer(text, message)
        failed = fields.mapping(message.get("error")).get("content")
        if isinstance(failed, str) and failed:
            text = text or fields.text(failed)
    text = (text + fields.attached(names)).strip()
    if not text and not (summary and (summary.thinking or summary.tools)):
        return None
    return Message(
        key=key,
        parent=before,
        role=role,
        text=text,
        created_at_us=fields.moment(message.get("timestamp")),
        summary=summary,
        rating=_rating(message.get("annotation")),
    )


def _answer(text: str, message: Mapping[str, Any]) -> tuple[str, AnswerSummary]:
    """(the words of an answer, what is known of it)."""
    text, thinking = take_out(text)
    text, called = details_of(text, "tool_calls")
    text, _ = details_of(text, "code_interpreter")
    tools = [
        fields.tool(a.get("id", ""), a.get("name", ""), a.get("arguments", ""), a.get("result") or body)
        for a, body in called
    ]  # fmt: skip
    told_thinking, told_tools = _output(message.get("output"))
    own = message.get("reasoning_content")
    thinking = told_thinking or thinking or (fields.text(own) if own else "")
    usage = fields.mapping(message.get("usage")) or fields.mapping(message.get("info"))
    shown = message.get("model") or message.get("modelName")
    return text.strip() if tools or thinking else text, fields.answer(
        model=shown,
        thinking=thinking,
        tools=told_tools or tools,
        sources=_sources(message.get("sources") or message.get("citations")),
        input_tokens=_first(usage, "prompt_tokens", "input_tokens", "prompt_eval_count"),
        output_tokens=_first(usage, "completion_tokens", "output_tokens", "eval_count"),
        status="cancelled" if message.get("done") is False else "completed",
    )


def _output(value: object) -> tuple[str, list[dict[str, Any]]]:
    """(reasoning, calls of tools) of the newer form, which keeps them apart from the text."""
    thoughts: list[str] = []
    calls: dict[str, dict[str, Any]] = {}
    for one in fields.objects(value):
        call_id = fields.line(one.get("call_id"), 100)
        match one.get("type"):
            case "reasoning":
                thoughts += [fields.text(p.get("text")) for p in fields.objects(one.get("content"))]
            case "function_call":
                calls[call_id] = fields.tool(call_id, one.get("name"), one.get("arguments"), None)
            case "function_call_output" if call_id in calls:
                given = one.get("output")
                parts = [fields.text(p.get("text")) for p in fields.objects(given)]
                words = "\n".join(parts) if parts else fields.as_text(given)
                calls[call_id]["output"] = words[: fields.TOOL_CHARS]
    return "\n\n".join(thought for thought in thoughts if thought), list(calls.values())


def _content(value: object) -> tuple[str, list[str]]:
    """(words, names of what else) of a text or a list of parts."""
    if isinstance(value, str):
        return fields.text(value), []
    texts: list[str] = []
    names: list[str] = []
    for part in fields.objects(value):
        if isinstance(part.get("text"), str):
            texts.append(fields.text(part["text"]))
        else:
            names.append("image" if "image" in str(part.get("type")) else "file")
    return "\n\n".join(texts), names


def _file_name(one: Mapping[str, Any]) -> str:
    inner = fields.mapping(one.get("file"))
    name = one.get("name") or inner.get("filename") or inner.get("name")
    return fields.line(name, 200) or fields.line(one.get("type"), 20) or "file"


def _sources(value: object) -> list[dict[str, Any]]:
    """A document and its passages each become a source."""
    found: list[dict[str, Any]] = []
    for one in fields.objects(value):
        about = fields.mapping(one.get("source"))
        passages = one.get("document")
        for passage in passages if isinstance(passages, list) else [""]:
            if len(found) >= 200:
                return found
            found.append(
                fields.source(len(found) + 1, about.get("name"), about.get("url"), passage)
            )
    return found


def _rating(value: object) -> Rating | None:
    told = fields.mapping(value)
    thumb = told.get("rating")
    if thumb not in (1, -1) or isinstance(thumb, bool):
        return None
    reason = fields.line(told.get("reason"))
    return fields.rating(int(thumb), reason, told.get("comment"))


def _first(usage: Mapping[str, Any], *names: str) -> int | None:
    return next((n for name in names if (n := fields.number(usage.get(name))) is not None), None)


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
