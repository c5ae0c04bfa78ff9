"""One typed field of a question, as the widget of its kind. Values are checked in core, not here."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import streamlit as st

from core.interrupt_fields import Field
from pages.components.markdown import escape, plain

YES_NO = (True, False)


def show_field(field: Field, key: str, problem: str | None) -> None:
    """Draws the widget under `key`; its first value is the field's default."""
    label = escape(field.label) + ("" if field.required else " :gray[(optional)]")
    more: dict[str, Any] = {"key": key, "persist_state": "session"}
    if field.description:
        more["help"] = plain(field.description)
    _draw(field, label, more)
    if problem:
        st.caption(f":red[{escape(problem)}]")


def _draw(field: Field, label: str, more: dict[str, Any]) -> None:
    first = first_value(field)
    match field.kind:
        case "text":
            st.text_input(label, value=first, **more)
        case "long_text" | "lines" | "json":
            hint = {"lines": "One per line", "json": "JSON"}.get(field.kind)
            height = 68 + 26 * min(8, str(first).count("\n") + len(str(first)) // 80)
            st.text_area(label, value=first, placeholder=hint, height=max(100, height), **more)
        case "integer":
            low, high = field.minimum, field.maximum
            st.number_input(label, value=first, step=1, min_value=None if low is None else int(low),
                            max_value=None if high is None else int(high), **more)  # fmt: skip
        case "number":
            st.number_input(label, value=first, step=None, format="%g", **more)
        case "boolean" if first is None:
            st.selectbox(
                label, YES_NO, index=None, format_func=lambda yes: "Yes" if yes else "No", **more
            )
        case "boolean":
            st.checkbox(label, value=first, **more)
        case "choice":
            names = [option.label for option in field.options]
            st.selectbox(
                label, range(len(names)), index=first, format_func=names.__getitem__, **more
            )
        case "choices":
            names = [option.label for option in field.options]
            st.multiselect(
                label, range(len(names)), default=first, format_func=names.__getitem__, **more
            )
        case "date":
            st.date_input(label, value=first, format="YYYY-MM-DD", **more)


def entered_value(field: Field, key: str) -> Any:
    """What stands in a field's widget; its default when it was never drawn."""
    return st.session_state[key] if key in st.session_state else first_value(field)


def first_value(field: Field) -> Any:
    """A field's default as its widget takes it; None or "" for none, and for one of another type."""
    given = field.default
    match field.kind:
        case "text" | "long_text":
            return given if isinstance(given, str) else "" if given is None else _json(given)
        case "lines":
            return "\n".join(map(str, given)) if isinstance(given, list) else ""
        case "json":
            return "" if given is None else _json(given)
        case "boolean":
            return given if isinstance(given, bool) else False if field.required else None
        case "integer":
            fits = isinstance(given, int) and not isinstance(given, bool) and abs(given) < 2**53
            return given if fits and _in_range(field, given) else None
        case "number":
            fits = isinstance(given, int | float) and not isinstance(given, bool)
            return float(given) if fits else None
        case "date":
            try:
                return date.fromisoformat(str(given))
            except ValueError:
                return None
    places = {
        json.dumps(o.value, sort_keys=True, default=str): n for n, o in enumerate(field.options)
    }
    values = given if field.kind == "choices" and isinstance(given, list) else [given]
    found = [
        places[k]
        for k in (json.dumps(v, sort_keys=True, default=str) for v in values)
        if k in places
    ]
    if field.kind == "choices":
        return found
    if not found and field.required and len(field.options) == 1:
        return 0
    return found[0] if found and given is not None else None


def _in_range(field: Field, value: float) -> bool:
    return (field.minimum is None or value >= field.minimum) and (
        field.maximum is None or value <= field.maximum
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)
