"""Documents and passages: how a text becomes pieces of about 180 words that can be cited.

Pure functions, no file access and no database. A passage keeps its heading trail, so that it can be
read (and found) alone.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from agents.knowledge.markdown import front_matter, markdown_blocks, plain_blocks
from agents.knowledge.packing import Piece, pieces, render
from agents.knowledge.text import decode

SUFFIXES = (".md", ".markdown", ".txt")
TRAIL = " › "


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    path: str
    """Relative to the knowledge folder, with forward slashes."""
    area: str
    title: str
    text: str
    content_hash: str
    """SHA-256 of the file's bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    passage_id: str
    """The same as long as place, ordinal and content are the same; vectors hang on it."""
    path: str
    title: str
    heading: str
    """The headings above it below the title, outermost first, joined with ` › `; may be empty."""
    area: str
    ordinal: int
    text: str


def read_document(path: str, area: str, raw: bytes) -> Document:
    """Reads the bytes of a file. The title is the first `#`, the front matter's, or the file name."""
    text = decode(raw)
    title: str | None = None
    if PurePosixPath(path).suffix.lower() == ".txt":
        first = text.lstrip().split("\n", 1)[0].strip()
        title = first if 0 < len(first) <= 100 else None
    else:
        stated, text = front_matter(text)
        headings = [block for block in markdown_blocks(text) if block.kind == "heading"]
        top = next((block.text for block in headings if block.level == 1), None)
        title = top or stated
    name = PurePosixPath(path).stem.replace("-", " ").replace("_", " ").strip()
    return Document(
        path=path,
        area=area,
        title=(title or name or path)[:300],
        text=text,
        content_hash=hashlib.sha256(raw).hexdigest(),
    )


def split_document(document: Document) -> list[Passage]:
    """The passages of a document in order; an empty document has none."""
    if PurePosixPath(document.path).suffix.lower() == ".txt":
        blocks = plain_blocks(document.text)
    else:
        blocks = markdown_blocks(document.text)
    return [
        _passage(document, ordinal, piece)
        for ordinal, piece in enumerate(pieces(blocks, document.title))
    ]


def _passage(document: Document, ordinal: int, piece: Piece) -> Passage:
    heading = TRAIL.join(piece.trail)[:400]
    text = render(piece.blocks)
    parts = (document.area, document.path, str(ordinal), document.title, heading, text)
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return Passage(
        passage_id=digest[:20],
        path=document.path,
        title=document.title,
        heading=heading,
        area=document.area,
        ordinal=ordinal,
        text=text,
    )
