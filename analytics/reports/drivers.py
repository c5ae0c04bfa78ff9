"""What money was spent on: by model, agent and user, against the period before."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.queries import Ask
from analytics.queries.ask import known_names
from analytics.reports.desk import Desk
from analytics.reports.document import Column, Section, Table, Unit
from analytics.reports.errors import TOP

DIMENSIONS: tuple[tuple[str, str, Unit], ...] = (
    ("model", "Model", "model"),
    ("agent", "Agent", "agent"),
    ("user", "User", "text"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spent:
    """Calls of one group. `pusd` is what is known of their cost; None when nothing is."""

    pusd: int | None
    calls: int
    owed: int
    """Calls that owe a cost."""
    priced: int
    tokens: int

    @property
    def unpriced(self) -> int:
        return self.owed - self.priced


Spending = dict[tuple[str | None, ...], Spent]


def spending(desk: Desk, by: tuple[str, ...]) -> Spending:
    """Cost of all calls by dimensions; the groups add up to the cost of the period exactly."""

    def question(ask: Ask) -> Spending:
        names = ["n", *known_names("cost"), "input_tokens", "output_tokens"]
        sums = ask.facts.sums("call", ask.scope, names, by=list(by))
        return {
            group: Spent(
                pusd=sums.of(g, "cost_pusd") if sums.of(g, "cost_known") else None,
                calls=sums.of(g, "n"),
                owed=sums.of(g, "cost_of"),
                priced=sums.of(g, "cost_known"),
                tokens=sums.of(g, "input_tokens") + sums.of(g, "output_tokens"),
            )
            for g, group in enumerate(sums.groups)
        }

    return desk.ask(question)


def by_cost(spent: Spending) -> list[tuple[tuple[str | None, ...], Spent]]:
    """Most expensive first."""
    return sorted(spent.items(), key=lambda item: (-(item[1].pusd or 0), -item[1].calls, str(item)))


def cost_drivers(desk: Desk) -> Section:
    """The largest costs of the period and how they changed."""
    before = desk.before()
    return Section(
        title="Cost drivers",
        about="Known cost of all calls, failed ones included; changes against the period before.",
        blocks=tuple(_table(desk, before, *dimension) for dimension in DIMENSIONS),
    )


def _table(desk: Desk, before: Desk | None, by: str, title: str, unit: Unit) -> Table:
    now = spending(desk, (by,))
    then = spending(before, (by,)) if before else {}
    total = sum(spent.pusd or 0 for spent in now.values())
    ranked = by_cost(now)
    rows = []
    for group, spent in ranked[:TOP]:
        was = then[group].pusd if group in then else 0
        rows.append(
            (
                group[0] or nobody(by),
                spent.pusd,
                (spent.pusd or 0) / total if total else None,
                was if before else None,
                spent.pusd - was if before and spent.pusd is not None and was is not None else None,
                spent.calls,
                spent.unpriced,
            )
        )
    return Table(
        name=f"Cost by {title.lower()}",
        columns=(
            Column(name=title, unit=unit, key=True),
            Column(name="Cost", unit="pusd"),
            Column(name="Share", unit="share"),
            Column(name="Before", unit="pusd"),
            Column(name="Change", unit="pusd", signed=True),
            Column(name="Calls", unit="count"),
            Column(name="Unpriced calls", unit="count"),
        ),
        rows=rows,
        note=f"Showing {TOP} of {len(ranked)}." if len(ranked) > TOP else "",
        empty="No call was made.",
    )


def nobody(by: str) -> str:
    """What to call the group of calls without a value."""
    return {"user": "no user", "agent": "no agent"}.get(by, "unknown")
