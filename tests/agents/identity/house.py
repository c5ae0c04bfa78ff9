"""An `Identity` over a real database, with a clock that a test sets and hashes that take no time."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from agents.identity import Identity
from agents.identity.login_limit import LoginLimit
from agents.identity.passwords import Passwords
from agents.migrations import make_or_migrate
from core.database import Database
from core.settings import Settings

PASSWORD = "four words in a row"
START_US = 1_800_000_000_000_000
HOUR_US = 3_600_000_000


@dataclass(slots=True)
class Clock:
    now: int = START_US

    def __call__(self) -> int:
        self.now += 1  # as a real one: no two moments are the same
        return self.now

    def forward(self, us: int) -> None:
        self.now += us


def fast() -> PasswordHasher:
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass(slots=True)
class House:
    folder: Path
    options: dict[str, Any] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    passwords: Passwords = field(default_factory=lambda: Passwords(fast()))
    limit: LoginLimit = field(
        default_factory=lambda: LoginLimit("1000 per minute", "1000 per minute")
    )
    database: Database = field(init=False)
    identity: Identity = field(init=False)

    def __post_init__(self) -> None:
        self.database = Database(f"sqlite:///{self.folder}/app.db", prepare=make_or_migrate)
        self.again()

    def again(self, **options: Any) -> Identity:
        """As after a restart, perhaps with other settings."""
        settings = Settings(
            data_dir=self.folder, **({"auth": "accounts,oidc"} | self.options | options)
        )
        self.identity = Identity(
            settings, self.database, clock=self.clock, passwords=self.passwords, limit=self.limit
        )
        return self.identity

    def add(self, login: str = "alice", role: Any = "user") -> str:
        return self.identity.accounts.add(login, role=role, password=PASSWORD).owner

    def log_in(self, login: str = "alice", password: str = PASSWORD) -> str:
        return self.identity.accounts.log_in(login, password, "10.0.0.1")
