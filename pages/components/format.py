"""Numbers as people read them. Unknown is said, never shown as 0."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo

from core.pricing import format_usd

UNKNOWN = "unknown"
MINUS = "−"
PUSD_PER_USD = 1e12
MOST_DECIMALS = 6


def duration(us: float | None) -> str:
    """Microseconds as "12 ms", "1.24 s" or "2 min 5 s". The unit is that of the rounded number."""
    if us is None:
        return UNKNOWN
    if us < 1000:
        return "< 1 ms"
    ms = round(us / 1000)
    if ms < 1000:
        return f"{ms} ms"
    seconds = us / 1e6
    if round(seconds, 2) < 10:
        return f"{seconds:.2f} s"
    if round(seconds, 1) < 100:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s"


def count(value: float | None) -> str:
    """ "1,234", or "12.3 k" and "1.2 M" for large ones. The unit is that of the rounded number."""
    if value is None:
        return UNKNOWN
    if round(value) < 10_000:
        return f"{value:,.0f}"
    thousands = round(value / 1000, 1)
    return f"{thousands:,.1f} k" if thousands < 1000 else f"{value / 1e6:,.2f} M"


def speed(tokens_per_s: float | None) -> str:
    return UNKNOWN if tokens_per_s is None else f"{tokens_per_s:,.0f} tokens/s"


def known_money(shown: str, *, missing: int, of: int) -> str:
    """A sum of known costs as part of a sentence; `shown` is it as Markdown.

    When every one of the `of` calls is unpriced the sum is 0, and that is not what was spent.
    """
    return "no known price" if of and missing >= of else f"{shown} known"


def share(value: float | None, digits: int = 1) -> str:
    """0..1 as "2.6 %"."""
    return UNKNOWN if value is None else f"{minus(f'{value * 100:.{digits}f}')} %"


def minus(text: str) -> str:
    """With a true minus sign, and none before a zero: "−0.3", "0.0"."""
    if not text.startswith("-"):
        return text
    return f"{MINUS}{text[1:]}" if text.strip("-$0.,") else text[1:]


def longer(us: float) -> str:
    """A difference of two times: "+12 ms", "−1.24 s", or "< 1 ms", which has no sign."""
    text = duration(abs(us))
    return text if abs(us) < 1000 else f"{MINUS if us < 0 else '+'}{text}"


def usd(pusd: float | None) -> str:
    """Pico-USD as "$0.033" or "−$1.20", as plain text."""
    return minus(format_usd(None if pusd is None else round(pusd)))


def usd_alike(column: Sequence[float | None]) -> Callable[[float | None], str]:
    """How money of one column is written: with the same number of decimals.

    As many as its largest amount needs for three digits, at most MOST_DECIMALS. What they cannot
    show is written as `usd` does.
    """
    largest = max((abs(value) for value in column if value), default=0.0) / PUSD_PER_USD
    decimals = 2
    while largest and decimals < MOST_DECIMALS and round(largest * 10**decimals) < 100:
        decimals += 1

    def shown(pusd: float | None) -> str:
        if not pusd or abs(pusd) / PUSD_PER_USD * 10**decimals < 1:
            return usd(pusd)
        sign = MINUS if pusd < 0 else ""
        return f"{sign}${abs(pusd) / PUSD_PER_USD:,.{decimals}f}"

    return shown


def size(num_bytes: int | None) -> str:
    if num_bytes is None:
        return UNKNOWN
    for unit in ("B", "kB", "MB"):
        if num_bytes < 1000 or unit == "MB":
            return f"{num_bytes:,.0f} {unit}" if unit == "B" else f"{num_bytes:,.1f} {unit}"
        num_bytes = num_bytes / 1000  # type: ignore[assignment]
    return UNKNOWN


def ago(at_us: int | None, now_us: int | None = None) -> str:
    """How long since a moment, as "just now", "5 min ago", "3 h ago" or "2 days ago"."""
    if at_us is None:
        return UNKNOWN
    now = time.time_ns() // 1000 if now_us is None else now_us
    minutes = max(0, now - at_us) // 60_000_000
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    if minutes < 48 * 60:
        return f"{minutes // 60} h ago"
    return f"{minutes // (24 * 60)} days ago"


def moment(at_us: int, zone: tzinfo) -> str:
    """A moment of the past or the future, as "22 Nov 2026, 15:20"."""
    return f"{datetime.fromtimestamp(at_us / 1e6, zone):%d %b %Y, %H:%M}"
