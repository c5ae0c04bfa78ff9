"""Who uses Switchboard: active people, whether they come back, threads, and who it is used by most.

People cannot be added up over buckets: each bucket counts its own. New is new to Switchboard, as
far back as runs are kept, whatever else is filtered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil
from statistics import median

import numpy as np
import numpy.typing as npt
from sqlalchemy import func, select

from analytics.metrics import Known, Rate
from analytics.queries.ask import Ask, rate
from analytics.queries.scope import Filter, Scope
from analytics.schema import run
from analytics.timeaxis import Axis, Bucket, BucketSize, Window

NEWEST = 20_000
"""Runs whose threads are looked at."""
MAX_COHORTS = 12
MAX_PEOPLE = 50
TURNS = ((1, 1), (2, 2), (3, 3), (4, 5), (6, 10), (11, 20), (21, None))
"""Classes of threads by their number of turns, both ends included."""
_ANSWERED = ("ok", "running")


@dataclass(frozen=True, kw_only=True, slots=True)
class ActivePeople:
    """Different people by bucket; `new` + `returning` = `active`."""

    size: BucketSize
    buckets: tuple[Bucket, ...]
    active: tuple[int, ...]
    new: tuple[int, ...]
    """Their first run ever began in this bucket."""
    returning: tuple[int, ...]
    runs: tuple[int, ...]
    people: int
    """Different people of the whole range: not the sum of the buckets."""
    new_people: int
    nameless: int
    """Runs without a person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cohort:
    """People whose first run began in `week`, and how many of them were there k weeks later."""

    week: Bucket
    size: int
    active: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cohorts:
    rows: tuple[Cohort, ...]
    """Oldest first, the newest 12 at most; weeks in which nobody was new are left out."""
    total: int
    earlier: int
    """People of the range whose first run was before it: they belong to no cohort."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Threads:
    """Threads of the newest runs of a range, with the turns that fall among those runs."""

    runs: int
    whole: bool
    """False: the range has more runs than were looked at."""
    since_us: int | None
    threads: int
    turns: Mapping[str, int]
    """Threads by number of turns, as "1", "4-5", "21+"; all classes."""
    median: float | None
    abandoned: Rate
    """Threads whose last turn has no answer / threads whose last turn has ended."""
    last: Mapping[str, int]
    """Threads by the status of their last turn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonRow:
    user: str | None
    runs: int
    failure: Rate
    cost: Known
    """Pico-USD; known = runs priced in full."""
    tokens: int
    """Input and output as far as known."""
    runs_share: float
    cost_share: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TopPeople:
    rows: tuple[PersonRow, ...]
    people: int
    top: int
    """How many people the busiest tenth is."""
    top_runs: Rate
    """Runs of the tenth with the most runs / runs of all people."""
    top_cost: float | None
    """Share of the tenth that costs most in what all people cost."""


def active_people(ask: Ask, size: BucketSize) -> ActivePeople:
    """People over time: new ones and those who came back."""
    axis = ask.axis_by(size)
    users, runs = _runs_by_user(ask, ask.scope, axis)
    known = np.array([user is not None for user in users], dtype=bool)
    there = (runs > 0) & known[:, None]
    first = _first_bucket(ask, axis)
    firsts = np.array([first.get(user, -1) if user else -1 for user in users], dtype=np.int64)
    is_new = there & (firsts[:, None] == np.arange(len(axis.buckets)))
    active, new = there.sum(axis=0), is_new.sum(axis=0)
    return ActivePeople(
        size=axis.size,
        buckets=axis.buckets,
        active=_whole(active),
        new=_whole(new),
        returning=_whole(active - new),
        runs=_whole(runs.sum(axis=0)),
        people=int(known.sum()),
        new_people=int((known & (firsts >= 0)).sum()),
        nameless=int(runs[~known].sum()),
    )


def cohorts(ask: Ask, most: int = MAX_COHORTS) -> Cohorts:
    """Of the people who came in a week, how many are there in the weeks after."""
    axis = ask.axis_by("week")
    users, runs = _runs_by_user(ask, ask.scope, axis)
    there = {user: runs[group] > 0 for group, user in enumerate(users) if user is not None}
    first = _first_bucket(ask, axis)
    members: dict[int, list[str]] = {}
    for user, week in first.items():
        members.setdefault(week, []).append(user)
    absent = np.zeros(len(axis.buckets), dtype=bool)
    rows = [
        Cohort(
            week=axis.buckets[week],
            size=len(members[week]),
            active=_whole(
                sum(there.get(user, absent)[week:].astype(int) for user in members[week])
            ),
        )
        for week in sorted(members)
    ]
    earlier = sum(user not in first for user in there)
    return Cohorts(rows=tuple(rows[-most:]), total=len(rows), earlier=earlier)


def threads(ask: Ask, most: int = NEWEST) -> Threads:
    """How long conversations are, and how many end without an answer.

    The filter's statuses do not apply: a thread's last turn is its last, however it ended.
    """
    every_status = Scope(window=ask.scope.window, keep=replace(ask.scope.keep, status=()))
    newest = (
        every_status.of("run")
        .with_only_columns(run.c.started_at_us, run.c.conversation_id, run.c.status)
        .order_by(run.c.started_at_us.desc(), run.c.run_id.desc())
        .limit(most + 1)
    )
    rows = ask.reader.rows(newest)
    looked = rows[:most]
    turns = Counter(row["conversation_id"] for row in looked)
    ends: dict[str, str] = {}
    for row in looked:  # the newest turn of a thread comes first
        ends.setdefault(row["conversation_id"], row["status"])
    last = Counter(ends.values())
    lengths = turns.values()
    return Threads(
        runs=len(looked),
        whole=len(rows) <= most,
        since_us=looked[-1]["started_at_us"] if looked else None,
        threads=len(turns),
        turns={_turns_name(a, b): sum(a <= n <= (b or n) for n in lengths) for a, b in TURNS},
        median=float(median(lengths)) if lengths else None,
        abandoned=Rate(
            k=sum(n for status, n in last.items() if status not in _ANSWERED),
            n=len(ends) - last["running"],
        ),
        last=dict(last.most_common()),
    )


def top_people(ask: Ask, most: int = MAX_PEOPLE) -> TopPeople:
    """Who asks most, and how much of everything the busiest tenth is."""
    names = ["n", "ok", "failed", "cost_pusd", "cost_complete", "input_tokens", "output_tokens"]
    found = ask.facts.sums("run", ask.scope, names, by=["user"])
    all_runs, all_cost = found.total("n"), found.total("cost_pusd")
    rows = []
    for group, (user,) in enumerate(found.groups):
        runs, cost, priced = (found.of(group, name) for name in ("n", "cost_pusd", "cost_complete"))
        rows.append(
            PersonRow(
                user=user,
                runs=runs,
                failure=rate(found, "failed", "ok", group),
                cost=Known(value=cost if cost or priced else None, known=priced, of=runs),
                tokens=found.of(group, "input_tokens") + found.of(group, "output_tokens"),
                runs_share=runs / all_runs,
                cost_share=cost / all_cost if all_cost else None,
            )
        )
    named = [row for row in rows if row.user is not None]
    top = ceil(len(named) / 10)
    runs_of = sorted((row.runs for row in named), reverse=True)
    cost_of = sorted((row.cost.value or 0 for row in named), reverse=True)
    ranked = sorted(rows, key=lambda row: (-row.runs, -(row.cost.value or 0), row.user or ""))
    return TopPeople(
        rows=tuple(ranked[:most]),
        people=len(named),
        top=top,
        top_runs=Rate(k=sum(runs_of[:top]), n=sum(runs_of)),
        top_cost=sum(cost_of[:top]) / sum(cost_of) if sum(cost_of) else None,
    )


def _runs_by_user(
    ask: Ask, scope: Scope, axis: Axis
) -> tuple[list[str | None], npt.NDArray[np.int64]]:
    """(people, runs of each in each bucket)."""
    found = ask.facts.sums("run", scope, ["n"], by=["user"], axis=axis)
    return [user for (user,) in found.groups], found.values["n"]


def _first_bucket(ask: Ask, axis: Axis) -> dict[str, int]:
    """The bucket of the first run ever, of people whose first run is in the range."""
    window = ask.scope.window
    users, runs = _runs_by_user(ask, _unfiltered(window), axis)
    before = _seen_before(ask, window.since_us)
    return {
        user: int(np.argmax(row > 0))
        for user, row in zip(users, runs, strict=True)
        if user is not None and user not in before
    }


def _seen_before(ask: Ask, since_us: int) -> set[str | None]:
    found = ask.reader.rows(select(func.min(run.c.started_at_us).label("first")))
    first = found[0]["first"] if found else None
    if first is None or first >= since_us:
        return set()
    past = _unfiltered(Window(since_us=int(first), until_us=since_us))
    return {user for (user,) in ask.facts.sums("run", past, ["n"], by=["user"]).groups}


def _unfiltered(window: Window) -> Scope:
    keep = Filter(since_us=window.since_us, until_us=window.until_us)
    return Scope(window=window, keep=keep)


def _turns_name(low: int, high: int | None) -> str:
    return f"{low}+" if high is None else str(low) if low == high else f"{low}-{high}"


def _whole(values: npt.NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)
