"""Comparisons for programs: asked in one request, answered as one document or one merged stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from pydantic import AliasChoices, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from agents.comparing.desk import NOT_STARTED
from agents.comparing.values import FEWEST, MOST, Comparison
from agents.run_reader import RunLog
from api.asking import wait_for_end
from api.errors import Problem
from api.schemas import MAX_TEXT_CHARS, Exact, Out, RunOut
from api.streams import MAX_EVENTS
from api.views import run_fields
from api.wire import ended_by, error_dict, event_json, figures_of, sse, to_bytes, to_json
from core.comparison import MAX_TEMPERATURE, Configuration, Retrieval
from core.errors import SwitchboardError
from core.events_codec import TERMINAL_TYPES
from core.identity import Principal

if TYPE_CHECKING:
    from agents.runtime import Runtime


class ColumnRequest(Exact):
    """One way to answer. A chosen model answers alone unless `fallback` is true."""

    model: str | None = Field(default=None, min_length=1, max_length=200)
    graph: str = Field(default="supervisor", min_length=1, max_length=64)
    agent: str | None = Field(default=None, min_length=1, max_length=64)
    retrieval: Retrieval | None = Field(default=None, description="null: as the agent does it.")
    prompt: str | None = Field(
        default=None, min_length=1, max_length=200, description="Name of a prompt version."
    )
    temperature: float | None = Field(default=None, ge=0, le=MAX_TEMPERATURE)
    fallback: bool = False


class CompareRequest(Exact):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "message": "How do I set the port?",
                    "configurations": [
                        {"model": "local:extractive", "agent": "technical"},
                        {"model": "local:extractive", "agent": "general"},
                    ],
                }
            ]
        },
    )

    message: str = Field(
        validation_alias=AliasChoices("message", "input"),
        min_length=1,
        max_length=MAX_TEXT_CHARS,
        description="The question. Also as `input`.",
    )
    configurations: list[ColumnRequest] = Field(min_length=FEWEST, max_length=MOST)
    stream: bool = Field(default=False, description="Answer with one merged event stream.")


class Column(RunOut):
    """A run, and the configuration it answers."""

    column: int
    letter: str = Field(description="What the column is called on the page Compare.")
    configuration: dict[str, Any]


class FailedColumn(Out):
    """A column that could not start."""

    column: int
    letter: str
    configuration: dict[str, Any]
    error: Problem


class Compared(Out):
    """Also to be seen, voted on and gone on with on the page Compare."""

    comparison_id: str
    columns: list[Column]
    failed: list[FailedColumn] = []


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A comparison under way."""

    comparison: Comparison
    runs: dict[int, RunLog]
    """By column."""
    failed: list[FailedColumn]

    def about(self, column: int) -> dict[str, Any]:
        arm = self.comparison.arms[column]
        return {
            "column": column,
            "letter": arm.letter,
            "configuration": arm.configuration.to_dict(),
        }


def ask(house: Runtime, caller: Principal, asked: CompareRequest) -> Asked:
    """Starts all columns. Raises what the first one raised when none could start. Blocks."""
    configurations = [Configuration(**one.model_dump()) for one in asked.configurations]
    found, problems = house.comparisons.ask(asked.message, configurations, owner=caller.owner)
    waiting = iter(problems)
    runs: dict[int, RunLog] = {}
    failed = []
    for answer in found.turns[-1].answers:
        arm = found.arms[answer.position]
        begun = answer.facts is None or answer.facts.status != NOT_STARTED  # perhaps ended already
        if begun and answer.run_id is not None:
            runs[answer.position] = house.run_reader.log(answer.run_id, caller.owner)
            continue
        error = next(waiting)
        if len(problems) == len(found.arms):
            raise error
        failed.append(
            FailedColumn(
                column=answer.position,
                letter=arm.letter,
                configuration=arm.configuration.to_dict(),
                error=cast(Problem, error_dict(error)),
            )
        )
    return Asked(comparison=found, runs=runs, failed=failed)


async def whole(house: Runtime, caller: Principal, asked: Asked) -> Compared:
    """All answers, when the last one has ended."""
    for run in asked.runs.values():
        await wait_for_end(run)

    def read() -> Compared:
        house.comparisons.settle([run.id for run in asked.runs.values()])
        columns = [
            Column(**asked.about(column), **run_fields(house.run_reader.view(run.id, caller.owner)))
            for column, run in asked.runs.items()
        ]
        return Compared(comparison_id=asked.comparison.id, columns=columns, failed=asked.failed)

    return await run_in_threadpool(read)


class MergedSource:
    """The events of all columns for `EventStream`: each with its `column`, in its column's order."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._after = dict.fromkeys(asked.runs, -1)
        self._open = set(asked.runs)
        self._begun = False
        self.ended = False

    def attach(self, wake: Callable[[], None]) -> None:
        for run in self._asked.runs.values():
            run.attach(wake)

    def detach(self, wake: Callable[[], None]) -> None:
        for run in self._asked.runs.values():
            run.detach(wake)

    def take(self) -> bytes:
        parts = [] if self._begun else list(self._first())
        self._begun = True
        for column in sorted(self._open):
            parts += self._of(column)
        if not self._open and not self.ended:
            self.ended = True
            parts.append(self._last())
        return to_bytes("".join(parts))

    def stopped_by(self, error: SwitchboardError) -> bytes:
        of = {"comparison_id": self._asked.comparison.id}
        return to_bytes(sse(to_json(ended_by(error, "", "") | of), "error"))

    def _first(self) -> Iterable[str]:
        asked = self._asked
        columns = [
            asked.about(column) | {"run_id": run.id, "thread_id": run.thread_id}
            for column, run in asked.runs.items()
        ]
        yield sse(to_json({"comparison_id": asked.comparison.id, "columns": columns}), "comparing")
        for one in asked.failed:
            error = {
                "type": "error",
                "column": one.column,
                **one.error,
            }
            yield sse(to_json(error), "error")

    def _of(self, column: int) -> Iterable[str]:
        run = self._asked.runs[column]
        for event in run.read(self._after[column])[:MAX_EVENTS]:
            self._after[column] = event.seq
            ends = event.type in TERMINAL_TYPES
            data = event_json(event, run.thread_id, run.read() if ends else ())
            yield sse(f'{data[:-1]},"column":{column}}}', event.type)
            if ends:
                self._open.discard(column)

    def _last(self) -> str:
        asked = self._asked
        columns = []
        for column, run in asked.runs.items():
            log = run.read()
            columns.append(
                asked.about(column) | {"run_id": run.id, "status": log[-1].type} | figures_of(log)
            )
        failed = [one.model_dump(exclude_none=True) for one in asked.failed]
        return sse(
            to_json({"comparison_id": asked.comparison.id, "columns": columns, "failed": failed}),
            "compared",
        )
