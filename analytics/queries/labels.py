"""Numbers for names: what a model, an agent or a person is called while figures are added up."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from analytics.metrics import Ints
from analytics.queries.reading import Labels

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


class LabelBook:
    """Ids of names by kind, 0 for NULL. Grows for the life of the process; safe from any thread."""

    def __init__(self) -> None:
        self._ids: dict[str, dict[str | None, int]] = {}
        self._names: dict[str, list[str | None]] = {}
        self._lock = threading.Lock()

    def id(self, dimension: str, name: str | None) -> int:
        kind = kind_of(dimension)
        found = self._ids.get(kind, {}).get(name)
        if found is not None:
            return found
        with self._lock:
            ids, names = self._ids.setdefault(kind, {None: 0}), self._names.setdefault(kind, [None])
            if name not in ids:
                names.append(name)
                ids[name] = len(names) - 1
            return ids[name]

    def ids(self, dimension: str, names: Sequence[str]) -> list[int]:
        return [self.id(dimension, name) for name in names]

    def name(self, dimension: str, code: int) -> str | None:
        return self._names.get(kind_of(dimension), [None])[code]

    def translate(self, dimension: str, labels: Labels) -> Ints:
        """The id of each row of a text column."""
        lookup = np.array([self.id(dimension, name) for name in labels.names], dtype=np.int64)
        return lookup[labels.codes] if len(lookup) else np.empty(0, dtype=np.int64)
