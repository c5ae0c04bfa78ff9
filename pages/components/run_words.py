"""What was asked and answered in a run, and what was sent to the models, as far as it is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.transcript import summarise
from pages.components.answer import assistant_message, show_answer, show_question
from pages.components.format import count, duration
from pages.components.markdown import escape, safe

if TYPE_CHECKING:
    from analytics.content import KeptItem
    from core.catalog import Catalog
    from core.transcript import ToolCall
    from pages.components.run_reading import KnownRun

HOW_TO_KEEP = (
    "The prompts sent to models were not kept. Start Switchboard with SWITCHBOARD_CONTENT=masked "
    "(or hashed, or full) to keep those of coming runs."
)
NO_WORDS = (
    "The words of this run are gone: its thread was deleted, or it was imported without them."
)
_MODES = {
    "hashed": "Kept as a hash: equal texts have equal hashes, the text itself is not stored.",
    "masked": "Kept masked: what looked like an address, number or secret was replaced; names are not.",
    "full": "Kept in full.",
}
MAX_MESSAGES = 60
CODE_PX = 320


def show_words(known: KnownRun, catalog: Catalog) -> None:
    """The question and the answer, tools with what went in and out, and the prompts."""
    if known.question is None and not known.answer and not known.kept and not known.events:
        st.info(NO_WORDS, icon=":material/speaker_notes_off:")
    if known.question is not None:
        show_question(known.question)
    if known.events:
        with assistant_message():
            summary = summarise(known.transcript)
            show_answer(known.transcript.text, summary, catalog, known.run_id)
    elif known.answer:
        with assistant_message():
            st.markdown(safe(known.answer))
    _tools(list(known.transcript.tools.values()))
    _hashes([item for item in known.kept if item.kind != "prompt" and item.mode == "hashed"])
    _prompts(known, catalog)


def _tools(tools: list[ToolCall]) -> None:
    for tool in tools:
        with st.expander(
            f"Tool {escape(tool.name)} ({duration(tool.duration_us)})",
            icon=":material/build:", type="compact",
        ):  # fmt: skip
            st.caption("In")
            st.code(tool.input, language="json", wrap_lines=True)
            st.caption("Out" if tool.error is None else "Error")
            st.code(tool.error or tool.output or "", language=None, wrap_lines=True)


def _hashes(items: list[KeptItem]) -> None:
    for item in items:
        st.caption(f"{item.kind.capitalize()}. {_MODES['hashed']}")
        st.code(item.text, language=None)


def _prompts(known: KnownRun, catalog: Catalog) -> None:
    st.markdown("**Prompts sent to models**")
    prompts = [item for item in known.kept if item.kind == "prompt"]
    if not prompts:
        st.caption(HOW_TO_KEEP)
        return
    st.caption(_MODES.get(prompts[0].mode, ""))
    calls = {c.call_id: c for c in known.detail.calls} if known.detail else {}
    order = list(calls)
    prompts.sort(key=lambda p: order.index(p.item) if p.item in calls else len(order))
    for item in prompts:
        call = calls.get(item.item)
        name = catalog.display_name(call.request_model) if call else "A call"
        known_size = call is not None and call.usage_input_tokens is not None
        tokens = f" · {count(call.usage_input_tokens)} tokens in" if call and known_size else ""
        attempt = f" · attempt {call.attempt}" if call else ""
        with st.expander(
            f"{escape(name)}{attempt}{tokens}", icon=":material/notes:", type="compact"
        ):
            _prompt(item)


def _prompt(item: KeptItem) -> None:
    messages = prompt_texts(item.text)
    for role, text in messages[:MAX_MESSAGES]:
        st.caption(escape(role))
        st.code(text, language=None, wrap_lines=True)
    if len(messages) > MAX_MESSAGES:
        st.caption(f"Showing {MAX_MESSAGES} of {len(messages)} messages.")


def prompt_texts(stored: str) -> list[tuple[str, str]]:
    """Role and text of each message; what is no list of messages is given as it is."""
    try:
        messages = json.loads(stored)
    except ValueError:
        return [("stored", stored)]
    if not isinstance(messages, list):
        return [("stored", stored)]
    return [
        (str(m.get("role", "unknown")), _text(m.get("parts"))) if isinstance(m, dict)
        else ("unknown", str(m))
        for m in messages
    ]  # fmt: skip


def _text(parts: Any) -> str:
    listed = parts if isinstance(parts, list) else [parts]
    return "\n\n".join(
        str(part["content"])
        if isinstance(part, dict) and part.get("type") == "text" and "content" in part
        else json.dumps(part, ensure_ascii=False, indent=2)
        for part in listed
    )
