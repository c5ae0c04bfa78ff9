"""The model evaluation report of votes: what the leaderboard shows, as a file that can be checked."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from agents.comparing.votes import PAGE
from agents.runtime.evaluation_report import contender
from analytics.ranking.battles import Battles
from analytics.ranking.board import Board, Counting, Rating, merged
from analytics.reports.document import Report
from analytics.reports.evaluation_method import Counted
from analytics.reports.evaluation_tables import Contender
from analytics.reports.model_evaluation import About, Votes, report_of_votes
from core.comparison import Ballot

if TYPE_CHECKING:
    from agents.comparing.votes import VoteStore
    from agents.runtime.runtime import Runtime

_UNKNOWN_COLOR = "#777777"


def votes_report(
    runtime: Runtime,
    *,
    votes: VoteStore,
    sources: Mapping[str, str],
    counting: Counting,
    rating: Rating,
    battles: Battles,
    board: Board,
    names: Mapping[str, str],
) -> Report:
    """`votes`: those the reader may see; `sources`: of the votes, and what people call them; the others as for `board`, which they made.

    Raises StorageError when the votes cannot be read.
    """
    ballots = [one for source in sources for one in votes.ballots(source)]
    times = [one.at_us for one in ballots if one.at_us]
    now_us = time.time_ns() // 1000
    return report_of_votes(
        About(
            name=f"Votes: {', '.join(sources.values())}",
            since_us=min(times, default=now_us),
            until_us=max(times, default=now_us),
            made_at_us=now_us,
            zone=runtime.settings.reporting_timezone,
            catalog=runtime.catalog,
            facts=(
                ("Votes", len(ballots)),
                ("Style held equal", ", ".join(rating.style) or "no"),
                ("Position allowed for", "yes" if rating.position else "no"),
                ("Contestants", "models" if counting.groups else "configurations"),
            ),
            repeat=_repeat(sources),
        ),
        contenders=_contenders(runtime, battles, names, counting),
        decision=board.decision,
        votes=Votes(
            board=board.leaderboard,
            ballots=_by_group(ballots, counting),
            counted=Counted(
                left_out=battles.left_out,
                allowed_flags=counting.allowed_flags,
                votes_a_day=counting.votes_a_day,
            ),
        ),
    )


def _contenders(
    runtime: Runtime, battles: Battles, names: Mapping[str, str], counting: Counting
) -> list[Contender]:
    known = {} if counting.groups else runtime.comparisons.store.configurations()
    found = []
    for key in battles.names:
        label, one = names.get(key, key), known.get(key)
        if one is not None:
            found.append(contender(runtime, one, label))
        else:
            color = runtime.catalog.color(key) or _UNKNOWN_COLOR
            found.append(Contender(key=key, label=label, color=color))
    return found


def _by_group(ballots: Sequence[Ballot], counting: Counting) -> Sequence[Ballot]:
    return merged(ballots, dict(counting.groups))


def _repeat(sources: Mapping[str, str]) -> tuple[str, ...]:
    ours = "Ask and vote on the Compare page with the configurations above."
    files = "The CSV form of this report can be imported on the Leaderboard page."
    return (ours, files) if PAGE in sources else (files,)
