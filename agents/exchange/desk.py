"""Imports and exports of people as jobs in the background: one at a time for each of them.

Files wait in a folder of their own and are removed when nobody needs them any more. What a page
shows is the job's state; closing the page changes nothing.
"""

from __future__ import annotations

import io
import logging
import os
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

from agents.databases import Databases
from agents.exchange.export import KINDS, Form, export, file_name, thread_ids
from agents.exchange.limits import MB
from agents.exchange.load import Loaded, load
from agents.exchange.preview import Preview, Problem, preview
from agents.exchange.reading import Reading
from agents.exchange.staging import Staging, unwritable
from core.database import Database
from core.errors import InvalidInput, NotFound, ShuttingDown, StorageError, SwitchboardError
from core.ids import is_id, new_id

log = logging.getLogger(__name__)
_CHUNK = MB
_ENDINGS = (".json", ".jsonl", ".ndjson", ".zip")
Work = Literal["look", "import", "export"]


@dataclass(slots=True)
class Job:
    """What goes on, and what came of it. Written by its thread, read by pages."""

    work: Work
    name: str
    path: Path
    share: float = 0.0
    running: bool = True
    stopped: bool = False
    found: Preview | None = None
    loaded: Loaded | None = None
    exported: int = 0
    form: Form | None = None
    error: SwitchboardError | None = None
    ended: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, kw_only=True, slots=True)
class Brought:
    loaded: Loaded
    problems: tuple[Problem, ...]
    """Of what could not come in, and of what was mended."""


class Exchange:
    """Made by the runtime. `folder`: where people may put files that are too large to upload."""

    def __init__(self, database: Database | Databases, folder: Path) -> None:
        self._dbs = Databases.around(database)
        self._db, self.folder = self._dbs.kept, folder
        self._working = folder / ".working"
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._bringing: set[str] = set()
        self._closing = False
        self._empty_working()

    # -- files

    def waiting(self) -> list[Path]:
        """Files somebody put into the folder, by name."""
        try:
            found = [one for one in self.folder.iterdir() if one.suffix.lower() in _ENDINGS]
            return sorted(one for one in found if one.is_file() and not one.is_symlink())
        except OSError:
            return []

    def stage(self, stream: BinaryIO) -> Path:
        """Copies an upload to disk, so that it need not stay in memory. Raises StorageError."""
        staging = self.staging()
        while data := stream.read(_CHUNK):
            staging.add(data)
        return staging.done()

    def staging(self) -> Staging:
        """For a file that comes in pieces. Raises StorageError."""
        return Staging(self._new_path(), self.folder)

    def bring_in(self, owner: str, path: Path) -> Brought:
        """Reads and imports a staged file, and removes it. Blocks; one at a time for each person.

        All that can be read comes in, or, when this raises, nothing: InvalidInput for a file of no
        use, StorageError.
        """
        with self._lock:
            if owner in self._bringing:
                raise InvalidInput(
                    "Another file of yours is being read.", what_to_do="Wait until it is done."
                )
            self._bringing.add(owner)
        try:
            reading = Reading(path, owner=owner)
            found = preview(self._db, reading, owner, stopped=lambda: self._closing)
            loaded = load(self._db, reading, owner, stopped=lambda: self._closing)
        except OSError as exc:
            raise unwritable(self.folder, exc) from exc
        finally:
            self._drop(path)
            with self._lock:
                self._bringing.discard(owner)
        if found is None or not loaded.complete:
            raise ShuttingDown("Switchboard is shutting down. Nothing of the file came in.")
        return Brought(loaded=loaded, problems=found.problems)

    def file_of(self, owner: str, thread_ids: Sequence[str], form: Form) -> bytes:
        """Some threads as a file; one may be temporary. Raises NotFound when one is not there."""
        out = io.BytesIO()
        known = [one for one in thread_ids if is_id(one)]
        database = self._dbs.of(known[0] if len(known) == 1 else None)
        done = export(database, owner, known, form, out, archive=len(thread_ids) > 1)
        if not done or done < len(thread_ids):
            raise NotFound("There is no such thread.")
        return out.getvalue()

    # -- jobs

    def job(self, owner: str) -> Job | None:
        return self._jobs.get(owner)

    def look(self, owner: str, path: Path, name: str) -> None:
        """Begins to read a file; its job then holds what it would bring in."""

        def read(job: Job) -> None:
            reading = Reading(path, owner=owner)
            job.found = preview(
                self._db, reading, owner, stopped=lambda: _note(job, reading.share)
            )  # fmt: skip

        self._start(owner, Job(work="look", name=name, path=path), read)

    def start_import(self, owner: str, *, only: Collection[int] | None = None) -> None:
        """Brings in what the file that was looked at holds. `only`: numbers of its conversations.

        Raises InvalidInput when none was looked at.
        """
        seen = self._jobs.get(owner)
        if seen is None or seen.found is None or seen.running:
            raise InvalidInput("No file was looked at.", what_to_do="Choose the file again.")
        chosen = None if only is None else frozenset(only)

        def bring(job: Job) -> None:
            reading = Reading(seen.path, owner=owner)
            job.loaded = load(
                self._db, reading, owner, only=chosen, stopped=lambda: _note(job, reading.share)
            )
            job.stopped = not job.loaded.complete
            self._drop(seen.path)

        self._start(owner, Job(work="import", name=seen.name, path=seen.path), bring, keep=True)

    def start_export(self, owner: str, form: Form) -> None:
        """Writes all chats of somebody into a file; its job then holds the path."""
        if form not in KINDS:
            raise InvalidInput("There is no such form.", what_to_do="Choose one of the list.")
        path = self._new_path()

        def write(job: Job) -> None:
            ids = thread_ids(self._db, owner)

            def progress(done: int) -> bool:
                return not _note(job, done / max(1, len(ids)))

            with path.open("xb") as out:
                job.exported = export(
                    self._db, owner, ids, form, out, archive=True, progress=progress
                )  # fmt: skip
            if job.stopped:
                self._drop(path)

        name = file_name("switchboard chats", form, archive=True)
        self._start(owner, Job(work="export", name=name, path=path, form=form), write)

    def stop(self, owner: str) -> None:
        """Asks the job to end; what it was bringing in is taken back."""
        if job := self._jobs.get(owner):
            job.stopped = True

    def forget(self, owner: str) -> None:
        """Puts an ended job away, with its file."""
        with self._lock:
            job = self._jobs.get(owner)
            if job is None or job.running:
                return
            del self._jobs[owner]
        self._drop(job.path)

    def erase(self, owner: str, timeout_s: float = 10.0) -> None:
        """Ends the job of a person who is forgotten, and puts it away. Blocks."""
        self.stop(owner)
        self.wait(owner, timeout_s)
        self.forget(owner)

    def wait(self, owner: str, timeout_s: float) -> bool:
        """Whether the job has ended within the time."""
        job = self._jobs.get(owner)
        return job is None or job.ended.wait(timeout_s)

    def close(self, timeout_s: float = 5.0) -> None:
        """Stops all jobs and waits for them."""
        self._closing = True
        for job in self._jobs.values():
            job.stopped = True
        for one in self._threads:
            one.join(timeout_s)

    def _start(
        self, owner: str, job: Job, work: Callable[[Job], None], *, keep: bool = False
    ) -> None:
        with self._lock:
            before = self._jobs.get(owner)
            if before is not None and before.running:
                raise InvalidInput(
                    "Another file is being read or written.",
                    what_to_do="Wait until it is done, or stop it.",
                )
            self._jobs[owner] = job
            self._threads = [one for one in self._threads if one.is_alive()]
            found = threading.Thread(
                target=self._run, args=(job, work), name=f"exchange-{job.work}", daemon=True
            )
            self._threads.append(found)
        if before is not None and not keep:
            self._drop(before.path)
        found.start()

    def _run(self, job: Job, work: Callable[[Job], None]) -> None:
        try:
            work(job)
        except SwitchboardError as exc:
            job.error = exc
        except OSError as exc:
            log.warning("%s of %s failed", job.work, job.name, exc_info=True)
            job.error = unwritable(self.folder, exc)
        except Exception:
            log.exception("%s of %s failed", job.work, job.name)
            job.error = StorageError(
                f"The {job.work} ended with an unexpected error; the log has the details."
            )
        finally:
            job.running = False
            job.ended.set()

    def _drop(self, path: Path) -> None:
        """Removes a file of ours; one somebody put into the folder is theirs."""
        if path.parent == self._working:
            path.unlink(missing_ok=True)

    def _new_path(self) -> Path:
        try:
            self._working.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as exc:
            raise unwritable(self.folder, exc) from exc
        return self._working / new_id()

    def _empty_working(self) -> None:
        """Removes what a process that was killed has left."""
        try:
            for one in os.scandir(self._working):
                Path(one.path).unlink(missing_ok=True)
        except OSError:
            return


def _note(job: Job, share: float) -> bool:
    job.share = share
    return job.stopped
