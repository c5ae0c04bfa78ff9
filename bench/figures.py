"""What a benchmark says: one JSON object per line, and how a person reads them.

`ratio` says how many times better the value is than the baseline: above 1 is better, whatever the
unit. `aim` is a promise of ours; a line that misses it says so, here and in the table.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

Line = dict[str, Any]


def figure(
    name: str,
    values: Sequence[float] | float,
    unit: str,
    *,
    baseline: Sequence[float] | float | None = None,
    more_is_better: bool = False,
    at_most: float | None = None,
    ratio_at_least: float | None = None,
    note: str | None = None,
) -> Line:
    """The median of some values beside the median of the baseline's."""
    ours = _list(values)
    value = statistics.median(ours)
    line: Line = {"name": name, "value": _round(value), "unit": unit}
    ratio = None
    if baseline is not None:
        theirs = statistics.median(_list(baseline))
        line["baseline"] = _round(theirs)
        over, under = (value, theirs) if more_is_better else (theirs, value)
        ratio = line["ratio"] = _round(over / under) if under else None
    line["n"] = len(ours)
    if len(ours) > 1:
        line["low"], line["high"] = _round(min(ours)), _round(max(ours))
    if at_most is not None:
        line |= {"aim": f"<= {at_most:g} {unit}", "met": value <= at_most}
    if ratio_at_least is not None:
        met = ratio is None or ratio >= ratio_at_least
        line |= {"aim": f"ratio >= {ratio_at_least:g}", "met": met}
    if note:
        line["note"] = note
    return line


def p95(values: Sequence[float]) -> float:
    """Nearest rank; 0 of nothing."""
    ordered = sorted(values)
    return ordered[int(len(ordered) * 0.95)] if ordered else 0.0


def say(lines: Iterable[Line]) -> None:
    """Prints each line at once: bench/run.py reads them as they come."""
    for line in lines:
        print(json.dumps(line), flush=True)


def parse(text: str) -> Line | None:
    """A line of a benchmark's output; None for anything that is not a figure."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and "name" in line and "value" in line else None


def table(lines: Iterable[Line]) -> str:
    """The figures as text columns."""
    head = ("", "value", "unit", "baseline", "ratio", "n", "low - high", "aim")
    rows = [head, *(_row(line) for line in lines)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
    right = {1, 3, 4, 5}
    text = (
        "  ".join(
            cell.rjust(width) if k in right else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
    return "\n".join(text)


def _row(line: Line) -> tuple[str, ...]:
    spread = f"{line['low']} - {line['high']}" if "low" in line else ""
    aim = line.get("aim", "")
    if aim and not line["met"]:
        aim += "  MISSED"
    values = (line.get(key) for key in ("name", "value", "unit", "baseline", "ratio", "n"))
    return (*("" if value is None else str(value) for value in values), spread, aim)


def _list(values: Sequence[float] | float) -> Sequence[float]:
    return [values] if isinstance(values, int | float) else values


def _round(value: float) -> float:
    """Three significant digits, none of them invented."""
    return float(f"{value:.4g}") if abs(value) < 1000 else round(value)
