"""How much of the day's quota whoever is looking has used, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.pricing import format_usd
from pages.components import session

if TYPE_CHECKING:
    from agents.limits.desk import Allotment
    from agents.runtime import Runtime

NEARLY = 0.8
"""Share of a quota from which it is said beside the chat and not only behind a button."""


def show_usage(runtime: Runtime, *, only_when_nearly_used_up: bool = False) -> None:
    """Nothing without a quota."""
    found = runtime.limits.usage(session.owner())
    if found is None or (only_when_nearly_used_up and share(found) < NEARLY):
        return
    icon = ":material/hourglass_bottom:" if found.used_up else ":material/data_usage:"
    st.caption(f"{icon} {usage_line(found)}")


def usage_line(found: Allotment) -> str:
    """Such as "Today: 12,300 of 50,000 tokens · $0.02 of $1.00", as Markdown."""
    if not found.known:
        return "Today: not known, because the figures cannot be read"
    parts = []
    if found.quota.tokens is not None:
        parts.append(f"{found.used.tokens:,} of {found.quota.tokens:,} tokens")
    if found.quota.pusd is not None:
        parts.append(f"{format_usd(found.used.pusd)} of {format_usd(found.quota.pusd)}")
    again = f" · starts again on {found.starts_again}" if found.used_up else ""
    return f"Today: {' · '.join(parts)}{again}".replace("$", "\\$")


def share(found: Allotment) -> float:
    """Of the quota that is used most."""
    quota, used = found.quota, found.used
    return max(
        used.tokens / quota.tokens if quota.tokens else 0.0,
        used.pusd / quota.pusd if quota.pusd else 0.0,
    )
