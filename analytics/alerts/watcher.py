"""The thread that watches: reads what was spent, evaluates rules, keeps and tells what changed.

It is never in the way of a run: everything here may fail or take long, and the next round begins
half a minute later. `round` is the same work for tests and for a page that was just used to save.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from analytics.alerts import store
from analytics.alerts.budget_alerts import BUDGET, budget_readings
from analytics.alerts.delivery import BACKOFF_S, Result, Webhook, payload
from analytics.alerts.evaluate import Evaluator, Reading
from analytics.alerts.rules import AlertRule, Severity
from analytics.alerts.state import OK, Change, State, advance
from analytics.budgets.kept import Writes
from analytics.budgets.spending import Spending
from analytics.queries import Filter, Queries
from core.errors import StorageError, SwitchboardError

log = logging.getLogger(__name__)
INTERVAL_S = 30.0
WRITE_TIMEOUT_S = 5.0
MAX_UNSAVED = 1_000
GONE = {True: "The budget started again, was raised or removed.", False: "The rule was removed."}


@dataclass(frozen=True, kw_only=True, slots=True)
class Firing:
    """An alert that goes on, for the banner and the page."""

    rule_id: str
    name: str
    severity: Severity
    message: str
    since_us: int
    banner: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class WatcherHealth:
    """Since the process started."""

    rounds: int
    last_round_at_us: int | None
    last_error: str | None
    """Of the last round; None when it went well."""


def _now_us() -> int:
    return time.time_ns() // 1000


class Watcher:
    """One per process. `start` begins the rounds, `close` ends them."""

    def __init__(
        self,
        queries: Queries,
        writes: Writes,
        spending: Spending,
        *,
        slo_target: float,
        dropped: Callable[[], int] = lambda: 0,
        webhook_url: str | None = None,
        now_us: Callable[[], int] = _now_us,
        backoff_s: Sequence[float] = BACKOFF_S,
    ) -> None:
        self._queries = queries
        self._writes = writes
        self._spending = spending
        self._evaluator = Evaluator(queries, slo_target=slo_target, dropped=dropped)
        self._webhook = (
            Webhook(webhook_url, self._delivered, backoff_s=backoff_s) if webhook_url else None
        )
        self._now_us = now_us
        self._states: dict[str, State] | None = None
        self._firing: tuple[Firing, ...] = ()
        self._unsaved: list[Change] = []
        self._results: dict[str, dict[str, Result]] = {}
        self._rounds = 0
        self._last_round_at_us: int | None = None
        self._error: str | None = None
        self._one_round = threading.Lock()
        self._wake, self._hurry = threading.Event(), threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="alerts", daemon=True)

    # -- any thread

    def start(self) -> None:
        self._thread.start()

    def refresh_budgets(self, older_than_s: float) -> None:
        """Has the spending read again soon, on the watcher's thread. Returns at once."""
        age = self._spending.age_us()
        if age is None or age > older_than_s * 1e6:
            self._wake.set()

    def look_now(self) -> None:
        """Has every rule evaluated soon, on the watcher's thread. Returns at once."""
        self._hurry.set()
        self._wake.set()

    def firing(self) -> tuple[Firing, ...]:
        """What fires now, critical ones first. No database is asked."""
        return self._firing

    def health(self) -> WatcherHealth:
        return WatcherHealth(
            rounds=self._rounds, last_round_at_us=self._last_round_at_us, last_error=self._error
        )

    def close(self, timeout_s: float = 5.0) -> None:
        """Ends the thread after what it is doing. Idempotent."""
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if self._webhook is not None:
            self._webhook.close()

    def round(self) -> None:
        """Reads the spending and evaluates every rule once. Never raises."""
        with self._one_round:
            now = self._now_us()
            self._rounds, self._last_round_at_us = self._rounds + 1, now
            try:
                known = self._spending.refresh()
                self._evaluator.look(now)
                self._evaluate(now, budgets_known=known)
            except SwitchboardError as exc:
                if self._error is None:  # once per fault
                    log.warning("alerts cannot be evaluated: %s", exc.message)
                self._error = exc.message
            except Exception as exc:  # a fault of ours: the next round may work
                log.exception("a round of alerts failed")
                self._error = type(exc).__name__

    # -- the thread

    def _loop(self) -> None:
        next_round = 0.0
        while not self._closing.is_set():
            self._wake.clear()
            if self._hurry.is_set() or time.monotonic() >= next_round:
                self._hurry.clear()
                self.round()
                next_round = time.monotonic() + INTERVAL_S
            else:
                self._spending.refresh()
            self._wake.wait(max(0.0, next_round - time.monotonic()))

    def _evaluate(self, now: int, *, budgets_known: bool) -> None:
        states = self._states
        if states is None:
            states = self._queries.ask(lambda ask: store.last_states(ask.reader), Filter())
        rules = self._queries.ask(lambda ask: store.rules(ask.reader), Filter())
        seen, unread, error = self._readings(rules, now)
        if budgets_known:
            seen += budget_readings(self._spending.uses(), webhook=self._webhook is not None)
        after: dict[str, State] = {}
        changes: list[tuple[Change, Reading | None]] = []
        for reading in seen:
            after[reading.rule_id], change = advance(states.get(reading.rule_id, OK), reading, now)
            if change is not None:
                changes.append((change, reading))
        for rule_id in set(states) - set(after):
            if rule_id in unread or (rule_id.startswith(BUDGET) and not budgets_known):
                after[rule_id] = states[rule_id]
            elif states[rule_id].phase != "ok":
                changes.append((_ended(rule_id, self._name(rule_id), states[rule_id], now), None))
        self._states = {rule_id: state for rule_id, state in after.items() if state != OK}
        self._firing = self._still_firing(seen)
        self._keep([change for change, _ in changes])
        for change, told in changes:
            if told is not None and change.kind in ("firing", "again", "resolved"):
                self._tell(change, told)
        self._keep_results()
        self._error = error

    def _readings(
        self, rules: Sequence[AlertRule], now: int
    ) -> tuple[list[Reading], set[str], str | None]:
        """What the rules see, the rules that could not be read, and the last reason why."""
        seen: list[Reading] = []
        unread: set[str] = set()
        error = None
        for rule in rules:
            if not rule.enabled:
                continue
            try:
                seen.append(self._evaluator.reading(rule, now))
            except StorageError as exc:
                unread.add(rule.rule_id)
                error = exc.message
                log.warning("the alert rule “%s” could not be read: %s", rule.name, exc.message)
        return seen, unread, error

    def _still_firing(self, seen: Sequence[Reading]) -> tuple[Firing, ...]:
        rank = {"critical": 0, "warning": 1, "info": 2}
        assert self._states is not None
        found = [
            Firing(
                rule_id=reading.rule_id,
                name=reading.name,
                severity=reading.severity,
                message=reading.message,
                since_us=self._states[reading.rule_id].began_at_us,
                banner="banner" in reading.channels,
            )
            for reading in seen
            if self._states.get(reading.rule_id, OK).phase == "firing"
        ]
        known = {firing.rule_id for firing in found}
        # A rule that could not be read this time is shown as it was.
        found += [f for f in self._firing if f.rule_id in self._states and f.rule_id not in known]
        return tuple(sorted(found, key=lambda f: (rank[f.severity], -f.since_us)))

    def _name(self, rule_id: str) -> str:
        return next((f.name for f in self._firing if f.rule_id == rule_id), "A rule")

    # -- keeping and telling

    def _keep(self, changes: Sequence[Change]) -> None:
        """What cannot be written now is written in the next round; people are told all the same."""
        self._unsaved = [*self._unsaved, *changes][-MAX_UNSAVED:]
        if not self._unsaved:
            return
        unsaved = list(self._unsaved)
        try:
            self._writes.write(lambda c: store.keep(c, unsaved), WRITE_TIMEOUT_S)
        except SwitchboardError as exc:
            log.warning("alerts could not be written: %s", exc.message)
        else:
            self._unsaved.clear()

    def _tell(self, change: Change, reading: Reading) -> None:
        state = "resolved" if change.kind == "resolved" else "firing"
        if "log" in reading.channels:
            level = logging.INFO if state == "resolved" else logging.WARNING
            log.log(level, "alert “%s” %s: %s", change.name, state, change.message)
            self._note(change.event_id, "log", {"ok": True})
        if "webhook" in reading.channels:
            if self._webhook is None:
                error = "SWITCHBOARD_ALERT_WEBHOOK_URL is not set"
                self._note(change.event_id, "webhook", {"ok": False, "error": error})
            elif not self._webhook.send(
                change.event_id, payload(change, reading, self._queries.zone)
            ):
                self._note(change.event_id, "webhook", {"ok": False, "error": "too many wait"})

    def _note(self, event_id: str, channel: str, result: Result) -> None:
        self._results.setdefault(event_id, {})[channel] = result

    def _keep_results(self) -> None:
        if not self._results:
            return
        results, self._results = self._results, {}
        try:
            self._writes.write(lambda c: store.keep_deliveries(c, results), WRITE_TIMEOUT_S)
        except SwitchboardError as exc:
            log.warning("how alerts were told could not be written: %s", exc.message)

    def _delivered(self, event_id: str, result: Result) -> None:
        """On the webhook's thread."""
        self._writes.write(
            lambda c: store.keep_deliveries(c, {event_id: {"webhook": result}}), WRITE_TIMEOUT_S
        )


def _ended(rule_id: str, name: str, state: State, now: int) -> Change:
    """The end of something whose rule is gone. It is kept, and nobody is told."""
    ended = Reading(
        rule_id=rule_id, name=name, breached=False, message=GONE[rule_id.startswith(BUDGET)]
    )
    _, change = advance(state, ended, now)
    assert change is not None
    return change
