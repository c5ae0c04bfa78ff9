"""Numbers for names while figures are added up: ids of this process, whatever codes blocks hold."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from sqlalchemy import Connection

from analytics.blocks.labels import kind_of, kinds, read_names
from analytics.columns import Labels
from analytics.metrics import Ints, Mask


class LabelBook:
    """Ids of names by kind, 0 for NULL. Grows for the life of the process; safe from any thread."""

    def __init__(self) -> None:
        self._ids: dict[str, dict[str | None, int]] = {}
        self._names: dict[str, list[str | None]] = {}
        self._of_code: dict[str, Ints] = {}
        self._version = 0
        self._lock = threading.Lock()

    def refresh(self, connection: Connection, found: int) -> None:
        """Learns what the codes in blocks mean at a label version: names come, erased ones go."""
        if found <= self._version:  # what a newer snapshot taught holds for older ones too
            return
        of_code: dict[str, Ints] = {}
        for kind in kinds(connection):
            names = read_names(connection, kind)
            lookup = np.zeros(max(names) + 1, dtype=np.int64)
            for code, name in names.items():
                lookup[code] = self.id(kind, name)
            of_code[kind] = lookup
        with self._lock:
            if found > self._version:
                self._of_code, self._version = of_code, found

    def id(self, dimension: str, name: str | None) -> int:
        kind = kind_of(dimension)
        found = self._ids.get(kind, {}).get(name)
        if found is not None:
            return found
        with self._lock:
            ids = self._ids.setdefault(kind, {None: 0})
            names = self._names.setdefault(kind, [None])
            if name not in ids:
                names.append(name)
                ids[name] = len(names) - 1
            return ids[name]

    def ids(self, dimension: str, names: Sequence[str]) -> list[int]:
        return [self.id(dimension, name) for name in names]

    def name(self, dimension: str, known: int) -> str | None:
        return self._names.get(kind_of(dimension), [None])[known]

    def of_labels(self, dimension: str, labels: Labels) -> Ints:
        """The id of each row of a text column."""
        lookup = np.array([self.id(dimension, name) for name in labels.names], dtype=np.int64)
        return lookup[labels.codes] if len(lookup) else np.empty(0, dtype=np.int64)

    def of_codes(self, dimension: str, codes: Ints) -> Ints:
        """The id of each row of a column of a block."""
        lookup = self._of_code.get(kind_of(dimension))
        return np.zeros(len(codes), dtype=np.int64) if lookup is None else lookup[codes]

    def codes_of(self, dimension: str, names: Sequence[str]) -> Mask:
        """For each code of blocks whether it stands for one of the names."""
        lookup = self._of_code.get(kind_of(dimension))
        if lookup is None:
            return np.zeros(1, dtype=np.bool_)
        found: Mask = np.isin(lookup, self.ids(dimension, list(names)))
        return found
