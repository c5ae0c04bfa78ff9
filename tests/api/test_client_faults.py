"""The client against networks and proxies that fail: nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from api.client import AnswerLost, AsyncSwitchboard, NotSwitchboard, Switchboard, Unreachable
from core.errors import (
    InvalidInput,
    NotLoggedIn,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    ShuttingDown,
    SwitchboardError,
    ThreadBusy,
)
from core.events import Cancelled, Event, Failed
from tests.api.scripted_api import (
    ANSWER,
    RUN,
    THREAD,
    Events,
    Reply,
    ScriptedApi,
    answer_log,
    message,
    numbered,
)

LOG = answer_log("Use ", "--server.port", ".")
TEXT = "Use --server.port."
EVENTS = f"GET /api/runs/{RUN}/events"


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with ScriptedApi() as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def switchboard(api: ScriptedApi, waits: list[float]) -> Iterator[Switchboard]:
    with Switchboard(api.url, sleep=waits.append) as client:
        yield client


def problem(code: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": "No.", "what_to_do": "Wait.", "retryable": True} | more}  # fmt: skip


def places(events: list[Event]) -> list[int]:
    return [event.seq for event in events]


def test_an_answer_comes_whole(api: ScriptedApi, switchboard: Switchboard) -> None:
    api.script(Events(events=LOG))
    answer = switchboard.chat("How do I change the port?", agent="technical")
    assert (answer.text, answer.status, answer.run_id) == (TEXT, "completed", RUN)
    assert (answer.thread_id, answer.message_id) == (THREAD, ANSWER)
    assert api.seen[0].body == {"message": "How do I change the port?", "agent": "technical"}


@pytest.mark.parametrize("seen", range(len(LOG)))
@pytest.mark.parametrize("torn", ["", message(LOG[-1])[:30]], ids=["between", "within"])
@pytest.mark.parametrize("end", ["whole", "cut"])
def test_a_connection_cut_anywhere_is_resumed_without_loss_or_repetition(
    api: ScriptedApi, switchboard: Switchboard, seen: int, torn: str, end: Any
) -> None:
    api.script(Events(events=LOG[:seen], torn=torn, end=end), Events(events=LOG[seen:]))
    with switchboard.stream("?") as stream:
        assert list(stream) == LOG
        assert stream.text() == TEXT
    again = api.seen[1]
    if seen:
        assert (api.paths()[1], again.headers["last-event-id"]) == (EVENTS, str(seen - 1))
    else:
        assert again == api.seen[0]


def test_a_repeated_question_has_the_same_key_and_another_question_another(
    api: ScriptedApi, switchboard: Switchboard
) -> None:
    api.script(Events(events=[], end="cut"), Events(events=LOG), Events(events=LOG))
    switchboard.chat("?")
    switchboard.chat("?")
    first, repeated, other = (one.headers["idempotency-key"] for one in api.seen)
    assert first == repeated != other


def test_events_that_come_twice_are_given_once(api: ScriptedApi, switchboard: Switchboard) -> None:
    api.script(Events(events=[*LOG[:3], *LOG[1:3], *LOG]))
    assert list(switchboard.stream("?")) == LOG


@pytest.mark.parametrize("bad", ["data: {not json\n\n", "data: [1]\n\n", message(LOG[3])])
def test_an_unreadable_or_missing_event_is_asked_for_again(
    api: ScriptedApi, switchboard: Switchboard, bad: str
) -> None:
    api.script(Events(events=[*LOG[:2], bad]), Events(events=LOG[2:]))
    assert list(switchboard.stream("?")) == LOG
    assert api.paths()[1] == EVENTS


def test_events_of_a_newer_server_are_left_out(api: ScriptedApi, switchboard: Switchboard) -> None:
    newer = 'data: {"type": "mood", "seq": 1, "run_id": "x"}\n\n'
    api.script(Events(events=[LOG[0], newer, *LOG[2:]]))
    assert places(list(switchboard.stream("?"))) == [0, 2, 3, 4]


def test_heartbeats_of_the_connection_are_no_events(
    api: ScriptedApi, switchboard: Switchboard
) -> None:
    api.script(Events(events=[": ping\n\n", *LOG[:2], ": ping\n\n", "retry: 10\n\n", *LOG[2:]]))
    assert list(switchboard.stream("?")) == LOG


def test_a_stream_that_falls_silent_is_connected_again(api: ScriptedApi) -> None:
    api.script(Events(events=LOG[:2], end="silent"), Events(events=LOG[2:]))
    with Switchboard(api.url, silence_s=0.2, sleep=lambda _: None) as client:
        assert client.chat("?").text == TEXT
    assert api.paths()[1] == EVENTS


def test_the_run_is_known_before_its_first_event(
    api: ScriptedApi, switchboard: Switchboard
) -> None:
    api.script(Events(events=[], end="cut", headers={"X-Run-Id": RUN}), Events(events=LOG))
    assert list(switchboard.stream("?")) == LOG
    assert api.paths()[1] == EVENTS


def test_a_run_that_had_ended_there_has_no_more_events(
    api: ScriptedApi, switchboard: Switchboard
) -> None:
    api.script(Reply(status=204))
    assert list(switchboard.events(RUN, after=4)) == []


def test_an_answer_a_killed_server_forgot_the_end_of_is_lost(
    api: ScriptedApi, switchboard: Switchboard
) -> None:
    """The log on disk was shorter than what had been sent: the stream ended without any word."""
    api.script(Events(events=LOG[:3], end="cut"), Reply(status=204))
    stream = switchboard.stream("?")
    with pytest.raises(AnswerLost):
        list(stream)
    assert stream.transcript.text == "Use --server.port"


def test_the_end_of_a_log_that_is_shorter_than_what_was_taken_is_lost_too(
    api: ScriptedApi, switchboard: Switchboard
) -> None:
    end = replace(LOG[-1], seq=1)
    api.script(Events(events=LOG[:3], end="cut"), Events(events=[end]), Events(events=[end]))
    stream = switchboard.stream("?")
    with pytest.raises(AnswerLost):
        list(stream)
    assert stream.transcript.text == "Use --server.port"
    assert list(switchboard.events(RUN, after=4)) == []


def test_half_an_answer_of_a_server_that_shut_down_is_an_error(
    api: ScriptedApi, switchboard: Switchboard
) -> None:
    api.script(Events(events=numbered(*LOG[:3], Cancelled(by="shutdown"))))
    with pytest.raises(ShuttingDown):
        switchboard.chat("?")


def test_a_stream_without_progress_is_given_up(api: ScriptedApi, waits: list[float]) -> None:
    api.script(Events(events=LOG[:2], end="cut"), *[Events(events=[], end="cut")] * 3)
    with Switchboard(api.url, retries=2, sleep=waits.append) as client:
        stream = client.stream("?")
        with pytest.raises(Unreachable, match="lost"):
            list(stream)
    assert len(api.seen) == 3
    assert stream.transcript.text == "Use "
    assert len(waits) == 2


def test_progress_gives_new_tries(api: ScriptedApi) -> None:
    api.script(*(Events(events=[event], end="cut") for event in LOG[:-1]), Events(events=LOG[-1:]))
    with Switchboard(api.url, retries=1, sleep=lambda _: None) as client:
        assert client.chat("?").text == TEXT


def test_an_error_outside_the_log_ends_the_stream_with_it(
    api: ScriptedApi, switchboard: Switchboard
) -> None:
    revoked = problem("not_logged_in")["error"] | {"type": "error", "run_id": RUN}
    import json

    api.script(Events(events=[*LOG[:2], f"event: error\ndata: {json.dumps(revoked)}\n\n"]))
    with pytest.raises(NotLoggedIn, match="No"):
        list(switchboard.stream("?"))
    assert len(api.seen) == 1


def test_a_failed_answer_raises_its_error_and_a_stream_shows_it(
    api: ScriptedApi, switchboard: Switchboard
) -> None:
    failed = Failed(run_id=RUN, seq=3, code="thread_busy", message="No.", what_to_do="Wait.", retryable=True)  # fmt: skip
    api.script(*[Events(events=[*LOG[:3], failed])] * 2)
    with pytest.raises(ThreadBusy):
        switchboard.chat("?")
    answer = switchboard.stream("?").answer()
    assert (answer.status, answer.text) == ("error", "Use --server.port")
    assert isinstance(answer.error, ThreadBusy)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(429, "rate_limited", RateLimited), (503, "overloaded", Overloaded)],
)
def test_a_refusal_is_repeated_when_the_server_says(
    api: ScriptedApi, switchboard: Switchboard, waits: list[float], status: int, code: str,
    kind: type[SwitchboardError],
) -> None:  # fmt: skip
    refusal = Reply(status=status, body=problem(code), headers={"Retry-After": "7"})
    api.script(refusal, Events(events=LOG), refusal, Reply(body={"agents": []}))
    assert switchboard.chat("?").text == TEXT
    assert switchboard.info() == {"agents": []}
    assert waits == [7.0, 7.0]
    api.script(refusal)
    with Switchboard(api.url, retries=0) as impatient, pytest.raises(kind) as caught:
        impatient.info()
    assert caught.value.retry_after_s == 7.0
    assert (caught.value.message, caught.value.what_to_do) == ("No.", "Wait.")


@pytest.mark.parametrize(
    ("code", "after", "kind"),
    [("quota", "5", QuotaExceeded), ("rate_limited", "3600", RateLimited)],
)
def test_waiting_that_is_of_no_use_is_left_to_the_caller(
    api: ScriptedApi, switchboard: Switchboard, code: str, after: str, kind: type[RateLimited]
) -> None:
    api.script(Reply(status=429, body=problem(code), headers={"Retry-After": after}))
    with pytest.raises(kind) as caught:
        switchboard.chat("?")
    assert caught.value.retry_after_s == float(after)
    assert len(api.seen) == 1


def test_what_would_do_harm_twice_is_not_repeated_once_it_may_have_arrived(
    api: ScriptedApi, switchboard: Switchboard
) -> None:
    api.script(Reply(status=502, body="bad gateway", content_type="text/plain"))
    with pytest.raises(Unreachable):
        switchboard.resume(RUN, {"x": True})
    assert len(api.seen) == 1


def test_unknown_codes_keep_their_words(api: ScriptedApi, switchboard: Switchboard) -> None:
    api.script(Reply(status=418, body=problem("teapot", retryable=False)))
    with pytest.raises(SwitchboardError) as caught:
        switchboard.models()
    error = caught.value
    assert (error.code, error.http_status, error.retryable) == ("teapot", 418, False)
    assert (SwitchboardError.code, error.message) == ("internal", "No.")


def test_the_reason_of_each_field_is_told(api: ScriptedApi, switchboard: Switchboard) -> None:
    fields = [{"field": "body.message", "reason": "too long"}]
    api.script(Reply(status=422, body=problem("invalid_input", fields=fields)))
    with pytest.raises(InvalidInput, match=r"No\. body\.message: too long"):
        switchboard.chat("?")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body="<html>Welcome</html>", content_type="text/html"),
        Reply(status=404, body="<html>no</html>", content_type="text/html"),
        Reply(status=302, headers={"Location": "http://127.0.0.1:1/"}),
        Reply(body=[1, 2]),
    ],
)
def test_something_else_at_the_address_is_named(
    api: ScriptedApi, switchboard: Switchboard, reply: Reply
) -> None:
    api.script(reply, reply)
    with pytest.raises(NotSwitchboard):
        switchboard.chat("?")
    with pytest.raises(NotSwitchboard):
        switchboard.info()
    assert len(api.seen) == 2


def test_nothing_at_the_address_is_a_sentence(waits: list[float]) -> None:
    with ScriptedApi() as gone:
        url = gone.url
    with (
        Switchboard(url, retries=2, sleep=waits.append) as client,
        pytest.raises(Unreachable) as caught,
    ):
        client.chat("?")
    assert caught.value.message == f"Nothing answers at {url}."
    assert len(waits) == 2


def test_the_key_goes_only_into_its_header(api: ScriptedApi) -> None:
    api.script(Reply(body={}))
    with Switchboard(f"{api.url}/api/", "sb-secret-key") as client:
        client.info()
    seen = api.seen[0]
    assert seen.path == "/api/info"
    assert [name for name, value in seen.headers.items() if "secret" in value] == ["authorization"]
    assert seen.headers["authorization"] == "Bearer sb-secret-key"


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8501", "ftp://x", "http://", "http://u:p@x", "http://x/?a=b", "http://[::"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput, match="is not an address"):
        Switchboard(url)


def test_ids_cannot_lead_to_another_path(api: ScriptedApi, switchboard: Switchboard) -> None:
    api.script(*[Reply(status=404, body=problem("not_found"))] * 3)
    for bad in ("../../info", "..", "a?b=c#d"):
        with pytest.raises(SwitchboardError):
            switchboard.history(bad)
    assert all(
        p.startswith("GET /api/threads/") and p.endswith("/history?limit=50") for p in api.paths()
    )


def test_threads_are_asked_for_page_by_page(api: ScriptedApi, switchboard: Switchboard) -> None:
    api.script(
        Reply(body={"threads": [{"id": "a"}, {"id": "b"}], "after": "c1"}),
        Reply(body={"threads": [{"id": "c"}], "after": None}),
    )
    found = switchboard.threads("port", page_size=2)
    assert next(found) == {"id": "a"}
    assert api.paths() == ["GET /api/threads?q=port&limit=2"]
    assert [one["id"] for one in found] == ["b", "c"]
    assert api.paths()[1] == "GET /api/threads?q=port&limit=2&after=c1"


def column(event: Event, number: int) -> str:
    return message(event, column=number)


COMPARED = 'event: compared\ndata: {"columns": []}\n\n'


def test_a_comparison_gives_the_events_of_each_column(
    api: ScriptedApi, switchboard: Switchboard
) -> None:
    merged = [column(event, n) for event in LOG for n in (0, 1)]
    api.script(Events(events=["event: comparing\ndata: {}\n\n", *merged, COMPARED]))
    found = list(switchboard.compare("?", [{"agent": "technical"}, {"agent": "general"}]))
    assert [event for n, event in found if n == 1] == LOG
    assert api.seen[0].body["stream"] is True


@pytest.mark.parametrize("end", ["whole", "cut"])
def test_a_comparison_that_is_cut_off_says_so(
    api: ScriptedApi, switchboard: Switchboard, end: Any
) -> None:
    api.script(Events(events=[column(event, 0) for event in LOG], end=end))
    with pytest.raises(Unreachable, match="lost"):
        list(switchboard.compare("?", [{}, {}]))
    assert len(api.seen) == 1


def test_the_async_client_resumes_and_waits_too(api: ScriptedApi) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def ask() -> list[Event]:
        async with AsyncSwitchboard(api.url, sleep=sleep) as client:
            stream = client.stream("?")
            events = [event async for event in stream]
            assert (await stream.answer()).text == TEXT
            assert await client.info() == {"a": 1}
            return events

    api.script(
        Reply(status=429, body=problem("rate_limited"), headers={"Retry-After": "3"}),
        Events(events=LOG[:2], end="cut"),
        Events(events=[*LOG[:2], *LOG[2:]]),
        Reply(status=503, body=problem("overloaded"), headers={"Retry-After": "2"}),
        Reply(body={"a": 1}),
    )
    assert asyncio.run(ask()) == LOG
    assert (waits[0], waits[-1]) == (3.0, 2.0)
    assert api.paths()[2] == EVENTS
