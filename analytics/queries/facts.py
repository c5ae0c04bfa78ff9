"""The columns most figures are computed from, read once per scope and kept while nothing changes.

A dashboard asks a dozen questions about the same rows. Reading them is nine tenths of the work, so
the last few scopes are kept; `Queries.pin` makes the questions of one page share a scope.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from sqlalchemy import case

from analytics.queries.reading import Columns, Reader
from analytics.queries.scope import Scope
from analytics.schema import llm_call, run

_KEPT = 4
_KEPT_ROWS = 1_000_000  # about 130 bytes each

_RUN_INTS = (
    run.c.started_at_us,
    run.c.queue_us,
    run.c.first_event_us,
    run.c.first_token_us,
    run.c.duration_us,
    run.c.usage_input_tokens,
    run.c.usage_output_tokens,
    run.c.usage_complete,
    run.c.cost_pusd,
    run.c.cost_complete,
    run.c.fallbacks,
)
_RUN_TEXTS = (run.c.status, run.c.user_id, run.c.agent_name)
_CALL_INTS = (
    llm_call.c.started_at_us,
    llm_call.c.first_token_us,
    llm_call.c.last_token_us,
    llm_call.c.duration_us,
    llm_call.c.usage_input_tokens,
    llm_call.c.usage_cache_read_input_tokens,
    llm_call.c.usage_output_tokens,
    llm_call.c.cost_pusd,
    llm_call.c.usage_due,
    case((llm_call.c.usage_source == "provider", 1), else_=0).label("reported"),
    case((llm_call.c.usage_problems.is_not(None), 1), else_=0).label("contradictory"),
)
_CALL_TEXTS = (llm_call.c.status, llm_call.c.request_model, llm_call.c.provider_name)

_Key = tuple[str, Scope, int]


class Facts:
    """Runs and calls of a scope. Safe from any thread; two may read the same rows at once."""

    def __init__(self, reader: Reader, data_version: Callable[[], int]) -> None:
        self._reader = reader
        self._data_version = data_version
        self._kept: OrderedDict[_Key, Columns] = OrderedDict()
        self._lock = threading.Lock()

    def runs(self, scope: Scope) -> Columns:
        """The runs of a scope; columns of `run` by their names."""
        return self._get(
            "runs", scope, lambda: self._reader.columns(scope.runs(), _RUN_INTS, _RUN_TEXTS)
        )

    def calls(self, scope: Scope) -> Columns:
        """The calls of a scope; also reported and contradictory as 0 or 1."""
        return self._get(
            "calls", scope, lambda: self._reader.columns(scope.calls(), _CALL_INTS, _CALL_TEXTS)
        )

    def _get(self, kind: str, scope: Scope, load: Callable[[], Columns]) -> Columns:
        # The version is read first: rows that come while loading make the copy newer, never older.
        key = (kind, scope, self._data_version())
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        found = load()
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > _KEPT or self._rows() > _KEPT_ROWS:
                self._kept.popitem(last=False)
        return found

    def _rows(self) -> int:
        return sum(columns.n for columns in self._kept.values())
