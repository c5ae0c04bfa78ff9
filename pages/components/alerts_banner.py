"""What fires now, above whatever page asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from analytics.alerts import Firing

SHOWN = 3
ICONS = {
    "critical": ":material/error:",
    "warning": ":material/warning:",
    "info": ":material/info:",
}


def show_banner(runtime: Runtime) -> None:
    """Draws firing alerts of the channel banner; nothing when all is quiet. Asks no database."""
    firing = [alert for alert in runtime.alerts.firing() if alert.banner]
    if not firing:
        return
    with st.container(key="alert_banner", gap="xsmall"):
        for alert in firing[:SHOWN]:
            show_alert(alert)
        more = f"All {len(firing)} alerts" if len(firing) > SHOWN else "Alerts"
        st.page_link("pages/alerts.py", label=more, icon=":material/notifications_active:")


def show_alert(alert: Firing, note: str = "") -> None:
    """One alert as a coloured line; `note` is Markdown below it."""
    text = f"**{escape(alert.name)}** · {escape(alert.message)}" + (f"  \n{note}" if note else "")
    draw = {"critical": st.error, "warning": st.warning}.get(alert.severity, st.info)
    draw(text, icon=ICONS[alert.severity])
