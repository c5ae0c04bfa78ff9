"""Small phrases for sentences about checks. Plain text: a page escapes it before it shows it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def short(text: str, limit: int = 80) -> str:
    """One line of at most `limit` characters."""
    line = " ".join(text[: 4 * limit].split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def quoted(texts: Iterable[str], joint: str = "and") -> str:
    """“a”, “b” and “c”; of many the first five."""
    return joined([f"“{short(text)}”" for text in texts], joint)


def joined(names: Sequence[str], joint: str = "and") -> str:
    """a, b and c; of many the first five."""
    shown = list(names[:5])
    if more := len(names) - len(shown):
        shown.append(f"{more} more")
    return f"{', '.join(shown[:-1])} {joint} {shown[-1]}" if len(shown) > 1 else "".join(shown)


def seconds(us: float) -> str:
    """Microseconds as seconds, to the millisecond below a minute and a half."""
    return f"{_without_zeros(f'{us / 1e6:.3f}')} s" if us < 90e6 else f"{us / 1e6:,.0f} s"


def dollars(usd: float) -> str:
    """To the pico-dollar, unlike money on pages: it stands beside the limit it is compared with."""
    return f"${_without_zeros(f'{usd:.12f}')}"


def _without_zeros(number: str) -> str:
    return number.rstrip("0").rstrip(".")
