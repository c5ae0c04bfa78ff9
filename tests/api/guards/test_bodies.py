"""Bodies before a route sees them: type, encoding, size, time, JSON."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import anyio
import pytest

from api.guards.bodies import BodyLimits
from api.headers import Message
from tests.api.guards.probe import FILES, Probe

pytestmark = pytest.mark.slow

JSON = "application/json"
NOTE = json.dumps({"text": "hello", "metadata": {"n": 1}}).encode()


def test_a_checked_body_reaches_the_route(probe: Probe) -> None:
    answer = probe.ask("POST", "/probe/notes", NOTE, content_type=JSON)
    assert (answer.status, answer.json()) == (200, "hello")
    assert probe.seen == [("local", "hello", {"n": 1})]


def test_a_body_in_parts_reaches_the_route_whole(probe: Probe) -> None:
    parts = [NOTE[n : n + 1] for n in range(len(NOTE))]
    assert probe.ask("POST", "/probe/notes", parts, content_type=JSON).status == 200
    assert probe.seen == [("local", "hello", {"n": 1})]


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", 'application/json; charset="UTF-8"',
     "APPLICATION/JSON", "application/json;"],
)  # fmt: skip
def test_json_in_utf8_is_read(probe: Probe, content_type: str) -> None:
    assert probe.ask("POST", "/probe/notes", NOTE, content_type=content_type).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content_type": ""},
        {"content_type": "text/plain"},
        {"content_type": "text/plain; x=application/json"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_type": "application/jsonp"},
        {"content_type": "application/vnd.api+json"},
        {"content_type": "application/json; charset=utf-16"},
        {"content_type": "application/json; charset=latin-1"},
        {"content_type": "application/json, text/plain"},
        {"content_type": JSON, "content_encoding": "gzip"},
        {"content_type": JSON, "content_encoding": "br"},
        {"content_type": JSON, "content_encoding": "deflate"},
        {"content_type": JSON, "content_encoding": "identity, gzip"},
    ],
)
def test_another_type_charset_or_encoding_is_refused(probe: Probe, headers: dict[str, str]) -> None:
    answer = probe.ask("POST", "/probe/notes", NOTE, **headers)
    assert (answer.status, answer.code) == (415, "media_type")
    assert probe.seen == []


def test_a_gzip_bomb_is_not_opened(probe: Probe) -> None:
    bomb = gzip.compress(b'{"text": "' + b" " * 50_000_000 + b'"}')
    assert len(bomb) < 100_000
    answer = probe.ask("POST", "/probe/notes", bomb, content_type=JSON, content_encoding="gzip")
    assert answer.status == 415
    assert probe.seen == []


def test_a_length_beyond_the_limit_is_refused_before_anything_is_read() -> None:
    probe = Probe(max_body_bytes=1_000)
    answer = probe.ask("POST", "/probe/notes", [], length=10_000_000, content_type=JSON)
    assert (answer.status, answer.code) == (413, "too_large")
    assert answer.header("connection") == "close"
    assert probe.seen == []


@pytest.mark.parametrize("length", [None, 10])
def test_parts_beyond_the_limit_are_refused_whatever_the_length_says(length: int | None) -> None:
    probe = Probe(max_body_bytes=1_000)
    read: list[int] = []

    def parts() -> Iterator[bytes]:
        for n in range(40):
            read.append(n)
            yield b"[" * 100

    answer = probe.ask("POST", "/probe/notes", parts(), length=length, content_type=JSON)
    assert (answer.status, answer.code) == (413, "too_large")
    assert probe.seen == []


def test_exactly_the_limit_is_accepted() -> None:
    probe = Probe(max_body_bytes=1_000)
    note = json.dumps({"text": "x" * (1_000 - len('{"text": ""}'))}).encode()
    assert len(note) == 1_000
    assert probe.ask("POST", "/probe/notes", note, content_type=JSON).status == 200
    assert probe.ask("POST", "/probe/notes", note + b" ", content_type=JSON).status == 413


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "1, 2", "", "9" * 30])
def test_a_length_that_is_no_number_is_refused(probe: Probe, length: str) -> None:
    answer = probe.ask("POST", "/probe/notes", None, content_type=JSON, content_length=length)
    assert (answer.status, answer.code) == (400, "invalid_input")


def test_a_body_of_a_request_that_only_reads_means_nothing(probe: Probe) -> None:
    answer = probe.ask("GET", "/probe/search", [b"{"] * 5, content_type=JSON)
    assert answer.status == 200
    assert len(answer.more) == 5
    assert probe.ask("GET", "/probe/notes", NOTE, content_type=JSON).status == 405
    assert probe.seen == [("", 10)]


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'{"text": "a"', "body"),
        (b'{"text": NaN}', "body"),
        (b'{"text": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "body"),
        (b'{"text": "a", "text": "b"}', "text"),
        (b'{"text": "\xff"}', "body"),
        (b'{"text": "\\ud800"}', "text"),
        (b'{"text": "\\u0000"}', "text"),
        (b'{"text": "a", "metadata": {"n": ' + b"1" * 400 + b"}}", "body"),
        (b"\xef\xbb\xbf" + NOTE, "body"),
    ],
)
def test_bad_json_is_refused_with_field_and_reason(probe: Probe, raw: bytes, field: str) -> None:
    answer = probe.ask("POST", "/probe/notes", raw, content_type=JSON)
    assert (answer.status, answer.code) == (422, "invalid_input")
    ((named, reason),) = answer.fields
    assert named == field
    assert reason
    assert probe.seen == []


def test_a_large_body_is_read_beside_the_loop_with_the_same_rules() -> None:
    probe = Probe()
    large = b'{"text": "' + b"x" * 200_000 + b'", "text": ""}'
    answer = probe.ask("POST", "/probe/notes", large, content_type=JSON)
    assert (answer.status, answer.fields) == (422, [("text", "is given twice")])


def test_wrong_fields_are_named_without_what_was_sent(probe: Probe) -> None:
    raw = json.dumps({"text": {"canary-1": 1}, "metadata": "canary-2"}).encode()
    answer = probe.ask("POST", "/probe/notes", raw, content_type=JSON)
    assert answer.status == 422
    assert [field for field, _ in answer.fields] == ["body.text", "body.metadata"]
    assert b"canary" not in answer.raw


def test_a_file_goes_through_in_parts_within_its_own_limit() -> None:
    probe = Probe(max_body_bytes=1_000, max_import_bytes=5_000)
    octets = "application/octet-stream"
    sent = probe.ask("POST", FILES, [b"x" * 1_000] * 5, content_type=octets)
    assert (sent.status, probe.seen) == (200, [5_000])
    for parts, length in (([b"x" * 1_000] * 6, None), ([b"x" * 1_000] * 6, 6_000)):
        answer = probe.ask("POST", FILES, parts, length=length, content_type=octets)
        assert (answer.status, answer.code) == (413, "too_large")
    assert probe.ask("POST", FILES, b"x", content_type="text/html").status == 415
    assert probe.seen == [5_000]


@pytest.mark.parametrize("path", ["/probe/notes", FILES])
def test_a_body_that_does_not_arrive_is_given_up(path: str) -> None:
    probe = Probe()
    probe.bodies()["limits"] = BodyLimits(total_s=0.05, idle_s=0.05)
    sent: list[Message] = []
    first = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> Message:
        if first:
            return first.pop()
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(dict(message))

    scope = {
        "type": "http", "method": "POST", "scheme": "http", "path": path, "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-length", b"100"), (b"content-type", b"application/json")],
    }  # fmt: skip
    anyio.run(probe.api, scope, receive, send)
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["error"]["code"] == "too_slow"
    assert probe.seen == []


@pytest.mark.parametrize(
    ("frame", "code"), [({"bytes": b"x"}, 1003), ({"text": "x" * 1_001}, 1009)]
)
def test_frames_of_a_socket_are_text_and_bounded(frame: dict[str, object], code: int) -> None:
    probe = Probe(max_body_bytes=1_000)
    arriving = [
        {"type": "websocket.receive", **frame},
        {"type": "websocket.receive", "text": "x" * 1_000},
        {"type": "websocket.connect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return arriving.pop()

    async def send(message: Message) -> None:
        sent.append(dict(message))

    scope = {
        "type": "websocket", "scheme": "ws", "path": "/probe/socket", "query_string": b"",
        "headers": [(b"host", b"localhost")], "subprotocols": [],
    }  # fmt: skip
    anyio.run(probe.api, scope, receive, send)
    assert [one["type"] for one in sent] == [
        "websocket.accept",
        "websocket.send",
        "websocket.close",
    ]
    assert (sent[1]["text"], sent[2]["code"]) == ("x" * 1_000, code)
