"""What this installation is and can do, in words that may leave it: no path, host, key or person."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from agents.comparing.values import FEWEST, MOST
from agents.graphs import GRAPHS
from agents.model_ids import LOCAL
from agents.specialists import SPECIALISTS
from agents.system_note import MAX_NOTE_CHARS
from core.database import SAFE_SQLITE
from core.version import VERSION

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from core.catalog import Catalog, Price

_PACKAGES = (
    "streamlit",
    "langgraph",
    "langchain",
    "langchain-core",
    "langchain-openai",
    "langchain-aws",
    "fastapi",
    "starlette",
    "openai",
)
_MTOK = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Agent:
    name: str
    title: str
    description: str
    graph: str
    retrieval: str
    """How it finds what it answers from: rag, cag, hybrid, metrics or none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    name: str
    title: str
    description: str
    agents: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    service: str
    version: str
    environment: str | None
    versions: Mapping[str, str]
    features: Mapping[str, bool]
    graphs: tuple[Graph, ...]
    agents: tuple[Agent, ...]
    limits: Mapping[str, int | float | str | None]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPrice:
    """US dollars per million tokens; None is unknown."""

    region: str
    input_usd: float
    output_usd: float
    cache_read_usd: float | None
    cache_write_usd: float | None
    min_input_tokens: int
    max_input_tokens: int | None
    valid_from: date
    valid_to: date | None
    """The first day on which it no longer holds (UTC)."""
    source: str
    source_date: date


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelAbout:
    id: str
    name: str
    provider: str
    usable: bool
    why_not: str | None
    healthy: bool
    context_window: int | None
    max_output_tokens: int | None
    capabilities: tuple[str, ...]
    sees_images: bool | None
    """None: nothing is known about it, so it is tried."""
    answers: bool
    """Whether it is in the chain that answers."""
    routes: bool
    prices: tuple[ModelPrice, ...]
    """Standard prices that hold today where it is called from; none: not known."""


def about(runtime: Runtime) -> About:
    """Everything but prices. From memory."""
    settings = runtime.settings
    features = {
        "login": runtime.identity.required,
        "vectors": settings.embedding_model is not None,
        "answer_cache": settings.answer_cache != "off",
        "rate_limit": settings.rate_limit is not None,
        "quotas": bool(settings.quota_tokens_per_day or settings.quota_usd_per_day),
        "content_kept": settings.content != "off",
        "traces_sent": settings.otlp_endpoint is not None,
        "webhook": settings.alert_webhook_url is not None,
        "reports": bool(settings.reports),
        "postgres": bool(settings.database_url and not settings.database_url.startswith("sqlite")),
        "provider_models": any(m.configured and m.id != LOCAL for m in runtime.models.statuses()),
    }
    return About(
        service="Switchboard",
        version=VERSION,
        environment=settings.environment,
        versions=versions(),
        features=features,
        graphs=tuple(
            Graph(name=g.name, title=g.title, description=g.description, agents=g.agents)
            for g in GRAPHS
            if g.listed
        ),
        agents=tuple(
            Agent(
                name=one.name,
                title=one.title,
                description=one.description,
                graph="supervisor",
                retrieval=one.mode,
            )
            for one in SPECIALISTS
        ),
        limits={
            "message_chars": settings.max_message_chars,
            "instruction_chars": MAX_NOTE_CHARS,
            "body_bytes": settings.max_body_bytes,
            "import_bytes": settings.max_import_bytes,
            "concurrent_runs": settings.max_concurrent_runs,
            "queued_runs": settings.max_queued_runs,
            "runs_per_person": settings.max_runs_per_person,
            "run_seconds": settings.run_timeout_s,
            "answer_chars": settings.max_answer_chars,
            "history_tokens": settings.max_history_tokens,
            "fewest_columns": FEWEST,
            "most_columns": MOST,
            "requests": settings.rate_limit,
        },
        warnings=tuple(_warnings(runtime)),
    )


@cache
def versions() -> Mapping[str, str]:
    """Of what the house stands on. Reads the disk, once."""
    found = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def models(runtime: Runtime) -> list[ModelAbout]:
    """Those that can be chosen, and those of the chains that cannot be called, with the reason."""
    settings, catalog = runtime.settings, runtime.catalog
    answer, route = set(settings.answer_models), set(settings.router_models)
    found = []
    for one in runtime.models.list_models():
        known = catalog.find(one.id)
        found.append(
            ModelAbout(
                id=one.id,
                name=one.display_name,
                provider=one.provider,
                usable=one.configured,
                why_not=one.reason or None,
                healthy=one.healthy,
                context_window=known.context_window if known else None,
                max_output_tokens=known.max_output if known else None,
                capabilities=tuple(sorted(known.capabilities)) if known else (),
                sees_images=runtime.models.sees(one.id),
                answers=one.id in answer,
                routes=one.id in route,
                prices=tuple(_prices(catalog, one.id, settings.aws_region)),
            )
        )
    return found


def _prices(catalog: Catalog, model_id: str, aws_region: str | None) -> list[ModelPrice]:
    model, region = catalog.resolve(model_id, aws_region)
    if model is None or region is None:
        return []
    today = datetime.now(UTC).date()
    return [
        ModelPrice(
            region=region,
            input_usd=price.input_pusd / _MTOK,
            output_usd=price.output_pusd / _MTOK,
            cache_read_usd=_per_mtok(price.cache_read_pusd),
            cache_write_usd=_per_mtok(price.cache_write_5m_pusd),
            min_input_tokens=price.min_input_tokens,
            max_input_tokens=price.max_input_tokens,
            valid_from=price.valid_from,
            valid_to=price.valid_to,
            source=price.source,
            source_date=price.source_date,
        )
        for price in model.prices
        if _holds(price, region, today)
    ]


def _holds(price: Price, region: str, day: date) -> bool:
    return price.covers(region, "standard", price.min_input_tokens, day)


def _per_mtok(pusd: int | None) -> float | None:
    return None if pusd is None else pusd / _MTOK


def _warnings(runtime: Runtime) -> list[str]:
    found = []
    if sqlite3.sqlite_version_info < SAFE_SQLITE:
        safe = ".".join(map(str, SAFE_SQLITE))
        found.append(
            f"SQLite {sqlite3.sqlite_version} is older than {safe}, which mends a rare damage when "
            "two connections write at once. Do not write to the data folder with another program."
        )
    if runtime.price_problem:
        found.append("The imported prices cannot be read and are not used.")
    if runtime.recorder.health().failing:
        found.append("Figures are not being written at the moment.")
    return found
