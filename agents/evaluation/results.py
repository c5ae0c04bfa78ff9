"""What an evaluation found, put together from its cells and judgements. Reads, decides nothing anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agents.evaluation.checks import verdict
from agents.evaluation.question_set import Case
from agents.evaluation.values import (
    ALONE,
    Cell,
    Evaluation,
    Judgement,
    verdict_of_both_orders,
)
from core.comparison import Answered, Ballot, Traits

JUDGE = "judge"


@dataclass(frozen=True, kw_only=True, slots=True)
class Results:
    evaluation: Evaluation
    cases: tuple[Case, ...]
    cells: tuple[Cell, ...]
    """With the judge's word among their checks."""
    judgements: tuple[Judgement, ...]
    waiting: frozenset[int] = frozenset()
    """Places of cells about which the judge has still to speak."""

    def cell(self, case_number: int, configuration: int, repeat: int = 0) -> Cell | None:
        return next(
            (
                one
                for one in self.cells
                if (one.case_number, one.configuration, one.repeat)
                == (case_number, configuration, repeat)
            ),
            None,
        )

    def answered(self, configuration: int, name: str | None = None) -> list[Answered]:
        """The answers of one configuration that have ended. `name`: in place of its key."""
        key = self.evaluation.plan.configurations[configuration].key
        return [
            _answered(self.cases[one.case_number], one, name or key, self._passed(one))
            for one in self.cells
            if one.configuration == configuration and one.status in ("done", "failed")
        ]

    def _passed(self, one: Cell) -> bool | None:
        """An answer whose checks cannot all be decided has not passed: to leave it out would leave
        only the failures of those that cannot. None while a judge has still to speak."""
        if one.passed is None and one.status == "done":
            return None if one.place in self.waiting else False
        return one.passed if one.status == "done" else False

    def ballots(self) -> list[Ballot]:
        """The judge's votes between the first configuration and each other, both orders as one."""
        keys = [one.key for one in self.evaluation.plan.configurations]
        found = []
        for a, b in both_orders(self.judgements):
            said = verdict_of_both_orders(a, b)
            if said is None:
                continue
            case = self.cases[a.case_number]
            order: tuple[tuple[int, ...], ...] = ()
            if said != "tie":
                order = ((0,), (1,)) if said == "win" else ((1,), (0,))
            found.append(
                Ballot(
                    voter=self.evaluation.plan.judge_model or JUDGE,
                    contestants=(keys[a.first], keys[a.second]),
                    outcome="tie" if said == "tie" else "pick",
                    order=order,
                    question=f"{case.id}/{a.repeat}",
                    at_us=self.evaluation.created_at_us,
                    traits=(Traits(), Traits()),
                )
            )
        return found


def put_together(
    evaluation: Evaluation,
    cases: Sequence[Case],
    cells: Sequence[Cell],
    judgements: Sequence[Judgement],
) -> Results:
    """Adds the judge's word on single answers to their checks."""
    alone = {(j.case_number, j.repeat, j.first): j for j in judgements if j.second == ALONE}
    open_ones = {at for at, one in alone.items() if one.status in ("pending", "running")}
    return Results(
        evaluation=evaluation,
        cases=tuple(cases),
        cells=tuple(
            _judged(one, alone.get((one.case_number, one.repeat, one.configuration)))
            for one in cells
        ),
        judgements=tuple(j for j in judgements if j.second != ALONE),
        waiting=frozenset(
            one.place
            for one in cells
            if (one.case_number, one.repeat, one.configuration) in open_ones
        ),
    )


def both_orders(judgements: Sequence[Judgement]) -> list[tuple[Judgement, Judgement]]:
    """Judgements of a pair and the same in the other order; the baseline stands first in the first."""
    by_pair = {(j.case_number, j.repeat, j.first, j.second): j for j in judgements}
    return [
        (one, other)
        for (number, repeat, first, second), one in by_pair.items()
        if first < second and (other := by_pair.get((number, repeat, second, first))) is not None
    ]


def _judged(cell: Cell, judgement: Judgement | None) -> Cell:
    if judgement is None or cell.status != "done":
        return cell
    passed = {"pass": True, "fail": False}.get(judgement.verdict or "")
    found = judgement.reason or judgement.error or "The judge has not spoken yet."
    checks = tuple(
        replace(check, passed=passed, found=found) if check.type == JUDGE else check
        for check in cell.checks
    )
    return replace(cell, checks=checks, passed=verdict(checks))


def _answered(case: Case, cell: Cell, name: str, passed: bool | None) -> Answered:
    facts = cell.facts
    return Answered(
        contestant=name,
        question=f"{case.id}/{cell.repeat}",
        cluster=case.document or case.id,
        completed=cell.status == "done",
        passed=passed,
        ttft_us=facts.ttft_us if facts else None,
        duration_us=facts.duration_us if facts else None,
        cost_pusd=facts.cost_pusd if facts else None,
        output_tokens=facts.output_tokens if facts else None,
    )
