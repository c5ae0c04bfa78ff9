"""Chat: ask, watch the answer come, see what it cost, and take another way from any message."""

from functools import partial

import streamlit as st

from agents.run import Run
from core.errors import SwitchboardError
from pages.components import chat_actions as act
from pages.components import chat_files, session, sidebar, thread_watch
from pages.components.answer import assistant_message
from pages.components.answer_shown import shown_to
from pages.components.chat_live import Around, show_elsewhere, show_live
from pages.components.chat_message import show_message
from pages.components.chat_options import show_options
from pages.components.chat_queue import show_queue
from pages.components.sidebar import Action

PAGE_OF_MESSAGES = 20
TEMPORARY_HELP = "Kept in memory only: it is gone when Switchboard ends."
STARTERS = (
    "What is Switchboard and what can it do?",
    "How do I add my own LangGraph agent?",
    "How is the cost of an answer computed?",
    "Which data leaves my machine?",
    "How many runs were there today, by agent?",
)

runtime = session.begin_page()


def show_empty() -> None:
    st.title("What would you like to know?", anchor=False)
    st.caption(
        "Ask about Switchboard, or point SWITCHBOARD_KNOWLEDGE_DIR at your own documents. "
        "Answers cite their sources."
    )
    for n, question in enumerate(STARTERS):
        st.button(question, key=f"starter_{n}", on_click=act.send, args=(runtime, question))


def show_temporary_switch() -> None:
    if thread is None:
        session.show_temporary_switch()
    elif thread.temporary:
        st.badge("Temporary chat", icon=":material/timer:", color="orange", help=TEMPORARY_HELP)
    else:
        st.empty()  # the list stays in its place: what moves stands twice while an answer comes


def show_conversation(thread_id: str, run: Run | None) -> None:
    limit = st.session_state.setdefault("_messages", PAGE_OF_MESSAGES)
    messages = runtime.threads.messages(thread_id, session.owner(), limit=limit + 1)
    if len(messages) > limit:
        messages = messages[1:]
        if st.button("Show older messages", key="older_messages", type="tertiary"):
            st.session_state["_messages"] += PAGE_OF_MESSAGES
            st.rerun()
    shown = [m for m in messages if run is None or m.role == "user" or m.run_id != run.id]
    asked = [m.id for m in shown if m.role == "user"]
    files = runtime.files.store.of_messages(thread_id, asked, session.owner())
    ratings = runtime.ratings.of_messages([message.id for message in shown], session.owner())
    for message in shown:
        show_message(runtime, message, look, ratings.get(message.id), files.get(message.id, ()))
    drawn, st.session_state["_drawn"] = st.session_state.get("_drawn", 0), len(shown)
    if run is None:
        return
    if shown and shown[-1].id != run.place.parent_id and not run.finished:
        show_elsewhere(runtime, run)
        return
    frame = assistant_message()
    for _ in range(drawn - len(shown)):
        st.empty()  # of a branch that was shown before: it would stand there until the end
    page = Around(runtime=runtime, marks=marks, stop=stop_place, queued=queued, look=look)
    show_live(page, run, frame)


preferences = runtime.preferences.load(session.owner())
look = shown_to(preferences)
thread_id = session.thread_id()
thread = None
if thread_id or session.bad_thread_in_url():
    try:
        thread = runtime.threads.get(thread_id, session.owner())
    except SwitchboardError as exc:
        session.show_error(exc)
        session.set_thread(None)
marks = sidebar.show(
    runtime,
    thread.id if thread else None,
    actions=[Action(label="Duplicate", icon=":material/content_copy:", run=act.duplicate(runtime))],
    under_new=show_temporary_switch,
)
seen = thread_watch.look(runtime, thread.id if thread else None)
run = runtime.runs.for_thread(thread.id) if thread else None
with show_options(runtime, preferences):
    if thread is not None:
        chat_files.show_thread_files(runtime, thread.id)
conversation = st.container(key="conversation")
with st.bottom:
    stop_place = st.empty()  # under the text it would run away from the pointer
    waiting = st.empty()
    queued = show_queue(runtime, thread.id, waiting, answering=run is not None) if thread else []
    chat_files.show_waiting(runtime, partial(act.send_with_files, runtime))
# Not in st.bottom: only what Streamlit puts there by itself makes the page follow its end.
st.chat_input(
    "Ask a question", key="chat_input", on_submit=act.send, args=(runtime,), **chat_files.INPUT
)
with conversation:
    welcome = st.empty()  # emptied at once when a thread is there, not when the script ends
    if thread is None:
        with welcome.container():
            show_empty()
    else:
        show_conversation(thread.id, run)
        marks.refresh()  # an answer that ended while the page was drawn was seen here
    thread_watch.watch(
        runtime, thread.id if thread else None, seen, followed=run.id if run else None
    )
