"""Images in the messages of a run: kept as references, put in only for a model that sees.

A message that came with images names them in its `additional_kwargs`, so that neither checkpoints nor
token counts nor kept prompts hold their bytes. When a model is asked, its copy of the messages gets
the newest images as LangChain's standard blocks; a model that does not see gets a sentence instead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from agents.files.images import sent_image
from agents.files.values import Attachment
from agents.model_ids import LOCAL
from core.errors import NotFound, SwitchboardError

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from agents.candidate import Candidate

log = logging.getLogger(__name__)
IMAGES = "images"
"""In `additional_kwargs` of a human message: hashes of the bytes, which a copy of the thread
shares. Providers do not get it."""
NEWEST = 8
"""Images sent with one request; providers take 10 to 20, and every turn sends them again."""


def image_ids(message: BaseMessage) -> list[str]:
    """The images a message came with."""
    found = message.additional_kwargs.get(IMAGES) if message.type == "human" else None
    return [str(one) for one in found] if isinstance(found, list) else []


def wants_sight(messages: Sequence[BaseMessage]) -> bool:
    """Whether the last thing somebody said came with an image."""
    last = next((m for m in reversed(messages) if m.type == "human" and m.text.strip()), None)
    return last is not None and bool(image_ids(last))


class Pictures:
    """Made for one run."""

    def __init__(
        self,
        load: Callable[[str], tuple[Attachment, bytes]],
        sees: Callable[[str], bool | None],
        name_of: Callable[[str], str],
        notices: list[str],
    ) -> None:
        """`load` blocks and raises NotFound. `sees`: of a model id; None = not known, so it is
        tried. `name_of`: a model's name for people."""
        self._load = load
        self._sees = sees
        self._name_of = name_of
        self._notices = notices
        self._blocks: dict[str, dict[str, Any] | None] = {}

    def seeing_first(
        self, messages: Sequence[BaseMessage], candidates: list[Candidate]
    ) -> list[Candidate]:
        """Candidates that see, or may, before those that do not, when the question has images."""
        if not wants_sight(messages):
            return candidates
        return sorted(candidates, key=lambda one: self._sees(one.id) is False)

    async def fetch(self, messages: Sequence[BaseMessage]) -> None:
        """Reads the images that will be sent. Before any model is asked, so that a stop in between
        leaves no attempt open."""
        missing = [one for one in _all_images(messages)[-NEWEST:] if one not in self._blocks]
        if missing:
            await asyncio.to_thread(self._fetch, missing)

    def given(self, model_id: str, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        """The messages as this model gets them."""
        ids = _all_images(messages)
        if not ids:
            return list(messages)
        if self._sees(model_id) is False:
            self._say_unseen(model_id, len(ids))
            if model_id == LOCAL:  # it would look for the words of our sentence
                return list(messages)
            return [self._without(message) for message in messages]
        left_out = set(ids[:-NEWEST])
        return [self._with(message, left_out) for message in messages]

    def _fetch(self, ids: Sequence[str]) -> None:
        for one in ids:
            self._blocks[one] = self._block(one)

    def _block(self, one: str) -> dict[str, Any] | None:
        try:
            info, raw = self._load(one)
            media_type, data = sent_image(raw, info.media_type)
        except NotFound:
            return None  # deleted meanwhile
        except SwitchboardError as exc:
            log.warning("an image cannot be sent: %s", exc.message)
            return None
        return {"type": "image", "base64": data, "mime_type": media_type}

    def _with(self, message: BaseMessage, left_out: set[str]) -> BaseMessage:
        ids = image_ids(message)
        if not ids:
            return message
        blocks = [self._blocks.get(one) for one in ids if one not in left_out]
        shown = [block for block in blocks if block is not None]
        missing = len(ids) - len(shown)
        text = f"{message.text}\n\n{_not_shown(missing)}" if missing else message.text
        return message.model_copy(update={"content": [{"type": "text", "text": text}, *shown]})

    def _without(self, message: BaseMessage) -> BaseMessage:
        count = len(image_ids(message))
        if not count:
            return message
        return message.model_copy(update={"content": f"{message.text}\n\n{_not_shown(count)}"})

    def _say_unseen(self, model_id: str, count: int) -> None:
        images = "1 image was" if count == 1 else f"{count} images were"
        notice = f"{images} not seen by {self._name_of(model_id)}, which reads text only."
        if notice not in self._notices:
            self._notices.append(notice)


def _all_images(messages: Sequence[BaseMessage]) -> list[str]:
    return [one for message in messages for one in image_ids(message)]


def _not_shown(count: int) -> str:
    images = "An image was" if count == 1 else f"{count} images were"
    return f"({images} attached here that you cannot see.)"
