"""A report that is made when somebody asks for it, in each of its forms."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.reports.render import FORMATS, MIME, Format

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from analytics.reports.document import Report

_NAMES = {"html": "HTML", "md": "Markdown", "csv": "CSV", "json": "JSON"}


def show_report(runtime: Runtime, make: Callable[[], Report], file_name: str) -> None:
    """A popover with a download for each form. `make` is called by the click."""
    with st.popover("Report", icon=":material/description:", type="tertiary"):
        st.caption("Verdicts, method, raw data and how to repeat it, in one file.")
        for form in FORMATS:
            st.download_button(
                _NAMES[form], partial(_bytes, runtime, make, form), key=f"report_{file_name}_{form}",
                file_name=f"{file_name}.{form}", mime=MIME[form], on_click="ignore",
                icon=":material/download:", width="stretch",
            )  # fmt: skip


def _bytes(runtime: Runtime, make: Callable[[], Report], form: Format) -> bytes:
    from analytics.reports.render import render

    return render(make(), form, runtime.catalog)
