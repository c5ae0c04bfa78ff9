"""What a question is asked with, and how sums become figures.

A question of the pages is a function `(ask: Ask) -> frozen value`, called by `Queries.ask`. It takes
sums and distributions from `ask.facts` and never reads the database itself when those will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from analytics.grouped import Sums
from analytics.metrics import Known, Rate, Speed
from analytics.queries.facts import Facts
from analytics.queries.reading import Reader
from analytics.queries.scope import Scope
from analytics.timeaxis import Axis, BucketSize, axis_of

Owed = Literal["input", "output", "tokens", "cost"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """One scope with everything that can answer questions about it."""

    facts: Facts
    scope: Scope
    zone: ZoneInfo

    @property
    def reader(self) -> Reader:
        """For single rows: statements from `Scope.of`."""
        return self.facts.reader

    @property
    def axis(self) -> Axis:
        """The buckets of the scope's window: at most 100."""
        return axis_of(self.scope.window, self.zone)

    def axis_by(self, size: BucketSize) -> Axis:
        return axis_of(self.scope.window, self.zone, size)

    def before(self) -> Ask | None:
        """The same about the period of equal length before; None when all time is meant."""
        scope = self.scope.before()
        return Ask(facts=self.facts, scope=scope, zone=self.zone) if scope else None


def known_names(of: Owed) -> list[str]:
    """The measures of calls that `known` needs."""
    sums = ["input_tokens", "output_tokens"] if of == "tokens" else []
    one = {"input": "input_tokens", "output": "output_tokens", "cost": "cost_pusd"}
    return [*sums, *([one[of]] if of in one else []), f"{of}_known", f"{of}_of"]


def known(sums: Sums, of: Owed, group: int | None = None) -> Known:
    """A sum over the calls of which the value is known. A group, or all of them."""
    names = [name for name in known_names(of) if not name.endswith(("_known", "_of"))]
    found = sum(_value(sums, name, group) for name in names)
    n = _value(sums, f"{of}_known", group)
    return Known(value=found if n else None, known=n, of=_value(sums, f"{of}_of", group))


def rate(sums: Sums, k: str, rest: str, group: int | None = None) -> Rate:
    """k / (k + rest), such as failed / (failed + ok)."""
    part = _value(sums, k, group)
    return Rate(k=part, n=part + _value(sums, rest, group))


def share(sums: Sums, k: str, n: str, group: int | None = None) -> Rate:
    """k of n, such as rescued of troubled."""
    return Rate(k=_value(sums, k, group), n=_value(sums, n, group))


def speed(sums: Sums, group: int | None = None) -> Speed:
    """Decode speed: a ratio of sums."""
    return Speed(
        tokens=_value(sums, "decode_tokens", group),
        us=_value(sums, "decode_us", group),
        n=_value(sums, "decode_n", group),
    )


def _value(sums: Sums, name: str, group: int | None) -> int:
    return sums.total(name) if group is None else sums.of(group, name)
