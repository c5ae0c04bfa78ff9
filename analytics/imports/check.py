"""What an import of a file would do: one pass that writes nothing."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from analytics.imports.mapping import ColumnMapping
from analytics.imports.rows import cost_of, identity
from analytics.imports.source import Reading, Source
from analytics.imports.values import Call, Rejected, calls
from core.catalog import Catalog

FIRST_ROWS = 20
MAX_REJECTED = 1_000
MAX_MODELS = 1_000


@dataclass(kw_only=True, slots=True)
class Tally:
    """Counts over the rows of a file, as they are read."""

    accepted: int = 0
    rejected: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    problems: list[Rejected] = field(default_factory=list)
    since_us: int | None = None
    until_us: int | None = None

    def add(self, row: Call | Rejected) -> None:
        if isinstance(row, Rejected):
            self.rejected += 1
            self.reasons[row.reason] += 1
            if len(self.problems) < MAX_REJECTED:
                self.problems.append(row)
            return
        self.accepted += 1
        at = row.started_at_us
        self.since_us = at if self.since_us is None else min(self.since_us, at)
        self.until_us = at if self.until_us is None else max(self.until_us, at)


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckResult:
    """Times in UTC microseconds. `problems`: the first thousand rejected rows."""

    first: tuple[Call, ...]
    accepted: int
    rejected: int
    reasons: tuple[tuple[str, int], ...]
    problems: tuple[Rejected, ...]
    since_us: int | None
    until_us: int | None
    input_tokens: int
    output_tokens: int
    priced: int
    """Calls with a cost, from the file or the catalogue."""
    cost_pusd: int
    models: tuple[tuple[str, int], ...]
    """Models as they would be stored, the most frequent first."""


def check(
    source: Source,
    mapping: ColumnMapping,
    catalog: Catalog,
    *,
    progress: Callable[[float], None] = lambda share: None,
    now_us: int | None = None,
    rows_since_us: int = 0,
) -> CheckResult:
    """Reads the whole file. `rows_since_us`: see `load.kept_since`. Raises InvalidInput."""
    tally = Tally()
    first: list[Call] = []
    models: Counter[str] = Counter()
    tokens_in = tokens_out = priced = cost_pusd = 0
    now_us = now_us or time.time_ns() // 1000
    priced_at_us = now_us if mapping.prices_of_today else None
    with Reading(source) as reading:
        rows = calls(reading, mapping, now_us, rows_since_us)
        for number, row in enumerate(rows):
            if number % 5_000 == 0:
                progress(reading.share)
            tally.add(row)
            if isinstance(row, Rejected):
                continue
            if len(first) < FIRST_ROWS:
                first.append(row)
            model = identity(row, catalog)[0]
            if model in models or len(models) < MAX_MODELS:
                models[model] += 1
            tokens_in += row.input_tokens or 0
            tokens_out += row.output_tokens or 0
            cost = cost_of(row, model, catalog, priced_at_us).total_pusd
            if cost is not None:
                priced, cost_pusd = priced + 1, cost_pusd + cost
    progress(1.0)
    return CheckResult(
        first=tuple(first),
        accepted=tally.accepted,
        rejected=tally.rejected,
        reasons=tuple(tally.reasons.most_common()),
        problems=tuple(tally.problems),
        since_us=tally.since_us,
        until_us=tally.until_us,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        priced=priced,
        cost_pusd=cost_pusd,
        models=tuple(models.most_common()),
    )
