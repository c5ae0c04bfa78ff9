"""Settings: what is kept of people, for how long, and how it is deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from agents.evaluation.sampling import CONSENT
from agents.identity.owners import MAX_OWNER
from analytics.erasure import delete_kept_content
from analytics.queries import Filter
from analytics.queries.stored import stored
from analytics.retention import Cleaning
from core.errors import SwitchboardError
from pages.components import session
from pages.components.format import count
from pages.components.markdown import escape
from pages.components.session import keep_notice, owner, show_error

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from analytics.erasure import Erased

MODES = {
    "off": "Off: nothing is kept.",
    "hashed": "Hashed: equal texts can be recognised, none can be read.",
    "masked": "Masked: addresses, numbers and keys that are recognised are replaced.",
    "full": "Full: kept as it was written.",
}


SETTINGS = (
    "`SWITCHBOARD_KEEP_CONTENT_DAYS` (questions, answers, prompts), `SWITCHBOARD_KEEP_ROWS_DAYS` "
    "(runs, steps, model calls) and `SWITCHBOARD_KEEP_FIGURES_DAYS` (sums)"
)
"""In a sentence and not in the table: no name of that length fits into a column on a phone."""


def show_privacy(runtime: Runtime) -> None:
    """Draws what analytics keeps, and the ways to delete it before its time. Counts of everybody,
    and deleting for others, are for those who look after the installation."""
    st.subheader("Privacy", anchor=False)
    st.caption(
        f"Questions, answers and prompts in analytics (SWITCHBOARD_CONTENT) – "
        f"{MODES[runtime.settings.content]} Conversations themselves are in app.db until their "
        "thread is deleted."
    )
    if session.allowed("settings"):
        _show_kept(runtime)
    _ask_consent(runtime)
    if session.allowed("settings"):
        _delete_content(runtime)
    _delete_person(runtime)


def _show_kept(runtime: Runtime) -> None:
    try:
        st.table(
            _kept_table(runtime), border="horizontal", alt="What analytics keeps, and how long"
        )
    except SwitchboardError as exc:
        show_error(exc)
    st.caption(f"{_last_cleaning(runtime)} The days are set by {SETTINGS}.")


# -- what a person agrees to


def _ask_consent(runtime: Runtime) -> None:
    agreed = runtime.preferences.agreed(owner(), CONSENT)
    st.session_state["privacy_consent"] = agreed  # another tab may have changed it
    st.toggle(
        "My questions may be used in evaluations", key="privacy_consent", on_change=_save_consent,
        args=(runtime,),
        help="The first questions of your chats may be drawn for question sets. Sets that were "
        "saved before keep their copies when you change your mind.",
    )  # fmt: skip


def _save_consent(runtime: Runtime) -> None:
    """A callback."""
    try:
        runtime.preferences.agree(owner(), CONSENT, st.session_state.privacy_consent)
    except SwitchboardError as exc:
        keep_notice(exc)


# -- what is kept


def _kept_table(runtime: Runtime) -> dict[str, list[str]]:
    settings, found = runtime.settings, session.figures().ask(stored, Filter(range="all"))
    texts = ", ".join(
        f"{count(s.items)} {s.mode} (of runs: {count(s.runs)})" for s in found.content
    )
    rows = [
        ("Questions, answers, prompts", texts or "none", found.oldest_content_us, settings.keep_content_days),
        ("Runs, steps, model calls", f"{count(found.runs)} runs", found.oldest_run_us, settings.keep_rows_days),
        ("Sums per hour and day", "–", found.oldest_figure_us, settings.keep_figures_days),
    ]  # fmt: skip
    return {
        "What": [row[0] for row in rows],
        "Kept now": [row[1] for row in rows],
        "Oldest": [_day(runtime, row[2]) for row in rows],
        "Days": [count(row[3]) for row in rows],
    }


def _last_cleaning(runtime: Runtime) -> str:
    """A Markdown sentence about the janitor's last round."""
    last: Cleaning | None = runtime.janitor.last
    if last is None:
        return (
            "What is too old is deleted once an hour; the first round since the start is to come."
        )
    when = datetime.fromtimestamp(last.at_us / 1e6, runtime.zone)
    if last.error is not None:
        return f":material/warning: Cleaning at {when:%H:%M} failed: {escape(last.error)}"
    deleted = [
        f"{count(number)} {what}"
        for number, what in (
            (last.content, "texts"),
            (last.rows, "rows"),
            (last.figures, "figures"),
        )
        if number
    ]
    return (
        f"What is too old is deleted once an hour; last at {when:%H:%M}: "
        f"{', '.join(deleted) or 'nothing was too old'}."
    )


def _day(runtime: Runtime, at_us: int | None) -> str:
    if at_us is None:
        return "–"
    return f"{datetime.fromtimestamp(at_us / 1e6, runtime.zone):%Y-%m-%d}"


# -- deleting before its time


def _delete_content(runtime: Runtime) -> None:
    st.markdown("**Kept content**")
    sure = st.checkbox(
        "Delete all questions, answers and prompts that analytics keeps", key="delete_content_sure"
    )
    st.button(
        "Delete kept content now",
        key="delete_content",
        disabled=not sure,
        on_click=_ask_for,
        args=("delete_content", "delete_content_sure", True),
    )
    if st.session_state.pop("_delete_content", None):
        with st.spinner("Deleting, and writing the file anew…"):
            _done_with("delete_content", lambda: _delete_all_content(runtime))
    deleted = st.session_state.pop("_done_delete_content", None)
    if deleted is not None:
        st.success(f"Texts deleted: {count(deleted)}. Conversations and figures are unchanged.")


def _delete_all_content(runtime: Runtime) -> int:
    session.demand("settings")
    deleted = delete_kept_content(runtime.recorder)
    session.note("content_deleted", detail=f"{deleted} texts")
    return deleted


def _delete_person(runtime: Runtime) -> None:
    others = session.allowed("people")
    st.markdown("**A person**" if others else "**Everything of mine**")
    whose = "the person's" if others else "your"
    st.caption(
        f"Deletes {whose} conversations, comparisons, question sets, evaluations, test cases, "
        "choices, saved views and kept texts, and takes the name out of every figure; counts and "
        "costs stay, without a name. It cannot be undone. "
        "Not deleted: backups, and reports or exports that were made before."
        + (" Without logins everybody is `local`." if others else "")
    )
    name = _asked_name() if others else session.owner()
    account = others and runtime.identity.required and _asked_account(name)
    sure = st.checkbox(
        "I want to delete everything of this person" if others else "I want to delete all of it",
        key="erase_person_sure",
    )
    st.button(
        "Delete everything of a person" if others else "Delete everything of mine",
        key="erase_person_now",
        disabled=not (name and sure),
        on_click=_ask_for,
        args=("erase_person", "erase_person_sure", name),
    )
    asked = st.session_state.pop("_erase_person", None)
    if asked:
        with st.spinner("Deleting, and writing the file anew…"):
            _done_with("erase_person", lambda: _erase(runtime, str(asked), account))
    erased = st.session_state.pop("_done_erase_person", None)
    if erased is not None:
        _say(erased)


def _asked_name() -> str:
    return st.text_input(
        "Id of the person", key="erase_person", max_chars=MAX_OWNER, width=420, on_change=_untick,
        args=("erase_person_sure",),
    ).strip()  # fmt: skip


def _asked_account(name: str) -> bool:
    """Nobody removes the account they are logged in with, so that one administrator is left."""
    chosen = st.checkbox(
        "Remove the account too",
        key="erase_account",
        disabled=name == session.owner(),
        help="Nobody logs in as this person any more, and the audit log names them no more.",
    )
    return chosen and name != session.owner()


def _erase(runtime: Runtime, name: str, account: bool) -> Erased:
    """One's own may be erased by everybody. Raises Forbidden."""
    if name != session.owner():
        session.demand("people")
    erased = runtime.erase_person(name, account=account, by=session.principal())
    session.note("person_erased", "" if account else name)
    return erased


def _untick(sure: str) -> None:
    """A callback: what was confirmed was something else."""
    st.session_state[sure] = False


def _ask_for(what: str, sure: str, of: object) -> None:
    """A callback: deletes in the run that follows, and once."""
    _untick(sure)
    st.session_state[f"_{what}"] = of


def _done_with(what: str, delete: Callable[[], object]) -> None:
    """Deletes, and draws the page anew with the result: what stands above it has changed."""
    try:
        st.session_state[f"_done_{what}"] = delete()
    except SwitchboardError as exc:
        show_error(exc)
    else:
        st.rerun()


def _say(erased: Erased) -> None:
    if not (erased.threads or erased.runs or erased.feedback or erased.definitions):
        st.info(
            "There was nothing of this person in conversations and figures. Comparisons, question "
            "sets, evaluations and test cases are deleted if there were any."
        )
        return
    st.success(
        f"Done. Runs without a name now: {count(erased.runs)}. Deleted: conversations "
        f"{count(erased.threads)}; kept texts {count(erased.content)}; saved views, rules, budgets and report entries "
        f"{count(erased.definitions)}; and all comparisons, question sets, evaluations and test cases "
        f"of this person. Opinions on runs of others without words and name now: "
        f"{count(erased.feedback)}."
    )
    if erased.files:
        names = ", ".join(escape(name) for name in erased.files)
        st.warning(f"Delete these report files by hand: {names}", icon=":material/warning:")
