"""The form that says which column of a file is what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

import streamlit as st

from analytics.imports.mapping import (
    CONSTANT_FIELDS,
    DURATION_UNITS,
    FIELDS,
    TIME_FORMATS,
    ColumnMapping,
    DurationUnit,
    Field,
    TimeFormat,
)

_NONE = ""
LABELS: Mapping[Field, str] = {
    "started_at": "Time of the call",
    "model": "Model",
    "provider": "Provider",
    "input_tokens": "Tokens in (cached ones included)",
    "output_tokens": "Tokens out",
    "cache_read_tokens": "Of them read from a cache",
    "first_token": "Time to first token",
    "duration": "Duration",
    "status": "Status",
    "cost_usd": "Cost in US dollars",
    "user": "User",
    "thread": "Thread or session",
    "agent": "Agent",
}
_FORMATS: Mapping[TimeFormat, str] = {
    "iso": "Date and time (ISO)",
    "epoch_s": "Seconds since 1970",
    "epoch_ms": "Milliseconds since 1970",
    "epoch_us": "Microseconds since 1970",
    "relative_s": "Seconds since the start date",
    "relative_ms": "Milliseconds since the start date",
}
_UNITS: Mapping[DurationUnit, str] = {"s": "seconds", "ms": "milliseconds", "us": "microseconds"}


def show_mapping(
    key: str, columns: Sequence[str], start: ColumnMapping, *, open_: bool
) -> ColumnMapping:
    """The form; gives what was sent last, `start` before that. `key`: of this file and preset."""
    relative = start.time_format.startswith("relative") and start.start_date is None
    with (
        st.expander("Columns, units and fixed values", expanded=open_ or relative),
        st.form(f"import_form_{key}", border=False),
    ):
        with st.grid(3, min_column_width=210):
            chosen = {name: _column(key, name, columns, start) for name in FIELDS}
        st.markdown("**Units**")
        with st.grid(3, min_column_width=210):
            time_format = st.selectbox(
                "Times are", TIME_FORMATS, index=TIME_FORMATS.index(start.time_format),
                format_func=_FORMATS.__getitem__, key=f"import_time_{key}",
            )  # fmt: skip
            zone = st.text_input(
                "Zone of times that name none", start.time_zone, max_chars=60,
                key=f"import_zone_{key}",
            )  # fmt: skip
            day = st.date_input(
                "Start date, for times that count from it", start.start_date,
                min_value=date(2000, 1, 1), key=f"import_day_{key}",
            )  # fmt: skip
            first_unit = _unit(
                f"import_first_unit_{key}", "Time to first token in", start.first_token_unit
            )
            unit = _unit(f"import_unit_{key}", "Duration in", start.duration_unit)
        st.markdown("**The same for every row**, where no column is chosen")
        with st.grid(4, min_column_width=160):
            constants = {
                name: st.text_input(
                    LABELS[name], start.constants.get(name, ""), max_chars=300,
                    key=f"import_fixed_{name}_{key}",
                )
                for name in CONSTANT_FIELDS
            }  # fmt: skip
        failed = st.checkbox(
            "Calls without any output token failed", start.no_output_is_failure,
            key=f"import_failed_{key}",
        )  # fmt: skip
        today = st.checkbox(
            "Price the calls as if they were made today", start.prices_of_today,
            key=f"import_prices_{key}",
            help="Otherwise at the prices of their day; the catalogue knows none of years ago.",
        )  # fmt: skip
        st.form_submit_button("Check the file", icon=":material/fact_check:")
    return ColumnMapping(
        columns={name: column for name, column in chosen.items() if column != _NONE},
        constants={name: value for name, value in constants.items() if value.strip()},
        time_format=time_format,
        time_zone=zone.strip(),
        start_date=day,
        first_token_unit=first_unit,
        duration_unit=unit,
        no_output_is_failure=failed,
        prices_of_today=today,
    )


def _column(key: str, name: Field, columns: Sequence[str], start: ColumnMapping) -> str:
    options = [_NONE, *(column for column in columns if column)]
    given = start.columns.get(name, _NONE)
    return st.selectbox(
        LABELS[name], options, index=options.index(given) if given in options else 0,
        format_func=lambda column: column or "–", key=f"import_column_{name}_{key}",
    )  # fmt: skip


def _unit(key: str, label: str, start: DurationUnit) -> DurationUnit:
    return st.selectbox(
        label, DURATION_UNITS, index=DURATION_UNITS.index(start),
        format_func=_UNITS.__getitem__, key=key,
    )  # fmt: skip


def zoned(at_us: int | None, zone: ZoneInfo) -> str:
    """A moment in the reporting zone, to the second."""
    if at_us is None:
        return "–"
    return f"{datetime.fromtimestamp(at_us // 1_000_000, zone):%Y-%m-%d %H:%M:%S}"
