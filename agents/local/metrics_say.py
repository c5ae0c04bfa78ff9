"""A metrics result in words: the figure, its period, what it rests on, and a table when it is split.

Reads the JSON of core/metrics_query.py `MetricsAnswer`, as agents/metrics_agent.py writes it. Unknown
stays unknown; the answer never computes a figure that is not in the result.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

MAX_ROWS = 12

_NAMES = {
    "runs": "number of runs", "users": "number of users", "tokens": "number of tokens",
    "input_tokens": "number of input tokens", "output_tokens": "number of output tokens", "cost": "cost",
    "ttft_p50": "median time to first token", "ttft_p95": "time to first token (95th percentile)",
    "latency_p50": "median latency", "latency_p95": "latency (95th percentile)",
    "failure_rate": "failure rate", "fallback_rate": "fallback rate",
    "tokens_per_second": "output speed",
}  # fmt: skip
_COUNTS = ("runs", "users", "tokens", "input_tokens", "output_tokens")
_RANGES = {
    "15m": "in the last 15 minutes", "1h": "in the last hour", "6h": "in the last 6 hours",
    "24h": "in the last 24 hours", "7d": "in the last 7 days", "30d": "in the last 30 days",
    "90d": "in the last 90 days", "all": "over all recorded time",
}  # fmt: skip
_SPLITS = {"entry_point": "entry point"}
_MOST = re.compile(
    r"\b(?:most|highest|slow\w*|expensive|top|busiest|longest|worst|largest|biggest|popular|more)\b"
)
_LEAST = re.compile(
    r"\b(?:least|lowest|fast\w*|quick\w*|cheap\w*|fewest|shortest|smallest|best|reliable|less)\b"
)


def read_answer(text: str) -> Mapping[str, Any] | None:
    """The result as a mapping, or None when the text is no metrics result."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("question"), dict):
        return None
    return value if "unit" in value and isinstance(value.get("rows"), list) else None


def say(answer: Mapping[str, Any], asked: str = "") -> str:
    """The result as Markdown."""
    question, unit = answer["question"], str(answer["unit"])
    total = answer.get("total") or {}
    rows = [row for row in answer["rows"] if isinstance(row, dict)]
    measure = str(question.get("measure", "value"))
    split = str(question.get("split", "none"))
    scope = _scope(question.get("filters") or {})
    period = _period(question, answer)
    if not total.get("n") and not any(row.get("n") for row in rows):
        return _nothing(question, scope, period)
    parts = [_sentence(measure, unit, total, scope, period, split, rows, asked.lower())]
    if split != "none" and rows:
        parts.append(_table(split, measure, unit, rows))
    if note := str(answer.get("note") or "").strip():
        parts.append(note if note.endswith((".", "!")) else f"{note}.")
    return "\n\n".join(parts)


def _sentence(
    measure: str, unit: str, total: Mapping[str, Any], scope: str, period: str, split: str,
    rows: Sequence[Mapping[str, Any]], asked: str,
) -> str:  # fmt: skip
    name = _NAMES.get(measure, measure.replace("_", " "))
    whole = f"**{_figure(total.get('value'), unit)}**"
    n = _n(total)
    known = [row for row in rows if row.get("value") is not None]
    direction = _direction(measure, asked)
    if split != "none" and direction and len(known) > 1:
        best = (max if direction == "highest" else min)(known, key=lambda row: float(row["value"]))
        return (
            f"**{best.get('label')}** has the {direction} {name}: {_figure(best['value'], unit)}"
            f"{_n(best)} {period}{scope}. {_overall(measure)} it is {whole}{n}."
        )
    if total.get("value") is None:
        tail = "; by row it stands below." if known and split != "none" else "."
        return f"The {name}{scope} {period} is unknown{n}{tail}"
    if measure in _COUNTS:
        ended = ", split below" if split != "none" else ""
        many = f"{whole} {_noun(measure, total.get('value'))}"
        verb = "was" if total.get("value") == 1 else "were"
        return f"There {verb} {many}{scope} {period}{n if measure != 'runs' else ''}{ended}."
    ended = " overall, split below" if split != "none" else ""
    return f"The {name}{scope} {period} was {whole}{n}{ended}."


def _overall(measure: str) -> str:
    return "In total" if measure in (*_COUNTS, "cost") else "Overall"


def _noun(measure: str, value: object) -> str:
    noun = measure.replace("_", " ")
    return noun.removesuffix("s") if value == 1 else noun


def _direction(measure: str, asked: str) -> str:
    """Which end of the list the question asks for; empty when for none."""
    if measure == "tokens_per_second":  # more is faster
        if re.search(r"\b(?:fast|quick)\w*", asked):
            return "highest"
        if re.search(r"\bslow\w*", asked):
            return "lowest"
    if measure in ("runs", "users") and re.search(r"\bbest\b|\bfast", asked):
        return ""
    if _LEAST.search(asked):
        return "lowest"
    return "highest" if _MOST.search(asked) else ""


def _scope(filters: Mapping[str, Any]) -> str:
    names = [f"{key.replace('_', ' ')} {value}" for key, value in filters.items() if value]
    return f" for {' and '.join(names)}" if names else ""


def _period(question: Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    words = _RANGES.get(str(question.get("range")), "")
    since, until = _moment(answer.get("since")), _moment(answer.get("until"))
    if since and until:
        zone = until.strftime("%z")
        zone = (
            f", UTC{zone[:3]}:{zone[3:]}" if zone and zone != "+0000" else ", UTC" if zone else ""
        )
        return f"{words} ({_clock(since)} to {_clock(until)}{zone})".strip()
    return words


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def _clock(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y %H:%M}"


def _nothing(question: Mapping[str, Any], scope: str, period: str) -> str:
    wider = {
        "15m": "hour",
        "1h": "24 hours",
        "6h": "24 hours",
        "24h": "7 days",
        "7d": "30 days",
        "30d": "90 days",
    }
    hint = wider.get(str(question.get("range")))
    advice = f" Ask for the last {hint} to look further back." if hint else ""
    name = _NAMES.get(str(question.get("measure")), "figure")
    return f"Nothing was recorded{scope} {period}, so there is no {name} to report.{advice}"


def _table(split: str, measure: str, unit: str, rows: Sequence[Mapping[str, Any]]) -> str:
    title = _SPLITS.get(split, split).capitalize()
    name = _NAMES.get(measure, measure).removeprefix("number of ")
    same = unit in ("runs",)
    head = f"| {title} | {name[:1].upper()}{name[1:]} |" + ("" if same else " n |")
    lines = [head, "| --- | ---: |" + ("" if same else " ---: |")]
    for row in rows[:MAX_ROWS]:
        label = str(row.get("label") or "(none)").replace("|", "\\|")
        count = "" if same else f" {_count(row.get('n'))} |"
        lines.append(f"| {label} | {_figure(row.get('value'), unit, bare=True)} |{count}")
    if len(rows) > MAX_ROWS:
        lines.append("")
        lines.append(f"{len(rows) - MAX_ROWS} more rows are not shown.")
    return "\n".join(lines)


def _n(row: Mapping[str, Any]) -> str:
    return f" (n = {_count(row.get('n'))})" if row.get("n") is not None else ""


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "unknown"


def _figure(value: object, unit: str, *, bare: bool = False) -> str:
    """A value with its unit; counts stand without one."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return "unknown"
    if unit == "usd":
        return _dollars(float(value))
    if unit == "seconds":
        return f"{value:.2f} s" if value < 10 else f"{value:,.1f} s"
    if unit == "share":
        return f"{value * 100:.1f} %"
    if unit == "tokens/s":
        return f"{value:,.1f} tokens/s"
    return f"{value:,.0f}"


def _dollars(value: float) -> str:
    if value == 0:
        return "$0"
    if abs(value) < 0.01:
        return f"${value:.6f}".rstrip("0")
    return f"${value:,.4f}" if abs(value) < 1 else f"${value:,.2f}"
