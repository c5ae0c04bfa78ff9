"""Two people in one house: what one wrote, cost and voted is not the other's, whatever they ask."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.exchange.export import FORMS
from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from agents.seen_knowledge import SeenKnowledge
from analytics.queries import Filter
from core.errors import Forbidden, NotFound
from core.identity import LOCAL, Principal
from core.metrics_query import MetricsQuestion
from core.settings import load_settings
from tests.pages.people import ANN, BOB, MARK, Left, leave_behind

pytestmark = pytest.mark.slow
USER = Principal(owner=BOB, name="Bob")
ANALYST = Principal(owner="nan", name="Nan", role="analyst")
EVER = Filter(range="all")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Runtime, Left]]:
    folder: Path = tmp_path_factory.mktemp("two")
    runtime = Runtime(load_settings(env_file=None, data_dir=folder / "data", auth="accounts"))
    left = leave_behind(runtime, ANN)
    ended(runtime, "What is Switchboard?", BOB)
    assert runtime.recorder.flush()
    yield runtime, left
    runtime.close(2.0)


def ended(runtime: Runtime, text: str, owner: str, **more: Any) -> Run:
    run = runtime.start(TurnRequest(text=text, owner=owner, **more))
    for _ in run.follow():
        pass
    assert runtime.recorder.flush()
    return run


def said(runtime: Runtime, run: Run, owner: str) -> str:
    return runtime.threads.messages(run.thread_id, owner)[-1].text


def test_figures_are_ones_own_unless_the_right_is_there(house: tuple[Runtime, Left]) -> None:
    runtime, left = house
    own, every = runtime.figures(USER), runtime.figures(ANALYST)
    assert {row.user_id for row in own.recent_runs(EVER, 500)} == {BOB}
    assert {row.user_id for row in every.recent_runs(EVER, 500)} == {ANN, BOB}
    assert own.run_detail(left.run_id) is None
    assert every.run_detail(left.run_id) is not None
    with pytest.raises(Forbidden):
        runtime.figures(replace(USER, scopes=frozenset({"chat"})))


def test_an_analysts_key_for_chats_reads_no_figures_of_others() -> None:
    key = replace(ANALYST, scopes=frozenset({"chat"}))
    assert (key.figures, ANALYST.figures, LOCAL.figures) == ("own", "all", "all")


def test_the_data_agent_counts_what_the_one_who_asks_may_see(
    house: tuple[Runtime, Left], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime, _ = house
    told: list[float | None] = []
    plain = runtime._metrics

    def listen(request: TurnRequest, question: MetricsQuestion) -> Any:
        answer = plain(request, question)
        told.append(answer.total.value)
        return answer

    monkeypatch.setattr(runtime._turns, "_metrics", listen)
    question = "How many runs were there today?"
    own = ended(runtime, question, BOB, agent="data")
    every = ended(runtime, question, "nan", agent="data", figures=ANALYST.figures)
    seen = runtime.figures(ANALYST).kpis(EVER).current.runs
    assert len(told) == 2
    assert told[0] is not None
    assert told[1] is not None
    assert told[0] <= 2 < told[1] <= seen
    assert MARK not in said(runtime, own, BOB) + said(runtime, every, "nan")


def test_somebody_named_local_is_not_the_one_person_of_an_open_house(
    house: tuple[Runtime, Left],
) -> None:
    runtime, _ = house
    request = TurnRequest(text="x", owner=LOCAL.owner)
    assert runtime._metrics(request, MetricsQuestion(range="all")).total.value == 0


def test_what_somebody_may_see_is_not_kept_with_their_request(house: tuple[Runtime, Left]) -> None:
    runtime, _ = house
    run = ended(runtime, "What is Switchboard?", "nan", figures="all")
    kept = runtime.store.request_of(run.id)
    assert kept is not None
    assert kept.figures == "own"


def test_search_and_export_hold_nothing_of_others(house: tuple[Runtime, Left]) -> None:
    runtime, left = house
    assert runtime.thread_search.find(ANN, "walnuts", limit=50).hits
    assert not runtime.thread_search.find(BOB, "walnuts", limit=50).hits
    mine = [thread.id for thread in runtime.threads.recent(BOB)]
    for form in FORMS:
        made = runtime.exchange.file_of(BOB, mine, form)
        data = made if isinstance(made, bytes) else made.read()
        assert MARK.encode() not in data.lower()
        with pytest.raises(NotFound):
            runtime.exchange.file_of(BOB, [left.thread_id], form)


def test_notes_and_files_of_others_are_in_no_answer(house: tuple[Runtime, Left]) -> None:
    runtime, _ = house
    found = asyncio.run(SeenKnowledge(runtime.knowledge, ANN).search(f"{MARK} sleeps at noon"))
    assert any(MARK in one.text for one in found.sources)
    found = asyncio.run(SeenKnowledge(runtime.knowledge, BOB).search(f"{MARK} sleeps at noon"))
    assert not any(MARK in one.text for one in found.sources)
    run = ended(runtime, "What sleeps at noon beside walnuts?", BOB)
    assert MARK not in said(runtime, run, BOB).lower()


def test_votes_of_others_are_an_analysts(house: tuple[Runtime, Left]) -> None:
    runtime, _ = house
    assert runtime.votes(USER).sources() == {}
    assert runtime.votes(USER).ballots("page") == []
    assert runtime.votes(replace(USER, owner=ANN)).sources() == {"page": 1}
    assert [one.voter for one in runtime.votes(ANALYST).ballots("page")] == [ANN]
    store = runtime.comparisons.store
    assert store.answered(BOB) == []
    assert store.configurations(BOB) == {}
    assert len(store.configurations(ANN)) == 2


def test_documents_that_were_found_do_not_tell_whose_notes_there_are(
    house: tuple[Runtime, Left],
) -> None:
    runtime, _ = house
    ended(runtime, f"When does the {MARK} sleep?", ANN)
    rows = runtime.recorder.write(
        lambda c: c.exec_driver_sql("SELECT document FROM document_day").scalars().all()
    )
    assert not [document for document in rows if MARK in document or document.startswith("/notes")]
