"""By agent, by model, and what the figures' quality is. Cells keep their numbers, so sorting works."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from analytics.intervals import minimum_n
from analytics.metrics import DEFINITIONS, Known, Percentile, Rate
from core.pricing import format_usd
from pages.components.answer import agent_title
from pages.components.charts_card import Table, card
from pages.components.format import UNKNOWN, count, duration, share, speed

if TYPE_CHECKING:
    from analytics.queries import AgentRow, ModelRow
    from core.catalog import Catalog

_GREY = "color: #8A9499"
FIRST_PX = 136
"""Of the first column, which stays where it is: on a phone every pixel of it hides figures."""
_MODEL_TTFT = "From the request to the first token; successful attempts."
_MODEL_LATENCY = "From the request to the end of the stream; successful attempts."


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of a table: raw values for sorting, and how they are shown."""

    values: Sequence[Any]
    show: Callable[[Any], str] = str
    help: str = ""
    unit: str = ""
    """Of the raw values; stands in the header of a download."""
    grey: Sequence[bool] = ()
    """Cells that rest on too little."""


def draw(columns: Mapping[str, Column], *, alt: str, **options: Any) -> Any:
    """`st.dataframe` of columns; numbers sort as numbers and read as people write them."""
    import pandas as pd  # imported by the warm-up; late here so that the page opens before it

    frame = pd.DataFrame({name: pd.Series(c.values, dtype=object) for name, c in columns.items()})
    frame = frame.infer_objects()
    shown = {name: partial(_cell, column.show) for name, column in columns.items()}
    styler = frame.style.format(shown)
    for name, column in columns.items():
        if any(column.grey):
            marks = [_GREY if grey else "" for grey in column.grey]
            styler = styler.apply(lambda _, marks=marks: marks, subset=[name])
    first = next(iter(columns))
    config = {
        name: st.column_config.Column(
            help=column.help or None,
            pinned=name == first,
            width=FIRST_PX if name == first else None,
        )
        for name, column in columns.items()
    }
    return st.dataframe(
        styler, hide_index=True, column_config=config, alt=alt, placeholder=UNKNOWN, **options
    )


def usd(pusd: float | None) -> str:
    return format_usd(None if pusd is None else round(pusd))


def percentile_column(definition: str, found: Sequence[Percentile]) -> Column:
    needed = minimum_n(found[0].q) if found else 0
    return Column(
        values=[p.value for p in found],
        show=duration,
        unit="us",
        help=f"{definition} Grey: n under {needed}.",
        grey=[not p.enough for p in found],
    )


def agent_columns(rows: Sequence[AgentRow]) -> dict[str, Column]:
    return {
        "Agent": Column(values=[agent_title(r.agent) if r.agent else "No agent" for r in rows]),
        "Runs": Column(values=[r.runs for r in rows], show=count),
        "First token p50": percentile_column(DEFINITIONS["ttft"], [r.ttft_p50 for r in rows]),
        "First token p95": percentile_column(DEFINITIONS["ttft"], [r.ttft_p95 for r in rows]),
        "Latency p50": percentile_column(DEFINITIONS["latency"], [r.latency_p50 for r in rows]),
        "Latency p95": percentile_column(DEFINITIONS["latency"], [r.latency_p95 for r in rows]),
        "Cost per run": Column(
            values=[_each(r.cost) for r in rows],
            show=usd,
            unit="pico-USD",
            help="Known cost / ended runs. Grey: some calls have no price, so the cost is incomplete: "
            "at least this.",
            grey=[bool(r.cost.missing) for r in rows],
        ),
        "Tokens": Column(values=[r.tokens.value for r in rows], show=count),
        "Failed": rate_column([r.failure for r in rows], DEFINITIONS["failure_rate"]),
        "Stopped": Column(values=[r.cancelled for r in rows], show=count),
        "Fallbacks": Column(
            values=[r.fallbacks for r in rows], show=count, help="Changes to another model."
        ),
    }


def show_models(rows: Sequence[ModelRow], catalog: Catalog) -> None:
    """One row per model that was asked."""
    columns = model_columns(rows, catalog)
    attempts, unpriced = sum(r.attempts for r in rows), sum(r.cost.missing for r in rows)
    doubt = f", {count(unpriced)} without a price" if unpriced else ""
    with card(
        "by-model",
        "By model",
        f"Which model is fast, cheap and reliable? n = {count(attempts)} attempts{doubt}",
        definition="Attempts at a model; times run from the moment the request left.",
        data=partial(table_of, columns),
        runs={},
    ):
        draw(columns, alt="Attempts, times, tokens and cost by model", key="models_table")


def model_columns(rows: Sequence[ModelRow], catalog: Catalog) -> dict[str, Column]:
    return {
        "Model": Column(values=[catalog.display_name(r.model) for r in rows]),
        "First token p50": percentile_column(_MODEL_TTFT, [r.ttft_p50 for r in rows]),
        "Cost": Column(
            values=[r.cost.value for r in rows],
            show=usd,
            unit="pico-USD",
            help="Known costs. Grey: some calls have no price, so the sum is incomplete: at least this.",
            grey=[bool(r.cost.missing) for r in rows],
        ),
        "Failed": rate_column([r.error for r in rows], DEFINITIONS["attempt_error_rate"]),
        "Attempts": Column(values=[r.attempts for r in rows], show=count),
        "First token p95": percentile_column(_MODEL_TTFT, [r.ttft_p95 for r in rows]),
        "Latency p95": percentile_column(_MODEL_LATENCY, [r.latency_p95 for r in rows]),
        "Speed": Column(
            values=[r.speed.per_second for r in rows],
            show=speed,
            unit="tokens/s",
            help=DEFINITIONS["tokens_per_second"],
        ),
        "Tokens in": Column(values=[r.input_tokens.value for r in rows], show=count),
        "Cached": Column(
            values=[_share(r.cache_read_tokens, r.input_tokens) for r in rows],
            show=share,
            help="Input tokens read from the provider's cache / all input tokens.",
        ),
        "Tokens out": Column(values=[r.output_tokens.value for r in rows], show=count),
        "Provider": Column(values=[r.provider for r in rows]),
    }


def rate_column(rates: Sequence[Rate], definition: str) -> Column:
    return Column(values=[rate.share for rate in rates], show=share, help=definition)


def table_of(columns: Mapping[str, Column]) -> Table:
    """The same table for a download: raw values, microseconds and pico-USD."""
    values = [column.values for column in columns.values()]
    names = [f"{name} ({c.unit})" if c.unit else name for name, c in columns.items()]
    return names, list(zip(*values, strict=True))


def _each(cost: Known) -> float | None:
    return cost.value / cost.of if cost.value is not None and cost.of else None


def _share(part: Known, whole: Known) -> float | None:
    return part.value / whole.value if part.value is not None and whole.value else None


def _cell(show: Callable[[Any], str], value: Any) -> str:
    """pandas turns None into NaN; both are unknown."""
    return show(None if value is None or value != value else value)
