"""How often a password may be tried."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from agents.identity.login_limit import LoginLimit
from core.errors import NotLoggedIn, RateLimited
from tests.agents.identity.house import House


def test_after_some_mistakes_one_has_to_wait_even_with_the_right_password(tmp_path: Path) -> None:
    house = House(tmp_path, limit=LoginLimit("3 per hour", "100 per hour"))
    house.add()
    house.add("bob")
    for _ in range(3):
        with pytest.raises(NotLoggedIn):
            house.log_in("alice", "wrong password")
    with pytest.raises(RateLimited) as caught:
        house.log_in("alice")
    assert 3_590 < caught.value.retry_after_s <= 3_600
    assert caught.value.what_to_do == "Wait 60 minutes, then try again."
    assert house.log_in("bob")
    house.database.close()


def test_the_right_password_forgives_earlier_mistakes() -> None:
    limit = LoginLimit("3 per hour", "100 per hour")
    for _ in range(5):
        limit.attempt("alice")
        limit.attempt("alice")
        limit.succeeded("alice")


def test_an_unknown_name_is_limited_like_a_known_one(tmp_path: Path) -> None:
    house = House(tmp_path, limit=LoginLimit("2 per hour", "100 per hour"))
    for _ in range(2):
        with pytest.raises(NotLoggedIn):
            house.log_in("nobody-here", "wrong password")
    with pytest.raises(RateLimited):
        house.log_in("nobody-here", "wrong password")
    house.database.close()


def test_many_names_together_are_limited_too() -> None:
    limit = LoginLimit("100 per hour", "20 per hour")
    for number in range(20):
        limit.attempt(f"name{number}")
    with pytest.raises(RateLimited):
        limit.attempt("another")


def test_many_attempts_at_once_are_not_more_than_one_after_the_other() -> None:
    limit, passed = LoginLimit("8 per hour", "1000 per hour"), []
    together = threading.Barrier(20)

    def attack() -> None:
        together.wait()
        for _ in range(10):
            try:
                limit.attempt("alice")
            except RateLimited:
                continue
            passed.append(1)

    threads = [threading.Thread(target=attack) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 8


@pytest.mark.parametrize(
    ("window", "words"), [("1 per second", "1 second"), ("1 per 140 second", "3 minutes")]
)
def test_the_time_to_wait_is_never_told_too_short(window: str, words: str) -> None:
    limit = LoginLimit(window)
    limit.attempt("alice")
    with pytest.raises(RateLimited) as refused:
        limit.attempt("alice")
    assert refused.value.what_to_do == f"Wait {words}, then try again."
