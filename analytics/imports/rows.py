"""An imported call as one run with one attempt, priced by the catalogue when it knows the model."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from hashlib import blake2b
from operator import attrgetter

from analytics.call_rows import Row
from analytics.imports.values import Call
from core.catalog import Catalog
from core.pricing import Cost, price_call
from core.usage import Usage, UsageSource

ENTRY_POINT = "import"
_CONTENT = attrgetter(*(f.name for f in fields(Call)))
_SHARES = ("retrieval_us", "tool_us", "supervisor_us", "other_us")
_NONE = [
    "llm_calls",
    "llm_attempts",
    "tool_calls",
    "tool_errors",
    "retrievals",
    "fallbacks",
    "retries",
    "failed_attempts",
    "failed_attempt_us",
]


class RowMaker:
    """Rows of the calls of one import. Remembers which contents it has seen, in about 100 bytes each."""

    def __init__(self, import_id: str, catalog: Catalog, priced_at_us: int | None = None) -> None:
        """`priced_at_us`: see `cost_of`."""
        self._import_id, self._catalog, self._priced_at_us = import_id, catalog, priced_at_us
        self._seen: dict[int, int] = {}

    def rows(self, call: Call) -> tuple[Row, Row]:
        """The rows of `run` and `llm_call`."""
        run_id = self._run_id(call)
        model, provider = identity(call, self._catalog)
        cost = cost_of(call, model, self._catalog, self._priced_at_us)
        both: Row = {
            "started_at_us": call.started_at_us,
            "duration_us": call.duration_us,
            "first_token_us": call.first_token_us,
            "agent_name": call.agent,
            "usage_input_tokens": call.input_tokens,
            "usage_output_tokens": call.output_tokens,
            "usage_cache_read_input_tokens": call.cache_read_tokens,
            "cost_pusd": cost.total_pusd,
            "error_type": None if call.status in ("ok", "cancelled") else _error(call),
        }
        return (
            both | self._run(run_id, call, model, provider, cost),
            both | _call(run_id, call, model, provider, cost),
        )

    def _run_id(self, call: Call) -> str:
        """From the content, so that a file imported twice adds nothing.

        Rows of equal content are different calls: the n-th of them has its own id.
        """
        content = "\x1f".join("" if part is None else str(part) for part in _CONTENT(call))
        raw = content.encode("utf-8")
        key = int.from_bytes(blake2b(raw, digest_size=8).digest())
        nth = self._seen[key] = self._seen.get(key, -1) + 1
        return blake2b(raw + nth.to_bytes(8), digest_size=16, person=b"import").hexdigest()

    def _run(self, run_id: str, call: Call, model: str, provider: str, cost: Cost) -> Row:
        timed = call.duration_us is not None
        failed = int(call.status in ("error", "timeout"))
        return {
            **dict.fromkeys(_NONE, 0),
            **dict.fromkeys(_SHARES, 0 if timed else None),
            "model_us": call.duration_us,
            "run_id": run_id,
            "conversation_id": call.thread or run_id,
            "user_id": call.user,
            "entry_point": ENTRY_POINT,
            "request_stream": 1 if call.first_token_us is not None else None,
            "ended_at_us": call.started_at_us + (call.duration_us or 0) if timed else None,
            "answer_model": model,
            "answer_provider": provider,
            "status": call.status,
            "error_stage": "model" if failed else None,
            "llm_calls": 1,
            "llm_attempts": 1,
            "failed_attempts": failed,
            "failed_attempt_us": (call.duration_us or 0) * failed,
            "usage_complete": int(_source(call) == "provider"),
            "cost_complete": int(cost.total_pusd is not None),
            "content_mode": "off",
            "import_id": self._import_id,
        }


def _call(run_id: str, call: Call, model: str, provider: str, cost: Cost) -> Row:
    return {
        "run_id": run_id,
        "call_id": run_id,
        "purpose": "answer",
        "logical_call_id": run_id,
        "attempt": 1,
        "is_final": 1,
        "operation_name": "chat",
        "provider_name": provider,
        "request_model": model,
        "usage_source": _source(call),
        "usage_due": 1,
        "status": "error" if call.status == "timeout" else call.status,
        "price_id": cost.price_id,
        "cost_input_pusd": cost.input_pusd,
        "cost_cache_read_pusd": cost.cache_read_pusd,
        "cost_cache_write_pusd": cost.cache_write_pusd,
        "cost_output_pusd": cost.output_pusd,
        "cost_reasoning_pusd": cost.reasoning_pusd,
        "cost_other_pusd": cost.other_pusd,
        "cost_quality": cost.quality,
        "cost_why": cost.why,
    }


def identity(call: Call, catalog: Catalog) -> tuple[str, str]:
    """The model as requests name it here (`openai:gpt-4o-mini`), and the provider.

    A model of the catalogue sold by somebody else has other prices: then the seller's name goes in
    front, which no entry of the catalogue has.
    """
    model = catalog.find(call.model)
    if model is not None and (call.provider or model.provider) in _sellers(
        model.id, model.provider
    ):
        scheme = model.id.partition(":")[0]
        named = call.model.startswith((f"{scheme}:", "arn:")) or call.model == model.id
        return call.model if named else f"{scheme}:{call.model}", model.provider
    if call.provider is None:
        return call.model, "unknown"
    prefix = f"{call.provider}:"
    return call.model if call.model.startswith(prefix) else prefix + call.model, call.provider


def _sellers(model_id: str, provider: str) -> tuple[str, ...]:
    return (
        provider,
        model_id.partition(":")[0],
        "bedrock" if provider == "aws.bedrock" else provider,
    )


def cost_of(call: Call, model: str, catalog: Catalog, priced_at_us: int | None = None) -> Cost:
    """What the file says, if it says more than 0; else the catalogue's price; else unknown.

    The price is that of the call's moment, or of `priced_at_us`; then it is approximate.

    A cost of 0 for a call that used tokens is what exporters write when they do not know it.
    """
    used = bool(call.input_tokens or call.output_tokens)
    if call.cost_pusd is not None and (call.cost_pusd > 0 or not used):
        return Cost(total_pusd=call.cost_pusd, why="As the imported file says.")
    usage = Usage(
        input_tokens=call.input_tokens,
        output_tokens=call.output_tokens,
        cache_read=call.cache_read_tokens,
        source=_source(call),
    )
    at = datetime.fromtimestamp((priced_at_us or call.started_at_us) / 1e6, UTC)
    cost = price_call(catalog, model, usage, at=at)
    if priced_at_us is None or cost.total_pusd is None:
        return cost
    return replace(cost, quality="approximate", why=f"At prices of {at:%Y-%m-%d}: {cost.why}")


def _source(call: Call) -> UsageSource:
    known = (call.input_tokens is not None) + (call.output_tokens is not None)
    sources: tuple[UsageSource, ...] = ("none", "partial", "provider")
    return sources[known]


def _error(call: Call) -> str:
    return "timeout" if call.status == "timeout" else "imported_error"
