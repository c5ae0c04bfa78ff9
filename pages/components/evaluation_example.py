"""The question set that ships: twenty questions about the handbook, for a first evaluation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from agents.evaluation.reading import read_set
from core.settings import ROOT
from pages.components.evaluation_preview import ask_name, questions, save_button, show_preview

if TYPE_CHECKING:
    from agents.runtime import Runtime

PATH = ROOT / "deploy" / "example-questions.jsonl"


def show_example(runtime: Runtime) -> None:
    """Draws it, with the button that takes it."""
    if runtime.settings.knowledge_dir != ROOT / "docs":
        st.caption(
            "The example asks about Switchboard's handbook, and your documents are others: expect "
            "most of its questions to fail."
        )
    cases = read_set(PATH.read_bytes(), PATH.name).cases
    name = ask_name("example_name", "Handbook")
    save_button(runtime, f"Save {questions(len(cases))}", "example_save", name, cases)
    show_preview(cases, key="example_preview")
