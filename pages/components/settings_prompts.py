"""Settings: the prompts that ship, versions of them, and making a new version from any of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from agents import prompts
from agents.prompt_versions import MAX_NAME, MAX_NOTE, MAX_TEXT
from core.errors import SwitchboardError
from pages.components import session
from pages.components.format import count
from pages.components.markdown import escape
from pages.components.run_diff import word_diff
from pages.components.session import owner, show_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.prompt_versions import PromptVersion
    from agents.runtime import Runtime

SHIPPED = ""
_SHOWN = "prompts_shown"
_EDITS = "prompts_edited"
_PROBLEM = "prompts_problem"


@st.fragment
def show_prompts(runtime: Runtime) -> None:
    """Draws what there is and one of it, to be read or to be the base of a new version."""
    st.subheader("Prompts", anchor=False)
    st.caption(
        "What the models are told before a question. A version stands in for some of the prompts "
        "that ship; it is chosen where configurations are compared, and never changes once saved."
    )
    try:
        versions = {version.name: version for version in runtime.prompts.list(retired=True)}
    except SwitchboardError as exc:
        show_error(exc)
        return
    edits = bool(st.session_state.get(_EDITS)) and session.allowed("settings")
    if st.session_state.get(_SHOWN) not in (SHIPPED, *versions):
        st.session_state[_SHOWN] = SHIPPED
    st.selectbox(
        "Prompts or version", [SHIPPED, *versions], key=_SHOWN, width=420,
        format_func=lambda name: _option(versions.get(name)), disabled=edits,
    )  # fmt: skip
    version = versions.get(st.session_state[_SHOWN])
    if edits:
        _edit(runtime, version)
    else:
        _read(runtime, version)
    if (problem := st.session_state.pop(_PROBLEM, None)) is not None:
        show_error(problem)


def _option(version: PromptVersion | None) -> str:
    if version is None:
        return "As they ship"
    return f"{version.name} (retired)" if version.retired_at_us else version.name


# -- reading


def _read(runtime: Runtime, version: PromptVersion | None) -> None:
    if version is not None:
        st.caption(about_line(version, runtime))
        if version.note:
            st.markdown(escape(version.note))
    with st.container(horizontal=True):
        may_change = session.allowed("settings")
        st.button(
            "New version from these" if version is None else "New version from this",
            key="prompts_new", icon=":material/add:", on_click=_open, disabled=not may_change,
        )  # fmt: skip
        if version is not None and may_change:
            retired = version.retired_at_us is not None
            st.button(
                "Offer again" if retired else "Retire", key="prompts_retire", type="tertiary",
                icon=":material/unarchive:" if retired else ":material/archive:",
                help="A retired version is not offered any more; runs of the past keep it.",
                on_click=_retire, args=(runtime, version),
            )  # fmt: skip
    with st.container(gap="xsmall"):
        for name in _changed_first(version):
            changed = version is not None and name in version.texts
            with st.expander(_head(name, changed=changed)):
                text = _text_of(version, name)
                if changed:
                    _show_changes(prompts.load(name), text, None)
                st.code(text, language=None, wrap_lines=True)


def about_line(version: PromptVersion, runtime: Runtime) -> str:
    """When it was saved, from what, and what it replaces, as Markdown."""
    saved = datetime.fromtimestamp(version.created_at_us / 1e6, runtime.zone)
    parts = [
        f"Saved {saved:%d %b %Y, %H:%M}",
        f"from {escape(version.base)}" if version.base else "from the prompts that ship",
        f"replaces {count(len(version.texts))} of {count(len(prompts.TITLES))} prompts",
        "retired" if version.retired_at_us else "",
    ]
    return " · ".join(part for part in parts if part)


def _changed_first(version: PromptVersion | None) -> Sequence[str]:
    texts = version.texts if version is not None else {}
    return sorted(prompts.TITLES, key=lambda name: name not in texts)


def _head(name: str, *, changed: bool) -> str:
    return f"{escape(prompts.TITLES[name])}{' · **changed**' if changed else ''}"


def _show_changes(before: str, after: str, base: PromptVersion | None) -> None:
    against = f"version {escape(base.name)}" if base is not None else "the prompt that ships"
    st.caption(f"What changed against {against}")
    st.markdown(word_diff(before, after).markdown)


# -- a new version


def _edit(runtime: Runtime, base: PromptVersion | None) -> None:
    st.text_input(
        "Name of the new version", key="prompts_name", max_chars=MAX_NAME, width=420,
        placeholder="Such as: shorter answers",
    )  # fmt: skip
    st.text_input(
        "Note", key="prompts_note", max_chars=MAX_NOTE, placeholder="What is to become better"
    )
    with st.container(gap="xsmall"):
        for prompt in _changed_first(base):
            _text_area(prompt, base)
    with st.container(horizontal=True):
        st.button(
            "Save version", key="prompts_save", type="primary", icon=":material/check:",
            on_click=_save, args=(runtime, base),
        )  # fmt: skip
        st.button("Cancel", key="prompts_cancel", type="tertiary", on_click=_close)


def _text_area(prompt: str, base: PromptVersion | None) -> None:
    start, key = _text_of(base, prompt), _key(base, prompt)
    changed = st.session_state.get(key, start) != start
    with st.expander(_head(prompt, changed=changed), key=f"{key}_open"):
        given = st.text_area(
            prompts.TITLES[prompt], value=start, key=key, height="content", max_chars=MAX_TEXT,
            label_visibility="collapsed",
        )  # fmt: skip
        if given != start:
            _show_changes(start, given, base)


def _text_of(version: PromptVersion | None, prompt: str) -> str:
    return prompts.load(prompt) if version is None else version.text(prompt)


def _key(base: PromptVersion | None, prompt: str) -> str:
    return f"prompt_{prompt}_{base.digest[:8] if base else 'shipped'}"


# -- callbacks


@session.needs("settings")
def _open() -> None:
    st.session_state[_EDITS] = True


def _close() -> None:
    st.session_state.pop(_EDITS, None)


@session.needs("settings")
def _save(runtime: Runtime, base: PromptVersion | None) -> None:
    state = st.session_state
    try:
        saved = runtime.prompts.save(
            state["prompts_name"],
            {prompt: state[_key(base, prompt)] for prompt in prompts.TITLES},
            note=state["prompts_note"],
            base=base.name if base is not None else None,
            owner=owner(),
        )
    except SwitchboardError as exc:
        state[_PROBLEM] = exc
        return
    session.note("prompt_changed", saved.digest[:16], "saved")
    _close()
    state[_SHOWN] = saved.name


@session.needs("settings")
def _retire(runtime: Runtime, version: PromptVersion) -> None:
    try:
        if version.retired_at_us:
            runtime.prompts.restore(version.name)
        else:
            runtime.prompts.retire(version.name)
    except SwitchboardError as exc:
        st.session_state[_PROBLEM] = exc
    else:
        done = "restored" if version.retired_at_us else "retired"
        session.note("prompt_changed", version.digest[:16], done)
