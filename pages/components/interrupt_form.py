"""What a waiting run asks, as a form in the page; and the quiet line of what was decided.

Every text of a question is a graph's and may quote a model: it is shown as it is, never as Markdown.
What was typed is kept by the browser session until the question is answered, on other pages too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.errors import SwitchboardError
from core.interrupt_answer import (
    Filled,
    Verdict,
    answer_choice,
    answer_fields,
    answer_review,
    answer_text,
    describe,
)
from core.interrupt_fields import label_of
from core.interrupt_form import Action, Decision, Form, read_form
from pages.components import session
from pages.components.format import ago
from pages.components.interrupt_field import entered_value, show_field
from pages.components.markdown import escape, plain

if TYPE_CHECKING:
    from agents.run import Run
    from agents.runtime import Runtime
    from agents.waiting import Question
    from core.transcript import AnswerSummary

MOST_RADIO = 12
"""Options beside each other; more are a list to search in."""
Answered = Callable[["Run"], None]
_DECISIONS: dict[Decision, tuple[str, str]] = {
    "approve": ("Approve", "Approve"),
    "edit": ("Change", "Approve with changes"),
    "reject": ("Reject", "Reject"),
    "respond": ("Answer instead", "Send answer"),
}
"""Decision to the name of the choice and of the button that sends it."""
_ICONS = {"approve": ":material/check:", "edit": ":material/edit:", "reject": ":material/block:"}


def show_questions(
    runtime: Runtime, questions: Sequence[Question], on_answered: Answered | None = None
) -> None:
    """The forms of one run: what waits to be answered, and a line for what was.

    `on_answered` is called with the run that goes on, in the callback that began it.
    """
    open_ones = [question for question in questions if question.waits]
    for question in questions:
        if question.answered_at_us is not None:
            _show_decided(question)
    for question in open_ones:
        with st.container(border=True, key=f"ask_{_prefix(question)}"):
            _show_form(runtime, question, on_answered)
    if len(open_ones) > 1:
        st.button(
            f"Send all {len(open_ones)} answers",
            key=f"ask_all_{open_ones[0].run_id}",
            icon=":material/done_all:",
            help="Sends what is chosen above in every form.",
            on_click=_send,
            args=(runtime, open_ones, on_answered),
        )


def seen_summary(summary: AnswerSummary, questions: Sequence[Question]) -> AnswerSummary:
    """A summary that says "waiting" only as long as somebody is waited for."""
    if summary.status == "interrupted" and questions and not any(q.waits for q in questions):
        return replace(summary, status="completed")
    return summary


def subject(questions: Sequence[Question]) -> str:
    """What a run asks, in one line."""
    lines = [read_form(one.value, one.response_schema).subject for one in questions]
    more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
    return f"{lines[0]}{more}"


def _show_decided(question: Question) -> None:
    form = read_form(question.value, question.response_schema)
    said = describe(form, question.answer)
    who = "You" if question.answered_by == session.owner() else question.answered_by or "Somebody"
    when = ago(question.answered_at_us)
    st.caption(f":material/how_to_reg: {escape(who)} {escape(said)}, {when}")


def _show_form(runtime: Runtime, question: Question, on_answered: Answered | None) -> None:
    form, prefix = read_form(question.value, question.response_schema), _prefix(question)
    problems = session.form_problems(prefix)
    if form.question:
        st.markdown(plain(form.question))
    if form.details:
        st.code(form.details, language="json", wrap_lines=True)
    label, icon = _show_entry(form, prefix, problems)
    if problems.get(""):
        st.error(escape(problems[""]), icon=":material/error:")
    st.button(
        label,
        key=f"{prefix}/send",
        type="primary",
        icon=icon,
        on_click=_send,
        args=(runtime, [question], on_answered),
    )


def _show_entry(form: Form, prefix: str, problems: dict[str, str]) -> tuple[str, str | None]:
    """The part to fill in; gives the label and the icon of its button."""
    match form.kind:
        case "review":
            chosen = [_show_action(form, n, prefix, problems) for n in range(len(form.actions))]
            if len(chosen) == 1:
                return _DECISIONS[chosen[0]][1], _ICONS.get(chosen[0])
            return "Send decisions", None
        case "fields":
            group = ""
            for field in form.fields:
                if field.group and field.group != group:
                    st.markdown(f"**{escape(field.group)}**")
                group = field.group
                show_field(field, f"{prefix}/{field.key}", problems.get(field.key))
        case "choice":
            _show_options(form, f"{prefix}/choice")
        case "text":
            st.text_area("Your answer", key=f"{prefix}/text", persist_state="session", height=100)
            if form.free:
                st.checkbox("The answer is JSON", key=f"{prefix}/json", persist_state="session")
    return "Send answer", None


def _show_options(form: Form, key: str) -> None:
    labels, places = [option.label for option in form.options], range(len(form.options))
    if form.several:
        st.multiselect("Your answer", places, key=key, format_func=labels.__getitem__,
                       persist_state="session")  # fmt: skip
    elif len(labels) > MOST_RADIO:
        st.selectbox("Your answer", places, key=key, format_func=labels.__getitem__, index=None,
                     persist_state="session")  # fmt: skip
    else:
        st.radio("Your answer", places, key=key, format_func=lambda n: escape(labels[n]), index=None,
                 persist_state="session")  # fmt: skip


def _show_action(form: Form, n: int, prefix: str, problems: dict[str, str]) -> Decision:
    """One tool call; gives what is chosen for it."""
    action, key = form.actions[n], f"{prefix}/{n}"
    if n:
        st.divider()
    st.markdown(f":material/pan_tool: **{escape(action.name)}** asks for approval")
    if action.description:
        st.caption(plain(action.description))
    decision = _decision(action, key)
    if decision != "edit":
        _show_arguments(action)
    else:
        for field in action.fields:
            show_field(field, f"{key}/{field.key}", problems.get(f"{n}/{field.key}"))
    if decision == "reject":
        st.text_input("Reason", key=f"{key}/message", persist_state="session",
                      placeholder="Optional; the agent is told")  # fmt: skip
    if decision == "respond":
        st.text_area(
            "What the tool would have answered", key=f"{key}/message", persist_state="session"
        )
    for name in ("message", ""):
        if problems.get(f"{n}/{name}"):
            st.error(escape(problems[f"{n}/{name}"]), icon=":material/error:")
    return decision


def _decision(action: Action, key: str) -> Decision:
    if len(action.allowed) == 1:
        return action.allowed[0]
    chosen: Decision | None = st.segmented_control(
        f"Decision on {action.name}",
        list(action.allowed),
        key=f"{key}/decision",
        default=action.allowed[0],
        required=True,
        format_func=lambda decision: _DECISIONS[decision][0],
        label_visibility="collapsed",
        persist_state="session",
    )
    return chosen if chosen in action.allowed else action.allowed[0]


def _show_arguments(action: Action) -> None:
    for name, value in action.args.items():
        text = (
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        )
        st.markdown(f"**{escape(label_of(str(name)))}**  \n{plain(text)}")


def _send(runtime: Runtime, questions: Sequence[Question], on_answered: Answered | None) -> None:
    """Goes on with the run, if every form is filled in well; else says what is wrong in each."""
    decisions: dict[str, Any] = {}
    for question in questions:
        form, prefix = read_form(question.value, question.response_schema), _prefix(question)
        filled = _filled(form, prefix)
        session.keep_form_problems(prefix, dict(filled.problems))
        if not filled.problems:
            decisions[question.interrupt_id] = filled.answer
    if len(decisions) < len(questions):
        return
    try:
        request = runtime.waiting.request(questions[0].run_id, session.owner(), decisions)
        request = replace(request, figures=session.principal().figures)
        run = runtime.start(request)
    except SwitchboardError as exc:
        session.keep_notice(exc)
        return
    for question in questions:
        session.forget_form(_prefix(question))
    if on_answered is not None:
        on_answered(run)


def _filled(form: Form, prefix: str) -> Filled:
    """What stands in the widgets now."""
    state = st.session_state
    match form.kind:
        case "review":
            return answer_review(
                form, [_verdict(action, f"{prefix}/{n}") for n, action in enumerate(form.actions)]
            )
        case "fields":
            return answer_fields(
                form, {f.key: entered_value(f, f"{prefix}/{f.key}") for f in form.fields}
            )
        case "choice":
            chosen = state.get(f"{prefix}/choice")
            places = chosen if isinstance(chosen, list) else [] if chosen is None else [chosen]
            return answer_choice(form, places)
    as_json = form.free and bool(state.get(f"{prefix}/json"))
    return answer_text(form, str(state.get(f"{prefix}/text") or ""), as_json=as_json)


def _verdict(action: Action, key: str) -> Verdict:
    decision = st.session_state.get(f"{key}/decision") or action.allowed[0]
    return Verdict(
        decision=decision,
        message=str(st.session_state.get(f"{key}/message") or ""),
        entered={f.key: entered_value(f, f"{key}/{f.key}") for f in action.fields},
    )


def _prefix(question: Question) -> str:
    """Begins the keys of a form's widgets. A question asked again keeps what was typed."""
    return f"ask/{question.interrupt_id}"
