"""Prices in LiteLLM's format (model_prices_and_context_window.json), as a plan to be confirmed.

Pure: reads a text, compares it with a catalogue, changes nothing. Applying: core/price_overlay.py.
Only models the catalogue knows get prices. Numbers are read as decimals from the text, so 1.5e-07
is exactly 150,000 pico-USD per token. A price is never taken for a region the file does not name.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from core.catalog import Catalog, Model, Price
from core.errors import InvalidInput
from core.litellm_prices import PART_NAMES, BadPrice, Band, about_cost, bands_of
from core.price_overlay import PriceImport, today

MAX_BYTES = 20_000_000
_REGION = re.compile(r"[a-z]{2}(-gov)?-[a-z]+-\d")
_SELLERS: Mapping[str, str] = {
    "openai": "openai",
    "bedrock": "bedrock_converse",
    "bedrock_converse": "bedrock_converse",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceChange:
    """One price row that would be written. `old` is None when there was no price for it."""

    model_id: str
    key: str
    """The file's name of the model."""
    region: str
    old: Price | None
    new: Price


@dataclass(frozen=True, kw_only=True, slots=True)
class SkippedPrice:
    key: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PricePlan:
    """What an import would do. Nothing is applied before somebody confirms."""

    since: date
    changes: tuple[PriceChange, ...]
    unchanged: int
    """Price rows of ours that the file repeats."""
    matched: tuple[str, ...]
    """Ids of the catalogue's models the file has prices for."""
    skipped: tuple[SkippedPrice, ...]
    ignored_keys: Mapping[str, int]
    """Keys about cost that are not understood -> in how many matched models."""
    unknown_models: int
    """Models of sellers we know that the catalogue does not have."""
    other_sellers: int

    def as_import(self) -> PriceImport:
        rows: dict[str, tuple[Price, ...]] = {}
        for change in self.changes:
            rows[change.model_id] = (*rows.get(change.model_id, ()), change.new)
        now = today()
        return PriceImport(
            source=f"LiteLLM import {now}", since=self.since, imported_on=now, prices=rows
        )


def plan_import(text: bytes, catalog: Catalog, *, since: date | None = None) -> PricePlan:
    """Compares a file with the catalogue. Raises InvalidInput when it is not such a file.

    `since`: the first day of the new prices, today (UTC) when not given.
    """
    entries = _entries(text)
    since = since or today()
    found: dict[tuple[str, str], tuple[str, list[Band]]] = {}
    skipped: list[SkippedPrice] = []
    ignored: Counter[str] = Counter()
    unknown = others = 0
    for key, entry in entries.items():
        seller = _SELLERS.get(str(entry.get("litellm_provider")))
        if seller is None:
            others += 1
            continue
        model, region = _match(catalog, seller, key)
        if model is None:
            unknown += 1
            continue
        try:
            if region is None:
                raise BadPrice("names no region; prices of other regions are never assumed")
            bands = bands_of(entry, paid=model.provider != "local")
        except BadPrice as exc:
            skipped.append(SkippedPrice(key=key, reason=str(exc)))
            continue
        ignored.update(name for name in entry if about_cost(name))
        place = (model.id, region)
        if place in found and not _is_own_name(catalog, model, key):
            skipped.append(SkippedPrice(key=key, reason=f"the same model as {found[place][0]}"))
        else:
            found[place] = (key, bands)
    changes, unchanged = _compare(catalog, found, since)
    return PricePlan(
        since=since,
        changes=tuple(changes),
        unchanged=unchanged,
        matched=tuple(sorted({model_id for model_id, _ in found})),
        skipped=tuple(skipped),
        ignored_keys=dict(ignored.most_common()),
        unknown_models=unknown,
        other_sellers=others,
    )


def _entries(text: bytes) -> dict[str, dict[str, Any]]:
    help_ = "Choose LiteLLM's model_prices_and_context_window.json."
    if len(text) > MAX_BYTES:
        raise InvalidInput(f"The file is larger than {MAX_BYTES // 10**6} MB.", what_to_do=help_)
    try:
        data = json.loads(text.decode("utf-8-sig"), parse_float=Decimal, parse_constant=Decimal)
    except (ValueError, RecursionError) as exc:
        raise InvalidInput(f"The file is not JSON: {exc}.", what_to_do=help_) from exc
    if not isinstance(data, dict):
        raise InvalidInput("The file holds no models.", what_to_do=help_)
    entries = {
        str(key)[:300]: value
        for key, value in data.items()
        if isinstance(value, dict) and key != "sample_spec"
    }
    if not any("litellm_provider" in entry for entry in entries.values()):
        raise InvalidInput("The file holds no models in LiteLLM's format.", what_to_do=help_)
    return entries


def _match(catalog: Catalog, seller: str, key: str) -> tuple[Model | None, str | None]:
    """Our model and the region key of its prices; the region is None when the key names none."""
    name, region = key, None
    for prefix in ("openai/", "bedrock_converse/", "bedrock/converse/", "bedrock/"):
        name = name.removeprefix(prefix)
    head, slash, rest = name.partition("/")
    if slash and seller == "bedrock_converse" and _REGION.fullmatch(head):
        name, region = rest, head
    return catalog.resolve(f"{seller}:{name}", region)


def _is_own_name(catalog: Catalog, model: Model, key: str) -> bool:
    """Whether a key is the model's first name, with or without seller and profile."""
    name = key.rpartition("/")[2]
    head, dot, rest = name.partition(".")
    return model.name == (rest if dot and head in catalog.profiles else name)


def _compare(
    catalog: Catalog, found: Mapping[tuple[str, str], tuple[str, list[Band]]], since: date
) -> tuple[list[PriceChange], int]:
    """Rows that differ. All rows of a tier go together: an import replaces the tier as a whole."""
    changes: list[PriceChange] = []
    unchanged = 0
    for (model_id, region), (key, bands) in found.items():
        model = catalog.find(model_id)
        assert model is not None
        for tier in dict.fromkeys(band.tier for band in bands):
            rows = [
                _change(catalog, model, key, region, since, band)
                for band in bands
                if band.tier == tier
            ]
            if all(_same(row) for row in rows):
                unchanged += len(rows)
            else:
                changes += rows
    return changes, unchanged


def _change(
    catalog: Catalog, model: Model, key: str, region: str, since: date, band: Band
) -> PriceChange:
    at = datetime.combine(since, time(), UTC)
    old = catalog.price(model, region, band.tier, band.low, at)
    identity = [model.id, region, band.tier, str(since), "litellm"]
    parts: dict[str, int | None] = dict.fromkeys(PART_NAMES)
    new = Price(
        price_id="|".join(identity + ([f">={band.low}"] if band.low else [])),
        regions=(region,),
        tier=band.tier,
        min_input_tokens=band.low,
        max_input_tokens=band.high,
        valid_from=since,
        source=f"LiteLLM import {today()}",
        source_date=today(),
        **parts | band.parts,  # type: ignore[arg-type]
    )
    if old and (old.input_pusd, old.output_pusd) == (new.input_pusd, new.output_pusd):
        # The file leaves parts out that the catalogue knows; a silence does not change a price.
        silent = {name: getattr(old, name) for name in PART_NAMES if getattr(new, name) is None}
        new = replace(new, **silent)
    return PriceChange(model_id=model.id, key=key, region=region, old=old, new=new)


def _same(change: PriceChange) -> bool:
    names: Sequence[str] = (*PART_NAMES, "min_input_tokens", "max_input_tokens")
    return change.old is not None and all(
        getattr(change.old, name) == getattr(change.new, name) for name in names
    )
