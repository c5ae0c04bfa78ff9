"""The questions of each tab of the dashboard, as its page asks them when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from analytics.queries import (
    Filter,
    Queries,
    agents_tools,
    cost,
    cost_cache,
    cost_month,
    cost_replay,
    cost_spenders,
    groups,
    latency,
    over_time,
    overview,
    people,
    quality,
    reliability,
    reliability_errors,
    repeated,
    retrieval,
    run_pages,
    service_level,
    summary,
    views,
)

QUANTILES = (0.5, 0.95, 0.99)
SLO_TARGET = 0.99
Asked = tuple[Callable[..., Any], *tuple[Any, ...]]
_TTFT: Asked = (over_time.percentiles_over_time, "first_token_us", QUANTILES)
_LATENCY: Asked = (over_time.percentiles_over_time, "duration_us", QUANTILES)

ASKED: Mapping[str, tuple[Asked, ...]] = {
    "Overview": (
        (overview.runs_in_range,),
        (views.marks,),
        (groups.by_model,),
        (summary.data_quality,),
        (overview.key_figures,),
        (over_time.runs_by_status,),
        _TTFT,
        _LATENCY,
        (over_time.tokens_over_time, "all"),
        (over_time.cost_over_time,),
        (overview.users_over_time,),
        (overview.last_first_tokens,),
        (service_level.attainment, SLO_TARGET),
        (overview.what_changed, "cost", 10),
        (service_level.within, 3_000_000, 30_000_000),
    ),
    "Latency": (
        _TTFT,
        _LATENCY,
        (groups.time_shares,),
        (latency.first_tokens_by_model,),
        (latency.speed_by_model,),
        (latency.duration_heatmap,),
        (latency.first_token_points,),
        (latency.stalls_by_model,),
        (latency.hours_of_week, 0.95),
    ),
    "Cost": (
        (cost.spending,),
        (repeated.repeated,),
        (over_time.cost_over_time,),
        (cost.per_answer,),
        (cost_cache.cache_over_time,),
        (cost_spenders.context_growth,),
        (cost.by_model_and_agent,),
        (cost.by_kind,),
        (cost_cache.cache_by_model,),
        (cost_spenders.by_user,),
        (cost_spenders.by_thread,),
        (cost_month.month_to_date,),
        (cost_replay.replayable,),
    ),
    "Reliability": (
        (reliability.trouble,),
        (reliability.delay,),
        (reliability.rates_over_time, "call"),
        (reliability.rates_over_time, "run"),
        (reliability_errors.errors_over_time, "call"),
        (reliability_errors.error_types, "call"),
        (reliability.funnel,),
        (reliability.stops,),
        (reliability.provider_status,),
    ),
    "Agents & tools": (
        (agents_tools.routing,),
        (agents_tools.tools_over_time,),
        (agents_tools.agents,),
        (agents_tools.tools,),
    ),
    "Retrieval": (
        (retrieval.modes,),
        (retrieval.retrievals_over_time,),
        (retrieval.scores,),
        (retrieval.documents,),
    ),
    "Users": (
        (people.active_people, "day"),
        (people.cohorts,),
        (people.threads,),
        (people.top_people,),
    ),
    "Quality": (
        (quality.quality,),
        (quality.worst_runs,),
        (quality.evaluations,),
    ),
    "Runs": (
        (overview.runs_in_range,),
        (run_pages.runs_page,),
        (run_pages.slowest_runs,),
    ),
}


def questions(tab: str) -> Mapping[str, Callable[[Queries, Filter], Any]]:
    """A tab's questions, by name, for `bench.dashboard_page.ask`."""
    return {
        f"{question.__name__}{given or ''}": _asking(question, given)
        for question, *given in ASKED[tab]
    }


def _asking(question: Callable[..., Any], given: list[Any]) -> Callable[[Queries, Filter], Any]:
    return lambda queries, keep: queries.ask(lambda ask: question(ask, *given), keep)
