"""How far an evaluation is: counts, what was spent, how long it has taken and about how long it will."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st

from core.errors import NotFound
from pages.components import session
from pages.components.format import usd
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.evaluation.values import Evaluation, Progress
    from agents.runtime import Runtime

LIVE_S = 1.0
WATCH_S = 3.0
"""Between two looks at one that rests."""
PACE_S = 60.0
"""How far the pace is looked back for."""
LEAST_SETTLED = 3
STATUS = {
    "running": ("Running", "blue", ":material/play_circle:"),
    "paused": ("Paused", "orange", ":material/pause_circle:"),
    "done": ("Done", "green", ":material/check_circle:"),
}
Pace = list[tuple[float, int]]
"""(seconds of the monotonic clock, answers and judgements that had ended)."""


def badge(one: Evaluation) -> tuple[str, str, str]:
    """Word, colour and icon of its status; one that ended with failures says so."""
    if one.status == "done" and (one.progress.failed or one.progress.left):
        return "Done, with failures", "orange", ":material/error:"
    return STATUS[one.status]


def show_progress(one: Evaluation) -> None:
    """Draws it as it stands."""
    progress = one.progress
    st.progress(1.0 if one.status == "done" else ended_share(progress), counts(progress))
    st.markdown(f":small[{_line(one)}]")


@st.fragment(run_every=LIVE_S)
def follow_progress(runtime: Runtime, evaluation_id: str) -> None:
    """The same, live. When it has ended, the whole page is drawn once more."""
    one = still_running(runtime, evaluation_id)
    show_progress(one)


@st.fragment(run_every=WATCH_S)
def watch(runtime: Runtime, evaluation_id: str, status: str, active: bool) -> None:
    """Draws nothing, and the whole page anew when it goes on or was deleted: in another tab, say.

    `status` and `active` are what the page shows.
    """
    try:
        one = runtime.evaluations.store.get(evaluation_id, session.owner())
    except NotFound:
        st.rerun()
    if (one.status, runtime.evaluations.is_active(one.id)) != (status, active):
        st.rerun()


def still_running(runtime: Runtime, evaluation_id: str) -> Evaluation:
    """For a live part: draws the whole page anew when it has ended, or was deleted elsewhere."""
    try:
        one = runtime.evaluations.store.get(evaluation_id, session.owner())
    except NotFound:
        st.rerun()
    if one.status != "running":
        st.rerun()
    return one


def ended_share(progress: Progress) -> float:
    """0..1 of answers and judgements."""
    everything = progress.total + progress.to_judge
    return min(_settled(progress) / everything, 1.0) if everything else 1.0


def counts(progress: Progress) -> str:
    """ "212 of 800 answers · 3 failed · 4 running · 120 of 400 judged"."""
    parts = [f"{progress.done:,} of {progress.total:,} answers"]
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    if progress.running:
        parts.append(f"{progress.running:,} running")
    if progress.to_judge:
        parts.append(f"{progress.judged:,} of {progress.to_judge:,} judged")
    return " · ".join(parts)


def rest_s(pace: Pace, left: int) -> float | None:
    """Seconds until the rest has ended at the pace so far; None while too little has ended."""
    if len(pace) < 2:
        return None
    (since, before), (now, after) = pace[0], pace[-1]
    if after - before < LEAST_SETTLED or now <= since:
        return None
    return left * (now - since) / (after - before)


def spent(one: Evaluation) -> str:
    """Plain text, with the budget if there is one."""
    progress = one.progress
    known = "cost unknown" if _unknown(progress) else usd(progress.spent_pusd)
    if progress.unpriced and not _unknown(progress):
        known = f"at least {known}"
    budget = one.plan.budget_pusd
    return known if budget is None else f"{known} of {usd(budget)}"


def _line(one: Evaluation) -> str:
    end_us = one.ended_at_us or time.time_ns() // 1000
    known = spent(one)
    first = known.capitalize() if _unknown(one.progress) else f"Spent {known}"
    parts = [escape(first)]
    if one.status == "running":
        parts.append(f"{_whole((end_us - one.created_at_us) / 1e6)} since it was made")
        rest = rest_s(_pace(one), one.progress.left)
        if rest is not None:
            parts.append(f"about {_whole(rest)} left")
        else:
            parts.append("time left: measuring")
    elif one.status == "done":
        parts.append(f"ended {_whole((end_us - one.created_at_us) / 1e6)} after it was made")
    return " · ".join(parts)


def _whole(seconds: float) -> str:
    """ "6 s", "12 min" or "3 h 5 min": nobody needs more."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _pace(one: Evaluation) -> Pace:
    """What this tab has seen of the last minute."""
    key = f"_pace_{one.id}"
    seen: Pace = st.session_state.get(key, [])
    now, settled = time.monotonic(), _settled(one.progress)
    if seen and settled < seen[-1][1]:  # failures are tried again
        seen = []
    kept = [(at, n) for at, n in seen if now - at <= PACE_S] + [(now, settled)]
    st.session_state[key] = kept
    return kept


def _settled(progress: Progress) -> int:
    return progress.done + progress.failed + progress.judged


def _unknown(progress: Progress) -> bool:
    """Whether nothing is known of what was spent; a sum of nothing is not 0."""
    return progress.unpriced > 0 and not progress.spent_pusd
