"""One evaluation: how far it is, what it found, question by question, and against another one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from agents.comparing.labels import full_label
from agents.evaluation.export import results_as_csv, results_as_json
from core.errors import SwitchboardError
from pages.components import evaluation_url, session
from pages.components.evaluation_cases import show_cases
from pages.components.evaluation_compare import show_compare
from pages.components.evaluation_progress import (
    badge,
    follow_progress,
    show_progress,
)
from pages.components.evaluation_reading import load
from pages.components.evaluation_results import show_results
from pages.components.format import usd
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.evaluation.values import Evaluation
    from agents.runtime import Runtime

LIVE_S = 5.0
"""Between two drawings of the results while answers come in."""
VIEWS = {
    "results": "Results",
    "cases": "Questions",
    "compare": "Compare with another",
    "setup": "Set-up",
}
TEXTS_AT_ONCE = 500
_PAUSING = "_evaluation_pausing"


def show_evaluation(runtime: Runtime, one: Evaluation) -> None:
    """Draws it. Raises SwitchboardError."""
    st.button(
        "All evaluations", key="evaluation_back", icon=":material/arrow_back:", type="tertiary",
        on_click=evaluation_url.show, args=(None,),
    )  # fmt: skip
    _head(runtime, one)
    if one.status == "running":
        follow_progress(runtime, one.id)
    else:
        show_progress(one)
    if one.status == "paused" and one.why:
        st.warning(f"Paused: {escape(one.why)}", icon=":material/pause_circle:")
    _buttons(runtime, one)
    view = st.segmented_control(
        "View", list(VIEWS), format_func=VIEWS.__getitem__, key="evaluation_view", wrap=True,
        default=_view_in_url(), required=True, label_visibility="collapsed", on_change=_write_view,
    )  # fmt: skip
    if one.status == "running" and view in ("results", "cases"):
        _follow(runtime, one.id, view)
    else:
        _show(runtime, one, view or "results")


@st.fragment(run_every=LIVE_S)
def _follow(runtime: Runtime, evaluation_id: str, view: str) -> None:
    try:
        _show(runtime, runtime.evaluations.store.get(evaluation_id, session.OWNER), view)
    except SwitchboardError as exc:
        session.show_error(exc)


def _show(runtime: Runtime, one: Evaluation, view: str) -> None:
    if view == "setup":
        _setup(runtime, one)
        return
    loaded = load(runtime, one)
    match view:
        case "cases":
            show_cases(runtime, loaded)
        case "compare":
            show_compare(runtime, loaded)
        case _:
            show_results(loaded)


def _view_in_url() -> str:
    usual = "compare" if evaluation_url.OTHER in st.query_params else "results"
    asked = st.query_params.get(
        "view", "cases" if evaluation_url.CASE in st.query_params else usual
    )
    return asked if asked in VIEWS else usual


def _write_view() -> None:
    """A callback."""
    st.query_params[evaluation_url.VIEW] = st.session_state["evaluation_view"]


def _head(runtime: Runtime, one: Evaluation) -> None:
    label, color, icon = badge(one)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(escape(one.plan.name), anchor=False, width="content")
        st.badge(label, color=color, icon=icon)  # type: ignore[arg-type]
    made = datetime.fromtimestamp(one.created_at_us / 1e6, runtime.queries.zone)
    several = len(one.plan.configurations)
    parts = [
        f"{escape(one.set_name)}, version {one.set_version}",
        f"{several} configuration{'s' if several > 1 else ''}",
        f"{made:%d %b %Y, %H:%M}",
    ]
    if one.plan.repeats > 1:
        parts.insert(2, f"each question {one.plan.repeats} times")
    st.caption(" · ".join(parts))


def _buttons(runtime: Runtime, one: Evaluation) -> None:
    desk, failed = runtime.evaluations, _failed(runtime, one)
    active = desk.is_active(one.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        if one.status == "running":
            pausing = st.session_state.get(_PAUSING) == one.id
            st.button(
                "Pausing …" if pausing else "Pause", key="evaluation_pause", disabled=pausing,
                icon=":material/pause:", on_click=_pause, args=(runtime, one),
                help="What is under way is finished; nothing new is begun.",
            )  # fmt: skip
        elif one.status == "paused":
            never = not (one.progress.done or failed)
            st.button(
                "Start" if never else "Resume", key="evaluation_resume", type="primary",
                icon=":material/play_arrow:", disabled=active,
                on_click=_go_on, args=(desk.start, one),
            )  # fmt: skip
        if failed and one.status != "running":
            st.button(
                f"Retry failed ({failed:,})", key="evaluation_retry", icon=":material/replay:",
                on_click=_go_on, args=(desk.retry_failed, one), disabled=active,
            )  # fmt: skip
        st.button(
            "Run again", key="evaluation_again", icon=":material/restart_alt:",
            on_click=_again, args=(runtime, one), type="tertiary",
            help="A new evaluation of the same set and configurations, to compare with this one.",
        )  # fmt: skip
        _downloads(runtime, one)
        if one.status != "running":
            _deletion(runtime, one)


def _failed(runtime: Runtime, one: Evaluation) -> int:
    """Answers and judgements that failed; a judgement whose answer is missing has not."""
    progress = one.progress
    if one.status == "running" or progress.judged == progress.to_judge:
        return progress.failed
    judgements = runtime.evaluations.store.judgements(one.id)
    return progress.failed + sum(each.status == "failed" for each in judgements)


def _downloads(runtime: Runtime, one: Evaluation) -> None:
    for form, make in (("CSV", _csv), ("JSON", _json)):
        st.download_button(
            form, partial(make, runtime, one), key=f"evaluation_{form}", type="tertiary",
            file_name=f"evaluation-{one.id}.{form.lower()}", icon=":material/download:",
            mime="text/csv" if form == "CSV" else "application/json", on_click="ignore",
            help="One row for each answer" if form == "CSV" else
            "Everything needed to repeat it: questions, configurations, answers, judgements",
        )  # fmt: skip


def _deletion(runtime: Runtime, one: Evaluation) -> None:
    with st.popover("Delete", icon=":material/delete:", type="tertiary"):
        st.markdown(
            f"Delete **{escape(one.plan.name)}** with its {one.progress.total:,} answers? What "
            "they cost stays on the dashboard. The question set stays, too."
        )
        st.button(
            "Delete this evaluation", key="evaluation_delete", type="primary",
            on_click=_delete, args=(runtime, one),
        )  # fmt: skip


def _setup(runtime: Runtime, one: Evaluation) -> None:
    plan = one.plan
    rows = {
        f"Configuration {n}": full_label(each, runtime.catalog.display_name)
        for n, each in enumerate(plan.configurations, 1)
    }
    rows |= {
        "Question set": f"{one.set_name}, version {one.set_version}",
        "Digest of the set": one.set_digest,
        "Each question asked": f"{plan.repeats} time{'s' if plan.repeats > 1 else ''}",
        "Answers at once": str(plan.concurrency),
        "Budget": "none" if plan.budget_pusd is None else usd(plan.budget_pusd),
        "Judge model": plan.judge_model or "none",
        "Judge compares pairs": "yes, in both orders" if plan.pairwise else "no",
        "Id": one.id,
    }
    st.table(
        {"": list(rows), "Value": [escape(value) for value in rows.values()]},
        border="horizontal", hide_index=True, alt="How this evaluation was set up",
    )  # fmt: skip


def _csv(runtime: Runtime, one: Evaluation) -> bytes:
    return results_as_csv(runtime.evaluations.results(one))


def _json(runtime: Runtime, one: Evaluation) -> bytes:
    results = runtime.evaluations.results(one)
    ids = [cell.run_id for cell in results.cells if cell.run_id]
    texts: dict[str, str] = {}
    for start in range(0, len(ids), TEXTS_AT_ONCE):
        found = runtime.store.answers(ids[start : start + TEXTS_AT_ONCE])
        texts |= {run_id: ended.text for run_id, ended in found.items() if ended}
    catalog = runtime.catalog
    versions = {"model_catalogue": f"{catalog.version}, {catalog.date.isoformat()}"}
    return results_as_json(results, texts=texts, versions=versions)


def _pause(runtime: Runtime, one: Evaluation) -> None:
    """A callback."""
    st.session_state[_PAUSING] = one.id
    _tried(runtime.evaluations.pause, one)


def _go_on(action: Callable[[Evaluation], object], one: Evaluation) -> None:
    """A callback: starts it, or tries again what failed."""
    st.session_state.pop(_PAUSING, None)
    _tried(action, one)


def _tried(action: Callable[[Evaluation], object], one: Evaluation) -> bool:
    try:
        action(one)
    except SwitchboardError as exc:
        session.keep_notice(exc)
        return False
    return True


def _again(runtime: Runtime, one: Evaluation) -> None:
    """A callback: makes the new one, begins it and opens it."""
    try:
        new = runtime.evaluations.again(one, f"{one.plan.name[:100]}, again")
        runtime.evaluations.start(new)
    except SwitchboardError as exc:
        session.keep_notice(exc)
        return
    evaluation_url.show(new.id)


def _delete(runtime: Runtime, one: Evaluation) -> None:
    """A callback."""
    if _tried(runtime.evaluations.delete, one):
        evaluation_url.show(None)
