"""Settings: the people of this installation, what they may do, and whether they may log in."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from agents.identity.desk import demand
from core.errors import SwitchboardError
from core.identity import ROLES as ROLE_NAMES
from core.identity import Principal
from pages.components import session
from pages.components.format import ago
from pages.components.login_screen import ROLES
from pages.components.markdown import escape
from pages.components.settings_keys import show_key_rows

if TYPE_CHECKING:
    from agents.identity.values import Account
    from agents.runtime import Runtime

MAY = "User: own chats and figures. Analyst: everybody's figures too. Administrator: everything."
_SECRET_BYTES = 15


def show_people(runtime: Runtime) -> None:
    """For administrators."""
    st.subheader("People", anchor=False)
    try:
        demand(session.principal(), "people")
        people = runtime.identity.accounts.all()
        st.table(_table(people), border="horizontal", alt="People, their roles and states")
        if people:
            _change(runtime, people)
        if "accounts" in runtime.settings.auth:
            _add(runtime)
    except SwitchboardError as exc:
        session.show_error(exc)


def _table(people: list[Account]) -> dict[str, list[str]]:
    return {
        "Name": [escape(one.name) for one in people],
        "Logs in": [escape(one.login) if one.login else "identity provider" for one in people],
        "Role": [ROLES[one.role] for one in people],
        "State": ["Disabled" if one.disabled else "Active" for one in people],
        "Last seen": [ago(one.seen_at_us) if one.seen_at_us else "never" for one in people],
    }


# -- one of them


def _change(runtime: Runtime, people: list[Account]) -> None:
    named = {one.owner: one for one in people}
    owner = st.selectbox(
        "Person", list(named), key="person", width=420,
        format_func=lambda key: f"{named[key].name} ({key})" if key in named else key,
    )  # fmt: skip
    one = named[owner]
    with st.container(border=True, key="one_person"):
        if owner == session.owner():
            st.caption(
                "This is you: your role and your access are for another administrator. Your "
                "password is under Account."
            )
        else:
            _role_and_access(runtime, one)
            if one.login is not None:
                _new_password(runtime, one)
        keys = runtime.identity.keys.of(owner)
        if keys:
            with st.expander(f"API keys ({len(keys)})", key="person_keys"):
                show_key_rows(runtime, keys)


def _role_and_access(runtime: Runtime, one: Account) -> None:
    key = f"role_{one.owner}"
    st.session_state[key] = one.role  # another administrator may have changed it
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Role", ROLE_NAMES, key=key, format_func=lambda role: ROLES[role], width=200,
            on_change=_set_role, args=(runtime, one.owner), help=MAY,
        )  # fmt: skip
        if one.disabled:
            st.button(
                "Enable", key="enable_person", icon=":material/person_check:",
                on_click=_do, args=(runtime.identity.accounts.enable, one.owner),
            )  # fmt: skip
        else:
            st.button(
                "Disable", key="disable_person", icon=":material/person_off:",
                on_click=_do, args=(runtime.identity.accounts.disable, one.owner),
                help="Ends every login and key, and nobody logs in as this person.",
            )  # fmt: skip
        st.button(
            "End logins and keys", key="end_person", icon=":material/logout:", type="tertiary",
            on_click=_do, args=(runtime.identity.sessions.end_all, one.owner),
        )  # fmt: skip
    st.caption("A lower role ends the logins and keys from before; pages follow within a minute.")


def _new_password(runtime: Runtime, one: Account) -> None:
    if not st.button("Make a new password", key="new_password", icon=":material/key:"):
        return
    password = secrets.token_urlsafe(_SECRET_BYTES)
    try:
        by = session.principal()
        demand(by, "people")
        runtime.identity.accounts.set_password(one.owner, password, by)
    except SwitchboardError as exc:
        session.show_error(exc)
        return
    _show_once(one.name, password)


def _set_role(runtime: Runtime, owner: str) -> None:
    """A callback."""
    role = st.session_state[f"role_{owner}"]
    _do(lambda owner, by: runtime.identity.accounts.set_role(owner, role, by), owner)


def _do(change: Callable[[str, Principal], None], owner: str) -> None:
    """A callback: who may is asked again, for a page can be older than its reader's rights."""
    try:
        by = session.principal()
        demand(by, "people")
        change(owner, by)
    except SwitchboardError as exc:
        session.keep_notice(exc)


# -- a new one


def _add(runtime: Runtime) -> None:
    st.markdown("**Add a person**")
    with st.form("new_person", clear_on_submit=True, width=560):
        st.text_input("Login name", key="new_login", max_chars=64, help="It cannot be changed.")
        st.text_input("Name", key="new_name", max_chars=100)
        st.selectbox(
            "Role", ROLE_NAMES, key="new_role", format_func=lambda role: ROLES[role], help=MAY
        )
        st.text_input(
            "Password", type="password", key="new_person_password", max_chars=1024,
            help="Leave it empty to have one made.",
        )  # fmt: skip
        sent = st.form_submit_button("Add", type="primary")
    if not sent:
        return
    state = st.session_state
    typed = state.new_person_password
    password = typed or secrets.token_urlsafe(_SECRET_BYTES)
    try:
        by = session.principal()
        demand(by, "people")
        made = runtime.identity.accounts.add(
            state.new_login, name=state.new_name, role=state.new_role, password=password, by=by
        )
    except SwitchboardError as exc:
        session.show_error(exc)
        return
    if typed:
        st.success(f"{escape(made.name)} can log in now.")
    else:
        _show_once(made.name, password)


def _show_once(name: str, password: str) -> None:
    with st.container(border=True, key="new_secret"):
        st.markdown(
            f"The password of **{escape(name)}**. Copy it now: it is not shown again. "
            "It can be changed under Settings, Account."
        )
        st.code(password, language=None)
