"""What can be done with an evaluation: pause, go on, try again, repeat, take away, delete."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import streamlit as st

from agents.evaluation.export import results_as_csv, results_as_json
from core.errors import SwitchboardError
from pages.components import evaluation_url, session
from pages.components.evaluation_limits import show_limits
from pages.components.evaluation_reading import decide, load
from pages.components.markdown import escape
from pages.components.report_downloads import show_report

if TYPE_CHECKING:
    from agents.evaluation.values import Evaluation
    from agents.runtime import Runtime
    from analytics.reports.document import Report

TEXTS_AT_ONCE = 500
_PAUSING = "_evaluation_pausing"
_DATE = re.compile(r" \(\d\d \w{3} \d{4}, \d\d:\d\d\)$")


def show_buttons(runtime: Runtime, one: Evaluation) -> None:
    """Draws those that fit how it stands."""
    desk, failed = runtime.evaluations, _failed(runtime, one)
    active = desk.is_active(one.id)
    if one.status != "running":
        st.session_state.pop(_PAUSING, None)
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
        if one.status == "paused":
            show_limits(runtime, one)
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
            file_name=f"evaluation-{one.id}-answers.{form.lower()}", icon=":material/download:",
            mime="text/csv" if form == "CSV" else "application/json", on_click="ignore",
            help="One row for each answer" if form == "CSV" else
            "Everything needed to repeat it: questions, configurations, answers, judgements",
        )  # fmt: skip
    show_report(runtime, partial(_report, runtime, one), f"evaluation-{one.id}-report")


def _report(runtime: Runtime, one: Evaluation) -> Report:
    from agents.runtime.evaluation_report import evaluation_report

    loaded = load(runtime, one)
    return evaluation_report(runtime, loaded.results, decide(loaded), loaded.labels)


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
        new = runtime.evaluations.again(one, dated(one.plan.name, runtime.zone))
        runtime.evaluations.start(new)
    except SwitchboardError as exc:
        session.keep_notice(exc)
        return
    evaluation_url.show(new.id)


def _delete(runtime: Runtime, one: Evaluation) -> None:
    """A callback."""
    if _tried(runtime.evaluations.delete, one):
        evaluation_url.show(None)


def dated(name: str, zone: ZoneInfo) -> str:
    """The name of the next one: with its own day and time instead of those it may have."""
    bare = _DATE.sub("", name)[:90]
    return f"{bare} ({datetime.now(zone):%d %b %Y, %H:%M})"
