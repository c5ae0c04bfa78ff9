"""Who is looking: found once per script run from the browser's cookies, and looked at again meanwhile.

A socket keeps the cookies of its first moment, so a session that was ended in another tab is still
named by them; only the store says that it does not hold any more. Used through `session`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.errors import NotLoggedIn, SwitchboardError
from core.identity import LOCAL, SESSION_COOKIE, Principal

if TYPE_CHECKING:
    from agents.runtime import Runtime

LOOK_EVERY_S = 20.0
"""While a page is idle."""
LOOK_WHILE_STREAMING_S = 5.0
_KEPT = "_switchboard_who"


@dataclass(slots=True)
class _Kept:
    """On Streamlit's own object of a script run, so that it ends with the run."""

    run: object
    principal: Principal | None
    looked_at: float
    """By the monotonic clock."""


def kept() -> Principal | None:
    """Who was found in this script run; None when nobody looked yet, or there was nobody."""
    ctx = get_script_run_ctx()
    found: _Kept | None = getattr(ctx, _KEPT, None)
    if ctx is None or found is None or found.run is not ctx.cursors:  # those are new in every run
        return None
    return found.principal


def known(runtime: Runtime) -> Principal | None:
    """Who is looking, or nobody. Raises StorageError."""
    found = kept()
    if found is not None:
        return found
    found = _find(runtime) if runtime.identity.required else LOCAL
    ctx = get_script_run_ctx()
    if ctx is not None:
        setattr(ctx, _KEPT, _Kept(ctx.cursors, found, time.monotonic()))
    return found


def demand(runtime: Runtime) -> Principal:
    """Who is looking. Without anybody the page, or the callback, ends here and is drawn anew."""
    found = known(runtime)
    if found is None:
        st.rerun()  # the frame shows the login screen
        raise NotLoggedIn("The login has ended.", what_to_do="Log in again.")  # no script: no rerun
    return found


def watch(runtime: Runtime) -> None:
    """Draws the page anew when its reader's rights change. The last thing of a script: see thread_watch."""
    shown = known(runtime)
    if runtime.identity.required and shown is not None:
        st.fragment(_look, run_every=LOOK_EVERY_S)(runtime, _rights(shown))


def rerun_if_changed(runtime: Runtime) -> None:
    """The same for a script that follows an answer: no timer's run would come before its end.

    Call it as often as you like, from the script's own thread.
    """
    found: _Kept | None = getattr(get_script_run_ctx(), _KEPT, None)
    if found is None or time.monotonic() - found.looked_at < LOOK_WHILE_STREAMING_S:
        return
    found.looked_at = time.monotonic()
    if found.principal is not None and _now(runtime, found.principal) != _rights(found.principal):
        st.rerun()


def log_out(runtime: Runtime) -> None:
    """A callback: ends the login on the server, then leads to the login page."""
    found = known(runtime)
    if found is not None:
        runtime.identity.sessions.end_one(found)
    setattr(get_script_run_ctx(), _KEPT, None)  # the same script run goes on, without anybody
    if found is not None and found.via == "oidc":
        st.logout()  # takes the provider's cookie away, and leads home, where the gate stands
    else:
        go_to("/login")


def login_path() -> str:
    """The login page's address, with the way back to what the browser shows."""
    here = urlsplit(st.context.url or "").path or "/"
    names = list(st.query_params)
    query = urlencode([(name, one) for name in names for one in st.query_params.get_all(name)])
    back = f"{here}?{query}" if query else here
    return "/login" if back == "/" else f"/login?{urlencode({'next': back})}"


def go_to(path: str) -> None:
    """Leads the browser to a path of this server that is no page of Streamlit's.

    The message that `st.login` sends; there is no public way to leave in the same tab.
    """
    ctx = get_script_run_ctx()
    if ctx is not None:
        message = ForwardMsg()
        message.auth_redirect.url = path
        ctx.enqueue(message)


def session_token() -> str | None:
    return st.context.cookies.get(SESSION_COOKIE)


def _find(runtime: Runtime) -> Principal | None:
    token = session_token()
    found = runtime.identity.from_session(token) if token else None
    if found is not None or "oidc" not in runtime.settings.auth:
        return found
    if not st.user.get("is_logged_in"):
        return None
    try:
        return runtime.identity.from_oidc(st.user.to_dict())
    except NotLoggedIn:
        return None


def _look(runtime: Runtime, shown: object) -> None:
    try:
        found = known(runtime)
    except SwitchboardError:  # as in `_now`
        return
    if (_rights(found) if found else None) != shown:
        st.rerun()


def _now(runtime: Runtime, principal: Principal) -> object:
    """What is compared; a store that cannot be read for a moment logs nobody out."""
    try:
        return _rights(runtime.identity.check(principal))
    except NotLoggedIn:
        return None
    except SwitchboardError:
        return _rights(principal)


def _rights(principal: Principal) -> object:
    return principal.owner, principal.name, principal.role, principal.scopes
