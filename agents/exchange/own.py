"""This program's own format: everything that is known of a conversation, and nothing that depends on where.

Keys `m1`, `m2` … and `r1`, `r2` … stand for ids; they follow the order of the messages and runs, so
that a file, and the file of what was imported from it, are the same. `@m1` in a log or a request is
such a key. A file is an object with a header `switchboard` and the list `conversations` after it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any

from agents.exchange import checked, fields
from agents.exchange.found import Found, checked_count
from agents.exchange.limits import MAX_FILES_BYTES, MAX_TEXT_CHARS, MAX_TITLE_CHARS
from agents.exchange.tree import order
from agents.ratings import MAX_COMMENT_CHARS, REASONS
from core.conversation import (
    AnsweredInterrupt,
    Conversation,
    KeptFile,
    Message,
    Rating,
    RunRecord,
)
from core.errors import InvalidInput
from core.text import clean
from core.version import VERSION

NAME = "switchboard"
FORMAT = 1
_MEDIA_TYPES = re.compile(
    r"text/(plain|markdown|csv|tab-separated-values)|application/(pdf|json)|image/(png|jpeg|gif|webp)"
)
"""A browser may be told that a file is one of these; never that it is a page or a script."""


def opening(owner: str) -> str:
    """The file up to its first conversation."""
    header = json.dumps({"format": FORMAT, "version": VERSION, "owner": owner}, ensure_ascii=False)
    return f'{{"switchboard": {header},\n"conversations": [\n'


CLOSING = "\n]}\n"


def owner_of(header: bytes) -> str | None:
    """Whose file it is; None when it does not say. Raises InvalidInput: not one of ours."""
    try:
        told = fields.mapping(json.loads(header)).get("switchboard")
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise InvalidInput(
            "The file has a list of conversations, but not the header Switchboard writes.",
            what_to_do="Export it again, and choose JSON.",
        )
    if told.get("format") != FORMAT:
        raise InvalidInput(
            f"The file has the format {fields.line(str(told.get('format')), 20)}; this Switchboard "
            f"reads {FORMAT}.",
            what_to_do="Import it with the Switchboard that wrote it, or a newer one.",
        )
    owner = told.get("owner")
    return owner if isinstance(owner, str) else None


def fits(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("messages"), list) and "head" in entry and "mapping" not in entry


# -- writing


def to_dict(one: Conversation) -> dict[str, Any]:
    """JSON-ready. What is unknown or empty is left out."""
    return {
        "title": one.title,
        **_known(
            created_at_us=one.created_at_us,
            updated_at_us=one.updated_at_us,
            pinned_at_us=one.pinned_at_us,
            archived_at_us=one.archived_at_us,
            source=one.source,
            tags=list(one.tags),
        ),
        "head": one.head,
        "messages": [_message_to_dict(message) for message in one.messages],
        **_known(runs=[_run_to_dict(run) for run in one.runs]),
    }


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, [], "", {})}


def _message_to_dict(one: Message) -> dict[str, Any]:
    rating = one.rating and _known(
        thumb=one.rating.thumb,
        reasons=list(one.rating.reasons),
        comment=one.rating.comment,
        rated_at_us=one.rating.rated_at_us,
    )
    files = [
        _known(
            name=file.name,
            media_type=file.media_type,
            pages=file.pages,
            created_at_us=file.created_at_us,
        )
        | {"content": base64.b64encode(file.content).decode("ascii")}
        for file in one.files
    ]
    return {
        "key": one.key,
        "parent": one.parent,
        "role": one.role,
        "text": one.text,
        **_known(created_at_us=one.created_at_us, run=one.run, rating=rating, files=files),
        **({"summary": checked.without_defaults(one.summary)} if one.summary else {}),
    }


def _run_to_dict(one: RunRecord) -> dict[str, Any]:
    return {
        "key": one.key,
        "graph": one.graph,
        "question": one.question,
        "parent": one.parent,
        "answer": one.answer,
        "started_at_us": one.started_at_us,
        "request": dict(one.request),
        "events": list(one.events),
        **_known(
            interrupts=[
                {
                    "id": told.interrupt_id,
                    "value": told.value,
                    "response_schema": told.response_schema,
                    "asked_at_us": told.asked_at_us,
                    "answer": told.answer,
                    "answered_at_us": told.answered_at_us,
                    "resumed_by": told.resumed_by,
                }
                for told in one.interrupts
            ]
        ),
    }


# -- reading


def read(entry: Mapping[str, Any]) -> Found:
    """Raises InvalidInput with what is wrong."""
    told = entry.get("messages")
    given = fields.objects(told)
    checked_count(len(given))
    if not given or not isinstance(told, list) or len(given) != len(told):
        raise InvalidInput("It has no messages." if not told else "One of its messages is none.")
    messages = [_message(one) for one in given]
    keys = {message.key for message in messages}
    if len(keys) != len(messages):
        raise InvalidInput("Two of its messages have the same key.")
    tree = order((message.key, message.parent) for message in messages)
    if tree.notes:
        raise InvalidInput(f"Its messages are no tree. {tree.notes[0]}")
    seen: set[str] = set()
    for message in messages:
        if message.parent is not None and message.parent not in seen:
            raise InvalidInput("One of its messages stands before the one it follows.")
        seen.add(message.key)
    head = entry.get("head")
    if head is not None and head not in keys:
        raise InvalidInput("The message it shows last is not in it.")
    source = entry.get("source")
    runs = tuple(_run(one, keys) for one in fields.objects(entry.get("runs")))
    if len({run.key for run in runs}) != len(runs):
        raise InvalidInput("Two of its runs have the same key.")
    conversation = Conversation(
        title=fields.line(entry.get("title"), 10 * MAX_TITLE_CHARS) or fields.title(""),
        messages=tuple(messages),
        created_at_us=checked.optional_moment(entry.get("created_at_us"), "created_at_us"),
        updated_at_us=checked.optional_moment(entry.get("updated_at_us"), "updated_at_us"),
        head=head,
        tags=fields.tags(entry.get("tags")),
        pinned_at_us=checked.optional_moment(entry.get("pinned_at_us"), "pinned_at_us"),
        archived_at_us=checked.optional_moment(entry.get("archived_at_us"), "archived_at_us"),
        source=fields.line(source, 32) if isinstance(source, str) else None,
        runs=runs,
    )
    return Found(conversation=conversation)


def _message(value: Mapping[str, Any]) -> Message:
    parent, run = value.get("parent"), value.get("run")
    role = checked.role(value.get("role"))
    text = checked.words(value.get("text"), "text", MAX_TEXT_CHARS)
    return Message(
        key=checked.words(value.get("key"), "key", 100),
        parent=None if parent is None else checked.words(parent, "parent", 100),
        role=role,
        text=clean(text) if role == "user" else text,
        created_at_us=checked.optional_moment(value.get("created_at_us"), "created_at_us"),
        run=None if run is None else checked.words(run, "run", 100),
        summary=checked.summary(value["summary"]) if "summary" in value else None,
        rating=_rating(value.get("rating")),
        files=_files(value.get("files")),
    )


def _rating(value: object) -> Rating | None:
    if not isinstance(value, dict):
        return None
    thumb, reasons = value.get("thumb"), value.get("reasons")
    if thumb not in (1, -1) or isinstance(thumb, bool):
        raise InvalidInput("One of its ratings is neither up nor down.")
    return Rating(
        thumb=thumb,
        reasons=tuple(
            one for one in REASONS[thumb] if isinstance(reasons, list) and one in reasons
        ),
        comment=checked.words(value.get("comment", ""), "comment", MAX_COMMENT_CHARS),
        rated_at_us=checked.optional_moment(value.get("rated_at_us"), "rated_at_us"),
    )


def _files(value: object) -> tuple[KeptFile, ...]:
    found = []
    size = 0
    for one in fields.objects(value):
        try:
            content = base64.b64decode(one.get("content") or "", validate=True)
        except (binascii.Error, TypeError, ValueError) as exc:
            raise InvalidInput("The content of one of its files cannot be read.") from exc
        size += len(content)
        if size > MAX_FILES_BYTES:
            raise InvalidInput(f"Its files have more than {MAX_FILES_BYTES / 1e6:,.0f} MB.")
        found.append(
            KeptFile(
                name=fields.line(one.get("name"), 300) or "file",
                media_type=_media_type(one.get("media_type")),
                content=content,
                pages=fields.number(one.get("pages")),
                created_at_us=checked.optional_moment(one.get("created_at_us"), "created_at_us"),
            )
        )
    return tuple(found)


def _media_type(value: object) -> str:
    known = isinstance(value, str) and _MEDIA_TYPES.fullmatch(value)
    return str(value) if known else "application/octet-stream"


def _run(value: Mapping[str, Any], keys: set[str]) -> RunRecord:
    places = [value.get("question"), value.get("parent")]
    if value.get("answer") is not None:
        places.append(value["answer"])
    if not all(isinstance(place, str) and place in keys for place in places):
        raise InvalidInput("One of its runs belongs to a message that is not in it.")
    started = checked.moment(value.get("started_at_us"), "started_at_us")
    lines = value.get("events", [])
    checked.events(lines, "", started)
    return RunRecord(
        key=checked.words(value.get("key"), "key", 100),
        graph=checked.words(value.get("graph"), "graph", 64),
        question=value["question"],
        parent=value["parent"],
        answer=value.get("answer"),
        started_at_us=started,
        request=checked.request(value.get("request")),
        events=lines,
        interrupts=tuple(_interrupt(one) for one in fields.objects(value.get("interrupts"))),
    )


def _interrupt(value: Mapping[str, Any]) -> AnsweredInterrupt:
    schema, resumed_by = value.get("response_schema"), value.get("resumed_by")
    return AnsweredInterrupt(
        interrupt_id=checked.words(value.get("id"), "id", 64),
        value=checked.words(value.get("value"), "value", MAX_TEXT_CHARS),
        response_schema=None
        if schema is None
        else checked.words(schema, "response_schema", MAX_TEXT_CHARS),
        asked_at_us=checked.moment(value.get("asked_at_us"), "asked_at_us"),
        answer=value.get("answer"),
        answered_at_us=checked.moment(value.get("answered_at_us"), "answered_at_us"),
        resumed_by=resumed_by if isinstance(resumed_by, str) else None,
    )
