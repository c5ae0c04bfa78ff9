"""Price what-if: the tokens of the range at the prices of another model.

A counterfactual: another model would have written other and more or fewer tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from analytics.queries.ask import Ask
from core.catalog import Catalog
from core.pricing import price_call
from core.usage import Usage

_ONE_TOKEN = {
    "input": Usage(input_tokens=1, output_tokens=0),
    "cache_read": Usage(input_tokens=1, cache_read=1, output_tokens=0),
    "cache_write": Usage(input_tokens=1, cache_write=1, output_tokens=0),
    "cache_write_1h": Usage(input_tokens=1, cache_write=1, cache_write_1h=1, output_tokens=0),
    "output": Usage(input_tokens=0, output_tokens=1),
    "reasoning": Usage(input_tokens=0, output_tokens=1, reasoning_tokens=1),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PricedTokens:
    """Tokens of the calls of one model whose cost is known. Cached and written are parts of input."""

    model: str
    calls: int
    input: int
    cache_read: int
    cache_write: int
    cache_write_1h: int
    output: int
    reasoning: int
    pusd: int
    """What they cost, without fees that do not depend on tokens."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayable:
    """What a price what-if replays, and the calls it cannot."""

    models: tuple[PricedTokens, ...]
    left_out: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """Pico-USD per token of each kind, as core/pricing.py charges them."""

    price_id: str
    input: int
    cache_read: int
    cache_write: int
    cache_write_1h: int
    output: int
    reasoning: int


def replayable(ask: Ask) -> Replayable:
    """Tokens by model, of the calls whose cost is known: for `at_rates`."""
    kinds = ("input", "cache_read", "cache_write", "cache_write_1h", "output", "reasoning")
    names = [f"priced_{kind}_tokens" for kind in kinds]
    found = ask.facts.sums(
        "call", ask.scope, ["priced", "priced_pusd", "due", *names], by=["model"]
    )
    rows = [
        PricedTokens(
            model=model or "unknown",
            calls=found.of(group, "priced"),
            pusd=found.of(group, "priced_pusd"),
            **{kind: found.of(group, f"priced_{kind}_tokens") for kind in kinds},
        )
        for group, (model,) in enumerate(found.groups)
    ]
    used = sorted((row for row in rows if row.calls), key=lambda row: (-row.pusd, row.model))
    left_out = max(0, found.total("due") - found.total("priced"))
    return Replayable(models=tuple(used), left_out=left_out)


def rates_of(catalog: Catalog, model: str, region: str | None, at: datetime) -> Rates | None:
    """What one token of each kind costs today in the standard tier; None without a price.

    Each is the price of a call of one such token, so nothing about pricing is said twice. Models
    that are dearer for long prompts are taken at the price of short ones.
    """

    found = {
        kind: price_call(catalog, model, usage, region=region, at=at)
        for kind, usage in _ONE_TOKEN.items()
    }
    rates = {kind: cost.total_pusd for kind, cost in found.items() if cost.total_pusd is not None}
    price_id = found["input"].price_id
    if len(rates) < len(found) or price_id is None:
        return None
    return Rates(price_id=price_id, **rates)


def at_rates(tokens: PricedTokens, rates: Rates) -> int:
    """Pico-USD of the same tokens at other rates."""
    return (
        rates.input * (tokens.input - tokens.cache_read - tokens.cache_write)
        + rates.cache_read * tokens.cache_read
        + rates.cache_write * (tokens.cache_write - tokens.cache_write_1h)
        + rates.cache_write_1h * tokens.cache_write_1h
        + rates.output * (tokens.output - tokens.reasoning)
        + rates.reasoning * tokens.reasoning
    )
