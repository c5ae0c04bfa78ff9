"""What a person thinks of an answer: thumbs, and behind them reasons and a comment.

Every change is saved by a callback, so it is kept whatever interrupts the page: another answer may
be streaming on it. The comment is in a form: the browser holds what is typed until it is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from agents.ratings import DOWN, MAX_COMMENT_CHARS, REASONS, UP, Rating
from core.errors import SwitchboardError
from pages.components import session

if TYPE_CHECKING:
    from agents.runtime import Runtime

_TAKEN_BACK = "_ratings_taken_back"
_PLACEHOLDER = {1: "What helped?", -1: "What should be different?"}
_ASKED = {UP: "What was good?", DOWN: "What was wrong?"}


def show_rating(runtime: Runtime, message_id: str, rating: Rating | None) -> None:
    """Thumbs, and when one is given, a popover to say why. Draws into the row it is called in.

    `rating`: what `runtime.ratings.of_messages` knows of the answer now.
    """
    key = f"thumb_{message_id}"
    st.session_state[key] = None if rating is None else int(rating.thumb == UP)
    st.feedback("thumbs", key=key, on_change=_thumb, args=(runtime, message_id))
    if rating is None:
        return
    said = bool(rating.reasons or rating.comment)
    with st.popover(
        "Why?", icon=":material/speaker_notes:" if said else ":material/rate_review:",
        type="tertiary", key=f"why_{message_id}",
    ):  # fmt: skip
        _form(runtime, rating)


def _form(runtime: Runtime, rating: Rating) -> None:
    message_id = rating.message_id
    with st.form(f"rating_{message_id}", border=False, enter_to_submit=False):
        st.pills(
            _ASKED[rating.thumb], REASONS[rating.thumb], selection_mode="multi",
            default=list(rating.reasons), key=_reasons_key(rating), format_func=str.capitalize,
        )  # fmt: skip
        # Its value comes from the rating only once: a later run of the page must not type over it.
        st.text_area(
            "Comment", value=rating.comment, max_chars=MAX_COMMENT_CHARS, height=100,
            key=f"comment_{message_id}", placeholder=_PLACEHOLDER[rating.thumb],
        )  # fmt: skip
        st.form_submit_button("Save", type="primary", on_click=_save, args=(runtime, rating))


def _thumb(runtime: Runtime, message_id: str) -> None:
    """A callback: another thumb keeps the comment, the same thumb again takes the rating back.

    A rating taken back by mistake comes back, with its words, when a thumb is given again.
    """
    value = st.session_state[f"thumb_{message_id}"]
    taken_back = st.session_state.setdefault(_TAKEN_BACK, {})
    try:
        old = runtime.ratings.get(message_id, session.owner()) or taken_back.pop(message_id, None)
        if value is None:
            if old is not None:
                taken_back[message_id] = old
            runtime.rate(message_id, session.owner(), None)
            return
        reasons, comment = (old.reasons, old.comment) if old is not None else ((), "")
        runtime.rate(message_id, session.owner(), UP if value else DOWN, reasons, comment)
    except SwitchboardError as exc:
        session.keep_notice(exc)


def _save(runtime: Runtime, rating: Rating) -> None:
    """A callback."""
    reasons = st.session_state.get(_reasons_key(rating)) or []
    comment = st.session_state.get(f"comment_{rating.message_id}") or ""
    try:
        runtime.rate(rating.message_id, session.owner(), rating.thumb, reasons, comment)
    except SwitchboardError as exc:
        session.keep_notice(exc)
        return
    st.toast("Thank you. Your feedback is saved.", icon=":material/check:")


def _reasons_key(rating: Rating) -> str:
    return f"reasons_{rating.message_id}_{rating.thumb}"
