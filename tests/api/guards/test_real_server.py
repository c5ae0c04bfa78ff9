"""`streamlit run` and bytes no client would send: nothing is a 5xx, and others are served meanwhile."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.api.guards.raw_client import connected, head, raw, read_all, status
from tests.browser.conftest import Server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(
        tmp_path_factory.mktemp("guarded") / "data",
        SWITCHBOARD_MAX_BODY_BYTES="100000",
        SWITCHBOARD_ALLOWED_ORIGINS="https://intranet.example",
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def alive_and_quiet(server: Server) -> Iterator[None]:
    """After every test the server answers, and its log has no trace."""
    yield
    assert health(server) == {"status": "ok"}
    assert "Traceback" not in server.log()


def health(server: Server) -> object:
    with urllib.request.urlopen(f"{server.url}/api/health", timeout=20) as answer:
        return json.load(answer)


def own(server: Server) -> str:
    return f"127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("{own}", 200), ("localhost", 200), ("[::1]:{port}", 200), ("evil.example", 400), ("localhost.", 400),
     ("localhost.evil.example", 400), ("", 400), ("{own}\r\nHost: evil.example", 400)],
)  # fmt: skip
def test_host_of_the_api_and_of_the_pages(server: Server, host: str, expected: int) -> None:
    given = host.format(own=own(server), port=server.port)
    for target in ("/api/health", "/", "/_stcore/health", "/_stcore/host-config"):
        said = raw(server.port, head("GET", target, given, "Connection: close"))
        assert status(said) == expected, said[:300]


def test_a_request_without_a_host_is_refused(server: Server) -> None:
    assert status(raw(server.port, b"GET /api/health HTTP/1.1\r\n\r\n")) == 400
    assert status(raw(server.port, b"GET /api/health HTTP/1.0\r\n\r\n")) == 400


@pytest.mark.parametrize(
    "target", ["http://evil.example/api/me", "//evil.example/api/me", "evil.example:443"]
)
def test_a_target_that_names_another_host_reaches_no_route(server: Server, target: str) -> None:
    said = raw(server.port, head("GET", target, own(server), "Connection: close"))
    assert status(said) in (400, 404) or b"<!doctype html>" in said.lower(), said[:300]
    assert b'"owner"' not in said


@pytest.mark.parametrize(("origin", "ok"), [("null", False), ("https://evil.example", False), ("http://127.0.0.1:1", False), (None, True), ("own", True), ("https://intranet.example", True)])  # fmt: skip
def test_origin_of_a_write(server: Server, origin: str | None, ok: bool) -> None:
    origin = f"http://{own(server)}" if origin == "own" else origin
    lines = [f"Origin: {origin}"] if origin else []
    said = raw(server.port, head("POST", "/api/health", own(server), *lines, "Connection: close"))
    assert status(said) == (405 if ok else 403)


@pytest.mark.parametrize(
    "request_",
    [
        head("GET", "/api/me", "localhost", "X-Long: " + "a" * 60_000, "Connection: close"),
        head("GET", "/api/me", "localhost", "X-Long: " + "a" * 200_000, "Connection: close"),
        head("GET", "/api/me", "localhost", *[f"X-{n}: y" for n in range(3_000)], "Connection: close"),
        head("GET", "/", "localhost", "Range: bytes=" + ",".join(f"{n}-{n}" for n in range(3_000)), "Connection: close"),
        head("GET", "/api/me", "localhost", "Range: bytes=" + ",".join(f"{n}-" for n in range(3_000)), "Connection: close"),
        head("GET", "/api/" + "a" * 10_000, "localhost", "Connection: close"),
        head("GET", "/api/%00", "localhost", "Connection: close"),
        head("GET", "/api/%0d%0aSet-Cookie:%20a=b", "localhost", "Connection: close"),
        head("GET", "/api/me%0d%0a?x=%0d%0a", "localhost", "Connection: close"),
        head("GET", "/api/me\r\nX: y", "localhost", "Connection: close"),
        head("GET", "/api/../../etc/passwd", "localhost", "Connection: close"),
        head("GET", "/api/%2e%2e/%2e%2e/.env", "localhost", "Connection: close"),
        head("GET", "/api/..%5c..%5cdata%5capp.db", "localhost", "Connection: close"),
        head("GET", "/api/\xff\xfe", "localhost", "Connection: close"),
        head("GET", "/api/me?q=\xff", "localhost", "Connection: close"),
        head("GET", "*", "localhost", "Connection: close"),
        head("OPTIONS", "*", "localhost", "Connection: close"),
        head("CONNECT", "localhost:1", "localhost", "Connection: close"),
        head("TRACE", "/api/me", "localhost", "Connection: close"),
        head("PROPFIND", "/api/me", "localhost", "Connection: close"),
        head("A" * 5_000, "/api/me", "localhost", "Connection: close"),
        head("G\x00T", "/api/me", "localhost"),
        head("GET", "/api/me", "localhost", "Content-Length: -1"),
        head("GET", "/api/me", "localhost", "Content-Length: 5", "Content-Length: 6"),
        head("POST", "/api/me", "localhost", "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        head("POST", "/api/me", "localhost", "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
        head("POST", "/api/me", "localhost", "Transfer-Encoding: chunked") + b"zz\r\n\r\n",
        head("POST", "/api/me", "localhost", "Transfer-Encoding: chunked") + b"f" * 5_000 + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 300,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n" * 5_000,
        b"GET /api/health\r\n\r\n",
        b"\x00" * 70_000,
    ],
)  # fmt: skip
def test_what_no_client_sends_is_no_server_error(server: Server, request_: bytes) -> None:
    said = raw(server.port, request_)
    assert status(said) < 500, said[:400]
    assert b"\r\nset-cookie: a=b" not in said.lower()
    assert b"root:" not in said


def test_ten_megabytes_are_refused_at_once_and_the_sender_learns_why(server: Server) -> None:
    request = urllib.request.Request(
        f"{server.url}/api/me", b"[" * 10_000_000, {"Content-Type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(request, timeout=20)
    assert raised.value.code == 413
    assert json.load(raised.value)["error"]["code"] == "too_large"
    raised.value.close()


def test_a_length_beyond_the_limit_is_answered_before_the_body(server: Server) -> None:
    lines = ("Content-Type: application/json", "Content-Length: 9000000000")
    with connected(server.port) as one:
        one.sendall(head("POST", "/api/me", own(server), *lines))
        assert status(read_all(one)) == 413


def test_more_than_the_limit_without_a_length_is_refused(server: Server) -> None:
    lines = ("Content-Type: application/json", "Transfer-Encoding: chunked")
    part = b"10000\r\n" + b"[" * 0x10000 + b"\r\n"
    said = raw(server.port, head("POST", "/api/me", own(server), *lines), *[part] * 40)
    assert status(said) == 413


def test_less_than_the_length_says_harms_nobody(server: Server) -> None:
    lines = ("Content-Type: application/json", "Content-Length: 1000")
    for _ in range(10):
        with connected(server.port) as one:
            one.sendall(head("POST", "/api/me", own(server), *lines) + b"{")


def test_sixty_half_open_requests_hold_up_nobody(server: Server) -> None:
    """Half of them stop within their head, half within their body."""
    body = ("Content-Type: application/json", "Content-Length: 1000")
    halves = [
        b"GET /api/me HTTP/1.1\r\nHost: loc",
        head("POST", "/api/me", own(server), *body) + b"{",
    ]
    open_ = [connected(server.port) for _ in range(60)]
    try:
        for n, one in enumerate(open_):
            one.sendall(halves[n % 2])
        for _ in range(50):
            assert health(server) == {"status": "ok"}
        with urllib.request.urlopen(server.url, timeout=20) as answer:
            assert b"<title>" in answer.read()
    finally:
        for one in open_:
            one.close()


def test_headers_of_the_page_stay_those_of_the_page(server: Server) -> None:
    with urllib.request.urlopen(server.url, timeout=20) as answer:
        policy = answer.headers["content-security-policy"]
    with urllib.request.urlopen(f"{server.url}/api/health", timeout=20) as answer:
        api_policies = answer.headers.get_all("content-security-policy")
    assert "script-src 'self'" in policy
    assert api_policies == ["default-src 'none'; frame-ancestors 'none'; sandbox"]
