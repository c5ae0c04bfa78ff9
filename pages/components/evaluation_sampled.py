"""A question set drawn from the first questions of past chats, of people who agreed to it."""

from __future__ import annotations

import time
from secrets import randbelow
from typing import TYPE_CHECKING

import streamlit as st

from agents.evaluation.sampling import CONSENT, MOST_DRAWN, Asked, asked_before, draw
from pages.components import session
from pages.components.answer import agent_title
from pages.components.evaluation_preview import ask_name, questions, save_button, show_preview

if TYPE_CHECKING:
    from agents.evaluation.question_set import Case
    from agents.runtime import Runtime

DAY_US = 86_400_000_000
DAYS = {7: "the last 7 days", 30: "the last 30 days", 90: "the last 90 days", 0: "any time"}
MAX_SEED = 999_999
_SEED = "sample_seed"


def show_sampled(runtime: Runtime) -> None:
    """Draws filters, what would be drawn, and the button that keeps it. Raises StorageError."""
    if not runtime.preferences.agreed(session.owner(), CONSENT):
        _show_missing_consent()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked, cases = _drawn(runtime)
    if not cases:
        st.info(
            "No question can be drawn: there is no chat of this time whose owner agreed to it.",
            icon=":material/inbox:",
        )
        return
    st.caption(
        f"{len(cases):,} of {len(asked):,} different first questions, drawn at random. They come "
        "without checks: an answer passes when it is there. Names in them are not masked, so look "
        "at them before you save."
    )
    show_preview(cases, key="sample_preview")
    name = ask_name("sample_name", "Past questions")
    save_button(runtime, f"Save {questions(len(cases))}", "sample_save", name, cases)


def _show_missing_consent() -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("Your own questions are not used: you have not agreed to it.")
        st.page_link(
            "pages/settings.py", label="Settings, Privacy", icon=":material/lock:",
            query_params={"settings_tab": "Privacy"},
        )  # fmt: skip


def _drawn(runtime: Runtime) -> tuple[list[Asked], list[Case]]:
    """What can be drawn, and what is, by the widgets it draws."""
    st.session_state.setdefault(_SEED, randbelow(MAX_SEED + 1))
    days = st.selectbox(
        "Begun in", list(DAYS), index=1, format_func=DAYS.__getitem__, key="sample_days", width=190
    )
    since = time.time_ns() // 1000 - days * DAY_US if days else None
    asked = asked_before(runtime.database, since_us=since)
    agents = ["", *sorted({one.agent for one in asked if one.agent})]
    agent = st.selectbox(
        "Answered by", agents, key=f"sample_agent_{days}", width=190,
        format_func=lambda one: agent_title(one) if one else "any agent",
    )  # fmt: skip
    size = st.number_input("Questions at most", 1, MOST_DRAWN, 50, key="sample_size", width=150)
    seed = st.number_input(
        "Seed", 0, MAX_SEED, key=_SEED, width=130,
        help="The same seed draws the same questions of the same chats.",
    )  # fmt: skip
    return asked, draw(asked, size, seed, agent or None)
