"""Reports: documents and rows to take away, made of the dashboard's figures."""

import streamlit as st

from core.errors import SwitchboardError
from pages.components import session
from pages.components.reports_export import show_exports
from pages.components.reports_kept import show_kept
from pages.components.reports_make import show_make

runtime = session.begin_page("all_figures")

st.title("Reports", anchor=False)
make, kept, export = st.tabs(
    ["Make a report", "Kept reports", "Export rows"], key="reports_tab", bind="query-params",
    on_change="rerun",
)  # fmt: skip
for tab, show in ((make, show_make), (kept, show_kept), (export, show_exports)):
    if tab.open:
        with tab:
            try:
                show(runtime)
            except SwitchboardError as exc:
                session.show_error(exc)
