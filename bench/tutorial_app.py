"""The baseline: Streamlit's own chat tutorial, word for word where it matters.

The OpenAI stream goes straight into `st.write_stream`; the history is drawn again in every run.
"""

import os

import streamlit as st
from openai import OpenAI

st.title("ChatGPT-like clone")
client = OpenAI()  # OPENAI_API_KEY and OPENAI_BASE_URL
model = os.environ.get("BENCH_MODEL", "gpt-4o-mini")
if "messages" not in st.session_state:
    st.session_state.messages = []

for message in st.session_state.messages:
    with st.chat_message(message["role"]):
        st.markdown(message["content"])

if prompt := st.chat_input("What is up?"):
    st.session_state.messages.append({"role": "user", "content": prompt})
    with st.chat_message("user"):
        st.markdown(prompt)
    with st.chat_message("assistant"):
        stream = client.chat.completions.create(
            model=model,
            messages=[
                {"role": m["role"], "content": m["content"]} for m in st.session_state.messages
            ],
            stream=True,
        )
        response = st.write_stream(stream)
    st.session_state.messages.append({"role": "assistant", "content": response})
