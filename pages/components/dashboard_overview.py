"""Tab Overview: is all well, what is new, and how far can the figures be trusted?"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.queries import groups, over_time, overview, service_level, summary, views
from pages.components.dashboard_changes import show_changes
from pages.components.dashboard_charts import show_cost, show_percentiles, show_status, show_tokens
from pages.components.dashboard_kpis import Row, show_kpis
from pages.components.dashboard_quality_bar import show_quality
from pages.components.dashboard_tables import show_models
from pages.components.health_words import growth_words

if TYPE_CHECKING:
    from analytics.queries import SumSeries
    from analytics.queries.over_time import TokenKind
    from pages.components.dashboard_tab import Tab

QUANTILES = (0.5, 0.95, 0.99)


def show(tab: Tab) -> None:
    """Draws the tab. Raises StorageError."""
    zone, catalog = tab.zone, tab.catalog
    marks = tab.answer(views.marks)
    row = key_row(tab)
    show_kpis(row)
    models = tuple(tab.answer(groups.by_model))
    with st.grid(2, min_column_width=360, gap="small", key="charts"):
        show_status(row.status, zone, marks)
        show_cost(row.cost, zone, catalog, marks)
        show_changes(tab)
        show_percentiles(
            "ttft", "Time to first token", "How long do people wait for the first word?",
            row.ttft, zone, log=tab.log, marks=marks,
        )  # fmt: skip
        show_percentiles(
            "latency", "Run latency", "How long until an answer is complete?",
            row.latency, zone, log=tab.log, marks=marks,
        )  # fmt: skip
        cached = sum(one.cache_read_tokens.value or 0 for one in models)
        show_tokens(partial(_tokens, tab), cached, zone, catalog, marks)
    show_models(models, catalog)
    quality = tab.answer(summary.data_quality)
    if tab.everybody:
        health = tab.runtime.recorder.health()
        growth = growth_words(health, tab.records_since_us, time.time_ns() // 1000)
        show_quality(quality, health, growth)
    else:
        show_quality(quality, None)


def key_row(tab: Tab) -> Row:
    """What the row of key figures is made from."""
    return Row(
        everybody=tab.everybody,
        figures=tab.answer(overview.key_figures),
        records_since_us=tab.records_since_us,
        status=tab.answer(over_time.runs_by_status),
        ttft=tab.answer(over_time.percentiles_over_time, "first_token_us", QUANTILES),
        latency=tab.answer(over_time.percentiles_over_time, "duration_us", QUANTILES),
        cost=tab.answer(over_time.cost_over_time),
        tokens=_tokens(tab, "all"),
        users=tab.answer(overview.users_over_time),
        attained=tab.answer(service_level.attainment, tab.runtime.settings.slo_target),
    )


def _tokens(tab: Tab, kind: TokenKind) -> SumSeries:
    return tab.answer(over_time.tokens_over_time, kind)
