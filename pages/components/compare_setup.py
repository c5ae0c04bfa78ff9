"""What is compared: the columns with their options, line-ups that were saved, blind or not."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import streamlit as st

from agents.comparing.labels import retrieval_name
from agents.comparing.values import FEWEST, LETTERS, MOST
from agents.graphs import entry
from core.comparison import MAX_TEMPERATURE, RETRIEVALS, Configuration
from core.errors import SwitchboardError
from pages.components import session
from pages.components.choices import (
    AUTOMATIC_AGENT,
    AUTOMATIC_MODEL,
    agent_options,
    model_options,
    split_agent,
)
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.runtime import Runtime

LOCAL = "local:extractive"
PER_ROW = {2: 2, 3: 3, 4: 4, 5: 3, 6: 3}
"""Columns side by side on a wide screen; five or six are readable in two rows only."""
COLUMN_WIDTH = 250
"""Pixels under which a grid drops a column, so that a phone shows them below each other."""

BLIND, TOGETHER = "compare_blind", "compare_together"
_COUNT = "compare_count"
_FILL = "compare_fill"
_USUAL = ""
_RETRIEVAL_CHOICES = {_USUAL: "Retrieval: as the agent does"} | {
    mode: f"Retrieval: {retrieval_name(mode)}" for mode in RETRIEVALS
}


def show_setup(runtime: Runtime, shown: list[Configuration]) -> None:
    """Draws the choosers. `shown` is what the comparison on the page uses, if there is one."""
    chain = [status.id for status in runtime.models.statuses() if status.configured]
    given: list[Configuration] | None = st.session_state.pop(_FILL, None)
    if given is not None:
        _fill(runtime, given)
    unused = [c for c in default_choices(list(agent_options()), chain) if c not in shown]
    defaults = shown + unused
    st.session_state.setdefault(_COUNT, max(FEWEST, len(shown)))
    with st.expander("Columns", icon=":material/tune:", expanded=not shown):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            count: int = st.segmented_control(
                "Number of columns", range(FEWEST, MOST + 1), key=_COUNT,
                required=True, persist_state="session",
            ) or FEWEST  # fmt: skip
            st.toggle(
                "Blind", key=BLIND, persist_state="session",
                help="Columns are shuffled, and who answers is hidden until you have voted.",
            )  # fmt: skip
            st.toggle(
                "Show all at once", key=TOGETHER, persist_state="session",
                help="Answers appear when all have ended, so that speed does not sway the vote.",
            )  # fmt: skip
            st.space("stretch")
            _lineups(runtime)
        with st.grid(PER_ROW[count], min_column_width=COLUMN_WIDTH) as grid:
            for n in range(count):
                with grid.cell():
                    _choosers(runtime, n, defaults[n % len(defaults)])


def chosen() -> list[Configuration]:
    """The configurations that are chosen now."""
    return [_chosen(n) for n in range(st.session_state.get(_COUNT) or FEWEST)]


def default_choices(agents: list[str], chain: list[str]) -> list[Configuration]:
    """Columns that differ: by model as far as the configured chains reach, then by agent.

    The embedded answerer comes last among the models; without any key it is the only one, and the
    columns then differ by graph.
    """
    models = [model for model in chain if model != LOCAL] + [LOCAL]
    whole = [agent for agent in agents if "/" not in agent]
    pinned = [agent for agent in agents if "/" in agent]
    pairs = product(whole + pinned, models)
    return [_configuration(agent, model) for agent, model in pairs][:MOST]


def _configuration(agent: str, model: str, **options: object) -> Configuration:
    graph, pinned = split_agent(agent)
    return Configuration.from_dict(
        {"graph": graph, "agent": pinned, "model": model or None, **options}
    )


def _chosen(n: int) -> Configuration:
    state = st.session_state
    agent: str = state[f"compare_agent_{n}"]
    honoured = entry(split_agent(agent)[0]).options
    set_warmth = bool(state.get(f"compare_warm_{n}"))
    model: str = state[f"compare_model_{n}"]
    return _configuration(
        agent,
        model,
        retrieval=(state.get(f"compare_retrieval_{n}") or None)
        if "retrieval" in honoured
        else None,
        prompt=(state.get(f"compare_prompt_{n}") or None) if "prompt" in honoured else None,
        temperature=state.get(f"compare_temperature_{n}") if set_warmth else None,
        fallback=bool(state.get(f"compare_fallback_{n}")) and bool(model),
    )


def _fill(runtime: Runtime, given: list[Configuration]) -> None:
    """Sets the choosers to a line-up; what is not on offer any more stays as it was."""
    state = st.session_state
    agents, models = agent_options(), model_options(runtime)
    state[_COUNT] = len(given)
    for n, one in enumerate(given):
        agent = f"{one.graph}/{one.agent}" if one.agent else one.graph
        if (one.model or AUTOMATIC_MODEL) in models:
            state[f"compare_model_{n}"] = one.model or AUTOMATIC_MODEL
        if agent in agents:
            state[f"compare_agent_{n}"] = agent
        state[f"compare_retrieval_{n}"] = one.retrieval or _USUAL
        state[f"compare_prompt_{n}"] = one.prompt or _USUAL
        state[f"compare_warm_{n}"] = one.temperature is not None
        state[f"compare_temperature_{n}"] = one.temperature or 0.0
        state[f"compare_fallback_{n}"] = one.fallback


def _choosers(runtime: Runtime, n: int, default: Configuration) -> None:
    agents, models = agent_options(), model_options(runtime)
    model_key, agent_key = f"compare_model_{n}", f"compare_agent_{n}"
    if st.session_state.get(model_key) not in models:
        wanted = default.model or AUTOMATIC_MODEL
        st.session_state[model_key] = wanted if wanted in models else AUTOMATIC_MODEL
    if st.session_state.get(agent_key) not in agents:
        wanted = f"{default.graph}/{default.agent}" if default.agent else default.graph
        st.session_state[agent_key] = wanted if wanted in agents else AUTOMATIC_AGENT
    name = str(n + 1) if st.session_state.get(BLIND) else LETTERS[n]
    st.selectbox(
        f"Model {name}", list(models), key=model_key, format_func=models.__getitem__,
        persist_state="session",
    )  # fmt: skip
    agent: str = st.selectbox(
        f"Agent {name}", list(agents), key=agent_key, format_func=agents.__getitem__,
        persist_state="session",
    )  # fmt: skip
    with st.popover(_options_label(n), icon=":material/settings:", type="tertiary"):
        _options(runtime, n, agent)


def _options_label(n: int) -> str:
    state = st.session_state
    named = {
        "retrieval": state.get(f"compare_retrieval_{n}"),
        "prompt": state.get(f"compare_prompt_{n}"),
        "temperature": state.get(f"compare_warm_{n}"),
        "fallback": state.get(f"compare_fallback_{n}"),
    }
    changed = [name for name, value in named.items() if value]
    return f"Options: {', '.join(changed)}" if changed else "Options"


def _options(runtime: Runtime, n: int, agent: str) -> None:
    honoured = entry(split_agent(agent)[0]).options
    st.selectbox(
        "Retrieval", list(_RETRIEVAL_CHOICES), key=f"compare_retrieval_{n}",
        format_func=_RETRIEVAL_CHOICES.__getitem__, label_visibility="collapsed",
        disabled="retrieval" not in honoured, persist_state="session",
    )  # fmt: skip
    versions = {_USUAL: "Prompts: as shipped"} | {
        one.name: f"Prompts: {one.name}" for one in runtime.prompts.list()
    }
    if st.session_state.get(f"compare_prompt_{n}", _USUAL) not in versions:
        st.session_state[f"compare_prompt_{n}"] = _USUAL
    st.selectbox(
        "Prompt version", list(versions), key=f"compare_prompt_{n}",
        format_func=versions.__getitem__, label_visibility="collapsed",
        disabled="prompt" not in honoured, persist_state="session",
    )  # fmt: skip
    if st.toggle("Set the temperature", key=f"compare_warm_{n}", persist_state="session"):
        st.slider(
            "Temperature", 0.0, MAX_TEMPERATURE, step=0.1, key=f"compare_temperature_{n}",
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
    st.toggle(
        "Fall back to other models", key=f"compare_fallback_{n}", persist_state="session",
        disabled=not st.session_state.get(f"compare_model_{n}"),
        help="When the chosen model fails, the next of the configured chain answers.",
    )  # fmt: skip


def _lineups(runtime: Runtime) -> None:
    saved = runtime.comparisons.lineups.list(session.OWNER)
    with st.popover("Line-ups", icon=":material/groups:", type="tertiary"):
        for lineup in saved:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.button(
                    escape(lineup.name), key=f"lineup_use_{lineup.name}", type="tertiary",
                    icon=":material/play_arrow:", width="stretch",
                    help=f"{len(lineup.configurations)} columns",
                    on_click=_use, args=(list(lineup.configurations),),
                )  # fmt: skip
                st.button(
                    "", key=f"lineup_delete_{lineup.name}", type="tertiary",
                    icon=":material/delete:", help="Delete this line-up",
                    on_click=_delete, args=(runtime, lineup.name),
                )  # fmt: skip
        if not saved:
            st.caption("No line-up is saved yet. Choose columns, name them and save them here.")
        with st.form("lineup_save", border=False, clear_on_submit=True):
            st.text_input("Name", key="lineup_name", max_chars=60, placeholder="Candidates")
            st.form_submit_button(
                "Save these columns", icon=":material/save:", on_click=_save, args=(runtime,)
            )


def _use(configurations: list[Configuration]) -> None:
    st.session_state[_FILL] = configurations


def _save(runtime: Runtime) -> None:
    try:
        runtime.comparisons.lineups.save(session.OWNER, st.session_state.lineup_name, chosen())
    except SwitchboardError as exc:
        session.keep_notice(exc)


def _delete(runtime: Runtime, name: str) -> None:
    runtime.comparisons.lineups.delete(session.OWNER, name)
