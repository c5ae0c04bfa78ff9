"""The raw data of an evaluation report: a row for each answer or vote, and reading them back.

The rows are the CSV file and the `ledger` of the JSON file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from analytics.reports.document import Column, Raw, Table
from core.comparison import Answered, Ballot
from core.errors import InvalidInput

_OF_ANSWERS = (
    Column(name="case", unit="id", key=True),
    Column(name="configuration", key=True),
    Column(name="key", unit="id", key=True),
    Column(name="document"),
    Column(name="completed", unit="count"),
    Column(name="passed", unit="count"),
    Column(name="first_token", unit="us"),
    Column(name="duration", unit="us"),
    Column(name="cost", unit="pusd"),
    Column(name="output_tokens", unit="count"),
    Column(name="model", unit="model"),
    Column(name="run", unit="id"),
    Column(name="checks"),
    Column(name="question"),
    Column(name="answer"),
)
_OF_VOTES = (
    Column(name="time", unit="moment"),
    Column(name="voter", unit="id", key=True),
    Column(name="question", unit="id", key=True),
    Column(name="outcome"),
    Column(name="shown"),
    Column(name="order"),
    Column(name="flags"),
    Column(name="model_a"),
    Column(name="model_b"),
    Column(name="winner"),
    Column(name="slices"),
    Column(name="traits"),
)
FAILED = "What did not pass"
MOST_FAILED = 25
_NO_EVALUATION = "This file is not the JSON report of an evaluation."
_HELP = "Make one with --report evaluation.json."


@dataclass(frozen=True, kw_only=True, slots=True)
class AnswerRow:
    """One answer of an evaluation."""

    measured: Answered
    question: str
    answer: str | None = None
    """None: it is gone, or there was none."""
    model: str | None = None
    """Id of the model that answered."""
    run_id: str | None = None
    checks: str = ""
    """What failed or could not be decided, a sentence each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Earlier:
    """What an exported evaluation holds. `labels`: of its configurations by their keys, in order."""

    name: str
    labels: Mapping[str, str]
    answers: tuple[Answered, ...]


def failed_table(rows: Sequence[AnswerRow], labels: Mapping[str, str]) -> Table:
    """What did not pass, the first of them."""
    failed = [row for row in rows if row.measured.passed is not True]
    note = f"{MOST_FAILED} of {len(failed):,}; the CSV form of this report has all."
    return Table(
        name=FAILED,
        columns=(
            Column(name="Case", unit="id", key=True),
            Column(name="Configuration", key=True),
            Column(name="Question"),
            Column(name="Why"),
        ),
        rows=[
            (row.measured.question, labels[row.measured.contestant], row.question, row.checks)
            for row in failed[:MOST_FAILED]
        ],
        note=note if len(failed) > MOST_FAILED else "",
        empty="Every answer passed.",
    )


def answers_ledger(rows: Sequence[AnswerRow], labels: Mapping[str, str]) -> Table:
    """Times in microseconds, cost in pico-USD, 1 and 0 for yes and no; empty is unknown."""
    return Table(name="Answers", columns=_OF_ANSWERS, rows=[_answer(row, labels) for row in rows])


def _answer(row: AnswerRow, labels: Mapping[str, str]) -> tuple[Raw, ...]:
    one = row.measured
    return (
        one.question, labels[one.contestant], one.contestant, one.cluster, int(one.completed),
        None if one.passed is None else int(one.passed), one.ttft_us, one.duration_us,
        one.cost_pusd, one.output_tokens, row.model, row.run_id, row.checks, row.question,
        row.answer,
    )  # fmt: skip


def votes_ledger(ballots: Sequence[Ballot], labels: Mapping[str, str]) -> Table:
    """A row for each vote, also those that do not count. Voters are numbered, not named.

    Votes about two answers have `model_a`, `model_b` and `winner` too, as files of battles do, so that
    the CSV file can be imported again.
    """
    numbers: dict[str, int] = {}
    rows = [
        _vote(ballot, f"voter {numbers.setdefault(ballot.voter, len(numbers) + 1)}", labels)
        for ballot in ballots
    ]
    return Table(name="Votes", columns=_OF_VOTES, rows=rows)


def _vote(ballot: Ballot, voter: str, labels: Mapping[str, str]) -> tuple[Raw, ...]:
    names = [labels.get(key, key) for key in ballot.contestants]
    order = " > ".join(" = ".join(str(at + 1) for at in group) for group in ballot.order)
    pair = (names[0], names[1], _winner(ballot)) if len(names) == 2 else (None, None, None)
    traits = [asdict(one) for one in ballot.traits]
    return (
        ballot.at_us or None, voter, ballot.question, ballot.outcome, " | ".join(names), order,
        " ".join(ballot.flags), *pair,
        json.dumps(dict(ballot.slices), ensure_ascii=False) if ballot.slices else "",
        json.dumps(traits) if traits else "",
    )  # fmt: skip


def _winner(ballot: Ballot) -> str | None:
    """In the words of published files of battles; nothing for a skip."""
    if ballot.outcome == "skip":
        return None
    if ballot.outcome == "both_bad":
        return "tie (bothbad)"
    if ballot.order and len(ballot.order[0]) == 1:
        return "model_b" if ballot.order[0][0] else "model_a"
    return "tie"


def read_answers(document: object) -> Earlier:
    """The answers of a JSON report of an evaluation. Raises InvalidInput for anything else."""
    if not isinstance(document, Mapping) or document.get("report") != "evaluation":
        raise InvalidInput(_NO_EVALUATION, what_to_do=_HELP)
    try:
        ledger = document["ledger"]
        names = [column["name"] for column in ledger["columns"]]
        rows = [dict(zip(names, row, strict=True)) for row in ledger["rows"]]
        found = tuple(_answered(row) for row in rows)
        labels = {row["key"]: str(row["configuration"]) for row in rows}
        period = str(document["period"]["words"])
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise InvalidInput(_NO_EVALUATION, what_to_do=_HELP) from exc
    if not found:
        raise InvalidInput("The earlier evaluation has no answers.", what_to_do=_HELP)
    return Earlier(name=period, labels=labels, answers=found)


def _answered(row: dict[str, Any]) -> Answered:
    passed = row["passed"]
    return Answered(
        contestant=str(row["key"]),
        question=str(row["case"]),
        cluster=str(row["document"] or ""),
        completed=bool(row["completed"]),
        passed=None if passed is None else bool(passed),
        ttft_us=_whole(row["first_token"]),
        duration_us=_whole(row["duration"]),
        cost_pusd=_whole(row["cost"]),
        output_tokens=_whole(row["output_tokens"]),
    )


def _whole(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ValueError("not a whole number")
