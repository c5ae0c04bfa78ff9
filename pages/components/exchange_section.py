"""Settings: chats of other programs, and of an export, into this one; and all chats out of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from agents.exchange.limits import MAX_UPLOAD_MB
from core.errors import SwitchboardError
from pages.components import session
from pages.components.exchange_export import show_export
from pages.components.exchange_preview import show_preview
from pages.components.format import share, size
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.exchange.desk import Exchange, Job
    from agents.exchange.load import Loaded
    from agents.runtime import Runtime

FILE_TYPES = ["json", "zip", "jsonl", "ndjson"]
_UPLOADS = "_exchange_uploads"
"""Counts uploads: with a new key the uploader lets go of the file, which is on disk by then."""
_DOING = {"look": "Reading", "import": "Importing", "export": "Writing"}


def show_exchange(runtime: Runtime) -> None:
    """Draws the section."""
    exchange = runtime.exchange
    job = exchange.job(session.owner())
    st.subheader("Import chats", anchor=False)
    st.caption(
        "From ChatGPT (`conversations.json`, or the whole ZIP archive), Open WebUI, LibreChat, and "
        "from an export of Switchboard. You see what comes in before anything does; chats that are "
        "there already are left out."
    )
    if job is not None and job.running:
        _show_running(exchange)
    elif job is None or job.work == "export":
        _show_chooser(exchange)
    else:
        _show_result(exchange, job)
    show_export(runtime, job)


def _show_chooser(exchange: Exchange) -> None:
    number = st.session_state.get(_UPLOADS, 0)
    file = st.file_uploader(
        "File of chats", type=FILE_TYPES, key=f"exchange_file_{number}",
        max_upload_size=MAX_UPLOAD_MB,
    )  # fmt: skip
    if file is not None:
        try:
            with st.spinner("Taking the file …"):
                path = exchange.stage(file)
                exchange.look(session.owner(), path, file.name)
        except SwitchboardError as exc:
            session.show_error(exc)
            return
        st.session_state[_UPLOADS] = number + 1
        st.rerun()
    waiting = exchange.waiting()
    with st.expander("A larger file", icon=":material/folder_open:"):
        st.markdown(
            f"Put it into the folder `{exchange.folder}`: it is read from there, a chat at a time."
        )
        for place, path in enumerate(waiting[:20]):
            st.button(
                f"Read {escape(path.name)} ({size(path.stat().st_size)})",
                key=f"exchange_look_{place}", icon=":material/description:",
                on_click=partial(_look, exchange, path.name),
            )  # fmt: skip
        if not waiting:
            st.caption("Nothing is in it now.")


def _look(exchange: Exchange, name: str) -> None:
    """A callback. The name is looked up again: what the browser sends is not believed."""
    path = next((one for one in exchange.waiting() if one.name == name), None)
    try:
        if path is not None:
            exchange.look(session.owner(), path, path.name)
    except SwitchboardError as exc:
        session.keep_notice(exc)


@st.fragment(run_every=0.5)
def _show_running(exchange: Exchange) -> None:
    job = exchange.job(session.owner())
    if job is None or not job.running:
        st.rerun()
        return
    st.progress(job.share, f"{_DOING[job.work]} {escape(job.name)}: {share(job.share)}")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Stop", key="exchange_stop", on_click=exchange.stop, args=(session.owner(),))
        if job.work == "import":
            st.caption(
                "Nothing is seen before all of it is there. Stopping takes back what came in."
            )


def _show_result(exchange: Exchange, job: Job) -> None:
    """What came of reading or importing a file."""
    if job.error is not None:
        st.markdown(f"**{escape(job.name)}**")
        session.show_error(job.error)
    elif job.stopped:
        st.info(f"{escape(job.name)} was stopped: nothing of it came in.")
    elif job.loaded is not None:
        _show_loaded(job.name, job.loaded)
    elif job.found is not None:
        show_preview(exchange, job.name, job.found)
        return
    _another(exchange, "Choose another file")


def _show_loaded(name: str, loaded: Loaded) -> None:
    parts = [f"{chats(loaded.imported)} imported with {loaded.messages:,} messages"]
    if loaded.known:
        parts.append(f"{loaded.known:,} were there already")
    if loaded.broken:
        parts.append(f"{loaded.broken:,} could not be read")
    st.success(f"{escape(name)}: {', '.join(parts)}.", icon=":material/check_circle:")


def _another(exchange: Exchange, label: str) -> None:
    st.button(
        label, key="exchange_forget", icon=":material/upload_file:",
        on_click=exchange.forget, args=(session.owner(),),
    )  # fmt: skip


def chats(count: int) -> str:
    return "1 chat" if count == 1 else f"{count:,} chats"
