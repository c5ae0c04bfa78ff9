"""Inbox: everything that waits for a person, the longest waiting first, to be answered right here."""

import streamlit as st

from agents.graphs import GRAPHS
from agents.run import Run
from agents.waiting import WaitingRun
from pages.components import session
from pages.components.format import ago
from pages.components.interrupt_form import show_questions, subject
from pages.components.markdown import escape

SHOWN = 20
MAX_ASKED_CHARS = 240
TITLES = {graph.name: graph.title for graph in GRAPHS}

runtime = session.begin_page("chat")


def answered(run: Run) -> None:
    session.keep_answered(run.thread_id)


def show_more() -> None:
    st.session_state["_waiting_shown"] = st.session_state.get("_waiting_shown", SHOWN) + SHOWN


def show_last_answered() -> None:
    """Where the run went on that was answered a moment ago."""
    thread_id = session.take_answered()
    if thread_id is not None:
        with st.container(horizontal=True, vertical_alignment="center", key="went_on"):
            st.success(
                "Your answer was sent, and the agent goes on.", icon=":material/check_circle:"
            )
            st.page_link(
                "pages/chat.py", label="Open the conversation", icon=":material/chat:",
                query_params={"thread": thread_id},
            )  # fmt: skip


def show_empty() -> None:
    st.info(
        "Nothing waits for you. When an agent asks for approval or for an answer, it is listed here "
        "until somebody decides; there is no time limit.",
        icon=":material/inbox:",
    )
    st.caption("To try it, choose the ReAct agent in the chat and write: Save a note: …")
    st.page_link("pages/chat.py", label="Open the chat", icon=":material/chat:")


def show_waiting(waiting: WaitingRun, *, opened: bool) -> None:
    graph = TITLES.get(waiting.graph, waiting.graph)
    what, title = escape(subject(waiting.questions)), escape(waiting.title)
    label = f"**{what}** · {title} · {escape(graph)} · {ago(waiting.since_us)}"
    with st.expander(
        label, expanded=opened, icon=":material/pan_tool:", key=f"inbox_{waiting.run_id}"
    ):
        asked = " ".join(waiting.asked.split())
        short = asked if len(asked) <= MAX_ASKED_CHARS else f"{asked[:MAX_ASKED_CHARS]}…"
        person = "you" if waiting.owner == session.owner() else waiting.owner
        st.caption(f"The {escape(graph)} asks, after {escape(person)} wrote: “{escape(short)}”")
        show_questions(runtime, waiting.questions, answered)
        st.page_link(
            "pages/chat.py", label="Open the conversation", icon=":material/chat:",
            query_params={"thread": waiting.thread_id},
        )  # fmt: skip


st.title("Inbox", anchor=False)
show_last_answered()
shown = st.session_state.get("_waiting_shown", SHOWN)
found = runtime.waiting.waiting(session.owner(), limit=shown + 1)
if not found:
    show_empty()
else:
    number = runtime.waiting.count(session.owner())
    what = "One run waits" if number == 1 else f"{number} runs wait, the longest waiting first"
    st.caption(f"{what}. There is no time limit, and a restart of Switchboard changes nothing.")
    for n, waiting in enumerate(found[:shown]):
        show_waiting(waiting, opened=n == 0)
    if len(found) > shown:
        st.button("Show more", key="more_waiting", on_click=show_more, type="tertiary")
