"""Settings: past calls from a CSV file, and prices in LiteLLM's format."""

from __future__ import annotations

import time
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.imports import (
    PRESETS,
    CheckResult,
    ColumnMapping,
    JobState,
    Source,
    check,
    guess,
    kept_since,
    list_imports,
)
from analytics.queries import Filter
from analytics.timeaxis import DAY_US
from core.errors import InvalidInput, SwitchboardError
from core.pricing import format_usd
from pages.components import session
from pages.components.dashboard_tables import Column, draw
from pages.components.format import UNKNOWN, count, duration, share
from pages.components.import_mapping import show_mapping, zoned
from pages.components.import_prices import show_price_import
from pages.components.markdown import escape

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from agents.runtime import Runtime
    from analytics.imports.load import ImportBatch
    from core.catalog import Catalog

FILE_TYPES = ["csv", "gz", "tsv", "txt"]
SHOWN_PROBLEMS = 200
SHOWN_IMPORTS = 20
_OWN = "own"


def show_import(runtime: Runtime) -> None:
    """Draws the section."""
    st.subheader("Calls from a file", anchor=False)
    st.caption(
        "A CSV file with a header line, plain or as .gz, up to 50 MB. Each row becomes one run with "
        "one call, marked as imported. A file can be imported again: rows that are there already "
        "are left out. Larger files: `python -m analytics.import_calls`."
    )
    state = runtime.imports.state
    if state is not None and state.running:
        _show_running(runtime)
    else:
        if state is not None:
            _show_end(state)
        file = st.file_uploader(
            "File of calls", type=FILE_TYPES, key="import_file", max_upload_size=50
        )
        if file is not None:
            source = Source.of_bytes(file.name, file.getvalue())
            try:
                _show_file(runtime, file.file_id, source)
            except SwitchboardError as exc:
                session.show_error(exc)
    _show_list(runtime)
    show_price_import(runtime)


def _show_file(runtime: Runtime, file_id: str, source: Source) -> None:
    """Raises InvalidInput when the file is no table."""
    columns = source.columns()
    names = {_OWN: "Choose the columns", **{name: p.title for name, p in PRESETS.items()}}
    found = next((name for name, p in PRESETS.items() if p.fits(columns)), _OWN)
    preset = st.selectbox(
        "Kind of file", list(names), index=list(names).index(found),
        format_func=names.__getitem__, key=f"import_kind_{file_id}", width=420,
    )  # fmt: skip
    start = guess(columns) if preset == _OWN else PRESETS[preset].for_columns(columns)
    mapping = show_mapping(f"{file_id}_{preset}", columns, start, open_=preset == _OWN)
    mapping.check_columns(columns)
    with st.spinner("Reading the file …"):
        since = session.figures().ask(kept_since, Filter(range="all"))
        result = _checked(
            file_id, mapping.to_json(), id(runtime.catalog), since, source, runtime.catalog
        )
    _show_check(runtime, result)
    st.button(
        f"Import {result.accepted:,} calls",
        type="primary",
        icon=":material/upload:",
        disabled=not result.accepted,
        key="import_start",
        on_click=partial(_start, runtime, source, mapping),
    )
    if result.first:
        st.markdown("**The first calls as they are read**")
        draw(preview_columns(runtime, result), alt="The first calls of the file as they are read")


@st.cache_data(max_entries=4, ttl=900, show_spinner=False)
def _checked(
    file_id: str, mapping: str, catalog_id: int, since_us: int, _source: Source, _catalog: Catalog
) -> CheckResult:
    return check(_source, ColumnMapping.from_json(mapping), _catalog, rows_since_us=since_us)


@session.needs("settings")
def _start(runtime: Runtime, source: Source, mapping: ColumnMapping) -> None:
    try:
        runtime.imports.start_import(source, mapping, runtime.catalog)
    except InvalidInput as exc:
        session.keep_notice(exc)
    else:
        session.note("figures_imported", detail="calls")


def _show_check(runtime: Runtime, found: CheckResult) -> None:
    zone = runtime.zone
    priced = f"{count(found.priced)} of {count(found.accepted)} calls"
    figures = {
        "Calls": (count(found.accepted), ""),
        "Rejected rows": (count(found.rejected), ""),
        "Tokens in": (count(found.input_tokens), ""),
        "Tokens out": (count(found.output_tokens), ""),
        "Cost": (
            format_usd(found.cost_pusd if found.priced else None).replace("$", "\\$"),
            f"Known for {priced}.",
        ),
    }
    with st.grid(5, min_column_width=130):
        for label, (value, help_) in figures.items():
            st.metric(label, value, border=True, help=help_ or None)
    if found.since_us is not None:
        first, last = zoned(found.since_us, zone), zoned(found.until_us, zone)
        models = ", ".join(f"{escape(name)} ({count(n)})" for name, n in found.models[:5])
        more = f" and {len(found.models) - 5} more" if len(found.models) > 5 else ""
        st.caption(f"From {first} to {last} ({escape(zone.key)}) · Models: {models}{more}")
    if found.rejected:
        _show_problems(found)
    days = runtime.settings.keep_rows_days
    if found.since_us is not None and found.since_us < time.time_ns() // 1000 - days * DAY_US:
        st.warning(
            f"Some of these calls are older than the {days} days that rows are kept: the next "
            "cleaning would delete them. Set SWITCHBOARD\\_KEEP\\_ROWS\\_DAYS higher first.",
            icon=":material/auto_delete:",
        )


def _show_problems(found: CheckResult) -> None:
    reasons = ", ".join(f"{n:,} × {escape(reason)}" for reason, n in found.reasons[:5])
    if len(found.reasons) > 5:
        reasons += f" and {len(found.reasons) - 5} more reasons"
    rows = "1 row is" if found.rejected == 1 else f"{found.rejected:,} rows are"
    st.warning(f"{rows} left out: {reasons}", icon=":material/warning:")
    shown = found.problems[:SHOWN_PROBLEMS]
    with st.expander(f"Rejected rows: {len(shown)} of {found.rejected:,}"):
        draw(
            {
                "Line": Column(values=[p.line for p in shown]),
                "Reason": Column(values=[p.reason for p in shown]),
                "Cell": Column(values=[p.text for p in shown]),
            },
            alt="Rejected rows with line number and reason",
        )


def preview_columns(runtime: Runtime, found: CheckResult) -> dict[str, Column]:
    """Only the columns that hold something."""
    rows = found.first
    columns = {
        "Time": Column(values=[zoned(r.started_at_us, runtime.zone) for r in rows]),
        "Model": Column(values=[r.model for r in rows]),
        "Provider": Column(values=[r.provider for r in rows]),
        "Tokens in": Column(values=[r.input_tokens for r in rows], show=_number),
        "Tokens out": Column(values=[r.output_tokens for r in rows], show=_number),
        "Cached": Column(values=[r.cache_read_tokens for r in rows], show=_number),
        "First token": Column(values=[r.first_token_us for r in rows], show=duration),
        "Duration": Column(values=[r.duration_us for r in rows], show=duration),
        "Status": Column(values=[r.status for r in rows]),
        "Cost": Column(values=[r.cost_pusd for r in rows], show=_usd),
        "User": Column(values=[r.user for r in rows]),
        "Thread": Column(values=[r.thread for r in rows]),
        "Agent": Column(values=[r.agent for r in rows]),
    }
    return {name: c for name, c in columns.items() if any(v is not None for v in c.values)}


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:,.0f}"


def _usd(value: float | None) -> str:
    return UNKNOWN if value is None else format_usd(int(value))


# -- what runs, and what has been imported


@st.fragment(run_every=0.5)
def _show_running(runtime: Runtime) -> None:
    state = runtime.imports.state
    if state is None or not state.running:
        st.rerun()
        return
    if state.kind == "delete":
        st.info(f"Deleting {escape(state.name)}: {state.deleted:,} calls are gone.")
        return
    st.progress(state.share, f"Importing {escape(state.name)}: {share(state.share)}")
    st.button("Stop", key="import_stop", on_click=_stop, args=(runtime,))


def _show_end(state: JobState) -> None:
    name = escape(state.name)
    if state.error is not None:
        session.show_error(state.error)
    elif state.kind == "delete":
        st.success(f"{name}: {state.deleted:,} calls were deleted.")
    elif state.result is not None:
        result = state.result
        parts = [f"{result.accepted:,} calls imported"]
        if result.known:
            parts.append(f"{result.known:,} were there already")
        if result.rejected:
            rows = "row" if result.rejected == 1 else "rows"
            parts.append(f"{result.rejected:,} {rows} left out")
        text = f"{name}: {', '.join(parts)}."
        if result.complete:
            st.success(text, icon=":material/check_circle:")
        else:
            st.warning(f"{text} It was stopped: import the file again for the rest.")


def _show_list(runtime: Runtime) -> None:
    try:
        batches = session.figures().ask(list_imports, Filter(range="all"))
    except SwitchboardError as exc:
        session.show_error(exc)
        return
    if not batches:
        return
    st.markdown("**Imported files**")
    if len(batches) > SHOWN_IMPORTS:
        st.caption(f"The newest {SHOWN_IMPORTS} of {len(batches)}.")
    running = runtime.imports.state is not None and runtime.imports.state.running
    for batch in batches[:SHOWN_IMPORTS]:
        _show_batch(runtime, batch, busy=running)


def _show_batch(runtime: Runtime, batch: ImportBatch, *, busy: bool) -> None:
    zone = runtime.zone
    words = [f"{batch.accepted:,} calls"]
    if batch.rejected:
        words.append(f"{batch.rejected:,} rejected")
    words.append(f"of {zoned(batch.since_us, zone)} to {zoned(batch.until_us, zone)}")
    words.append(f"imported {zoned(batch.created_at_us, zone)}")
    broken = "" if batch.status == "done" or busy else " :orange-badge[Incomplete]"
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(
            f"**{escape(batch.source)}**{broken}  \n:small[{escape(' · '.join(words))}]",
            width="stretch",
        )
        st.page_link(
            "pages/dashboard.py",
            label="Dashboard",
            icon=":material/monitoring:",
            query_params=dashboard_link(batch, zone),
        )
        with st.popover("Delete", icon=":material/delete:", disabled=busy):
            st.markdown(f"Delete the {batch.accepted:,} calls of {escape(batch.source)}?")
            st.button(
                "Delete this import",
                key=f"import_delete_{batch.import_id}",
                type="primary",
                on_click=partial(_delete, runtime, batch.import_id, batch.source),
            )


def dashboard_link(batch: ImportBatch, zone: ZoneInfo) -> dict[str, str]:
    """The page's query for the period of an import, in whole minutes of the reporting zone."""
    minute = 60_000_000
    since = (batch.since_us or 0) // minute * 60
    until = ((batch.until_us or 0) // minute + 1) * 60
    ends = {
        name: datetime.fromtimestamp(at, zone).replace(tzinfo=None).isoformat(timespec="minutes")
        for name, at in (("from", since), ("to", until))
    }
    return {**ends, "entry_point": "import"}


@session.needs("settings")
def _stop(runtime: Runtime) -> None:
    runtime.imports.stop()


@session.needs("settings")
def _delete(runtime: Runtime, import_id: str, name: str) -> None:
    try:
        runtime.imports.start_delete(import_id, name)
    except InvalidInput as exc:
        session.keep_notice(exc)
    else:
        session.note("figures_imported", import_id, "deleted")
