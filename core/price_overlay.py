"""Imported prices over the catalogue: kept in a JSON file of the data folder, newest import last.

An import replaces the prices of exactly those (model, region, tier) it names, from its day on. What
the catalogue learns later wins again: a row whose `valid_from` is after the day of the import ends
the imported price. Where imports come from: core/price_import.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args

from core.catalog import Catalog, Price, Tier, load_catalog
from core.errors import ConfigError, StorageError

FILE = "prices.json"
_FORMAT = 1
_PARTS = tuple(f.name for f in fields(Price) if f.name.endswith("_pusd"))


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceImport:
    """One import. `prices`: rows by model id, all valid from `since`."""

    source: str
    since: date
    imported_on: date
    prices: Mapping[str, tuple[Price, ...]]


def load_with_imports(folder: Path) -> tuple[Catalog, str | None]:
    """The catalogue with what was imported, and why an import file could not be used, if so.

    A damaged file costs its prices, not the start: the catalogue is used alone, and a page says so.
    """
    catalog = load_catalog()
    try:
        return apply(catalog, load(folder / FILE)), None
    except ConfigError as exc:
        return catalog, exc.message


def apply(catalog: Catalog, imports: Sequence[PriceImport]) -> Catalog:
    """The catalogue's prices with the imports over them. Unknown models are left out."""
    known = {model.id: model.prices for model in catalog.models}
    changed: dict[str, tuple[Price, ...]] = {}
    for one in imports:
        for model_id, rows in one.prices.items():
            if model_id in known:
                before = changed.get(model_id, known[model_id])
                changed[model_id] = _over(before, rows, one.since, one.imported_on)
    return catalog.with_prices(changed) if changed else catalog


def _over(
    before: Sequence[Price], rows: Sequence[Price], since: date, imported_on: date
) -> tuple[Price, ...]:
    named = {(region, row.tier) for row in rows for region in row.regions}
    kept: list[Price] = []
    later: dict[tuple[str, str], date] = {}
    for row in before:
        if row.valid_from > max(since, imported_on):
            kept.append(row)
            for region in row.regions:
                first = later.get((region, row.tier), row.valid_from)
                later[region, row.tier] = min(first, row.valid_from)
            continue
        replaced = tuple(r for r in row.regions if (r, row.tier) in named)
        rest = tuple(r for r in row.regions if r not in replaced)
        if rest:
            kept.append(replace(row, regions=rest))
        if replaced and row.valid_from < since:
            until = since if row.valid_to is None else min(since, row.valid_to)
            kept.append(replace(row, regions=replaced, valid_to=until))
    new = (
        replace(row, regions=(region,), valid_to=later.get((region, row.tier)))
        for row in rows
        for region in row.regions
    )
    return (*kept, *new)


def load(path: Path) -> tuple[PriceImport, ...]:
    """The imports of a file; none when there is no file. Raises ConfigError naming what is wrong."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != _FORMAT:
            raise ValueError(f"format {data['format']} is not known")
        return tuple(_import_from(item) for item in data["imports"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as exc:
        raise ConfigError(
            f"The imported prices in {path.name} cannot be used: {exc}.",
            what_to_do=f"Move {path.name} out of the data folder and import the prices again.",
        ) from exc


def save(path: Path, imports: Sequence[PriceImport]) -> None:
    """Replaces the file in one step. Raises StorageError."""
    data = {"format": _FORMAT, "imports": [_import_to(one) for one in imports]}
    fresh = path.with_name(f"{path.name}.new")
    try:
        fresh.write_text(json.dumps(data, indent=1), encoding="utf-8")
        fresh.replace(path)
    except OSError as exc:
        raise StorageError(f"The prices cannot be saved: {exc.strerror}.") from exc


def today() -> date:
    """Prices change at midnight UTC, like the catalogue's."""
    return datetime.now(UTC).date()


def _import_to(one: PriceImport) -> dict[str, Any]:
    rows = {name: [asdict(price) for price in prices] for name, prices in one.prices.items()}
    plain = {"source": one.source, "since": one.since, "imported_on": one.imported_on}
    data: dict[str, Any] = json.loads(json.dumps(plain | {"prices": rows}, default=str))
    return data


def _import_from(item: Mapping[str, Any]) -> PriceImport:
    return PriceImport(
        source=str(item["source"]),
        since=date.fromisoformat(item["since"]),
        imported_on=date.fromisoformat(item["imported_on"]),
        prices={
            str(name): tuple(_price_from(row) for row in rows)
            for name, rows in item["prices"].items()
        },
    )


def _price_from(row: Mapping[str, Any]) -> Price:
    values = dict(row)
    for name in _PARTS:
        value = values.get(name)
        needed = name in ("input_pusd", "output_pusd")
        if (value is None and needed) or (
            value is not None and (type(value) is not int or value < 0)
        ):
            raise ValueError(f"{name} of {row.get('price_id')} is {value!r}")
    if values.get("tier") not in get_args(Tier):
        raise ValueError(f"tier of {row.get('price_id')} is {values.get('tier')!r}")
    for name in ("valid_from", "valid_to", "source_date"):
        if values.get(name) is not None:
            values[name] = date.fromisoformat(values[name])
    return Price(**values | {"regions": tuple(values["regions"])})


def add(folder: Path, one: PriceImport) -> Catalog:
    """Keeps an import and gives the catalogue with it. Raises ConfigError, StorageError."""
    return _keep(folder, (*load(folder / FILE), one))


def remove(folder: Path, index: int) -> Catalog:
    """Forgets the import at a place of the list. Raises ConfigError, StorageError."""
    imports = load(folder / FILE)
    return _keep(folder, (*imports[:index], *imports[index + 1 :]))


def _keep(folder: Path, imports: Sequence[PriceImport]) -> Catalog:
    catalog = apply(load_catalog(), imports)
    save(folder / FILE, imports)
    return catalog
