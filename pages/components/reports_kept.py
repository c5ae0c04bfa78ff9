"""Reports, tab 2: what was made, to download or to delete."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.reports.document import TITLES
from analytics.reports.render import MIME
from analytics.reports.shelf import FOLDER, MOST_FILES
from analytics.timeaxis import local
from core.errors import NotFound, SwitchboardError
from pages.components import session
from pages.components.dashboard_controls import value_names
from pages.components.markdown import escape

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from agents.runtime import Runtime
    from analytics.reports.shelf import KeptReport

_STEP = 12
_SHOWN = "_reports_shown"


def show_kept(runtime: Runtime) -> None:
    """Draws the list, newest first. Raises StorageError."""
    shown = st.session_state.get(_SHOWN, _STEP)
    kept = runtime.reports.reports()
    st.caption(_where(runtime))
    if not kept:
        st.info("No report is kept yet. Make one on the first tab.", icon=":material/description:")
    for report in kept[:shown]:
        show_report(runtime, report, "kept")
    if len(kept) > shown:
        st.button(f"Show more ({len(kept) - shown})", key="more_reports", on_click=_more)


def _where(runtime: Runtime) -> str:
    kinds = runtime.settings.reports
    by_itself = f"Made by themselves: {', '.join(kinds)}." if kinds else (
        "None is made by itself; `SWITCHBOARD_REPORTS=daily,weekly,monthly` would."
    )  # fmt: skip
    return f"The newest {MOST_FILES} files are kept in `{FOLDER}/` of the data folder. {by_itself}"


def _more() -> None:
    """A callback."""
    st.session_state[_SHOWN] = st.session_state.get(_SHOWN, _STEP) + _STEP


def show_report(runtime: Runtime, report: KeptReport, key: str) -> None:
    """One report with its files."""
    zone = runtime.zone
    with st.container(border=True, key=f"{key}_{report.report_id}", gap="xsmall"):
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
        ):
            st.markdown(
                f"**{TITLES[report.kind]}** · {escape(_period(report, zone))}", width="content"
            )
            with st.container(horizontal=True, width="content", gap="xsmall"):
                for name in report.files:
                    _download(runtime, name, key)
                st.button(
                    "Delete", key=f"{key}_delete_{report.report_id}", type="tertiary",
                    icon=":material/delete:", on_click=_delete, args=(runtime, report.report_id),
                )  # fmt: skip
        st.caption(_details(runtime, report))


def _download(runtime: Runtime, name: str, key: str) -> None:
    form = name.rpartition(".")[2]
    st.download_button(
        {"md": "Markdown"}.get(form, form.upper()),
        partial(_read, runtime, name),
        file_name=f"switchboard-{name}",
        mime=MIME[form],
        key=f"{key}_file_{name}",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
    )


def _read(runtime: Runtime, name: str) -> bytes:
    return runtime.reports.path(name).read_bytes()


def _period(report: KeptReport, zone: ZoneInfo) -> str:
    since, until = local(report.since_us, zone), local(report.until_us - 1, zone)
    if report.kind == "data":
        return f"as of {until:%d %b %Y, %H:%M}"
    if report.kind == "incident":
        return f"{since:%d %b %Y, %H:%M} – {local(report.until_us, zone):%d %b, %H:%M}"
    if report.kind == "monthly":
        return f"{since:%B %Y}"
    if report.kind == "weekly":
        return f"{since:%d %b} – {until:%d %b %Y}"
    return f"{since:%A, %d %b %Y}"


def _details(runtime: Runtime, report: KeptReport) -> str:
    made = local(report.created_at_us, runtime.zone)
    by = "by the schedule" if report.trigger == "schedule" else "on this page"
    parts = [f"Made {by}, {made:%d %b %Y, %H:%M}"]
    if report.filters:
        kept = (
            f"{name.replace('_', ' ')}: {value_names(runtime.catalog, name, values)}"
            for name, values in report.filters.items()
        )
        parts.append(escape("; ".join(kept)))
    parts += [f":orange[{escape(name)} was changed since]" for name in _changed(runtime, report)]
    return " · ".join(parts)


def _changed(runtime: Runtime, report: KeptReport) -> list[str]:
    """Files that are not what was written."""
    changed = []
    for name, digest in report.files.items():
        try:
            if not runtime.reports.intact(name, digest):
                changed.append(name)
        except (NotFound, OSError):
            continue
    return changed


@session.needs("all_figures")
def _delete(runtime: Runtime, report_id: str) -> None:
    """A callback."""
    st.session_state.pop("_report_made", None)
    try:
        runtime.reports.delete(report_id)
    except SwitchboardError as exc:
        session.keep_notice(exc)
