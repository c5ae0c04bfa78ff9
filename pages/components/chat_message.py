"""One message of a conversation with what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.transcript import AnswerSummary
from pages.components import chat_actions as act
from pages.components import session
from pages.components.answer import (
    assistant_message,
    show_run_link,
    show_summary,
)
from pages.components.answer_again import answer_again_with
from pages.components.answer_shown import EVERYTHING, Shown
from pages.components.chat_files import show_files
from pages.components.interrupt_form import seen_summary, show_questions
from pages.components.markdown import plain, safe
from pages.components.rating import show_rating
from pages.components.run_save_case import show_save_case_later

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamlit.delta_generator import DeltaGenerator

    from agents.files.values import Attachment
    from agents.ratings import Rating
    from agents.runtime import Runtime
    from agents.threads import Message

AGAIN_WITH, FORK, SOURCE = "Answer again with…", "New chat from here", "Show the source"
_ICONS = {
    AGAIN_WITH: ":material/tune:",
    FORK: ":material/call_split:",
    SOURCE: ":material/code:",
}


def show_message(
    runtime: Runtime,
    message: Message,
    look: Shown = EVERYTHING,
    rating: Rating | None = None,
    files: Sequence[Attachment] = (),
) -> None:
    if message.role == "user":
        _show_question(runtime, message, files)
    else:
        asked = runtime.waiting.asked_by(message.run_id, session.owner()) if waited(message) else ()
        summary = seen_summary(message.summary or AnswerSummary(), asked)
        with assistant_message():
            # The same three places as an answer under way has: what is drawn in other places than
            # before stands there twice while the next answer comes.
            st.empty()
            if message.text:
                st.markdown(safe(message.text))
            else:
                st.empty()
            with st.container():
                show_summary(
                    message.text, summary, runtime.catalog, message.id, look, message.created_at_us
                )
                show_questions(runtime, asked)
                show_actions(runtime, message, look, rating)


def waited(message: Message) -> bool:
    """Whether an answer ended with a question to people."""
    return message.summary is not None and message.summary.status == "interrupted"


def _show_question(runtime: Runtime, message: Message, files: Sequence[Attachment]) -> None:
    if st.session_state.get(act.EDITING) == message.id:
        _editor(runtime, message)
        return
    with st.chat_message("user", avatar=":material/person:"):
        with _row(message):
            st.markdown(plain(message.text), width="stretch")
            _versions(runtime, message)
            st.button(
                "",
                key=f"edit_{message.id}",
                icon=":material/edit:",
                type="tertiary",
                help="Edit this message; the answer is made anew",
                on_click=act.edit,
                args=(message.id,),
            )
        if files:
            show_files(runtime, files)
        st.empty()  # where the editor has its buttons: they would stay while the answer comes


def _editor(runtime: Runtime, message: Message) -> None:
    with st.chat_message("user", avatar=":material/person:"):
        st.text_area(
            "Your message",
            value=message.text,
            key=f"edited_{message.id}",
            label_visibility="collapsed",
            height="content",
        )
        with st.container(horizontal=True):
            st.button(
                "Send",
                key=f"send_edited_{message.id}",
                type="primary",
                on_click=act.send_edited,
                args=(runtime, message),
            )
            st.button("Cancel", key=f"cancel_{message.id}", on_click=act.edit, args=(None,))


def show_actions(
    runtime: Runtime, message: Message, look: Shown = EVERYTHING, rating: Rating | None = None
) -> None:
    """The row under a finished answer."""
    with _row(message):
        _versions(runtime, message)
        if act.can_continue(runtime, message):
            st.button(
                "Continue",
                key=f"continue_{message.id}",
                icon=":material/play_arrow:",
                type="tertiary",
                help="Goes on where this answer ends",
                on_click=act.go_on,
                args=(runtime, message),
            )
        if message.follows_question:
            repeated = message.summary is not None and message.summary.earlier is not None
            st.button(
                "Ask again" if repeated else "",
                key=f"again_{message.id}",
                icon=":material/refresh:",
                type="tertiary",
                help="Answer again with the agent and the model chosen above",
                on_click=act.answer_again,
                args=(runtime, message.parent_id),
            )
        _menu(runtime, message)
        show_rating(runtime, message.id, rating)
        if message.run_id:  # an imported answer has none
            show_save_case_later(runtime, message.run_id)
            if look.run_link:
                show_run_link(message.run_id)
    if st.session_state.get(act.SOURCE) == message.id:
        st.code(message.text, language="markdown", wrap_lines=True)


def _menu(runtime: Runtime, message: Message) -> None:
    options = [AGAIN_WITH, FORK, SOURCE] if message.follows_question else [FORK, SOURCE]
    picked = st.menu_button(
        "",
        options,
        key=f"more_{message.id}",
        icon=":material/more_horiz:",
        type="tertiary",
        help="More",
        format_func=lambda option: f"{_ICONS[option]} {option}",
        on_click=_picked,
        args=(runtime, message),
    )
    if picked == AGAIN_WITH and message.parent_id is not None:
        answer_again_with(runtime, message.parent_id)


def _picked(runtime: Runtime, message: Message) -> None:
    match st.session_state[f"more_{message.id}"]:
        case option if option == FORK:
            act.fork(runtime, message)
        case option if option == SOURCE:
            act.toggle_source(message.id)


def _versions(runtime: Runtime, message: Message) -> None:
    """‹ 2/3 ›: the other versions of a message, and what followed them."""
    if len(message.versions) < 2:
        return
    at = message.versions.index(message.id)
    for step, icon, name in ((-1, "chevron_left", "older"), (1, "chevron_right", "newer")):
        if step == 1:
            st.markdown(f":small[{at + 1}/{len(message.versions)}]", width="content")
        there = 0 <= at + step < len(message.versions)
        st.button(
            "",
            key=f"{name}_{message.id}",
            icon=f":material/{icon}:",
            type="tertiary",
            help=f"The {name} version",
            disabled=not there,
            on_click=act.show_version,
            args=(runtime, message.versions[at + step] if there else message.id),
        )


def _row(message: Message) -> DeltaGenerator:
    return st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", key=f"actions_{message.id}"
    )
