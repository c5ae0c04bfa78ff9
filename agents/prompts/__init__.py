"""Prompts are files beside this one; `load` reads them."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def load(name: str) -> str:
    """The text of `<name>.md`. Raises FileNotFoundError: a missing prompt is a broken build."""
    return (Path(__file__).parent / f"{name}.md").read_text("utf-8").strip()
