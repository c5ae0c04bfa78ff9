"""Settings: the audit log, newest first, with filters and an export."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, TypedDict

import streamlit as st

from agents.identity.audit import ACTIONS, LARGEST_PAGE, Deed
from agents.identity.desk import demand
from core.csv_text import to_csv
from core.errors import SwitchboardError
from core.identity import Principal
from pages.components import session
from pages.components.markdown import escape
from pages.components.thread_words import time_zone

if TYPE_CHECKING:
    from agents.runtime import Runtime

SHOWN = 50
MOST_EXPORTED = 100_000
NOBODY = "–"
NO_BREAK = "\u00a0"
ONE_LINE = 48
"""Characters."""
_OLDER = "_audit_before"


class Wanted(TypedDict, total=False):
    who: str
    action: str
    since_us: int
    until_us: int


def show_audit(runtime: Runtime) -> None:
    """For administrators."""
    st.subheader("Audit log", anchor=False)
    try:
        me = session.principal()
        demand(me, "people")
        zone = time_zone(runtime)
        names = {one.owner: one.name for one in runtime.identity.accounts.all()}
        wanted = _filters(names, zone)
        before = st.session_state.get(_OLDER)
        page = runtime.identity.audit.page(**wanted, before=before, limit=SHOWN)
    except SwitchboardError as exc:
        session.show_error(exc)
        return
    if page.deeds:
        st.table(
            _table(page.deeds, names, zone), border="horizontal", alt="Who did what, newest first"
        )
    else:
        st.caption("Nothing was noted that fits.")
    with st.container(horizontal=True):
        if before is not None:
            st.button("Newest", key="audit_newest", type="tertiary", on_click=_newest)
        if page.before is not None:
            st.button(
                "Older", key="audit_older", type="tertiary", on_click=_older, args=(page.before,)
            )
        st.download_button(
            "Export", lambda: export(runtime, me, wanted, zone), key="audit_export", mime="text/csv",
            file_name="switchboard-audit-log.csv", icon=":material/download:", on_click="ignore",
            help=f"What the filters leave, up to {MOST_EXPORTED:,} rows, as CSV.",
        )  # fmt: skip
    if runtime.identity.audit.lost:
        st.warning(
            f"{runtime.identity.audit.lost} entries could not be written since the start; the "
            "server's log has them.",
            icon=":material/warning:",
        )


def _filters(names: dict[str, str], zone: tzinfo) -> Wanted:
    with st.container(horizontal=True):
        who = st.selectbox(
            "Who", list(names), index=None, key="audit_who", placeholder="Everybody", width=260,
            format_func=lambda owner: names.get(owner, owner), on_change=_newest,
        )  # fmt: skip
        action = st.selectbox(
            "What", ACTIONS, index=None, key="audit_action", placeholder="Everything", width=260,
            format_func=words, on_change=_newest,
        )  # fmt: skip
        days = st.date_input(
            "When", value=[], key="audit_days", width=260, on_change=_newest,
            help="One day, or the first and the last.",
        )  # fmt: skip
    wanted = Wanted()
    if who:
        wanted["who"] = who
    if action:
        wanted["action"] = action
    if days:
        wanted["since_us"] = _midnight_us(days[0], zone)
        wanted["until_us"] = _midnight_us(days[-1] + timedelta(days=1), zone)
    return wanted


def _table(deeds: tuple[Deed, ...], names: dict[str, str], zone: tzinfo) -> dict[str, list[str]]:
    """The most telling first: on a phone the rest is pushed aside."""
    return {
        "When": [_in_one_line(_time(one, zone)) for one in deeds],
        "Who": [
            _in_one_line(escape(names.get(one.who, one.who))) if one.who else NOBODY
            for one in deeds
        ],
        "What": [_in_one_line(words(one.action)) for one in deeds],
        "Of": [_in_one_line(escape(names.get(one.target, one.target))) or NOBODY for one in deeds],
        "Detail": [_in_one_line(escape(one.detail)) or NOBODY for one in deeds],
        "By": [one.via for one in deeds],
    }


def _in_one_line(text: str) -> str:
    """As far as it is short: a narrow screen would else make a tower of every cell."""
    return text.replace(" ", NO_BREAK) if len(text) <= ONE_LINE else text


def export(runtime: Runtime, by: Principal, wanted: Wanted, zone: tzinfo) -> bytes:
    """The rows with ids, as a spreadsheet reads them. Called when the button is pressed, outside of
    the page's script. Raises NotLoggedIn, Forbidden."""
    demand(runtime.identity.check(by), "people")
    rows: list[Deed] = []
    before: int | None = None
    while len(rows) < MOST_EXPORTED:
        page = runtime.identity.audit.page(**wanted, before=before, limit=LARGEST_PAGE)
        rows += page.deeds
        before = page.before
        if before is None:
            break
    return to_csv(
        ["number", "time", "who", "via", "credential", "action", "target", "detail"],
        [
            (
                one.number,
                datetime.fromtimestamp(one.at_us / 1e6, zone).isoformat(timespec="seconds"),
                one.who or "",
                one.via,
                one.credential_id or "",
                one.action,
                one.target,
                one.detail,
            )
            for one in rows
        ],
    )


def words(action: str) -> str:
    """`log_in_failed` as "Log in failed"."""
    return action.replace("_", " ").capitalize()


def _time(one: Deed, zone: tzinfo) -> str:
    return f"{datetime.fromtimestamp(one.at_us / 1e6, zone):%d %b %Y, %H:%M:%S}"


def _midnight_us(day: date, zone: tzinfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1e6)


def _older(before: int) -> None:
    """A callback."""
    st.session_state[_OLDER] = before


def _newest() -> None:
    """A callback."""
    st.session_state.pop(_OLDER, None)
