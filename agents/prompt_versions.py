"""Versions of the prompts: named sets of texts that stand in for files of agents/prompts/.

A version never changes once it is saved, so that a name in a run's record says for ever what the
models were told. One that is not wanted any more is retired: no longer offered, still readable.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from agents import prompts
from agents.tables import prompt_version
from agents.threads import now_us
from core.database import Database
from core.errors import InvalidInput, NotFound
from core.text import clean

MAX_NAME = 60
MAX_TEXT = 20_000
MAX_NOTE = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptVersion:
    name: str
    texts: Mapping[str, str]
    """What it replaces: name of the prompt to its text. All others are as they ship."""
    digest: str
    """SHA-256 of the texts, in hex."""
    base: str | None
    """The version it was derived from; None: the prompts that ship."""
    note: str
    owner: str | None
    """Who saved it; None once that person was erased."""
    created_at_us: int
    retired_at_us: int | None

    def text(self, name: str) -> str:
        """What a model is told where the prompt `name` is due."""
        return self.texts[name] if name in self.texts else prompts.load(name)


class PromptVersions:
    """Shared by all people of an installation. Every method may raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._seen: dict[str, PromptVersion] = {}
        """Runs ask on the run loop, which must not wait for a disk; texts never change."""

    def get(self, name: str) -> PromptVersion:
        """A version, retired or not. Raises NotFound."""
        with self._db.read() as connection:
            found = _find(connection, name)
        if found is None:
            raise NotFound(
                f"There is no prompt version '{_short(name)}'.",
                what_to_do="Choose one that is on the Settings page under Prompts.",
            )
        self._seen[name] = found
        return found

    def seen(self, name: str) -> PromptVersion:
        """As `get`, without the disk when it was read before; whether it is retired may be old."""
        return self._seen.get(name) or self.get(name)

    def save(
        self,
        name: str,
        texts: Mapping[str, str],
        *,
        note: str = "",
        base: str | None = None,
        owner: str = "local",
    ) -> PromptVersion:
        """Keeps a version. Texts that are as they ship are left out of it.

        Saving the same once more changes nothing. Raises InvalidInput for a name that is taken by
        other texts and for what cannot be kept, NotFound for an unknown `base`.
        """
        made = _checked(name, texts, note, base, owner)
        with self._db.write() as connection:
            if base is not None and _find(connection, base) is None:
                raise NotFound(f"There is no prompt version '{_short(base)}' to begin from.")
            there = _find(connection, made.name)
            if there is None:
                row = {field: getattr(made, field) for field in made.__slots__}
                connection.execute(insert(prompt_version).values(row | {"texts": dict(made.texts)}))
                return made
        if there.digest != made.digest:
            raise InvalidInput(
                f"There is a prompt version '{made.name}' with other texts already.",
                what_to_do="A version never changes: choose another name.",
            )
        return there

    def retire(self, name: str) -> None:
        """Takes it from the choices; runs of the past and their repetitions keep it."""
        self._set(name, retired_at_us=now_us())

    def restore(self, name: str) -> None:
        """Offers a retired version again."""
        self._set(name, retired_at_us=None)

    def forget_owner(self, owner: str) -> None:
        """Versions stay when the person who saved them is erased, without the name."""
        self._seen.clear()
        with self._db.write() as connection:
            connection.execute(
                update(prompt_version).where(prompt_version.c.owner == owner).values(owner=None)
            )

    def list(self, *, retired: bool = False) -> tuple[PromptVersion, ...]:
        """Newest first; with `retired`, those too."""
        query = select(prompt_version).order_by(
            prompt_version.c.created_at_us.desc(), prompt_version.c.name
        )
        if not retired:
            query = query.where(prompt_version.c.retired_at_us.is_(None))
        with self._db.read() as connection:
            return tuple(_version(row) for row in connection.execute(query))

    def _set(self, name: str, **values: int | None) -> None:
        self.get(name)
        with self._db.write() as connection:
            connection.execute(
                update(prompt_version).where(prompt_version.c.name == name).values(values)
            )


def _find(connection: Connection, name: str) -> PromptVersion | None:
    if clean(name) != name:  # a lone surrogate, which no driver takes
        return None
    query = select(prompt_version).where(prompt_version.c.name == name)
    row = connection.execute(query).first()
    return None if row is None else _version(row)


def _version(row: Row[Any]) -> PromptVersion:
    values = dict(row._mapping)
    return PromptVersion(**values | {"texts": MappingProxyType(values["texts"])})


def _checked(
    name: str, texts: Mapping[str, str], note: str, base: str | None, owner: str
) -> PromptVersion:
    """A version that can be kept. Raises InvalidInput with what to change."""
    name = _name(name)
    if unknown := sorted(set(map(str, texts)) - set(prompts.TITLES)):
        raise InvalidInput(
            f"A version cannot replace a prompt '{_short(unknown[0])}'.",
            what_to_do=f"It may replace: {', '.join(prompts.TITLES)}.",
        )
    kept = {key: _text(key, texts[key]) for key in prompts.TITLES if key in texts}
    changed = {key: text for key, text in kept.items() if text != prompts.load(key)}
    if not changed:
        raise InvalidInput(
            "Every text is as it ships.", what_to_do="Change at least one of the prompts."
        )
    note = clean(note).strip()
    if len(note) > MAX_NOTE:
        raise InvalidInput(
            f"The note has {len(note):,} characters; the limit is {MAX_NOTE:,}.",
            what_to_do="Shorten it.",
        )
    return PromptVersion(
        name=name,
        texts=MappingProxyType(changed),
        digest=_digest(changed),
        base=base,
        note=note,
        owner=owner,
        created_at_us=now_us(),
        retired_at_us=None,
    )


def _name(name: object) -> str:
    given = " ".join(name.split()) if isinstance(name, str) else ""
    if not 0 < len(given) <= MAX_NAME or not given.isprintable():
        raise InvalidInput(
            f"The name of a prompt version has 1 to {MAX_NAME} printable characters.",
            what_to_do="Choose another name.",
        )
    return given


def _text(key: str, text: object) -> str:
    title = prompts.TITLES[key]
    if not isinstance(text, str):
        raise InvalidInput(f"The prompt '{title}' is not text.")
    given = clean(text).strip()
    if not given:
        raise InvalidInput(
            f"The prompt '{title}' is empty.", what_to_do="Write a text, or leave it as it ships."
        )
    if len(given) > MAX_TEXT:
        raise InvalidInput(
            f"The prompt '{title}' has {len(given):,} characters; the limit is {MAX_TEXT:,}.",
            what_to_do="Shorten it.",
        )
    return given


def _digest(texts: Mapping[str, str]) -> str:
    text = json.dumps(dict(texts), sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _short(text: object) -> str:
    """An unknown name in a sentence."""
    return clean(str(text))[:MAX_NAME]
