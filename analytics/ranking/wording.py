"""Numbers of a comparison as phrases that follow "B is": exact about percent, times and points.

"84 % cheaper" costs 84 % less, "20 % slower" takes 20 % longer: percent are always of a's value.
"1.8 times faster" means that a took 1.8 times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor

_TIMES_FROM = 1.5
"""A factor from here on is said as times, a smaller one as percent."""


def percent(share: float) -> str:
    """0.84 as "84 %". Small ones have a decimal, and less than all is never rounded to 100 %."""
    if share < 0.0095:
        return "less than 0.1 %" if share < 0.001 else f"{share * 100:.1f} %"
    if 0.99 < share < 1:
        return f"{floor(share * 1000) / 10:.1f} %" if share < 0.999 else "over 99.9 %"
    return f"{share * 100:.0f} %"


def percent_at_most(share: float) -> str:
    """Rounded up to whole percent, so that "within" holds."""
    return f"{ceil(share * 100 - 1e-9)} %"


def points(difference: float) -> str:
    """0.12 as "12 points", -0.013 as "1.3 points": the size, without the sign."""
    value = abs(difference) * 100
    if 0 < value < 0.05:
        return "less than 0.1 points"
    text = f"{value:.0f}" if round(value, 1) >= 10 else f"{value:.1f}".removesuffix(".0")
    return f"{text} {'point' if text == '1' else 'points'}"


def times(factor: float) -> str:
    """1.84 as "1.8 times", 12.3 as "12 times"."""
    text = f"{factor:,.0f}" if round(factor, 1) >= 10 else f"{factor:.1f}".removesuffix(".0")
    return f"{text} times"


def cost_phrase(ratio: float) -> str:
    """What a cost that is `ratio` times a's makes b."""
    if ratio < 1:
        return f"{percent(1 - ratio)} cheaper"
    if ratio < _TIMES_FROM:
        return f"{percent(ratio - 1)} more expensive"
    return f"{times(ratio)} as expensive"


def speed_phrase(ratio: float) -> str:
    """What a time that is `ratio` times a's makes b."""
    if ratio < 1 / _TIMES_FROM:
        return f"{times(1 / ratio)} faster"
    if ratio < 1:
        return f"{percent(1 - ratio)} faster"
    if ratio < _TIMES_FROM:
        return f"{percent(ratio - 1)} slower"
    return f"{times(ratio)} slower"


def between(low: float, high: float) -> str:
    """The ends of a ratio's interval, such as "between 30 % less and 2.4 times as much"."""
    return f"between {_amount(low)} and {_amount(high)}"


def _amount(ratio: float) -> str:
    if ratio < 1:
        return f"{percent(1 - ratio)} less"
    return f"{percent(ratio - 1)} more" if ratio < 2 else f"{times(ratio)} as much"


def about(count: int) -> str:
    """Two digits are known at most: 1,234 is "about 1,200"."""
    if count >= 100:
        digits = 10 ** (len(str(count)) - 2)
        count = round(count / digits) * digits
    return f"about {count:,}"


def plural(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def answers(count: int) -> str:
    return plural(count, "answer", "answers")


def listed(phrases: Sequence[str]) -> str:
    """ "x", "x and y" or "x, y and z"."""
    *first, last = phrases
    return f"{', '.join(first)} and {last}" if first else last


def duration(us: float) -> str:
    """Microseconds, without a sign, as "120 ms" or "2.3 s"."""
    ms = abs(us) / 1000
    return f"{max(ms, 1):.0f} ms" if ms < 999.5 else f"{ms / 1000:,.1f} s"
