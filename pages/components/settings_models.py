"""Settings: which models can be called, in which order they are tried, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING

import streamlit as st

from core.catalog import Catalog, Price
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.models import ModelStatus
    from agents.runtime import Runtime

_READY, _COOLING = ":material/check_circle:", ":material/hourglass_top:"
_MISSING = ":material/key_off:"
_PROVIDERS = {"openai": "OpenAI", "aws.bedrock": "Amazon Bedrock", "local": "On this machine"}


def show_models(runtime: Runtime) -> None:
    """Draws the three parts."""
    statuses = runtime.models.list_models()
    st.subheader("Models", anchor=False)
    st.caption(
        "Keys are read from the environment or from .env when Switchboard starts; "
        "they are never shown and never stored."
    )
    st.table(model_rows(statuses), border="horizontal", hide_header=False, alt="Models by provider")
    _show_order(runtime, statuses)
    _show_prices(runtime, statuses)


def _rank(status: ModelStatus) -> tuple[int, str]:
    """Known providers in their order, others by name behind them."""
    known = list(_PROVIDERS)
    place = known.index(status.provider) if status.provider in known else len(known)
    return place, status.provider


def model_rows(statuses: Sequence[ModelStatus]) -> dict[str, list[str]]:
    """Cells as Markdown, by provider. The state is said in words beside its icon."""
    ordered = sorted(statuses, key=_rank)
    firsts = [next(group) for _, group in groupby(ordered, key=lambda s: s.provider)]
    return {
        "Provider": [
            f"**{escape(_PROVIDERS.get(s.provider, s.provider))}**" if s in firsts else ""
            for s in ordered
        ],
        "Model": [escape(status.display_name) for status in ordered],
        "State": [state(status) for status in ordered],
        "Id": [f":small[{escape(status.id)}]" for status in ordered],
    }


def state(status: ModelStatus) -> str:
    """Ready, cooling down or not configured, with the reason."""
    reason = f": {escape(status.reason)}" if status.reason else ""
    if not status.configured:
        return f"{_MISSING} Not configured{reason}"
    if status.cooldown_s > 0:
        return f"{_COOLING} Cooling down for {status.cooldown_s:.0f} s{reason}"
    if not status.healthy:
        return f"{_COOLING} Failed, will be tried again{reason}"
    return f"{_READY} Ready"


def _show_order(runtime: Runtime, statuses: Sequence[ModelStatus]) -> None:
    known = {status.id: status for status in statuses}
    st.subheader("Order", anchor=False)
    st.caption(
        "The first model that is ready is asked; when it fails, the next one takes over. "
        f"{_READY} ready, {_COOLING} cooling down, {_MISSING} not configured."
    )
    chains = (
        ("Answers", runtime.settings.answer_models, "SWITCHBOARD_ANSWER_MODELS"),
        ("Routing", runtime.settings.router_models, "SWITCHBOARD_ROUTER_MODELS"),
    )
    for name, chain, variable in chains:
        steps = [_step(model, known, runtime.catalog) for model in chain]
        st.markdown(f"**{name}** :small[:gray[{variable}]]  \n" + " → ".join(steps))


def _step(model: str, known: dict[str, ModelStatus], catalog: Catalog) -> str:
    status = known.get(model)
    if status is None or not status.configured:
        icon = _MISSING
    else:
        icon = _READY if status.healthy else _COOLING
    return f"{icon} {escape(catalog.display_name(model))}"


def _show_prices(runtime: Runtime, statuses: Sequence[ModelStatus]) -> None:
    catalog = runtime.catalog
    st.subheader("Prices", anchor=False)
    st.caption(
        f"US dollars per million tokens, from the catalogue of {catalog.date:%d %B %Y} "
        f"(version {escape(catalog.version)}). Configured models only."
    )
    ids = [status.id for status in statuses if status.configured]
    st.table(
        price_rows(catalog, ids, runtime.settings.aws_region, datetime.now(UTC)),
        border="horizontal",
        hide_header=False,
        alt="Prices per million tokens of the configured models",
    )


def price_rows(
    catalog: Catalog, ids: Sequence[str], aws_region: str | None, at: datetime
) -> dict[str, list[str]]:
    """Cells as Markdown: the price that holds at `at`, or the word unknown."""
    columns: dict[str, list[str]] = {
        name: []
        for name in ("Model", "Region", "Input", "Cached input", "Output", "Since", "Source")
    }
    for model_id in ids:
        model, region = catalog.resolve(model_id, aws_region)
        price = catalog.price(model, region, "standard", 0, at) if model else None
        row = [escape(catalog.display_name(model_id)), *_cells(price, region)]
        for name, cell in zip(columns, row, strict=True):
            columns[name].append(cell)
    return columns


def _cells(price: Price | None, region: str | None) -> list[str]:
    if price is None:
        return [escape(region or "unknown"), "unknown", "unknown", "unknown", "–", "–"]
    limit = price.max_input_tokens
    tier = f" :small[:gray[up to {limit:,} tokens]]" if limit else ""
    return [
        escape(region or ""),
        usd_per_mtok(price.input_pusd) + tier,
        usd_per_mtok(price.cache_read_pusd),
        usd_per_mtok(price.output_pusd),
        f"{price.valid_from:%Y-%m-%d}",
        f":small[{escape(price.source.replace('https://', ''))}]",
    ]


def usd_per_mtok(pusd: int | None) -> str:
    """Pico-USD per token as USD per million tokens, with every digit; Markdown."""
    if pusd is None:
        return "unknown"
    usd = Decimal(pusd) / 1_000_000
    text = f"{usd.normalize():f}"
    whole, _, digits = text.partition(".")
    return f"\\${whole}.{digits.ljust(2, '0')}" if pusd else "\\$0"
