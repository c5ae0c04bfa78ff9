"""Columns of whole numbers as bytes: each in the smallest type that holds it, constants as one value.

Layout: length of the header (4 bytes, little endian), the header as JSON, padding to 8 bytes, then the
columns, largest items first so that each one is aligned.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate
from typing import Any

import numpy as np

from analytics.metrics import Ints

_TYPES = [(f"<i{size}", -(1 << 8 * size - 1), (1 << 8 * size - 1) - 1) for size in (1, 2, 4, 8)]

_SIZES = {f"<i{size}": size for size in (1, 2, 4, 8)} | {"|i1": 1}


def pack(columns: Mapping[str, Ints]) -> bytes:
    """All columns have the same length."""
    given = {name: np.asarray(values, dtype=np.int64) for name, values in columns.items()}
    n = len(next(iter(given.values()))) if given else 0
    constants: dict[str, int] = {}
    typed: list[tuple[str, np.ndarray]] = []
    for name, values in given.items():
        low, high = (int(values.min()), int(values.max())) if n else (0, 0)
        if low == high:
            constants[name] = low
        else:
            kind = next(name for name, least, most in _TYPES if least <= low and high <= most)
            typed.append((name, values.astype(kind)))
    typed.sort(key=lambda column: -column[1].itemsize)
    columns_of = [[name, values.dtype.str] for name, values in typed]
    header = json.dumps([n, constants, columns_of], separators=(",", ":")).encode()
    padding = b"\0" * (-(len(header) + 4) % 8)
    body = b"".join(values.tobytes() for _, values in typed)
    return struct.pack("<I", len(header)) + header + padding + body


@lru_cache(maxsize=1_024)
def _layout(typed: bytes) -> Mapping[str, tuple[str, int]]:
    """For each column its type, and the bytes of one row that stand before it."""
    columns = json.loads(typed.decode())
    before = accumulate((_SIZES[kind] for _, kind in columns), initial=0)
    return {name: (kind, place) for (name, kind), place in zip(columns, before, strict=False)}


class Block:
    """Reads packed columns; each one when it is asked for, without copying.

    A page opens thousands of blocks with sixty columns each, and most are laid out like others: what
    can be shared is, or opening them would take longer than adding them up.
    """

    def __init__(self, data: bytes) -> None:
        (length,) = struct.unpack_from("<I", data)
        header = data[4 : 4 + length]
        typed = header.index(b"},[") + 2
        self.n, self._constants = json.loads((header[: typed - 1] + b"]").decode())
        self._layout = _layout(header[typed:-1])
        self._data = data
        self._first = 4 + length + (-(length + 4) % 8)

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        """A column, of a type as small as its values. One that an older release did not keep is 0."""
        found = self._layout.get(name)
        if found is None:
            value = self._constants.get(name, 0)
            kind = next(kind for kind, least, most in _TYPES if least <= value <= most)
            return np.broadcast_to(np.array(value, dtype=kind), (self.n,))
        kind, before = found
        place = self._first + self.n * before
        return np.frombuffer(self._data, dtype=kind, count=self.n, offset=place)
