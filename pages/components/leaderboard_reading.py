"""What the Leaderboard page shows, computed and kept until a vote or a choice changes. Draws nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from agents.comparing.labels import AUTOMATIC, full_label, labels_by_key
from agents.comparing.votes import PAGE
from analytics.ranking.board import Board, Counting, Rating, Tally, board, tally
from pages.components import session
from pages.components.charts import GREY
from pages.components.format import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.comparing.votes import VoteStore
    from agents.runtime import Runtime
    from core.comparison import Answered, Ballot, Configuration
    from pages.components.leaderboard_choice import Choice

_AUTOMATIC = "automatic"
JUDGE, IMPORT = "judge:", "import:"
_MOST_KEPT, _KEPT_S = 8, 3600
MAX_NAME = 60


@dataclass(frozen=True, kw_only=True)
class View:
    runtime: Runtime
    choice: Choice
    tally: Tally
    board: Board
    names: Mapping[str, str]
    """Of every contestant, as plain text."""
    colors: Mapping[str, str]
    groups: Mapping[str, str]
    """Configuration to the model it counts as; empty when configurations are the contestants."""
    configurations: Mapping[str, Configuration]
    """Those known of our own comparisons, also ones nobody voted on."""

    @property
    def against(self) -> str | None:
        """The contestant others are set against, if it is among them."""
        return self.choice.against if self.choice.against in self.names else None

    def name(self, key: str) -> str:
        return self.names.get(key, key)


def sources(runtime: Runtime) -> dict[str, int]:
    """Votes of each source: the page's first, then judges, then imports, the newest first."""
    votes = runtime.votes(session.principal())
    found = votes.sources()
    imports = [f"{IMPORT}{one['id']}" for one in votes.imports()]
    judges = sorted(one for one in found if one.startswith(JUDGE))
    return {one: found[one] for one in (PAGE, *judges, *imports) if found.get(one)}


def source_names(runtime: Runtime, offered: Mapping[str, int]) -> dict[str, str]:
    """What each is called, with its number of votes."""
    imported = {
        f"{IMPORT}{one['id']}": one["name"] for one in runtime.votes(session.principal()).imports()
    }
    names = {}
    for source, votes in offered.items():
        if source == PAGE:
            name = "Compare page"
        elif source.startswith(JUDGE):
            name = f"Judge {runtime.catalog.display_name(source.removeprefix(JUDGE))}"
        else:
            name = shortened(imported.get(source, "Imported"))
        names[source] = f"{name} · {count(votes)}"
    return names


def read(runtime: Runtime, choice: Choice) -> View:
    """Raises StorageError when the votes cannot be read."""
    store, votes = runtime.comparisons.store, runtime.votes(session.principal())
    known = store.configurations(votes.voter)
    groups = _models(known) if choice.by_model else {}
    counting, version = choice.counting(groups), (votes.voter, *votes.version())
    counted = _tally(version, choice.sources, counting, votes)
    names = _names(runtime, counted, known, by_model=choice.by_model)
    answers = store.answered(votes.voter)
    newest = (len(answers), max((one.at_us for one in answers), default=0))
    found = _board(
        (version, newest), choice.sources, counting, choice.rating(), tuple(names.items()), counted,
        answers,
    )  # fmt: skip
    return View(
        runtime=runtime,
        choice=choice,
        tally=counted,
        board=found,
        names=names,
        colors=_colors(runtime, names, known),
        groups=groups,
        configurations=known,
    )


@st.cache_data(max_entries=_MOST_KEPT, ttl=_KEPT_S, show_spinner=False)
def _tally(
    version: tuple[Any, ...], sources: tuple[str, ...], counting: Counting, _votes: VoteStore
) -> Tally:
    ballots: list[Ballot] = []
    for source in sources:
        found = _votes.ballots(source)
        apart = len(sources) > 1 and source.startswith(IMPORT)
        ballots += [_of_file(source, one) for one in found] if apart else found
    return tally(ballots, counting)


def _of_file(source: str, one: Ballot) -> Ballot:
    """Voters of different files are different people, whatever they are called there."""
    return replace(one, voter=f"{source} {one.voter}")


@st.cache_data(max_entries=_MOST_KEPT, ttl=_KEPT_S, show_spinner=False)
def _board(
    version: tuple[Any, ...],
    sources: tuple[str, ...],
    counting: Counting,
    rating: Rating,
    names: tuple[tuple[str, str], ...],
    _tally: Tally,
    _answers: Sequence[Answered],
) -> Board:
    return board(_tally, _answers, rating, names=dict(names), groups=dict(counting.groups))


def _models(known: Mapping[str, Configuration]) -> dict[str, str]:
    return {key: one.model or _AUTOMATIC for key, one in known.items()}


def _names(
    runtime: Runtime, counted: Tally, known: Mapping[str, Configuration], *, by_model: bool
) -> dict[str, str]:
    """As short as tells those apart that have votes. An imported contestant is called what it is."""
    keys, display = counted.battles.names, runtime.catalog.display_name
    if by_model:
        models = set(_models(known).values())
        named = {key: display(key) for key in keys if key in models} | {_AUTOMATIC: AUTOMATIC}
    else:
        mine = {key: known[key] for key in keys if key in known}
        if len(mine) > 1:
            named = labels_by_key(mine, display)
        else:
            named = {key: full_label(one, display) for key, one in mine.items()}
    found = {key: shortened(named.get(key, key)) for key in keys}
    twice = Counter(found.values())
    return {
        key: f"{name} (imported)" if twice[name] > 1 and key not in named else name
        for key, name in found.items()
    }


def shortened(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"


def _colors(
    runtime: Runtime, names: Mapping[str, str], known: Mapping[str, Configuration]
) -> dict[str, str]:
    """Of the model. What chooses its model by itself has none."""
    models = {key: known[key].model if key in known else key for key in names}
    return {
        key: runtime.catalog.color(model) if model and model != _AUTOMATIC else GREY
        for key, model in models.items()
    }
