"""The dialog that answers a question again with another agent or model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.components import chat_actions as act
from pages.components.choices import agent_options, model_options, split_agent

if TYPE_CHECKING:
    from agents.runtime import Runtime


@st.dialog("Answer again")
def answer_again_with(runtime: Runtime, question_id: str) -> None:
    """The earlier answers stay; ‹ › under the answer leads back to them."""
    agents, models = agent_options(), model_options(runtime)
    st.selectbox("Agent", list(agents), key="again_agent", format_func=agents.__getitem__)
    st.selectbox("Model", list(models), key="again_model", format_func=models.__getitem__)
    st.caption("The answer that is there stays; ‹ › under it leads from one to the other.")
    if st.button("Answer again", type="primary", key="again_now"):
        graph, agent = split_agent(st.session_state.again_agent)
        model = st.session_state.again_model or None
        act.answer_again(runtime, question_id, graph=graph, agent=agent, model=model)
        st.rerun()
