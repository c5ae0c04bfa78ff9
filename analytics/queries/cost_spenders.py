"""Who and what the money goes to: people, threads, and threads that grow.

People are sums of all runs. Threads and turn numbers need the rows themselves: the newest
`NEWEST_RUNS` runs of the range, which the page says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
from sqlalchemy import Select, func, select

from analytics.metrics import Known, Percentile, percentile
from analytics.queries.ask import Ask
from analytics.queries.cost import run_cost
from analytics.schema import run

NEWEST_RUNS = 20_000
TOP_SHARE = 0.1
MAX_TURNS = 30
"""Turns a growth chart shows; longer threads are cut there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spender:
    """A person or a thread. `run_id`: the newest run of a thread."""

    name: str | None
    runs: int
    cost: Known
    run_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Concentration:
    """The dearest of `of` spenders, and what the dearest tenth of them pays."""

    rows: tuple[Spender, ...]
    of: int
    total: int
    """Pico-USD, all spenders together."""
    top_n: int
    top_pusd: int
    runs: int
    bounded: bool = False
    """Only the newest runs were looked at."""


def by_user(ask: Ask, limit: int = 10) -> Concentration:
    """The people whose runs cost most. Runs of nobody count in the total and not as a person."""
    names = ["n", "cost_pusd", "cost_complete"]
    found = ask.facts.sums("run", ask.scope, names, by=["user"])
    people = [
        Spender(
            name=name,
            runs=found.of(group, "n"),
            cost=run_cost(
                found.of(group, "cost_pusd"), found.of(group, "cost_complete"), found.of(group, "n")
            ),
        )
        for group, (name,) in enumerate(found.groups)
        if name is not None
    ]
    return concentration(people, found.total("cost_pusd"), found.total("n"), limit)


def concentration(
    spenders: Sequence[Spender], total: int, runs: int, limit: int, *, bounded: bool = False
) -> Concentration:
    """Ranks spenders; the dearest tenth is at least one of them."""
    ranked = sorted(spenders, key=lambda s: (-(s.cost.value or 0), s.name or ""))
    top_n = ceil(len(ranked) * TOP_SHARE)
    return Concentration(
        rows=tuple(ranked[:limit]),
        of=len(ranked),
        total=total,
        top_n=top_n,
        top_pusd=sum(s.cost.value or 0 for s in ranked[:top_n]),
        runs=runs,
        bounded=bounded,
    )


def by_thread(ask: Ask, limit: int = 10) -> Concentration:
    """The threads that cost most among the newest runs of the range."""
    newest = (
        ask.scope.of("run")
        .with_only_columns(
            run.c.conversation_id, run.c.cost_pusd, run.c.cost_complete, run.c.started_at_us
        )
        .order_by(run.c.started_at_us.desc())
        .limit(NEWEST_RUNS)
        .subquery()
    )
    rows = ask.reader.rows(
        select(
            newest.c.conversation_id.label("thread"),
            func.count().label("runs"),
            func.coalesce(func.sum(newest.c.cost_pusd), 0).label("pusd"),
            func.coalesce(func.sum(newest.c.cost_complete), 0).label("complete"),
            func.max(newest.c.started_at_us).label("last_us"),
        ).group_by(newest.c.conversation_id)
    )
    threads = [
        Spender(
            name=row["thread"],
            runs=row["runs"],
            cost=run_cost(int(row["pusd"]), int(row["complete"]), row["runs"]),
        )
        for row in rows
    ]
    runs = sum(thread.runs for thread in threads)
    found = concentration(
        threads, sum(t.cost.value or 0 for t in threads), runs, limit, bounded=runs >= NEWEST_RUNS
    )
    last = {row["thread"]: row["last_us"] for row in rows}
    with_run = [
        replace(thread, run_id=_run_at(ask, thread.name, last[thread.name]))
        for thread in found.rows
    ]
    return replace(found, rows=tuple(with_run))


def _run_at(ask: Ask, thread: str | None, at_us: int) -> str | None:
    rows = ask.reader.rows(
        select(run.c.run_id).where(run.c.conversation_id == thread, run.c.started_at_us == at_us)
    )
    return str(rows[0]["run_id"]) if rows else None


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnTokens:
    """Input tokens of the runs that were the nth turn of their thread, all calls of a run together."""

    turn: int
    p50: Percentile
    p95: Percentile


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """Turns 1, 2, 3 …; `runs` were looked at, `used` of them belong to threads seen from turn 1."""

    turns: tuple[TurnTokens, ...]
    runs: int
    used: int
    bounded: bool
    """Only the newest runs were looked at."""


def context_growth(ask: Ask) -> Growth:
    """Input tokens by turn number.

    Turns are numbered among all runs of the range, or of the people that are filtered by; other
    filters come after, as they must not renumber them.
    Threads that began before the runs looked at are left out, their numbers are not known.
    """
    rows = ask.reader.rows(_turns(ask))
    used = [row for row in rows if row["whole"]]
    given = np.array([[row["turn"], row["tokens"]] for row in used], dtype=np.int64).reshape(-1, 2)
    turns = [
        TurnTokens(turn=turn, p50=percentile(tokens, 0.5), p95=percentile(tokens, 0.95))
        for turn in range(1, min(MAX_TURNS, int(given[:, 0].max(initial=0))) + 1)
        if len(tokens := given[given[:, 0] == turn, 1])
    ]
    looked_at = int(rows[0]["looked_at"]) if rows else 0
    return Growth(
        turns=tuple(turns), runs=looked_at, used=len(used), bounded=looked_at >= NEWEST_RUNS
    )


def _turns(ask: Ask) -> Select[Any]:
    window, people = ask.scope.window, ask.scope.keep.user
    # A thread is one person's, so this filter renumbers nothing.
    theirs = [run.c.user_id.in_(people)] if people else []
    inside = run.c.started_at_us >= window.since_us, run.c.started_at_us < window.until_us
    newest = (
        select(run.c.run_id, run.c.conversation_id, run.c.started_at_us)
        .where(*inside, *theirs)
        .order_by(run.c.started_at_us.desc())
        .limit(NEWEST_RUNS)
        .subquery()
    )
    thread = newest.c.conversation_id
    order = (newest.c.started_at_us, newest.c.run_id)
    numbered = select(
        newest.c.run_id,
        func.row_number().over(partition_by=thread, order_by=order).label("turn"),
        func.min(newest.c.started_at_us).over(partition_by=thread).label("first_us"),
        func.count().over().label("looked_at"),
    ).subquery()
    earlier = run.alias()
    began_before = (
        select(earlier.c.run_id)
        .where(
            earlier.c.conversation_id == run.c.conversation_id,
            earlier.c.started_at_us < numbered.c.first_us,
        )
        .correlate(run, numbered)
        .exists()
    )
    return (
        select(
            numbered.c.turn,
            numbered.c.looked_at,
            run.c.usage_input_tokens.label("tokens"),
            (~began_before).label("whole"),
        )
        .join_from(numbered, run, run.c.run_id == numbered.c.run_id)
        .where(run.c.usage_input_tokens.is_not(None), *ask.scope.conditions("run"))
    )
