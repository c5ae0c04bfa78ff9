"""What a tab of the dashboard is drawn from: one pinned filter, and answers that sessions share."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from analytics.queries import Ask, Filter, Queries

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from agents.runtime import Runtime
    from core.catalog import Catalog

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tab:
    """One tab in one script run. `keep` has its range fixed to moments."""

    runtime: Runtime
    figures: Queries
    """What whoever is looking may see."""
    keep: Filter
    zone: ZoneInfo
    catalog: Catalog
    log: bool
    """Draw times on a logarithmic axis."""
    live: bool
    """Runs are active: Plotly charts should not change now, they would be drawn anew."""
    version: int = 0
    """Of the data when it was looked at: rows can change inside a range that has ended."""
    records_since_us: int = 0
    """The first run ever recorded: what a period before it lacks is not a change."""

    @property
    def everybody(self) -> bool:
        """Whether figures of other people are among them."""
        return self.figures.owner is None

    def answer(self, question: Callable[..., Answer], *given: Hashable) -> Answer:
        """`question(ask, *given)`, asked once per filter and kept for all sessions that see the same.

        Answers are frozen values that nobody changes. Raises StorageError.
        """
        where = str(self.runtime.settings.path("analytics.db")), self.figures.owner
        name = f"{question.__module__}.{question.__qualname__}"
        found: Answer = _once(self.figures, where, name, self.keep, self.version, given, question)
        return found


@st.cache_resource(max_entries=120, ttl="15m", show_spinner=False)
def _once(
    _figures: Queries,
    where: tuple[str, str | None],
    name: str,
    keep: Filter,
    version: int,
    given: tuple[Hashable, ...],
    _question: Callable[..., Any],
) -> Any:
    def asked(ask: Ask) -> Any:
        return _question(ask, *given)

    return _figures.ask(asked, keep)
