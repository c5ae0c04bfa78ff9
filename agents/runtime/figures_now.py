"""What `/api/metrics` says of this moment, beside what it counted: read from whoever keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from analytics.prometheus import Reading
from core.version import VERSION

if TYPE_CHECKING:
    from agents.runtime.runtime import Runtime


def known_model(runtime: Runtime, model_id: str) -> str | None:
    """The name a model is counted under: as it is configured, else as the catalogue calls it."""
    settings = runtime.settings
    if model_id in (*settings.answer_models, *settings.router_models):
        return model_id
    scheme, _, name = model_id.partition(":")
    server = settings.openai_servers.get(scheme)
    if server is not None:
        return model_id if name in server.models else None
    found = runtime.catalog.find(model_id)
    return found.id if found is not None else None


def readings(runtime: Runtime) -> Iterator[Reading]:
    """From memory."""
    active = runtime.runs.active()
    queued = sum(run.state == "queued" for run in active)
    health = runtime.recorder.health()
    yield _gauge("switchboard_runs_active", "Runs that answer now.", len(active) - queued)
    yield _gauge("switchboard_runs_queued", "Runs that wait for a free place.", queued)
    yield _gauge(
        "switchboard_recorder_waiting",
        "Finished runs not written to analytics yet.",
        health.waiting,
    )
    yield _counter(
        "switchboard_dropped_rows", "Finished runs missing from analytics.", health.dropped
    )
    yield _counter(
        "switchboard_observer_errors",
        "Events an observer could not take.",
        runtime.runs.observer_errors + health.observer_errors,
    )
    yield _counter(
        "switchboard_journal_errors",
        "Times the log of a run could not be saved.",
        runtime.runs.journal_errors,
    )
    yield _counter(
        "switchboard_budget_refusals",
        "Calls that budgets did not allow.",
        runtime.spending.health().refused_checks,
    )
    yield _counter(
        "switchboard_rate_limited_requests",
        "Requests refused because they came too often.",
        runtime.limits.refused,
    )
    for result, value in (
        ("hit", runtime.answers.hits),
        ("miss", runtime.answers.misses),
        ("error", runtime.answers.errors),
    ):
        yield Reading(
            name="switchboard_answer_cache_lookups",
            text="Questions looked up in the answer cache.",
            kind="counter",
            value=value,
            labels=(("result", result),),
        )
    for one in runtime.models.statuses():
        if one.configured:
            yield Reading(
                name="switchboard_model_healthy",
                text="0 while a configured model cools down after failures.",
                kind="gauge",
                value=float(one.healthy),
                labels=(
                    ("gen_ai_provider_name", one.provider),
                    ("gen_ai_request_model", known_model(runtime, one.id) or one.id),
                ),
            )
    yield Reading(
        name="switchboard_info",
        text="The version that runs.",
        kind="gauge",
        value=1,
        labels=(("version", VERSION),),
    )


def _gauge(name: str, text: str, value: float) -> Reading:
    return Reading(name=name, text=text, kind="gauge", value=value)


def _counter(name: str, text: str, value: float) -> Reading:
    return Reading(name=name, text=text, kind="counter", value=value)
