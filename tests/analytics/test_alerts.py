"""Each kind of rule fires and resolves, on hand-made runs and a clock that the test sets."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics.alerts.evaluate import Evaluator
from analytics.alerts.preview import preview
from analytics.alerts.rules import RULE, AlertRule
from analytics.alerts.store import events, remove_rule, rules, save_rule, set_rule_enabled
from analytics.alerts.templates import TEMPLATES
from analytics.alerts.watcher import Watcher
from analytics.budgets import Spending
from analytics.budgets.reasons import checked
from analytics.budgets.store import remove
from analytics.queries import Filter
from tests.analytics.ledgers import FAILED, MINUTE_US, Ledger, instant, ledger

pytestmark = pytest.mark.slow

HOUR_US = 60 * MINUTE_US
FAILURES = {"kind": "threshold", "metric": "failure_rate", "limit": 0.1, "minimum_n": 5}
NONE_YET = {"kind": "no_data", "window_minutes": 60}


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Ledger]:
    with ledger(tmp_path / "analytics.db") as made:
        yield made


def watcher(books: Ledger, **more: Any) -> Watcher:
    spending = Spending(books.queries, now_us=books.clock)
    given = {"slo_target": 0.95, "now_us": books.clock} | more
    return Watcher(books.queries, books.recorder, spending, **given)


def told(books: Ledger) -> list[tuple[str, str]]:
    """(rule, state) of everything that was told, oldest first."""
    found = books.queries.ask(lambda ask: events(ask.reader), Filter())
    return [(event.rule_name, event.state) for event in reversed(found)]


def breached(books: Ledger, definition: dict[str, Any], **more: Any) -> bool | None:
    evaluator = Evaluator(books.queries, slo_target=0.95, **more)
    evaluator.look(books.now_us)
    rule = AlertRule(rule_id="r", name="r", enabled=True, definition=checked(RULE, definition))
    return evaluator.reading(rule, books.now_us).breached


def test_no_rule_is_active_by_default(books: Ledger) -> None:
    assert books.queries.ask(lambda ask: rules(ask.reader), Filter()) == ()
    assert TEMPLATES


# -- threshold


def test_a_threshold_fires_once_and_resolves(books: Ledger) -> None:
    save_rule(books.recorder, "Failures", FAILURES)
    watch = watcher(books)
    books.runs(5)
    watch.round()
    assert watch.firing() == ()
    books.runs(5, end=FAILED)
    for _ in range(3):
        books.now_us += MINUTE_US
        watch.round()
    (firing,) = watch.firing()
    assert firing.message == "Run failure rate: 50.0% over 15 min (limit 10.0%, n = 10)"
    books.now_us += 15 * MINUTE_US
    books.runs(10)
    watch.round()
    assert watch.firing() == ()
    assert told(books) == [("Failures", "firing"), ("Failures", "resolved")]


def test_a_threshold_below_its_minimum_n_says_nothing(books: Ledger) -> None:
    books.runs(4, end=FAILED)
    assert breached(books, FAILURES) is None
    books.runs(1, end=FAILED)
    assert breached(books, FAILURES) is True


def test_filters_of_a_rule_keep_other_runs_out(books: Ledger) -> None:
    books.runs(5, agent="policy", end=FAILED)
    books.runs(5, agent="billing")
    policy = {"filters": {"agent": ["policy"]}}
    assert breached(books, FAILURES | policy) is True
    assert breached(books, FAILURES | {"filters": {"agent": ["billing"]}}) is False
    assert breached(books, FAILURES | {"filters": {"user": ["nobody"]}}) is None


@pytest.mark.parametrize(
    ("metric", "limit", "when", "expected"),
    [
        ("runs", 5, "above", True),
        ("runs", 6, "above", False),
        ("runs", 7, "below", True),
        ("cost", 0.05, "above", True),
        ("cost", 0.07, "above", False),
        ("tokens", 600, "above", True),
        ("latency_p50", 0.09, "above", True),
        ("ttft_p50", 1, "above", False),
        ("attempt_error_rate", 0.5, "below", True),
        ("slo_attainment", 0.99, "below", False),
        ("unpriced_share", 0.1, "above", False),
        ("fallback_rate", 0.1, "above", False),
        ("dropped_runs", 0, "above", False),
    ],
)
def test_any_figure_can_be_watched(
    books: Ledger, metric: str, limit: float, when: str, expected: bool
) -> None:
    """Six runs of $0.01, 111 tokens and 100 ms each."""
    books.runs(6, cost_pusd=10**10)
    rule = {"kind": "threshold", "metric": metric, "limit": limit, "when": when}
    needs = {} if metric == "dropped_runs" else {"minimum_n": 6}
    assert breached(books, rule | needs) is expected


def test_a_count_that_is_too_low_needs_no_minimum(books: Ledger) -> None:
    assert breached(books, {"kind": "threshold", "metric": "runs", "when": "below", "limit": 1})


def test_runs_that_were_not_recorded_are_counted_in_the_window(books: Ledger) -> None:
    lost = [0]
    evaluator = Evaluator(books.queries, slo_target=0.95, dropped=lambda: lost[0])
    rule = {"kind": "threshold", "metric": "dropped_runs", "limit": 2, "window_minutes": 10}
    asked = AlertRule(rule_id="r", name="r", enabled=True, definition=checked(RULE, rule))
    seen = []
    for count in (0, 2, 3, 3, 3):
        lost[0] = count
        evaluator.look(books.now_us)
        seen.append(evaluator.reading(asked, books.now_us).breached)
        books.now_us += 5 * MINUTE_US
    assert seen == [False, False, True, False, False], "3 in ten minutes; then 1, then 0"


# -- burn rate


def burn(books: Ledger, minutes_ago: int, good: int, bad: int) -> None:
    at = books.now_us - minutes_ago * MINUTE_US
    for k in range(good + bad):
        books.run(at, end=FAILED if k < bad else None)


BURN = {"kind": "burn_rate", "minimum_n": 10}


def test_a_fast_burn_must_be_seen_in_both_windows(books: Ledger) -> None:
    burn(books, 40, good=2, bad=10)
    assert breached(books, BURN) is None, "nothing in the last five minutes"
    burn(books, 2, good=1, bad=7)
    assert breached(books, BURN) is True, "17 of 20 in an hour: 17 times too fast"


def test_an_hour_that_was_good_keeps_a_bad_minute_from_firing(books: Ledger) -> None:
    burn(books, 40, good=20, bad=0)
    burn(books, 2, good=0, bad=4)
    assert breached(books, BURN) is False, "20 times in five minutes, 3.3 times in the hour"


def test_a_slow_burn_fires_at_six_in_half_an_hour_and_six_hours(books: Ledger) -> None:
    burn(books, 200, good=7, bad=3)
    burn(books, 20, good=7, bad=3)
    assert breached(books, BURN) is True
    burn(books, 300, good=1, bad=0)
    assert breached(books, BURN) is False, "6 of 21: 5.7 times too fast"


def test_a_rule_may_have_a_target_of_its_own(books: Ledger) -> None:
    burn(books, 20, good=7, bad=3)
    assert breached(books, BURN | {"target": 0.9}) is False


# -- anomaly


def weeks(books: Ledger, *costs: float, zone: str = "UTC", hour: str = "2026-11-04 11:30") -> None:
    """One run in the same hour of each of the past weeks; the first is last week's."""
    from datetime import datetime, timedelta

    for k, cost in enumerate(costs, start=1):
        day = datetime.fromisoformat(hour) - timedelta(weeks=k)
        books.run(instant(str(day), zone), usd=cost)


UNUSUAL = {"kind": "anomaly", "metric": "cost", "minimum_n": 1}


def test_an_hour_unlike_the_same_hour_of_past_weeks_is_an_anomaly(books: Ledger) -> None:
    """Median 1.0, MAD 0.1: one robust deviation is 0.148."""
    weeks(books, 0.9, 1.0, 1.1, 0.9, 1.0, 1.1)
    books.run(instant("2026-11-04 11:20"), usd=1.5)
    assert breached(books, UNUSUAL) is False, "3.4 deviations"
    books.run(instant("2026-11-04 11:59"), usd=0.2)
    assert breached(books, UNUSUAL) is True, "4.7 deviations"
    assert breached(books, UNUSUAL | {"when": "below"}) is False
    assert breached(books, UNUSUAL | {"sensitivity": 5}) is False


def test_the_hour_that_goes_on_is_not_compared(books: Ledger) -> None:
    weeks(books, 1, 1, 1)
    books.now_us += 30 * MINUTE_US
    books.run(instant("2026-11-04 11:20"), usd=1)
    books.run(instant("2026-11-04 12:20"), usd=50)
    assert breached(books, UNUSUAL) is False


def test_one_wild_week_does_not_move_what_is_usual(books: Ledger) -> None:
    weeks(books, 1, 1, 900, 1, 1, 1)
    books.run(instant("2026-11-04 11:20"), usd=2)
    assert breached(books, UNUSUAL) is True


def test_two_weeks_are_too_few(books: Ledger) -> None:
    weeks(books, 1, 1)
    books.run(instant("2026-11-04 11:20"), usd=50)
    assert breached(books, UNUSUAL) is None
    books.run(instant("2026-10-14 11:20"), usd=1)
    assert breached(books, UNUSUAL) is True


def test_weeks_that_are_all_alike_allow_a_small_change(books: Ledger) -> None:
    weeks(books, 1, 1, 1, 1)
    books.run(instant("2026-11-04 11:20"), usd=1.19)
    assert breached(books, UNUSUAL) is False, "within four times 5 %"


@pytest.mark.parametrize("zone", ["Europe/Paris", "Asia/Kathmandu"])
def test_the_same_hour_is_that_of_the_clock_on_the_wall(tmp_path: Path, zone: str) -> None:
    """In Paris clocks went back on 25 October, so elapsed weeks would look an hour beside it."""
    with ledger(tmp_path / "a.db", "2026-11-04 12:00", zone) as books:
        weeks(books, 1, 1, 1, 1, zone=zone)
        books.run(instant("2026-11-04 11:01", zone), usd=1)
        assert breached(books, UNUSUAL) is False
        books.run(instant("2026-11-04 11:59", zone), usd=5)
        assert breached(books, UNUSUAL) is True


# -- no data


def test_silence_fires_and_one_run_ends_it(books: Ledger) -> None:
    save_rule(books.recorder, "Silence", NONE_YET)
    watch = watcher(books)
    books.run()
    watch.round()
    books.now_us += HOUR_US
    watch.round()
    assert [f.message for f in watch.firing()] == ["0 runs began in the last 1 h"]
    books.run()
    watch.round()
    assert told(books) == [("Silence", "firing"), ("Silence", "resolved")]


# -- states


def test_what_must_hold_is_not_told_before_it_held(books: Ledger) -> None:
    save_rule(books.recorder, "Silence", NONE_YET | {"hold_minutes": 10})
    watch = watcher(books)
    watch.round()
    books.now_us += 9 * MINUTE_US
    watch.round()
    assert told(books) == []
    books.now_us += MINUTE_US
    watch.round()
    assert told(books) == [("Silence", "firing")]


def test_a_hold_that_is_interrupted_begins_anew(books: Ledger) -> None:
    save_rule(books.recorder, "Silence", NONE_YET | {"hold_minutes": 10, "window_minutes": 5})
    watch = watcher(books)
    watch.round()
    books.now_us += 9 * MINUTE_US
    books.run()
    watch.round()
    for _ in range(10):
        books.now_us += MINUTE_US
        watch.round()
    assert told(books) == [], "silent again for six minutes"
    books.now_us += 5 * MINUTE_US
    watch.round()
    assert told(books) == [("Silence", "firing")]


def test_a_firing_rule_is_told_again_after_its_interval(books: Ledger) -> None:
    save_rule(books.recorder, "Silence", NONE_YET | {"renotify_minutes": 30})
    watch = watcher(books)
    for _ in range(7):
        watch.round()
        books.now_us += 10 * MINUTE_US
    found = books.queries.ask(lambda ask: events(ask.reader), Filter())
    assert [e.state for e in found] == ["firing"] * 3
    assert len({e.began_at_us for e in found}) == 1


def test_a_restart_does_not_fire_again(books: Ledger) -> None:
    save_rule(books.recorder, "Silence", NONE_YET)
    watcher(books).round()
    books.now_us += MINUTE_US
    second = watcher(books)
    second.round()
    assert told(books) == [("Silence", "firing")]
    assert [f.since_us for f in second.firing()] == [books.now_us - MINUTE_US]
    books.run()
    third = watcher(books)
    third.round()
    assert told(books) == [("Silence", "firing"), ("Silence", "resolved")]
    fourth = watcher(books)
    fourth.round()
    assert len(told(books)) == 2


def test_a_restart_goes_on_with_a_hold(books: Ledger) -> None:
    save_rule(books.recorder, "Silence", NONE_YET | {"hold_minutes": 10})
    watcher(books).round()
    books.now_us += 10 * MINUTE_US
    watcher(books).round()
    assert told(books) == [("Silence", "firing")]


@pytest.mark.parametrize("off", [remove_rule, lambda w, r: set_rule_enabled(w, r, False)])
def test_a_rule_that_is_taken_away_stops_firing(books: Ledger, off: Any) -> None:
    key = save_rule(books.recorder, "Silence", NONE_YET)
    watch = watcher(books)
    watch.round()
    off(books.recorder, key)
    books.now_us += MINUTE_US
    watch.round()
    assert watch.firing() == ()
    assert told(books) == [("Silence", "firing"), ("Silence", "resolved")]


def test_the_log_is_told(books: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    save_rule(books.recorder, "Silence", NONE_YET)
    with caplog.at_level(logging.WARNING, "analytics.alerts.watcher"):
        watcher(books).round()
    assert [r.message for r in caplog.records] == [
        "alert “Silence” firing: 0 runs began in the last 1 h"
    ]


def test_a_rule_that_cannot_be_read_does_not_stop_the_others(books: Ledger) -> None:
    bad = save_rule(books.recorder, "Bad", NONE_YET)
    books.recorder.write(
        lambda c: c.exec_driver_sql("UPDATE alert_rule SET definition='7' WHERE rule_id=?", (bad,))
    )
    save_rule(books.recorder, "Good", NONE_YET)
    watcher(books).round()
    assert told(books) == [("Good", "firing")]


def test_a_round_over_a_broken_database_is_counted_and_the_next_one_works(
    books: Ledger,
) -> None:
    save_rule(books.recorder, "Silence", NONE_YET)
    watch = watcher(books)
    books.recorder.write(
        lambda c: c.exec_driver_sql("ALTER TABLE alert_rule RENAME COLUMN definition TO d")
    )
    watch.round()
    assert watch.health().last_error is not None
    assert watch.firing() == ()
    books.recorder.write(
        lambda c: c.exec_driver_sql("ALTER TABLE alert_rule RENAME COLUMN d TO definition")
    )
    watch.round()
    assert watch.health().last_error is None
    assert told(books) == [("Silence", "firing")]


# -- budgets


def test_a_used_up_budget_is_an_alert_until_it_starts_again(books: Ledger) -> None:
    books.budget("Team", period="day")
    books.run(usd=2)
    watch = watcher(books)
    for _ in range(2):
        watch.round()
    assert [(f.name, f.severity) for f in watch.firing()] == [("Budget Team", "critical")]
    books.now_us += 13 * HOUR_US
    watch.round()
    assert told(books) == [("Budget Team", "firing"), ("Budget Team", "resolved")]


def test_a_budget_that_is_removed_stops_firing(books: Ledger) -> None:
    key = books.budget()
    books.run(usd=2)
    watch = watcher(books)
    watch.round()
    remove(books.recorder, key)
    books.now_us += MINUTE_US
    watch.round()
    assert watch.firing() == ()


# -- preview


def test_the_preview_says_how_often_a_rule_would_have_fired(books: Ledger) -> None:
    """Two bursts of failures in the last week, an hour each, a day apart."""
    for days_ago in (2, 3):
        for k in range(12):
            books.run(books.now_us - days_ago * 24 * HOUR_US + k * 5 * MINUTE_US, end=FAILED)
    found = preview(
        books.queries, checked(RULE, FAILURES | {"window_minutes": 60}), books.now_us,
        slo_target=0.95,
    )  # fmt: skip
    assert found is not None
    assert (found.times, found.days, found.firing_now) == (2, 7, False)


def test_what_no_table_holds_has_no_preview(books: Ledger) -> None:
    rule = checked(RULE, {"kind": "threshold", "metric": "dropped_runs", "limit": 0})
    assert preview(books.queries, rule, books.now_us, slo_target=0.95) is None
