"""What one model call cost, in integer pico-USD (1e-12), with the arithmetic in words.

Formula, I and O being inclusive totals:

    p_in*(I - CR - CW) + p_cr*CR + p_w5*W5 + p_w1h*W1h + p_out*(O - R) + p_reas*R + other

A cache write of unknown life is charged as p_w5; p_cr or p_w not known -> p_in and
"approximate"; p_reas not known -> p_out. Nothing is rounded before it is shown. Unknown price or
unknown tokens -> None, never 0. Where prices come from: core/catalog.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, NamedTuple

from core.catalog import Catalog, Model, Price
from core.usage import Usage

CostQuality = Literal["exact", "approximate", "zero_local"]

_USD = Decimal(10**12)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """The parts add up to `total_pusd` exactly; all are None when the call is not priced."""

    input_pusd: int | None = None
    """Of the input that was neither read from nor written to a cache."""
    cache_read_pusd: int | None = None
    cache_write_pusd: int | None = None
    output_pusd: int | None = None
    """Of the output that was not reasoning."""
    reasoning_pusd: int | None = None
    other_pusd: int | None = None
    total_pusd: int | None = None
    quality: CostQuality | None = None
    price_id: str | None = None
    why: str
    """One line a person can check: the arithmetic, or what is missing."""


class _Part(NamedTuple):
    name: str
    label: str
    tokens: int
    pusd: int


def price_call(
    catalog: Catalog,
    request_model: str,
    usage: Usage,
    *,
    region: str | None = None,
    tier: str = "standard",
    at: datetime,
    other_pusd: int = 0,
) -> Cost:
    """The cost of one call at the prices of `at`. The tier the provider reports wins over `tier`.

    `region` is the AWS region the call was sent to; OpenAI and the local answerer need none.
    """
    model, price_region = catalog.resolve(request_model, region)
    if model is None:
        return Cost(why=f"Not priced: the catalogue does not know {request_model}.")
    if model.provider == "local":
        price = catalog.price(model, price_region, "standard", 0, at)
        return _nothing(price) if price else Cost(why="Not priced: no price on this date.")
    if usage.input_tokens is None or usage.output_tokens is None:
        missing = "input" if usage.input_tokens is None else "output"
        return Cost(why=f"Not priced: the {missing} tokens of this call are not known.")
    if price_region is None:
        return Cost(why=f"Not priced: the AWS region {model.display_name} ran in is not known.")
    billed_tier = _tier(usage.service_tier or tier)
    price = catalog.price(model, price_region, billed_tier, usage.input_tokens, at)
    if price is None:
        return Cost(
            why=f"Not priced: no {billed_tier} price of {model.display_name} in {price_region} "
            f"for {usage.input_tokens:,} input tokens on {at:%Y-%m-%d}."
        )
    return _cost(model, price, usage, usage.input_tokens, usage.output_tokens, other_pusd)


def _cost(
    model: Model, price: Price, usage: Usage, input_tokens: int, output_tokens: int, other: int
) -> Cost:
    doubts = list(_doubts(model, price, usage))
    parts = list(_parts(price, usage, input_tokens, output_tokens))
    if any(part.tokens < 0 for part in parts):
        return Cost(why="Not priced: the token counts of this call contradict each other.")
    sums = dict.fromkeys(("input", "cache_read", "cache_write", "output", "reasoning"), 0)
    for part in parts:
        sums[part.name] += part.tokens * part.pusd
    total = sum(sums.values()) + other
    terms = [f"{p.tokens:,} {p.label} x ${_usd_per_mtok(p.pusd)}/M" for p in parts if p.tokens]
    if other:
        terms.append(f"{format_usd(other)} fees")
    where = f"{model.display_name}, {price.regions[0]}, {price.tier}, since {price.valid_from}"
    return Cost(
        **{f"{name}_pusd": value for name, value in sums.items()},
        other_pusd=other,
        total_pusd=total,
        quality="approximate" if doubts else "exact",
        price_id=price.price_id,
        why=f"{' + '.join(terms) or '0 tokens'} = {format_usd(total)} ({where})"
        + "".join(f"; {doubt}" for doubt in doubts),
    )


def _parts(price: Price, usage: Usage, input_tokens: int, output_tokens: int) -> Iterator[_Part]:
    read, written = usage.cache_read or 0, usage.cache_write or 0
    five, hour = usage.cache_write_5m or 0, usage.cache_write_1h or 0
    reasoning = usage.reasoning_tokens or 0
    yield _Part("input", "input", input_tokens - read - written, price.input_pusd)
    yield _Part("cache_read", "cache read", read, _or(price.cache_read_pusd, price.input_pusd))
    base_write = _or(price.cache_write_5m_pusd, price.input_pusd)
    hour_write = _or(price.cache_write_1h_pusd, price.input_pusd)
    yield _Part("cache_write", "cache write", written - hour - five, base_write)
    yield _Part("cache_write", "cache write 5m", five, base_write)
    yield _Part("cache_write", "cache write 1h", hour, hour_write)
    yield _Part("output", "output", output_tokens - reasoning, price.output_pusd)
    yield _Part("reasoning", "reasoning", reasoning, _or(price.reasoning_pusd, price.output_pusd))


def _doubts(model: Model, price: Price, usage: Usage) -> Iterator[str]:
    """Every reason why the sum may differ from the invoice."""
    hour = usage.cache_write_1h or 0
    other_writes = (usage.cache_write or 0) - hour
    lives_known = (usage.cache_write_5m or 0) + hour
    if usage.source != "provider":
        yield "tokens are estimated"
    if usage.cache_read and price.cache_read_pusd is None:
        yield "cache read priced as input"
    if usage.cache_read is None and model.prompt_cache == "automatic":
        yield "cached tokens not reported"
    if other_writes and price.cache_write_5m_pusd is None:
        yield "cache write priced as input"
    if hour and price.cache_write_1h_pusd is None:
        yield "1h cache write priced as input"
    if lives_known and lives_known < (usage.cache_write or 0):
        yield "part of the cache write has no known life"
    if usage.reasoning_tokens is None and price.reasoning_pusd not in (None, price.output_pusd):
        yield "reasoning tokens not reported"
    yield from usage.problems


def _nothing(price: Price) -> Cost:
    return Cost(
        input_pusd=0,
        cache_read_pusd=0,
        cache_write_pusd=0,
        output_pusd=0,
        reasoning_pusd=0,
        other_pusd=0,
        total_pusd=0,
        quality="zero_local",
        price_id=price.price_id,
        why="$0: answered inside this process, no provider was called.",
    )


def _tier(name: str) -> str:
    """The catalogue's word for a provider's service tier."""
    return "standard" if name in ("default", "on_demand", "") else name


def _or(pusd: int | None, fallback: int) -> int:
    """A price of 0 is a price: `or` would throw it away."""
    return fallback if pusd is None else pusd


def _usd_per_mtok(pusd: int) -> str:
    return f"{(Decimal(pusd) / 1_000_000).normalize():f}"


def format_usd(pusd: int | None) -> str:
    """Money for people: two significant digits below a dollar, cents above, "unknown" for None."""
    if pusd is None:
        return "unknown"
    if pusd == 0:
        return "$0"
    sign, usd = "-" if pusd < 0 else "", abs(Decimal(pusd)) / _USD
    if usd < Decimal("0.000001"):
        return f"> {sign}$0.000001" if sign else "< $0.000001"
    if usd < 1:
        usd = usd.quantize(Decimal(1).scaleb(usd.adjusted() - 1), rounding=ROUND_HALF_UP)
    if usd >= 1:
        return f"{sign}${usd.quantize(Decimal('0.01'), rounding=ROUND_HALF_UP):,f}"
    text = f"{usd:f}"
    while text.endswith("0") and len(text) > len("0.00"):
        text = text[:-1]
    return f"{sign}${text}"
