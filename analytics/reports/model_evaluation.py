"""The model evaluation report: which configuration is good enough, what it costs, and on what grounds.

Made of what a page or a command has computed already, so its numbers are theirs. It asks no database;
`render.render` writes it. All names are plain text: the renderers escape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from analytics.ranking.decision import Decision
from analytics.ranking.leaderboard import Leaderboard
from analytics.reports.document import Column, Raw, Report, Section, Table, Words
from analytics.reports.evaluation_method import (
    Counted,
    method_of_passes,
    method_of_ratings,
    method_of_votes,
)
from analytics.reports.evaluation_rows import (
    FAILED,
    AnswerRow,
    answers_ledger,
    failed_table,
    votes_ledger,
)
from analytics.reports.evaluation_tables import (
    COMPARED,
    Contender,
    compared_table,
    pair_tables,
    position_table,
    ratings_table,
    scatters,
    standings_table,
    vote_pairs_table,
    win_matrix_table,
)
from core.catalog import Catalog
from core.comparison import Ballot
from core.version import VERSION


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What a report is about. Times are UTC microseconds."""

    name: str
    """Such as "Nightly: Handbook, version 2"."""
    since_us: int
    until_us: int
    made_at_us: int
    zone: str
    catalog: Catalog
    facts: Sequence[tuple[str, Raw]] = ()
    """What else has to be the same to repeat it: (name, value)."""
    repeat: Sequence[str] = ()
    """Command lines that do it again."""
    remarks: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Votes:
    """Votes with the ratings made of them."""

    board: Leaderboard
    ballots: Sequence[Ballot]
    """All, also those that do not count."""
    counted: Counted


def report_of_evaluation(
    about: About,
    *,
    contenders: Sequence[Contender],
    decision: Decision,
    answers: Sequence[AnswerRow],
    judged: Votes | None = None,
    earlier: Sequence[str] = (),
) -> Report:
    """Of checked answers. `decision`: of `decide_by_passes`; `judged`: a judge's votes on the same
    answers; `earlier`: what an earlier evaluation says of them, in sentences. CSV holds the answers, JSON the votes too."""
    labels = {one.key: one.label for one in contenders}
    judge: tuple[Section, ...] = ()
    if judged is not None:
        raw = replace(votes_ledger(judged.ballots, labels), data_only=True)
        judge = (_votes_section("The judge", judged.board, labels, raw, both_orders=True),)
    before: tuple[Section, ...] = ()
    if earlier:
        before = (
            Section(title="Against an earlier evaluation", blocks=(Words(lines=tuple(earlier)),)),
        )
    failed = Section(title=FAILED, blocks=(failed_table(answers, labels),))
    method = [*method_of_passes(decision)]
    if judged is not None:
        method.append("The judge saw each pair of answers in both orders; where it contradicted "
                      "itself, the vote is a tie.")  # fmt: skip
        method += method_of_ratings(judged.board, judged.counted)
    return _report(
        about,
        contenders,
        (*_result(decision, contenders), *before, *judge, failed),
        method,
        answers_ledger(answers, labels),
    )


def report_of_votes(
    about: About, *, contenders: Sequence[Contender], decision: Decision, votes: Votes
) -> Report:
    """Of blind votes. `decision`: of `decide_by_votes` with `votes.board`. CSV holds the votes."""
    labels = {one.key: one.label for one in contenders}
    ratings = Section(title="Ratings", blocks=(ratings_table(votes.board, labels),))
    return _report(
        about,
        contenders,
        (*_result(decision, contenders), ratings, _votes_section("Votes", votes.board, labels)),
        method_of_votes(decision, votes.board, votes.counted),
        votes_ledger(votes.ballots, labels),
    )


def _result(decision: Decision, contenders: Sequence[Contender]) -> tuple[Section, ...]:
    labels = {one.key: one.label for one in contenders}
    verdicts = [one.verdict.text for one in decision.pairs]
    alone = "There is one configuration: nothing is compared."
    noted = [
        f"{labels[one.b]} and {labels[one.a]}: {note}"
        for one in decision.pairs
        for note in one.verdict.notes
    ]
    notes = (Words(lines=tuple(noted)),) if noted else ()
    pairs = Section(title="Pairs", blocks=(*pair_tables(decision, labels), *notes))
    drawn = scatters(decision, {one.key: one for one in contenders})
    return (
        Section(title="Verdict", blocks=(Words(lines=tuple(verdicts) or (alone,)),)),
        Section(title="Standings", blocks=(standings_table(decision, labels), *drawn)),
        *((pairs,) if decision.pairs else ()),
    )


def _votes_section(
    title: str,
    board: Leaderboard,
    labels: dict[str, str],
    *further: Table,
    both_orders: bool = False,
) -> Section:
    """`both_orders`: each vote stands for both, so that there is no side to prefer."""
    notices = [
        f"{', '.join(labels.get(name, name) for name in notice.contestants)}: {notice.text}"
        if notice.contestants
        else notice.text
        for notice in board.notices
        if not (both_orders and notice.concern == "position_bias")
    ]
    return Section(
        title=title,
        blocks=(
            *((Words(lines=tuple(notices)),) if notices else ()),
            win_matrix_table(board, labels),
            vote_pairs_table(board, labels),
            *(() if both_orders else (position_table(board),)),
            *further,
        ),
    )


def _report(
    about: About,
    contenders: Sequence[Contender],
    found: Sequence[Section],
    method: Sequence[str],
    ledger: Table,
) -> Report:
    return Report(
        kind="evaluation",
        period=about.name,
        since_us=about.since_us,
        until_us=about.until_us,
        zone=about.zone,
        made_at_us=about.made_at_us,
        filters={},
        sections=(
            *found,
            Section(title=COMPARED, blocks=(compared_table(contenders),)),
            Section(title="Method", blocks=(Words(lines=tuple(method)),)),
            _repeated(about),
        ),
        remarks=tuple(about.remarks),
        ledger=ledger,
    )


def _repeated(about: About) -> Section:
    rows: list[tuple[Raw, Raw]] = [
        *about.facts,
        ("Switchboard", VERSION),
        ("Prices", f"catalogue {about.catalog.version} of {about.catalog.date}"),
    ]
    facts = Table(
        name="How to repeat it",
        columns=(Column(name="What", key=True), Column(name="Value")),
        rows=[(name, None if value is None else str(value)) for name, value in rows],
        note="Models answer differently each time; the intervals say by how much. The rows of the "
        "CSV or JSON form of this report are the raw data.",
    )
    lines = (Words(lines=tuple(about.repeat)),) if about.repeat else ()
    return Section(title="How to repeat it", blocks=(facts, *lines))
