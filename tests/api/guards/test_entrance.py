"""Where people log in: nobody gets past the entrance without a bearer, whatever else is sent."""

from __future__ import annotations

import pytest

from tests.api.guards.probe import Probe

NOT_CREDENTIALS: list[dict[str, str]] = [
    {},
    {"authorization": ""},
    {"authorization": "null"},
    {"authorization": "Bearer"},
    {"authorization": "Bearer "},
    {"authorization": "Bearer null"},
    {"authorization": "Basic Z29vZDpnb29k"},
    {"authorization": "good"},
    {"cookie": "switchboard_session=good; authorization=Bearer good"},
    {"x_api_key": "good"},
    {"api_key": "good"},
    {"x_forwarded_user": "ann"},
    {"x_forwarded_email": "ann@example.com"},
    {"x_remote_user": "ann"},
    {"proxy_authorization": "Bearer good"},
]


@pytest.fixture(scope="module")
def closed_probe() -> Probe:
    return Probe(login=True)


@pytest.fixture
def probe(closed_probe: Probe) -> Probe:
    return closed_probe.fresh()


@pytest.mark.parametrize("headers", NOT_CREDENTIALS)
@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/probe/notes", b'{"text": "hello"}'),
        ("POST", "/probe/notes", b"{" * 50_000),
        ("GET", "/probe/search?access_token=good&token=good&api_key=good", None),
        ("GET", "/probe/notes/nonsense", None),
        ("DELETE", "/probe/notes/" + "0" * 32, None),
        ("GET", "/no/such/route", None),
        ("GET", "/health/", None),
        ("GET", "/HEALTH", None),
    ],
)
def test_without_a_bearer_there_is_one_answer(
    probe: Probe, method: str, target: str, body: bytes | None, headers: dict[str, str]
) -> None:
    answer = probe.ask(method, target, body, content_type="application/json", **headers)
    assert (answer.status, answer.code) == (401, "not_logged_in")
    assert answer.header("www-authenticate") == 'Bearer realm="switchboard"'
    assert probe.seen == []


def test_the_caller_of_a_route_is_who_was_found_at_the_entrance(probe: Probe) -> None:
    answer = probe.ask(
        "POST", "/probe/notes", b'{"text": "x"}',
        content_type="application/json", authorization="Bearer good",
    )  # fmt: skip
    assert answer.status == 200
    assert probe.seen == [("ann", "x", {})]
    assert probe.guests.asked == 1


def test_a_credential_is_asked_for_before_a_body_is_read(probe: Probe) -> None:
    answer = probe.ask("POST", "/probe/notes", [b"{"] * 9, content_type="application/json")
    assert answer.status == 401
    assert len(answer.more) == 9


def test_health_asks_nobody(probe: Probe) -> None:
    assert probe.ask("GET", "/health").json() == {"status": "ok"}
    assert probe.guests.asked == 0


def test_without_a_login_any_bearer_is_ignored() -> None:
    probe = Probe()
    for headers in NOT_CREDENTIALS:
        assert probe.ask("GET", "/probe/search", **headers).status == 200
