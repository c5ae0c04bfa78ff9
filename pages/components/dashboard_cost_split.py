"""What the money went to: models and agents, kinds of token, caching, people, threads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.queries.cost import (
    KindCost,
    ModelAgentCost,
    by_kind,
    by_model_and_agent,
    each,
)
from analytics.queries.cost_cache import cache_by_model
from analytics.queries.cost_spenders import (
    NEWEST_RUNS,
    TOP_SHARE,
    Concentration,
    by_thread,
    by_user,
)
from pages.components.answer import agent_title
from pages.components.charts import HEIGHT
from pages.components.charts_axes import DOLLARS
from pages.components.charts_card import Table, card
from pages.components.charts_parts import Part, stacks
from pages.components.dashboard_cost_parts import (
    GREY,
    TOP,
    Stack,
    draw,
    height_of,
    money,
    money_column,
    rows,
    run_picker,
    usd,
)
from pages.components.dashboard_tables import Column, table_of
from pages.components.dashboard_tables import draw as draw_table
from pages.components.format import count, known_money, share

if TYPE_CHECKING:
    from analytics.queries.cost import Spending
    from core.catalog import Catalog
    from pages.components.dashboard_tab import Tab

KIND_NAMES = {
    "input": "Input",
    "cache_read": "Cached input",
    "cache_write": "Written to cache",
    "output": "Output",
    "reasoning": "Reasoning",
    "fees": "Fees and unsplit",
}
_KIND_COLORS = {
    "input": "#56B4E9",
    "cache_read": "#009E73",
    "cache_write": "#B8A800",
    "output": "#E69F00",
    "reasoning": "#CC79A7",
    "fees": "#8A9499",
}


def show_models_and_agents(tab: Tab) -> None:
    found = tab.answer(by_model_and_agent)
    missing, calls = sum(row.cost.missing for row in found), sum(row.cost.of for row in found)
    note = f", {count(missing)} of them unpriced" if missing else ""
    with card(
        "cost-by-agent-and-model", "Cost by agent and model",
        f"Which agent spends it, and on which model? n = {count(calls)} calls{note}",
        definition="Known cost of all calls of the runs an agent answered, choosing the agent "
        "included. Unpriced calls are in no bar.",
        data=partial(_model_agent_table, found), runs={},
    ):  # fmt: skip
        agents, drawn = _agent_bars(found, tab.catalog)
        option = rows([_agent(name) for name in agents], drawn, DOLLARS)
        spoken = ", ".join(_agent(name) for name in agents) or "nothing"
        draw("cost_by_agent", option, f"Cost by agent and model, most expensive agent first: {spoken}",
             height_of(len(agents)))  # fmt: skip


def _agent_bars(
    found: Sequence[ModelAgentCost], catalog: Catalog
) -> tuple[list[str | None], list[Stack]]:
    """Agents and models, dearest first; the cheaper models are one grey part."""
    cells = {(row.agent, row.model): row.cost for row in found}
    agents = _ranked((row.agent, row.cost.value or 0) for row in found)
    models = [str(name) for name in _ranked((row.model, row.cost.value or 0) for row in found)]
    groups = [(name, [name]) for name in models[:TOP]]
    if models[TOP:]:
        groups.append(("", models[TOP:]))
    drawn = []
    for model, members in groups:
        costs = [
            sum(cells[agent, m].value or 0 for m in members if (agent, m) in cells)
            for agent in agents
        ]
        if any(costs):
            name = catalog.display_name(model) if model else f"{len(members)} others"
            color = catalog.color(model) if model else GREY
            said = [
                f"{usd(pusd)} for {_agent(agent)}"
                for agent, pusd in zip(agents, costs, strict=True)
            ]
            drawn.append(Stack(name=name, color=color, values=costs, said=said))
    return agents, drawn


def _ranked(pairs: Iterable[tuple[str | None, int]]) -> list[str | None]:
    """Names by the sum of their money, most first."""
    sums: dict[str | None, int] = {}
    for name, pusd in pairs:
        sums[name] = sums.get(name, 0) + pusd
    return sorted(sums, key=lambda name: (-sums[name], name or ""))


def show_kinds(tab: Tab, spent: Spending) -> None:
    found = tab.answer(by_kind)
    tokens = sum(kind.tokens or 0 for kind in found)
    pusd = sum(kind.pusd for kind in found)
    known = known_money(money(pusd), missing=spent.cost.missing, of=spent.cost.of)
    with card(
        "cost-by-kind", "Cost by kind of token",
        f"Is it what we send or what we get? {count(tokens)} tokens, {known}",
        definition="The kinds exclude each other: input is what was neither read from nor written to "
        "a cache, output is what was not reasoning. Tokens of all calls; money of the priced ones.",
        data=partial(_kind_table, found), runs={},
    ):  # fmt: skip
        if not tokens and not pusd:
            st.info("No tokens were reported in this range.", icon=":material/hourglass_empty:")
            return
        used = [kind for kind in found if kind.tokens or kind.pusd]
        parts = [
            Part(
                name=KIND_NAMES[kind.kind], color=_KIND_COLORS[kind.kind],
                shares=[_of(kind.tokens or 0, tokens), _of(kind.pusd, pusd)],
                said=[
                    f"{count(kind.tokens)} tokens ({share(_of(kind.tokens or 0, tokens))})",
                    f"{usd(kind.pusd)} ({share(_of(kind.pusd, pusd))})",
                ],
            )
            for kind in used
        ]  # fmt: skip
        spoken = ", ".join(f"{KIND_NAMES[k.kind]} {share(_of(k.pusd, pusd))}" for k in used)
        draw(
            "cost_by_kind",
            stacks(["Tokens", "Cost"], parts),
            f"Shares of the cost: {spoken}",
            HEIGHT,
        )


def show_cache(tab: Tab) -> None:
    found = tab.answer(cache_by_model)
    columns = {
        "Model": Column(values=[tab.catalog.display_name(row.model) for row in found]),
        "Saved": money_column(
            [row.saved for row in found], help="Net; can be negative."
        ),
        "Input tokens": Column(values=[row.input_tokens for row in found], show=count),
        "Cached": Column(
            values=[_of(row.cache_read_tokens, row.input_tokens) for row in found], show=share,
            help="Read from the provider's cache / all input tokens.",
        ),
        "Written": Column(
            values=[row.cache_write_tokens for row in found], show=count,
            help="Input tokens written to the cache.",
        ),
        "Reading saved": money_column(
            [row.saved_by_reads for row in found],
            help="Cached tokens x (price of input - price of cached input).",
        ),
        "Writing cost extra": money_column(
            [row.extra_for_writes for row in found],
            help="Written tokens x (price of writing - price of input).",
        ),
        "Wasted on writes": money_column(
            [row.wasted for row in found],
            help="Extra cost of writes that reading has not earned back in this range.",
        ),
    }  # fmt: skip
    saved, wasted = sum(row.saved for row in found), sum(row.wasted for row in found)
    with card(
        "cache-effect", "Effect of the cache",
        f"Does caching pay? Saved {money(saved)}, wasted on writes {money(wasted)}, "
        f"models that used one: {len(found)}",
        definition="By what each call paid for plain input; calls without plain input count 0.",
        data=partial(table_of, columns),
    ):  # fmt: skip
        if found:
            draw_table(columns, alt="What caching saves by model", key="cache_table")
        else:
            st.info("No call of this range used a cache.", icon=":material/hourglass_empty:")


def show_users(tab: Tab) -> None:
    found = tab.answer(by_user)
    columns = _spender_columns("Person", found)
    with card(
        "cost-by-user", "People by cost", f"Who spends it? {_concentrated(found, 'people')}",
        definition="Cost of the runs a person started. Grey: some of their calls have no price. Runs "
        "without a person count in the total only.",
        data=partial(table_of, columns), runs={},
    ):  # fmt: skip
        draw_table(columns, alt="People by cost, most expensive first", key="cost_users_table")


def show_threads(tab: Tab) -> None:
    found = tab.answer(by_thread)
    columns = _spender_columns("Thread", found)
    bound = f" Of the newest {count(NEWEST_RUNS)} runs." if found.bounded else ""
    with card(
        "cost-by-thread", "Threads by cost",
        f"Which conversations are dear? {_concentrated(found, 'threads')}.{bound} "
        "Select a row to see its newest run.",
        definition=f"Among the newest {NEWEST_RUNS:,} runs of the range at most. Grey: some calls "
        "have no price.",
        data=partial(table_of, columns), runs={},
    ):  # fmt: skip
        picker = run_picker("cost_threads", [row.run_id for row in found.rows])
        draw_table(columns, alt="Threads by cost, most expensive first", **picker)


def _spender_columns(what: str, found: Concentration) -> dict[str, Column]:
    return {
        what: Column(values=[row.name for row in found.rows]),
        "Cost": money_column(
            [row.cost.value for row in found.rows],
            grey=[bool(row.cost.missing) for row in found.rows],
        ),
        "Share": Column(
            values=[_of(row.cost.value or 0, found.total) for row in found.rows], show=share,
            help="Of the known cost of all.",
        ),
        "Runs": Column(values=[row.runs for row in found.rows], show=count),
        "Cost per run": money_column(
            [each(row.cost.value, row.runs) for row in found.rows], grey=[bool(row.cost.missing) for row in found.rows],
        ),
    }  # fmt: skip


def _concentrated(found: Concentration, what: str) -> str:
    if not found.of:
        return "Nobody in this range"
    return (
        f"The most expensive {share(TOP_SHARE, 0)} ({count(found.top_n)}) pay {share(_of(found.top_pusd, found.total))} "
        f"of {money(found.total)}. Showing {len(found.rows)} of {count(found.of)} {what}, "
        f"n = {count(found.runs)} runs"
    )


def _agent(name: str | None) -> str:
    return agent_title(name) if name else "No agent"


def _of(part: float, of: float) -> float:
    return part / of if of else 0.0


def _model_agent_table(found: Sequence[ModelAgentCost]) -> Table:
    return ["agent", "model", "cost (pico-USD)", "calls_priced", "calls"], [
        [row.agent, row.model, row.cost.value, row.cost.known, row.cost.of] for row in found
    ]


def _kind_table(found: Sequence[KindCost]) -> Table:
    return ["kind", "tokens", "cost (pico-USD)"], [[k.kind, k.tokens, k.pusd] for k in found]
