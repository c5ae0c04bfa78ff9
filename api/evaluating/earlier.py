"""An earlier evaluation to compare with: one of the data folder, or an exported file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.comparing.labels import full_label, short_labels
from analytics.reports.evaluation_rows import Earlier, read_answers
from api.evaluating.asked import OWNER
from core.comparison import Answered, Configuration
from core.errors import InvalidInput, SwitchboardError

if TYPE_CHECKING:
    from agents.runtime import Runtime

_NO_EXPORT = "This file is not an exported evaluation."
_HELP = "Give the JSON report of an evaluation, or its id."
_KNOWN = {field.name for field in fields(Configuration)}


def earlier_file(given: str) -> Earlier | None:
    """Of a JSON file; None when there is no file of that name. Raises InvalidInput."""
    path = Path(given)
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as exc:
        raise InvalidInput(f"{given} is not a JSON file.", what_to_do=_HELP) from exc
    if isinstance(document, dict) and "answers" in document:
        return _of_export(document)
    return read_answers(document)


def earlier_kept(runtime: Runtime, evaluation_id: str) -> Earlier:
    """Raises NotFound."""
    results = runtime.evaluations.results(runtime.evaluations.store.get(evaluation_id, OWNER))
    plan = results.evaluation.plan
    labels = short_labels(plan.configurations, runtime.catalog.display_name)
    return Earlier(
        name=plan.name,
        labels=dict(zip((one.key for one in plan.configurations), labels, strict=True)),
        answers=tuple(
            answer for n in range(len(plan.configurations)) for answer in results.answered(n)
        ),
    )


def _of_export(document: Mapping[str, Any]) -> Earlier:
    """Of the file a page offers; see agents.evaluation.export."""
    try:
        configured = [
            Configuration.from_dict({k: v for k, v in one.items() if k in _KNOWN})
            for one in document["configurations"]
        ]
        documents = {case["id"]: case.get("document") for case in document["cases"]}
        answers = tuple(
            _answered(one, configured[one["configuration"]].key, documents)
            for one in document["answers"]
            if one["state"] in ("done", "failed")
        )
        name = str(document["evaluation"]["name"])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, SwitchboardError) as exc:
        raise InvalidInput(_NO_EXPORT, what_to_do=_HELP) from exc
    if not answers:
        raise InvalidInput("The earlier evaluation has no answers.", what_to_do=_HELP)
    return Earlier(
        name=name, labels={one.key: full_label(one, str) for one in configured}, answers=answers
    )


def _answered(one: Mapping[str, Any], key: str, documents: Mapping[str, Any]) -> Answered:
    facts = one["facts"] or {}
    completed = one["state"] == "done"
    return Answered(
        contestant=key,
        question=f"{one['case']}/{one['repeat']}",
        cluster=documents[one["case"]] or one["case"],
        completed=completed,
        passed=one["passed"] if completed else False,
        ttft_us=facts.get("ttft_us"),
        duration_us=facts.get("duration_us"),
        cost_pusd=facts.get("cost_pusd"),
        output_tokens=facts.get("output_tokens"),
    )
