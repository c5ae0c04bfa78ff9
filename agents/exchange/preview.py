"""What a file would bring in, before anything is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from agents.exchange.known import Known
from agents.exchange.reading import Entry
from core.database import Database

State = Literal["new", "known", "broken"]
MAX_ROWS = 10_000
MAX_PROBLEMS = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One conversation of the file."""

    number: int
    state: State
    title: str
    messages: int = 0
    versions: int = 0
    """Messages that are another version of one before them."""
    created_at_us: int | None = None
    updated_at_us: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What is wrong with an entry. `lost`: it cannot come in; else it was mended."""

    number: int
    title: str
    what: str
    lost: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    new: int
    known: int
    broken: int
    messages: int
    """Of the new ones."""
    since_us: int | None
    until_us: int | None
    forms: tuple[str, ...]
    owners: int
    """How many people the chats belonged to in the other program; 0 when it does not say."""
    rows: tuple[Row, ...]
    """The first of them."""
    problems: tuple[Problem, ...]
    mended: int


def preview(
    database: Database,
    entries: Iterable[Entry],
    owner: str,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> Preview | None:
    """Reads all of it; None when it was stopped. Raises InvalidInput for a file of no use."""
    known = Known(database, owner)
    counts: Counter[State] = Counter()
    forms: dict[str, None] = {}
    owners: set[str] = set()
    rows: list[Row] = []
    problems: list[Problem] = []
    messages = mended = 0
    since: int | None = None
    until: int | None = None
    for entry in entries:
        if stopped():
            return None
        row = _row(entry, known)
        counts[row.state] += 1
        if entry.form:
            forms[entry.form] = None
        if entry.owner:
            owners.add(entry.owner)
        if row.state == "new":
            messages += row.messages
            mended += bool(entry.notes)
            ends = [at for at in (row.created_at_us, row.updated_at_us) if at is not None]
            since = min([*ends, *([since] if since is not None else [])], default=None)
            until = max([*ends, *([until] if until is not None else [])], default=None)
        if len(rows) < MAX_ROWS:
            rows.append(row)
        said = [entry.problem] if entry.problem else list(entry.notes)
        for what in said if row.state != "known" else ():
            # What is lost comes first: mended ones must not crowd it out.
            if entry.problem or len(problems) < MAX_PROBLEMS // 2:
                problems.append(
                    Problem(
                        number=entry.number, title=entry.title, what=what, lost=bool(entry.problem)
                    )
                )
        del problems[MAX_PROBLEMS:]
    return Preview(
        new=counts["new"],
        known=counts["known"],
        broken=counts["broken"],
        messages=messages,
        since_us=since,
        until_us=until,
        forms=tuple(forms),
        owners=len(owners),
        rows=tuple(rows),
        problems=tuple(sorted(problems, key=lambda one: (not one.lost, one.number))),
        mended=mended,
    )


def _row(entry: Entry, known: Known) -> Row:
    one = entry.conversation
    if one is None:
        return Row(number=entry.number, state="broken", title=entry.title)
    digest = one.digest()
    there = known.has(one, digest)
    known.add(digest)
    versions = sum(number > 1 for number, _ in one.versions().values())
    times = [message.created_at_us for message in one.messages if message.created_at_us is not None]
    return Row(
        number=entry.number,
        state="known" if there else "new",
        title=one.title,
        messages=len(one.messages),
        versions=versions,
        created_at_us=one.created_at_us or min(times, default=None),
        updated_at_us=one.updated_at_us or max(times, default=None),
    )
