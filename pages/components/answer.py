"""One answer: its text, and under it what it cost in time, tokens and money."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import streamlit as st

from agents.preferences import Fact
from agents.specialists import BY_NAME
from core.pricing import format_usd
from core.transcript import AnswerSummary, Transcript
from core.words import error_name
from pages.components.answer_shown import EVERYTHING, Shown, moment
from pages.components.format import ago, count, duration, speed
from pages.components.markdown import escape, plain, safe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from core.catalog import Catalog

_CITATION = re.compile(r"\[(\d{1,3})\]")
_STATUS = {
    "cancelled": ("Stopped", "gray", ":material/stop_circle:"),
    "lost": ("Lost when Switchboard ended", "orange", ":material/power_off:"),
    "interrupted": ("Waiting for a person", "blue", ":material/pan_tool:"),
}


def show_question(text: str) -> None:
    with st.chat_message("user", avatar=":material/person:"):
        st.markdown(plain(text))


def assistant_message() -> Any:
    """The frame of an answer."""
    return st.chat_message("assistant", avatar=":material/hub:")


def show_answer(
    text: str,
    summary: AnswerSummary,
    catalog: Catalog,
    key: str,
    shown: Shown = EVERYTHING,
    at_us: int | None = None,
) -> None:
    """A finished answer as it stands in the history. `key` makes its widgets stable."""
    if text:
        st.markdown(safe(text))
    show_summary(text, summary, catalog, key, shown, at_us)


def show_summary(
    text: str,
    summary: AnswerSummary,
    catalog: Catalog,
    key: str,
    shown: Shown = EVERYTHING,
    at_us: int | None = None,
) -> None:
    """Everything under the text. What went wrong is said whatever `shown` leaves out."""
    _show_outcome(summary)
    _show_fallbacks(summary, catalog)
    _show_earlier(summary)
    if facts := facts_line(summary, catalog, shown, at_us):
        st.caption(facts)
    with st.container(key=f"details_{key}", gap="xsmall"):
        if shown.sources:
            show_sources(text, summary)
        if shown.steps:
            _show_steps(summary, catalog)


def show_run_link(run_id: str) -> None:
    """To the page that shows step by step how an answer came about. An imported one has no run."""
    if not run_id:
        return
    st.page_link(
        "pages/run.py", label="How this answer came about", icon=":material/timeline:",
        query_params={"id": run_id},
    )  # fmt: skip


def facts_line(
    summary: AnswerSummary,
    catalog: Catalog,
    shown: Shown = EVERYTHING,
    at_us: int | None = None,
) -> str:
    """Agent · model · first token · total · speed · tokens · cost · time, as one line of Markdown.

    What is not known, or not to be shown, is left out.
    """
    said: dict[Fact, str] = {}
    if summary.duration_us is not None or summary.calls:
        said["total"] = f"total {duration(summary.duration_us)}"
    if summary.agent:
        said["agent"] = f"**{escape(agent_title(summary.agent))}**"
    if summary.model:
        said["model"] = escape(catalog.display_name(summary.model))
    if summary.ttft_us is not None:
        said["first_token"] = f"first token {duration(summary.ttft_us)}"
    if summary.tokens_per_s is not None:
        said["speed"] = speed(summary.tokens_per_s)
    if summary.calls:
        said["tokens"], said["cost"] = _tokens(summary), _cost(summary)
    if at_us is not None:
        said["time"] = moment(at_us, shown.zone)
    return " · ".join(said[fact] for fact in shown.facts if fact in said)


def _cost(summary: AnswerSummary) -> str:
    if summary.cost_pusd is None:
        return "cost unknown"
    cost = format_usd(summary.cost_pusd).replace("$", "\\$")
    if summary.earlier and summary.earlier.get("cost_pusd"):
        return f"{cost}, saved {format_usd(summary.earlier['cost_pusd'])}".replace(" $", " \\$")
    return cost if summary.cost_complete else f"at least {cost}"


def agent_title(agent: str) -> str:
    specialist = BY_NAME.get(agent)
    return specialist.title if specialist else agent


def waiting_line(transcript: Transcript, elapsed_s: float) -> str:
    """What is happening now, for the time before the first token."""
    if transcript.queued:
        place = f", place {transcript.queue_position}" if transcript.queue_position else ""
        what = f"Waiting for a free place{place}"
    elif transcript.tools and list(transcript.tools.values())[-1].output is None:
        what = f"Using {escape(list(transcript.tools.values())[-1].name)}"
    elif transcript.sources is not None or transcript.attempts:
        what = (
            f"{escape(agent_title(transcript.agent))} is answering"
            if transcript.agent
            else "Answering"
        )
    elif transcript.route is not None:
        what = f"{escape(agent_title(transcript.route.agent))} is reading the documents"
    else:
        what = "Choosing a specialist" if transcript.node == "supervisor" else "Starting"
    return f":shimmer[{what}…] :gray[{elapsed_s:.0f} s]"


def _tokens(summary: AnswerSummary) -> str:
    sign = "≈ " if summary.usage_estimated else ""
    cached = f" ({count(summary.cache_read_tokens)} cached)" if summary.cache_read_tokens else ""
    return (
        f"{sign}{count(summary.input_tokens)} tokens in{cached}, {count(summary.output_tokens)} out"
    )


def _show_outcome(summary: AnswerSummary) -> None:
    if summary.error:
        st.error(
            f"{escape(summary.error['message'])}  \n{escape(summary.error['what_to_do'])}",
            icon=":material/error:",
        )
    if summary.status in _STATUS:
        label, color, icon = _STATUS[summary.status]
        if summary.status == "cancelled" and summary.stop_us is not None:
            late = summary.tokens_after_stop or 0
            tokens = "1 token" if late == 1 else f"{late} tokens"
            label = f"Stopped after {duration(summary.stop_us)}, {tokens} arrived after Stop"
            if summary.stopped_by == "shutdown":
                label = "Switchboard was shut down while answering"
        st.badge(label, color=color, icon=icon)  # type: ignore[arg-type]
        if summary.still_running:
            names = ", ".join(escape(name) for name in summary.still_running)
            st.caption(
                f":material/hourglass_bottom: Could not be interrupted, still at work: {names}"
            )
    if summary.notice:
        st.info(escape(summary.notice), icon=":material/info:")


def _show_earlier(summary: AnswerSummary) -> None:
    """That no model was asked."""
    if summary.earlier is None:
        return
    alike = summary.earlier.get("similarity")
    question = "the same question" if alike is None else f"a question like it ({alike:.0%} alike)"
    st.badge(
        f"From an earlier answer, {ago(summary.earlier['at_us'])}",
        icon=":material/history:", color="gray",
        help=f"You asked {question} before, and no document has changed since. Nothing was spent.",
    )  # fmt: skip


def _show_fallbacks(summary: AnswerSummary, catalog: Catalog) -> None:
    for failed in summary.fallbacks:
        st.badge(fallback_line(failed, catalog), color="orange", icon=":material/alt_route:")


def fallback_line(failed: Mapping[str, Any], catalog: Catalog) -> str:
    """Which model failed, why, and who was asked instead."""
    name = escape(catalog.display_name(failed["model"]))
    reason = escape(error_name(str(failed.get("error_type") or "error")))
    following = failed.get("next_model")
    if following == failed["model"]:
        return f"{name}: {reason}, asked again"
    then = f" → {escape(catalog.display_name(following))}" if following else ""
    return f"{name}: {reason}{then}"


def cited_numbers(text: str) -> list[int]:
    """The passage numbers an answer cites, in order of their first appearance."""
    return list(dict.fromkeys(int(n) for n in _CITATION.findall(text)))


def show_sources(text: str, summary: AnswerSummary, *, cited_only: bool = False) -> None:
    """What was read: the cited passages, and the titles of the others unless `cited_only`."""
    if not summary.sources:
        return
    by_number = {source["n"]: source for source in summary.sources}
    cited = [by_number[n] for n in cited_numbers(text) if n in by_number]
    if cited_only and not cited:
        return
    others = [] if cited_only else [s for s in summary.sources if s not in cited]
    label = f"Sources ({len(cited)} cited)" if cited else "Sources (none cited)"
    with st.expander(label, icon=":material/menu_book:", type="compact"):
        for source in cited:
            _show_source(source)
        if others:
            st.caption(f"Also read, not cited: {len(others)} passages")
            titles = list(dict.fromkeys(_source_title(source) for source in others))
            st.markdown("\n".join(f"- {title}" for title in titles[:12]))


def _source_title(source: dict[str, Any]) -> str:
    heading = f" › {escape(source['heading'])}" if source.get("heading") else ""
    return f"{escape(source['title'])}{heading}"


def _show_source(source: dict[str, Any]) -> None:
    with st.container(border=True):
        st.markdown(f"**\\[{source['n']}\\] {_source_title(source)}**")
        st.caption(f"{escape(source['document'])} · area {escape(source['area'])}")
        st.markdown(safe(source["text"]))


def _show_steps(summary: AnswerSummary, catalog: Catalog) -> None:
    if not (summary.steps or summary.tools or summary.thinking):
        return
    steps = f"Steps ({duration(summary.duration_us)})" if summary.steps else "Reasoning and tools"
    with st.expander(steps, icon=":material/account_tree:", type="compact"):
        if summary.route:
            st.markdown(_route_line(summary.route))
        rows = [
            {
                "Step": ("\u2003" if step.get("parent_id") else "") + agent_title(step["name"]),
                "Time": duration(step["duration_us"]),
                "Status": step["status"],
            }
            for step in summary.steps
        ]
        rows += [
            {
                "Step": f"\u2003tool {tool['name']} {tool['input'][:160]}",
                "Time": duration(tool["duration_us"]),
                "Status": "error" if tool["error"] else "ok",
            }
            for tool in summary.tools
        ]
        if rows:
            st.markdown(_table(rows))
        if summary.thinking:
            st.caption("Thinking")
            st.markdown(plain(summary.thinking))


def _route_line(route: dict[str, Any]) -> str:
    by = {
        "pinned": "pinned by a person",
        "local": "decided by the local vote",
        "model": "decided by a router model",
        "fallback": "decided by the local vote after the router failed",
        "only_choice": "the only choice",
    }[route["decided_by"]]
    scores = ", ".join(
        f"{escape(c['agent'])} {c['score']:.0%}" for c in route.get("candidates", ())
    )
    votes = f" Votes: {scores}." if scores else ""
    return (
        f"Route: **{escape(agent_title(route['agent']))}**, {by} in "
        f"{duration(route['duration_us'])}. {escape(route['reason'])}{votes}"
    )


def _table(rows: list[dict[str, str]]) -> str:
    lines = ["| Step | Time | Status |", "|---|---:|---|"]
    lines += [f"| {escape(r['Step'])} | {r['Time']} | {escape(r['Status'])} |" for r in rows]
    return "\n".join(lines)
