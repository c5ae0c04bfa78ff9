"""What the leaderboard is of and how it is read. The choice lives in the URL, so a link shows the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import streamlit as st

from analytics.ranking.board import Counting, Rating
from analytics.ranking.style import SPEED, STYLE
from pages.components.format import count
from pages.components.markdown import escape

FLAGS = {
    "revealed": "Open votes: it was known who answered",
    "identity_leak": "An answer named who wrote it",
    "arm_failed": "An answer failed or was stopped",
    "unfinished": "An answer was not finished",
}
MARGIN, MOST_MARGIN = 5, 20
"""Points."""
MOST_CAP = 10_000
MAX_KEY = 200
CONFIGURATIONS, MODELS = "Configurations", "Models"
_SOURCES, _BY, _AGAINST = "board_votes", "board_by", "board_against"
_STYLE, _SPEED, _POSITION = "board_style", "board_speed", "board_position"
_MARGIN, _CAP = "board_margin", "board_cap"


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    sources: tuple[str, ...]
    by_model: bool = False
    flags: tuple[str, ...] = ()
    style: bool = False
    speed: bool = False
    position: bool = False
    votes_a_day: int | None = None
    margin: int = MARGIN
    """Points."""
    against: str | None = None
    """The contestant that others are set against; may not exist."""

    def counting(self, groups: Mapping[str, str]) -> Counting:
        return Counting(
            allowed_flags=self.flags,
            votes_a_day=self.votes_a_day,
            groups=tuple(sorted(groups.items())),
        )

    def rating(self) -> Rating:
        traits = (*STYLE, *(SPEED if self.speed else ())) if self.style else ()
        return Rating(style=traits, position=self.position, delta=self.margin / 100)


def from_url(offered: Mapping[str, int]) -> Choice:
    """What the URL asks for, as far as it exists. Without a word of it: people's own votes, or if there
    are none the first source there is."""
    asked = st.query_params
    sources = tuple(one for one in dict.fromkeys(asked.get_all("votes")) if one in offered)
    cap, margin = _number("cap"), _number("margin")
    against = asked.get("against") or None
    return Choice(
        sources=sources or tuple(offered)[:1],
        by_model=asked.get("by") == "model",
        flags=tuple(flag for flag in FLAGS if flag in asked.get_all("flags")),
        style=asked.get("style") in ("1", "speed"),
        speed=asked.get("style") == "speed",
        position=asked.get("position") == "1",
        votes_a_day=cap if cap is not None and 1 <= cap <= MOST_CAP else None,
        margin=margin if margin is not None and 1 <= margin <= MOST_MARGIN else MARGIN,
        against=against if against and len(against) <= MAX_KEY else None,
    )


def _number(name: str) -> int | None:
    text = st.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def choose_sources(names: Mapping[str, str], choice: Choice) -> None:
    """`names`: of each source, with its number of votes."""
    st.session_state[_SOURCES] = list(choice.sources)
    st.pills(
        "Votes", list(names), selection_mode="multi", format_func=lambda one: escape(names[one]),
        key=_SOURCES, on_change=_write, label_visibility="collapsed", wrap=True,
    )  # fmt: skip


def choose_contestants(choice: Choice) -> None:
    st.session_state[_BY] = MODELS if choice.by_model else CONFIGURATIONS
    st.segmented_control(
        "Contestants", [CONFIGURATIONS, MODELS], key=_BY, on_change=_write, required=True,
        label_visibility="collapsed",
        help="By model, the votes on all configurations of a model are put together.",
    )  # fmt: skip


def choose_baseline(names: Mapping[str, str], choice: Choice) -> None:
    st.session_state[_AGAINST] = choice.against if choice.against in names else ""
    st.selectbox(
        "Baseline", ["", *names], key=_AGAINST, on_change=_write, width=360,
        format_func=lambda key: f"Baseline: {names[key]}" if key else "No baseline: all pairs",
        label_visibility="collapsed",
    )  # fmt: skip


def choose_options(flagged: Mapping[str, int], choice: Choice) -> None:
    """The rest, in a popover that says how much of it is not as usual."""
    changed = sum(
        (
            choice.style, choice.position, choice.votes_a_day is not None, choice.margin != MARGIN,
            *(True for _ in choice.flags),
        )
    )  # fmt: skip
    with st.popover(
        f"What counts ({changed})" if changed else "What counts", icon=":material/tune:",
        type="primary" if changed else "secondary",
    ):  # fmt: skip
        _how_read(choice)
        _which_votes(flagged, choice)


def _how_read(choice: Choice) -> None:
    state = st.session_state
    state[_STYLE], state[_SPEED], state[_POSITION] = choice.style, choice.speed, choice.position
    st.toggle(
        "Style control", key=_STYLE, on_change=_write,
        help="Holds length, headings, lists and bold text equal, so that a rating does not reward "
        "long or decorated answers. Both ratings are shown.",
    )  # fmt: skip
    if choice.style:
        st.toggle(
            "Speed too", key=_SPEED, on_change=_write,
            help="Also holds the time to the first token and the total time equal.",
        )  # fmt: skip
    st.toggle(
        "Allow for the position", key=_POSITION, on_change=_write,
        help="Takes out what it is worth to be shown first.",
    )  # fmt: skip
    state[_MARGIN] = choice.margin
    st.slider(
        "Margin of “not worse”, points", 1, MOST_MARGIN, key=_MARGIN, on_change=_write,
        help="How many points of the votes a contestant may be worse and still count as not worse.",
    )  # fmt: skip


def _which_votes(flagged: Mapping[str, int], choice: Choice) -> None:
    state = st.session_state
    state[_CAP] = choice.votes_a_day
    st.number_input(
        "Votes per voter and day, at most", min_value=1, max_value=MOST_CAP, key=_CAP,
        on_change=_write, placeholder="no limit",
        help="The first of each day count, so that nobody outvotes the others.",
    )  # fmt: skip
    st.caption("Votes that are kept apart and can be counted:")
    for flag, words in FLAGS.items():
        key = f"board_flag_{flag}"
        state[key] = flag in choice.flags
        st.checkbox(
            f"{words} ({count(flagged.get(flag, 0))})", key=key, on_change=_write,
            disabled=not flagged.get(flag) and flag not in choice.flags,
        )  # fmt: skip


def say_what_is_gone(offered: Mapping[str, int]) -> None:
    """When the URL asks for votes that are not there: an import that was deleted, or a slip."""
    if gone := [one for one in st.query_params.get_all("votes") if one not in offered]:
        st.warning(
            "The address asks for votes that are not here any more, which is ignored: "
            f"{escape(', '.join(gone)[:MAX_KEY])}.",
            icon=":material/link_off:",
        )


def show_sources(sources: Collection[str]) -> None:
    """Makes the URL ask for these votes and for nothing else."""
    st.query_params.from_dict({"votes": list(sources)})


def _write() -> None:
    """Every widget's value into the URL; what is as usual is not said."""
    state = st.session_state
    style = ("speed" if state.get(_SPEED) else "1") if state.get(_STYLE) else ""
    margin = state.get(_MARGIN, MARGIN)
    asked: dict[str, str | list[str]] = {
        "votes": list(state.get(_SOURCES) or st.query_params.get_all("votes")),
        "by": "model" if state.get(_BY) == MODELS else "",
        "flags": [flag for flag in FLAGS if state.get(f"board_flag_{flag}")],
        "style": style,
        "position": "1" if state.get(_POSITION) else "",
        "cap": str(state.get(_CAP) or ""),
        "margin": "" if margin == MARGIN else str(margin),
        "against": state.get(_AGAINST) or "",
    }
    st.query_params.from_dict({name: value for name, value in asked.items() if value})
