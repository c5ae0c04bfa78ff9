"""A line about answers that were given again, where there are any."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analytics.queries.repeated import Repeated, repeated
from pages.components.format import count, usd

if TYPE_CHECKING:
    from pages.components.dashboard_tab import Tab


def show_answer_cache(tab: Tab) -> None:
    """Raises StorageError."""
    found = tab.answer(repeated)
    if found.hits:
        st.caption(f":material/history: {cache_line(found)}")


def cache_line(found: Repeated) -> str:
    answers = "1 answer was" if found.hits == 1 else f"{count(found.hits)} answers were"
    alike = f", {count(found.semantic)} of them to a question in other words" * bool(found.semantic)
    unknown = f" What {count(found.unpriced)} of them had cost is not known." * bool(found.unpriced)
    saved = usd(found.saved_pusd).replace("$", "\\$")
    return f"{answers} given again from the answer cache{alike}, which saved {saved}.{unknown}"
