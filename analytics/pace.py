"""How fast rows are written and how fast the file grows. Samples in memory, of this process only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

MINUTE_S = 60
SAMPLE_EVERY_S = 600.0
ENOUGH_S = 6 * 3600.0
"""The write-ahead log alone goes up and down by some MB: less time would say little."""
_KEPT = 145  # a day of samples
_DAY_S = 86_400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """How a file grew. Negative when it became smaller."""

    bytes_per_day: float
    hours: float
    """What it rests on."""


class Pace:
    """`note` belongs to the writer thread, the rest to any."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rows: deque[tuple[int, int]] = deque(maxlen=MINUTE_S)
        """(whole second, rows): one entry for each second in which something was written."""
        self._sizes: deque[tuple[float, int]] = deque(maxlen=_KEPT)

    def note(self, rows: int, size: Callable[[], int | None]) -> None:
        """After a commit. `size` in bytes; it is asked every ten minutes at most."""
        now = self._clock()
        if self._rows and self._rows[-1][0] == int(now):
            rows += self._rows.pop()[1]
        self._rows.append((int(now), rows))
        if self._sizes and now - self._sizes[-1][0] < SAMPLE_EVERY_S:
            return
        num_bytes = size()
        if num_bytes is not None:
            self._sizes.append((now, num_bytes))

    def rows_per_s(self) -> float:
        """Rows of the last minute, by second."""
        since = int(self._clock()) - MINUTE_S
        return sum(rows for second, rows in self._rows.copy() if second > since) / MINUTE_S

    def growth(self, num_bytes: int | None) -> Growth | None:
        """From the oldest sample to now; None without a size or with less than ENOUGH_S."""
        sizes = self._sizes.copy()
        if num_bytes is None or not sizes:
            return None
        at, before = sizes[0]
        seconds = self._clock() - at
        if seconds < ENOUGH_S:
            return None
        per_day = (num_bytes - before) / seconds * _DAY_S
        return Growth(bytes_per_day=per_day, hours=seconds / 3600)
