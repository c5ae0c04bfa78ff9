"""From OpenAI's messages to a turn.

The client keeps the conversation and sends all of it each time; so by default its thread is in memory
and goes with the answer. Instructions become the run's note, images files of their messages.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from agents.run import Run, Said, TurnRequest
from agents.system_note import MAX_NOTE_CHARS
from api.completions.errors import WrongMessages
from api.completions.schemas import (
    AnyMessage,
    AssistantMessage,
    CompletionRequest,
    ImagePart,
    Instructions,
    UserMessage,
)
from api.completions.targets import Target, target_of
from core.errors import InvalidInput, NotFound
from core.identity import Principal
from core.text import clean

if TYPE_CHECKING:
    from agents.files.waiting import Prepared
    from agents.runtime import Runtime

READ_S = 30.0
_DATA_URL = re.compile(r"data:image/(png|jpeg|jpg|gif|webp);base64,")


async def start(house: Runtime, caller: Principal, asked: CompletionRequest) -> Run:
    """The run that answers. Raises SwitchboardError."""
    target = target_of(house, asked.model)
    *earlier, question = _conversation(asked.messages)
    note = _note(asked.messages)
    files = await _files(house, caller, target, [*earlier, question])
    said = [
        Said(role=one.role, text=_text(one), attachments=tuple(files.get(id(one), ())))
        for one in earlier
    ]
    stop = asked.stop or ()
    turn = TurnRequest(
        text=_text(question),
        owner=caller.owner,
        figures=caller.figures,
        graph=target.graph,
        agent=target.agent,
        model=target.model,
        entry_point="api",
        stream=bool(asked.stream),
        temperature=asked.temperature,
        note=note or None,
        earlier=tuple(said),
        attachments=tuple(one for ids in files.values() for one in ids),
        max_tokens=asked.max_completion_tokens or asked.max_tokens,
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        metadata=dict(asked.metadata or {}),
        temporary=not asked.store,
        one_off=not asked.store,
    )
    try:
        return await run_in_threadpool(house.start, turn)
    except BaseException:
        house.files.waiting.take_away(caller.owner, turn.attachments)
        raise


def stop(house: Runtime, run_id: str) -> None:
    """The client left: nobody else can read this answer."""
    try:
        house.runs.cancel(run_id, by="api")
    except NotFound:
        return


def _conversation(messages: Sequence[AnyMessage]) -> list[UserMessage | AssistantMessage]:
    """What people and agents said, the question last. Raises WrongMessages."""
    said = [one for one in messages if isinstance(one, UserMessage | AssistantMessage)]
    if not said or said[-1].role != "user":
        raise WrongMessages(
            "The last message has to be the question: one with the role 'user'.",
            param=f"messages.{len(messages) - 1}.role",
        )
    return said


def _note(messages: Sequence[AnyMessage]) -> str:
    parts = [_text(one) for one in messages if isinstance(one, Instructions)]
    note = clean("\n\n".join(part for part in parts if part.strip())).strip()
    if len(note) > MAX_NOTE_CHARS:
        raise WrongMessages(
            f"The system and developer messages have {len(note):,} characters; agents have rules "
            f"of their own and take {MAX_NOTE_CHARS:,} more.",
            param="messages",
            code="string_above_max_length",
        )
    return note


def _text(message: AnyMessage) -> str:
    content = message.content
    if content is None or isinstance(content, str):
        return content or ""
    return "\n\n".join(part.text for part in content if part.type == "text")


async def _files(
    house: Runtime, caller: Principal, target: Target, messages: Sequence[AnyMessage]
) -> dict[int, list[str]]:
    """Message (by identity) to the ids of its images, read and ready. Raises InvalidInput."""
    images = [
        (one, part.image_url.url)
        for one in messages
        if isinstance(one, UserMessage) and not isinstance(one.content, str)
        for part in one.content
        if isinstance(part, ImagePart)
    ]
    if not images:
        return {}
    _check_sight(house, target)
    found: dict[int, list[str]] = {}
    prepared: list[Prepared] = []
    for one, url in images:
        kind, raw = await run_in_threadpool(_decoded, url)
        file = await run_in_threadpool(
            house.files.prepare, caller.owner, f"image{len(prepared) + 1}.{kind}", raw
        )
        prepared.append(file)
        found.setdefault(id(one), []).append(file.id)
    try:
        async with asyncio.timeout(READ_S):
            while any(file.state == "reading" for file in prepared):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise InvalidInput("An image took too long to read.") from None
    for file in prepared:
        if file.refused is not None:
            raise file.refused
    return found


def _check_sight(house: Runtime, target: Target) -> None:
    """Nothing may be left out silently: some model that can answer has to see."""
    chain = [target.model] if target.model else house.models.usable(house.settings.answer_models)
    if all(house.models.sees(model) is False for model in chain):
        who = "This model cannot" if target.model else "No model that answers here can"
        raise WrongMessages(f"{who} see images.", param="messages", code="unsupported_value")


def _decoded(url: str) -> tuple[str, bytes]:
    """File ending and bytes of a data URL. Raises WrongMessages."""
    found = _DATA_URL.match(url)
    if found is None:
        raise WrongMessages(
            "Images have to come as data URLs of PNG, JPEG, GIF or WebP: nothing is fetched.",
            param="messages",
            code="unsupported_value",
        )
    try:
        return found[1], base64.b64decode(url[found.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise WrongMessages(
            "An image is not valid base64.", param="messages", code="invalid_base64"
        ) from None
