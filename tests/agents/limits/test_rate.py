"""Requests in a moving window: what is refused, for how long, and what gets around it (nothing)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest

from agents.limits import Limits
from agents.limits.rate import Rate
from agents.run import TurnRequest
from core.errors import ConfigError, RateLimited
from core.identity import Principal
from core.settings import Settings


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock the library counts by."""
    now = [1_000_000.0]
    monkeypatch.setattr("time.time", lambda: now[0])

    def later(seconds: float) -> None:
        now[0] += seconds

    return later


def limited(rate: str, data_dir: Any) -> Limits:
    def nothing() -> Any:
        raise AssertionError("a rate has nothing to do with money")

    return Limits(Settings(data_dir=data_dir, rate_limit=rate), nothing)


def counted(rate: Rate, owner: str, times: int) -> int:
    """How many of so many requests were let in."""
    let_in = 0
    for _ in range(times):
        try:
            rate.count(owner)
        except RateLimited:
            continue
        let_in += 1
    return let_in


def test_the_window_moves(clock: Callable[[float], None]) -> None:
    rate = Rate("2/minute")
    rate.count("ann")
    clock(20)
    rate.count("ann")
    with pytest.raises(RateLimited) as refused:
        rate.count("ann")
    assert refused.value.retry_after_s == 40
    assert refused.value.message == "You sent 2 requests per minute, and that is the limit."
    assert refused.value.what_to_do == "Wait 40 seconds and send it again."
    clock(39)
    assert counted(rate, "ann", 1) == 0
    clock(1.001)
    assert counted(rate, "ann", 2) == 1


def test_the_time_it_says_is_enough_and_not_a_second_too_long(
    clock: Callable[[float], None],
) -> None:
    rate = Rate("1/minute")
    rate.count("ann")
    clock(12.3)
    with pytest.raises(RateLimited) as refused:
        rate.count("ann")
    assert refused.value.retry_after_s == 48
    clock(48)
    rate.count("ann")


def test_a_refused_request_does_not_count(clock: Callable[[float], None]) -> None:
    rate = Rate("1/second;3/minute")
    assert counted(rate, "ann", 50) == 1
    clock(1.1)
    assert counted(rate, "ann", 50) == 1
    clock(1.1)
    assert counted(rate, "ann", 50) == 1
    clock(1.1)
    with pytest.raises(RateLimited) as refused:
        rate.count("ann")
    assert refused.value.message.startswith("You sent 3 requests per minute")


def test_people_do_not_share_a_window() -> None:
    rate = Rate("1/hour")
    rate.count("ann")
    rate.count("bob")
    assert counted(rate, "ann", 1) == 0


def test_many_threads_at_once_get_no_more(clock: Callable[[float], None]) -> None:
    rate, let_in = Rate("10/minute;1000/day"), []
    barrier = threading.Barrier(16)

    def burst() -> None:
        barrier.wait()
        let_in.append(counted(rate, "ann", 20))

    threads = [threading.Thread(target=burst) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(let_in) == 10


def test_a_second_key_or_login_gives_nobody_more(data_dir: Any) -> None:
    limits = limited("2/hour", data_dir)
    limits.request(Principal(owner="ann", name="Ann", via="api_key", credential_id="k1"))
    limits.request(Principal(owner="ann", name="Ann", via="api_key", credential_id="k2"))
    with pytest.raises(RateLimited):
        limits.request(Principal(owner="ann", name="Ann", via="password", credential_id="s1"))
    with pytest.raises(RateLimited):
        limits.turn(TurnRequest(text="hi", owner="ann"))


def test_a_turn_whose_door_counted_it_is_not_counted_again(data_dir: Any) -> None:
    limits = limited("2/hour", data_dir)
    for door in ("api", "compare", "eval", "api"):
        limits.turn(TurnRequest(text="hi", owner="ann", entry_point=door))  # type: ignore[arg-type]
    limits.turn(TurnRequest(text="hi", owner="ann"))
    limits.turn(TurnRequest(text="hi", owner="ann", entry_point="cli"))
    with pytest.raises(RateLimited):
        limits.turn(TurnRequest(text="hi", owner="ann"))


def test_without_a_setting_nothing_is_counted() -> None:
    assert counted(Rate(None), "ann", 1000) == 1000


@pytest.mark.parametrize("wanted", ["often", "60", "60/fortnight", "-3/minute", "0/minute"])
def test_a_limit_that_cannot_be_read_refuses_the_start(wanted: str) -> None:
    with pytest.raises(ConfigError, match="SWITCHBOARD_RATE_LIMIT") as refused:
        Rate(wanted)
    assert "60/minute" in refused.value.what_to_do


@pytest.mark.skipif(find_spec("redis") is not None, reason="the client is installed here")
def test_redis_without_its_client_refuses_the_start() -> None:
    with pytest.raises(ConfigError, match="client is not installed") as refused:
        Rate("60/minute", "redis://127.0.0.1:1")
    assert "pip install redis" in refused.value.what_to_do


def test_another_storage_refuses_the_start() -> None:
    with pytest.raises(ConfigError, match="cannot be counted in 'etcd'"):
        Rate("60/minute", "etcd://127.0.0.1:1")


def test_a_storage_that_fails_lets_everybody_in_and_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As when Redis goes down: once it was found out, nobody waits for it for a while."""
    rate = Rate("1/hour")

    class Down:
        asked = 0

        def test(self, *_: object) -> bool:
            Down.asked += 1
            raise ConnectionError("refused")

    rate._window = Down()  # type: ignore[assignment]
    assert counted(rate, "ann", 5) == 5
    assert (rate.storage_errors, Down.asked) == (1, 1)
    assert [record.message for record in caplog.records] == [
        "requests are not limited: the storage fails (ConnectionError)"
    ]
    rate._rest_until = 0.0
    assert counted(rate, "ann", 1) == 1
    assert rate.storage_errors == 2
