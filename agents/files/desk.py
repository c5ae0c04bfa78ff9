"""What the runtime and the doors want of files: the one object that knows the others of this folder.

Files are stored in the very transaction that stores their question, so that no file is ever there
without it; those of a queued message wait in its thread without a question.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from agents.databases import Databases
from agents.embeddings import Embedder
from agents.files.index import ThreadIndex, ThreadIndexes
from agents.files.pictures import Pictures
from agents.files.reading import read_file
from agents.files.searching import ThreadKnowledge
from agents.files.store import AttachmentStore
from agents.files.values import Attachment, FileRefused, Limits, ReadFile
from agents.files.waiting import Prepared, WaitingRoom
from agents.loop import LoopThread
from agents.retrieval import KnowledgeSource
from agents.run import Run, TurnRequest
from core.errors import InvalidInput, SwitchboardError

if TYPE_CHECKING:
    from agents.models import ModelRegistry

log = logging.getLogger(__name__)
RECENT = 32


class Files:
    """One per runtime. Any thread may call it."""

    def __init__(
        self, databases: Databases, index_folder: Path, limits: Limits | None = None
    ) -> None:
        self.limits = limits or Limits()
        self.store = AttachmentStore(databases)
        self.waiting = WaitingRoom(self.limits, self.store.used_bytes)
        self.indexes = ThreadIndexes(index_folder, databases.is_temporary)
        self._lock = threading.Lock()
        self._recent: OrderedDict[str, ReadFile] = OrderedDict()
        """Of attachments just stored: their text need not be read out of the bytes again."""

    def embed_with(self, embedder: Embedder, loop: LoopThread) -> None:
        """See ThreadIndexes."""
        self.indexes.embed_with(embedder, loop)

    # -- with a question

    def prepare(self, owner: str, name: str, raw: bytes) -> Prepared:
        """Begins to read a file and returns at once; a refusal is in what it gives."""
        return self.waiting.prepare(owner, name, raw)

    def check(self, request: TurnRequest, models: ModelRegistry) -> None:
        """Raises InvalidInput when the files of a question, or its images, cannot be used."""
        if request.attachments:
            self._check_files(request)
        if request.model is not None and models.sees(request.model) is False:
            self._check_sight(request, models)

    def keep(
        self, connection: Connection, run: Run, question_id: str, elsewhere: Mapping[str, str]
    ) -> None:
        """Stores the files of a question, in the transaction that stores it.

        `elsewhere`: attachment id to message id, of files that came with an earlier message.
        """
        request = run.request
        waiting = self.store.settle(
            connection, request.attachments, run.thread_id, question_id, request.owner
        )
        for one in self._ready(request, waiting):
            self._add(connection, one, run.thread_id, elsewhere.get(one.id, question_id))

    def keep_waiting(self, request: TurnRequest) -> None:
        """Stores the files of a message that is queued, so that they are there after a restart."""
        if request.attachments and request.thread_id is not None:
            with self.store.write(request.thread_id) as connection:
                for one in self._ready(request, ()):
                    self._add(connection, one, request.thread_id, None)
            self.sent(request)

    def sent(self, request: TurnRequest) -> None:
        """The files of a question are stored and need not wait any more."""
        for one in self.waiting.take_away(request.owner, request.attachments):
            if one.file is not None and one.file.passages:
                with self._lock:
                    self._recent[one.id] = one.file
                    while len(self._recent) > RECENT:
                        self._recent.popitem(last=False)

    # -- what a run gets

    def knowledge(self, handbook: KnowledgeSource, run: Run, notices: list[str]) -> ThreadKnowledge:
        """What a run searches."""
        thread_id, owner = run.thread_id, run.request.owner
        return ThreadKnowledge(
            handbook,
            lambda: self.store.of_thread(thread_id, owner),
            lambda files: self.open_index(thread_id, owner, files),
            question_id=run.place.question_id,
            notices=notices,
        )

    def images(self, run: Run, message_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Question id to its images, as `pictures` names them. Blocking."""
        found = self.store.of_messages(run.thread_id, message_ids, run.request.owner)
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

    def open_index(
        self, thread_id: str, owner: str, files: Sequence[Attachment]
    ) -> AbstractContextManager[ThreadIndex]:
        """The index of a thread with these files in it. Blocking."""
        return self.indexes.filled(thread_id, files, partial(self._read_again, owner))

    # -- what goes

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
        self.waiting.forget(owner)

    def tidy(self) -> None:
        """Removes indexes of threads that are gone: a kill may come between the two."""
        kept = self.indexes.kept()
        for thread_id in set(kept) - self.store.threads(kept):
            self.indexes.forget(thread_id)

    def close(self) -> None:
        self.waiting.forget()
        self.indexes.close()

    # -- inside

    def _check_files(self, request: TurnRequest) -> None:
        ids, limits = set(request.attachments), self.limits
        if len(ids) > limits.files_per_question:
            raise FileRefused(
                "too_many_files",
                f"A question can have {limits.files_per_question} files, not {len(ids)}.",
            )
        stored = self._stored(request)
        for one in self._ready(request, [one.id for one in stored]):
            if one.refused is not None:
                raise one.refused
            if one.state != "ready":
                raise InvalidInput(
                    "A file of this message is still being read.",
                    what_to_do="Wait a moment and send it again.",
                )
        known = {one.id for one in stored} | ids
        if request.thread_id is not None:
            known |= {o.id for o in self.store.of_thread(request.thread_id, request.owner)}
        if len(known) > limits.files_per_thread:
            raise FileRefused(
                "too_many_files",
                f"A conversation can have {limits.files_per_thread} files.",
                what_to_do="Delete files of this conversation, or begin a new one.",
            )

    def _check_sight(self, request: TurnRequest, models: ModelRegistry) -> None:
        new = self.waiting.those(request.owner, request.attachments)
        images = [one for one in new if one.is_image]
        images_kept = [one for one in self._stored(request) if one.is_image]
        if not images and not images_kept:
            return
        able = [m.display_name for m in models.list_models() if m.configured and models.sees(m.id)]
        chosen = models.status(str(request.model)).display_name
        raise InvalidInput(
            f"{chosen} cannot see images.",
            what_to_do=f"Choose a model that can: {', '.join(able[:6])}."
            if able
            else "Remove the images, or set up a model that can see them: GPT-4o mini, for example.",
        )

    def _stored(self, request: TurnRequest) -> list[Attachment]:
        """Files of a question that is asked again or was queued."""
        asked = [one for one in (request.answers, request.edits) if one]
        if request.thread_id is None or not (asked or request.attachments):
            return []
        found = self.store.of_messages(request.thread_id, asked, request.owner)
        again = [one for files in found.values() for one in files]
        everything = self.store.of_thread(request.thread_id, request.owner)
        return again + [
            one for one in everything if one.message_id is None and one.id in request.attachments
        ]

    def _ready(self, request: TurnRequest, stored: Collection[str]) -> list[Prepared]:
        """The files of a request that wait in memory. Raises InvalidInput when one is nowhere."""
        wanted = [one for one in dict.fromkeys(request.attachments) if one not in stored]
        found = self.waiting.those(request.owner, wanted)
        if len(found) < len(wanted):
            raise InvalidInput(
                "A file of this message is not here any more.",
                what_to_do="Add the file again and send the message.",
            )
        return found

    def _add(
        self, connection: Connection, one: Prepared, thread_id: str, question_id: str | None
    ) -> None:
        assert one.file is not None
        new = Attachment(
            id=one.id,
            thread_id=thread_id,
            message_id=question_id,
            name=one.file.name,
            media_type=one.file.media_type,
            size_bytes=one.size_bytes,
            sha256=sha256(one.content).hexdigest(),
            pages=one.file.pages,
            created_at_us=time.time_ns() // 1000,
        )
        self.store.add(connection, new, one.content, one.owner)

    def _read_again(self, owner: str, attachment: Attachment) -> ReadFile | None:
        with self._lock:
            recent = self._recent.pop(attachment.id, None)
        for one in self.waiting.those(owner, [attachment.id]) if recent is None else ():
            recent = one.file  # its question was stored a moment ago
        if recent is not None:
            return recent
        try:
            info, raw = self.store.content(attachment.id, owner)
            return read_file(info.name, raw, self.limits)
        except SwitchboardError as exc:
            log.warning("attachment %s cannot be read again: %s", attachment.id, exc.message)
            return None
