"""/api/runs and /api/workflows."""

from __future__ import annotations

import pytest

from agents.run import TurnRequest
from tests.agents import asking_graphs
from tests.api.conftest import House
from tests.api.serving import MODEL, ask_stream, bearer, messages, owner_of
from tests.provider import ProviderServer, Reply

UNKNOWN = "0" * 32
SLOW = Reply(text="one two three four five six seven eight nine ten", per_token_ms=200)


def test_a_run_has_its_state_its_text_its_figures_and_its_metadata(
    house: House, scripted: ProviderServer
) -> None:
    scripted.script(Reply(text="Set server.port [1]."))
    _, client = house
    asked = {"message": "How do I set the port?", "model": MODEL, "metadata": {"ticket": 7}}
    answer = client.post("/chat", json=asked).json()
    found = client.get(f"/runs/{answer['run_id']}").json()
    small = client.get(f"/runs/{answer['run_id']}/status").json()
    assert {name: found[name] for name in answer} == answer
    assert found["metadata"] == {"ticket": 7}
    assert (found["graph"], found["entry_point"]) == ("supervisor", "api")
    assert found["started_at"] < found["ended_at"]
    assert small == {
        "run_id": answer["run_id"], "thread_id": answer["thread_id"], "status": "completed",
        "finished": True, "queue_position": None,
    }  # fmt: skip


def test_workflows_are_runs_under_another_name(house: House, scripted: ProviderServer) -> None:
    _, client = house
    run_id = ask_stream(client)[0]["run_id"]
    for end in ("", "/status"):
        runs = client.get(f"/runs/{run_id}{end}").json()
        assert client.get(f"/workflows/{run_id}{end}").json() == runs


def test_a_run_on_disk_is_as_it_was_in_memory(house: House, scripted: ProviderServer) -> None:
    runtime, client = house
    events = ask_stream(client, model=MODEL)
    run_id = events[0]["run_id"]
    before = client.get(f"/runs/{run_id}").json()
    runtime.runs.forget_thread(before["thread_id"])
    after = client.get(f"/runs/{run_id}").json()
    replayed = client.get(f"/runs/{run_id}/events").json()
    later = {"duration_ms", "ended_at"}  # on disk without the time that saving took
    assert {k: v for k, v in after.items() if k not in later} == {
        k: v for k, v in before.items() if k not in later
    }
    assert replayed["events"] == events
    assert replayed["finished"] is True


def test_events_come_in_parts_without_loss(house: House, scripted: ProviderServer) -> None:
    _, client = house
    events = ask_stream(client)
    run_id, after, found = events[0]["run_id"], -1, []
    for _ in range(len(events)):
        part = client.get(f"/runs/{run_id}/events", params={"after": after, "limit": 3}).json()
        found += part["events"]
        after = part["after"]
    rest = client.get(f"/runs/{run_id}/events", params={"after": after}).json()
    assert found == events
    assert (rest["events"], rest["after"]) == ([], events[-1]["seq"])


def test_a_stream_that_was_read_to_its_end_is_not_opened_again(
    house: House, scripted: ProviderServer
) -> None:
    _, client = house
    events = ask_stream(client)
    path = f"/runs/{events[0]['run_id']}/events"
    stream = {"Accept": "text/event-stream"}
    tail = client.get(path, headers=stream | {"Last-Event-ID": "2"})
    end = client.get(path, headers=stream | {"Last-Event-ID": str(events[-1]["seq"])})
    assert [one["data"] for one in messages(tail.text)] == events[3:]
    assert end.status_code == 204


def test_an_event_source_that_began_at_a_place_goes_on_behind_what_it_has(
    house: House, scripted: ProviderServer
) -> None:
    """It comes back to the same address with `Last-Event-ID`: it was sent everything again, for ever."""
    _, client = house
    events = ask_stream(client)
    path, stream = f"/runs/{events[0]['run_id']}/events?after=2", {"Accept": "text/event-stream"}
    back = client.get(path, headers=stream | {"Last-Event-ID": "4"})
    end = client.get(path, headers=stream | {"Last-Event-ID": str(events[-1]["seq"])})
    assert [one["data"] for one in messages(back.text)] == events[5:]
    assert end.status_code == 204


def test_cancel_keeps_what_was_written_and_may_be_repeated(
    house: House, scripted: ProviderServer
) -> None:
    scripted.script(SLOW)
    runtime, client = house
    run = runtime.start(TurnRequest(text="Slow?", model=MODEL, owner=owner_of(client)))
    next(b for b in run.follow() if any(e.type == "token" for e in b))
    assert client.post(f"/runs/{run.id}/cancel").status_code == 200
    for _ in run.follow():
        pass
    again = client.post(f"/runs/{run.id}/cancel")
    found = client.get(f"/runs/{run.id}").json()
    assert again.status_code == 200
    assert again.json()["status"] == "cancelled"
    assert found["text"].startswith("one")
    assert found["error"] is None


@pytest.mark.parametrize(
    ("method", "end", "body"),
    [
        ("GET", "", None),
        ("GET", "/status", None),
        ("GET", "/events", None),
        ("POST", "/cancel", None),
        ("POST", "/resume", {"decisions": {"x": 1}}),
    ],
)
def test_somebody_elses_run_answers_like_an_unknown_one(
    house: House, scripted: ProviderServer, method: str, end: str, body: object
) -> None:
    _, client = house
    client.headers.update(bearer("ann"))
    run_id = ask_stream(client)[0]["run_id"]
    client.headers.update(bearer("bob"))
    foreign = client.request(method, f"/runs/{run_id}{end}", json=body)
    unknown = client.request(method, f"/runs/{UNKNOWN}{end}", json=body)
    assert (foreign.status_code, foreign.text) == (404, unknown.text)


def test_a_question_of_a_graph_is_answered_and_the_run_goes_on(
    house: House, scripted: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking_graphs.register(monkeypatch)
    _, client = house
    asked = client.post("/chat", json={"message": "Go", "graph": "parallel_seats"})
    waits = asked.json()
    resume = f"/runs/{waits['run_id']}/resume"
    ids = [one["id"] for one in waits["interrupts"]]
    wrong = client.post(resume, json={"decisions": {ids[0]: {"seats": "many"}}})
    unknown = client.post(resume, json={"decisions": {"nothing": 1}})
    decisions = {one: {"seats": n} for n, one in enumerate(ids)}
    resumed = client.post(resume, json={"decisions": decisions}).json()
    ended = client.get(f"/runs/{resumed['run_id']}/events", headers={"Accept": "text/event-stream"})
    twice = client.post(resume, json={"decisions": decisions})
    before = client.get(f"/runs/{waits['run_id']}").json()
    detail = client.get(f"/runs/{resumed['run_id']}").json()
    assert (asked.status_code, waits["status"], len(ids)) == (200, "interrupted", 3)
    assert waits["interrupts"][0]["response_schema"]["properties"]["seats"]["type"] == "integer"
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "invalid_input")
    assert "not of type 'integer'" in wrong.json()["error"]["message"]
    assert unknown.status_code == 404
    assert messages(ended.text)[-1]["event"] == "completed"
    assert twice.status_code == 404
    assert all(one["answered"] for one in before["interrupts"])
    assert detail["resumes"] == waits["run_id"]
    assert detail["text"].count("seats") == 3


def test_a_place_behind_the_end_of_a_log_gets_the_terminal_event(
    house: House, scripted: ProviderServer
) -> None:
    """A killed process had sent more than it had saved: its reader came back and was told nothing,
    and a stream that had begun before that never ended."""
    runtime, client = house
    events = ask_stream(client)
    path = f"/runs/{events[0]['run_id']}/events"
    far = {"Accept": "text/event-stream", "Last-Event-ID": str(events[-1]["seq"] + 2)}
    answer = client.get(path, headers=far)
    scripted.script(SLOW)
    run = runtime.start(TurnRequest(text="Slow?", model=MODEL, owner=owner_of(client)))
    living = client.get(f"/runs/{run.id}/events", headers=far | {"Last-Event-ID": "9999"})
    assert [one["data"] for one in messages(answer.text)] == events[-1:]
    assert [one["event"] for one in messages(living.text)] == ["completed"]
