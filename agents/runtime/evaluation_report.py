"""The model evaluation report, from what the data folder holds: the same for pages and commands.

Nothing is computed here: decisions and boards are those the page or the command shows.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from agents import prompts
from agents.evaluation.results import Results
from agents.evaluation.values import Cell, Evaluation
from analytics.ranking.counting import count
from analytics.ranking.decision import Decision
from analytics.ranking.leaderboard import leaderboard
from analytics.reports.document import Report
from analytics.reports.evaluation_method import Counted
from analytics.reports.evaluation_rows import AnswerRow
from analytics.reports.evaluation_tables import Contender
from analytics.reports.model_evaluation import About, Votes, report_of_evaluation
from core.comparison import Configuration
from core.errors import NotFound
from core.pricing import format_usd

if TYPE_CHECKING:
    from agents.runtime.runtime import Runtime

_AT_ONCE = 500


def evaluation_report(
    runtime: Runtime,
    results: Results,
    decision: Decision,
    labels: Sequence[str],
    *,
    against: Sequence[str] = (),
) -> Report:
    """Of an evaluation. `labels`: what its configurations are called, in their order; `against`:
    sentences that compare it with an earlier one."""
    evaluation = results.evaluation
    ballots = results.ballots()
    judged = None
    if ballots:
        battles = count(ballots)
        judged = Votes(
            board=leaderboard(battles),
            ballots=ballots,
            counted=Counted(left_out=battles.left_out),
        )
    return report_of_evaluation(
        _about(runtime, evaluation, len(results.cases)),
        contenders=[
            contender(runtime, one, label)
            for one, label in zip(evaluation.plan.configurations, labels, strict=True)
        ],
        decision=decision,
        answers=_rows(runtime, results),
        judged=judged,
        earlier=against,
    )


def texts_of(runtime: Runtime, cells: Sequence[Cell]) -> dict[str, str]:
    """Answers by run id, of those that are still there."""
    ids = [one.run_id for one in cells if one.run_id]
    found: dict[str, str] = {}
    for start in range(0, len(ids), _AT_ONCE):
        ended = runtime.store.answers(ids[start : start + _AT_ONCE])
        found |= {run_id: one.text for run_id, one in ended.items() if one is not None}
    return found


def command_of(evaluation: Evaluation) -> str:
    """The command that asks the same again."""
    plan = evaluation.plan
    parts = ["python", "-m", "api.evaluate", evaluation.set_name]
    for one in plan.configurations:
        parts += ["--config", _as_json(one)]
    parts += ["--repeats", str(plan.repeats), "--concurrency", str(plan.concurrency)]
    if plan.judge_model:
        parts += ["--judge", plan.judge_model]
    if plan.pairwise:
        parts.append("--pairwise")
    return shlex.join([*parts, "--fresh"])


def _as_json(one: Configuration) -> str:
    import json

    return json.dumps(one.to_dict())


def _about(runtime: Runtime, evaluation: Evaluation, questions: int) -> About:
    plan = evaluation.plan
    now_us = time.time_ns() // 1000
    of_set = f"{evaluation.set_name}, version {evaluation.set_version}"
    remarks = []
    if evaluation.status != "done":
        remarks.append(f"It is not finished. {evaluation.why}".strip())
    return About(
        name=f"{plan.name}: {of_set}" if plan.name != evaluation.set_name else of_set,
        since_us=evaluation.created_at_us,
        until_us=evaluation.ended_at_us or now_us,
        made_at_us=now_us,
        zone=runtime.settings.reporting_timezone,
        catalog=runtime.catalog,
        facts=(
            ("Question set", of_set),
            ("SHA-256 of its questions and checks", evaluation.set_digest),
            ("Questions", questions),
            ("Each asked", plan.repeats),
            ("Answers at once", plan.concurrency),
            ("Budget", "none" if plan.budget_pusd is None else format_usd(plan.budget_pusd)),
            ("Judge", plan.judge_model or "none"),
            ("Evaluation", evaluation.id),
        ),
        repeat=(command_of(evaluation),),
        remarks=remarks,
    )


def contender(runtime: Runtime, one: Configuration, label: str) -> Contender:
    """A configuration in full, with what its prompt version and its models are now."""
    chain = runtime.settings.answer_models
    if one.model is None:
        models = chain
    else:
        models = (one.model, *(m for m in chain if one.fallback and m != one.model))
    digest = prompts.digest()
    if one.prompt is not None:
        try:
            digest = runtime.prompts.get(one.prompt).digest
        except NotFound:
            digest = "not there any more"
    return Contender(
        key=one.key,
        label=label,
        color=runtime.catalog.color(models[0]),
        configuration=one,
        models=models,
        prompt_digest=digest,
    )


def _rows(runtime: Runtime, results: Results) -> list[AnswerRow]:
    """One for each answer that has ended, in the order in which they were asked for."""
    ended = [one for one in results.cells if one.status in ("done", "failed")]
    texts = texts_of(runtime, ended)
    measured = [
        iter(results.answered(n)) for n in range(len(results.evaluation.plan.configurations))
    ]
    return [
        AnswerRow(
            measured=next(measured[cell.configuration]),
            question=results.cases[cell.case_number].question,
            answer=texts.get(cell.run_id or ""),
            model=cell.facts.model if cell.facts else None,
            run_id=cell.run_id,
            checks=" ".join(cell.why_not()),
        )
        for cell in ended
    ]
