"""What the first answer needs, imported and built in the background while the first page shows."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)
FIRST_PAGE_S = 3.0
FIRST_PAGE_GRACE_S = 1.0
JOIN_S = 10.0


class WarmUp:
    """One per process. Steps run once, in order, in one thread; one that fails is logged."""

    def __init__(self, index: Callable[[], object], steps: Sequence[Callable[[], object]]) -> None:
        """`index`: makes documents searchable; waited for by whoever asks first."""
        self._index = index
        self._steps = steps
        self._lock = threading.Lock()
        self._page_seen = threading.Event()
        self._hurry = threading.Event()
        self._started = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="warm-up", daemon=True)
        self.indexed = threading.Event()
        self.ready = threading.Event()
        self.took_s: float | None = None

    def start(self) -> None:
        """Any thread; once."""
        if self._started:
            return
        with self._lock:
            if not self._started and not self._closed:
                self._started = True
                self._thread.start()

    def page_seen(self) -> None:
        """A page is being drawn: the imports may begin a moment later."""
        self._page_seen.set()

    def hurry(self) -> None:
        """Somebody waits for what this brings."""
        self._page_seen.set()
        self._hurry.set()

    def stop(self) -> None:
        """Begins no further step."""
        with self._lock:
            self._closed = True
        self.hurry()

    def join(self, timeout: float) -> None:
        """After `stop`: waits for the step it is in."""
        if self._started:
            self._thread.join(max(timeout, JOIN_S))

    def _run(self) -> None:
        started = time.perf_counter()
        for step in (self._make_index, self._let_the_first_page_pass, *self._steps):
            if self._closed:
                return
            try:
                step()
            except Exception:  # a page must still open and say what is wrong
                log.exception("a step of the warm-up failed")
        # Streamlit collects garbage after each script run while holding the GIL; what was imported
        # here never becomes garbage, so it need not be looked at (220 ms -> a few).
        gc.collect()
        gc.freeze()
        self.took_s = time.perf_counter() - started
        self.ready.set()

    def _make_index(self) -> None:
        try:
            self._index()
        finally:
            self.indexed.set()

    def _let_the_first_page_pass(self) -> None:
        """Imports hold the GIL; the first page would be drawn seconds later beside them."""
        self._page_seen.wait(FIRST_PAGE_S)
        self._hurry.wait(FIRST_PAGE_GRACE_S)
