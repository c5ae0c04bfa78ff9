"""Alerts: one rule as a form, what it would have done lately, and the rule as JSON."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from analytics.alerts.metrics import METRICS, Metric
from analytics.alerts.preview import preview
from analytics.alerts.rules import RULE, AlertRule
from analytics.alerts.store import save_rule
from analytics.alerts.templates import TEMPLATES
from analytics.alerts.words import span
from analytics.budgets.reasons import BadDefinition, checked, from_json
from analytics.queries import Filter
from core.errors import SwitchboardError
from pages.components import session
from pages.components.answer import agent_title
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.runtime import Runtime

KINDS = {
    "threshold": "A figure passes a limit",
    "burn_rate": "The error budget burns too fast",
    "anomaly": "A figure is unlike past weeks",
    "no_data": "No runs come in",
}
WINDOWS = (5, 15, 30, 60, 180, 360, 720, 1440, 10_080)
HOLDS = (0, 1, 2, 5, 10, 15, 30, 60)
AGAIN = (0, 15, 30, 60, 240, 1440)
UNITS = {"share": "%", "seconds": "s", "usd": "US dollars"}
Given = dict[str, Any]


def show_editor(runtime: Runtime, rule: AlertRule | None, close: Callable[[], None]) -> None:
    """Draws the form. `close` is called when it is done."""
    key = rule.rule_id if rule else "new"
    start: Given = (rule.definition if rule else TEMPLATES["Many runs fail"]).model_dump()
    name = st.text_input("Name", value=rule.name if rule else "", key=f"name_{key}", max_chars=80)
    given = _fields(runtime, start, key)
    with st.container(horizontal=True):
        save = st.button("Save", key=f"save_{key}", type="primary", icon=":material/check:")
        look = st.button("Preview", key=f"preview_{key}", icon=":material/history:")
        st.button("Cancel", key=f"cancel_{key}", type="tertiary", on_click=close)
    if look:
        _show_preview(runtime, given)
    if save:
        _save(runtime, name, given, rule, close)
    with st.expander("As JSON", icon=":material/data_object:", type="compact"):
        start_json = RULE.dump_json(RULE.validate_python(start), indent=2).decode()
        text = st.text_area("Definition", value=start_json, key=f"json_{key}", height=260)
        if st.button("Save the JSON", key=f"save_json_{key}"):
            try:
                written = from_json(RULE, text).model_dump()
            except BadDefinition as exc:
                show_reasons(exc)
            else:
                _save(runtime, name, written, rule, close)


def show_reasons(exc: BadDefinition) -> None:
    """One line for each field that is wrong."""
    lines = [f"**{escape(field)}**: {escape(why)}" for field, why in exc.reasons.items()]
    st.error("  \n".join(lines), icon=":material/error:")


@session.needs("settings")
def _save(
    runtime: Runtime, name: str, given: Given, rule: AlertRule | None, close: Callable[[], None]
) -> None:
    try:
        save_rule(runtime.recorder, name, given, rule_id=rule.rule_id if rule else None)
    except BadDefinition as exc:
        show_reasons(exc)
        return
    except SwitchboardError as exc:
        session.show_error(exc)
        return
    session.note("alert_changed", rule.rule_id if rule else "", "saved")
    runtime.alerts.look_now()
    close()
    st.rerun()


def _show_preview(runtime: Runtime, given: Given) -> None:
    target = runtime.settings.slo_target
    try:
        rule = checked(RULE, given)
        with st.spinner("Looking at the last seven days"):
            found = preview(session.figures(), rule, time.time_ns() // 1000, slo_target=target)
    except BadDefinition as exc:
        show_reasons(exc)
    except SwitchboardError as exc:
        session.show_error(exc)
    else:
        if found is None:
            st.info("This figure has no past that could be looked at.")
            return
        times = f"have fired {found.times} times" if found.times else "not have fired"
        now = " It would fire now." if found.firing_now else ""
        st.info(
            f"This rule would {times.replace('fired 1 times', 'fired once')} in the last "
            f"{found.days} days, looked at every {found.every_minutes} min.{now}",
            icon=":material/history:",
        )


# -- fields


def _fields(runtime: Runtime, start: Given, key: str) -> Given:
    """The definition as the widgets say it."""
    kind = st.selectbox(
        "Fires when", list(KINDS), index=list(KINDS).index(start["kind"]), key=f"kind_{key}",
        format_func=KINDS.__getitem__,
    )  # fmt: skip
    given: Given = {"kind": kind}
    with st.grid(3, min_column_width=170, gap="small"):
        if kind in ("threshold", "anomaly"):
            given["metric"] = _choice("Figure", list(METRICS), start, "metric", key, _title)
        if kind == "threshold":
            given |= _threshold(start, METRICS[given["metric"]], key)
        elif kind == "anomaly":
            given |= _anomaly(start, key)
        if kind in ("threshold", "no_data"):
            usual = start.get("window_minutes", 60)
            given["window_minutes"] = _minutes("Over the last", WINDOWS, usual, f"window_{key}")
        given |= _common(start, given, key)
    with st.expander("Only some runs", icon=":material/filter_list:", type="compact"):
        given["filters"] = _filters(runtime, start["filters"], key)
    return given


def _threshold(start: Given, metric: Metric, key: str) -> Given:
    scale = 100 if metric.unit == "share" else 1
    when = _choice("Is", ["above", "below"], start, "when", key, str)
    unit = UNITS.get(metric.unit, metric.unit)
    limit = st.number_input(
        f"Limit ({unit})", min_value=0.0, value=float(start.get("limit", 0.0)) * scale,
        step=1.0 if scale > 1 else None, format="%g", key=f"limit_{metric.unit}_{key}",
    )  # fmt: skip
    return {"when": when, "limit": round(limit / scale, 12)}


def _anomaly(start: Given, key: str) -> Given:
    return {
        "when": _choice("Is", ["either", "above", "below"], start, "when", key, str),
        "weeks": st.number_input(
            "Weeks to compare with", 4, 8, value=start.get("weeks", 6), key=f"weeks_{key}"
        ),
        "sensitivity": st.number_input(
            "Deviations", 1.0, 50.0, value=float(start.get("sensitivity", 4.0)), format="%g",
            key=f"sensitivity_{key}", help="Robust standard deviations from the median.",
        ),
    }  # fmt: skip


def _common(start: Given, given: Given, key: str) -> Given:
    metric = METRICS.get(given.get("metric", ""))
    usual = metric.usual_n if metric else 1 if given["kind"] == "no_data" else 20
    return {
        "hold_minutes": _minutes("For at least", HOLDS, start["hold_minutes"], f"hold_{key}"),
        "renotify_minutes": _minutes(
            "Tell again every", AGAIN, start["renotify_minutes"], f"again_{key}"
        ),
        "minimum_n": st.number_input(
            "Minimum n", 1, 1_000_000, value=start["minimum_n"], key=f"n_{key}",
            placeholder=f"usual: {usual}", help="Runs or calls the figure must rest on.",
        ),
        "severity": _choice("Severity", ["info", "warning", "critical"], start, "severity", key, str),
        "channels": st.multiselect(
            "Tell", ["banner", "log", "webhook"], default=list(start["channels"]),
            key=f"channels_{key}",
        ),
    }  # fmt: skip


def _filters(runtime: Runtime, start: Mapping[str, Sequence[str]], key: str) -> Given:
    facets = session.figures().facets(Filter(range="30d"))
    names = {"model": runtime.catalog.display_name, "agent": agent_title}
    found: Given = {}
    for field in ("model", "provider", "agent", "entry_point", "version", "user"):
        seen = [*start[field], *getattr(facets, field, ())]
        found[field] = st.multiselect(
            field.replace("_", " ").capitalize(), list(dict.fromkeys(seen)),
            default=list(start[field]), key=f"filter_{field}_{key}", placeholder="All",
            format_func=names.get(field, str), accept_new_options=True,
        )  # fmt: skip
    return found


def _choice(
    label: str, options: list[str], start: Given, field: str, key: str, show: Callable[[str], str]
) -> str:
    index = options.index(start[field]) if start.get(field) in options else 0
    chosen: str = st.selectbox(
        label, options, index=index, key=f"{field}_{len(options)}_{key}", format_func=show
    )
    return chosen


def _minutes(label: str, usual: Sequence[int], value: int, key: str) -> int:
    options = sorted({*usual, value})
    chosen: int = st.selectbox(
        label, options, index=options.index(value), key=key,
        format_func=lambda minutes: span(minutes) if minutes else "–",
    )  # fmt: skip
    return chosen


def _title(metric: str) -> str:
    return METRICS[metric].title
