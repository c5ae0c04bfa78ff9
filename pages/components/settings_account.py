"""Settings: who you are here, your password, and where you are logged in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.errors import InvalidInput, NotFound, SwitchboardError
from core.identity import Principal
from pages.components import session, who
from pages.components.format import ago, moment
from pages.components.login_screen import ROLES
from pages.components.markdown import escape
from pages.components.thread_words import time_zone

if TYPE_CHECKING:
    from agents.identity.values import Session
    from agents.runtime import Runtime

VIA = {"password": "password", "oidc": "identity provider"}


def show_account(runtime: Runtime) -> None:
    """For everybody who is logged in."""
    me = session.principal()
    st.subheader("Account", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{escape(me.name)}** · {ROLES[me.role]}", width="content")
        st.button(
            "Log out", key="account_log_out", icon=":material/logout:", type="tertiary",
            on_click=who.log_out, args=(runtime,),
        )  # fmt: skip
    st.caption(f"Everything of yours is stored under `{me.owner}`.")
    if me.via == "password":
        _change_password(runtime, me)
    _show_sessions(runtime, me)


def _change_password(runtime: Runtime, me: Principal) -> None:
    st.markdown("**Password**")
    with st.form("own_password", clear_on_submit=True, width=420):
        st.text_input(
            "Current password",
            type="password",
            key="password_now",
            max_chars=1024,
            autocomplete="current-password",
        )
        st.text_input("New password", type="password", key="password_new", max_chars=1024)
        st.text_input("New password again", type="password", key="password_again", max_chars=1024)
        sent = st.form_submit_button("Change password")
    st.caption("Afterwards you log in again, here and everywhere else; your API keys end too.")
    if not sent:
        return
    state = st.session_state
    try:
        if state.password_new != state.password_again:
            raise InvalidInput("The two new passwords differ.", what_to_do="Type both again.")
        if not runtime.identity.accounts.right_password(me.owner, state.password_now):
            raise InvalidInput("The current password is not right.", what_to_do="Type it again.")
        runtime.identity.accounts.set_password(me.owner, state.password_new, me)
    except SwitchboardError as exc:
        session.show_error(exc)
        return
    who.go_to("/login")


def _show_sessions(runtime: Runtime, me: Principal) -> None:
    st.markdown("**Where you are logged in**")
    zone = time_zone(runtime)
    with st.container(gap="xsmall"):
        for one in runtime.identity.sessions.of(me.owner):
            here = one.id == me.credential_id
            with st.container(horizontal=True, vertical_alignment="center", key=f"login_{one.id}"):
                st.markdown(
                    f"Since {moment(one.created_at_us, zone)} by {VIA[one.via]}, last seen "
                    f"{ago(one.seen_at_us)}, until {moment(one.expires_at_us, zone)}",
                    width="content",
                )
                if here:
                    st.badge("This browser", color="green")
                else:
                    st.button(
                        "End", key=f"end_{one.id}", type="tertiary", on_click=_end,
                        args=(runtime, one),
                    )  # fmt: skip
    st.button(
        "Log out everywhere", key="end_all_mine", icon=":material/logout:",
        on_click=_end_all, args=(runtime,), help="Ends every login and every API key of yours.",
    )  # fmt: skip


def _end(runtime: Runtime, one: Session) -> None:
    """A callback: ends one login of one's own."""
    try:
        found = runtime.identity.sessions.by_id(one.id)
        if found is None or found.owner != session.owner():
            raise NotFound("This login has ended already.", what_to_do="Nothing needs to be done.")
        runtime.identity.sessions.end_one(found)
    except SwitchboardError as exc:
        session.keep_notice(exc)


def _end_all(runtime: Runtime) -> None:
    """A callback."""
    me = session.principal()
    try:
        runtime.identity.sessions.end_all(me.owner, me)
    except SwitchboardError as exc:
        session.keep_notice(exc)
    else:
        who.log_out(runtime)
