"""The webhook against a real server on loopback: that answers, refuses, fails, hangs or is not there."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from analytics.alerts.delivery import MAX_WAITING, Webhook
from analytics.alerts.store import events, save_rule
from analytics.alerts.watcher import Watcher
from analytics.budgets import Spending
from analytics.queries import Filter
from tests.analytics.ledgers import Ledger, ledger

SECRET = "T0K3N-Zq81xw7"
SILENCE = {"kind": "no_data", "window_minutes": 60, "channels": ["webhook", "log"]}


class Hook(ThreadingHTTPServer):
    """Answers with the statuses given, the last one for ever; 0 hangs until the end."""

    daemon_threads = True

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.posts: list[tuple[str, dict[str, Any]]] = []
        self.done = threading.Event()
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook/{SECRET}?key={SECRET}"


class Answer(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posts.append((self.path, json.loads(body)))
        statuses = self.server.statuses
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        if status == 0:
            self.server.done.wait(5)
            return
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Callable[..., Hook]]:
    made: list[Hook] = []

    def start(*statuses: int) -> Hook:
        server = Hook(*statuses)
        made.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return server

    yield start
    for server in made:
        server.done.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Ledger]:
    with ledger(tmp_path / "analytics.db") as made:
        yield made


def send(url: str, timeout_s: float = 2.0) -> dict[str, Any]:
    """One POST with short pauses between tries; the result."""
    results: list[dict[str, Any]] = []
    came = threading.Event()

    def on_result(event_id: str, result: dict[str, Any]) -> None:
        results.append(result)
        came.set()

    webhook = Webhook(url, on_result, timeout_s=timeout_s, backoff_s=(0.01, 0.01))
    assert webhook.send("e1", {"text": "hello"})
    assert came.wait(5)
    webhook.close()
    return results[0]


def test_a_post_that_is_taken_is_sent_once(hook: Callable[..., Hook]) -> None:
    server = hook(204)
    assert send(server.url) == {"ok": True, "status": 204, "tries": 1}
    assert server.posts == [(f"/hook/{SECRET}?key={SECRET}", {"text": "hello"})]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((500, 429, 200), {"ok": True, "status": 200, "tries": 3}),
        ((503,), {"ok": False, "status": 503, "tries": 3, "error": "HTTP 503"}),
        ((404,), {"ok": False, "status": 404, "tries": 1, "error": "HTTP 404"}),
        ((302,), {"ok": False, "status": 302, "tries": 3, "error": "HTTP 302"}),
    ],
)
def test_what_may_help_is_tried_again_and_not_for_ever(
    hook: Callable[..., Hook], statuses: tuple[int, ...], expected: dict[str, Any]
) -> None:
    server = hook(*statuses)
    assert send(server.url) == expected
    assert len(server.posts) == expected["tries"]


def test_a_server_that_hangs_is_given_up(hook: Callable[..., Hook]) -> None:
    found = send(hook(0).url, timeout_s=0.05)
    assert (found["ok"], found["tries"], found["error"]) == (False, 3, "no answer within 0.05 s")


def test_nobody_there_is_a_failed_connection() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found = send(f"http://127.0.0.1:{port}/{SECRET}")
    assert found["error"] == "the connection failed (ConnectionRefusedError)"


@pytest.mark.parametrize("url", ["ftp://x/y", "nonsense", "http://", "http://[::1", "http://a:b/"])
def test_an_address_that_is_none_is_named(url: str) -> None:
    assert "SWITCHBOARD_ALERT_WEBHOOK_URL" in send(url)["error"]


def test_a_full_queue_refuses_and_never_waits(hook: Callable[..., Hook]) -> None:
    server = hook(0)
    webhook = Webhook(server.url, lambda *_: None, timeout_s=0.2, backoff_s=())
    began = time.perf_counter()
    taken = [webhook.send(str(k), {}) for k in range(MAX_WAITING + 5)]
    assert time.perf_counter() - began < 0.2
    assert taken.count(False) in (4, 5), "one may be under way already"
    webhook._waiting.clear()
    webhook.close()


def watching(books: Ledger, url: str) -> Watcher:
    return Watcher(
        books.queries, books.recorder, Spending(books.queries, now_us=books.clock),
        slo_target=0.95, webhook_url=url, now_us=books.clock, backoff_s=(0.01,),
    )  # fmt: skip


def delivered(books: Ledger) -> dict[str, Any]:
    """How the only event was told, as soon as the webhook is done with it."""
    for _ in range(200):
        (event,) = books.queries.ask(lambda ask: events(ask.reader), Filter())
        if "webhook" in event.delivery:
            return dict(event.delivery)
        time.sleep(0.02)
    raise AssertionError("the result did not come")


def test_an_alert_is_posted_and_its_result_kept(
    books: Ledger, hook: Callable[..., Hook], caplog: pytest.LogCaptureFixture
) -> None:
    server = hook(200)
    save_rule(books.recorder, "Silence", SILENCE)
    watch = watching(books, server.url)
    with caplog.at_level(logging.DEBUG):
        watch.round()
        found = delivered(books)
    watch.close()
    assert found == {"log": {"ok": True}, "webhook": {"ok": True, "status": 200, "tries": 1}}
    ((_, payload),) = server.posts
    assert payload["text"] == "[firing] Silence: 0 runs began in the last 1 h"
    assert (payload["severity"], payload["at"]) == ("warning", "2026-11-04T12:00:00+00:00")
    assert SECRET not in caplog.text


def test_a_failing_webhook_does_not_hold_up_the_next_round(
    books: Ledger, hook: Callable[..., Hook], caplog: pytest.LogCaptureFixture
) -> None:
    server = hook(0)
    save_rule(books.recorder, "Silence", SILENCE)
    watch = watching(books, server.url)
    began = time.perf_counter()
    watch.round()
    watch.round()
    assert time.perf_counter() - began < 1.0
    server.done.set()
    assert delivered(books)["webhook"]["ok"] is False
    watch.close()
    assert SECRET not in caplog.text
    assert SECRET not in str(delivered(books))


def test_without_an_address_the_event_says_so(books: Ledger) -> None:
    save_rule(books.recorder, "Silence", SILENCE)
    watch = Watcher(
        books.queries, books.recorder, Spending(books.queries, now_us=books.clock),
        slo_target=0.95, now_us=books.clock,
    )  # fmt: skip
    watch.round()
    assert delivered(books)["webhook"]["error"] == "SWITCHBOARD_ALERT_WEBHOOK_URL is not set"
