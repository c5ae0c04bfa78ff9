"""By which names the server may be called: the list, and that it holds for every route and socket."""

from __future__ import annotations

import anyio
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from api.guards.hosts import LOOPBACK, served_hosts
from api.headers import Message
from api.server import middleware
from tests.api.guards.probe import Probe

OURS = ["localhost", "127.0.0.1", "[::1]"]
FOREIGN = [
    "evil.example", "evil.example:8501", "localhost.evil.example", "localhost.", "localhost.:8501",
    "127.0.0.1.evil.example", "127.0.0.1.", "127.1", "2130706433", "0x7f.0.0.1", "0.0.0.0", "127.0.0.2",
    "[::]", "[::ffff:127.0.0.1]", "::1", "[::1", "[::1]x", "[::1%25lo]", "localhost:8501@evil.example",
    "evil.example@localhost", "localhost/..", "localhost#", "localhost?", "localhost:x", "localhost:-1",
    "local host", "localhost, evil.example", "localhost\t", "", "*", "%6cocalhost", "xlocalhost",
    "localhostx", "loc\u00e4lhost", "localhost%00", "www.localhost",
]  # fmt: skip


def statuses(probe: Probe, hosts: list[bytes], kind: str, path: str) -> list[int]:
    """What the whole server answers; its routes are the probe's."""
    app = Starlette(routes=[Mount("/api", app=probe.api)], middleware=middleware(OURS))
    sent: list[int] = []

    async def receive() -> Message:
        return {"type": "websocket.connect" if kind == "websocket" else "http.request"}

    async def send(message: Message) -> None:
        if message["type"] == "websocket.accept":
            raise ConnectionError
        if "status" in message:
            sent.append(message["status"])

    scope = {
        "type": kind, "method": "GET", "scheme": "http", "path": path, "query_string": b"",
        "headers": [(b"host", host) for host in hosts], "subprotocols": [],
        "extensions": {"websocket.http.response": {}}, "client": ("127.0.0.1", 1), "state": {},
    }  # fmt: skip
    anyio.run(app, scope, receive, send)
    return sent


@pytest.mark.parametrize("host", FOREIGN)
@pytest.mark.parametrize(("kind", "path"), [("http", "/api/probe/search"), ("websocket", "/api/probe/socket")])  # fmt: skip
def test_another_name_is_refused(probe: Probe, host: str, kind: str, path: str) -> None:
    assert statuses(probe, [host.encode("utf-8")], kind, path) == [400]
    assert probe.seen == []


def test_no_host_is_refused(probe: Probe) -> None:
    assert statuses(probe, [], "http", "/api/probe/search") == [400]
    assert probe.seen == []


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8501", "[::1]", "[::1]:9"])
def test_ones_own_names_are_answered_on_any_port(probe: Probe, host: str) -> None:
    assert statuses(probe, [host.encode()], "http", "/api/probe/search") == [200]


def test_the_check_holds_for_every_route(probe: Probe) -> None:
    paths = set(probe.api.openapi()["paths"])
    assert "/health" in paths
    for path in paths | {"/openapi.json", "/docs", "/nothing"}:
        assert statuses(probe, [b"evil.example"], "http", f"/api{path}") == [400]
    assert probe.guests.asked == 0


@pytest.mark.parametrize(
    ("address", "configured", "hosts"),
    [
        ("127.0.0.1", OURS, OURS),
        ("127.0.0.1", [], ["127.0.0.1", "localhost", "[::1]"]),
        ("localhost", ["Switchboard.Example.", " ", "::1"], ["switchboard.example", "[::1]", "localhost", "127.0.0.1"]),
        ("192.168.1.5", OURS, [*OURS, "192.168.1.5"]),
        ("fe80::1", OURS, [*OURS, "[fe80::1]"]),
        ("0.0.0.0", ["chat.example", "*.team.example"], ["chat.example", "*.team.example", *LOOPBACK]),
        (None, ["chat.example"], ["chat.example", *LOOPBACK]),
    ],
)  # fmt: skip
def test_the_list_is_what_is_configured_the_address_served_and_loopback(
    address: str | None, configured: list[str], hosts: list[str]
) -> None:
    assert served_hosts(address, configured, login=True) == hosts


@pytest.mark.parametrize("address", ["0.0.0.0", "::", None, "", "box.internal"])
def test_an_address_nobody_could_call_is_told_at_the_start(address: str | None) -> None:
    with pytest.raises(
        SystemExit, match=r"would answer only to localhost\. Set server\.allowedHosts"
    ):
        served_hosts(address, OURS, login=True)
    assert served_hosts(address, OURS, login=False) == OURS


def test_any_name_at_all_is_refused_at_the_start() -> None:
    with pytest.raises(SystemExit, match="Name the hosts people use"):
        served_hosts("127.0.0.1", ["*"], login=False)
