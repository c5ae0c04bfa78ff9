"""Comparisons over HTTP: one document, or one stream of all columns."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from agents.comparing.values import Comparison
from core.errors import Overloaded
from tests.api.door import ANSWER, Door

MINI = {"model": "openai:gpt-4o-mini", "agent": "technical"}
LOCAL = {"model": "local:extractive", "agent": "technical"}
BODY = {"message": "How do I set the port?", "configurations": [MINI, LOCAL]}


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line[1:])
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def kept(door: Door, comparison_id: str) -> Comparison:
    return door.runtime.comparisons.store.get(comparison_id, "local")


def test_all_answers_come_as_one_document_and_are_kept(door: Door) -> None:
    answer = door.post("/compare", BODY).json()
    assert [(one["column"], one["letter"], one["status"]) for one in answer["columns"]] == [
        (0, "A", "completed"),
        (1, "B", "completed"),
    ]
    assert answer["columns"][0]["text"] == ANSWER
    assert answer["columns"][1]["model"] == "local:extractive"
    assert answer["columns"][1]["cost_usd"] == 0
    found = kept(door, answer["comparison_id"])
    assert [one.configuration.to_dict() for one in found.arms] == [
        one["configuration"] for one in answer["columns"]
    ]
    assert all(one.facts is not None for one in found.turns[0].answers)


def test_answers_whose_cost_was_noted_meanwhile_are_columns_all_the_same(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leaderboard, opened in that moment, notes what has ended: the request answered 500."""
    comparisons, get = door.runtime.comparisons, door.runtime.comparisons.store.get

    def late(comparison_id: str, owner: str) -> Comparison:
        for answer in get(comparison_id, owner).turns[-1].answers:
            run = door.runtime.runs.get(str(answer.run_id))
            assert run is not None
            list(run.follow())
        comparisons.settle_all()
        return get(comparison_id, owner)

    monkeypatch.setattr(comparisons.store, "get", late)
    answer = door.post("/compare", BODY)
    assert answer.status_code == 200
    assert [one["status"] for one in answer.json()["columns"]] == ["completed", "completed"]


def test_the_merged_stream_has_each_columns_log_in_its_order(door: Door) -> None:
    found = events(door.post("/compare", {**BODY, "stream": True}).text)
    assert [found[0][0], found[-1][0]] == ["comparing", "compared"]
    for column in found[0][1]["columns"]:
        own = [one for _, one in found[1:-1] if one["column"] == column["column"]]
        log = door.runtime.events(column["run_id"], "local")
        assert [one["seq"] for one in own] == [one.seq for one in log]
        assert own[-1]["type"] == "completed"
        assert {one["run_id"] for one in own} == {column["run_id"]}
    texts = [one["content"] for kind, one in found if kind == "token" and one["column"] == 0]
    assert "".join(texts) == ANSWER
    figures = found[-1][1]["columns"]
    assert [one["status"] for one in figures] == ["completed", "completed"]
    assert all(one["tokens"]["output"] > 0 for one in figures)


def test_a_client_that_leaves_does_not_end_the_answers(door: Door) -> None:
    from tests.provider import Reply

    door.provider.default = Reply(text="word " * 30, per_token_ms=10)
    with httpx.stream(
        "POST", f"{door.url}/compare", json={**BODY, "stream": True}, timeout=30
    ) as response:
        comparison_id = response.headers["x-comparison-id"]
        next(response.iter_lines())
    for one in kept(door, comparison_id).turns[0].answers:
        run = door.runtime.runs.get(str(one.run_id))
        assert run is not None
        *_, last = run.follow()
        assert last[-1].type == "completed"


def test_a_column_that_cannot_start_fails_alone(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = door.runtime.runs.start

    def refuse_local(request: Any) -> Any:
        if request.model == "local:extractive":
            raise Overloaded("Too many answers.")
        return start(request)

    monkeypatch.setattr(door.runtime.runs, "start", refuse_local)
    answer = door.post("/compare", BODY).json()
    assert [one["column"] for one in answer["columns"]] == [0]
    assert [(one["column"], one["error"]["code"]) for one in answer["failed"]] == [
        (1, "overloaded")
    ]
    found = events(door.post("/compare", {**BODY, "stream": True}).text)
    assert ("error", 1) in [(kind, one.get("column")) for kind, one in found]
    assert found[-1][1]["failed"][0]["error"]["code"] == "overloaded"


def test_when_no_column_can_start_it_is_that_error(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: Any) -> Any:
        raise Overloaded("Too many answers.")

    monkeypatch.setattr(door.runtime.runs, "start", refuse)
    assert door.post("/compare", BODY).status_code == 503


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"configurations": [MINI]}, 422, "body.configurations"),
        ({"configurations": [MINI] * 7}, 422, "body.configurations"),
        ({"configurations": [MINI, {"agent": "nobody"}]}, 400, "nobody"),
        ({"configurations": [MINI, {"graph": "nothing"}]}, 404, "nothing"),
        ({"configurations": [MINI, {"retrieval": "magic"}]}, 422, "retrieval"),
        ({"configurations": [MINI, {"wat": 1}]}, 422, "wat"),
        ({"message": " "}, 400, "empty"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    door: Door, change: dict[str, Any], status: int, words: str
) -> None:
    answer = door.post("/compare", BODY | change)
    assert answer.status_code == status
    assert words in answer.text
