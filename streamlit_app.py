"""The door. Streamlit runs this file as the frame of every page, and serves its `app`.

`streamlit run streamlit_app.py` finds the literal `app = st.App(...)` below and serves that; each
browser session then runs the upper half.
"""

from __future__ import annotations

import streamlit as st

if __name__ == "__main__":
    from core.identity import Right
    from pages.components import session

    st.set_page_config(
        page_title="Switchboard", page_icon="🔀", layout="wide", initial_sidebar_state="auto"
    )
    session.enter_frame()
    chat = st.Page("pages/chat.py", title="Chat", url_path="start", default=True)

    def to_chat() -> None:
        """The first page has no path of its own; people try this one."""
        st.switch_page(chat, query_params=st.query_params.to_dict())

    def page_for(name: str, right: Right, title: str = "") -> st.Page:
        """In the navigation only for who may use it; by its address it says what is missing."""
        return st.Page(
            f"pages/{name}.py", title=title or name.capitalize(), url_path=name,
            visibility="visible" if session.allowed(right) else "hidden",
        )  # fmt: skip

    everybody = session.allowed("all_figures")
    page = st.navigation(
        [
            chat,
            st.Page(to_chat, title="Chat", url_path="chat", visibility="hidden"),
            page_for("inbox", "chat", session.inbox_title()),
            page_for("threads", "chat"),
            page_for("compare", "chat"),
            page_for("evaluations", "chat"),
            page_for("leaderboard", "chat"),
            page_for("dashboard", "figures"),
            st.Page("pages/run.py", title="Run", url_path="run", visibility="hidden"),
            page_for("reports", "all_figures"),
            page_for("alerts", "figures", "Alerts" if everybody else "Budgets"),
            st.Page("pages/settings.py", title="Settings", url_path="settings"),
        ],
        position="top",
    )
    with session.watched():
        page.run()
else:
    import logging
    from functools import partial

    from starlette.routing import Mount

    from agents.current import current_runtime, existing_runtime
    from api.app import LazyApp, make_api
    from api.drain import Drain
    from api.guards.hosts import served_hosts
    from api.login import start
    from api.server import lifespan, middleware, refuse_open_address
    from core.errors import ConfigError
    from core.settings import load_settings

    try:
        _settings = load_settings()
    except ConfigError as exc:
        raise SystemExit(f"{exc.message} {exc.what_to_do}") from exc
    start.refuse_unfinished_login(_settings)
    _address, _login = st.get_option("server.address"), bool(_settings.auth)
    refuse_open_address(_address, _settings.allow_open_address, login=_login)
    _hosts = served_hosts(_address, st.get_option("server.allowedHosts"), login=_login)
    # Streamlit checks its socket by itself, against names without brackets.
    st.config.set_option("server.allowedHosts", [host.strip("[]") for host in _hosts])
    # With a folder named `pages` Streamlit starts in its old multipage mode, in which a deep link
    # runs a page file alone. One call of st.navigation before the first session ends that.
    # It says twice that there is no session, and that this can be ignored.
    _no_session = logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context")
    _no_session.disabled = True
    st.navigation([st.Page(lambda: None, title="Switchboard", url_path="start")])
    _no_session.disabled = False
    _drain = Drain()
    _api = LazyApp(partial(make_api, _settings, _drain))
    app = st.App(
        __file__,
        routes=[Mount("/api", app=_api), *start.login_routes(_settings)],
        middleware=[*middleware(_hosts), *start.gate(_settings)],
        lifespan=lifespan(
            current_runtime, existing_runtime, _api.build, _drain, start.say_who_can_log_in
        ),
    )
