"""Files on their way into a question, and everything else the runtime wants of them.

A file is read as soon as it comes, on a thread of its own, while a page shows how far it is. Ready
ones wait in memory until their question is sent: then they are stored in the very transaction that
stores the question, so that no file is ever there without it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection

from agents.embeddings import Embedder
from agents.files.index import ThreadIndex, ThreadIndexes
from agents.files.names import safe_name
from agents.files.pictures import Pictures
from agents.files.reading import read_file
from agents.files.searching import ThreadKnowledge
from agents.files.store import AttachmentStore
from agents.files.values import MB, Attachment, FileRefused, Limits, ReadFile
from agents.loop import LoopThread
from agents.retrieval import KnowledgeSource
from agents.run import Run, TurnRequest
from core.database import Database
from core.errors import InvalidInput, SwitchboardError
from core.ids import new_id

if TYPE_CHECKING:
    from agents.models import ModelRegistry

log = logging.getLogger(__name__)
READERS = 2
"""Files read at the same time."""
WAITING_BYTES = 200 * MB
WAITING_S = 1_800.0
"""How long a ready file waits for its question."""
RECENT = 32
State = Literal["reading", "ready", "refused"]


@dataclass(eq=False, kw_only=True)
class Prepared:
    """A file between the chat input and its question. Written by its reader's thread only."""

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


class Files:
    """One per runtime. Any thread may call it."""

    def __init__(
        self, database: Database, index_folder: Path, limits: Limits | None = None
    ) -> None:
        self.limits = limits or Limits()
        self.store = AttachmentStore(database)
        self.indexes = ThreadIndexes(index_folder)
        self._lock = threading.Lock()
        self._prepared: dict[str, Prepared] = {}
        self._recent: OrderedDict[str, ReadFile] = OrderedDict()
        """Of attachments just stored: their text need not be read out of the bytes again."""
        self._readers = threading.Semaphore(READERS)

    def embed_with(self, embedder: Embedder, loop: LoopThread) -> None:
        """See ThreadIndexes."""
        self.indexes.embed_with(embedder, loop)

    # -- before the question

    def prepare(self, owner: str, name: str, raw: bytes) -> Prepared:
        """Begins to read a file and returns at once; a refusal is in what it gives."""
        self._forget_old()
        one = Prepared(id=new_id(), owner=owner, name=name, size_bytes=len(raw), content=raw)
        problem = self._no_room(one)
        with self._lock:
            self._prepared[one.id] = one
        if problem is not None:
            self._refuse(one, problem)
        else:
            threading.Thread(target=self._read, args=(one,), name="read-file", daemon=True).start()
        return one

    def prepared(self, owner: str, ids: Collection[str]) -> list[Prepared]:
        """Those of the ids that are still here, in the order given."""
        with self._lock:
            found = [self._prepared.get(one) for one in ids]
        return [one for one in found if one is not None and one.owner == owner]

    def drop(self, owner: str, prepared_id: str) -> None:
        """Forgets a file that was not sent. Harmless for an unknown one."""
        with self._lock:
            one = self._prepared.get(prepared_id)
            if one is not None and one.owner == owner:
                del self._prepared[prepared_id]

    def check(self, owner: str, ids: Sequence[str], thread_id: str | None) -> list[Prepared]:
        """The files of a question, all of them ready. Raises InvalidInput."""
        found = self.prepared(owner, ids)
        if len(found) < len(set(ids)):
            raise InvalidInput(
                "A file of this message is not here any more.",
                what_to_do="Add the file again and send the message.",
            )
        if len(found) > self.limits.files_per_question:
            raise FileRefused(
                "too_many_files",
                f"A question can have {self.limits.files_per_question} files, not {len(found)}.",
            )
        for one in found:
            if one.refused is not None:
                raise one.refused
            if one.state != "ready":
                raise InvalidInput(
                    "A file of this message is still being read.",
                    what_to_do="Wait a moment and send it again.",
                )
        known = len(self.store.of_thread(thread_id, owner)) if thread_id and found else 0
        if known + len(found) > self.limits.files_per_thread:
            raise FileRefused(
                "too_many_files",
                f"A conversation can have {self.limits.files_per_thread} files.",
                what_to_do="Delete files of this conversation, or begin a new one.",
            )
        return found

    # -- with the question

    def keep(self, connection: Connection, run: Run, question_id: str) -> None:
        """Stores the files of a question, in the transaction that stores it."""
        owner = run.request.owner
        for one in self._ready(owner, run.request.attachments):
            assert one.file is not None
            self.store.add(
                connection,
                Attachment(
                    id=one.id,
                    thread_id=run.thread_id,
                    message_id=question_id,
                    name=one.file.name,
                    media_type=one.file.media_type,
                    size_bytes=one.size_bytes,
                    sha256=sha256(one.content).hexdigest(),
                    pages=one.file.pages,
                    created_at_us=time.time_ns() // 1000,
                ),
                one.content,
                owner,
            )

    def _ready(self, owner: str, ids: Sequence[str]) -> list[Prepared]:
        found = [one for one in self.prepared(owner, ids) if one.state == "ready"]
        if len(found) < len(set(ids)):
            raise InvalidInput(
                "A file of this message is not here any more.",
                what_to_do="Add the file again and send the message.",
            )
        return found

    def sent(self, owner: str, ids: Sequence[str]) -> None:
        """The question is stored: its files need not wait any more."""
        for one in self.prepared(owner, ids):
            with self._lock:
                self._prepared.pop(one.id, None)
                if one.file is not None and one.file.passages:
                    self._recent[one.id] = one.file
                    while len(self._recent) > RECENT:
                        self._recent.popitem(last=False)

    # -- images

    def check_sight(self, request: TurnRequest, models: ModelRegistry) -> None:
        """Raises InvalidInput when a question has images and its chosen model cannot see them."""
        if request.model is None or models.sees(request.model) is not False:
            return
        asked = [one for one in (request.answers, request.edits) if one]
        images = [one for one in self.prepared(request.owner, request.attachments) if one.is_image]
        if not images and not (asked and self._question_has_images(request, asked)):
            return
        able = [m.display_name for m in models.list_models() if m.configured and models.sees(m.id)]
        chosen = models.status(request.model).display_name
        raise InvalidInput(
            f"{chosen} cannot see images.",
            what_to_do=f"Choose a model that can: {', '.join(able[:6])}."
            if able
            else "Remove the images, or set up a model that can see them (Settings, Models).",
        )

    def _question_has_images(self, request: TurnRequest, asked: Sequence[str]) -> bool:
        if request.thread_id is None:
            return False
        found = self.store.of_messages(request.thread_id, asked, request.owner)
        return any(one.is_image for files in found.values() for one in files)

    def images(
        self, thread_id: str, message_ids: Sequence[str], owner: str
    ) -> Mapping[str, Sequence[str]]:
        """Question id to its images, as `pictures` names them. Blocking."""
        found = self.store.of_messages(thread_id, message_ids, owner)
        named = {key: [one.sha256 for one in files if one.is_image] for key, files in found.items()}
        return {key: images for key, images in named.items() if images}

    def pictures(self, run: Run, models: ModelRegistry, notices: list[str]) -> Pictures:
        """What puts images in for the models of a run."""
        thread_id, owner = run.thread_id, run.request.owner
        return Pictures(
            lambda image: self.store.image(thread_id, image, owner),
            models.sees,
            lambda model_id: models.status(model_id).display_name,
            notices,
        )

    # -- after the question

    def knowledge(self, handbook: KnowledgeSource, run: Run, notices: list[str]) -> ThreadKnowledge:
        """What a run searches."""
        thread_id, owner = run.thread_id, run.request.owner
        return ThreadKnowledge(
            handbook,
            lambda: self.store.of_thread(thread_id, owner),
            lambda files: self.open_index(thread_id, owner, files),
            came_with=bool(run.request.attachments),
            notices=notices,
        )

    def open_index(
        self, thread_id: str, owner: str, files: Sequence[Attachment]
    ) -> AbstractContextManager[ThreadIndex]:
        """The index of a thread with these files in it. Blocking."""
        return self.indexes.filled(thread_id, files, partial(self._read_again, owner))

    def delete(self, attachment_id: str, owner: str) -> None:
        """Removes one file and its words. Raises NotFound."""
        gone = self.store.delete(attachment_id, owner)
        with self._lock:
            self._recent.pop(gone.id, None)
        self.indexes.forget(gone.thread_id)  # made again, without it, for the next question

    def forget_thread(self, thread_id: str) -> None:
        """After a thread and its attachments were deleted: nothing of their words stays."""
        self.indexes.forget(thread_id)

    def forget_owner(self, owner: str) -> None:
        """Files of a person that were not sent."""
        with self._lock:
            for one in [one for one in self._prepared.values() if one.owner == owner]:
                del self._prepared[one.id]

    def close(self) -> None:
        with self._lock:
            self._prepared.clear()
            self._recent.clear()
        self.indexes.close()

    # -- inside

    def _read(self, one: Prepared) -> None:
        def progress(done: int, pages: int) -> None:
            one.pages_done, one.pages = done, pages

        with self._readers:
            try:
                one.file = read_file(one.name, one.content, self.limits, progress)
                one.name, one.pages, one.state = one.file.name, one.file.pages, "ready"
            except FileRefused as exc:
                self._refuse(one, exc)
            except Exception:  # a fault of ours must not leave a page waiting
                log.exception("a file could not be read")
                self._refuse(one, FileRefused("unreadable", "The file could not be read."))

    def _refuse(self, one: Prepared, why: FileRefused) -> None:
        one.name, one.content, one.refused = safe_name(one.name), b"", why
        one.state = "refused"

    def _no_room(self, one: Prepared) -> FileRefused | None:
        if one.size_bytes > self.limits.file_bytes:
            return None  # its reader says so, with the figures
        with self._lock:
            waiting = sum(len(other.content) for other in self._prepared.values())
            mine = sum(
                len(other.content) for other in self._prepared.values() if other.owner == one.owner
            )
        if waiting + one.size_bytes > WAITING_BYTES:
            return FileRefused(
                "no_room",
                "Too many files are waiting for their questions at this moment.",
                what_to_do="Send the files that are ready, then add this one again.",
            )
        used = self.store.used_bytes(one.owner) + mine
        if used + one.size_bytes > self.limits.owner_bytes:
            return FileRefused(
                "no_room",
                f"Your files take {used / MB:,.0f} MB; at most {self.limits.owner_bytes / MB:,.0f} "
                "MB are kept.",
            )
        return None

    def _forget_old(self) -> None:
        limit = time.monotonic() - WAITING_S
        with self._lock:
            for one in [o for o in self._prepared.values() if o.since < limit]:
                del self._prepared[one.id]

    def _read_again(self, owner: str, attachment: Attachment) -> ReadFile | None:
        with self._lock:
            recent = self._recent.pop(attachment.id, None)
        if recent is not None:
            return recent
        try:
            info, raw = self.store.content(attachment.id, owner)
            return read_file(info.name, raw, self.limits)
        except SwitchboardError as exc:
            log.warning("attachment %s cannot be read again: %s", attachment.id, exc.message)
            return None
