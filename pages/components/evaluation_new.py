"""Setting up an evaluation: the set, the configurations, how it is judged, and what it will take."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from agents.comparing.values import LETTERS, MOST
from agents.evaluation.checks import needs_judge
from agents.evaluation.desk import MAX_REPEATS
from agents.evaluation.sets import MAX_NAME
from agents.evaluation.values import Plan
from agents.model_ids import LOCAL
from core.errors import SwitchboardError
from pages.components import evaluation_url, session
from pages.components.choices import agent_options
from pages.components.configuration_choosers import (
    chosen_configurations,
    default_choices,
    fill_choosers,
    show_choosers,
    warn_of_missing,
)
from pages.components.evaluation_estimate import Estimate, earlier_lengths, estimate
from pages.components.evaluation_limits import ask_limits, limits
from pages.components.evaluation_reading import cases_of_set
from pages.components.format import UNKNOWN, usd
from pages.components.markdown import escape

if TYPE_CHECKING:
    from agents.evaluation.question_set import Case
    from agents.evaluation.sets import StoredSet
    from agents.runtime import Runtime
    from core.comparison import Configuration

USUAL_AT_ONCE = 4
_PREFIX = "evaluate"
_JUDGE, _JUDGED_SET = "evaluate_judge", "_evaluate_judged_set"
_COUNT, _FILL, _SET = "evaluate_count", "evaluate_fill", "evaluate_set"


def choose_set(set_id: str) -> None:
    """Before the page is drawn: the set a new evaluation starts with."""
    st.session_state[_SET] = set_id


def show_new(runtime: Runtime) -> None:
    """Draws the form. Raises StorageError."""
    kept = {one.id: one for one in runtime.evaluations.sets.list(session.owner())}
    if not kept:
        st.info(
            "An evaluation needs questions. Upload a set, take saved test cases, or draw from past "
            "chats.",
            icon=":material/quiz:",
        )
        st.button(
            "Make a question set", key="evaluate_sets", type="primary", icon=":material/add:",
            on_click=evaluation_url.go_to, args=(evaluation_url.SETS,),
        )  # fmt: skip
        return
    chosen = _set_and_name(kept)
    cases = cases_of_set(chosen.id, runtime)
    configurations = _configurations(runtime)
    plan = _options(runtime, cases, configurations, st.session_state.get("evaluate_name", ""))
    _start(runtime, chosen, cases, plan)


def _set_and_name(kept: dict[str, StoredSet]) -> StoredSet:
    if st.session_state.get(_SET) not in kept:
        st.session_state.pop(_SET, None)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        set_id = st.selectbox(
            "Question set", list(kept), key=_SET, width=420, persist_state="session",
            format_func=lambda one: f"{kept[one].label} ({kept[one].cases:,} questions)",
        )  # fmt: skip
        st.text_input(
            "Name", key="evaluate_name", max_chars=MAX_NAME, width=320, persist_state="session",
            placeholder=kept[set_id].name,
        )  # fmt: skip
    return kept[set_id]


def _configurations(runtime: Runtime) -> list[Configuration]:
    state = st.session_state
    given: list[Configuration] | None = state.pop(_FILL, None)
    if given is not None:
        state[_COUNT] = len(given)
        missing = fill_choosers(runtime, _PREFIX, given)
        warn_of_missing(runtime, missing, [f"Configuration {letter}" for letter in LETTERS])
    state.setdefault(_COUNT, 2)
    chain = [status.id for status in runtime.models.statuses() if status.configured]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            count = st.segmented_control(
                "Configurations", range(1, MOST + 1), key=_COUNT, required=True,
                persist_state="session",
            ) or 1  # fmt: skip
            st.space("stretch")
            _lineups(runtime)
        defaults = default_choices(list(agent_options()), chain)
        show_choosers(runtime, _PREFIX, LETTERS[:count], defaults)
    return chosen_configurations(_PREFIX, count)


def _lineups(runtime: Runtime) -> None:
    saved = runtime.comparisons.lineups.list(session.owner())
    if not saved:
        return
    with st.popover("From a line-up", icon=":material/groups:", type="tertiary"):
        for one in saved:
            st.button(
                escape(one.name), key=f"evaluate_lineup_{one.name}", type="tertiary",
                icon=":material/play_arrow:", help=f"{len(one.configurations)} configurations",
                on_click=_use, args=(list(one.configurations),),
            )  # fmt: skip


def _use(given: list[Configuration]) -> None:
    """A callback."""
    st.session_state[_FILL] = given


def _options(
    runtime: Runtime, cases: tuple[Case, ...], configurations: list[Configuration], name: str
) -> Plan:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        repeats = st.number_input(
            "Ask each question", 1, MAX_REPEATS, 1, key="evaluate_repeats", width=150,
            persist_state="session", help="How often. More than once shows how steady the answers are.",
        )  # fmt: skip
        ask_limits(_PREFIX, runtime.evaluations.most_at_once, USUAL_AT_ONCE, None)
    at_once, budget_pusd = limits(_PREFIX)
    judge, pairwise = _judge(runtime, cases, len(configurations))
    return Plan(
        name=" ".join(name.split()),
        configurations=tuple(configurations),
        repeats=repeats,
        concurrency=at_once,
        budget_pusd=budget_pusd,
        judge_model=judge,
        pairwise=pairwise,
    )


def _reset_judge(rubrics: int, models: list[str]) -> None:
    """Another set that needs no judge has none, unless pairs are to be compared."""
    state = st.session_state
    before, state[_JUDGED_SET] = state.get(_JUDGED_SET), state[_SET]
    if before in (None, state[_SET]) or state.get("evaluate_pairwise"):
        return
    if not rubrics:
        state[_JUDGE] = None
    elif state.get(_JUDGE) is None:
        state[_JUDGE] = models[0]


def _judge(runtime: Runtime, cases: tuple[Case, ...], count: int) -> tuple[str | None, bool]:
    rubrics = sum(map(needs_judge, cases))
    models = {
        one.id: one.display_name
        for one in runtime.models.list_models()
        if one.configured and one.id != LOCAL
    }
    if not models:
        if rubrics:
            st.warning(
                f"{rubrics:,} of these questions need a judge model, and none is configured: the "
                "embedded answerer cannot judge.",
                icon=":material/gavel:",
            )
        return None, False
    _reset_judge(rubrics, list(models))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        judge = st.selectbox(
            "Judge model", list(models), index=None if not rubrics else 0, key=_JUDGE,
            format_func=models.__getitem__, width=320, placeholder="None", persist_state="session",
            help="Decides what checks cannot: requirements in words, and which of two is better.",
        )  # fmt: skip
        pairwise = st.toggle(
            "Compare answers pairwise by the judge", key="evaluate_pairwise", persist_state="session",
            disabled=judge is None or count < 2,
            help="Each configuration against the first, both orders: two judgements a question.",
        )  # fmt: skip
    if rubrics and judge is None:
        st.warning(
            f"{rubrics:,} of these questions have a requirement in words: choose a judge model.",
            icon=":material/gavel:",
        )
    return judge, pairwise and judge is not None and count > 1


def _start(runtime: Runtime, chosen: StoredSet, cases: tuple[Case, ...], plan: Plan) -> None:
    chain = next((one.id for one in runtime.models.statuses() if one.configured), LOCAL)
    try:
        lengths = earlier_lengths(runtime)
    except SwitchboardError as exc:  # without figures it can be begun all the same
        session.show_error(exc)
        lengths = {}
    found = estimate(
        plan, cases, lengths, runtime.catalog, chain=chain,
        region=runtime.settings.aws_region,
    )  # fmt: skip
    with st.grid(3, min_column_width=150):
        st.metric("Answers", f"{found.answers:,}", border=True)
        st.metric("Judgements", f"{found.judgements:,}", border=True)
        st.metric(
            "Cost, about", cost_words(found).replace("$", "\\$"), border=True,
            help="One call for each answer, as long as the model's calls of the last 90 days were, "
            "at today's prices. Routing and tools come on top.",
        )  # fmt: skip
    if found.unknown:
        names = ", ".join(escape(runtime.catalog.display_name(one)) for one in found.unknown)
        st.caption(f"Price or usual length is unknown: {names}.")
    st.button(
        "Start", key="evaluate_start", type="primary", icon=":material/play_arrow:",
        on_click=_begin, args=(runtime, chosen, plan),
    )  # fmt: skip


def cost_words(found: Estimate) -> str:
    """Plain text."""
    if found.cost_pusd is None:
        return UNKNOWN
    if found.unknown:
        return f"over {usd(found.cost_pusd)}" if found.cost_pusd else UNKNOWN
    return usd(found.cost_pusd) if found.cost_pusd else "free"


def _begin(runtime: Runtime, chosen: StoredSet, plan: Plan) -> None:
    """A callback: makes it, begins it and opens it."""
    desk = runtime.evaluations
    try:
        new = desk.create(session.owner(), chosen, replace(plan, name=plan.name or chosen.name))
        desk.start(new)
    except SwitchboardError as exc:
        session.keep_notice(exc)
        return
    st.session_state.pop("evaluate_name", None)
    evaluation_url.show(new.id)
