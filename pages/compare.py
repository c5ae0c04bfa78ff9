"""Compare: one question, two to six columns, side by side."""

import streamlit as st

from core.errors import SwitchboardError
from core.ids import new_id
from pages.components import compare_columns, compare_runs, compare_setup, session
from pages.components.compare_summary import Entry, show_comparison

MAX_PREFILL = 100_000
STARTERS = (
    "What is Switchboard and what can it do?",
    "How is the cost of an answer computed?",
    "Explain step by step how to add my own LangGraph agent.",
)

runtime = session.begin_page()


def send(text: str | None = None) -> None:
    """Starts one run per column. In a callback, so that no question is lost to another click."""
    text = st.session_state.compare_input if text is None else text
    started = []
    try:
        for request in compare_setup.requests(text, group_id=new_id()):
            started.append(runtime.start(request).id)
    except SwitchboardError as exc:
        session.keep_notice(exc)
    if started:
        compare_runs.set_run_ids(started)
    elif len(text) <= MAX_PREFILL:
        st.session_state.compare_input = text  # nothing typed is lost


def show_empty() -> None:
    st.title("Which one answers best?", anchor=False)
    st.caption(
        "Choose a model and an agent for each column, then ask once: all columns start together.  \n"
        "When they have ended you see first token, total time, speed, tokens and cost side by side."
    )
    if "runs" in st.query_params:
        st.warning(
            "This comparison is not here any more: its threads were deleted, or the address is "
            "wrong. Ask again to make a new one.",
            icon=":material/link_off:",
        )


def show_starters() -> None:
    for n, text in enumerate(STARTERS):
        st.button(text, key=f"compare_starter_{n}", on_click=send, args=(text,))


def show_summary() -> None:
    entries = []
    titles = compare_runs.short_titles(runtime, columns)
    for column, title in zip(columns, titles, strict=True):
        text, summary = column.outcome()
        asked = compare_runs.agent_label(column)
        entries.append(
            Entry(letter=column.letter, title=title, asked=asked, text=text, summary=summary)
        )
    show_comparison(entries, runtime.catalog)


ids = compare_runs.run_ids()
columns = compare_runs.load(runtime, ids)
# A place that is made empty first: what is not drawn again would else stay until the run ends.
head = st.empty()
if not columns:
    with head.container():
        show_empty()
compare_setup.show_setup(runtime, [column.choice for column in columns])
with st.container():  # here it stays put; docked at the foot, the page would follow the answers
    st.chat_input("Ask all columns", key="compare_input", on_submit=send, max_chars=None)
starters = st.empty()
if not columns:
    with starters.container():
        show_starters()
results = compare_columns.fresh_place(ids)
end = st.empty()
if columns:
    with results:
        compare_columns.show_columns(runtime, columns)
    with end.container():
        show_summary()
