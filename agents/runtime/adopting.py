"""Makes what belonged to one owner another one's, in every store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agents.identity.adopting import adopt_rows
from analytics.adoption import adopt_user
from core.identity import LOCAL

if TYPE_CHECKING:
    from agents.runtime.runtime import Runtime


@dataclass(kw_only=True, slots=True)
class Adopted:
    rows: dict[str, int] = field(default_factory=dict)
    """By table of app.db."""
    runs: int = 0
    """Recorded ones."""
    notes: int = 0


def adopt(runtime: Runtime, owner: str) -> Adopted:
    """Gives everything of the time before anybody logged in to an account.

    Nothing may be running. Raises NotFound, and StorageError; then call it again.
    """
    runtime.identity.accounts.get(owner)
    runtime.recorder.flush()
    with runtime.database.write() as connection:
        rows = adopt_rows(connection, LOCAL.owner, owner)
    adopted = Adopted(
        rows=rows,
        runs=adopt_user(runtime.recorder, LOCAL.owner, owner),
        notes=runtime.knowledge.give_notes(LOCAL.owner, owner),
    )
    runtime.identity.audit.note(None, "data_adopted", owner)
    return adopted
