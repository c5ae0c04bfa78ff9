"""Chats as files to take away: one, or all of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import streamlit as st

from agents.exchange.export import FORMS, KINDS, file_name
from core.errors import SwitchboardError
from pages.components import session
from pages.components.format import size
from pages.components.markdown import escape

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from agents.exchange.desk import Exchange, Job
    from agents.exchange.export import Form
    from agents.runtime import Runtime
    from core.identity import Principal

_OFFERED = tuple(KINDS)


def show_export(runtime: Runtime, job: Job | None) -> None:
    """Draws the part about all chats; `job` is what goes on now."""
    exchange = runtime.exchange
    st.subheader("Export all chats", anchor=False)
    if job is not None and job.work == "export" and not job.running:
        _show_done(exchange, job)
    form = _ask_form("exchange_form")
    st.button(
        "Write the file", key="exchange_write", icon=":material/archive:",
        disabled=job is not None and (job.running or job.work == "look"),
        on_click=partial(_write, exchange, form),
    )  # fmt: skip


def thread_export(runtime: Runtime, thread_ids: Sequence[str]) -> None:
    """Draws a choice of form and a download of some threads. Raises NotFound for a foreign one."""
    titles = [runtime.threads.get(one, session.owner()).title for one in thread_ids]
    form = _ask_form(f"thread_form_{thread_ids[0]}")
    several = len(titles) > 1
    st.download_button(
        "Download", partial(_file_of, runtime, session.principal(), thread_ids, form),
        file_name=file_name("chats" if several else titles[0], form, archive=several),
        mime="application/zip" if several and KINDS[form].paged else KINDS[form].media_type,
        on_click="ignore", type="primary", icon=":material/download:",
        key=f"thread_download_{thread_ids[0]}_{form}",
    )  # fmt: skip


def _file_of(
    runtime: Runtime, who: Principal, thread_ids: Sequence[str], form: Form
) -> BinaryIO | bytes:
    """Made when the browser fetches it, outside of any script run."""
    data = runtime.exchange.file_of(who.owner, thread_ids, form)
    for thread_id in thread_ids:
        runtime.identity.audit.note(who, "thread_exported", thread_id, form)
    return data


def _ask_form(key: str) -> Form:
    form: Form = st.selectbox(
        "Form", _OFFERED, key=key, format_func=lambda one: KINDS[one].title, width=320
    )
    chosen = form if form in FORMS else _OFFERED[0]
    st.caption(KINDS[chosen].about)
    return chosen


def _write(exchange: Exchange, form: Form) -> None:
    """A callback."""
    try:
        exchange.start_export(session.owner(), form)
    except SwitchboardError as exc:
        session.keep_notice(exc)
    else:
        session.note("threads_exported", detail=form)


def _show_done(exchange: Exchange, job: Job) -> None:
    if job.error is not None:
        session.show_error(job.error)
        return
    if job.stopped or job.form is None or not job.path.is_file():
        st.info("The export was stopped: no file was written.")
        return
    count = "1 chat" if job.exported == 1 else f"{job.exported:,} chats"
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(
            f"**{escape(job.name)}**  \n:small[{count} · {size(job.path.stat().st_size)}]",
            width="stretch",
        )
        st.download_button(
            "Download", partial(_opened, job.path), file_name=job.name,
            mime="application/zip" if job.name.endswith(".zip") else KINDS[job.form].media_type,
            on_click="ignore", type="primary", icon=":material/download:", key="exchange_download",
        )  # fmt: skip
        st.button(
            "Remove", key="exchange_remove", icon=":material/delete:",
            on_click=exchange.forget, args=(session.owner(),),
        )  # fmt: skip


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")
