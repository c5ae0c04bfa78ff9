"""Every route of the OpenAPI document: nothing without a bearer, and a foreign id is an unknown one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from agents.runtime import Runtime
from core.identity import Principal
from core.ids import new_id
from tests.api.guards.everything import operations
from tests.api.guards.test_entrance import NOT_CREDENTIALS
from tests.api.serving import serving
from tests.provider import ProviderServer, Reply
from tests.provider.fixtures import module_server as module_server

pytestmark = pytest.mark.slow
SECRET = "only ann knows that the port is 4711"


class Team:
    """Ann, who has asked something, and Bob; each with a key."""

    def __init__(self, runtime: Runtime, client: TestClient) -> None:
        self.runtime, self.client = runtime, client
        self.keys = {name: self._key(name) for name in ("ann", "bob")}
        answer = self.ask("ann", "POST", "/chat", {"message": SECRET})
        assert answer.status_code == 200, answer.text
        self.thread_id, self.run_id = answer.json()["thread_id"], answer.json()["run_id"]
        self.operations = operations(client.app)  # type: ignore[arg-type]

    def _key(self, name: str) -> str:
        account = self.runtime.identity.accounts.add(
            name, name=name.title(), password=f"a long password of {name}"
        )
        who = Principal(owner=account.owner, name=name, via="password")
        return self.runtime.identity.keys.create(who, "test", ("chat", "analytics"), 1)[1]

    def ask(self, name: str, method: str, target: str, body: object = None) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.keys[name]}"}
        return self.client.request(method, target, headers=headers, **_json(body))

    def everything_stored(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows of the database of threads, but the log of who did what and when somebody or
        their key was last seen."""
        with self.runtime.database.read() as connection:
            names = connection.execute(
                text(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
                )
            )
            tables = [n for (n,) in names if not n.startswith(("sqlite_", "audit", "api_key"))]
            found = {
                name: connection.execute(text(f"SELECT * FROM {name}")).mappings().all()
                for name in tables
            }
        return {
            name: sorted(
                (tuple(v for k, v in row.items() if k != "seen_at_us") for row in rows), key=repr
            )
            for name, rows in found.items()
        }


def _json(body: object) -> dict[str, object]:
    return {} if body is None else {"json": body}


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, module_server: ProviderServer) -> Iterator[Team]:
    module_server.default = Reply(text="Set the port in the settings. [1]")
    folder = tmp_path_factory.mktemp("team")
    with serving(folder, module_server, auth=("accounts",)) as (runtime, client):
        yield Team(runtime, client)


def test_without_a_bearer_no_route_answers_and_nothing_happens(team: Team) -> None:
    before, asked = team.everything_stored(), 0
    for one in team.operations:
        for given in NOT_CREDENTIALS:
            headers = {name.replace("_", "-"): value for name, value in given.items()}
            target = one.target(team.thread_id) + f"?token={team.keys['ann']}"
            answer = team.client.request(one.method, target, headers=headers, **_json(one.body))
            if one.public:
                assert answer.status_code in (200, 422, 503), str(one)
                continue
            asked += 1
            assert answer.status_code == 401, (str(one), given, answer.text)
            assert answer.headers["www-authenticate"] == 'Bearer realm="switchboard"'
            assert SECRET not in answer.text
    assert asked >= 3 * len(NOT_CREDENTIALS)
    assert team.everything_stored() == before


def test_a_foreign_id_answers_like_an_unknown_one(team: Team) -> None:
    before, asked = team.everything_stored(), 0
    for one in team.operations:
        if not any(name.endswith("_id") for name in one.ids):
            continue
        for foreign in (team.thread_id, team.run_id):
            unknown = new_id()
            answers = [
                _comparable(team.ask("bob", one.method, one.target(i), one.body), i)
                for i in (foreign, unknown)
            ]
            assert answers[0] == answers[1], str(one)
            assert answers[0][0] in (403, 404, 422), str(one)
            asked += 1
    assert team.everything_stored() == before


def _comparable(answer: httpx2.Response, identifier: str) -> tuple[int, str]:
    return answer.status_code, answer.text.replace(identifier, "<id>")


def test_foreign_ids_in_a_body_answer_like_unknown_ones(team: Team) -> None:
    before = team.everything_stored()
    for field in ("thread_id", "conversation_id", "session_id"):
        for target in ("/chat", "/chat/stream"):
            answers = []
            for identifier in (team.thread_id, new_id()):
                body = {"message": "What is the port?", field: identifier}
                answers.append(_comparable(team.ask("bob", "POST", target, body), identifier))
            assert answers[0] == answers[1]
            assert answers[0][0] == 404
    assert team.everything_stored() == before


def test_nothing_of_one_person_is_in_what_another_reads(team: Team) -> None:
    for one in team.operations:
        if one.method == "GET" and not one.ids:
            mine, others = (team.ask(name, "GET", one.path) for name in ("ann", "bob"))
            assert team.thread_id not in others.text, str(one)
            assert team.run_id not in others.text, str(one)
            assert SECRET not in others.text, str(one)
            assert mine.status_code == others.status_code, str(one)


def test_reading_changes_nothing(team: Team) -> None:
    before = team.everything_stored()
    for one in team.operations:
        if one.method == "GET":
            for identifier in (team.thread_id, team.run_id):
                answer = team.ask("ann", "GET", one.target(identifier))
                assert answer.status_code < 500 or answer.status_code == 503, (
                    str(one),
                    answer.text,
                )
    assert team.everything_stored() == before


def test_every_answer_is_marked_as_what_it_is(team: Team) -> None:
    for one in team.operations:
        for name, body in (("ann", one.body), ("ann", [])):
            answer = team.ask(name, one.method, one.target(new_id()), body)
            assert answer.headers.get("x-content-type-options") == "nosniff", (
                str(one),
                answer.status_code,
                answer.text[:300],
            )
            assert "no-store" in answer.headers["cache-control"], str(one)
            if "html" in answer.headers["content-type"]:
                assert one.path.startswith("/docs"), str(one)


def test_info_names_every_address(team: Team) -> None:
    told = team.ask("ann", "GET", "/info").json()["endpoints"]
    assert {one["path"] for one in told} == {one.path for one in team.operations} | {"/ws/chat"}
    assert all(one["summary"] for one in told)
