"""All evaluations, newest first: how each stands, and what it found so far."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from agents.comparing.labels import short_labels
from pages.components import evaluation_url, session
from pages.components.evaluation_progress import badge, counts, ended_share, spent, still_running
from pages.components.evaluation_reading import load, pass_rates
from pages.components.evaluation_results import LIVE_ANSWERS
from pages.components.format import share
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.evaluation.values import Evaluation
    from agents.runtime import Runtime

SHOWN = 10
MOST = 1_000
LIVE_S = 2.0


def show_list(runtime: Runtime) -> None:
    """Draws it; live while one of them runs. Raises StorageError."""
    found = runtime.evaluations.store.recent(session.owner(), MOST)
    if not found:
        _show_empty(runtime)
        return
    pages = -(-len(found) // SHOWN)
    page = min(st.pagination(pages, key="evaluations_page"), pages) if pages > 1 else 1
    for one in found[(page - 1) * SHOWN : page * SHOWN]:
        _show(runtime, one)


def _show_empty(runtime: Runtime) -> None:
    sets = bool(runtime.evaluations.sets.list(session.owner()))
    st.info(
        "No evaluation yet. "
        + ("Choose a set and the configurations that are to answer it." if sets else
           "First make a question set: from a file, from saved test cases, from past chats, or take "
           "the example."),
        icon=":material/fact_check:",
    )  # fmt: skip
    st.button(
        "New evaluation" if sets else "Make a question set", key="evaluations_first",
        type="primary", icon=":material/add:", on_click=evaluation_url.go_to,
        args=(evaluation_url.NEW if sets else evaluation_url.SETS,),
    )  # fmt: skip


def _show(runtime: Runtime, one: Evaluation) -> None:
    with st.container(border=True, key=f"evaluation_{one.id}", gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(
                f"**{escape(one.plan.name)}**", key=f"open_{one.id}", type="tertiary",
                icon=":material/fact_check:", help="Open", on_click=evaluation_url.show,
                args=(one.id,),
            )  # fmt: skip
            if one.status != "running":
                label, color, icon = badge(one)
                st.badge(label, color=color, icon=icon)  # type: ignore[arg-type]
        if one.status == "running":
            _follow(runtime, one.id)
        else:
            _figures(runtime, one)


@st.fragment(run_every=LIVE_S)
def _follow(runtime: Runtime, evaluation_id: str) -> None:
    one = still_running(runtime, evaluation_id)
    st.progress(ended_share(one.progress), counts(one.progress))
    _figures(runtime, one)


def _figures(runtime: Runtime, one: Evaluation) -> None:
    labels = short_labels(one.plan.configurations, runtime.catalog.display_name)
    large = one.status == "running" and one.progress.total > LIVE_ANSWERS
    if one.progress.done + one.progress.failed and not large:
        rates = pass_rates(load(runtime, one))
        lines = [
            f"{escape(label)} **{share(k / n, 0)}** ({k:,} of {n:,})" if n else f"{escape(label)} –"
            for label, (k, n) in zip(labels, rates, strict=True)
        ]
    else:
        lines = [escape(label) for label in labels]
    st.markdown(" · ".join(lines))
    made = datetime.fromtimestamp(one.created_at_us / 1e6, runtime.zone)
    cost = escape(spent(one))
    st.caption(
        f"{escape(one.set_name)}, version {one.set_version} · {counts(one.progress)} · {cost} · "
        f"{made:%d %b %Y, %H:%M}"
    )
