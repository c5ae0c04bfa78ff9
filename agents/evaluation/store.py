"""Evaluations on disk: what is to do, who does it, what came of it. Every method is one transaction.

A cell is claimed by writing the id of its run before the run begins. After a kill the run tells what
became of the cell: an answer that was saved counts and is not asked for again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from agents.comparing.store import ComparisonStore
from agents.comparing.values import Facts
from agents.evaluation.checks import CheckResult
from agents.evaluation.progress import progress_of
from agents.evaluation.tables import cell, evaluation, judgement, question_set
from agents.evaluation.values import (
    ALONE,
    Cell,
    Evaluation,
    EvaluationStatus,
    Judgement,
    Plan,
    Progress,
)
from agents.threads import now_us
from core.comparison import Configuration
from core.database import Database
from core.errors import NotFound
from core.ids import is_id, new_id

_ROWS_AT_ONCE = 5_000


class EvaluationStore:
    def __init__(self, database: Database) -> None:
        self._db = database

    def add(
        self, owner: str, set_id: str, plan: Plan, cases: int, with_rubric: Iterable[int]
    ) -> str:
        """Saves a plan with all its cells, paused; gives its id.

        Cells of one question stand together, so that all configurations answer it about the same
        time. `with_rubric`: numbers of the cases whose answers a judge looks at one by one.
        """
        new = new_id()
        columns = range(len(plan.configurations))
        cells = [
            {
                "evaluation_id": new,
                "place": place,
                "case_number": number,
                "repeat": repeat,
                "configuration": n,
                "status": "pending",
                "tries": 0,
            }
            for place, (repeat, number, n) in enumerate(
                (r, c, k) for r in range(plan.repeats) for c in range(cases) for k in columns
            )
        ]
        with self._db.write() as connection:
            ComparisonStore.remember(connection, plan.configurations)
            connection.execute(
                insert(evaluation).values(
                    id=new,
                    owner=owner,
                    name=plan.name,
                    set_id=set_id,
                    configurations=[one.to_dict() for one in plan.configurations],
                    repeats=plan.repeats,
                    concurrency=plan.concurrency,
                    budget_pusd=plan.budget_pusd,
                    judge_model=plan.judge_model,
                    pairwise=int(plan.pairwise),
                    status="paused",
                    created_at_us=now_us(),
                )
            )
            _insert(connection, cell, cells)
            if plan.judge_model:
                _insert(
                    connection, judgement, _to_judge(new, plan, cases, sorted(set(with_rubric)))
                )
        return new

    def get(self, evaluation_id: object, owner: str) -> Evaluation:
        """Raises NotFound."""
        if is_id(evaluation_id):
            found = self._load([evaluation.c.id == evaluation_id, evaluation.c.owner == owner])
            if found:
                return found[0]
        raise NotFound("There is no such evaluation.", what_to_do="Choose one of the list.")

    def recent(self, owner: str, limit: int = 200) -> list[Evaluation]:
        """Newest first."""
        return self._load([evaluation.c.owner == owner], limit)

    def running(self) -> Sequence[Evaluation]:
        """Everybody's that were running when they were last heard of."""
        return self._load([evaluation.c.status == "running"])

    def cells(self, evaluation_id: str) -> Sequence[Cell]:
        """In their order."""
        query = select(cell).where(cell.c.evaluation_id == evaluation_id).order_by(cell.c.place)
        with self._db.read() as connection:
            return [_cell(row) for row in connection.execute(query)]

    def cells_of_case(self, evaluation_id: str, number: int, repeat: int) -> Sequence[Cell]:
        """The answers to one question, asked once, of all configurations."""
        query = select(cell).where(
            cell.c.evaluation_id == evaluation_id,
            cell.c.case_number == number,
            cell.c.repeat == repeat,
        )
        with self._db.read() as connection:
            return [_cell(row) for row in connection.execute(query)]

    def judgements(self, evaluation_id: str) -> Sequence[Judgement]:
        """In their order."""
        query = (
            select(judgement)
            .where(judgement.c.evaluation_id == evaluation_id)
            .order_by(judgement.c.place)
        )
        with self._db.read() as connection:
            return [_judgement(row) for row in connection.execute(query)]

    def set_status(self, evaluation_id: str, status: EvaluationStatus, why: str = "") -> None:
        ended = now_us() if status == "done" else None
        with self._db.write() as connection:
            connection.execute(
                update(evaluation)
                .where(evaluation.c.id == evaluation_id)
                .values(status=status, why=why, ended_at_us=ended)
            )

    def set_limits(self, evaluation_id: str, budget_pusd: int | None, concurrency: int) -> None:
        with self._db.write() as connection:
            connection.execute(
                update(evaluation)
                .where(evaluation.c.id == evaluation_id)
                .values(budget_pusd=budget_pusd, concurrency=concurrency, why="")
            )

    def anything_to_do(self, evaluation_id: str) -> bool:
        """Whether an answer or a judgement is neither there, nor failed, nor under way."""
        with self._db.read() as connection:
            return any(
                connection.scalar(
                    select(table.c.place)
                    .where(table.c.evaluation_id == evaluation_id, table.c.status == "pending")
                    .limit(1)
                )
                is not None
                for table in (cell, judgement)
            )

    def claim_cell(self, evaluation_id: str) -> Cell | None:
        """The next cell to do, marked as running under a new run id; None when there is none."""
        row = self._claim(evaluation_id, cell, cell.c.evaluation_id == evaluation_id)
        return None if row is None else _cell(row)

    def claim_judgement(self, evaluation_id: str) -> Judgement | None:
        """The next judgement whose answers are there, in the same way."""
        mine = select(cell.c.place).where(
            cell.c.evaluation_id == evaluation_id,
            cell.c.case_number == judgement.c.case_number,
            cell.c.repeat == judgement.c.repeat,
            cell.c.status == "done",
        )
        first = mine.where(cell.c.configuration == judgement.c.first).exists()
        second = mine.where(cell.c.configuration == judgement.c.second).exists()
        ready = (
            judgement.c.evaluation_id == evaluation_id,
            first,
            (judgement.c.second == ALONE) | second,
        )
        row = self._claim(evaluation_id, judgement, *ready)
        return None if row is None else _judgement(row)

    def _claim(self, evaluation_id: str, table: Any, *conditions: Any) -> Any:
        with self._db.write() as connection:
            place = connection.scalar(
                select(table.c.place)
                .where(table.c.status == "pending", *conditions)
                .order_by(table.c.place)
                .limit(1)
            )
            if place is None:
                return None
            key = table.c.evaluation_id == evaluation_id, table.c.place == place
            connection.execute(
                update(table)
                .where(*key)
                .values(status="running", run_id=new_id(), tries=table.c.tries + 1, error=None)
            )
            return connection.execute(select(table).where(*key)).one()

    def release(self, evaluation_id: str, one: Cell | Judgement) -> None:
        """Back among those to do: its run came to nothing."""
        self._update(evaluation_id, one, {"status": "pending"})

    def fail(self, evaluation_id: str, one: Cell | Judgement, error: str) -> None:
        self._update(evaluation_id, one, {"status": "failed", "error": error})

    def keep_answer(
        self,
        evaluation_id: str,
        one: Cell,
        facts: Facts,
        checks: Sequence[CheckResult],
        passed: bool | None,
    ) -> None:
        values = {
            "status": "done",
            "facts": facts.to_dict(),
            "checks": [[c.type, c.wanted, c.passed, c.found] for c in checks],
            "passed": None if passed is None else int(passed),
        }
        self._update(evaluation_id, one, values)

    def fail_answer(self, evaluation_id: str, one: Cell, facts: Facts, error: str) -> None:
        """An answer that did not come about; what it cost is kept."""
        values = {"status": "failed", "facts": facts.to_dict(), "error": error}
        self._update(evaluation_id, one, values)

    def keep_judgement(
        self, evaluation_id: str, one: Judgement, verdict: str, reason: str, cost_pusd: int | None
    ) -> None:
        values = {"status": "done", "verdict": verdict, "reason": reason, "cost_pusd": cost_pusd}
        self._update(evaluation_id, one, values)

    def retry_failed(self, evaluation_id: str) -> int:
        """Puts everything that failed among what is to do; gives how much that is."""
        changed = 0
        with self._db.write() as connection:
            for table in (cell, judgement):
                changed += connection.execute(
                    update(table)
                    .where(table.c.evaluation_id == evaluation_id, table.c.status == "failed")
                    .values(status="pending", tries=0)
                ).rowcount
        return changed

    def delete(self, evaluation_id: str) -> None:
        with self._db.write() as connection:
            for table in (judgement, cell):
                connection.execute(delete(table).where(table.c.evaluation_id == evaluation_id))
            connection.execute(delete(evaluation).where(evaluation.c.id == evaluation_id))

    def _update(self, evaluation_id: str, one: Cell | Judgement, values: dict[str, Any]) -> None:
        table = cell if isinstance(one, Cell) else judgement
        with self._db.write() as connection:
            connection.execute(
                update(table)
                .where(table.c.evaluation_id == evaluation_id, table.c.place == one.place)
                .values(values)
            )

    def _load(self, conditions: list[Any], limit: int | None = None) -> list[Evaluation]:
        query = (
            select(evaluation, question_set.c.name.label("set_name"),
                   question_set.c.version.label("set_version"),
                   question_set.c.digest.label("set_digest"))
            .join(question_set, question_set.c.id == evaluation.c.set_id)
            .where(*conditions)
            .order_by(evaluation.c.created_at_us.desc(), evaluation.c.id.desc())
            .limit(limit)
        )  # fmt: skip
        with self._db.read() as connection:
            rows = connection.execute(query).all()
            progress = progress_of(connection, [row.id for row in rows])
        return [_evaluation(row, progress[row.id]) for row in rows]


def _to_judge(new: str, plan: Plan, cases: int, with_rubric: Sequence[int]) -> list[dict[str, Any]]:
    columns = range(len(plan.configurations))
    wanted = [
        (repeat, number, n, ALONE)
        for repeat in range(plan.repeats)
        for number in with_rubric
        for n in columns
    ]
    if plan.pairwise:
        wanted += [
            (repeat, number, *pair)
            for repeat in range(plan.repeats)
            for number in range(cases)
            for other in columns[1:]
            for pair in ((0, other), (other, 0))
        ]
    return [
        {
            "evaluation_id": new,
            "place": place,
            "case_number": number,
            "repeat": repeat,
            "first": first,
            "second": second,
            "status": "pending",
            "tries": 0,
        }
        for place, (repeat, number, first, second) in enumerate(sorted(wanted, key=_by_case))
    ]


def _by_case(wanted: tuple[int, ...]) -> tuple[int, ...]:
    repeat, number, first, second = wanted
    return repeat, number, second, first


def _insert(connection: Connection, table: Any, rows: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        connection.execute(insert(table), rows[start : start + _ROWS_AT_ONCE])


def _evaluation(row: Any, progress: Progress) -> Evaluation:
    return Evaluation(
        id=row.id,
        owner=row.owner,
        set_id=row.set_id,
        set_name=row.set_name,
        set_version=row.set_version,
        set_digest=row.set_digest,
        plan=Plan(
            name=row.name,
            configurations=tuple(Configuration.from_dict(one) for one in row.configurations),
            repeats=row.repeats,
            concurrency=row.concurrency,
            budget_pusd=row.budget_pusd,
            judge_model=row.judge_model,
            pairwise=bool(row.pairwise),
        ),
        status=row.status,
        why=row.why or "",
        created_at_us=row.created_at_us,
        ended_at_us=row.ended_at_us,
        progress=progress,
    )


def _cell(row: Any) -> Cell:
    return Cell(
        place=row.place,
        case_number=row.case_number,
        repeat=row.repeat,
        configuration=row.configuration,
        status=row.status,
        run_id=row.run_id,
        tries=row.tries,
        facts=Facts.from_dict(row.facts) if row.facts else None,
        checks=tuple(
            CheckResult(type=kind, wanted=wanted, passed=passed, found=found)
            for kind, wanted, passed, found in row.checks or ()
        ),
        passed=None if row.passed is None else bool(row.passed),
        error=row.error or "",
    )


def _judgement(row: Any) -> Judgement:
    return Judgement(
        place=row.place,
        case_number=row.case_number,
        repeat=row.repeat,
        first=row.first,
        second=row.second,
        status=row.status,
        run_id=row.run_id,
        tries=row.tries,
        verdict=row.verdict,
        reason=row.reason or "",
        cost_pusd=row.cost_pusd,
        error=row.error or "",
    )
