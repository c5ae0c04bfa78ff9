"""The door. Streamlit runs this file as the frame of every page, and serves its `app`.

`streamlit run streamlit_app.py` finds the literal `app = st.App(...)` below and serves that; each
browser session then runs the upper half.
"""

from __future__ import annotations

import streamlit as st

if __name__ == "__main__":
    from pages.components import session

    st.set_page_config(
        page_title="Switchboard", page_icon="🔀", layout="wide", initial_sidebar_state="auto"
    )
    session.enter_frame()
    chat = st.Page("pages/chat.py", title="Chat", url_path="start", default=True)

    def to_chat() -> None:
        """The first page has no path of its own; people try this one."""
        st.switch_page(chat, query_params=st.query_params.to_dict())

    page = st.navigation(
        [
            chat,
            st.Page(to_chat, title="Chat", url_path="chat", visibility="hidden"),
            st.Page("pages/inbox.py", title=session.inbox_title(), url_path="inbox"),
            st.Page("pages/threads.py", title="Threads", url_path="threads"),
            st.Page("pages/compare.py", title="Compare", url_path="compare"),
            st.Page("pages/evaluations.py", title="Evaluations", url_path="evaluations"),
            st.Page("pages/leaderboard.py", title="Leaderboard", url_path="leaderboard"),
            st.Page("pages/dashboard.py", title="Dashboard", url_path="dashboard"),
            st.Page("pages/run.py", title="Run", url_path="run", visibility="hidden"),
            st.Page("pages/reports.py", title="Reports", url_path="reports"),
            st.Page("pages/alerts.py", title="Alerts", url_path="alerts"),
            st.Page("pages/settings.py", title="Settings", url_path="settings"),
        ],
        position="top",
    )
    page.run()
else:
    import logging
    from functools import partial

    from starlette.routing import Mount

    from agents.current import current_runtime, existing_runtime
    from api.app import LazyApp, make_api
    from api.drain import Drain
    from api.server import lifespan, middleware, refuse_open_address
    from core.errors import ConfigError
    from core.settings import load_settings

    try:
        _settings = load_settings()
    except ConfigError as exc:
        raise SystemExit(f"{exc.message} {exc.what_to_do}") from exc
    refuse_open_address(st.get_option("server.address"), _settings.allow_open_address)
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
        routes=[Mount("/api", app=_api)],
        middleware=middleware(list(st.get_option("server.allowedHosts"))),
        lifespan=lifespan(current_runtime, existing_runtime, _api.build, _drain),
    )
