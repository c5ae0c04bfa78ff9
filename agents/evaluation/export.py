"""An evaluation as a file: what was asked of whom, what came of it, and everything to do it again.

Makes bytes of what it is given and reads nothing. For pages and for the command line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from agents.evaluation.results import Results
from agents.evaluation.values import ALONE, Cell, Judgement
from core.comparison import Configuration
from core.csv_text import Cell as CsvCell
from core.csv_text import to_csv
from core.version import VERSION

FORMAT = 1
_CONFIGURATION = ("model", "graph", "agent", "retrieval", "prompt", "temperature", "fallback")
_FACTS = (
    "status", "model", "agent", "ttft_us", "duration_us", "input_tokens", "output_tokens",
    "cost_pusd", "fallbacks",
)  # fmt: skip
CSV_HEADER = (
    "evaluation", "set", "set_version", "set_digest", "case", "question", "tags", "document",
    "repeat", "configuration", *(f"asked_{name}" for name in _CONFIGURATION), "state", "passed",
    "failed_checks", "error", *(f"answer_{name}" for name in _FACTS), "tries", "run_id",
)  # fmt: skip
"""Times in microseconds, cost in pico-USD (1e-12 US dollars). Unknown is empty."""


def results_as_csv(results: Results) -> bytes:
    """One row for each answer, in the order in which they were asked for."""
    return to_csv(CSV_HEADER, [_row(results, one) for one in results.cells])


def results_as_json(
    results: Results,
    *,
    texts: Mapping[str, str] | None = None,
    versions: Mapping[str, str] | None = None,
) -> bytes:
    """Set, plan, answers and judgements. `texts`: the answers by run id; `versions`: of anything
    else that has a say in the results, such as the catalogue of models.
    """
    document = {
        "format": FORMAT,
        "switchboard": VERSION,
        "versions": dict(versions or {}),
        "made_at": _time(int(datetime.now(UTC).timestamp() * 1e6)),
        "evaluation": _evaluation(results),
        "configurations": [
            {"key": one.key} | asdict(one) for one in results.evaluation.plan.configurations
        ],
        "cases": [case.to_dict() for case in results.cases],
        "answers": [_answer(results, one, texts or {}) for one in results.cells],
        "judgements": [_judgement(results, one) for one in results.judgements],
    }
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")


def _evaluation(results: Results) -> dict[str, Any]:
    one = results.evaluation
    plan = one.plan
    return {
        "id": one.id,
        "name": plan.name,
        "status": one.status,
        "created_at": _time(one.created_at_us),
        "ended_at": _time(one.ended_at_us),
        "set": {"name": one.set_name, "version": one.set_version, "digest": one.set_digest},
        "repeats": plan.repeats,
        "concurrency": plan.concurrency,
        "budget_pusd": plan.budget_pusd,
        "judge_model": plan.judge_model,
        "pairwise": plan.pairwise,
        "spent_pusd": one.progress.spent_pusd,
    }


def _answer(results: Results, one: Cell, texts: Mapping[str, str]) -> dict[str, Any]:
    found = {
        "case": results.cases[one.case_number].id,
        "repeat": one.repeat,
        "configuration": one.configuration,
        "state": one.status,
        "tries": one.tries,
        "run_id": one.run_id,
        "passed": one.passed,
        "checks": [asdict(check) for check in one.checks],
        "facts": one.facts.to_dict() if one.facts else None,
        "error": one.error,
    }
    if one.run_id and one.run_id in texts:
        found["text"] = texts[one.run_id]
    return found


def _judgement(results: Results, one: Judgement) -> dict[str, Any]:
    return {
        "case": results.cases[one.case_number].id,
        "repeat": one.repeat,
        "shown_first": one.first,
        "shown_second": None if one.second == ALONE else one.second,
        "state": one.status,
        "run_id": one.run_id,
        "verdict": one.verdict,
        "reason": one.reason,
        "cost_pusd": one.cost_pusd,
        "error": one.error,
    }


def _row(results: Results, one: Cell) -> Sequence[CsvCell]:
    evaluation, case = results.evaluation, results.cases[one.case_number]
    configuration = evaluation.plan.configurations[one.configuration]
    facts = one.facts.to_dict() if one.facts else {}
    failed = "; ".join(check.wanted for check in one.checks if check.passed is False)
    return [
        evaluation.id,
        evaluation.set_name,
        evaluation.set_version,
        evaluation.set_digest,
        case.id,
        case.question,
        ", ".join(case.tags),
        case.document,
        one.repeat,
        one.configuration,
        *_configured(configuration),
        one.status,
        _yes_or_no(one.passed),
        failed,
        one.error,
        *(facts.get(name) for name in _FACTS),
        one.tries,
        one.run_id,
    ]


def _configured(one: Configuration) -> list[CsvCell]:
    return [*(getattr(one, name) for name in _CONFIGURATION[:-1]), _yes_or_no(one.fallback)]


def _yes_or_no(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _time(at_us: int | None) -> str | None:
    if at_us is None:
        return None
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="seconds")
