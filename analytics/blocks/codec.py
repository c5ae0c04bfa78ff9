"""Columns of whole numbers as bytes: each in the smallest type that holds it, constants as one value.

Layout: length of the header (4 bytes, little endian), the header as JSON, padding to 8 bytes, then the
columns, largest items first so that each one is aligned.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from analytics.metrics import Ints

_TYPES = [(f"<i{size}", -(1 << 8 * size - 1), (1 << 8 * size - 1) - 1) for size in (1, 2, 4, 8)]


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


class Block:
    """Reads packed columns; each one when it is asked for, without copying."""

    def __init__(self, data: bytes) -> None:
        (length,) = struct.unpack_from("<I", data)
        self.n, constants, typed = json.loads(data[4 : 4 + length])
        self._constants: dict[str, int] = constants
        self._data = data
        self._places: dict[str, tuple[str, int]] = {}
        place = 4 + length + (-(length + 4) % 8)
        for name, kind in typed:
            self._places[name] = (kind, place)
            place += self.n * int(kind[2:])

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        """A column, of a type as small as its values. One that an older release did not keep is 0."""
        place = self._places.get(name)
        if place is None:
            value = self._constants.get(name, 0)
            kind = next(kind for kind, least, most in _TYPES if least <= value <= most)
            return np.broadcast_to(np.array(value, dtype=kind), (self.n,))
        return np.frombuffer(self._data, dtype=place[0], count=self.n, offset=place[1])
