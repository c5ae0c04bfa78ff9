"""Monthly cost allocation: who and what the money was spent on, to the pico-dollar."""

from __future__ import annotations

from decimal import Decimal

from analytics.queries import Ask
from analytics.queries.ask import known_names
from analytics.reports.desk import Desk
from analytics.reports.document import Column, Raw, Section, Table, Unit
from analytics.reports.drivers import DIMENSIONS, Spending, Spent, by_cost, nobody, spending
from analytics.reports.key_figures import key_figures, quality
from analytics.reports.over_time import cost_chart

MOST = 200
_USD = Decimal(10**12)


def sections(desk: Desk) -> tuple[Section, ...]:
    """Totals by user, agent and model, and whether they add up."""
    return (
        key_figures(desk),
        _reconciliation(desk),
        Section(title="Over time", blocks=(cost_chart(desk, "day"),)),
        Section(
            title="Allocation",
            about="Known cost of all calls that began in the month, failed ones included.",
            blocks=tuple(_table(desk, *dimension) for dimension in DIMENSIONS),
        ),
        quality(desk),
    )


def ledger(desk: Desk) -> Table:
    """One row per user, agent and model, for bookkeeping; `cost_usd` has all twelve digits."""
    rows = [
        (
            *(
                name or nobody(by)
                for name, by in zip(group, ("user", "agent", "model"), strict=True)
            ),
            spent.calls,
            spent.priced,
            spent.unpriced,
            spent.tokens,
            spent.pusd,
            usd(spent.pusd),
        )
        for group, spent in by_cost(spending(desk, ("user", "agent", "model")))
    ]
    return Table(
        name="Ledger",
        columns=(
            Column(name="user", key=True),
            Column(name="agent", key=True),
            Column(name="model", key=True),
            Column(name="calls", unit="count"),
            Column(name="priced_calls", unit="count"),
            Column(name="unpriced_calls", unit="count"),
            Column(name="tokens", unit="count"),
            Column(name="cost_pusd", unit="pusd"),
            Column(name="cost_usd"),
        ),
        rows=rows,
        data_only=True,
    )


def usd(pusd: int | None) -> str | None:
    """Dollars without any rounding; None when unknown."""
    return None if pusd is None else f"{Decimal(pusd) / _USD:.12f}"


def _reconciliation(desk: Desk) -> Section:
    total = _total(desk)
    rows: list[tuple[Raw, ...]] = [("All calls", *_cells(total), None)]
    splits: list[tuple[str, Spending]] = [
        (f"Sum by {title.lower()}", spending(desk, (by,))) for by, title, _ in DIMENSIONS
    ]
    splits.append(("Sum of the ledger", spending(desk, ("user", "agent", "model"))))
    for name, spent in splits:
        sum_ = added(spent)
        rows.append((name, *_cells(sum_), (sum_.pusd or 0) - (total.pusd or 0)))
    by_day = _by_day(desk)
    rows.append(
        (
            "Sum by day",
            None,
            None,
            None,
            None,
            by_day,
            usd(by_day),
            (by_day or 0) - (total.pusd or 0),
        )
    )
    table = Table(
        name="Reconciliation",
        columns=(
            Column(name="Total", key=True),
            *_MEASURES,
            Column(name="Exact amount in dollars"),
            Column(name="Difference", unit="pusd", signed=True),
        ),
        rows=rows,
        note="Unpriced calls have no known price: they cost something that is not in any of these sums.",
    )
    return Section(
        title="Totals",
        about="The same money, added up in different ways. One pico-dollar is $0.000000000001.",
        blocks=(table,),
    )


_MEASURES = (
    Column(name="Calls", unit="count"),
    Column(name="Priced", unit="count"),
    Column(name="Unpriced", unit="count"),
    Column(name="Tokens", unit="count"),
    Column(name="Cost", unit="pusd"),
)


def _table(desk: Desk, by: str, title: str, unit: Unit) -> Table:
    spent = spending(desk, (by,))
    ranked, total = by_cost(spent), added(spent)
    rows = [
        (group[0] or nobody(by), *_cells(one), _part(one, total)) for group, one in ranked[:MOST]
    ]
    if len(ranked) > MOST:
        rest = added(dict(ranked[MOST:]))
        rows.append((f"{len(ranked) - MOST} others", *_cells(rest), _part(rest, total)))
    return Table(
        name=f"By {title.lower()}",
        columns=(
            Column(name=title, unit=unit, key=True),
            *_MEASURES,
            Column(name="Exact amount in dollars"),
            Column(name="Share", unit="share"),
        ),
        rows=rows,
        total=("Total", *_cells(total), _part(total, total)),
        empty="No call was made.",
    )


def _cells(spent: Spent) -> tuple[Raw, ...]:
    return (spent.calls, spent.priced, spent.unpriced, spent.tokens, spent.pusd, usd(spent.pusd))


def _part(spent: Spent, total: Spent) -> float | None:
    return spent.pusd / total.pusd if spent.pusd is not None and total.pusd else None


def added(spent: Spending) -> Spent:
    """The sum of groups; its cost is None when that of every group is."""
    known = [one.pusd for one in spent.values() if one.pusd is not None]
    return Spent(
        pusd=sum(known) if known else None,
        calls=sum(one.calls for one in spent.values()),
        owed=sum(one.owed for one in spent.values()),
        priced=sum(one.priced for one in spent.values()),
        tokens=sum(one.tokens for one in spent.values()),
    )


def _total(desk: Desk) -> Spent:
    return added(spending(desk, ()))


def _by_day(desk: Desk) -> int | None:
    def question(ask: Ask) -> int | None:
        sums = ask.facts.sums("call", ask.scope, known_names("cost"), axis=ask.axis_by("day"))
        return sum(sums.by_bucket("cost_pusd")) if sums.total("cost_known") else None

    return desk.ask(question)
