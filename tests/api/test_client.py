"""What the client is made of: little, and the same twice."""

from __future__ import annotations

import inspect
import subprocess
import sys

from api.client import AsyncSwitchboard, Switchboard

HEAVY = {
    "agents",
    "analytics",
    "asyncio",
    "fastapi",
    "langchain_core",
    "langgraph",
    "pandas",
    "pages",
    "pydantic",
    "rich",
    "sqlalchemy",
    "starlette",
    "streamlit",
}


def test_the_client_imports_nothing_of_the_server() -> None:
    code = (
        "import sys, api.client; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(ran.stdout.split()) == set()


def test_both_clients_have_the_same_methods_with_the_same_arguments() -> None:
    def shape(cls: type) -> dict[str, list[str]]:
        return {
            name: [str(p.replace(annotation=p.empty)) for p in inspect.signature(found).parameters.values()]
            for name, found in vars(cls).items()
            if inspect.isfunction(found) and not name.startswith("_")
        }  # fmt: skip

    assert shape(Switchboard) == shape(AsyncSwitchboard)
