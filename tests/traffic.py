"""Synthetic traffic as a database file: made once per process, then copied."""

from __future__ import annotations

import tempfile
import time
from functools import cache
from pathlib import Path

from bench.make_traffic import Traffic, write_traffic

NOW_US = time.time_ns() // 1000
"""When the tests began: traffic without an end of its own ends then."""


def copy_traffic(path: Path, count: int, *, seed: int, days: float, until_us: int = NOW_US) -> None:
    """The same runs for the same arguments."""
    path.write_bytes(_made(count, seed, days, until_us))


@cache
def _made(count: int, seed: int, days: float, until_us: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "analytics.db"
        write_traffic(path, count, Traffic(seed=seed, days=days, until_us=until_us))
        assert not path.with_name("analytics.db-wal").exists(), "all of it is in the file"
        return path.read_bytes()
