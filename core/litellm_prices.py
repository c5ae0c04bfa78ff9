"""One model's entry in LiteLLM's price file as price rows by tier and input size. Pure.

Numbers are decimals read from the text, so 1.5e-07 is exactly 150,000 pico-USD per token.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from core.catalog import Tier

_PICO = Decimal(10**12)
_MOST_USD_PER_TOKEN = Decimal("0.1")
"""A hundred times the dearest model: more is a price per something else."""
_ARTEFACT = Decimal("0.001")
"""1.3999999999999999e-07 means 140,000 pico-USD: what a float's text can be off by."""

_BASES: Mapping[str, str] = {
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h_pusd",
    "cache_creation_input_token_cost": "cache_write_5m_pusd",
    "cache_read_input_token_cost": "cache_read_pusd",
    "input_cost_per_token": "input_pusd",
    "output_cost_per_reasoning_token": "reasoning_pusd",
    "output_cost_per_token": "output_pusd",
}
_TIERS: Mapping[str | None, Tier] = {
    None: "standard",
    "batches": "batch",
    "flex": "flex",
    "priority": "priority",
}
_KEY = re.compile(
    rf"(?P<base>{'|'.join(_BASES)})"
    r"(?:_(?P<first>batches|flex|priority))?"
    r"(?:_above_(?P<above>\d{1,6})k_tokens)?"
    r"(?:_(?P<last>batches|flex|priority))?"
)
PART_NAMES = tuple(_BASES.values())


class BadPrice(Exception):
    """Why the prices of one model cannot be used."""


class Band(NamedTuple):
    tier: Tier
    low: int
    high: int | None
    parts: dict[str, int]


def bands_of(entry: Mapping[str, Any], *, paid: bool) -> list[Band]:
    """Every tier's price rows by input size, ascending. Raises BadPrice with the reason."""
    given: dict[Tier, dict[int, dict[str, int]]] = {}
    for key, value in entry.items():
        match = _KEY.fullmatch(key)
        if match and value is not None:
            tier = _TIERS[match["first"] or match["last"]]
            low = int(match["above"]) * 1000 + 1 if match["above"] else 0
            part = _BASES[match["base"]]
            given.setdefault(tier, {}).setdefault(low, {})[part] = _pusd(key, value)
    if entry.get("tiered_pricing") is not None:
        given["standard"] = _tiered(entry["tiered_pricing"])
    bands: list[Band] = []
    for tier, rows in given.items():
        bands += _tier_bands(tier, rows)
    if not any(band.tier == "standard" for band in bands):
        raise BadPrice("has no price per token")
    if paid and any(not (b.parts["input_pusd"] and b.parts["output_pusd"]) for b in bands):
        raise BadPrice("has a price of 0 for a model that is sold")
    return bands


def _tier_bands(tier: Tier, rows: Mapping[int, dict[str, int]]) -> Iterator[Band]:
    if 0 not in rows and tier != "standard":
        return  # only a threshold of a tier without a price of its own
    lows = sorted(rows)
    parts: dict[str, int] = {}
    for low, following in zip(lows, [*lows[1:], None], strict=True):
        parts = parts | rows[low]  # a part that is not named above a threshold costs as below it
        for name in ("input", "output"):
            if f"{name}_pusd" not in parts:
                if tier == "standard":
                    raise BadPrice(f"has no {name} price")
                return  # such as a tier with a cache price alone
        yield Band(tier, low, None if following is None else following - 1, parts)


def _tiered(items: Any) -> dict[int, dict[str, int]]:
    if not isinstance(items, list) or not items:
        raise BadPrice("has tiered_pricing that is not a list")
    rows: dict[int, dict[str, int]] = {}
    expected = 0
    for item in items:
        span = item.get("range") if isinstance(item, dict) else None
        if not isinstance(span, list) or len(span) != 2 or not all(map(_is_count, span)):
            raise BadPrice("has tiered_pricing without a range of two numbers")
        start, end = int(span[0]), int(span[1])
        if start != expected or end <= start:
            raise BadPrice(f"has tiered_pricing with a gap at {start:,} tokens")
        expected = end
        rows[start + 1 if start else 0] = {
            _BASES[key]: _pusd(key, value) for key, value in item.items() if key in _BASES
        }
    return rows


def _is_count(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        return False
    return Decimal(value).is_finite() and 0 <= value < 10**12


def _pusd(key: str, value: object) -> int:
    """USD per token in pico-USD per token. Raises BadPrice."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise BadPrice(f"{key} is {str(value)[:40]!r}, not a number")
    usd = Decimal(value)
    if not usd.is_finite():
        raise BadPrice(f"{key} is {usd}, not a number")
    if usd < 0:
        raise BadPrice(f"{key} is negative")
    if usd > _MOST_USD_PER_TOKEN:
        raise BadPrice(f"{key} is more than ${_MOST_USD_PER_TOKEN} per token")
    pico = usd * _PICO
    whole = pico.to_integral_value()
    if abs(pico - whole) > _ARTEFACT:
        raise BadPrice(f"{key} is finer than a pico-dollar")
    return int(whole)


def about_cost(key: str) -> bool:
    known = _KEY.fullmatch(key) or key == "tiered_pricing"
    return not known and ("cost" in key or "pricing" in key)
