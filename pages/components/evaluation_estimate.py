"""Before an evaluation begins: how many answers and judgements it asks for, and about what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agents.evaluation.checks import needs_judge
from agents.model_ids import LOCAL
from analytics.queries import Filter
from core.pricing import price_call
from core.usage import Usage
from pages.components import session

if TYPE_CHECKING:
    from agents.evaluation.question_set import Case
    from agents.evaluation.values import Plan
    from agents.runtime import Runtime
    from core.catalog import Catalog

LEAST_CALLS = 3
"""Fewer earlier calls of a model say nothing about the next."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    answers: int
    judgements: int
    cost_pusd: int | None
    """Of those models whose price and length are known; None when there is none."""
    unknown: tuple[str, ...]
    """Models whose price or length is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Length:
    """Mean tokens of a call."""

    input_tokens: int
    output_tokens: int


def estimate(
    plan: Plan,
    cases: Sequence[Case],
    lengths: Mapping[str, Length],
    catalog: Catalog,
    *,
    chain: str,
    region: str | None,
) -> Estimate:
    """One call for each answer and judgement, as long as the earlier ones of its model.

    `lengths` by model as the catalogue shows it; `chain` is the model a configuration without one
    asks first.
    """
    each = len(cases) * plan.repeats
    judgements = 0
    if plan.judge_model:
        judgements = sum(map(needs_judge, cases)) * plan.repeats * len(plan.configurations)
        judgements += 2 * each * (len(plan.configurations) - 1) if plan.pairwise else 0
    calls = [(one.model or chain, each) for one in plan.configurations]
    if plan.judge_model and judgements:
        calls.append((plan.judge_model, judgements))
    costs: list[int] = []
    unknown: dict[str, None] = {}
    for model, count in calls:
        cost = _call(model, lengths, catalog, region)
        if cost is None:
            unknown[model] = None
        else:
            costs.append(cost * count)
    return Estimate(
        answers=each * len(plan.configurations),
        judgements=judgements,
        cost_pusd=sum(costs) if costs else None,
        unknown=tuple(unknown),
    )


def earlier_lengths(runtime: Runtime) -> dict[str, Length]:
    """Mean tokens of the calls of the last 90 days, by model name. Raises StorageError."""
    found = {}
    for row in session.figures().by_model(Filter(range="90d")):
        read, written = row.input_tokens, row.output_tokens
        if min(read.known, written.known) >= LEAST_CALLS:
            found[row.model] = Length(
                input_tokens=round((read.value or 0) / read.known),
                output_tokens=round((written.value or 0) / written.known),
            )
    return found


def _call(
    model: str, lengths: Mapping[str, Length], catalog: Catalog, region: str | None
) -> int | None:
    if model == LOCAL:
        return 0
    known = catalog.find(model)
    names = [model, model.partition(":")[2], *([known.id, known.name] if known else [])]
    length = next((lengths[name] for name in names if name in lengths), None)
    if length is None:
        return None
    usage = Usage(input_tokens=length.input_tokens, output_tokens=length.output_tokens)
    return price_call(catalog, model, usage, region=region, at=datetime.now(UTC)).total_pusd
