"""What stands in the place of every page when nobody is logged in, and who is, at the sidebar's end."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import streamlit as st

from core.identity import Role
from pages.components import who
from pages.components.thread_words import short

if TYPE_CHECKING:
    from agents.runtime import Runtime

ROLES: dict[Role, str] = {"user": "User", "analyst": "Analyst", "admin": "Administrator"}


def show_login_screen() -> None:
    """Nothing of the product and no navigation, under whatever address the browser shows."""
    st.set_page_config(
        initial_sidebar_state="collapsed"
    )  # that of the chat would stand there empty
    here = urlsplit(st.context.url or "").path.strip("/")
    pages = [st.Page(_draw, title="Log in", url_path="start", default=True)]
    if here and "/" not in here:
        pages.append(st.Page(_draw, title="Log in", url_path=here))
    st.navigation(pages, position="hidden").run()


def _draw() -> None:
    with st.container(horizontal_alignment="center", key="login_screen"):
        st.title("Log in", anchor=False, text_alignment="center")
        st.markdown(
            "You are not logged in, or your login has ended. "
            "Answers that were under way go on and will be in your threads.",
            text_alignment="center",
        )
        st.button("Log in", key="to_login", type="primary", on_click=_to_login)


def _to_login() -> None:
    """A callback."""
    who.go_to(who.login_path())


def show_who(runtime: Runtime) -> None:
    """Name and "Log out"; nothing where nobody logs in."""
    if not runtime.identity.required:
        return
    found = who.demand(runtime)
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="who"
    ):
        st.caption(short(found.name), help=ROLES[found.role])
        st.button(
            "Log out", key="log_out", icon=":material/logout:", type="tertiary",
            on_click=who.log_out, args=(runtime,),
        )  # fmt: skip
