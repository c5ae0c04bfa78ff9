"""The page with pandas over all rows: fetched from SQLite once, then grouped. Exact in every zone.

It is a baseline, and the reference that the product's answers are compared with.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analytics.queries import Filter
from analytics.timeaxis import Axis, Window
from bench.dashboard_answers import SHARES, Fact, Groups, Quantiles
from bench.dashboard_sql import LABELS

_AT_ONCE = 200_000
_NONE = -1
_INTS: dict[Fact, tuple[str, ...]] = {
    "run": (
        "started_at_us",
        "first_token_us",
        "cost_pusd",
        "cost_complete",
        "usage_complete",
        "usage_input_tokens",
        "usage_output_tokens",
        "fallbacks",
        *SHARES,
    ),
    "call": (
        "started_at_us",
        "first_token_us",
        "first_answer_us",
        "last_token_us",
        "duration_us",
        "usage_due",
        "usage_input_tokens",
        "usage_output_tokens",
        "usage_cache_read_input_tokens",
        "usage_reasoning_output_tokens",
        "cost_pusd",
    ),
}
_OF_CALL = {"call_status": "status", "source": "usage_source", "problems": "usage_problems"}
_NARROW = {"cost_complete", "usage_complete", "fallbacks", "usage_due"}


@dataclass
class FrameSource:
    """See `bench.dashboard_answers.Source`."""

    run: pd.DataFrame
    call: pd.DataFrame

    def sums(
        self,
        fact: Fact,
        names: Sequence[str],
        window: Window,
        keep: Filter,
        by: Sequence[str] = (),
        axis: Axis | None = None,
    ) -> Groups:
        rows = self._rows(fact, window, keep)
        measured = pd.DataFrame({name: _measure(fact, name, rows) for name in names})
        keys = _keys(rows, by, axis)
        if not keys:
            return {(): {name: int(measured[name].sum()) for name in names}}
        grouped = measured.groupby(keys, observed=True, dropna=False).sum()
        return {
            _key(key): dict(zip(names, map(int, values), strict=True))
            for key, values in zip(grouped.index, grouped.to_numpy(), strict=True)
        }

    def quantiles(
        self,
        fact: Fact,
        value: str,
        wanted: Sequence[float],
        window: Window,
        keep: Filter,
        by: Sequence[str] = (),
        axis: Axis | None = None,
    ) -> Quantiles:
        rows = self._rows(fact, window, keep)
        status = rows["status"] if fact == "run" else rows["call_status"]
        rows = rows[(status == "ok").to_numpy() & (rows[value] != _NONE).to_numpy()]
        keys = _keys(rows, by, axis)
        if not keys:
            if rows.empty:
                return {}
            at = np.quantile(rows[value].to_numpy(), list(wanted))
            return {(): (len(rows), dict(zip(wanted, map(float, at), strict=True)))}
        grouped = rows[value].groupby(keys, observed=True, dropna=False)
        sizes, found = grouped.size(), grouped.quantile(list(wanted)).unstack()
        return {
            _key(key): (int(n), {q: float(found.loc[key, q]) for q in wanted})
            for key, n in sizes.items()
        }

    def bands(self, window: Window, keep: Filter) -> None:
        rows = self._rows("run", window, keep)
        rows = rows[rows["status"] == "ok"].sort_values("duration_us")
        for q in (0.5, 0.95):
            low, high = (int(len(rows) * (q + d)) for d in (-0.025, 0.025))
            rows.iloc[low:high][list(SHARES)].sum()

    def distinct(self, fact: Fact, name: str, window: Window) -> tuple[str, ...]:
        rows = self._rows(fact, window, Filter())
        return tuple(sorted(rows[name].dropna().unique()))

    def lists(self, window: Window, keep: Filter) -> dict[str, list[str]]:
        return {}

    def _rows(self, fact: Fact, window: Window, keep: Filter) -> pd.DataFrame:
        rows = self.run if fact == "run" else self.call
        began = rows["started_at_us"].to_numpy()
        mask = (began >= window.since_us) & (began < window.until_us)
        for name in LABELS["run"]:
            if wanted := getattr(keep, name):
                mask &= rows[name].isin(wanted).to_numpy()
        return rows[mask]


def _measure(fact: Fact, name: str, rows: pd.DataFrame) -> Any:
    """A measure of each row; the definitions are those of bench/dashboard_sql.py."""
    if fact == "run":
        return _run_measure(name, rows)
    due = (rows["usage_due"] == 1).to_numpy()
    given, made = rows["usage_input_tokens"].to_numpy(), rows["usage_output_tokens"].to_numpy()
    first, last = rows["first_token_us"].to_numpy(), rows["last_token_us"].to_numpy()
    has = {
        "cost": rows["cost_pusd"].to_numpy() != _NONE,
        "input": given != _NONE,
        "output": made != _NONE,
        "tokens": (given != _NONE) & (made != _NONE),
    }
    part, _, what = name.partition("_")
    if part in has and what in ("known", "of"):
        return (has[part] if what == "known" else due | has[part]).astype(np.int64)
    if part == "decode":
        reasoning = rows["usage_reasoning_output_tokens"].to_numpy()
        hidden = (reasoning > 0) & (first == rows["first_answer_us"].to_numpy())
        shown = made - np.where(hidden, reasoning, 0)
        decodes = (shown >= 2) & (first != _NONE) & (last > first)
        values = {"tokens": shown - 1, "us": last - first, "n": np.ones(len(rows), dtype=np.int64)}
        return np.where(decodes, values[what], 0)
    match name:
        case "n":
            return np.ones(len(rows), dtype=np.int64)
        case "ok" | "error" | "cancelled":
            found = (rows["call_status"] == name).to_numpy()
        case "due":
            found = due
        case "reported":
            found = due & (rows["source"] == "provider").to_numpy()
        case "streamed":
            found = (rows["call_status"] == "ok").to_numpy() & (first != _NONE)
        case "contradictory":
            found = rows["problems"].notna().to_numpy()
        case "free_but_used":
            paid = (rows["provider"] != "local").to_numpy()
            found = (rows["cost_pusd"] == 0).to_numpy() & paid & ((given > 0) | (made > 0))
        case _:
            return _sums(rows, name)
    return found.astype(np.int64)


def _run_measure(name: str, rows: pd.DataFrame) -> Any:
    ok = (rows["status"] == "ok").to_numpy()
    match name:
        case "n":
            return np.ones(len(rows), dtype=np.int64)
        case "ok" | "cancelled" | "interrupted" | "running" | "lost":
            found = (rows["status"] == name).to_numpy()
        case "failed":
            found = rows["status"].isin(["error", "timeout", "lost"]).to_numpy()
        case "cost_complete" | "usage_complete":
            found = (rows[name] == 1).to_numpy()
        case _:
            return np.where(ok, _sums(rows, name), 0) if name in SHARES else _sums(rows, name)
    return found.astype(np.int64)


def _sums(rows: pd.DataFrame, name: str) -> Any:
    columns = {
        "cost": ("cost_pusd",),
        "input": ("usage_input_tokens",),
        "output": ("usage_output_tokens",),
        "tokens": ("usage_input_tokens", "usage_output_tokens"),
        "cache_read": ("usage_cache_read_input_tokens",),
    }.get(name, (name,))
    return sum(
        np.where(rows[column] == _NONE, 0, rows[column]).astype(np.int64) for column in columns
    )


def _keys(rows: pd.DataFrame, by: Sequence[str], axis: Axis | None) -> list[Any]:
    keys: list[Any] = [rows[name].array for name in by]
    if axis is not None:
        starts = [bucket.start_us for bucket in axis.buckets]
        keys.append(np.searchsorted(starts, rows["started_at_us"].to_numpy(), side="right") - 1)
    return keys


def _key(found: Any) -> tuple[Any, ...]:
    parts = found if isinstance(found, tuple) else (found,)
    return tuple(
        None if isinstance(p, float) else int(p) if isinstance(p, np.integer) else p for p in parts
    )


def load_frames(path: Path, *, of_run: bool = True) -> FrameSource:
    """All rows. `of_run`: calls know the labels of their run too, which filters need."""
    own = LABELS["call"]
    run_labels = {k: v for k, v in LABELS["run"].items() if k not in own} if of_run else {}
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        runs = _fetch(connection, "run AS r", _columns("run", "r"), LABELS["run"], "r")
        texts = {**{k: f"c.{v}" for k, v in {**own, **_OF_CALL}.items()}}
        texts |= {k: f"r.{v}" for k, v in run_labels.items()}
        table = "llm_call AS c" + (" JOIN run AS r ON r.run_id = c.run_id" if of_run else "")
        calls = _fetch(connection, table, _columns("call", "c"), texts)
    return FrameSource(runs, calls)


def _columns(fact: Fact, alias: str) -> dict[str, str]:
    return {name: f"coalesce({alias}.{name}, {_NONE})" for name in _INTS[fact]}


def _fetch(
    connection: sqlite3.Connection,
    table: str,
    ints: dict[str, str],
    texts: dict[str, str],
    alias: str | None = None,
) -> pd.DataFrame:
    """Whole numbers as they are, texts as categories; a part at a time, for the memory."""
    named = [f"{alias}.{column}" if alias else column for column in texts.values()]
    cursor = connection.execute(f"SELECT {', '.join([*ints.values(), *named])} FROM {table}")
    numbers: dict[str, list[Any]] = {name: [] for name in ints}
    codes: dict[str, list[Any]] = {name: [] for name in texts}
    books: dict[str, dict[Any, int]] = {name: {} for name in texts}
    while part := cursor.fetchmany(_AT_ONCE):
        columns = list(zip(*part, strict=True))
        for name, values in zip(ints, columns, strict=False):
            kind = np.int8 if name in _NARROW else np.int64
            numbers[name].append(np.array(values, dtype=kind))
        for name, values in zip(texts, columns[len(ints) :], strict=True):
            book = books[name]
            coded = [book.setdefault(v, len(book)) if v is not None else -1 for v in values]
            codes[name].append(np.array(coded, dtype=np.int16))
    frame = {name: np.concatenate(parts) for name, parts in numbers.items()}
    labels = {
        name: pd.Categorical.from_codes(np.concatenate(parts), list(books[name]))
        for name, parts in codes.items()
    }
    return pd.DataFrame({**frame, **labels})
