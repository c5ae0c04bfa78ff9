"""The breaker with a clock in the hand: when a model is left alone, and when it is tried again."""

from __future__ import annotations

import threading

import pytest

from agents.breaker import BLOCKED_S, COOLDOWN_S, MAX_COOLDOWN_S, WINDOW_S, Breaker
from core.errors import ModelAuthFailed, ModelRateLimited, ModelUnavailable, ProtocolError

DOWN = ModelUnavailable("down")
M = "openai:gpt-4o-mini"


class Bench:
    def __init__(self, jitter: float = 0.5) -> None:
        self.now = 100.0
        self.breaker = Breaker(clock=lambda: self.now, jitter=lambda: jitter)

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            self.breaker.failed(M, DOWN)

    @property
    def phase(self) -> str:
        return self.breaker.state()[M].phase


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_unknown_model_is_admitted_and_has_no_state(bench: Bench) -> None:
    assert bench.breaker.admit(M)
    assert bench.breaker.state() == {}


def test_three_failures_in_a_minute_open_it(bench: Bench) -> None:
    bench.fail(2)
    assert bench.breaker.admit(M)
    bench.fail()
    assert not bench.breaker.admit(M)
    state = bench.breaker.state()[M]
    assert (state.phase, state.recent_failures, state.last_error) == ("open", 3, "down")
    assert state.cooldown_s == COOLDOWN_S


def test_old_failures_do_not_count(bench: Bench) -> None:
    bench.fail(2)
    bench.now += WINDOW_S
    bench.fail()
    assert bench.phase == "closed"


def test_success_in_between_does_not_hide_a_model_that_always_breaks_off(bench: Bench) -> None:
    for _ in range(3):
        bench.breaker.answered(M)
        bench.breaker.failed(M, ProtocolError("broke off"))
    assert bench.phase == "open"


def test_silence_opens_it_at_once(bench: Bench) -> None:
    bench.breaker.failed(M, DOWN, silent=True)
    assert bench.phase == "open"


def test_after_the_cooldown_one_probe_is_admitted(bench: Bench) -> None:
    bench.fail(3)
    bench.now += COOLDOWN_S
    assert bench.phase == "half_open"
    assert [bench.breaker.admit(M) for _ in range(3)] == [True, False, False]


def test_probe_that_answers_closes_it(bench: Bench) -> None:
    bench.fail(3)
    bench.now += COOLDOWN_S
    bench.breaker.admit(M)
    bench.breaker.answered(M)
    assert bench.phase == "closed"
    assert all(bench.breaker.admit(M) for _ in range(3))
    assert bench.breaker.state()[M].last_error == "down"


def test_probe_that_fails_opens_it_for_twice_as_long(bench: Bench) -> None:
    bench.fail(3)
    cooldowns = []
    for _ in range(8):
        cooldowns.append(bench.breaker.state()[M].cooldown_s)
        bench.now += cooldowns[-1]
        assert bench.breaker.admit(M)
        bench.fail()
    assert cooldowns[:4] == [15.0, 30.0, 60.0, 120.0]
    assert cooldowns[-1] == MAX_COOLDOWN_S


def test_probe_that_is_only_told_to_wait_opens_it_again(bench: Bench) -> None:
    bench.fail(3)
    bench.now += COOLDOWN_S
    bench.breaker.admit(M)
    bench.breaker.failed(M, ModelRateLimited("busy"))
    assert bench.phase == "open"


def test_stopped_probe_can_be_made_again(bench: Bench) -> None:
    bench.fail(3)
    bench.now += COOLDOWN_S
    assert bench.breaker.admit(M)
    bench.breaker.released(M)
    assert bench.breaker.admit(M)


def test_long_retry_after_keeps_everybody_away_until_then(bench: Bench) -> None:
    bench.breaker.failed(M, ModelRateLimited("quota", retry_after_s=3600.0))
    assert not bench.breaker.may_be_forced(M)
    bench.now += 3599
    assert not bench.breaker.admit(M)
    bench.now += 1
    assert bench.breaker.admit(M)


def test_busy_model_is_not_shut_out(bench: Bench) -> None:
    for _ in range(5):
        bench.breaker.failed(M, ModelRateLimited("slow down", retry_after_s=1.0))
    assert bench.breaker.admit(M)


def test_refused_credentials_block_but_for_one_probe_now_and_then(bench: Bench) -> None:
    """They may have been an expired session: a block for ever would need a restart to end."""
    bench.breaker.failed(M, ModelAuthFailed("wrong key"))
    assert (bench.phase, bench.breaker.admit(M)) == ("blocked", False)
    assert not bench.breaker.may_be_forced(M)
    bench.now += BLOCKED_S
    assert (bench.breaker.admit(M), bench.breaker.admit(M)) == (True, False)
    bench.breaker.failed(M, ModelAuthFailed("still wrong"))
    assert not bench.breaker.admit(M)
    bench.now += BLOCKED_S
    assert bench.breaker.admit(M)
    bench.breaker.answered(M)
    assert bench.breaker.admit(M)


def test_cooldown_may_be_overruled_for_want_of_another_model(bench: Bench) -> None:
    bench.fail(3)
    assert bench.breaker.may_be_forced(M)


@pytest.mark.parametrize(("jitter", "cooldown"), [(0.0, 12.0), (0.5, 15.0), (1.0, 18.0)])
def test_cooldowns_are_spread(jitter: float, cooldown: float) -> None:
    bench = Bench(jitter)
    bench.fail(3)
    assert bench.breaker.state()[M].cooldown_s == pytest.approx(cooldown)


def test_models_do_not_share_a_cooldown(bench: Bench) -> None:
    bench.fail(3)
    assert bench.breaker.admit("openai:gpt-4o")


def test_many_threads_get_one_probe(bench: Bench) -> None:
    bench.fail(3)
    bench.now += COOLDOWN_S
    admitted: list[bool] = []
    gate = threading.Barrier(8)

    def knock() -> None:
        gate.wait()
        admitted.append(bench.breaker.admit(M))

    threads = [threading.Thread(target=knock) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(admitted) == [False] * 7 + [True]
