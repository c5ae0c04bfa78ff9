"""Exports in the background, with progress: what the page starts and looks at.

Files lie in one folder until somebody deletes them; a stopped or failed export leaves none.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from analytics.export_writers import ExportFormat
from analytics.exports import ExportKind, Progress, Stopped, export_rows
from analytics.queries import Filter, Queries
from analytics.timeaxis import local
from core.errors import NotFound, Overloaded, StorageError, SwitchboardError
from core.ids import new_id

log = logging.getLogger(__name__)
FOLDER = "exports"
AT_ONCE = 2
_REMEMBERED = 20
_LEFT_BEHIND_S = 3600
_NAME = re.compile(r"(?:runs|calls|steps)-\d{8}-\d{6}-[0-9a-f]{6}\.(?:csv|jsonl|parquet)")

State = Literal["running", "done", "stopped", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportJob:
    """A snapshot of one export. `trouble` says in a sentence why it failed."""

    job_id: str
    kind: ExportKind
    form: ExportFormat
    file: str
    state: State
    progress: Progress
    trouble: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportFile:
    """A finished export on disk."""

    name: str
    path: Path
    size_bytes: int
    made_at_us: int


class ExportJobs:
    """One per process. Safe from any thread."""

    def __init__(self, queries: Queries, data_dir: Path) -> None:
        self.folder = data_dir / FOLDER
        self._queries = queries
        self._lock = threading.Lock()
        self._jobs: dict[str, ExportJob] = {}
        self._stops: dict[str, threading.Event] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._closed = False

    def start(self, kind: ExportKind, keep: Filter, form: ExportFormat) -> ExportJob:
        """Begins an export. Raises InvalidInput for an impossible range, Overloaded when busy."""
        pinned = self._queries.pin(keep)
        job_id = new_id()
        now = local(time.time_ns() // 1000, self._queries.zone)
        job = ExportJob(
            job_id=job_id,
            kind=kind,
            form=form,
            file=f"{kind}-{now:%Y%m%d-%H%M%S}-{job_id[-6:]}.{form}",
            state="running",
            progress=Progress(rows=0, done=0, of=None),
        )
        thread = threading.Thread(
            target=self._run, args=(job, pinned), name=f"export-{kind}", daemon=True
        )
        with self._lock:
            busy = sum(one.state == "running" for one in self._jobs.values())
            if busy >= AT_ONCE or self._closed:
                raise Overloaded(
                    f"{busy} exports are running already.",
                    what_to_do="Wait until one has ended, or stop it.",
                )
            if not busy:
                self._sweep()
            self._jobs[job_id], self._threads[job_id] = job, thread
            self._stops[job_id] = threading.Event()
            for old in [*self._jobs][:-_REMEMBERED]:
                if self._jobs[old].state != "running":
                    del self._jobs[old]
        thread.start()
        return job

    def jobs(self) -> list[ExportJob]:
        """Exports of this process, newest first."""
        with self._lock:
            return list(self._jobs.values())[::-1]

    def forget(self, job_id: str) -> None:
        """Takes an ended export off the list; its file stays."""
        with self._lock:
            if job_id in self._jobs and self._jobs[job_id].state != "running":
                del self._jobs[job_id]

    def stop(self, job_id: str) -> None:
        """Asks an export to end; it does so after the piece it is in."""
        with self._lock:
            if job_id in self._stops:
                self._stops[job_id].set()

    def files(self) -> list[ExportFile]:
        """Finished exports, newest first."""
        found = []
        for path in self.folder.glob("*"):
            with suppress(OSError):
                if _NAME.fullmatch(path.name):
                    stat = path.stat()
                    made = int(stat.st_mtime * 1e6)
                    found.append(
                        ExportFile(
                            name=path.name, path=path, size_bytes=stat.st_size, made_at_us=made
                        )
                    )
        return sorted(found, key=lambda file: (-file.made_at_us, file.name))

    def delete(self, name: str) -> None:
        """Removes a file of the folder. Raises NotFound, StorageError."""
        if not _NAME.fullmatch(name):
            raise NotFound(f"There is no export '{name[:60]}'.")
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError as exc:
            raise StorageError(f"{name} cannot be deleted: {exc.strerror or exc}.") from exc

    def close(self, timeout: float = 5.0) -> None:
        """Stops what runs and waits for it. Idempotent."""
        with self._lock:
            self._closed = True
            threads = list(self._threads.values())
            for stop in self._stops.values():
                stop.set()
        until = time.monotonic() + timeout
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _run(self, job: ExportJob, keep: Filter) -> None:
        stop = self._stops[job.job_id]

        def look(progress: Progress) -> None:
            if stop.is_set():
                raise Stopped("The export was stopped.")
            self._note(job.job_id, lambda known: replace(known, progress=progress))

        state: State = "done"
        trouble = ""
        try:
            target = self.folder / job.file
            export_rows(self._queries, job.kind, keep, job.form, target, progress=look)
        except Stopped:
            state = "stopped"
        except SwitchboardError as exc:
            state, trouble = "failed", f"{exc.message} {exc.what_to_do}"
            log.warning("an export failed: %s", exc.message)
        except Exception:
            state, trouble = "failed", "The export failed; the log says why."
            log.exception("an export failed")
        with self._lock:
            del self._stops[job.job_id], self._threads[job.job_id]
        self._note(job.job_id, lambda known: replace(known, state=state, trouble=trouble))

    def _note(self, job_id: str, change: Callable[[ExportJob], ExportJob]) -> None:
        with self._lock:
            if job_id in self._jobs:
                self._jobs[job_id] = change(self._jobs[job_id])

    def _sweep(self) -> None:
        """Pieces that a killed process left behind; the command may be writing newer ones."""
        for path in self.folder.glob(".*.part"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _LEFT_BEHIND_S:
                    path.unlink()
