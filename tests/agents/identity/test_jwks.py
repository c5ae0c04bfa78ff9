"""The keys of an issuer over real HTTP: rotation, outage, and answers that are none."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from agents.identity.jwks import Jwks, JwksError, fetch_keys, read_keys
from core.errors import ConfigError
from tests.agents.identity.key_server import KeyServer, public

pytestmark = pytest.mark.slow

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ONE, TWO = public(KEY, "one"), public(KEY, "two")


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with KeyServer([ONE]) as made:
        yield made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jwks(server: KeyServer, clock: Clock) -> Jwks:
    return Jwks(server.url, clock=clock)


def kids(jwks: Jwks, kid: str | None) -> list[Any]:
    return [key["kid"] for key in jwks.candidates(kid)]


def test_keys_are_read_once(jwks: Jwks, server: KeyServer, clock: Clock) -> None:
    for _ in range(3):
        assert kids(jwks, "one") == ["one"]
        clock.now += 100
    assert len(server.asked) == 1


def test_a_new_key_is_found_without_a_restart(jwks: Jwks, server: KeyServer, clock: Clock) -> None:
    assert kids(jwks, "one") == ["one"]
    server.keys = [ONE, TWO]
    clock.now += 61
    assert kids(jwks, "two") == ["two"]
    assert len(server.asked) == 2


def test_unknown_ids_ask_the_issuer_once_a_minute_at_most(
    jwks: Jwks, server: KeyServer, clock: Clock
) -> None:
    for number in range(50):
        assert kids(jwks, f"made up {number}") == []
    assert len(server.asked) == 1
    clock.now += 60
    for number in range(50):
        assert kids(jwks, f"made up {number}") == []
    assert len(server.asked) == 2


def test_a_key_that_was_taken_back_is_gone_within_the_hour(
    jwks: Jwks, server: KeyServer, clock: Clock
) -> None:
    assert kids(jwks, "one") == ["one"]
    server.keys = [TWO]
    clock.now += 3_599
    assert kids(jwks, "one") == ["one"]
    clock.now += 1
    assert kids(jwks, "one") == []
    assert kids(jwks, "two") == ["two"]


def test_an_outage_is_bridged_for_a_day(jwks: Jwks, server: KeyServer, clock: Clock) -> None:
    assert kids(jwks, "one") == ["one"]
    server.status = 503
    clock.now += 86_399
    assert kids(jwks, "one") == ["one"]
    clock.now += 1
    assert kids(jwks, "one") == []
    server.status = 200
    clock.now += 61
    assert kids(jwks, "one") == ["one"]


def test_an_issuer_that_is_not_there_lets_nobody_in(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with KeyServer([ONE]) as server:
        url = server.url
    jwks = Jwks(url, clock=clock)
    assert kids(jwks, "one") == []
    assert "the keys of the issuer could not be read" in caplog.text


def test_without_an_id_only_a_single_key_will_do(
    jwks: Jwks, server: KeyServer, clock: Clock
) -> None:
    assert kids(jwks, None) == ["one"]
    server.keys = [ONE, TWO]
    clock.now += 3_600
    assert kids(jwks, None) == []


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b'{"keys": 7}', b'{"keys": []}', b"<html>", b"\xff\xfe",
        b"[" * 100_000, b'{"keys": ["one", null, 7]}',
        json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "one"}]}).encode(),
        json.dumps({"keys": [{**ONE, "use": "enc"}]}).encode(),
        json.dumps({"keys": [ONE]}).encode() + b" " * 300_000,
    ],
    ids=lambda body: str(body[:20]),
)  # fmt: skip
def test_an_answer_that_is_no_key_set_is_refused_and_the_old_keys_stay(
    jwks: Jwks, server: KeyServer, clock: Clock, body: bytes
) -> None:
    assert kids(jwks, "one") == ["one"]
    server.body = body
    clock.now += 3_600
    assert kids(jwks, "one") == ["one"]
    assert len(server.asked) == 2
    with pytest.raises(JwksError):
        read_keys(fetch_keys(server.url))


def test_a_redirect_is_not_followed(server: KeyServer) -> None:
    with KeyServer([TWO]) as elsewhere:
        server.status, server.headers = 302, {"Location": elsewhere.url}
        with pytest.raises(JwksError, match="302"):
            fetch_keys(server.url)
        assert elsewhere.asked == []


def test_a_huge_answer_is_not_read_to_its_end(server: KeyServer) -> None:
    server.body = b"[" + b" " * 50_000_000
    with pytest.raises(JwksError, match="larger"):
        fetch_keys(server.url)


def test_a_compressed_bomb_is_not_unpacked(server: KeyServer) -> None:
    import gzip

    server.body = gzip.compress(b" " * 50_000_000)
    server.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(JwksError, match="compressed"):
        fetch_keys(server.url)


def test_many_at_once_ask_once(server: KeyServer) -> None:
    jwks = Jwks(server.url)
    found: list[list[Any]] = []
    together = threading.Barrier(16)

    def look() -> None:
        together.wait()
        found.append(kids(jwks, "one"))

    threads = [threading.Thread(target=look) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["one"]] * 16
    assert len(server.asked) == 1


def test_who_has_keys_does_not_wait_for_newer_ones(clock: Clock) -> None:
    answer, started, go_on = (
        json.dumps({"keys": [ONE]}).encode(),
        threading.Event(),
        threading.Event(),
    )

    def slow(_url: str) -> bytes:
        if clock.now > 1000:
            started.set()
            assert go_on.wait(10)
        return answer

    jwks = Jwks("https://idp.example/keys", fetch=slow, clock=clock)
    assert kids(jwks, "one") == ["one"]
    clock.now += 3_600
    first = threading.Thread(target=jwks.candidates, args=("one",))
    first.start()
    assert started.wait(10)
    assert kids(jwks, "one") == ["one"]  # while the other one still waits
    go_on.set()
    first.join()


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example/keys", "ftp://127.0.0.1/keys", "file:///etc/passwd", "", "keys",
        "https://", "https://user:password@idp.example/keys", "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/", "https://idp.example:99999/", "http://[::ffff:8.8.8.8]/",
        "//idp.example/keys", "http://0.0.0.0/keys",
    ],
)  # fmt: skip
def test_an_address_whose_answer_others_could_change_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="SWITCHBOARD_JWT_JWKS_URL"):
        Jwks(url)


@pytest.mark.parametrize(
    "url",
    ["https://idp.example/keys", "http://127.0.0.1:9/k", "http://localhost/k", "http://[::1]:80/k"],
)
def test_https_and_this_machine_are_accepted(url: str) -> None:
    Jwks(url)
