"""What runs tell analytics: every event, what it was about, and what was said if that is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from agents.content import RunWords
from analytics.content import Said
from analytics.recorder import RunMeta
from core.version import VERSION

if TYPE_CHECKING:
    from agents.run import Run
    from analytics.house import Analytics
    from core.events import Event
    from core.settings import Settings


class Recording:
    """An observer of runs. Called on the run loop for every event."""

    def __init__(
        self, settings: Settings, analytics: Analytics, is_temporary: Callable[[str], bool]
    ) -> None:
        """`is_temporary`: whether nothing but counters is kept of a run."""
        self._settings = settings
        self._analytics = analytics
        self._is_temporary = is_temporary
        self._metas: dict[str, RunMeta] = {}
        self._words: dict[str, RunWords | None] = {}
        """Of runs under way; None: its thread is being deleted, nothing of it is kept."""

    def words(self, run_id: str) -> RunWords | None:
        """Where the run's prompts are kept; None when they are not."""
        return self._words.get(run_id)

    def drop_words(self, run_id: str) -> None:
        """Nothing of what a run says is kept from here on."""
        self._words[run_id] = None

    def charge(self, run: Run, event: Event) -> None:
        self._analytics.spending.observe(run.id, run.request.owner, run.started_at_us, event)

    def record(self, run: Run, event: Event) -> None:
        recorder = self._analytics.recorder
        meta = self._metas.get(run.id)
        if meta is None:
            meta = self._metas[run.id] = self._meta(run)
            if meta.content_mode != "off":
                self._words.setdefault(run.id, RunWords(run))
        if not run.finished:
            recorder.observe(meta, event)
            return
        words = self._words.pop(run.id, None)
        recorder.observe(meta, event, [Said(*w) for w in words.said()] if words else ())
        del self._metas[run.id]

    def _meta(self, run: Run) -> RunMeta:
        settings, request = self._settings, run.request
        return RunMeta(
            run_id=run.id,
            thread_id=run.thread_id,
            user_id=request.owner,
            entry_point=request.entry_point,
            environment=settings.environment,
            app_version=VERSION,
            slo=self._analytics.slo,
            content_mode="off" if self._is_temporary(run.id) else settings.content,
            graph=request.graph,
            started_at_us=run.started_at_us,
            stream=request.stream,
        )
