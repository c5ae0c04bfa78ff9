"""Battles of others from a file: looked at first, imported on a click, deleted again."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.ranking.battle_columns import BATTLE_FIELDS, BattleField, guess
from analytics.ranking.battle_csv import Imported, Shape, read_battles
from analytics.ranking.battle_file import open_table
from analytics.ranking.wording import plural
from core.errors import InvalidInput, SwitchboardError
from pages.components import session
from pages.components.dashboard_tables import Column, draw
from pages.components.format import count
from pages.components.import_mapping import zoned
from pages.components.leaderboard_choice import show_sources
from pages.components.markdown import escape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agents.runtime import Runtime

FILE_TYPES = ["csv", "tsv", "txt", "json", "jsonl", "gz"]
MOST_FAULTS, MOST_MODELS = 200, 8
_NONE = ""
_LABELS: Mapping[BattleField, str] = {
    "model_a": "First contestant", "model_b": "Second contestant", "winner": "Who won",
    "wins_a": "Wins of the first", "wins_b": "Wins of the second", "ties": "Ties",
    "both_bad": "Both bad", "voter": "Voter", "question": "Question", "time": "Time",
    "language": "Language", "category": "Category", "turn": "Turn",
    "anonymous": "Blind, yes or no", "tokens_a": "Length of the first",
    "tokens_b": "Length of the second", "headings_a": "Headings of the first",
    "headings_b": "Headings of the second", "list_items_a": "List items of the first",
    "list_items_b": "List items of the second", "bold_a": "Bold of the first",
    "bold_b": "Bold of the second",
}  # fmt: skip
_SHAPES: Mapping[Shape, str] = {
    "battles": "one row a vote",
    "counts": "one row a pair with its counts",
    "matrix": "a square table, rows beat columns",
}


def show_import(runtime: Runtime, *, open_: bool = False) -> None:
    """The whole section, folded."""
    with st.expander("Import battles", icon=":material/upload_file:", expanded=open_):
        st.caption(
            "Votes of others as CSV, JSON or JSON lines, plain or as .gz, up to 50 MB: as FastChat, "
            "LMArena and Kaggle publish them, with counts for each pair, or a square table of wins."
        )
        file = st.file_uploader(
            "File of battles",
            type=FILE_TYPES,
            key="battles_file",
            label_visibility="collapsed",
            max_upload_size=50,
        )
        if file is not None:
            try:
                _show_file(runtime, file.file_id, file.name, file.getvalue())
            except SwitchboardError as exc:
                session.show_error(exc)
        _show_list(runtime)


@st.cache_resource(max_entries=2, ttl=600, show_spinner=False)
def _read(file_id: str, name: str, mapping: tuple[tuple[str, str], ...], _data: bytes) -> Imported:
    """Kept as it is: copying a hundred thousand ballots takes as long as reading them."""
    return read_battles(_data, name, dict(mapping) or None)


def _show_file(runtime: Runtime, file_id: str, name: str, data: bytes) -> None:
    """Raises InvalidInput for what is no table, and when the battles cannot be written."""
    key = f"_battles_mapping_{file_id}"
    mapping: dict[str, str] = st.session_state.get(key, {})
    try:
        with st.spinner("Reading the battles …"):
            found = _read(file_id, name, tuple(sorted(mapping.items())), data)
    except InvalidInput as exc:
        present = open_table(data, name).columns
        session.show_error(exc)
        _show_columns(file_id, key, present, guess(present) | mapping, open_=True)
        return
    _show_found(runtime, found)
    if found.summary.shape != "matrix":
        _show_columns(
            file_id, key, found.present, dict[str, str](found.columns.items()), open_=False
        )
    _show_faults(found)
    title = st.text_input(
        "Name of the import", name.rsplit("/", 1)[-1].partition(".")[0], max_chars=120,
        key=f"battles_name_{file_id}",
    )  # fmt: skip
    if st.button(
        f"Import {_battles(found.summary.battles)}", type="primary", icon=":material/upload:",
        disabled=not found.ballots, key="battles_import",
    ):  # fmt: skip
        session.require("settings")
        with st.spinner("Writing the battles …"):
            import_id = runtime.comparisons.votes.add_import(
                title, found.summary.digest, found.ballots
            )
        session.note("figures_imported", import_id, "battles")
        st.session_state.pop("battles_file", None)
        show_sources([f"import:{import_id}"])
        st.toast(f"{_battles(found.summary.battles)} imported", icon=":material/check_circle:")
        st.rerun()


def _show_found(runtime: Runtime, found: Imported) -> None:
    summary, zone = found.summary, runtime.zone
    models = ", ".join(f"{escape(m)} ({count(n)})" for m, n in summary.models[:MOST_MODELS])
    more = len(summary.models) - MOST_MODELS
    parts = [
        f"**{_battles(summary.battles)}** of {len(summary.models):,} "
        f"{plural(len(summary.models), 'contestant', 'contestants')}",
        f"{summary.ties:,} {plural(summary.ties, 'tie', 'ties')}, {summary.both_bad:,} both bad",
        "voters not named"
        if summary.voters is None
        else f"{summary.voters:,} {plural(summary.voters, 'voter', 'voters')}",
        _SHAPES[summary.shape],
    ]
    if summary.since_us is not None:
        parts.append(escape(f"{zoned(summary.since_us, zone)} to {zoned(summary.until_us, zone)}"))
    if summary.revealed:
        parts.append(f"{summary.revealed:,} not blind: kept apart")
    st.markdown(" · ".join(parts))
    st.caption(f"{models}{f' and {more} more' if more > 0 else ''}")


def _show_columns(
    file_id: str, key: str, present: Sequence[str], start: Mapping[str, str], *, open_: bool
) -> None:
    """What was guessed, as a form; sending it reads the file anew."""
    options = [_NONE, *dict.fromkeys(column for column in present if column)]
    with (
        st.expander("Columns", icon=":material/view_column:", expanded=open_),
        st.form(f"battles_columns_{file_id}", border=False),
    ):
        with st.grid(4, min_column_width=170):
            chosen = {
                name: st.selectbox(
                    _LABELS[name], options, format_func=lambda column: column or "–",
                    index=options.index(start[name]) if start.get(name) in options else 0,
                    key=f"battles_column_{name}_{file_id}",
                )
                for name in BATTLE_FIELDS
            }  # fmt: skip
        if st.form_submit_button("Read with these columns", icon=":material/refresh:"):
            st.session_state[key] = chosen
            st.rerun()


def _battles(n: int) -> str:
    return f"{n:,} {plural(n, 'battle', 'battles')}"


def _votes(n: int) -> str:
    return f"{n:,} {plural(n, 'vote', 'votes')}"


def _show_faults(found: Imported) -> None:
    n = found.summary.faults
    if not found.summary.rows:
        st.warning("The file has no rows: there is nothing to import.", icon=":material/warning:")
    if not n:
        return
    st.warning(
        f"{count(n)} of {count(found.summary.rows)} {plural(found.summary.rows, 'row', 'rows')} "
        f"{plural(n, 'is', 'are')} left out.",
        icon=":material/warning:",
    )
    shown = found.faults[:MOST_FAULTS]
    draw(
        {
            "Row": Column(values=[one.line for one in shown]),
            "Reason": Column(values=[one.reason for one in shown]),
            "Cell": Column(values=[one.text for one in shown]),
        },
        alt="Rows left out with their number and the reason", key="battles_faults",
    )  # fmt: skip


def _show_list(runtime: Runtime) -> None:
    for one in runtime.comparisons.votes.imports():
        when = zoned(one["at_us"], runtime.zone)
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(
                f"**{escape(one['name'])}**  \n"
                f":small[{_votes(one['votes'])} · imported {escape(when)}]",
                width="stretch",
            )
            with st.popover("Delete", icon=":material/delete:", key=f"battles_gone_{one['id']}"):
                st.markdown(f"Delete {_votes(one['votes'])} of {escape(one['name'])}?")
                st.button(
                    "Delete this import", key=f"battles_delete_{one['id']}", type="primary",
                    on_click=partial(_delete, runtime, one["id"]),
                )  # fmt: skip


@session.needs("settings")
def _delete(runtime: Runtime, import_id: str) -> None:
    try:
        runtime.comparisons.votes.delete_import(import_id)
    except SwitchboardError as exc:
        session.keep_notice(exc)
    else:
        session.note("figures_imported", import_id, "battles deleted")
