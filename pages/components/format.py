"""Numbers as people read them. Unknown is said, never shown as 0."""

from __future__ import annotations

UNKNOWN = "unknown"


def duration(us: float | None) -> str:
    """Microseconds as "12 ms", "1.24 s" or "2 min 5 s"."""
    if us is None:
        return UNKNOWN
    ms = us / 1000
    if ms < 1:
        return "< 1 ms"
    if ms < 1000:
        return f"{ms:.0f} ms"
    seconds = ms / 1000
    if seconds < 100:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


def count(value: float | None) -> str:
    """ "1,234", or "12.3 k" and "1.2 M" for large ones."""
    if value is None:
        return UNKNOWN
    if value < 10_000:
        return f"{value:,.0f}"
    return f"{value / 1000:,.1f} k" if value < 1_000_000 else f"{value / 1e6:,.2f} M"


def speed(tokens_per_s: float | None) -> str:
    return UNKNOWN if tokens_per_s is None else f"{tokens_per_s:,.0f} tokens/s"


def known_money(shown: str, *, missing: int, of: int) -> str:
    """A sum of known costs as part of a sentence; `shown` is it as Markdown.

    When every one of the `of` calls is unpriced the sum is 0, and that is not what was spent.
    """
    return "no known price" if of and missing >= of else f"{shown} known"


def share(value: float | None) -> str:
    """0..1 as percent."""
    return UNKNOWN if value is None else f"{value:.1%}"


def size(num_bytes: int | None) -> str:
    if num_bytes is None:
        return UNKNOWN
    for unit in ("B", "kB", "MB"):
        if num_bytes < 1000 or unit == "MB":
            return f"{num_bytes:,.0f} {unit}" if unit == "B" else f"{num_bytes:,.1f} {unit}"
        num_bytes = num_bytes / 1000  # type: ignore[assignment]
    return UNKNOWN
