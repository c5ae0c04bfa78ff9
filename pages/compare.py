"""Compare: one question, two to six columns, side by side; then the vote."""

import streamlit as st

from agents.comparing.values import Comparison
from core.errors import SwitchboardError
from pages.components import compare_columns, compare_runs, compare_setup, session
from pages.components.compare_diff import show_diff
from pages.components.compare_recent import show_recent
from pages.components.compare_summary import entries_of, show_comparison
from pages.components.compare_vote import show_vote

MAX_PREFILL = 100_000
STARTERS = (
    "What is Switchboard and what can it do?",
    "How is the cost of an answer computed?",
    "Explain step by step how to add my own LangGraph agent.",
)

runtime = session.begin_page("chat")


def send(text: str | None = None) -> None:
    """Asks all columns. In a callback, so that no question is lost to another click."""
    text = st.session_state.compare_input if text is None else text
    state, desk = st.session_state, runtime.comparisons
    open_one = compare_runs.shown(runtime)
    try:
        runtime.limits.request(session.principal())
        if open_one is not None and state.get("compare_go_on") and unchanged(open_one):
            found, problems = desk.follow_up(open_one, text)
        else:
            found, problems = desk.ask(
                text,
                compare_setup.chosen(),
                owner=session.owner(),
                blind=bool(state.get(compare_setup.BLIND)),
                together=bool(state.get(compare_setup.TOGETHER)),
            )
    except SwitchboardError as exc:
        session.keep_notice(exc)
        if len(text) <= MAX_PREFILL:
            st.session_state.compare_input = text  # nothing typed is lost
        return
    if problems:
        session.keep_notice(problems[0])
    compare_runs.show(found.id)


def unchanged(shown: Comparison) -> bool:
    """Whether the columns that are chosen now are those of the comparison, in any order."""
    chosen = sorted(one.key for one in compare_setup.chosen())
    return chosen == sorted(one.configuration.key for one in shown.arms)


def show_empty() -> None:
    st.title("Which one answers best?", anchor=False)
    st.caption(
        "Choose a model and an agent for each column, then ask once: all columns start together.  \n"
        "Blind, you vote before you know who answered; votes make the leaderboard."
    )
    if compare_runs.missing():
        st.warning(
            "This comparison is not here any more: it was deleted, or the address is wrong. "
            "Ask again to make a new one.",
            icon=":material/link_off:",
        )


def show_starters() -> None:
    for n, text in enumerate(STARTERS):
        st.button(text, key=f"compare_starter_{n}", on_click=send, args=(text,))


def new_comparison() -> None:
    compare_runs.show(None)


comparison = compare_runs.shown(runtime)
# A place that is made empty first: what is not drawn again would else stay until the run ends.
head = st.empty()
if comparison is None:
    with head.container():
        show_empty()
with st.container(horizontal=True, vertical_alignment="center"):
    if comparison is not None:
        st.button("New comparison", icon=":material/add:", type="tertiary", on_click=new_comparison)
    show_recent(runtime, comparison.id if comparison else None)
compare_setup.show_setup(runtime, comparison)
with st.container():  # here it stays put; docked at the foot, the page would follow the answers
    if comparison is not None and unchanged(comparison):
        st.toggle(
            "Go on with these columns", key="compare_go_on", value=True,
            help="On: the next question goes to the same columns, each with its own history. "
            "Off: it begins a new comparison.",
        )  # fmt: skip
    elif comparison is not None:
        st.caption("The columns were changed: the next question begins a new comparison.")
    # Closed before the vote, it cannot swallow the keys that vote.
    before_vote = comparison is not None and comparison.hidden
    st.chat_input(
        "Vote first, or skip; then ask on" if before_vote else "Ask all columns",
        key="compare_input", on_submit=send, max_chars=None, disabled=before_vote,
    )  # fmt: skip
starters = st.empty()
if comparison is None:
    with starters.container():
        show_starters()
last = comparison.turns[-1] if comparison and comparison.turns else None
results = compare_columns.fresh_place(
    f"{comparison.id}-{last.number}" if comparison and last else ""
)
end = st.empty()
if comparison is not None and last is not None:
    with results:
        columns = compare_runs.load(runtime, comparison, last)
        compare_columns.show_turn(runtime, comparison, last, columns, last=True)
    with end.container():
        show_vote(runtime, comparison, last, columns)
        show_diff(columns)
        if not comparison.hidden:
            show_comparison(entries_of(columns), runtime.catalog)
        for earlier in reversed(comparison.turns[:-1]):
            with st.expander(f"Question {earlier.number + 1}", icon=":material/history:"):
                compare_columns.show_turn(
                    runtime, comparison, earlier,
                    compare_runs.load(runtime, comparison, earlier), last=False,
                )  # fmt: skip
