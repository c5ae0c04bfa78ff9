"""Whether money may be spent: answered from memory, before every run and before every call.

    spent = recorded calls of the period + calls of runs that are not recorded yet

The first part is read every few seconds on a thread of its own, the second grows the moment a call
reports its cost. What calls in flight will cost is unknown until they end, so a budget is overshot
by at most the calls that already run when it is used up. A call without a known price counts 0.

When the database cannot be read, what was read last holds for a minute; after that the answer is
"unknown", which allows, and is counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from analytics.budgets.definition import EACH, Budget, PeriodName
from analytics.budgets.live import Charge, Live
from analytics.budgets.period import starts_again, window_of
from analytics.budgets.quota import FREE, NOTHING, Allotment, Quota
from analytics.budgets.recorded import Recorded, Spent, read
from analytics.queries import Queries
from analytics.timeaxis import Window
from core.errors import SwitchboardError
from core.events import Event
from core.pricing import format_usd

log = logging.getLogger(__name__)
STALE_US = 60_000_000
"""How long the last reading holds while the database cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """See agents/spending.py."""

    refusal: str | None = None
    what_to_do: str = ""
    instead: str | None = None
    notices: tuple[str, ...] = ()
    quota: bool = False
    """Whether it is the person's own quota that is used up, and no budget."""
    known: bool = True
    """False: the figures could not be read, so nothing is refused."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """A budget, or one target of a budget that each of them has, and how far it is used."""

    budget: Budget
    target: str
    """"" for the whole app."""
    spent: Spent
    since_us: int
    until_us: int

    @property
    def exhausted(self) -> bool:
        return self.spent.pusd >= self.budget.definition.limit_pusd

    @property
    def share(self) -> float:
        return self.spent.pusd / self.budget.definition.limit_pusd


@dataclass(frozen=True, kw_only=True, slots=True)
class SpendingHealth:
    """Counts are since the process started."""

    unknown_checks: int
    """Checks that allowed a call because the figures could not be read."""
    refused_checks: int
    last_error: str | None
    """Why the last reading failed; None while reading works."""
    read_at_us: int | None


def _now_us() -> int:
    return time.time_ns() // 1000


class Spending:
    """Safe from any thread. `check` and `observe` never block; `refresh` reads the database."""

    def __init__(
        self,
        queries: Queries,
        *,
        quota: Quota | None = None,
        now_us: Callable[[], int] = _now_us,
    ) -> None:
        self._queries = queries
        self._quota = quota
        self._now_us = now_us
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._live = Live()
        self._recorded: Recorded | None = None
        self._read_at_us: int | None = None
        self._error: str | None = None
        self._unknown = self._refused = 0
        self._looked = threading.Event()

    # -- what is spent

    def observe(self, run_id: str, user: str, started_us: int, event: Event) -> None:
        """An event of a run, on the run loop: microseconds."""
        if event.type != "token":
            with self._lock:
                self._live.add(run_id, user, started_us, event)

    def carry(self, owner: str) -> None:
        """Call it before the rows of somebody lose the name: what they spent goes on counting for
        them, in memory, or whoever deletes everything of theirs would begin anew."""
        now = self._now_us()
        zone = self._queries.zone
        day, month = window_of("day", now, zone), window_of("month", now, zone)
        with self._lock:
            recorded = self._usable(now)
            used = self._live.used(owner, day.since_us, day.until_us)
            if recorded is not None and recorded.windows["day"] == day:
                used += recorded.used.get(owner, NOTHING)
            today = max(used.pusd, self._spent_by(owner, recorded, "day", day))
            before = max(0, self._spent_by(owner, recorded, "month", month) - today)
            self._live.carry(
                owner,
                (Charge(now, "", today, used.tokens), Charge(month.since_us, "", before)),
            )

    def refresh(self) -> bool:
        """Reads budgets and recorded costs; False when that failed. Never raises."""
        with self._reading:
            with self._lock:
                ended = self._live.ended()
            now = self._now_us()
            try:
                found = read(
                    self._queries, ended, now, self._recorded, quota=self._quota is not None
                )
            except SwitchboardError as exc:
                if self._error is None:  # once per fault
                    log.warning("budgets are not known: %s", exc.message)
                self._error = exc.message
                return False
            finally:
                self._looked.set()
            with self._lock:
                self._recorded, self._read_at_us, self._error = found, now, None
                self._live.forget(found.landed)
                self._live.forget_before(found.windows["month"].since_us)
        return True

    def wait_for_first_reading(self, timeout_s: float) -> bool:
        """Right after the start nothing is known yet: whoever can wait does so for a moment."""
        return self._looked.wait(timeout_s)

    def age_us(self) -> int | None:
        """Of the last reading that worked."""
        return None if self._read_at_us is None else self._now_us() - self._read_at_us

    # -- what may be spent

    def check(self, owner: str, agent: str | None, model: str | None) -> Verdict:
        """What the budgets say about a call; None for what nobody knows yet."""
        now = self._now_us()
        with self._lock:
            recorded = self._usable(now)
            if recorded is None:
                self._unknown += 1
                return Verdict(known=False)
            asked = {"app": "", "user": owner, "agent": agent, "model": model}
            used_up = [
                use
                for budget in recorded.budgets
                if budget.enabled
                and (target := asked[budget.definition.scope]) is not None
                and (budget.definition.scope == "app" or budget.definition.target in (EACH, target))
                and (model is None or budget.definition.on_exhausted != model)
                and (use := self._use(recorded, budget, target, now)).exhausted
            ]
            verdict = self._verdict(used_up, now)
            self._refused += verdict.refusal is not None and verdict.instead is None
        return self._over_quota(owner, model) or verdict

    def allotment(self, owner: str) -> Allotment | None:
        """What a person has used today of a quota; None when there is none."""
        if self._quota is None:
            return None
        now = self._now_us()
        window = window_of("day", now, self._queries.zone)
        with self._lock:
            recorded = self._usable(now)
            used = self._live.used(owner, window.since_us, window.until_us)
        if recorded is not None and recorded.windows["day"] == window:
            used += recorded.used.get(owner, NOTHING)
        return Allotment(
            used=used,
            quota=self._quota,
            since_us=window.since_us,
            until_us=window.until_us,
            starts_again=starts_again("day", now, self._queries.zone),
            known=recorded is not None,
        )

    def may_begin(self, owner: str, running: int) -> bool:
        """Whether the quota leaves room for another run beside so many of the same person."""
        found = self.allotment(owner)
        if found is None or not found.known:
            return True
        with self._lock:
            dearest = self._live.dearest(owner)
        return found.used_up is not None or found.quota.may_begin(found.used, running, dearest)

    def _over_quota(self, owner: str, model: str | None) -> Verdict | None:
        """The refusal of a call to a model. A turn as a whole is refused where it is asked for."""
        if model is None or model.startswith(f"{FREE}:"):
            return None
        found = self.allotment(owner)
        if found is None or found.used_up is None:
            return None
        return Verdict(
            refusal=f"You have used {found.used_up} today.",
            what_to_do=f"It starts again on {found.starts_again}.",
            quota=True,
        )

    def uses(self) -> tuple[Use, ...]:
        """Every enabled budget; one that each has for itself is there once per target, most used
        first. Empty while nothing is known."""
        recorded = self._recorded
        if recorded is None:
            return ()
        now = self._now_us()
        enabled = (budget for budget in recorded.budgets if budget.enabled)
        return tuple(use for budget in enabled for use in self._uses_of(recorded, budget, now))

    def health(self) -> SpendingHealth:
        return SpendingHealth(
            unknown_checks=self._unknown,
            refused_checks=self._refused,
            last_error=self._error,
            read_at_us=self._read_at_us,
        )

    # -- inside

    def _uses_of(self, recorded: Recorded, budget: Budget, now: int) -> list[Use]:
        """Holds the lock only to add up what is live: there can be very many users."""
        asked = budget.definition
        window = window_of(asked.period, now, self._queries.zone)
        with self._lock:
            live = self._live.by_target(asked.scope, window.since_us, window.until_us)
        then = _recorded_of(recorded, budget, window)
        if asked.scope == "app" or asked.target != EACH:
            targets = ["" if asked.scope == "app" else asked.target]
        else:
            targets = sorted(name for name in {*then, *live} if name)
        found = [_use(budget, t, window, then, live.get(t, 0)) for t in targets]
        return sorted(found, key=lambda use: -use.spent.pusd)

    # -- inside, with the lock

    def _usable(self, now: int) -> Recorded | None:
        if self._recorded is None or self._read_at_us is None:
            return None
        too_old = self._error is not None and now - self._read_at_us > STALE_US
        return None if too_old else self._recorded

    def _use(self, recorded: Recorded, budget: Budget, target: str, now: int) -> Use:
        asked = budget.definition
        window = window_of(asked.period, now, self._queries.zone)
        live = self._live.spent(asked.scope, target, window.since_us, window.until_us)
        return _use(budget, target, window, _recorded_of(recorded, budget, window), live)

    def _spent_by(
        self, owner: str, recorded: Recorded | None, period: PeriodName, window: Window
    ) -> int:
        live = self._live.spent("user", owner, window.since_us, window.until_us)
        if recorded is None or recorded.windows[period] != window:
            return live
        return live + recorded.spent.get(("user", period), {}).get(owner, Spent()).pusd

    def _verdict(self, used_up: list[Use], now: int) -> Verdict:
        zone = self._queries.zone
        notices = tuple(said(use) for use in used_up if use.budget.definition.kind == "soft")
        hard = [use for use in used_up if use.budget.definition.kind == "hard"]
        if not hard:
            return Verdict(notices=notices)
        # One that lets nobody answer is stricter than one that names a model.
        strict = min(hard, key=lambda use: use.budget.definition.on_exhausted is not None)
        again = starts_again(strict.budget.definition.period, now, zone)
        return Verdict(
            refusal=said(strict),
            what_to_do=f"It starts again on {again}. To go on before, raise it on the page Alerts.",
            instead=strict.budget.definition.on_exhausted,
            notices=notices,
        )


def _recorded_of(recorded: Recorded, budget: Budget, window: Window) -> Mapping[str, Spent]:
    """By target; nothing when a new period began since the reading."""
    asked = budget.definition
    if recorded.windows[asked.period] != window:
        return {}
    return recorded.spent.get((asked.scope, asked.period), {})


def _use(
    budget: Budget, target: str, window: Window, then: Mapping[str, Spent], live_pusd: int
) -> Use:
    spent = then.get(target, Spent())
    return Use(
        budget=budget,
        target=target,
        spent=Spent(pusd=spent.pusd + live_pusd, unpriced=spent.unpriced),
        since_us=window.since_us,
        until_us=window.until_us,
    )


def said(use: Use) -> str:
    """That a budget is used up, in a sentence."""
    asked = use.budget.definition
    whose = f" ({use.target})" if asked.target == EACH and use.target else ""
    when = "today" if asked.period == "day" else "this month"
    spent, limit = format_usd(use.spent.pusd), format_usd(asked.limit_pusd)
    return f"The budget “{use.budget.name}”{whose} is used up: {spent} of {limit} {when}."
