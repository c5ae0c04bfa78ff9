"""Money that running calls reported and the database does not hold yet.

A run's calls are written when it has ended. Until its rows are there its costs are kept here, so
that a budget knows of them at once and counts none of them twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from analytics.budgets.definition import Scope
from analytics.budgets.quota import FREE, NOTHING, Amount
from core.events import Event
from core.events_codec import is_terminal


@dataclass(frozen=True, slots=True)
class Charge:
    """One call. `began_us` decides its day and month, as in the database."""

    began_us: int
    model: str
    cost_pusd: int
    tokens: int = 0
    """As far as they count for a quota."""

    @property
    def amount(self) -> Amount:
        return Amount(self.tokens, self.cost_pusd)


@dataclass(kw_only=True, slots=True)
class LiveRun:
    """What a run has cost so far. The agent is the one that answers, as it will be recorded."""

    user: str
    started_us: int
    agent: str | None = None
    ended: bool = False
    begun: dict[str, int] = field(default_factory=dict)
    charges: list[Charge] = field(default_factory=list)
    carried: bool = False
    """No run: what a person spent whose rows do not name them any more, so that nobody else counts it."""

    def target(self, scope: Scope, charge: Charge) -> str | None:
        if self.carried and scope != "user":
            return None
        match scope:
            case "user":
                return self.user
            case "agent":
                return self.agent
            case "model":
                return charge.model
            case "app":
                return ""


class Live:
    """Not safe by itself: its owner holds a lock."""

    def __init__(self) -> None:
        self._runs: dict[str, LiveRun] = {}
        self._dearest: dict[str, Amount] = {}

    def add(self, run_id: str, user: str, started_us: int, event: Event) -> None:
        """One event of a run; those without a meaning for money cost a comparison."""
        match event.type:
            case "run_started":
                self._run(run_id, user, started_us).agent = event.agent
            case "route":
                self._run(run_id, user, started_us).agent = event.agent
            case "attempt":
                run = self._run(run_id, user, started_us)
                if event.outcome == "started":
                    run.begun[event.call_id] = started_us + event.elapsed_us
                    if event.purpose == "answer" and event.agent:
                        run.agent = event.agent
            case "usage":
                run = self._run(run_id, user, started_us)
                tokens = (event.input_tokens or 0) + (event.output_tokens or 0)
                tokens = 0 if event.provider == FREE else tokens
                if event.cost_pusd or tokens:
                    began = run.begun.get(event.call_id, started_us + event.elapsed_us)
                    run.charges.append(Charge(began, event.model, event.cost_pusd or 0, tokens))
            case _ if is_terminal(event):
                run = self._run(run_id, user, started_us)
                run.ended = True
                self._compare(user, sum((one.amount for one in run.charges), NOTHING))
                if not run.charges:
                    del self._runs[run_id]

    def carry(self, user: str, charges: Iterable[Charge]) -> None:
        """In place of what was carried for this person before."""
        kept = [one for one in charges if one.amount != NOTHING]
        self._runs[f"of {user}"] = LiveRun(
            user=user, started_us=0, ended=True, charges=kept, carried=True
        )

    def ended(self) -> list[str]:
        """Runs whose rows are in the database, or will be soon."""
        return [run_id for run_id, run in self._runs.items() if run.ended]

    def forget(self, run_ids: Iterable[str]) -> None:
        for run_id in run_ids:
            self._runs.pop(run_id, None)

    def forget_before(self, since_us: int) -> None:
        """Ended runs of periods that are over. What never reached the database counts until then."""
        self.forget(
            [
                run_id
                for run_id, run in self._runs.items()
                if run.ended and all(charge.began_us < since_us for charge in run.charges)
            ]
        )

    def spent(self, scope: Scope, target: str, since_us: int, until_us: int) -> int:
        """Pico-USD of the calls that began in a period."""
        return sum(
            charge.cost_pusd
            for run, charge in self._charges()
            if since_us <= charge.began_us < until_us and run.target(scope, charge) == target
        )

    def used(self, user: str, since_us: int, until_us: int) -> Amount:
        """What a person's calls that began in a period took of a quota."""
        amounts = (
            charge.amount
            for run, charge in self._charges()
            if run.user == user and since_us <= charge.began_us < until_us
        )
        return sum(amounts, NOTHING)

    def dearest(self, user: str) -> Amount | None:
        """The most one run of a person took, of each; None before the first one that took any."""
        return self._dearest.get(user)

    def _compare(self, user: str, took: Amount) -> None:
        if took != NOTHING:
            most = self._dearest.get(user, NOTHING)
            self._dearest[user] = Amount(max(most.tokens, took.tokens), max(most.pusd, took.pusd))

    def by_target(self, scope: Scope, since_us: int, until_us: int) -> dict[str, int]:
        """The same for everybody who spent something."""
        found: dict[str, int] = {}
        for run, charge in self._charges():
            target = run.target(scope, charge)
            if target is not None and since_us <= charge.began_us < until_us:
                found[target] = found.get(target, 0) + charge.cost_pusd
        return found

    def _charges(self) -> Iterator[tuple[LiveRun, Charge]]:
        for run in self._runs.values():
            for charge in run.charges:
                yield run, charge

    def _run(self, run_id: str, user: str, started_us: int) -> LiveRun:
        run = self._runs.get(run_id)
        if run is None:
            run = self._runs[run_id] = LiveRun(user=user, started_us=started_us)
        return run
