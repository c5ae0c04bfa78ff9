"""Numbers for names in the table `label`: what blocks hold instead of texts."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
from sqlalchemy import Connection, func, insert, select, update

from analytics.columns import Labels
from analytics.metrics import NONE, Ints
from analytics.schema import label, schema_meta

# Dimensions whose values are of the same kind share their numbers.
_KIND = {
    "asked_model": "model",
    "asked_provider": "provider",
    "route": "agent",
    "call_status": "status",
    "step_status": "status",
}


def kind_of(dimension: str) -> str:
    return _KIND.get(dimension, dimension)


LABEL_VERSION = "label_version"
"""In schema_meta: grows with every name that is added or erased."""
_VERSION = select(schema_meta.c.value).where(schema_meta.c.name == LABEL_VERSION)


class LabelWriter:
    """Gives codes, 0 for NULL. Call `begin` in each transaction."""

    def __init__(self) -> None:
        self._codes: dict[str, dict[str | None, int]] = {}
        self._version = 0
        self._connection: Connection | None = None

    def begin(self, connection: Connection) -> None:
        """Forgets what changed: names that were erased, or added by a transaction that failed."""
        self._connection = connection
        found = version(connection)
        if found != self._version:
            self._codes.clear()
        self._version = found

    def encode(self, dimension: str, labels: Labels) -> Ints:
        """The code of each row of a text column; new names are written."""
        kind = kind_of(dimension)
        codes = self._of(kind)
        missing = [name for name in labels.names if name not in codes]
        if missing:
            self._add(kind, codes, missing)
        lookup = np.array([codes[name] for name in labels.names], dtype=np.int64)
        return lookup[labels.codes] if len(lookup) else np.empty(0, dtype=np.int64)

    def code(self, dimension: str, name: str) -> int:
        """The code of a name; -1 when no row ever had it."""
        return self._of(kind_of(dimension)).get(name, NONE)

    def _of(self, kind: str) -> dict[str | None, int]:
        codes = self._codes.get(kind)
        if codes is None:
            assert self._connection is not None
            codes = self._codes[kind] = {None: 0}
            names = read_names(self._connection, kind)
            codes.update((name, code) for code, name in names.items() if name is not None)
        return codes

    def _add(self, kind: str, codes: dict[str | None, int], names: list[str | None]) -> None:
        assert self._connection is not None
        highest = select(func.coalesce(func.max(label.c.code), 0)).where(label.c.kind == kind)
        last = int(self._connection.execute(highest).scalar_one())
        rows = [{"kind": kind, "code": last + k, "name": n} for k, n in enumerate(names, 1)]
        self._connection.execute(insert(label), rows)
        codes.update((name, last + k) for k, name in enumerate(names, 1))
        changed(self._connection)
        self._version = version(self._connection)


def read_names(connection: Connection, kind: str) -> Mapping[int, str | None]:
    """All codes of a kind."""
    found = connection.execute(select(label.c.code, label.c.name).where(label.c.kind == kind))
    return {row.code: row.name for row in found}


def kinds(connection: Connection) -> list[str]:
    """The kinds that have names."""
    return list(connection.execute(select(label.c.kind).distinct()).scalars())


def version(connection: Connection) -> int:
    """Grows with every name that is added or erased."""
    return int(connection.execute(_VERSION).scalar_one_or_none() or 0)


def changed(connection: Connection) -> None:
    """A name was added or erased in this transaction."""
    known = connection.execute(_VERSION).scalar_one_or_none()
    if known is None:
        # Of a file made later it is higher, whatever happened in the file before.
        first = time.time_ns() // 1000
        connection.execute(insert(schema_meta).values(name=LABEL_VERSION, value=first))
    else:
        same = schema_meta.c.name == LABEL_VERSION
        connection.execute(update(schema_meta).where(same).values(value=known + 1))
