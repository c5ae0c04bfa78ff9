"""The page as plain SQL: aggregates on indexed rows in SQLite, or in a native DuckDB table.

Percentiles are exact: by window functions in SQLite (it has no quantile), by quantile_cont in DuckDB.
Buckets are found by division, which needs buckets of equal length: ranges in UTC.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analytics.queries import Filter
from analytics.timeaxis import Axis, Window
from bench.dashboard_answers import SHARES, Fact, Groups, Key, Quantiles
from bench.dashboard_page import RECENT, SLOWEST

_AT_ONCE = 200_000
_OK = "status = 'ok'"
_SHOWN = (
    "(usage_output_tokens - CASE WHEN first_token_us = first_answer_us "
    "THEN coalesce(usage_reasoning_output_tokens, 0) ELSE 0 END)"
)
"""Reasoning that was not streamed was made before the first token."""
_DECODES = f"{_SHOWN} >= 2 AND last_token_us > first_token_us"
_USED = "(usage_input_tokens > 0 OR usage_output_tokens > 0)"


def _flag(condition: str) -> str:
    return f"coalesce(sum(CASE WHEN {condition} THEN 1 ELSE 0 END), 0)"


def _sum(value: str, condition: str | None = None) -> str:
    return f"coalesce(sum({f'CASE WHEN {condition} THEN {value} END' if condition else value}), 0)"


MEASURES: dict[Fact, dict[str, str]] = {
    "run": {
        "n": "count(*)",
        "ok": _flag(_OK),
        "failed": _flag("status IN ('error', 'timeout', 'lost')"),
        **{
            name: _flag(f"status = '{name}'")
            for name in ("cancelled", "interrupted", "running", "lost")
        },
        "cost": _sum("cost_pusd"),
        "cost_complete": _flag("cost_complete = 1"),
        "usage_complete": _flag("usage_complete = 1"),
        "tokens": f"{_sum('usage_input_tokens')} + {_sum('usage_output_tokens')}",
        "fallbacks": _sum("fallbacks"),
        **{name: _sum(name, _OK) for name in SHARES},
    },
    "call": {
        "n": "count(*)",
        **{name: _flag(f"call_status = '{name}'") for name in ("ok", "error", "cancelled")},
        "due": _flag("usage_due = 1"),
        "reported": _flag("usage_due = 1 AND usage_source = 'provider'"),
        "streamed": _flag("call_status = 'ok' AND first_token_us IS NOT NULL"),
        "contradictory": _flag("usage_problems IS NOT NULL"),
        "free_but_used": _flag(f"cost_pusd = 0 AND provider_name <> 'local' AND {_USED}"),
        "cost": _sum("cost_pusd"),
        "cost_known": _flag("cost_pusd IS NOT NULL"),
        "cost_of": _flag("usage_due = 1 OR cost_pusd IS NOT NULL"),
        "input": _sum("usage_input_tokens"),
        "input_known": _flag("usage_input_tokens IS NOT NULL"),
        "input_of": _flag("usage_due = 1 OR usage_input_tokens IS NOT NULL"),
        "output": _sum("usage_output_tokens"),
        "output_known": _flag("usage_output_tokens IS NOT NULL"),
        "output_of": _flag("usage_due = 1 OR usage_output_tokens IS NOT NULL"),
        "tokens": f"{_sum('usage_input_tokens')} + {_sum('usage_output_tokens')}",
        "tokens_known": _flag("usage_input_tokens + usage_output_tokens IS NOT NULL"),
        "tokens_of": _flag("usage_due = 1 OR usage_input_tokens + usage_output_tokens IS NOT NULL"),
        "cache_read": _sum("usage_cache_read_input_tokens"),
        "decode_tokens": _sum(f"{_SHOWN} - 1", _DECODES),
        "decode_us": _sum("last_token_us - first_token_us", _DECODES),
        "decode_n": _flag(_DECODES),
    },
}
LABELS: dict[Fact, dict[str, str]] = {
    "run": {
        "agent": "agent_name",
        "status": "status",
        "entry_point": "entry_point",
        "version": "app_version",
        "user": "user_id",
        "model": "answer_model",
        "provider": "answer_provider",
    },
    "call": {"model": "request_model", "provider": "provider_name"},
}
"""Filters that a call does not have itself are those of its run."""
LOADED: dict[Fact, str] = {
    "run": "run_id, started_at_us, first_token_us, "
    "cost_pusd, cost_complete, usage_complete, usage_input_tokens, usage_output_tokens, fallbacks, "
    + ", ".join((*SHARES, *LABELS["run"].values())),
    "call": "run_id, started_at_us, first_token_us, first_answer_us, last_token_us, duration_us, "
    "status, usage_due, usage_reasoning_output_tokens, "
    "usage_source, usage_problems, usage_input_tokens, usage_output_tokens, "
    "usage_cache_read_input_tokens, cost_pusd, request_model, provider_name",
}
"""The columns the page needs: all that DuckDB is given."""
Execute = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]


class SqlSource:
    """See `bench.dashboard_answers.Source`."""

    def __init__(self, execute: Execute, *, duck: bool) -> None:
        self._execute = execute
        self._duck = duck

    def sums(
        self,
        fact: Fact,
        names: Sequence[str],
        window: Window,
        keep: Filter,
        by: Sequence[str] = (),
        axis: Axis | None = None,
    ) -> Groups:
        rows, values = _rows(fact, window, keep)
        groups = self._groups(fact, by, axis)
        measured = ", ".join(MEASURES[fact][name] for name in names)
        text = f"SELECT {', '.join([*groups, measured])} FROM {rows}"
        if groups:
            text += f" GROUP BY {', '.join(str(k + 1) for k in range(len(groups)))}"
        found: Groups = {}
        for row in self._execute(text, values):
            key = tuple(row[: len(groups)])
            found[key] = {
                name: int(value or 0) for name, value in zip(names, row[len(groups) :], strict=True)
            }
        return found

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
        rows, values = _rows(fact, window, keep)
        groups = self._groups(fact, by, axis)
        status = "status" if fact == "run" else "call_status"
        rows += f" WHERE {status} = 'ok' AND {value} IS NOT NULL"
        if self._duck:
            listed = ", ".join(map(str, wanted))
            head = ", ".join([*groups, f"count(*), quantile_cont({value}, [{listed}])"])
            text = f"SELECT {head} FROM {rows}"
            if groups:
                text += f" GROUP BY {', '.join(str(k + 1) for k in range(len(groups)))}"
            return {
                tuple(row[:-2]): (int(row[-2]), dict(zip(wanted, row[-1], strict=True)))
                for row in self._execute(text, values)
                if row[-2]
            }
        return self._ranked(rows, values, groups, value, wanted)

    def _ranked(
        self,
        rows: str,
        values: Sequence[Any],
        groups: Sequence[str],
        value: str,
        wanted: Sequence[float],
    ) -> Quantiles:
        named = [f"{text} AS g{k}" for k, text in enumerate(groups)]
        names = [f"g{k}" for k in range(len(groups))]
        partition = f"PARTITION BY {', '.join(groups)}" if groups else ""
        ranks = ", ".join(f"CAST((n - 1) * {q} AS INTEGER) + {k}" for q in wanted for k in (1, 2))
        text = (
            f"WITH ranked AS (SELECT {', '.join([*named, f'{value} AS v'])}, "
            f"row_number() OVER ({partition} ORDER BY {value}) AS k, "
            f"count(*) OVER ({partition}) AS n FROM {rows}) "
            f"SELECT {', '.join([*names, 'n', 'k', 'v'])} FROM ranked WHERE k IN ({ranks})"
        )
        sizes: dict[Key, int] = {}
        at: dict[Key, dict[int, int]] = {}
        for *group, n, k, v in self._execute(text, values):
            sizes[tuple(group)] = n
            at.setdefault(tuple(group), {})[k] = v
        return {
            group: (n, {q: _between(at[group], (n - 1) * q, n) for q in wanted})
            for group, n in sizes.items()
        }

    def bands(self, window: Window, keep: Filter) -> None:
        rows, values = _rows("run", window, keep)
        shares = ", ".join(f"sum({name})" for name in SHARES)
        self._execute(
            f"WITH ranked AS (SELECT *, row_number() OVER (ORDER BY duration_us) AS k, "
            f"count(*) OVER () AS n FROM {rows} WHERE status = 'ok') "
            f"SELECT k > n * 0.9, count(*), {shares} FROM ranked WHERE k BETWEEN n * 0.475 AND "
            "n * 0.525 OR k BETWEEN n * 0.925 AND n * 0.975 GROUP BY 1",
            values,
        )

    def distinct(self, fact: Fact, name: str, window: Window) -> tuple[str, ...]:
        rows, values = _rows(fact, window, Filter())
        column = LABELS[fact][name]
        found = self._execute(f"SELECT DISTINCT {column} FROM {rows}", values)
        return tuple(sorted(value for (value,) in found if value is not None))

    def lists(self, window: Window, keep: Filter) -> dict[str, list[str]]:
        rows, values = _rows("run", window, keep)
        newest = (
            f"SELECT run_id FROM {rows} ORDER BY started_at_us DESC, run_id DESC LIMIT {RECENT}"
        )
        slowest = (
            f"SELECT run_id FROM {rows} WHERE status = 'ok' "
            f"ORDER BY duration_us DESC, run_id LIMIT {SLOWEST}"
        )
        return {
            name: [run_id for (run_id,) in self._execute(text, values)]
            for name, text in (("recent_runs", newest), ("slowest_runs", slowest))
        }

    def _groups(self, fact: Fact, by: Sequence[str], axis: Axis | None) -> list[str]:
        found = [LABELS[fact][name] for name in by]
        if axis is not None:
            found.append(_bucket(axis, "//" if self._duck else "/"))
        return found


def _rows(fact: Fact, window: Window, keep: Filter) -> tuple[str, list[Any]]:
    """A subquery of the rows in the window that pass the filter, and its parameters."""
    alias, table = ("r", "run") if fact == "run" else ("c", "llm_call")
    conditions = [f"{alias}.started_at_us >= ?", f"{alias}.started_at_us < ?"]
    values: list[Any] = [window.since_us, window.until_us]
    joined = False
    for name, run_column in LABELS["run"].items():
        wanted = getattr(keep, name)
        if not wanted:
            continue
        own = LABELS[fact].get(name)
        joined = joined or own is None
        column = f"{alias}.{own}" if own else f"r.{run_column}"
        conditions.append(f"{column} IN ({', '.join('?' * len(wanted))})")
        values += wanted
    columns = "r.*" if fact == "run" else "c.*, c.status AS call_status"
    join = " JOIN run AS r ON r.run_id = c.run_id" if joined else ""
    return (
        f"(SELECT {columns} FROM {table} AS {alias}{join} WHERE {' AND '.join(conditions)}) AS rows",
        values,
    )


def _bucket(axis: Axis, divide: str) -> str:
    """The bucket a row began in: the first may be cut, all others are of one length."""
    if len(axis.buckets) < 2:
        return "0"
    second = axis.buckets[1]
    step = second.end_us - second.start_us
    whole = {bucket.end_us - bucket.start_us for bucket in axis.buckets[1:-1]} or {step}
    if whole != {step}:
        raise ValueError("buckets of different length: use a zone without summer time")
    return (
        f"CASE WHEN started_at_us < {second.start_us} THEN 0 "
        f"ELSE (started_at_us - {second.start_us}) {divide} {step} + 1 END"
    )


def _between(at: dict[int, int], position: float, n: int) -> float:
    """Linear interpolation between the two order statistics around a rank from 0."""
    low = int(position)
    lower, upper = at[low + 1], at[min(low + 2, n)]
    return lower + (upper - lower) * (position - low)


def sqlite_source(path: Path) -> SqlSource:
    """Of the database itself."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    return SqlSource(lambda text, given: connection.execute(text, given).fetchall(), duck=False)


def tenth_user(path: Path) -> str:
    """The person with the tenth most runs."""
    text = "SELECT user_id FROM run GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1 OFFSET 9"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return str(connection.execute(text).fetchone()[0])


def duckdb_source(path: Path) -> tuple[SqlSource, float]:
    """A native table with the rows of a database beside it, and the seconds that filling it took.

    A table that is there already is used again: 0 seconds.
    """
    import duckdb  # of the developers' requirements only

    beside = path.with_suffix(".duckdb")
    unfinished = path.with_suffix(".duckdb-part")
    began, seconds = time.perf_counter(), 0.0
    if not beside.exists():
        unfinished.unlink(missing_ok=True)
        with (
            contextlib.closing(duckdb.connect(unfinished)) as target,
            contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as rows,
        ):
            for fact, table in (("run", "run"), ("call", "llm_call")):
                _copy(rows, target, table, LOADED[fact])
        unfinished.rename(beside)
        seconds = time.perf_counter() - began
    connection = duckdb.connect(beside, read_only=True)
    return SqlSource(lambda text, given: connection.execute(text, given).fetchall(), duck=True), (
        seconds
    )


def _copy(rows: sqlite3.Connection, target: Any, table: str, columns: str) -> None:
    kinds = {name: kind for _, name, kind, *_ in rows.execute(f"PRAGMA table_info({table})")}
    names = [name.strip() for name in columns.split(",")]
    sorted_names = ", ".join(
        f"{name} {'VARCHAR' if kinds[name] == 'TEXT' else 'BIGINT'}" for name in names
    )
    target.execute(f"CREATE TABLE {table} ({sorted_names})")
    parts = pd.read_sql_query(
        f"SELECT {columns} FROM {table} ORDER BY started_at_us", rows, chunksize=_AT_ONCE
    )
    for part in parts:
        whole = [name for name in names if kinds[name] != "TEXT"]
        part[whole] = part[whole].astype("Int64")
        target.register("part", part)
        target.execute(f"INSERT INTO {table} SELECT * FROM part")
        target.unregister("part")
