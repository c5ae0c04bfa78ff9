"""Chat: ask, watch the answer come, see what it cost."""

import contextlib

import streamlit as st

from agents.run import Run, TurnRequest
from core.errors import NotFound, SwitchboardError
from core.transcript import Transcript, summarise
from pages.components import session, sidebar, thread_watch
from pages.components.answer import (
    assistant_message,
    show_answer,
    show_question,
    show_run_link,
    show_summary,
    waiting_line,
)
from pages.components.choices import agent_options, model_options, split_agent
from pages.components.stream import attach

PAGE_OF_MESSAGES = 40
MAX_PREFILL = 100_000
STARTERS = (
    "What is Switchboard and what can it do?",
    "How do I add my own LangGraph agent?",
    "How is the cost of an answer computed?",
    "Which data leaves my machine?",
    "How many runs were there today, by agent?",
)

runtime = session.begin_page()


def send(text: str | None = None) -> None:
    """Starts a run. In a callback, so that no message is lost to another click."""
    text = st.session_state.chat_input if text is None else text
    graph, agent = split_agent(st.session_state.get("agent", "supervisor"))
    request = TurnRequest(
        text=text,
        thread_id=session.thread_id(),
        owner=session.OWNER,
        graph=graph,
        agent=agent,
        model=st.session_state.get("model") or None,
        stream=bool(st.session_state.get("streaming", True)),
    )
    try:
        run = runtime.start(request)
    except SwitchboardError as exc:
        session.keep_notice(exc)
        if len(text) <= MAX_PREFILL:
            st.session_state.chat_input = text  # nothing typed is lost
        return
    session.set_thread(run.thread_id)


def stop(run_id: str) -> None:
    with contextlib.suppress(NotFound):  # it ended between the click and here
        runtime.runs.cancel(run_id)


def show_options() -> None:
    preferences = runtime.threads.preferences(session.OWNER)
    agents, models = agent_options(), model_options(runtime)
    st.session_state.setdefault("agent", preferences.get("agent", "supervisor"))
    st.session_state.setdefault("model", preferences.get("model", ""))
    if st.session_state.model not in models:
        st.session_state.model = ""
    st.session_state.setdefault("streaming", preferences.get("streaming", True))
    with st.container(horizontal=True, vertical_alignment="center", key="options"):
        st.selectbox(
            "Agent", list(agents), key="agent", format_func=agents.__getitem__, width=168,
            label_visibility="collapsed",
        )  # fmt: skip
        st.selectbox(
            "Model", list(models), key="model", format_func=models.__getitem__, width=168,
            label_visibility="collapsed",
        )  # fmt: skip
        st.toggle("Streaming", key="streaming", help="Off: the answer appears when it is complete.")


def show_empty() -> None:
    st.title("What would you like to know?", anchor=False)
    st.caption(
        "Ask about Switchboard, or point SWITCHBOARD_KNOWLEDGE_DIR at your own documents. "
        "Answers cite their sources."
    )
    for n, question in enumerate(STARTERS):
        st.button(question, key=f"starter_{n}", on_click=send, args=(question,))


def show_live(run: Run) -> None:
    with assistant_message():
        status, slot = st.empty(), st.empty()
        stop_place.button(
            "Stop", key="stop", icon=":material/stop_circle:", on_click=stop, args=(run.id,)
        )

        def on_status(transcript: Transcript, elapsed_s: float) -> None:
            if transcript.status != "running" or (transcript.pieces and run.request.stream):
                status.empty()
            else:
                status.markdown(waiting_line(transcript, elapsed_s))

        transcript = attach(runtime, run, slot, on_status, live=run.request.stream)
        stop_place.empty()
        if run.thread_id in marks:
            marks[run.thread_id].empty()
        show_summary(transcript.text, summarise(transcript), runtime.catalog, run.id)
        show_run_link(run.id)


thread_id = session.thread_id()
thread = None
if thread_id or session.bad_thread_in_url():
    try:
        thread = runtime.threads.get(thread_id, session.OWNER)
    except SwitchboardError as exc:
        session.show_error(exc)
        session.set_thread(None)
marks = sidebar.show(runtime, thread.id if thread else None)
show_options()
conversation = st.container(key="conversation")
stop_place = st.bottom.empty()  # under the text it would run away from the pointer
st.chat_input("Ask a question", key="chat_input", on_submit=send, submit_mode="stop")
with conversation:
    welcome = st.empty()  # emptied at once when a thread is there, not when the script ends
    if thread is None:
        with welcome.container():
            show_empty()
    else:
        seen = thread_watch.look(runtime, thread.id)
        run = runtime.runs.for_thread(thread.id)
        limit = st.session_state.setdefault("_messages", PAGE_OF_MESSAGES)
        messages = runtime.threads.messages(thread.id, session.OWNER, limit=limit + 1)
        if len(messages) > limit:
            messages = messages[1:]
            if st.button("Show older messages", key="older_messages", type="tertiary"):
                st.session_state["_messages"] += PAGE_OF_MESSAGES
                st.rerun()
        for message in messages:
            if message.role == "user":
                show_question(message.text)
            elif message.summary is not None and not (run and message.run_id == run.id):
                with assistant_message():
                    show_answer(message.text, message.summary, runtime.catalog, message.id)
                    show_run_link(message.run_id)
        if run is not None:
            show_live(run)
        thread_watch.watch(runtime, thread.id, seen, followed=run.id if run else None)
