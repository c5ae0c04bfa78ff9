"""Threads: find, read, tidy, bring in and take out."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from agents.exchange.export import KINDS, Form, file_name
from agents.thread_filter import State, ThreadFilter
from api.dependencies import Chatter, House
from api.schemas import iso_only
from api.thread_schemas import HistoryOut, ImportOut, ThreadOut, ThreadPageOut
from api.thread_views import history_out, import_out, page_of_search, page_out, thread_out
from core.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path as FilePath

    from agents.exchange.staging import Staging
    from agents.runtime import Runtime

router = APIRouter(prefix="/threads", tags=["threads"])
ThreadId = Annotated[str, Path(description="32 hexadecimal characters.")]
Moment = Annotated[datetime | None, BeforeValidator(iso_only)]
PIECE = 1_000_000
BINARY = {"type": "string", "format": "binary"}


def _filter(
    archived: Annotated[
        bool, Query(description="The archived ones instead of the others.")
    ] = False,
    pinned: bool | None = None,
    tag: Annotated[list[str] | None, Query(max_length=20, description="Has all of these.")] = None,
    agent: Annotated[
        str | None, Query(max_length=64, description="Gave one of its answers.")
    ] = None,
    model: Annotated[str | None, Query(max_length=200)] = None,
    error: Annotated[
        str | None, Query(max_length=64, description="Code of an error, or `any`.")
    ] = None,
    rating: Literal["up", "down"] | None = None,
    since: Annotated[Moment, Query(description="Of its last change.")] = None,
    before: Moment = None,
    state: State | None = None,
) -> ThreadFilter:
    return ThreadFilter(
        archived=archived,
        pinned=pinned,
        tags=tuple(tag or ()),
        agent=agent,
        model=model,
        error=error,
        rating=None if rating is None else 1 if rating == "up" else -1,
        since_us=_us(since),
        before_us=_us(before),
        state=state,
    )


Filter = Annotated[ThreadFilter, Depends(_filter)]


@router.get("", response_model=ThreadPageOut)
async def threads(
    caller: Chatter,
    house: House,
    wanted: Filter,
    q: Annotated[
        str | None,
        Query(
            min_length=1, max_length=500, description="Words; the last may be the beginning of one."
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 30,
    after: Annotated[str | None, Query(max_length=60, description="Of the page before.")] = None,
) -> ThreadPageOut:
    """A person's chats, newest change first; with `q` those in which all its words are found."""
    if q is None:
        read = partial(house.thread_list.page, caller.owner, wanted, after=after, limit=limit)
        return page_out(await run_in_threadpool(read), _running(house))
    if after is not None:
        raise InvalidInput("A search has one page.", what_to_do="Raise `limit`, or narrow it.")
    find = partial(house.thread_search.find, caller.owner, q, wanted, limit=limit)
    return page_of_search(await run_in_threadpool(find), _running(house))


@router.get("/{thread_id}", response_model=ThreadOut)
async def one(thread_id: ThreadId, caller: Chatter, house: House) -> ThreadOut:
    """One thread, without its messages."""
    return await run_in_threadpool(_one, house, caller.owner, thread_id)


@router.get("/{thread_id}/history", response_model=HistoryOut)
async def history(
    thread_id: ThreadId,
    caller: Chatter,
    house: House,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[
        str | None, Query(max_length=64, description="Only what came before this message.")
    ] = None,
) -> HistoryOut:
    """The newest messages of the branch that is shown, in reading order, with what answers took."""

    def read() -> HistoryOut:
        found = house.threads.get(thread_id, caller.owner)
        messages = house.threads.messages(thread_id, caller.owner, limit=limit + 1, before=before)
        more = len(messages) > limit
        return history_out(found, messages[-limit:], _running(house), more=more)

    return await run_in_threadpool(read)


@router.put("/{thread_id}/clear", response_model=ThreadOut)
async def clear(thread_id: ThreadId, caller: Chatter, house: House) -> ThreadOut:
    """Removes what was said, and what the agents remember of it; the thread stays as it is, archived
    or not. An answer under way is stopped. Clearing an empty thread changes nothing."""

    def do() -> ThreadOut:
        house.clear_thread(thread_id, caller.owner)
        house.identity.audit.note(caller, "thread_cleared", thread_id)
        return _one(house, caller.owner, thread_id)

    return await run_in_threadpool(do)


@router.put("/{thread_id}/archive", response_model=ThreadOut)
async def archive(thread_id: ThreadId, caller: Chatter, house: House) -> ThreadOut:
    """Takes it out of the list; nothing is lost. Done twice it changes nothing. A new message in it
    brings it back."""

    def do() -> ThreadOut:
        house.thread_list.archive([thread_id], caller.owner)
        return _one(house, caller.owner, thread_id)

    return await run_in_threadpool(do)


@router.put("/{thread_id}/restore", response_model=ThreadOut)
async def restore(thread_id: ThreadId, caller: Chatter, house: House) -> ThreadOut:
    """Back into the list. Done twice it changes nothing."""

    def do() -> ThreadOut:
        house.thread_list.restore([thread_id], caller.owner)
        return _one(house, caller.owner, thread_id)

    return await run_in_threadpool(do)


@router.delete("/{thread_id}", status_code=204)
async def delete(thread_id: ThreadId, caller: Chatter, house: House) -> None:
    """Removes a thread with all it left, for good. An answer under way is stopped. The second time
    there is no such thread: 404."""

    def do() -> None:
        house.delete_thread(thread_id, caller.owner)
        house.identity.audit.note(caller, "thread_deleted", thread_id)

    await run_in_threadpool(do)


@router.post(
    "/import",
    response_model=ImportOut,
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The file itself: JSON of Switchboard, ChatGPT, Open WebUI or LibreChat, "
            "or a ZIP archive of it.",
            "content": {
                kind: {"schema": {} if kind == "application/json" else BINARY}
                for kind in (
                    "application/octet-stream", "application/json", "application/x-ndjson",
                    "application/zip",
                )
            },
        }
    },
)  # fmt: skip
async def bring_in(request: Request, caller: Chatter, house: House) -> ImportOut:
    """Chats from a file. What is there already stays as it is. All that can be read comes in, or
    nothing: then the answer is an error."""
    staging: Staging = await run_in_threadpool(house.exchange.staging)
    try:
        path = await _staged(request, staging)
    except BaseException:
        staging.drop()
        raise

    def do() -> ImportOut:
        brought = house.exchange.bring_in(caller.owner, path)
        house.identity.audit.note(
            caller, "threads_imported", "", f"{brought.loaded.imported} chats"
        )
        return import_out(brought)

    return await run_in_threadpool(do)


@router.get(
    "/{thread_id}/export",
    response_class=Response,
    responses={
        200: {
            "description": "The file.",
            "content": {
                kind.media_type: {"schema": {} if kind.media_type == "application/json" else BINARY}
                for kind in KINDS.values()
            },
        }
    },
)
async def export(
    thread_id: ThreadId,
    caller: Chatter,
    house: House,
    form: Annotated[
        Form, Query(description="`json` can be imported again; training and evaluation are JSONL.")
    ] = "json",
) -> Response:
    """A thread as a file to download. Pages load nothing from elsewhere, and hold no scripts."""

    def read() -> tuple[str, bytes]:
        title = house.threads.get(thread_id, caller.owner).title
        file = house.exchange.file_of(caller.owner, [thread_id], form)
        house.identity.audit.note(caller, "thread_exported", thread_id, form)
        return file_name(title, form), file

    name, content = await run_in_threadpool(read)
    disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, media_type=KINDS[form].media_type, headers=disposition)


def _one(house: Runtime, owner: str, thread_id: str) -> ThreadOut:
    return thread_out(house.thread_list.of_ids(owner, [thread_id])[0], _running(house))


def _running(house: Runtime) -> dict[str, str]:
    return {run.thread_id: run.id for run in house.runs.active() if not run.finished}


async def _staged(request: Request, staging: Staging) -> FilePath:
    """The body on disk; never more than a piece of it in memory."""
    piece = bytearray()
    async for data in request.stream():
        piece += data
        if len(piece) >= PIECE:
            await run_in_threadpool(staging.add, bytes(piece))
            piece.clear()
    if piece:
        await run_in_threadpool(staging.add, bytes(piece))
    return await run_in_threadpool(staging.done)


def _us(at: datetime | None) -> int | None:
    """A time without a zone is in UTC."""
    if at is None:
        return None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)
