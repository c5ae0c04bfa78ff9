"""What an attempt used and cost: the provider's figures, or estimates that say they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import orjson
from langchain_core.messages import BaseMessage

from agents.attempt import Call, CallInfo
from core.catalog import Catalog
from core.events import AttemptOutcome, UsageReported
from core.pricing import Cost, price_call
from core.usage import Usage, from_langchain

RAW_CHARS = 4_000
CHARS_PER_TOKEN = 4.0
LEARN_FROM_TOKENS = 20


class Ratios:
    """Characters per token of each model, learned from calls that reported their usage."""

    def __init__(self) -> None:
        self._learned: dict[str, float] = {}

    def of(self, model: str) -> float:
        return self._learned.get(model, CHARS_PER_TOKEN)

    def learn(self, model: str, chars: int, tokens: int) -> None:
        """Short answers say little, and a ratio beyond reason comes from tokens not shown."""
        if tokens >= LEARN_FROM_TOKENS and 1.0 <= (seen := chars / tokens) <= 12.0:
            known = self._learned.get(model)
            self._learned[model] = seen if known is None else 0.8 * known + 0.2 * seen


def usage_event(
    call: Call,
    outcome: AttemptOutcome,
    prompt: Callable[[], int],
    *,
    catalog: Catalog,
    ratios: Ratios,
) -> UsageReported | None:
    """What the attempt used and cost. `prompt` counts the characters that were sent.

    None for a request that failed before anything came back: nothing was used that anybody could
    report, and an unknown would mark every run with a retry as incomplete.
    """
    if outcome == "error" and call.first_chunk is None and call.struck is None:
        return None
    info = call.info
    usage = from_langchain(call.reported) if call.reported else Usage()
    chars = call.text_chars + call.other_chars
    if outcome == "ok" and usage.source == "provider" and usage.output_tokens is not None:
        ratios.learn(info.model, chars, usage.output_tokens)
    usage = _completed(usage, chars, prompt, ratios.of(info.model), whole=outcome == "ok")
    if call.capped:
        usage = replace(usage, source="partial")
    cost = price_call(catalog, info.model, usage, region=info.region, at=datetime.now(UTC))
    return _reported(info, usage, call.metadata.get("usage"), cost)


def _completed(
    usage: Usage, chars: int, prompt: Callable[[], int], ratio: float, *, whole: bool
) -> Usage:
    """The usage with estimates where the provider said nothing that can be used."""
    if usage.input_tokens is not None and usage.output_tokens is not None:
        return usage
    read = usage.input_tokens
    if read is None:
        read = math.ceil(prompt() / ratio)
    made = usage.output_tokens
    if made is None:
        made = math.ceil(chars / ratio)
    nothing = usage.input_tokens is None and usage.output_tokens is None
    return replace(
        usage,
        input_tokens=read,
        output_tokens=made,
        source="estimate" if whole and nothing else "partial",
    )


def _reported(info: CallInfo, usage: Usage, raw: object, cost: Cost) -> UsageReported:
    raw = raw or usage.raw
    return UsageReported(
        call_id=info.call_id,
        model=info.model,
        provider=info.provider,
        purpose=info.purpose,
        agent=info.agent,
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        cache_write_5m_tokens=usage.cache_write_5m,
        cache_write_1h_tokens=usage.cache_write_1h,
        output_tokens=usage.output_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        source=usage.source,
        region=info.region,
        service_tier=usage.service_tier,
        problems=usage.problems,
        raw=_json(raw) if isinstance(raw, Mapping) else None,
        cost_pusd=cost.total_pusd,
        cost_input_pusd=cost.input_pusd,
        cost_cache_read_pusd=cost.cache_read_pusd,
        cost_cache_write_pusd=cost.cache_write_pusd,
        cost_output_pusd=cost.output_pusd,
        cost_reasoning_pusd=cost.reasoning_pusd,
        cost_other_pusd=cost.other_pusd,
        cost_quality=cost.quality,
        price_id=cost.price_id,
        cost_why=cost.why,
    )


def prompt_chars(messages: Sequence[BaseMessage], tools: object = None) -> int:
    """How much text a request holds."""
    size = sum(
        len(message.content) if isinstance(message.content, str) else len(str(message.content))
        for message in messages
    )
    return size + (len(str(tools)) if tools else 0)


def _json(raw: Mapping[str, object]) -> str | None:
    text = orjson.dumps(raw, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    return text if len(text) <= RAW_CHARS else None
