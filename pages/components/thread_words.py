"""Threads in words and marks: titles, what goes on in them, when, and snippets of a search."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import tzinfo
from typing import TYPE_CHECKING

from core.date_groups import date_group, local
from pages.components import session
from pages.components.answer_shown import person_zone
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from agents.search_words import Piece
    from agents.thread_filter import State

NEW_CHAT_KEYS = "Ctrl+Shift+O"
SEARCH_KEYS = "Ctrl+K"
STATE_WORDS: dict[State, str] = {
    "running": "Answering",
    "waiting": "Waiting for you",
    "failed": "Failed",
    "unread": "New answer",
    "idle": "Nothing new",
}
_MARKS: dict[State, str] = {
    "running": ":primary[:material/progress_activity:]",
    "waiting": ":orange[:material/pan_tool:]",
    "failed": ":red[:material/error:]",
    "unread": ":primary[:material/mark_chat_unread:]",
}
WHERE_WORDS = {
    "message": "",
    "tool": "In a tool call",
    "source": "In a source",
    "title": "",
    "tag": "Tag",
}
_TITLE_CHARS = 60


def mark(state: State) -> str:
    """A coloured symbol; "" when there is nothing to say."""
    return _MARKS.get(state, "")


def short(title: str, limit: int = _TITLE_CHARS) -> str:
    """A title for a row, as Markdown that shows it as it is."""
    return escape(title if len(title) <= limit else title[: limit - 1].rstrip() + "…")


def time_zone(runtime: Runtime) -> tzinfo:
    """The person's own choice, else the browser's."""
    return person_zone(runtime.preferences.load(session.owner()))


def group_of(at_us: int, zone: tzinfo) -> str:
    return date_group(at_us, time.time_ns() // 1000, zone)


def when(at_us: int, zone: tzinfo) -> str:
    """ "14:05" of today, else "21 Nov 2025"."""
    moment = local(at_us, zone)
    today = group_of(at_us, zone) == "Today"
    return f"{moment:%H:%M}" if today else f"{moment.day} {moment:%b %Y}"


def snippet_markdown(pieces: Sequence[Piece]) -> str:
    """One line; the words that were looked for are bold."""
    return "".join(
        f"**{escape(one.text)}**" if one.matched else _escaped_with_edges(one.text)
        for one in pieces
    )


def _escaped_with_edges(text: str) -> str:
    inner = escape(text)
    before = " " if text[:1].isspace() else ""
    after = " " if inner and text[-1:].isspace() else ""
    return f"{before}{inner}{after}"
