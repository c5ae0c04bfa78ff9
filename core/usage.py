"""Token usage of one model call, in one meaning whatever the provider's spelling.

`input_tokens` is everything sent, cached tokens included; cache reads and writes are parts of it;
reasoning is a part of `output_tokens`. None means not reported and is never 0. Each provider has
one normaliser, which adds or does not add cached tokens as that provider's contract says; nobody
else may. Costs: core/pricing.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Literal

UsageSource = Literal["provider", "estimate", "partial", "none"]

TOKEN_FIELDS = (
    "input_tokens",
    "cache_read",
    "cache_write",
    "cache_write_5m",
    "cache_write_1h",
    "output_tokens",
    "reasoning_tokens",
)
_ABSURD = 10**9


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens of one call. A count that contradicts the others is None and named in `problems`."""

    input_tokens: int | None = None
    """All input, cached included."""
    cache_read: int | None = None
    cache_write: int | None = None
    """All cache writes; the two below are what is known of their life and may add up to less."""
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    output_tokens: int | None = None
    """All output, reasoning included."""
    reasoning_tokens: int | None = None
    source: UsageSource = "none"
    problems: tuple[str, ...] = ()
    service_tier: str | None = None
    """The tier the provider says it used, in the provider's word."""
    raw: Mapping[str, object] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageTotal:
    """Sums over the calls that reported a count. `known[field]` of `calls` did."""

    usage: Usage
    calls: int
    known: Mapping[str, int]

    def is_complete(self, token_field: str) -> bool:
        return self.known[token_field] == self.calls


def total(usages: Iterable[Usage]) -> UsageTotal:
    """Add up usages. A sum is None when no call reported the count, and `known` says how many did."""
    items = tuple(usages)
    values = {
        name: [n for item in items if (n := getattr(item, name)) is not None]
        for name in TOKEN_FIELDS
    }
    sources = {item.source for item in items}
    return UsageTotal(
        usage=Usage(
            **{name: sum(known) if known else None for name, known in values.items()},
            source=sources.pop() if len(sources) == 1 else "partial" if sources else "none",
            problems=tuple(dict.fromkeys(p for item in items for p in item.problems)),
        ),
        calls=len(items),
        known={name: len(known) for name, known in values.items()},
    )


def estimate(text: str, chars_per_token: float = 4.0) -> int:
    """Tokens of a text by a ratio learned from finished calls; never fewer than one for any text."""
    return ceil(len(text) / chars_per_token)


def from_langchain(usage_metadata: Mapping[str, object]) -> Usage:
    """LangChain's `usage_metadata`, whose `input_tokens` already includes what was cached.

    Checked with langchain-openai 1.7.3 (`_create_usage_metadata`: detail keys get the prefix
    `flex_` or `priority_`, and the bare tier name holds the remainder, which is ignored) and
    langchain-aws 1.9.1 (`_extract_usage_metadata`: per-life writes set `cache_creation` to 0).
    """
    tier, given = _without_tier(_table(usage_metadata, "input_token_details"))
    output_tier, produced = _without_tier(_table(usage_metadata, "output_token_details"))
    created, five, hour = (
        given.get(key)
        for key in ("cache_creation", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
    )
    counts = {
        "input_tokens": usage_metadata.get("input_tokens"),
        "cache_read": given.get("cache_read"),
        "cache_write": _sum(created, five, hour),
        "cache_write_5m": five,
        "cache_write_1h": hour,
        "output_tokens": usage_metadata.get("output_tokens"),
        "reasoning_tokens": produced.get("reasoning"),
    }
    # langchain-openai writes 0 where the server reported nothing; no call has no tokens at all.
    if not any(counts.values()):
        return Usage(problems=("every count is 0 or missing",), raw=usage_metadata)
    return _checked(
        counts, usage_metadata, tier or output_tier, reported=usage_metadata.get("total_tokens")
    )


def from_openai(raw: Mapping[str, object]) -> Usage:
    """OpenAI's usage object, Chat Completions or Responses; input includes cached tokens."""
    given = _table(raw, "prompt_tokens_details") or _table(raw, "input_tokens_details")
    produced = _table(raw, "completion_tokens_details") or _table(raw, "output_tokens_details")
    counts = {
        "input_tokens": _first(raw, "prompt_tokens", "input_tokens"),
        "cache_read": given.get("cached_tokens"),
        "cache_write": given.get("cache_write_tokens"),
        "output_tokens": _first(raw, "completion_tokens", "output_tokens"),
        "reasoning_tokens": produced.get("reasoning_tokens"),
    }
    return _checked(counts, raw, raw.get("service_tier"), reported=raw.get("total_tokens"))


def from_bedrock(raw: Mapping[str, object], *, inclusive: bool = False) -> Usage:
    """Bedrock's usage object. `inputTokens` leaves cached tokens out, so they are added here, once.

    `inclusive` is for the few models behind Bedrock that count them in all the same.
    The cache fields are absent when the call had no cache point: then nothing was cached.
    """
    plain = _first(raw, "inputTokens", "inputTokenCount")
    read = _first(raw, "cacheReadInputTokens", "cacheReadInputTokenCount") or 0
    written = _first(raw, "cacheWriteInputTokens", "cacheWriteInputTokenCount") or 0
    lives: dict[object, object] = {}
    details = raw.get("cacheDetails")
    for item in details if isinstance(details, list) else ():
        lives[item.get("ttl")] = _sum(lives.get(item.get("ttl")), item.get("inputTokens"))
    counts = {
        "input_tokens": plain if inclusive or plain is None else _sum(plain, read, written),
        "cache_read": read,
        "cache_write": written,
        "cache_write_5m": lives.get("5m"),
        "cache_write_1h": lives.get("1h"),
        "output_tokens": _first(raw, "outputTokens", "outputTokenCount"),
    }
    return _checked(counts, raw, None, reported=raw.get("totalTokens"))


def from_anthropic(raw: Mapping[str, object]) -> Usage:
    """Anthropic's usage object, whose `input_tokens` leaves cached tokens out."""
    plain = raw.get("input_tokens")
    read, written = raw.get("cache_read_input_tokens"), raw.get("cache_creation_input_tokens")
    lives = _table(raw, "cache_creation")
    five, hour = lives.get("ephemeral_5m_input_tokens"), lives.get("ephemeral_1h_input_tokens")
    written = _sum(five, hour) if written is None else written
    counts = {
        "input_tokens": plain if plain is None else _sum(plain, read, written),
        "cache_read": read or 0,
        "cache_write": written or 0,
        "cache_write_5m": five,
        "cache_write_1h": hour,
        "output_tokens": raw.get("output_tokens"),
        "reasoning_tokens": _table(raw, "output_tokens_details").get("thinking_tokens"),
    }
    return _checked(counts, raw, raw.get("service_tier"))


def from_otel(attributes: Mapping[str, object]) -> Usage:
    """OpenTelemetry span attributes, newest names first; OTel's input includes cached tokens."""

    def read(*names: str) -> object:
        return _first(attributes, *(f"gen_ai.usage.{name}" for name in names))

    counts = {
        "input_tokens": read("input_tokens", "prompt_tokens"),
        "cache_read": read("cache_read.input_tokens", "cache_read_input_tokens"),
        "cache_write": read(
            "cache_write.input_tokens",
            "cache_write_input_tokens",
            "cache_creation.input_tokens",
            "cache_creation_input_tokens",
        ),
        "output_tokens": read("output_tokens", "completion_tokens"),
        "reasoning_tokens": read(
            "reasoning.output_tokens", "reasoning_output_tokens", "reasoning_tokens"
        ),
    }
    tier = _first(attributes, "openai.response.service_tier", "gen_ai.openai.response.service_tier")
    return _checked(counts, attributes, tier)


def _checked(
    counts: Mapping[str, object],
    raw: Mapping[str, object],
    tier: object,
    *,
    reported: object = None,
) -> Usage:
    """Usage of these counts; what breaks an invariant becomes None and is named."""
    problems: list[str] = []
    n = {name: _count(name, counts.get(name), problems) for name in TOKEN_FIELDS}
    cached = (n["cache_read"] or 0) + (n["cache_write"] or 0)
    if n["input_tokens"] is not None and cached > n["input_tokens"]:
        problems.append(f"cached tokens ({cached}) exceed input_tokens ({n['input_tokens']})")
        n |= dict.fromkeys(("cache_read", "cache_write", "cache_write_5m", "cache_write_1h"))
    lives = (n["cache_write_5m"] or 0) + (n["cache_write_1h"] or 0)
    if lives > (n["cache_write"] or 0):
        problems.append(f"5m and 1h writes ({lives}) exceed cache_write ({n['cache_write']})")
        n |= dict.fromkeys(("cache_write_5m", "cache_write_1h"))
    output, reasoning = n["output_tokens"], n["reasoning_tokens"]
    if output is not None and reasoning is not None and reasoning > output:
        problems.append(f"reasoning_tokens ({reasoning}) exceed output_tokens ({output})")
        n["reasoning_tokens"] = None
    if isinstance(reported, int) and n["input_tokens"] is not None and output is not None:
        whole = n["input_tokens"] + output
        # Bedrock's own total leaves cached tokens out for some models.
        if reported not in (whole, whole - cached):
            problems.append(f"the provider's total ({reported}) is not input + output ({whole})")
    return Usage(
        **n,
        source="provider" if any(value is not None for value in n.values()) else "none",
        problems=tuple(problems),
        service_tier=tier if isinstance(tier, str) else None,
        raw=raw,
    )


def _count(name: str, value: object, problems: list[str]) -> int | None:
    if value is None:
        return None
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
    if not whole or not isinstance(value, int | float):
        problems.append(f"{name} is not a whole number ({value!r})")
    elif value < 0:
        problems.append(f"{name} is negative ({int(value)})")
    elif value > _ABSURD:
        problems.append(f"{name} is absurd ({int(value)})")
    else:
        return int(value)
    return None


def _without_tier(details: Mapping[str, object]) -> tuple[str | None, dict[str, object]]:
    """Detail counts under their plain names, and the service tier their names spoke of."""
    for tier in ("flex", "priority"):
        if any(key == tier or key.startswith(f"{tier}_") for key in details):
            return tier, {key.removeprefix(f"{tier}_"): value for key, value in details.items()}
    return None, dict(details)


def _table(raw: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = raw.get(key)
    return value if isinstance(value, Mapping) else {}


def _first(raw: Mapping[str, object], *keys: str) -> object:
    return next((raw[key] for key in keys if raw.get(key) is not None), None)


def _sum(*values: object) -> object:
    """The sum of the counts given; None when none is. A bad count spoils the sum: it is returned."""
    counts = [_count("", value, []) for value in values]
    for value, count in zip(values, counts, strict=True):
        if value is not None and count is None:
            return value
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
