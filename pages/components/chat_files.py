"""Files in the chat: on their way into a question, under a question, and those of a thread.

A file is read in the background from the moment it is submitted; what the page keeps are ids. Files
that are ready wait above the input for their question, also when another file of the same message
could not be used: then the text is back in the box, and nothing is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from agents.files.values import MB, Attachment, Limits
from core.errors import SwitchboardError
from pages.components import session
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.files.waiting import Prepared
    from agents.runtime import Runtime

INPUT: dict[str, Any] = {
    "accept_file": "multiple",
    "max_upload_size": 5 * Limits().file_bytes // MB,
}
"""Further arguments of the chat input. Wider than what is taken: a file that the browser refuses is left
out of the message without a sentence, and what is refused here is named."""
AT_ONCE_S = 0.4
"""So long a click waits for small files, which then go with the question without a word."""
POLL_S = 0.15
MAX_NAMES = 4
_WAITING = "_waiting_files"
_TEXT = "_text_of_files"
INPUT_KEY = "chat_input"


def take(runtime: Runtime, value: Any) -> tuple[str, tuple[str, ...]] | None:
    """For the callback of the chat input: (text, ids of files) to send at once.

    None when files are still being read or one cannot be used: `show_waiting` goes on with it.
    """
    text = value if isinstance(value, str) else value.text
    # Sent once more after a refusal was shown: without the files it was about.
    _drop(runtime, *(one.id for one in _waiting(runtime) if one.state == "refused"))
    ids = _ids()
    for upload in () if isinstance(value, str) else value.files:
        ids.append(runtime.files.prepare(session.owner(), upload.name, upload.getvalue()).id)
    _keep(ids)
    deadline = time.monotonic() + AT_ONCE_S
    while _reading(files := _waiting(runtime)) and time.monotonic() < deadline:
        time.sleep(0.02)
    if text.strip() and all(one.state == "ready" for one in files):
        return text, tuple(one.id for one in files)
    st.session_state[_TEXT] = text
    return None


def sent(ids: Sequence[str]) -> None:
    """A question was sent with these files."""
    held: dict[str, list[str]] = st.session_state.get(_WAITING, {})
    left = {key: [one for one in some if one not in ids] for key, some in held.items()}
    st.session_state[_WAITING] = {key: some for key, some in left.items() if some}


def show_waiting(runtime: Runtime, send: Callable[[str, tuple[str, ...]], None]) -> None:
    """Files that wait for their question; while some are being read, how far they are, and then the
    question is sent.

    Called before the chat input is drawn, so that a text can be put back into it. `send` starts the
    run and calls `sent` when that went well.
    """
    files = _waiting(runtime)
    if not files:
        return
    if _reading(files):
        _follow(runtime, files)
        files = _waiting(runtime)
    text = st.session_state.pop(_TEXT, None)
    if text and all(one.state == "ready" for one in files):
        send(text, tuple(one.id for one in files))
        st.rerun()
    if text:
        st.session_state[INPUT_KEY] = text
    refused = [one for one in files if one.refused is not None]
    if refused:
        _show_refused(runtime, refused)
    ready = [one for one in files if one.state == "ready"]
    if ready:
        with st.container(
            horizontal=True, key="waiting_files", vertical_alignment="center", gap="small"
        ):
            st.caption("With your next message:", width="content")
            for one in ready:
                st.button(
                    escape(_short(one.name)), key=f"drop_{one.id}", icon=":material/close:",
                    help="Remove this file", on_click=_drop, args=(runtime, one.id), type="tertiary",
                )  # fmt: skip


def _follow(runtime: Runtime, files: Sequence[Prepared]) -> None:
    """Shows how far each file is until all are read or refused."""
    names = "1 file" if len(files) == 1 else f"{len(files)} files"
    frame = st.empty()
    with frame.status(f"Reading {names} …", expanded=True):
        slots = [st.empty() for _ in files]
        st.button("Do not send", key="stop_reading", on_click=_give_back)
        shown: list[str] = []
        touched = 0.0
        while True:
            lines = [_line(one) for one in files]
            # Touching the page once a second lets a click or a closed tab end this loop.
            if lines != shown or time.monotonic() - touched > 1.0:
                for slot, line in zip(slots, lines, strict=True):
                    slot.markdown(line)
                shown, touched = lines, time.monotonic()
            if not _reading(files):
                break
            time.sleep(POLL_S)
    frame.empty()


def _line(one: Prepared) -> str:
    name = escape(one.name)
    match one.state:
        case "refused":
            return (
                f":material/error: **{name}**: {escape(one.refused.message if one.refused else '')}"
            )
        case "ready":
            return f":material/check: {name}"
    pages = f"page {one.pages_done:,} of {one.pages:,}" if one.pages else "…"
    return f":material/hourglass_top: {name} {pages}"


def _show_refused(runtime: Runtime, refused: Sequence[Prepared]) -> None:
    """One line per file with its reason."""
    lines = [
        f"- **{escape(_short(one.name))}**: {escape(one.refused.message)} "
        f"{escape(one.refused.what_to_do)}"
        for one in refused
        if one.refused is not None
    ]
    which = "This file was not added" if len(lines) == 1 else "These files were not added"
    st.error(f"{which}; your message is still in the box:\n\n" + "\n".join(lines),
             icon=":material/error:")  # fmt: skip
    ids = [one.id for one in refused]
    st.button(
        "Dismiss", key="dismiss_refused", on_click=_drop, args=(runtime, *ids), type="tertiary",
        icon=":material/close:",
    )  # fmt: skip


def show_files(runtime: Runtime, files: Sequence[Attachment]) -> None:
    """The files of a question, under it: images as pictures, others by name."""
    images = [one for one in files if one.is_image]
    others = [one for one in files if not one.is_image]
    if others:
        named = " ".join(f":gray-badge[:material/description: {_label(one)}]" for one in others)
        st.markdown(named)
    if images:
        with st.container(horizontal=True):
            for one in images:
                _show_image(runtime, one)


def _show_image(runtime: Runtime, one: Attachment) -> None:
    try:
        _, raw = runtime.files.store.content(one.id, session.owner())
        st.image(raw, width=160, caption=escape(_short(one.name)))
    except SwitchboardError:
        st.caption(f"{escape(one.name)}: deleted")
    except Exception:  # a decoder's own: the history must open all the same
        st.caption(f"{escape(one.name)}: cannot be shown")


def show_thread_files(runtime: Runtime, thread_id: str) -> None:
    """A popover with the files of a thread; nothing when it has none."""
    files = runtime.files.store.of_thread(thread_id, session.owner())
    if not files:
        return
    with st.popover(f"Files ({len(files)})", icon=":material/attach_file:", key="thread_files"):
        for one in files:
            with st.container(horizontal=True, vertical_alignment="center", key=f"file_{one.id}"):
                st.markdown(f"{_label(one)}  \n:small[:gray[{_facts(one)}]]", width="stretch")
                st.download_button(
                    "", partial(_bytes, runtime, one.id),
                    file_name=one.name, mime="application/octet-stream", key=f"get_{one.id}",
                    icon=":material/download:", help="Download", on_click="ignore",
                )  # fmt: skip
                st.button(
                    "", key=f"delete_file_{one.id}", icon=":material/delete:",
                    help="Delete this file for good", on_click=_delete, args=(runtime, one.id),
                )  # fmt: skip
        st.caption("Answers in this chat search these files together with the documents.")


def _bytes(runtime: Runtime, attachment_id: str) -> bytes:
    return runtime.files.store.content(attachment_id, session.owner())[1]


def _label(one: Attachment) -> str:
    return escape(_short(one.name))


def _facts(one: Attachment) -> str:
    size = one.size_bytes
    text = f"{size / MB:,.1f} MB" if size >= MB / 10 else f"{max(1, round(size / 1000)):,} kB"
    return f"{text}, {one.pages:,} page{'s' if one.pages != 1 else ''}" if one.pages else text


def _short(name: str, limit: int = 44) -> str:
    if len(name) <= limit:
        return name
    return f"{name[: limit - 12]}…{name[-11:]}"


def _delete(runtime: Runtime, attachment_id: str) -> None:
    try:
        runtime.files.delete(attachment_id, session.owner())
    except SwitchboardError as exc:
        session.keep_notice(exc)


def _drop(runtime: Runtime, *prepared_ids: str) -> None:
    runtime.files.waiting.take_away(session.owner(), prepared_ids)
    sent(prepared_ids)


def _give_back() -> None:
    """The text goes back into the box; its files are read to the end and wait."""
    text = st.session_state.pop(_TEXT, None)
    if text:
        st.session_state[INPUT_KEY] = text


def _waiting(runtime: Runtime) -> list[Prepared]:
    return runtime.files.waiting.those(session.owner(), _ids())


def _reading(files: Sequence[Prepared]) -> bool:
    return any(one.state == "reading" for one in files)


def _ids() -> list[str]:
    """Files waiting in this thread, or in a chat that has none yet."""
    held: dict[str, list[str]] = st.session_state.get(_WAITING, {})
    return list(held.get(session.thread_id() or "", []))


def _keep(ids: list[str]) -> None:
    held = dict(st.session_state.get(_WAITING, {}))
    held[session.thread_id() or ""] = ids
    st.session_state[_WAITING] = {key: some for key, some in held.items() if some}
