"""Paths, ids and queries that no route can mean."""

from __future__ import annotations

import pytest

from tests.api.guards.probe import Probe

ID = "0" * 31 + "a"


@pytest.mark.parametrize(
    "given",
    [
        "x", ID[1:], ID + "0", ID.upper(), "%00", ID + "%00", ID[:-1] + "%0a", ID + "%0a", "..", "%2e%2e",
        "..%2f..%2fetc%2fpasswd", "..%5c..%5c", "%2e%2e%2f.env", "C:%5cwindows", "%5c%5chost%5cshare",
        "'%20OR%201=1--", "%22;DROP%20TABLE%20threads;--", "%EF%BC%90" * 32, "%D0%B0" + ID[1:],
        "%FF%FE", "%ED%A0%80", "%C0%AE%C0%AE", "a" * 10_000, "%F0%9F%98%80", "{note_id}", "*", "%25%30%30",
        "null", "-1", "1e9", "%E2%80%AE" + ID,
    ],
)  # fmt: skip
def test_what_does_not_look_like_an_id_is_nothing(probe: Probe, given: str) -> None:
    for method in ("GET", "DELETE"):
        answer = probe.ask(method, f"/probe/notes/{given}")
        assert answer.status in (404, 414), answer.raw
        assert answer.code in ("not_found", "too_long")
    assert probe.seen == []


def test_an_id_goes_through(probe: Probe) -> None:
    assert probe.ask("GET", f"/probe/notes/{ID}").status == 200
    assert probe.seen == [ID]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("q=%FF", 422),
        ("q=%ED%A0%80", 422),
        ("q=\xff", 422),
        ("q=%00", 422),
        ("q%00=1", 422),
        ("%ff=1", 422),
        ("limit=NaN", 422),
        ("limit=" + "9" * 400, 200),
        ("limit=1e400", 422),
        ("limit=1&limit=x", 422),
        ("q=" + "a" * 9_000, 414),
        ("Q=1", 422),
        ("q[]=1", 422),
        ("q[$gt]=1", 422),
        ("archvied=true", 422),
        ("' OR 1=1--", 422),
    ],
)
def test_a_query_is_known_utf8_and_short(probe: Probe, query: str, status: int) -> None:
    answer = probe.ask("GET", f"/probe/search?{query}")
    assert answer.status == status
    if status != 200:
        assert answer.code in ("invalid_input", "too_long")
        assert probe.seen == []


def test_an_unknown_parameter_is_named_only_when_its_name_is_plain(probe: Probe) -> None:
    answer = probe.ask("GET", "/probe/search?archvied=true&%3Cscript%3E=1")
    assert answer.fields == [
        ("query.archvied", "There is no such parameter"),
        ("query.…", "There is no such parameter"),
    ]
    assert probe.ask("GET", f"/probe/notes/{ID}?x=1").status == 422


@pytest.mark.parametrize("q", ["'", "%25_%25", "a%0Ab", "%E2%80%AE", "%F0%9F%98%80", '"%20OR%20"'])
def test_text_to_search_for_may_be_anything_that_is_text(probe: Probe, q: str) -> None:
    assert probe.ask("GET", f"/probe/search?q={q}").status == 200


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "PATCH", "get", "X" * 500])
def test_odd_methods_are_not_allowed(probe: Probe, method: str) -> None:
    answer = probe.ask(method, "/probe/search")
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert answer.header("allow") == "GET"
    assert probe.ask(method, f"/probe/notes/{ID}").header("allow") == "DELETE, GET"
    assert probe.seen == []


@pytest.mark.parametrize("header", ["range", "x_long", "cookie", "accept", "authorization"])
def test_large_headers_and_three_thousand_ranges_change_nothing(probe: Probe, header: str) -> None:
    value = "bytes=" + ",".join(f"{n}-{n}" for n in range(3_000)) + "0" * 30_000
    assert probe.ask("GET", "/probe/search", **{header: value}).status == 200
