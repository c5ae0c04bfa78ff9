"""Settings: API keys of one's own. A secret is shown in the one script run that made it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, get_args

import streamlit as st

from core.errors import SwitchboardError
from core.identity import Principal, Right, Scope
from pages.components import session
from pages.components.format import ago, moment
from pages.components.markdown import escape
from pages.components.thread_words import time_zone

if TYPE_CHECKING:
    from agents.identity.values import ApiKey
    from agents.runtime import Runtime

SCOPES: dict[Scope, tuple[str, Right]] = {
    "chat": ("Chat: threads, runs, comparisons", "chat"),
    "analytics": ("Analytics: figures and exports", "figures"),
    "admin": ("Administration: settings and people", "settings"),
}
DAYS = {30: "30 days", 90: "90 days", 365: "a year", None: "until it is revoked"}


def show_keys(runtime: Runtime) -> None:
    """For everybody who is logged in."""
    me = session.principal()
    st.subheader("API keys", anchor=False)
    st.caption(
        "A key lets a program use the API as you, within its scopes: send it as "
        "`Authorization: Bearer …`. It can never do more than you may."
    )
    try:
        _make(runtime, me)
        _list(runtime, me)
    except SwitchboardError as exc:
        session.show_error(exc)


def _make(runtime: Runtime, me: Principal) -> None:
    offered = [scope for scope in get_args(Scope) if me.may(SCOPES[scope][1])]
    with st.form("new_key", clear_on_submit=True, width=560):
        st.text_input("Name", key="key_name", max_chars=60, placeholder="What will use it")
        st.multiselect(
            "Scopes", offered, default=offered[:1], key="key_scopes",
            format_func=lambda scope: SCOPES[scope][0],
        )  # fmt: skip
        st.selectbox("Holds for", list(DAYS), index=1, key="key_days", format_func=DAYS.__getitem__)
        sent = st.form_submit_button("Create key", type="primary")
    if not sent:
        return
    state = st.session_state
    try:
        made, secret = runtime.identity.keys.create(
            me, state.key_name, state.key_scopes, state.key_days
        )
    except SwitchboardError as exc:
        session.show_error(exc)
        return
    with st.container(border=True, key="new_secret"):
        st.markdown(f"The key **{escape(made.name)}**. Copy it now: it is not shown again.")
        st.code(secret, language=None)


def _list(runtime: Runtime, me: Principal) -> None:
    keys = runtime.identity.keys.of(me.owner)
    if not keys:
        st.caption("You have no keys.")
        return
    show_key_rows(runtime, keys)


def show_key_rows(runtime: Runtime, keys: list[ApiKey]) -> None:
    """Keys with what they are for and, while they hold, a way to end them."""
    zone, now = time_zone(runtime), time.time_ns() // 1000
    with st.container(gap="small"):
        for one in keys:
            key_state = one.state(now)
            with st.container(
                horizontal=True, vertical_alignment="center", key=f"key_{one.id}",
                horizontal_alignment="distribute",
            ):  # fmt: skip
                until = (
                    f"until {moment(one.expires_at_us, zone)}" if one.expires_at_us else "no end"
                )
                used = f"used {ago(one.used_at_us)}" if one.used_at_us else "never used"
                facts = f"{', '.join(sorted(one.scopes))} · {used} · {until}"
                st.markdown(
                    f"**{escape(one.name)}** `{one.hint}`  \n:small[:gray[{facts}]]",
                    width="stretch",
                )
                if key_state == "active":
                    st.button(
                        "Revoke", key=f"revoke_{one.id}", type="tertiary", on_click=_revoke,
                        args=(runtime, one.id), icon=":material/block:",
                    )  # fmt: skip
                else:
                    st.badge(key_state.capitalize(), color="gray")


def _revoke(runtime: Runtime, key_id: str) -> None:
    """A callback."""
    try:
        runtime.identity.keys.revoke(key_id, session.principal())
    except SwitchboardError as exc:
        session.keep_notice(exc)
