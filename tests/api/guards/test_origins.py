"""Which pages may write, and what CORS tells them."""

from __future__ import annotations

import anyio
import pytest

from api.headers import Message
from tests.api.guards.probe import HOST, Probe

NOTE, JSON = b'{"text": "hello"}', "application/json"
INTRANET = "https://intranet.example"
FOREIGN = [
    "null",
    "https://evil.example",
    "http://localhost:3000",
    "http://localhost",
    "http://127.0.0.1:8501",
    "http://localhost:8501.evil.example",
    "http://evil.example#localhost:8501",
    "http://localhost:8501@evil.example",
    "http://evil.example/localhost:8501",
    "http://localhost:85011",
    "http://xlocalhost:8501",
    "http://localhost.:8501",
    "file://localhost:8501",
    "chrome-extension://localhost:8501",
    "localhost:8501",
    "//localhost:8501",
    "",
    "http://[::1",
    "http://localhost:99999999",
    "https://intranet.example.evil.example",
    "https://intranet.example:8443",
    "http://intranet.example",
    "https://sub.intranet.example",
    "http://localhost:8501, http://localhost:8501",
    "http://loc\xe4lhost:8501",
]


@pytest.fixture(scope="module")
def friendly_probe() -> Probe:
    return Probe(allowed_origins=(INTRANET, "https://Second.example:443/"))


@pytest.fixture
def probe(friendly_probe: Probe) -> Probe:
    return friendly_probe.fresh()


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_page_may_not_write(probe: Probe, origin: str) -> None:
    answer = probe.ask("POST", "/probe/notes", NOTE, content_type=JSON, origin=origin)
    assert (answer.status, answer.code) == (403, "forbidden")
    assert answer.header("access-control-allow-origin") is None
    thread = "/probe/notes/" + "0" * 32
    assert probe.ask("DELETE", thread, origin=origin).status == 403
    assert probe.seen == []


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_page_opens_no_socket(probe: Probe, origin: str) -> None:
    assert _socket(probe, origin) == [
        "websocket.http.response.start",
        "websocket.http.response.body",
    ]
    assert probe.seen == []


@pytest.mark.parametrize("origin", [None, "http://localhost:8501", INTRANET])
def test_ones_own_page_and_a_program_open_sockets(probe: Probe, origin: str | None) -> None:
    assert _socket(probe, origin) == ["websocket.accept"]


def _socket(probe: Probe, origin: str | None) -> list[str]:
    arriving = [{"type": "websocket.disconnect", "code": 1000}, {"type": "websocket.connect"}]
    sent: list[str] = []

    async def receive() -> Message:
        return arriving.pop()

    async def send(message: Message) -> None:
        sent.append(message["type"])

    headers = [(b"host", HOST.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode("latin-1")))
    scope = {
        "type": "websocket", "scheme": "ws", "path": "/probe/socket", "query_string": b"",
        "headers": headers, "subprotocols": [], "extensions": {"websocket.http.response": {}},
    }  # fmt: skip
    anyio.run(probe.api, scope, receive, send)
    return sent


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8501", "http://localhost:8501"),
        ("localhost:8501", "HTTP://LOCALHOST:8501"),
        ("[::1]:8501", "http://[::1]:8501"),
        ("switchboard.example", "https://switchboard.example"),
        ("switchboard.example", "http://switchboard.example:80"),
        ("switchboard.example:443", "https://switchboard.example"),
    ],
)
def test_ones_own_page_may_write(probe: Probe, host: str, origin: str) -> None:
    answer = probe.ask("POST", "/probe/notes", NOTE, content_type=JSON, host=host, origin=origin)
    assert answer.status == 200


@pytest.mark.parametrize(
    ("site", "status"),
    [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200), ("odd", 403)],
)
def test_a_browser_that_tells_no_origin_tells_the_site(
    probe: Probe, site: str, status: int
) -> None:
    answer = probe.ask("POST", "/probe/notes", NOTE, content_type=JSON, sec_fetch_site=site)
    assert answer.status == status


def test_a_program_sends_no_origin(probe: Probe) -> None:
    assert probe.ask("POST", "/probe/notes", NOTE, content_type=JSON).status == 200


@pytest.mark.parametrize("origin", [INTRANET, "https://second.example"])
def test_an_allowed_page_writes_and_reads(probe: Probe, origin: str) -> None:
    answer = probe.ask(
        "POST", "/probe/notes", NOTE,
        content_type=JSON, origin=origin, sec_fetch_site="cross-site",
    )  # fmt: skip
    assert answer.status == 200
    assert answer.header("access-control-allow-origin") == origin
    assert answer.header("access-control-allow-credentials") is None
    assert answer.header("vary") == "Origin"


def test_a_foreign_page_cannot_read(probe: Probe) -> None:
    answer = probe.ask("GET", "/probe/search", origin="https://evil.example")
    assert answer.header("access-control-allow-origin") is None
    assert answer.header("vary") == "Origin"


@pytest.mark.parametrize("origin", [*FOREIGN, "http://localhost:8501"])
def test_a_preflight_of_a_page_that_is_not_allowed_is_refused(probe: Probe, origin: str) -> None:
    answer = probe.ask(
        "OPTIONS", "/probe/notes", origin=origin, access_control_request_method="POST"
    )
    assert answer.status == 403
    assert [name for name, _ in answer.headers if name.startswith("access-control")] == []
    assert "Origin" in (answer.header("vary") or "")


def test_a_preflight_of_an_allowed_page_is_answered(probe: Probe) -> None:
    answer = probe.ask(
        "OPTIONS", "/probe/notes", origin=INTRANET, access_control_request_method="POST",
        access_control_request_headers="authorization, content-type,x-stainless-lang,x-api-key",
    )  # fmt: skip
    assert (answer.status, answer.raw) == (204, b"")
    told = {name: value for name, value in answer.headers if name.startswith("access-control")}
    assert told == {
        "access-control-allow-origin": INTRANET,
        "access-control-allow-methods": "GET, POST, PUT, DELETE",
        "access-control-allow-headers": "authorization, content-type, x-stainless-lang",
        "access-control-max-age": "600",
    }
    assert "Origin" in (answer.header("vary") or "")


def test_errors_of_an_allowed_page_can_be_read_by_it() -> None:
    probe = Probe(login=True, allowed_origins=(INTRANET,))
    answer = probe.ask("GET", "/probe/search", origin=INTRANET)
    assert answer.status == 401
    assert answer.header("access-control-allow-origin") == INTRANET
