"""ChatGPT's `conversations.json`: nodes with parents, of which several make one answer.

What a person sees as one answer is there a chain of nodes: thoughts, calls of tools, what they gave
back, and the text. The chain becomes one message; where it forks, each way becomes a version.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agents.exchange import fields
from agents.exchange.found import Found, by_time, checked_count, parents_of
from agents.exchange.tree import Ordered, newest_leaf, order
from core.conversation import Conversation, Message
from core.errors import InvalidInput

NAME = "chatgpt"
_LEFTOVER_MARK = re.compile(
    "[\ue200-\ue206]+(?:[^\ue200-\ue206\\s]{0,80}[\ue200-\ue206]+)*|【[^】]{0,60}†[^】]{0,60}】"
)


def fits(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("mapping"), dict) or (
        "mapping" not in entry and "create_time" in entry and "conversation_id" in entry
    )


def read(entry: Mapping[str, Any]) -> Found:
    """Raises InvalidInput with what is wrong."""
    nodes = entry.get("mapping")
    if not isinstance(nodes, dict):
        raise InvalidInput("It has no messages ('mapping' is missing).")
    checked_count(len(nodes))
    tree = order(_pairs(nodes))
    chain = _Chain(nodes, tree, entry.get("default_model_slug"))
    chain.read()
    if not chain.messages:
        raise InvalidInput("It has no messages.")
    messages = by_time(chain.messages)
    current = entry.get("current_node")
    head = chain.message_of.get(current) if isinstance(current, str) else None
    notes = list(tree.notes)
    if head is None:
        head = newest_leaf([message.key for message in messages], parents_of(messages))
        notes.append("It does not say which of its branches is shown: the last one is.")
    created = fields.moment(entry.get("create_time"))
    updated = fields.moment(entry.get("update_time"))
    conversation = Conversation(
        title=fields.title(entry.get("title"), messages[0].text),
        messages=messages,
        created_at_us=created,
        updated_at_us=updated,
        head=head,
        pinned_at_us=(updated or created) if entry.get("is_starred") is True else None,
        archived_at_us=(updated or created) if entry.get("is_archived") is True else None,
        source=NAME,
    )
    if chain.instructions:
        notes.append("Its own instructions are left out: they are not part of what was said.")
    return Found(conversation=conversation, notes=tuple(notes))


def _pairs(nodes: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """(key, parent) of every node, in the order of their parents' lists of children."""
    told: dict[str, str] = {}
    rank: dict[str, int] = {}
    for key, node in nodes.items():
        children = fields.mapping(node).get("children")
        for place, child in enumerate(children if isinstance(children, list) else ()):
            if isinstance(child, str):
                told.setdefault(child, key)
                rank.setdefault(child, place)
    pairs = []
    for key in sorted(nodes, key=lambda name: rank.get(name, 0)):
        node = fields.mapping(nodes[key])
        parent = node.get("parent") if "parent" in node else told.get(key)
        pairs.append((key, parent if isinstance(parent, str) else None))
    return pairs


@dataclass(frozen=True, slots=True)
class _Pending:
    """An answer so far."""

    texts: tuple[str, ...] = ()
    thoughts: tuple[str, ...] = ()
    tools: tuple[dict[str, Any], ...] = ()
    sources: tuple[dict[str, Any], ...] = ()
    model: str | None = None
    at_us: int | None = None
    status: str = "completed"

    @property
    def empty(self) -> bool:
        return not (self.texts or self.thoughts or self.tools)


class _Chain:
    """Nodes folded into messages."""

    def __init__(self, nodes: Mapping[str, Any], tree: Ordered, model: object) -> None:
        self._nodes, self._tree, self._model = nodes, tree, model
        self.messages: list[Message] = []
        self.message_of: dict[str, str] = {}
        """Node → the message it is part of; of an answer, the one that ends with it."""
        self.instructions = False
        self._state: dict[str, tuple[str | None, _Pending]] = {}
        """Of nodes with children to come: a long chain would hold each of its beginnings."""
        self._before: dict[str, tuple[str | None, bool]] = {}
        """Node → (the message before it, whether it is part of an answer)."""
        self._written: dict[str, str | None] = {}

    def read(self) -> None:
        children = Counter(parent for parent in self._tree.parents.values() if parent is not None)
        for key in self._tree.keys:
            parent = self._tree.parents[key]
            before, pending = self._state[parent] if parent is not None else (None, _Pending())
            if parent is not None:
                children[parent] -= 1
                if not children[parent]:
                    del self._state[parent]
            message = fields.mapping(fields.mapping(self._nodes[key]).get("message"))
            role = fields.mapping(message.get("author")).get("role")
            if role == "user" and not _hidden(message):
                before = self._answer(parent, before, pending)
                state = (self._question(key, before, message), _Pending())
            else:
                self.instructions |= _is_instructions(message)
                state = (before, self._add(pending, message, role))
            self._before[key] = (state[0], not state[1].empty)
            if children[key]:
                self._state[key] = state
            else:
                self._answer(key, *state)
        self._point_into_answers()

    def _question(self, key: str, before: str | None, message: Mapping[str, Any]) -> str | None:
        text, names = _text(message)
        if not text.strip() and not names:
            return before
        self.messages.append(
            Message(
                key=key,
                parent=before,
                role="user",
                text=(text + fields.attached(names)).strip(),
                created_at_us=fields.moment(message.get("create_time")),
            )
        )
        self.message_of[key] = key
        return key

    def _answer(self, end: str | None, before: str | None, pending: _Pending) -> str | None:
        """Writes the answer that ends with a node, once; gives its key."""
        if end is None or pending.empty:
            return before
        if end in self._written:
            return self._written[end]
        self.messages.append(
            Message(
                key=end,
                parent=before,
                role="assistant",
                text="\n\n".join(pending.texts),
                created_at_us=pending.at_us,
                summary=fields.answer(
                    model=pending.model or self._model,
                    thinking="\n\n".join(pending.thoughts),
                    tools=list(pending.tools),
                    sources=list(pending.sources),
                    status=pending.status,
                ),
            )
        )
        self._written[end] = self.message_of[end] = end
        return end

    def _add(self, pending: _Pending, message: Mapping[str, Any], role: object) -> _Pending:
        content = fields.mapping(message.get("content"))
        kind = content.get("content_type")
        if not content or kind in ("user_editable_context", "model_editable_context"):
            return pending
        meta = fields.mapping(message.get("metadata"))
        pending = replace(
            pending,
            at_us=fields.moment(message.get("create_time")) or pending.at_us,
            model=fields.line(meta.get("model_slug")) or pending.model,
        )
        if role == "tool":
            return _with_output(pending, message)
        if role != "assistant" or (_hidden(message) and kind != "thoughts"):
            return pending
        if kind == "thoughts":
            return replace(pending, thoughts=(*pending.thoughts, *_thoughts(content)))
        if kind == "reasoning_recap":
            return pending
        recipient = message.get("recipient") or "all"
        if recipient != "all":
            given = content.get("text") or _text(message)[0]
            call = fields.tool(str(message.get("id") or ""), recipient, given, None)
            return replace(pending, tools=(*pending.tools, call))
        if message.get("channel") == "analysis" or kind == "thought":
            return replace(pending, thoughts=(*pending.thoughts, _text(message)[0]))
        text, names = _text(message)
        text, sources = _cited(text, meta, len(pending.sources))
        text = (text + fields.attached(names)).strip()
        texts = (*pending.texts, text) if text else pending.texts
        status = "cancelled" if _cut(message, meta) else "completed"
        return replace(
            pending, texts=texts, sources=(*pending.sources, *sources), status=status
        )  # fmt: skip

    def _point_into_answers(self) -> None:
        """A node in the middle of an answer points at the answer, for `current_node`."""
        for key in reversed(self._tree.keys):
            parent = self._tree.parents[key]
            if key in self.message_of and parent is not None and parent not in self.message_of:
                before, in_answer = self._before[parent]
                if in_answer:
                    self.message_of[parent] = self.message_of[key]
                elif before is not None:
                    self.message_of[parent] = before


def _hidden(message: Mapping[str, Any]) -> bool:
    meta = fields.mapping(message.get("metadata"))
    kind = fields.mapping(message.get("content")).get("content_type")
    return meta.get("is_visually_hidden_from_conversation") is True or kind in (
        "user_editable_context",
        "model_editable_context",
    )


def _is_instructions(message: Mapping[str, Any]) -> bool:
    meta = fields.mapping(message.get("metadata"))
    role = fields.mapping(message.get("author")).get("role")
    return meta.get("is_user_system_message") is True or (
        role == "system" and bool(_text(message)[0].strip())
    )


def _cut(message: Mapping[str, Any], meta: Mapping[str, Any]) -> bool:
    ended = fields.mapping(meta.get("finish_details")).get("type")
    return ended == "interrupted" or message.get("status") == "in_progress"


def _text(message: Mapping[str, Any]) -> tuple[str, list[str]]:
    """(the words of a message, the names of what else it holds)."""
    content = fields.mapping(message.get("content"))
    kind = content.get("content_type")
    if kind == "code":
        language = fields.line(content.get("language"), 20)
        language = "" if language == "unknown" else language
        return f"```{language}\n{fields.text(content.get('text'))}\n```", []
    parts = content.get("parts")
    if not isinstance(parts, list):
        words = [content.get(name) for name in ("title", "text", "result", "content")]
        return "\n\n".join(fields.text(word) for word in words if word), []
    texts: list[str] = []
    names: list[str] = []
    for part in parts:
        if isinstance(part, str):
            texts.append(fields.text(part))
        elif isinstance(part, dict):
            if isinstance(part.get("text"), str):
                texts.append(fields.text(part["text"]))
            else:
                names.append(_name_of(part))
    for one in fields.objects(fields.mapping(message.get("metadata")).get("attachments")):
        names.append(fields.line(one.get("name"), 200))
    if sum(map(bool, names)) > 1 and "image" in names:  # the same image, with and without a name
        names = [name for name in names if name != "image"]
    return "\n\n".join(text for text in texts if text.strip()), names


def _name_of(part: Mapping[str, Any]) -> str:
    kind = str(part.get("content_type") or "")
    for word in ("image", "audio", "video"):
        if word in kind:
            return word
    return fields.line(part.get("name"), 200) or "file"


def _thoughts(content: Mapping[str, Any]) -> list[str]:
    found = []
    for one in fields.objects(content.get("thoughts")):
        head, body = fields.line(one.get("summary")), fields.text(one.get("content"))
        if head or body:
            found.append(f"**{head}**\n\n{body}".strip() if head else body)
    return found


def _with_output(pending: _Pending, message: Mapping[str, Any]) -> _Pending:
    """What a tool gave back, with the last call that waits for it."""
    text, names = _text(message)
    output = (text + fields.attached(names)).strip()
    tools = list(pending.tools)
    for place in range(len(tools) - 1, -1, -1):
        if tools[place]["output"] is None:
            tools[place] = tools[place] | {"output": output[: fields.TOOL_CHARS]}
            return replace(pending, tools=tuple(tools))
    if not output:
        return pending
    name = fields.mapping(message.get("author")).get("name")
    tools.append(fields.tool(str(message.get("id") or ""), name, "", output))
    return replace(pending, tools=tuple(tools))


def _cited(text: str, meta: Mapping[str, Any], known: int) -> tuple[str, Sequence[dict[str, Any]]]:
    """The text with [n] where it cites a page, and the pages."""
    sources: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}

    def number(name: object, url: object, words: object) -> str:
        key = fields.line(url, 500) or fields.line(name)
        if not key:
            return ""
        if key not in numbers:
            numbers[key] = known + len(sources) + 1
            sources.append(fields.source(numbers[key], name, url, words))
        return f"[{numbers[key]}]"

    for one in fields.objects(meta.get("content_references"))[:500]:
        mark = one.get("matched_text")
        pages = fields.objects(one.get("items")) or [one]
        shown = "".join(number(p.get("title"), p.get("url"), p.get("snippet")) for p in pages[:10])
        if isinstance(mark, str) and len(mark) > 1 and shown:
            text = text.replace(fields.text(mark), shown)
    places = []
    for one in fields.objects(meta.get("citations"))[:500]:
        about = fields.mapping(one.get("metadata"))
        shown = number(about.get("title"), about.get("url"), about.get("text"))
        begin, end = one.get("start_ix"), one.get("end_ix")
        if (
            shown
            and isinstance(begin, int)
            and isinstance(end, int)
            and 0 <= begin < end <= len(text)
        ):
            places.append((begin, end, shown))
    for begin, end, shown in sorted(places, reverse=True):
        if "【" in text[begin:end] or "\ue200" in text[begin:end]:
            text = text[:begin] + shown + text[end:]
    return _LEFTOVER_MARK.sub("", text), sources
