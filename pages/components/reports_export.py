"""Reports, tab 3: rows of a range and filters as a file, with progress."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import streamlit as st

from analytics.export_jobs import FOLDER
from analytics.export_writers import EXPORT_FORMATS, EXPORT_MIME, ExportFormat
from analytics.exports import EXPORT_KINDS, ExportKind
from analytics.queries import Filter
from analytics.reports.periods import clock_us
from analytics.timeaxis import local
from core.errors import InvalidInput, SwitchboardError
from core.metrics_query import RANGES
from pages.components import session
from pages.components.dashboard_range import RANGE_NAMES
from pages.components.format import size
from pages.components.markdown import escape
from pages.components.reports_filters import show_filters

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from agents.runtime import Runtime
    from analytics.export_jobs import ExportFile, ExportJob
    from core.metrics_query import RangeName

PULSE_S = 1.0
MOST_BY_BROWSER = 200_000_000
"""Streamlit holds a download in memory while it is fetched; larger files are taken from the folder."""
KIND_NAMES: dict[ExportKind, str] = {
    "runs": "Runs: one row per question",
    "calls": "Calls: one row per attempt at a model",
    "steps": "Steps: agents, tools and retrievals of each run",
}
FORMAT_NAMES: dict[ExportFormat, str] = {
    "csv": "CSV",
    "jsonl": "JSON lines",
    "parquet": "Parquet",
}
_OWN = "own"


def show_exports(runtime: Runtime) -> None:
    """Draws the form, what runs, and the files. Raises StorageError."""
    st.caption(
        "Columns are named as in the database; times are UTC microseconds, and in the reporting zone "
        "beside them. Questions and answers are never exported."
    )
    with st.grid(2, min_column_width=240, gap="small"):
        kind = st.selectbox(
            "Rows", EXPORT_KINDS, key="export_kind", format_func=KIND_NAMES.__getitem__
        )
        form = st.selectbox(
            "Format", EXPORT_FORMATS, key="export_form", format_func=FORMAT_NAMES.__getitem__
        )
    try:
        keep = _range(runtime.zone)
        window = session.figures().window(keep)
    except InvalidInput as exc:
        st.warning(escape(f"{exc.message} {exc.what_to_do}"), icon=":material/warning:")
    else:
        # Whole minutes, so that what is found there is asked for once and not at every click.
        minute = 60_000_000
        since = window.since_us // minute * minute
        near = Filter(
            since_us=since, until_us=max(window.until_us // minute * minute, since + minute)
        )
        chosen: dict[str, Any] = show_filters(runtime, near, "export")
        given = Filter(range=keep.range, since_us=keep.since_us, until_us=keep.until_us, **chosen)
        if st.button("Export", type="primary", key="start_export", icon=":material/file_export:"):
            session.require("all_figures")
            runtime.exports.start(kind, given, form)
            session.note("figures_exported", detail=f"{kind}, {form}")
    running = any(job.state == "running" for job in runtime.exports.jobs())
    st.fragment(_show_work, run_every=PULSE_S if running else None)(runtime, running)


def _range(zone: ZoneInfo) -> Filter:
    chosen = st.segmented_control(
        "Range", [*RANGES, _OWN], key="export_range", default="30d", required=True, wrap=False,
        format_func=lambda name: RANGE_NAMES.get(name, "From – to"),
    )  # fmt: skip
    if chosen != _OWN:
        return Filter(range=cast("RangeName", chosen))
    st.caption(f"Times are in {escape(zone.key)}")
    now = local(time.time_ns() // 1000, zone).replace(tzinfo=None, second=0, microsecond=0)
    with st.container(horizontal=True):
        moments = []
        for name, usual in (("From", now - timedelta(days=7)), ("Until", now)):
            key = f"export_{name.lower()}"
            st.session_state.setdefault(key, usual)
            moments.append(st.datetime_input(name, key=key, width=240))
    if not all(isinstance(moment, datetime) for moment in moments):
        raise InvalidInput("A time is missing.", what_to_do="Choose both.")
    since, until = (clock_us(moment, zone) for moment in moments if moment is not None)
    return Filter(since_us=since, until_us=until)


def _show_work(runtime: Runtime, was_running: bool) -> None:
    """What runs and the files. A fragment; it runs by itself only while an export does."""
    jobs = runtime.exports.jobs()
    for job in jobs:
        _show_job(runtime, job)
    if was_running and not any(job.state == "running" for job in jobs):
        st.rerun()
    _show_files(runtime)


def _show_job(runtime: Runtime, job: ExportJob) -> None:
    if job.state == "done":
        return
    if job.state != "running":
        words = "was stopped; nothing is left of it." if job.state == "stopped" else "failed."
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(
                f":orange[{escape(job.file)} {words}] {escape(job.trouble)}", width="content"
            )
            st.button(
                "Dismiss", key=f"forget_{job.job_id}", type="tertiary",
                on_click=_forget, args=(runtime, job.job_id),
            )  # fmt: skip
        return
    done = job.progress
    with st.container(horizontal=True, vertical_alignment="center", key=f"job_{job.job_id}"):
        share = done.share
        part = f", {share:.0%}" if share is not None else ""
        st.progress(share or 0.0, text=f"{escape(job.file)}: {done.rows:,} rows{part}")
        st.button(
            "Stop", key=f"stop_{job.job_id}", icon=":material/stop:",
            on_click=_stop, args=(runtime, job.job_id),
        )  # fmt: skip


def _show_files(runtime: Runtime) -> None:
    files = runtime.exports.files()
    if not files:
        return
    st.subheader("Exported files", anchor=False)
    st.caption(f"They stay in `{FOLDER}/` of the data folder until they are deleted.")
    for file in files:
        _show_file(runtime, file)


def _show_file(runtime: Runtime, file: ExportFile) -> None:
    made = local(file.made_at_us, runtime.zone)
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
    ):
        st.markdown(
            f"{escape(file.name)} · {size(file.size_bytes)} · {made:%d %b %Y, %H:%M}",
            width="content",
        )
        with st.container(horizontal=True, width="content", gap="xsmall"):
            if file.size_bytes <= MOST_BY_BROWSER:
                st.download_button(
                    "Download", partial(file.path.open, "rb"), file_name=f"switchboard-{file.name}",
                    mime=EXPORT_MIME[file.name.rpartition(".")[2]], key=f"export_{file.name}",
                    icon=":material/download:", type="tertiary", on_click="ignore",
                )  # fmt: skip
            else:
                st.caption("Too large for the browser: take it from the folder.", width="content")
            st.button(
                "Delete", key=f"remove_{file.name}", icon=":material/delete:", type="tertiary",
                on_click=_delete, args=(runtime, file.name),
            )  # fmt: skip


@session.needs("all_figures")
def _forget(runtime: Runtime, job_id: str) -> None:
    runtime.exports.forget(job_id)


@session.needs("all_figures")
def _stop(runtime: Runtime, job_id: str) -> None:
    runtime.exports.stop(job_id)


@session.needs("all_figures")
def _delete(runtime: Runtime, name: str) -> None:
    """A callback."""
    try:
        runtime.exports.delete(name)
    except SwitchboardError as exc:
        session.keep_notice(exc)
