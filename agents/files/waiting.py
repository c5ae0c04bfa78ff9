"""Files between the chat input and their question: read at once, kept in memory until it is sent.

Each is read on a thread of its own, two at a time, while a page shows how far it is. Nothing here is
stored; a file that nobody sends is forgotten after half an hour.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

from agents.files.names import safe_name
from agents.files.reading import read_file
from agents.files.values import MB, FileRefused, Limits, ReadFile
from core.ids import new_id

log = logging.getLogger(__name__)
READERS = 2
"""Files read at the same time."""
WAITING_BYTES = 200 * MB
WAITING_S = 1_800.0
State = Literal["reading", "ready", "refused"]


@dataclass(eq=False, kw_only=True)
class Prepared:
    """One file. Written by its reader's thread only; `state` last."""

    id: str
    """Of the attachment it becomes."""
    owner: str
    name: str
    size_bytes: int
    state: State = "reading"
    pages_done: int = 0
    pages: int | None = None
    refused: FileRefused | None = None
    file: ReadFile | None = None
    content: bytes = b""
    since: float = field(default_factory=time.monotonic)

    @property
    def is_image(self) -> bool:
        return self.file is not None and self.file.kind == "image"


class WaitingRoom:
    """One per runtime. Any thread may call it."""

    def __init__(self, limits: Limits, used_bytes: Callable[[str], int]) -> None:
        """`used_bytes`: what a person's stored files take."""
        self._limits = limits
        self._used_bytes = used_bytes
        self._lock = threading.Lock()
        self._files: dict[str, Prepared] = {}
        self._readers = threading.Semaphore(READERS)

    def prepare(self, owner: str, name: str, raw: bytes) -> Prepared:
        """Begins to read a file and returns at once; a refusal is in what it gives."""
        self._forget_old()
        one = Prepared(id=new_id(), owner=owner, name=name, size_bytes=len(raw), content=raw)
        problem = self._no_room(one)
        with self._lock:
            self._files[one.id] = one
        if problem is not None:
            _refuse(one, problem)
        else:
            threading.Thread(target=self._read, args=(one,), name="read-file", daemon=True).start()
        return one

    def those(self, owner: str, ids: Collection[str]) -> list[Prepared]:
        """Those of the ids that are still here, in the order given."""
        with self._lock:
            found = [self._files.get(one) for one in dict.fromkeys(ids)]
        return [one for one in found if one is not None and one.owner == owner]

    def take_away(self, owner: str, ids: Collection[str]) -> list[Prepared]:
        """Forgets files and gives them. Unknown ids are passed over."""
        found = self.those(owner, ids)
        with self._lock:
            for one in found:
                self._files.pop(one.id, None)
        return found

    def forget(self, owner: str | None = None) -> None:
        """Everything, or what a person added."""
        with self._lock:
            for one in list(self._files.values()):
                if owner is None or one.owner == owner:
                    del self._files[one.id]

    def _read(self, one: Prepared) -> None:
        def progress(done: int, pages: int) -> None:
            one.pages_done, one.pages = done, pages

        with self._readers:
            try:
                one.file = read_file(one.name, one.content, self._limits, progress)
                one.name, one.pages, one.state = one.file.name, one.file.pages, "ready"
            except FileRefused as exc:
                _refuse(one, exc)
            except Exception:  # a fault of ours must not leave a page waiting
                log.exception("a file could not be read")
                _refuse(one, FileRefused("unreadable", "The file could not be read."))

    def _no_room(self, one: Prepared) -> FileRefused | None:
        if one.size_bytes > self._limits.file_bytes:
            return None  # its reader says so, with the figures
        with self._lock:
            others = list(self._files.values())
        if sum(len(o.content) for o in others) + one.size_bytes > WAITING_BYTES:
            return FileRefused(
                "no_room",
                "Too many files are waiting for their questions at this moment.",
                what_to_do="Send the files that are ready, then add this one again.",
            )
        mine = sum(len(other.content) for other in others if other.owner == one.owner)
        used, limit = self._used_bytes(one.owner) + mine, self._limits.owner_bytes
        if used + one.size_bytes > limit:
            return FileRefused(
                "no_room",
                f"Your files take {used / MB:,.0f} MB; at most {limit / MB:,.0f} MB are kept.",
            )
        return None

    def _forget_old(self) -> None:
        limit = time.monotonic() - WAITING_S
        with self._lock:
            for one in [one for one in self._files.values() if one.since < limit]:
                del self._files[one.id]


def _refuse(one: Prepared, why: FileRefused) -> None:
    one.name, one.content, one.refused = safe_name(one.name), b"", why
    one.state = "refused"
