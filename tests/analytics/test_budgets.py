"""What may be spent: limits by app, user, model and agent, in days and months of a zone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics.budgets import Spending, app_month_limit_pusd, budgets
from analytics.budgets.reasons import BadDefinition
from analytics.budgets.spending import STALE_US
from analytics.budgets.store import remove, save, set_enabled
from analytics.erasure import erase_user
from analytics.queries import Filter
from core.errors import NotFound
from tests.analytics.ledgers import USD, Ledger, instant, ledger
from tests.analytics.scripts import MODEL

OTHER = "openai:gpt-4o"
LOCAL = "local:extractive"


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Ledger]:
    with ledger(tmp_path / "analytics.db") as made:
        yield made


def spending(books: Ledger) -> Spending:
    made = Spending(books.queries, now_us=books.clock)
    assert made.refresh()
    return made


def allowed(made: Spending, owner: str = "ann", agent: str = "billing", model: str = MODEL) -> bool:
    return made.check(owner, agent, model).refusal is None


# -- definitions


@pytest.mark.parametrize(
    ("given", "field", "reason"),
    [
        ({"scope": "planet"}, "scope", "'app'"),
        ({"limit_usd": "-3"}, "limit_usd", "greater than 0"),
        ({"limit_usd": "a lot"}, "limit_usd", "decimal"),
        ({"limit_usd": "Infinity"}, "limit_usd", "finite"),
        ({"period": "week"}, "period", "'day' or 'month'"),
        ({"target": "ann"}, "target", "no target"),
        ({"kind": "soft", "on_exhausted": LOCAL}, "on_exhausted", "only a hard budget"),
        ({"on_exhausted": "nova"}, "on_exhausted", "provider:model"),
        ({"scope": "model", "target": MODEL, "on_exhausted": MODEL}, "on_exhausted", "itself"),
        ({"colour": "red"}, "colour", "no such field"),
    ],
)
def test_nonsense_is_refused_with_the_name_of_the_field(
    books: Ledger, given: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(BadDefinition) as refused:
        books.budget(**given)
    assert reason in refused.value.reasons[field]
    assert books.queries.ask(lambda ask: budgets(ask.reader), Filter()) == ()


def test_two_budgets_cannot_have_one_name(books: Ledger) -> None:
    books.budget("Team")
    with pytest.raises(BadDefinition, match="another budget"):
        books.budget("  Team ")


def test_a_deleted_budget_cannot_be_changed(books: Ledger) -> None:
    gone = books.budget()
    remove(books.recorder, gone)
    with pytest.raises(NotFound):
        set_enabled(books.recorder, gone, False)
    with pytest.raises(NotFound):
        save(books.recorder, "New", {"scope": "app", "limit_usd": 1}, budget_id=gone)


def test_a_row_that_cannot_be_read_does_not_hide_the_others(books: Ledger) -> None:
    books.budget("Good")
    bad = books.budget("Bad")
    books.recorder.write(
        lambda c: c.exec_driver_sql("UPDATE budget SET definition='{]' WHERE budget_id=?", (bad,))
    )
    found = books.queries.ask(lambda ask: budgets(ask.reader), Filter())
    assert [b.name for b in found] == ["Good"]


# -- recorded costs


def test_a_hard_budget_refuses_when_it_is_used_up_and_says_when_it_starts_again(
    books: Ledger,
) -> None:
    books.budget(limit_usd="0.50")
    books.run(usd=0.49)
    made = spending(books)
    assert allowed(made)
    books.run(usd=0.01)
    made.refresh()
    verdict = made.check("ann", None, None)
    assert verdict.refusal == "The budget “Team” is used up: $0.50 of $0.50 this month."
    assert "1 December 2026, 00:00 UTC" in verdict.what_to_do


def test_a_soft_budget_only_gives_notice(books: Ledger) -> None:
    books.budget(limit_usd="0.10", kind="soft")
    books.run(usd=0.2)
    verdict = spending(books).check("ann", None, MODEL)
    assert verdict.refusal is None
    assert verdict.notices == ("The budget “Team” is used up: $0.20 of $0.10 this month.",)


def test_the_budget_of_one_user_does_not_touch_another(books: Ledger) -> None:
    books.budget(scope="user", target="ann")
    books.run(usd=2, user="ann")
    made = spending(books)
    assert (allowed(made, owner="ann"), allowed(made, owner="bob")) == (False, True)


def test_a_budget_that_each_user_has_is_counted_for_each(books: Ledger) -> None:
    books.budget(scope="user", target="*")
    books.run(usd=0.6, user="ann")
    books.run(usd=0.6, user="bob")
    books.run(usd=0.6, user="bob")
    made = spending(books)
    assert (allowed(made, owner="ann"), allowed(made, owner="bob")) == (True, False)
    assert [(u.target, u.spent.pusd) for u in made.uses()] == [
        ("bob", 12 * USD // 10),
        ("ann", 6 * USD // 10),
    ]


def test_budgets_of_a_model_and_of_an_agent_leave_the_others_alone(books: Ledger) -> None:
    books.budget("M", scope="model", target=MODEL)
    books.budget("A", scope="agent", target="policy")
    books.run(usd=2, agent="billing")
    books.run(usd=2, agent="policy", model=OTHER)
    made = spending(books)
    assert not allowed(made, model=MODEL)
    assert allowed(made, model=OTHER)
    assert not allowed(made, agent="policy", model=OTHER)
    assert made.check("ann", None, None).refusal is None, "nobody knows agent and model yet"


def test_the_model_a_budget_names_may_still_answer(books: Ledger) -> None:
    books.budget(on_exhausted=LOCAL)
    books.run(usd=2)
    made = spending(books)
    assert made.check("ann", "billing", MODEL).instead == LOCAL
    assert allowed(made, model=LOCAL)


def test_a_budget_without_another_model_is_the_stricter_one(books: Ledger) -> None:
    books.budget("Mild", on_exhausted=LOCAL)
    books.budget("Strict", scope="user", target="ann")
    books.run(usd=2)
    verdict = spending(books).check("ann", None, None)
    assert (verdict.instead, "Strict" in (verdict.refusal or "")) == (None, True)


def test_a_budget_that_is_switched_off_does_nothing(books: Ledger) -> None:
    key = books.budget()
    books.run(usd=2)
    set_enabled(books.recorder, key, False)
    assert allowed(spending(books))


def test_calls_without_a_price_are_counted_and_cost_nothing(books: Ledger) -> None:
    books.budget()
    of, events = books.events(books.now_us, cost_pusd=None)
    for event in events:
        books.recorder.observe(of, event)
    books.recorder.flush()
    (use,) = spending(books).uses()
    assert (use.spent.pusd, use.spent.unpriced) == (0, 1)


# -- what runs report before they are recorded


def observe(made: Spending, of: Any, events: list[Any]) -> None:
    for event in events:
        made.observe(of.run_id, of.user_id, of.started_at_us, event)


def test_what_a_running_call_reports_counts_at_once(books: Ledger) -> None:
    books.budget(limit_usd="1")
    made = spending(books)
    of, events = books.events(books.now_us, cost_pusd=USD)
    observe(made, of, events[:-2])
    assert allowed(made)
    observe(made, of, events[-2:-1])
    assert not allowed(made), "the usage event was seen, the run goes on"


def test_a_run_is_counted_once_whether_it_is_recorded_or_not(books: Ledger) -> None:
    books.budget(limit_usd="100")
    made = spending(books)
    of, events = books.events(books.now_us, cost_pusd=USD)
    observe(made, of, events)
    seen = [made.uses()[0].spent.pusd]
    made.refresh()
    seen.append(made.uses()[0].spent.pusd)
    for event in events:
        books.recorder.observe(of, event)
    books.recorder.flush()
    for _ in range(2):
        made.refresh()
        seen.append(made.uses()[0].spent.pusd)
    assert seen == [USD] * 4


def test_a_run_that_never_reaches_the_database_counts_until_its_month_is_over(
    books: Ledger,
) -> None:
    books.budget(limit_usd="1")
    made = spending(books)
    observe(made, *books.events(books.now_us, cost_pusd=USD))
    made.refresh()
    assert not allowed(made)
    books.now_us = instant("2026-12-01 00:00")
    made.refresh()
    assert allowed(made)
    assert made._live.ended() == []


def test_what_is_carried_for_a_person_counts_for_nobody_else(books: Ledger) -> None:
    """Of an erased person the rows stay, without the name: the whole app has them already."""
    everybody = books.budget("All", limit_usd="3")
    each = books.budget("Each", scope="user", limit_usd="1")
    books.run(instant("2026-11-02 12:00"), usd=0.6)
    books.run(usd=0.5)
    made = spending(books)
    made.carry("ann")
    erase_user(books.recorder, "ann")
    assert made.refresh()
    spent = {(use.budget.budget_id, use.target): use.spent.pusd / USD for use in made.uses()}
    assert spent == {(everybody, ""): 1.1, (each, "ann"): 1.1}
    assert (allowed(made), allowed(made, "bob")) == (False, True)
    books.now_us = instant("2026-12-01 00:01")
    assert made.refresh()
    assert allowed(made)


def test_live_costs_belong_to_the_agent_that_answers(books: Ledger) -> None:
    books.budget(scope="agent", target="policy")
    made = spending(books)
    observe(made, *books.events(books.now_us, cost_pusd=USD, agent="policy"))
    assert (allowed(made, agent="policy"), allowed(made, agent="billing")) == (False, True)


# -- periods


def test_a_new_day_starts_at_midnight_of_the_zone(tmp_path: Path) -> None:
    """Also between two readings, when only the clock moved."""
    zone = "Asia/Kathmandu"
    with ledger(tmp_path / "a.db", "2026-11-04 23:59", zone) as books:
        books.budget(period="day")
        books.run(instant("2026-11-04 00:01", zone), usd=2)
        made = spending(books)
        assert not allowed(made)
        books.now_us = instant("2026-11-05 00:00", zone)
        assert allowed(made)
        assert made.refresh()
        assert allowed(made)


def test_a_call_of_yesterday_that_reports_today_is_yesterdays(tmp_path: Path) -> None:
    with ledger(tmp_path / "a.db", "2026-11-04 23:59", "Asia/Kathmandu") as books:
        books.budget(period="day")
        made = spending(books)
        of, events = books.events(books.now_us, cost_pusd=2 * USD)
        observe(made, of, events[:3])
        books.now_us = instant("2026-11-05 00:01", "Asia/Kathmandu")
        observe(made, of, events[3:])
        assert allowed(made)


@pytest.mark.parametrize(
    ("day", "hours"),
    [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)],
)
def test_a_day_is_as_long_as_the_clocks_make_it(tmp_path: Path, day: str, hours: int) -> None:
    zone = "Europe/Paris"
    with ledger(tmp_path / "a.db", f"{day} 12:00", zone) as books:
        books.budget(period="day", limit_usd="3")
        start = instant(f"{day} 00:00", zone)
        end = start + hours * 3_600_000_000
        for at in (start - 1, start, end - 1, end):
            books.run(at, usd=1)
        (use,) = spending(books).uses()
        assert (use.since_us, use.until_us) == (start, end)
        assert use.spent.pusd == 2 * USD


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Europe/Paris"])
def test_a_month_ends_at_midnight_of_the_zone(tmp_path: Path, zone: str) -> None:
    with ledger(tmp_path / "a.db", "2026-10-31 23:59", zone) as books:
        books.budget(limit_usd="3")
        start, end = instant("2026-10-01 00:00", zone), instant("2026-11-01 00:00", zone)
        for at in (start - 1, start, end - 1, end):
            books.run(at, usd=1)
        (use,) = spending(books).uses()
        assert (use.since_us, use.until_us, use.spent.pusd) == (start, end, 2 * USD)


# -- when the database cannot be read


def test_before_the_first_reading_everything_is_allowed_and_counted(books: Ledger) -> None:
    made = Spending(books.queries, now_us=books.clock)
    verdict = made.check("ann", None, MODEL)
    assert (verdict.known, verdict.refusal, made.health().unknown_checks) == (False, None, 1)
    assert not made.wait_for_first_reading(0.001)


def test_a_broken_database_refuses_nobody_after_a_minute(books: Ledger) -> None:
    books.budget()
    books.run(usd=2)
    made = spending(books)
    books.recorder.write(
        lambda c: c.exec_driver_sql("ALTER TABLE budget RENAME COLUMN definition TO lost")
    )
    assert not made.refresh()
    assert not allowed(made), "what was read a moment ago still holds"
    books.now_us += STALE_US + 1
    assert allowed(made)
    assert made.health().last_error
    assert made.health().unknown_checks == 1


def test_a_missing_database_has_no_budgets(tmp_path: Path, books: Ledger) -> None:
    from analytics.queries import Queries

    made = Spending(Queries(tmp_path / "nothing.db"))
    assert made.refresh()
    assert allowed(made)


# -- the line in the cost chart


def test_the_limit_of_the_app_is_the_smallest_hard_one(books: Ledger) -> None:
    assert app_month_limit_pusd(books.queries) is None
    books.budget("Day", period="day", limit_usd="1")
    books.budget("One model", scope="model", target=MODEL, limit_usd="1")
    books.budget("Soft", kind="soft", limit_usd="2")
    assert app_month_limit_pusd(books.queries) == 2 * USD
    books.budget("Hard", limit_usd="5")
    off = books.budget("Off", limit_usd="3")
    set_enabled(books.recorder, off, False)
    assert app_month_limit_pusd(books.queries) == 5 * USD
