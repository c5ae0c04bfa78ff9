"""Choosing configurations: one block of widgets for each, for Compare and Evaluations.

Widget keys begin with a prefix, so that both pages keep choices of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING

import streamlit as st

from agents.comparing.labels import full_label, retrieval_name
from agents.comparing.values import MOST
from agents.graphs import entry
from agents.model_ids import LOCAL
from core.comparison import MAX_TEMPERATURE, RETRIEVALS, Configuration
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

PER_ROW = {1: 1, 2: 2, 3: 3, 4: 4, 5: 3, 6: 3}
"""Columns side by side on a wide screen; five or six are readable in two rows only."""
COLUMN_WIDTH = 250
"""Pixels under which a grid drops a column, so that a phone shows them below each other."""
_USUAL = ""
_RETRIEVAL_CHOICES = {_USUAL: "Retrieval: as the agent does"} | {
    mode: f"Retrieval: {retrieval_name(mode)}" for mode in RETRIEVALS
}


def show_choosers(
    runtime: Runtime, prefix: str, names: Sequence[str], defaults: Sequence[Configuration]
) -> None:
    """Draws a block for each of `names`; what was not chosen yet is as in `defaults`."""
    with st.grid(PER_ROW[len(names)], min_column_width=COLUMN_WIDTH) as grid:
        for n, name in enumerate(names):
            with grid.cell():
                _choosers(runtime, f"{prefix}_{{}}_{n}", name, defaults[n % len(defaults)])


def chosen_configurations(prefix: str, count: int) -> list[Configuration]:
    """The configurations that are chosen now in the first `count` blocks."""
    return [_chosen(f"{prefix}_{{}}_{n}") for n in range(count)]


def fill_choosers(
    runtime: Runtime, prefix: str, given: Sequence[Configuration]
) -> dict[int, Configuration]:
    """Sets the blocks before they are drawn; gives those that cannot be asked now, by number.

    Their blocks stay as they were: their model is not configured, or their agent or prompt version
    is gone.
    """
    missing = {}
    for n, one in enumerate(given):
        if not _askable(runtime, one):
            missing[n] = one
            continue
        key = f"{prefix}_{{}}_{n}"
        values = {
            "model": one.model or AUTOMATIC_MODEL,
            "agent": f"{one.graph}/{one.agent}" if one.agent else one.graph,
            "retrieval": one.retrieval or _USUAL,
            "prompt": one.prompt or _USUAL,
            "warm": one.temperature is not None,
            "temperature": one.temperature or 0.0,
            "fallback": one.fallback,
        }
        for name, value in values.items():
            st.session_state[key.format(name)] = value
    return missing


def warn_of_missing(
    runtime: Runtime, missing: Mapping[int, Configuration], names: Sequence[str]
) -> None:
    """Says which of a line-up cannot be asked now."""
    for n, one in missing.items():
        label = escape(full_label(one, runtime.catalog.display_name))
        st.warning(
            f"{names[n]} stays as it is: {label} cannot be asked now.", icon=":material/person_off:"
        )


def _askable(runtime: Runtime, one: Configuration) -> bool:
    agent = f"{one.graph}/{one.agent}" if one.agent else one.graph
    versions = {_USUAL, *(version.name for version in runtime.prompts.list())}
    return (
        (one.model or AUTOMATIC_MODEL) in model_options(runtime)
        and agent in agent_options()
        and (one.prompt or _USUAL) in versions
    )


def default_choices(agents: list[str], chain: list[str]) -> list[Configuration]:
    """Configurations that differ: by model as far as the configured chains reach, then by agent.

    The embedded answerer comes last among the models; without any key it is the only one, and they
    then differ by graph.
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


def _chosen(key: str) -> Configuration:
    state = st.session_state
    agent: str = state[key.format("agent")]
    honoured = entry(split_agent(agent)[0]).options
    set_warmth = bool(state.get(key.format("warm")))
    model: str = state[key.format("model")]
    return _configuration(
        agent,
        model,
        retrieval=(state.get(key.format("retrieval")) or None) if "retrieval" in honoured else None,
        prompt=(state.get(key.format("prompt")) or None) if "prompt" in honoured else None,
        temperature=state.get(key.format("temperature")) if set_warmth else None,
        fallback=bool(state.get(key.format("fallback"))) and bool(model),
    )


def _choosers(runtime: Runtime, key: str, name: str, default: Configuration) -> None:
    agents, models = agent_options(), model_options(runtime)
    model_key, agent_key = key.format("model"), key.format("agent")
    if st.session_state.get(model_key) not in models:
        wanted = default.model or AUTOMATIC_MODEL
        st.session_state[model_key] = wanted if wanted in models else AUTOMATIC_MODEL
    if st.session_state.get(agent_key) not in agents:
        wanted = f"{default.graph}/{default.agent}" if default.agent else default.graph
        st.session_state[agent_key] = wanted if wanted in agents else AUTOMATIC_AGENT
    st.selectbox(
        f"Model {name}", list(models), key=model_key, format_func=models.__getitem__,
        persist_state="session",
    )  # fmt: skip
    agent: str = st.selectbox(
        f"Agent {name}", list(agents), key=agent_key, format_func=agents.__getitem__,
        persist_state="session",
    )  # fmt: skip
    with st.popover(_options_label(key), icon=":material/settings:", type="tertiary"):
        _options(runtime, key, agent)


def _options_label(key: str) -> str:
    state = st.session_state
    named = {
        "retrieval": state.get(key.format("retrieval")),
        "prompt": state.get(key.format("prompt")),
        "temperature": state.get(key.format("warm")),
        "fallback": state.get(key.format("fallback")),
    }
    changed = [name for name, value in named.items() if value]
    return f"Options: {', '.join(changed)}" if changed else "Options"


def _options(runtime: Runtime, key: str, agent: str) -> None:
    honoured = entry(split_agent(agent)[0]).options
    st.selectbox(
        "Retrieval", list(_RETRIEVAL_CHOICES), key=key.format("retrieval"),
        format_func=_RETRIEVAL_CHOICES.__getitem__, label_visibility="collapsed",
        disabled="retrieval" not in honoured, persist_state="session",
    )  # fmt: skip
    versions = {_USUAL: "Prompts: as shipped"} | {
        one.name: f"Prompts: {one.name}" for one in runtime.prompts.list()
    }
    if st.session_state.get(key.format("prompt"), _USUAL) not in versions:
        st.session_state[key.format("prompt")] = _USUAL
    st.selectbox(
        "Prompt version", list(versions), key=key.format("prompt"),
        format_func=versions.__getitem__, label_visibility="collapsed",
        disabled="prompt" not in honoured, persist_state="session",
    )  # fmt: skip
    if st.toggle("Set the temperature", key=key.format("warm"), persist_state="session"):
        st.slider(
            "Temperature", 0.0, MAX_TEMPERATURE, step=0.1, key=key.format("temperature"),
            label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
    st.toggle(
        "Fall back to other models", key=key.format("fallback"), persist_state="session",
        disabled=not st.session_state.get(key.format("model")),
        help="When the chosen model fails, the next of the configured chain answers.",
    )  # fmt: skip
