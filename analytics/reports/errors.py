"""What failed most: of runs, and of attempts at models."""

from __future__ import annotations

from analytics.queries import Ask
from analytics.reports.desk import Desk
from analytics.reports.document import Column, Raw, Section, Table

TOP = 10


def errors(desk: Desk) -> Section:
    """What failed most: of runs, and of attempts at models."""
    return Section(
        title="Errors",
        about="A run fails when no attempt could save it; an attempt may fail in a run that ends well.",
        blocks=(_failed_runs(desk), _failed_attempts(desk)),
    )


def _failed_runs(desk: Desk) -> Table:
    def question(ask: Ask) -> list[tuple[Raw, ...]]:
        sums = ask.facts.sums("run", ask.scope, ["failed"], by=["error_type", "status"])
        return [
            (error or "no reason recorded", status, sums.of(g, "failed"))
            for g, (error, status) in enumerate(sums.groups)
            if sums.of(g, "failed")
        ]

    rows, note = top(desk.ask(question))
    return Table(
        name="Failed runs",
        columns=(
            Column(name="Error", unit="error", key=True),
            Column(name="Status", unit="status", key=True),
            Column(name="Runs", unit="count"),
        ),
        rows=rows,
        note=note,
        empty="No run failed.",
    )


def _failed_attempts(desk: Desk) -> Table:
    def question(ask: Ask) -> list[tuple[Raw, ...]]:
        by = ["error_type", "provider", "model"]
        sums = ask.facts.sums("call", ask.scope, ["error"], by=by)
        return [
            (error or "no reason recorded", provider, model, sums.of(g, "error"))
            for g, (error, provider, model) in enumerate(sums.groups)
            if sums.of(g, "error")
        ]

    rows, note = top(desk.ask(question))
    return Table(
        name="Failed attempts",
        columns=(
            Column(name="Error", unit="error", key=True),
            Column(name="Provider", key=True),
            Column(name="Model", unit="model", key=True),
            Column(name="Attempts", unit="count"),
        ),
        rows=rows,
        note=note,
        empty="No attempt failed.",
    )


def top(rows: list[tuple[Raw, ...]], limit: int = TOP) -> tuple[list[tuple[Raw, ...]], str]:
    """The rows with the largest last value, and the sentence that says how many there are."""
    ranked = sorted(rows, key=lambda row: (-_number(row[-1]), *map(str, row)))
    note = f"Showing {limit} of {len(ranked)}." if len(ranked) > limit else ""
    return ranked[:limit], note


def _number(value: Raw) -> float:
    return value if isinstance(value, int | float) else 0
