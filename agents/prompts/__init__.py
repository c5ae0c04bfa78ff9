"""Prompts are files beside this one; `load` reads them.

Inside a graph they are read through `RunContext.prompt`, which knows the version a run asks for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "answer": "Rules of answers from documents",
        "answer_without_documents": "Rules of answers without documents",
        "technical": "Technical agent",
        "billing": "Billing agent",
        "policy": "Policy agent",
        "general": "General agent",
        "data": "Data agent",
        "router": "Choosing the agent",
        "react": "ReAct agent",
        "react_without_documents": "ReAct agent without documents",
    }
)
"""The prompts a version may replace, with what people call them.

`continue` and `note` are not among them: one mends an answer that broke off, the other introduces
what a person wants, whatever the version.
"""


@cache
def load(name: str) -> str:
    """The text of `<name>.md`. Raises FileNotFoundError: a missing prompt is a broken build."""
    return (Path(__file__).parent / f"{name}.md").read_text("utf-8").strip()


@cache
def digest() -> str:
    """SHA-256 of the prompts that ship, in hex: equal digests are equal prompts."""
    texts = "\0".join(f"{name}\0{load(name)}" for name in sorted(TITLES))
    return hashlib.sha256(texts.encode()).hexdigest()
