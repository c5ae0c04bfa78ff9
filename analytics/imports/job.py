"""One import at a time in the background, so that it goes on when the page is left."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from analytics.imports.load import ImportResult, Write, delete_import, import_calls
from analytics.imports.mapping import ColumnMapping
from analytics.imports.source import Source
from core.catalog import Catalog
from core.errors import InvalidInput, SwitchboardError

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobState:
    """What a page shows. `share`: 0..1. `deleted`: calls that were taken back so far."""

    name: str
    kind: Literal["import", "delete"]
    share: float = 0.0
    deleted: int = 0
    running: bool = True
    result: ImportResult | None = None
    error: SwitchboardError | None = None


class ImportJobs:
    """One per process. Any thread may call it."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._state: JobState | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    @property
    def state(self) -> JobState | None:
        """The job that runs or ran last; None when there was none."""
        return self._state

    def start_import(self, source: Source, mapping: ColumnMapping, catalog: Catalog) -> None:
        """Raises InvalidInput while another job runs."""

        def work() -> None:
            result = import_calls(
                self._write,
                source,
                mapping,
                catalog,
                progress=lambda share: self._note(share=share),
                stopped=self._stop.is_set,
            )
            self._note(result=result, share=1.0)

        self._start(JobState(name=source.name, kind="import"), work)

    def start_delete(self, import_id: str, name: str) -> None:
        """Raises InvalidInput while another job runs."""

        def work() -> None:
            delete_import(self._write, import_id, lambda deleted: self._note(deleted=deleted))

        self._start(JobState(name=name, kind="delete"), work)

    def stop(self) -> None:
        """Ends a running import after the chunk it is in; what is written stays."""
        self._stop.set()

    def wait(self, timeout: float) -> bool:
        """True when no job runs any more."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def close(self, timeout: float = 5.0) -> None:
        self.stop()
        if not self.wait(timeout):
            log.warning("an import did not stop within %.0f s", timeout)

    def _start(self, state: JobState, work: Callable[[], None]) -> None:
        with self._lock:
            if self._state is not None and self._state.running:
                raise InvalidInput(
                    "Another import is running.", what_to_do="Wait until it is done, or stop it."
                )
            self._state = state
            self._stop.clear()
            self._thread = threading.Thread(
                target=self._run, args=(work,), name="import", daemon=True
            )
            self._thread.start()

    def _run(self, work: Callable[[], None]) -> None:
        error: SwitchboardError | None = None
        try:
            work()
        except SwitchboardError as exc:
            error = exc
        except Exception as exc:
            log.exception("an import failed")
            error = SwitchboardError(f"The import failed: {type(exc).__name__}.")
        self._note(error=error, running=False)

    def _note(self, **changes: object) -> None:
        if self._state is not None:
            self._state = replace(self._state, **changes)  # type: ignore[arg-type]
