"""Threads as a file, written one conversation at a time."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Literal, get_args

from sqlalchemy import select

from agents.exchange import own
from agents.exchange.gather import AT_ONCE, gather
from agents.exchange.lines import for_evaluation, for_training
from agents.exchange.page import as_html, as_markdown
from agents.tables import thread
from core.conversation import Conversation
from core.database import Database

Form = Literal["json", "training", "evaluation", "markdown", "html"]
FORMS: tuple[Form, ...] = get_args(Form)
MAX_NAME_CHARS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """A form as people choose it. `ending` of one thread; `paged`: many come as an archive."""

    title: str
    ending: str
    media_type: str
    about: str
    paged: bool = False


KINDS: dict[Form, Kind] = {
    "json": Kind(
        title="JSON", ending="json", media_type="application/json",
        about="Everything: all versions, how answers came about, usage, sources, ratings, files. "
        "Can be imported again.",
    ),
    "markdown": Kind(
        title="Markdown", ending="md", media_type="text/markdown", paged=True,
        about="The versions shown, as text.",
    ),
    "html": Kind(
        title="HTML", ending="html", media_type="text/html", paged=True,
        about="The versions shown, to read in a browser and to print. Nothing is loaded from elsewhere.",
    ),
    "training": Kind(
        title="JSONL for fine-tuning", ending="training.jsonl", media_type="application/jsonl",
        about="OpenAI's chat form: a line for each chat, with its questions and whole answers.",
    ),
    "evaluation": Kind(
        title="JSONL for evaluation", ending="eval.jsonl", media_type="application/jsonl",
        about="A question set: each question with its answer as the reference.",
    ),
}  # fmt: skip
"""In the order in which they are offered."""


def thread_ids(database: Database, owner: str) -> list[str]:
    """All chats of somebody, oldest first."""
    query = (
        select(thread.c.id)
        .where(thread.c.owner == owner, thread.c.kind == "chat")
        .order_by(thread.c.created_at_us, thread.c.updated_at_us, thread.c.title, thread.c.id)
    )
    with database.read() as connection:
        return list(connection.scalars(query))


def export(
    database: Database,
    owner: str,
    ids: Sequence[str],
    form: Form,
    out: BinaryIO,
    *,
    archive: bool,
    progress: Callable[[int], bool] = lambda done: True,
) -> int:
    """Writes the threads; gives how many. `archive`: pages as a ZIP archive, one file each.

    `progress` is told how many are done, and says whether to go on. Foreign ids are left out.
    """
    conversations = _conversations(database, owner, ids, progress)
    if archive and KINDS[form].paged:
        return _archive(conversations, form, out)
    done = 0
    if form == "json":
        out.write(own.opening(owner).encode("utf-8", "replace"))
    for one in conversations:
        out.write((",\n" if form == "json" and done else "").encode())
        out.write(text_of(one, form).encode("utf-8", "replace"))
        done += 1
    if form == "json":
        out.write(own.CLOSING.encode())
    return done


def text_of(one: Conversation, form: Form) -> str:
    """One conversation in a form; in JSON without the envelope."""
    match form:
        case "json":
            return json.dumps(own.to_dict(one), ensure_ascii=False)
        case "training":
            return for_training(one)
        case "evaluation":
            return for_evaluation(one)
        case "markdown":
            return as_markdown(one)
        case "html":
            return as_html(one)


def file_name(name: str, form: Form, *, archive: bool = False) -> str:
    """A name for the file: of a title only what every system takes."""
    short = re.sub(r"[^\w\- ]+", " ", name, flags=re.ASCII)
    short = "-".join(short.split())[:MAX_NAME_CHARS].strip("-_").lower() or "chat"
    kind = KINDS[form]
    return f"{short}.{form}.zip" if archive and kind.paged else f"{short}.{kind.ending}"


def _conversations(
    database: Database, owner: str, ids: Sequence[str], progress: Callable[[int], bool]
) -> Iterator[Conversation]:
    done = 0
    for begin in range(0, len(ids), AT_ONCE):
        # A snapshot for each few: a long one would keep the write-ahead log from being emptied.
        with database.read() as connection:
            for one in gather(connection, owner, ids[begin : begin + AT_ONCE]):
                yield one
                done += 1
        if not progress(done):
            return


def _archive(conversations: Iterator[Conversation], form: Form, out: BinaryIO) -> int:
    done = 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for one in conversations:
            done += 1
            day = datetime.fromtimestamp((one.created_at_us or 0) / 1e6, UTC)
            name = f"{day:%Y-%m-%d}-{done:05}-{file_name(one.title, form)}"
            entry = zipfile.ZipInfo(
                name, (min(max(1980, day.year), 2107), day.month, day.day, 0, 0, 0)
            )
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text_of(one, form).encode("utf-8", "replace"))
    return done
