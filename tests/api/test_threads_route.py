"""/api/threads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from agents.run import TurnRequest
from tests.api.conftest import House
from tests.api.serving import MODEL, bearer, owner_of, serving
from tests.provider import ProviderServer, Reply

UNKNOWN = "0" * 32
FILE = {"Content-Type": "application/octet-stream"}


def ask(client: TestClient, text: str = "How do I set the port?", **more: object) -> dict[str, str]:
    answer = client.post("/chat", json={"message": text, "model": MODEL} | more)
    assert answer.status_code == 200, answer.text
    ids: dict[str, str] = answer.json()
    return ids


def titles(client: TestClient, **query: object) -> list[str]:
    return [one["title"] for one in client.get("/threads", params=query).json()["threads"]]  # type: ignore[arg-type]


def test_threads_come_in_pages(house: House, scripted: ProviderServer) -> None:
    _, client = house
    for n in range(5):
        ask(client, f"Question {n}?")
    found, after = [], None
    for _ in range(3):
        query = {"limit": 2} | ({"after": after} if after else {})
        page = client.get("/threads", params=query).json()
        found += [one["title"] for one in page["threads"]]
        after = page["after"]
    wrong = client.get("/threads", params={"after": "nonsense"})
    assert found == [f"Question {n}?" for n in (4, 3, 2, 1, 0)]
    assert after is None
    assert wrong.status_code == 400


def test_threads_are_found_by_their_words_and_by_what_they_are(
    house: House, scripted: ProviderServer
) -> None:
    scripted.script(Reply(text="Use the zebra option."), Reply(text="No."))
    runtime, client = house
    zebra = ask(client, "First?")["thread_id"]
    other = ask(client, "Second?")["thread_id"]
    runtime.thread_list.add_tags([other], owner_of(client), ["work"])
    hits = client.get("/threads", params={"q": "zeb"}).json()
    assert titles(client, tag="work") == ["Second?"]
    assert titles(client, model=MODEL) == ["Second?", "First?"]
    assert titles(client, state="running") == []
    assert titles(client, since="2999-01-01T00:00:00Z") == []
    assert client.get("/threads", params={"rating": "sideways"}).status_code == 422
    assert [one["thread_id"] for one in hits["threads"]] == [zebra]
    marked = [piece["text"] for piece in hits["threads"][0]["hit"]["snippet"] if piece["matched"]]
    assert marked == ["zebra"]


def test_history_is_read_backwards_in_pages(house: House, scripted: ProviderServer) -> None:
    _, client = house
    first = ask(client, "One?")
    for text in ("Two?", "Three?"):
        ask(client, text, thread_id=first["thread_id"])
    path = f"/threads/{first['thread_id']}/history"
    newest = client.get(path, params={"limit": 4}).json()
    oldest = client.get(path, params={"limit": 4, "before": newest["before"]}).json()
    foreign = client.get(path, params={"before": UNKNOWN})
    assert [one["text"] for one in newest["messages"] if one["role"] == "user"] == [
        "Two?",
        "Three?",
    ]
    assert [one["text"] for one in oldest["messages"] if one["role"] == "user"] == ["One?"]
    assert oldest["before"] is None
    answer = oldest["messages"][1]
    assert (answer["message_id"], answer["run_id"]) == (first["message_id"], first["run_id"])
    assert (answer["status"], answer["model"]) == ("completed", MODEL)
    assert answer["tokens"]["output"] > 0
    assert answer["cost_usd"] > 0
    assert foreign.status_code == 404


def test_archive_and_restore_may_be_repeated(house: House, scripted: ProviderServer) -> None:
    _, client = house
    thread = f"/threads/{ask(client)['thread_id']}"
    assert [client.put(f"{thread}/archive").json()["archived"] for _ in "12"] == [True, True]
    assert (titles(client), titles(client, archived=True)) == ([], ["How do I set the port?"])
    assert [client.put(f"{thread}/restore").json()["archived"] for _ in "12"] == [False, False]
    assert titles(client) == ["How do I set the port?"]


def test_clear_empties_an_archived_thread_too_and_may_be_repeated(
    house: House, scripted: ProviderServer
) -> None:
    _, client = house
    asked = ask(client)
    thread = f"/threads/{asked['thread_id']}"
    client.put(f"{thread}/archive")
    cleared = [client.put(f"{thread}/clear") for _ in "12"]
    history = client.get(f"{thread}/history").json()
    gone = client.get(f"/runs/{asked['run_id']}")
    again = ask(client, "And now?", thread_id=asked["thread_id"])
    assert [one.status_code for one in cleared] == [200, 200]
    assert cleared[0].json()["archived"] is True
    assert (history["messages"], history["title"]) == ([], "How do I set the port?")
    assert gone.status_code == 404
    assert again["status"] == "completed"


def test_clear_stops_an_answer_under_way(house: House, scripted: ProviderServer) -> None:
    scripted.script(Reply(text="one two three four five six", per_token_ms=500))
    runtime, client = house
    run = runtime.start(TurnRequest(text="Slow?", model=MODEL, owner=owner_of(client)))
    next(batch for batch in run.follow() if any(e.type == "token" for e in batch))
    cleared = client.put(f"/threads/{run.thread_id}/clear")
    history = client.get(f"/threads/{run.thread_id}/history").json()
    assert cleared.status_code == 200
    assert history["messages"] == []
    assert run.read()[-1].type == "cancelled"


def test_a_deleted_thread_is_gone_the_second_time(house: House, scripted: ProviderServer) -> None:
    _, client = house
    thread = f"/threads/{ask(client)['thread_id']}"
    assert [client.delete(thread).status_code for _ in "12"] == [204, 404]
    assert client.get(thread).status_code == 404


@pytest.mark.parametrize(
    ("method", "end"),
    [
        ("GET", ""), ("GET", "/history"), ("PUT", "/clear"), ("PUT", "/archive"),
        ("PUT", "/restore"), ("DELETE", ""), ("GET", "/export"),
    ],
)  # fmt: skip
def test_somebody_elses_thread_answers_like_an_unknown_one(
    house: House, scripted: ProviderServer, method: str, end: str
) -> None:
    _runtime, client = house
    client.headers.update(bearer("ann"))
    thread = ask(client)["thread_id"]
    client.headers.update(bearer("bob"))
    foreign = client.request(method, f"/threads/{thread}{end}")
    unknown = client.request(method, f"/threads/{UNKNOWN}{end}")
    going_on = client.post("/chat", json={"message": "Hi", "thread_id": thread})
    assert titles(client) == []
    assert client.get("/threads", params={"q": "port"}).json()["threads"] == []
    client.headers.update(bearer("ann"))
    assert len(client.get(f"/threads/{thread}/history").json()["messages"]) == 2
    assert (foreign.status_code, foreign.text) == (404, unknown.text)
    assert going_on.status_code == 404


def test_what_was_exported_can_be_imported_once(house: House, scripted: ProviderServer) -> None:
    _, client = house
    thread = f"/threads/{ask(client)['thread_id']}"
    exported = client.get(f"{thread}/export")
    known = client.post("/threads/import", content=exported.content, headers=FILE).json()
    client.delete(thread)
    new = client.post("/threads/import", content=exported.content, headers=FILE).json()
    assert titles(client) == ["How do I set the port?"]
    assert exported.headers["content-type"] == "application/json"
    assert (
        exported.headers["content-disposition"]
        == 'attachment; filename="how-do-i-set-the-port.json"'
    )
    assert (known["imported"], known["known"]) == (0, 1)
    assert (new["imported"], new["messages"], new["problems"]) == (1, 2, [])


def test_an_import_says_what_is_wrong_with_an_entry(house: House, scripted: ProviderServer) -> None:
    runtime, client = house
    exported = client.get(f"/threads/{ask(client)['thread_id']}/export").json()
    exported["conversations"] = [{"title": "Strange", "what": 1}]
    broken = client.post("/threads/import", content=json.dumps(exported), headers=FILE)
    useless = client.post("/threads/import", content=b"no JSON", headers=FILE)
    left = list(runtime.exchange.folder.rglob("*"))
    assert (broken.json()["imported"], broken.json()["broken"]) == (0, 1)
    assert broken.json()["problems"][0]["title"] == "Strange"
    assert broken.json()["problems"][0]["lost"] is True
    assert (useless.status_code, useless.json()["error"]["code"]) == (400, "invalid_input")
    assert [one.name for one in left] == [".working"]


def test_a_file_in_a_form_is_refused_with_the_way_to_send_it(
    house: House, scripted: ProviderServer
) -> None:
    """The form's own lines were read with it, and the file was said to be no JSON."""
    _, client = house
    exported = client.get(f"/threads/{ask(client)['thread_id']}/export").content
    sent = client.post("/threads/import", files={"file": ("chat.json", exported)})
    assert sent.status_code == 415
    assert "application/octet-stream" in sent.json()["error"]["what_to_do"]


def test_a_file_that_is_too_large_is_refused_and_leaves_nothing(
    house: House, scripted: ProviderServer
) -> None:
    def pieces() -> object:
        for _ in range(30):
            yield b"x" * 1_000_000

    runtime, client = house
    refused = client.post("/threads/import", content=pieces(), headers=FILE)  # type: ignore[arg-type]
    left = list(runtime.exchange.folder.rglob("*"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "too_large")
    assert [one.name for one in left] == [".working"]


@pytest.mark.parametrize(
    ("form", "media_type"),
    [("markdown", "text/markdown"), ("html", "text/html"), ("training", "application/jsonl")],
)
def test_exported_pages_hold_markup_as_text(
    house: House, scripted: ProviderServer, form: str, media_type: str
) -> None:
    scripted.script(Reply(text="<script>alert(1)</script> ![x](http://evil.example/x.png)"))
    _, client = house
    thread = ask(client, "<b>Bold</b>?")["thread_id"]
    exported = client.get(f"/threads/{thread}/export", params={"form": form})
    other = client.get(f"/threads/{thread}/export", params={"form": "pickle"})
    assert exported.headers["content-type"].startswith(media_type)
    assert exported.headers["content-disposition"].startswith("attachment")
    assert exported.headers["x-content-type-options"] == "nosniff"
    if form == "html":
        assert "<script>alert" not in exported.text
        assert "<img" not in exported.text
    assert other.status_code == 422


def test_a_thread_that_is_answered_names_the_run(house: House, scripted: ProviderServer) -> None:
    """Without it a client that comes back could not stop or follow the answer."""
    scripted.script(Reply(text="one two three four five six", per_token_ms=2_000))
    runtime, client = house
    run = runtime.start(TurnRequest(text="Slow?", model=MODEL, owner=owner_of(client)))
    paths = ("/threads", "/threads?q=Slow", f"/threads/{run.thread_id}")
    page, found, one = (client.get(path).json() for path in paths)
    history = client.get(f"/threads/{run.thread_id}/history").json()
    client.post(f"/runs/{run.id}/cancel")
    for _ in run.follow():
        pass
    after = client.get(f"/threads/{run.thread_id}").json()
    shown = (page["threads"][0], found["threads"][0], one, history)
    assert [said["run_id"] for said in shown] == [run.id] * 4
    assert after["run_id"] is None


def test_what_is_deleted_cleared_exported_and_imported_is_in_the_audit_log_once(
    tmp_path: Path, module_server: ProviderServer, scripted: ProviderServer
) -> None:
    with serving(tmp_path, module_server) as (runtime, client):
        thread_id = ask(client)["thread_id"]
        content = client.get(f"/threads/{thread_id}/export").content
        client.put(f"/threads/{thread_id}/clear")
        codes = [client.delete(f"/threads/{thread_id}").status_code for _ in range(2)]
        client.post("/threads/import", content=content, headers=FILE)
        deeds = runtime.identity.audit.page().deeds
    assert codes == [204, 404]
    assert [(deed.action, deed.target, deed.detail) for deed in reversed(deeds)] == [
        ("thread_exported", thread_id, "json"),
        ("thread_cleared", thread_id, ""),
        ("thread_deleted", thread_id, ""),
        ("threads_imported", "", "1 chats"),
    ]
