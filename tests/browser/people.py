"""Accounts in a server's data folder, written from beside it as the command line does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agents.identity import Identity
from agents.migrations import make_or_migrate
from core.database import Database
from core.settings import Settings

PEOPLE = {"ada": ("Ada Lovelace", "admin"), "bob": ("Bob", "user"), "eve": ("Eve", "analyst")}


def password(login: str) -> str:
    return f"several-words-of-{login}"


@contextmanager
def identity_of(data: Path) -> Iterator[Identity]:
    data.mkdir(parents=True, exist_ok=True)
    database = Database(f"sqlite:///{data / 'app.db'}", prepare=make_or_migrate)
    try:
        yield Identity(Settings(data_dir=data, auth=("accounts", "oidc")), database)
    finally:
        database.close()


def add_people(data: Path) -> None:
    with identity_of(data) as identity:
        for login, (name, role) in PEOPLE.items():
            identity.accounts.add(login, name=name, role=role, password=password(login))  # type: ignore[arg-type]


def fill_in(page: Any, login: str, secret: str | None = None) -> None:
    """Sends the login form that is shown."""
    page.get_by_label("Name").fill(login)
    page.get_by_label("Password").fill(secret or password(login))
    page.get_by_role("button", name="Log in").click()
