"""What a file can be, how large, and why it may be refused. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agents.knowledge.passages import Passage
from core.errors import InvalidInput

Kind = Literal["text", "markdown", "csv", "pdf", "image"]
Reason = Literal[
    "wrong_type",
    "encrypted",
    "empty",
    "too_large",
    "too_many_pages",
    "unreadable",
    "too_slow",
    "too_many_files",
    "no_room",
]
MB = 1_000_000
SUFFIXES: dict[str, Kind] = {
    "txt": "text",
    "text": "text",
    "log": "text",
    "json": "text",
    "md": "markdown",
    "markdown": "markdown",
    "csv": "csv",
    "tsv": "csv",
    "pdf": "pdf",
    "png": "image",
    "jpg": "image",
    "jpeg": "image",
    "gif": "image",
    "webp": "image",
}
"""By the last part of the name, in lower case."""
WHAT_CAN_BE = "text, Markdown, PDF and CSV, and PNG, JPEG, WebP or GIF images"
IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Per file unless the name says otherwise."""

    file_bytes: int = 20 * MB
    image_bytes: int = 10 * MB
    image_pixels: int = 50_000_000
    pages: int = 1_000
    text_chars: int = 4_000_000
    """Of what is read from a file: about 2,000 printed pages."""
    pdf_seconds: float = 60.0
    files_per_question: int = 10
    files_per_thread: int = 50
    owner_bytes: int = 2_000 * MB
    """All files of one person."""


class FileRefused(InvalidInput):
    """One file cannot be used; the others can. `reason` is for programs, the message for people."""

    def __init__(self, reason: Reason, message: str, *, what_to_do: str | None = None) -> None:
        super().__init__(message, what_to_do=what_to_do or _WHAT_TO_DO[reason])
        self.reason = reason


_WHAT_TO_DO: dict[Reason, str] = {
    "wrong_type": f"Add {WHAT_CAN_BE}.",
    "encrypted": "Save a copy without a password and add that.",
    "empty": "Choose a file that holds text.",
    "too_large": "Split it, or add only the part your question is about.",
    "too_many_pages": "Add only the pages your question is about.",
    "unreadable": "Open it in another program, save it anew and add that.",
    "too_slow": "Save it as text, or add only the pages your question is about.",
    "too_many_files": "Send fewer files with one question.",
    "no_room": "Delete files or conversations you do not need any more.",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadFile:
    """A file that can be used."""

    name: str
    kind: Kind
    media_type: str
    pages: int | None = None
    """Of a PDF."""
    text: str = ""
    passages: tuple[Passage, ...] = ()
    """None for an image."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file that is kept, without its bytes."""

    id: str
    thread_id: str
    message_id: str | None
    """The question it came with."""
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    pages: int | None
    created_at_us: int

    @property
    def is_image(self) -> bool:
        return self.media_type in IMAGE_TYPES
