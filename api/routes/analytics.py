"""The dashboard's figures as rows, from its own query layer: typed questions, never SQL."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BeforeValidator, Field
from starlette.concurrency import run_in_threadpool

from agents.identity.desk import demand
from analytics.metrics import DEFINITIONS
from analytics.queries.named import QUESTIONS, Named, QuestionName, answer
from analytics.queries.scope import Filter
from api.dependencies import Caller, House
from api.schemas import Out, iso_only
from core.metrics_query import Measure, MetricsQuestion, RangeName, Split

router = APIRouter(tags=["analytics"])
Values = Annotated[list[Annotated[str, Field(min_length=1, max_length=255)]], Query(max_length=50)]
Moment = Annotated[
    AwareDatetime | None,
    BeforeValidator(iso_only),
    Query(description="ISO 8601 with an offset; replaces that end of the range."),
]


class Figures(Out):
    """`rows` have one form for every question; a value that is null is unknown, never 0."""

    scope: Literal["all", "own"]
    answer: Named
    definitions: dict[str, str] = Field(description="What the measures of these rows mean.")


@router.get("/analytics/query")
async def query(
    caller: Caller,
    house: House,
    question: Annotated[
        QuestionName, Query(description=f"One of: {', '.join(QUESTIONS)}.")
    ] = "measure",
    scope: Annotated[
        Literal["all", "own"], Query(description="Everybody's figures, or the caller's own.")
    ] = "all",
    range: RangeName = "24h",
    since: Moment = None,
    until: Moment = None,
    measure: Annotated[Measure, Query(description="Of the question `measure`.")] = "runs",
    split: Annotated[Split, Query(description="Of the question `measure`.")] = "none",
    limit: Annotated[int, Query(ge=1, le=200, description="Of the question `measure`.")] = 20,
    model: Values = [],  # noqa: B006
    provider: Values = [],  # noqa: B006
    agent: Values = [],  # noqa: B006
    status: Values = [],  # noqa: B006
    entry_point: Values = [],  # noqa: B006
    version: Values = [],  # noqa: B006
) -> Figures:
    """Figures of a range. `scope=all` needs the right to see everybody's.

    Filters may be repeated: values of one name are alternatives.
    """
    demand(caller, "all_figures" if scope == "all" else "figures")
    queries = house.queries if scope == "all" else house.queries.of(caller.owner)
    keep = Filter(
        range=range,
        since_us=_us(since),
        until_us=_us(until),
        model=tuple(model),
        provider=tuple(provider),
        agent=tuple(agent),
        status=tuple(status),
        entry_point=tuple(entry_point),
        version=tuple(version),
    )
    measured = MetricsQuestion(measure=measure, split=split, range=range, limit=limit)
    found = await run_in_threadpool(answer, queries, question, keep, measured)
    kinds = {row.measure for row in found.rows}
    return Figures(scope=scope, answer=found, definitions=_meanings(kinds))


def _meanings(measures: set[str]) -> dict[str, str]:
    return {
        measure: DEFINITIONS[name]
        for measure in sorted(measures)
        if (name := measure.partition("_p")[0] if measure not in DEFINITIONS else measure)
        in DEFINITIONS
    }


def _us(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1_000_000)
