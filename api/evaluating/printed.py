"""What a command prints of an evaluation: plain text, safe for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agents.evaluation.question_set import Case
from agents.evaluation.values import Cell
from agents.evaluation.words import short
from analytics.intervals import minimum_n
from analytics.ranking.decision import P95
from api.evaluating.findings import Findings, passed_of
from core.pricing import format_usd
from core.text import clean

MOST_SHOWN = 30
_HEAD = ("Configuration", "Passed", "", "95 %", "p50", "p95", "Cost an answer")


def printed(found: Findings, texts: Mapping[str, str]) -> str:
    """Table, verdicts, and what failed. `texts`: answers by run id, of those that failed."""
    return clean("\n".join(_lines(found, texts)))


def _lines(found: Findings, texts: Mapping[str, str]) -> Iterator[str]:
    yield from grid([_HEAD, *_rows(found)])
    if not all(one.p95_sound for one in found.decision.standings):
        yield f"* of fewer than {minimum_n(P95)} answers: it may change much"
    for pair in found.decision.pairs:
        yield from ("", pair.verdict.text)
        yield from (f"  {note}" for note in pair.verdict.notes)
    for one in found.against if found.earlier else ():
        yield from ("", one.sentence)
        yield from (f"  {note}" for note in one.notes)
    yield from _failed(found, texts)


def _rows(found: Findings) -> Iterator[tuple[str, ...]]:
    for one in found.decision.standings:
        low, high = one.quality_low, one.quality_high
        undecided = found.open[one.key]
        cost = None if one.mean_cost_pusd is None else round(one.mean_cost_pusd)
        yield (
            found.labels[one.key],
            f"{passed_of(one):,} of {one.quality_n:,}"
            + (f", {undecided:,} open" if undecided else ""),
            "–" if one.quality is None else f"{one.quality:.1%}",
            "–" if low is None or high is None else f"{low:.1%} to {high:.1%}",
            _seconds(one.p50_us),
            _seconds(one.p95_us) + ("" if one.p95_sound else " *"),
            format_usd(cost),
        )


def _seconds(us: float | None) -> str:
    return "–" if us is None else f"{us / 1e6:.2f} s"


def grid(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns of text; the first to the left, the others to the right."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if k else cell.ljust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _failed(found: Findings, texts: Mapping[str, str]) -> Iterator[str]:
    cells = not_passed(found)
    labels = list(found.labels.values())
    for cell in cells[:MOST_SHOWN]:
        case = found.results.cases[cell.case_number]
        answer = texts.get(cell.run_id or "")
        yield from ("", *cell_lines(cell, case, labels[cell.configuration], answer))
    if len(cells) > MOST_SHOWN:
        yield from ("", f"and {len(cells) - MOST_SHOWN:,} more; --report answers.csv has them all")


def not_passed(found: Findings) -> list[Cell]:
    """Answers that failed, are missing or could not be decided."""
    return [one for one in found.results.cells if one.passed is not True]


def shown_first(found: Findings) -> list[Cell]:
    """Those of which the answer is printed."""
    return not_passed(found)[:MOST_SHOWN]


def cell_lines(cell: Cell, case: Case, label: str, answer: str | None) -> list[str]:
    """Question, answer, and the sentence of each check that failed or is open."""
    state = "OPEN" if cell.status == "done" and cell.passed is None else "FAILED"
    again = f", time {cell.repeat + 1}" if cell.repeat else ""
    lines = [f"{state}  {case.id}{again}, {label}", f"  question: {short(case.question, 200)}"]
    if answer:
        lines.append(f"  answer:   {short(answer, 300)}")
    return [*lines, *(f"  {sentence}" for sentence in cell.why_not())]
