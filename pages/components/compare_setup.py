"""What is compared: how many columns, and the agent and model of each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import streamlit as st

from agents.run import TurnRequest
from pages.components import session
from pages.components.choices import (
    AUTOMATIC_AGENT,
    AUTOMATIC_MODEL,
    agent_options,
    model_options,
    split_agent,
)

if TYPE_CHECKING:
    from agents.runtime import Runtime

LETTERS = "ABCDEF"
FEWEST, MOST = 2, len(LETTERS)
LOCAL = "local:extractive"
PER_ROW = {2: 2, 3: 3, 4: 4, 5: 3, 6: 3}
"""Columns side by side on a wide screen; five or six are readable in two rows only."""
COLUMN_WIDTH = 250
"""Pixels under which a grid drops a column, so that a phone shows them below each other."""

_COUNT = "compare_count"


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One column before it runs. `agent` is a value of `agent_options`, `model` of `model_options`."""

    agent: str
    model: str


def show_setup(runtime: Runtime, shown: list[Choice]) -> None:
    """Draws the choosers. `shown` is what the comparison on the page used, if there is one."""
    agents, models = agent_options(), model_options(runtime)
    chain = [status.id for status in runtime.models.statuses() if status.configured]
    unused = [c for c in default_choices(list(agents), chain) if c not in shown]
    defaults = shown + unused
    st.session_state.setdefault(_COUNT, max(FEWEST, len(shown)))
    with st.expander("Columns", icon=":material/tune:", expanded=not shown):
        count: int = st.segmented_control(
            "Number of columns", range(FEWEST, MOST + 1), key=_COUNT,
            required=True, persist_state="session",
        ) or FEWEST  # fmt: skip
        with st.grid(PER_ROW[count], min_column_width=COLUMN_WIDTH) as grid:
            for n in range(count):
                with grid.cell():
                    _choosers(n, agents, models, defaults[n % len(defaults)])


def _choosers(n: int, agents: dict[str, str], models: dict[str, str], default: Choice) -> None:
    model_key, agent_key = f"compare_model_{n}", f"compare_agent_{n}"
    if st.session_state.get(model_key) not in models:
        st.session_state[model_key] = default.model if default.model in models else AUTOMATIC_MODEL
    if st.session_state.get(agent_key) not in agents:
        st.session_state[agent_key] = default.agent if default.agent in agents else AUTOMATIC_AGENT
    st.selectbox(
        f"Model {LETTERS[n]}", list(models), key=model_key, format_func=models.__getitem__,
        persist_state="session",
    )  # fmt: skip
    st.selectbox(
        f"Agent {LETTERS[n]}", list(agents), key=agent_key, format_func=agents.__getitem__,
        persist_state="session",
    )  # fmt: skip


def default_choices(agents: list[str], chain: list[str]) -> list[Choice]:
    """Columns that differ: by model as far as the configured chains reach, then by agent.

    The embedded answerer comes last among the models; without any key it is the only one, and the
    columns then differ by graph.
    """
    models = [model for model in chain if model != LOCAL] + [LOCAL]
    whole = [agent for agent in agents if "/" not in agent]
    pinned = [agent for agent in agents if "/" in agent]
    pairs = product(whole + pinned, models)
    return [Choice(agent=agent, model=model) for agent, model in pairs][:MOST]


def requests(text: str, group_id: str) -> list[TurnRequest]:
    """One turn per column of what is chosen now, each in a thread of its own."""
    return [
        request(text, group_id, st.session_state[f"compare_agent_{n}"],
                st.session_state[f"compare_model_{n}"])
        for n in range(st.session_state.get(_COUNT) or FEWEST)
    ]  # fmt: skip


def request(text: str, group_id: str, agent: str, model: str) -> TurnRequest:
    """A chosen model answers alone: with a fallback the columns would change places."""
    graph, pinned = split_agent(agent)
    return TurnRequest(
        text=text,
        owner=session.OWNER,
        graph=graph,
        agent=pinned,
        model=model or None,
        fallback=not model,
        entry_point="compare",
        thread_kind="compare",
        group_id=group_id,
    )
