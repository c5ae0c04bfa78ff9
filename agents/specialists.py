"""The five specialists: what each knows, how it retrieves, and how a router tells them apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.events import RetrievalMode


@dataclass(frozen=True, kw_only=True, slots=True)
class Specialist:
    name: str
    title: str
    description: str
    """One line for the router and for people."""
    mode: RetrievalMode
    area: str | None
    """The folder it answers from; None when it does not read documents."""


SPECIALISTS: tuple[Specialist, ...] = (
    Specialist(
        name="technical",
        title="Technical",
        description="Installing, configuring, using and extending the product; errors, code, APIs.",
        mode="rag",
        area="technical",
    ),
    Specialist(
        name="billing",
        title="Billing",
        description="Prices, plans, invoices, payment, what something costs and how cost is computed.",
        mode="hybrid",
        area="billing",
    ),
    Specialist(
        name="policy",
        title="Policy & compliance",
        description="Terms, privacy, data protection, security rules, retention, what is allowed.",
        mode="cag",
        area="policy",
    ),
    Specialist(
        name="general",
        title="General",
        description="What the product is, overviews, first steps, and everything else.",
        mode="rag",
        area="general",
    ),
    Specialist(
        name="data",
        title="Data",
        description="Figures about this installation's own traffic: runs, latency, tokens, cost.",
        mode="metrics",
        area=None,
    ),
)
BY_NAME = {specialist.name: specialist for specialist in SPECIALISTS}
NAMES = frozenset(BY_NAME)


def areas_of(specialist: Specialist, present: Iterable[str]) -> list[str] | None:
    """The knowledge areas a specialist reads; None = all of them.

    `general` also reads every area that belongs to nobody else; a specialist whose folder is missing
    reads everything, so that a team's own folders need no fixed names.
    """
    present = set(present)
    if specialist.name == "general":
        others = {s.area for s in SPECIALISTS if s.area and s.name != "general"}
        own = sorted(present - others)
    else:
        own = [specialist.area] if specialist.area in present else []
    return [area for area in own if area] or None
