"""From a file's name and bytes to something an answer can use, or to the reason why not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from itertools import chain

from agents.files.images import check_image
from agents.files.names import safe_name
from agents.files.pdf import paragraphs, pdf_pages
from agents.files.sniff import decode, sniff
from agents.files.tables import about, read_table, row_passages
from agents.files.values import MB, FileRefused, Kind, Limits, ReadFile
from agents.knowledge.markdown import Block, front_matter, markdown_blocks, plain_blocks
from agents.knowledge.packing import Piece, pieces, render
from agents.knowledge.passages import TRAIL, Passage
from agents.knowledge.text import normalise

AREA = "attached"
"""Stands for a folder of the handbook in passages of files."""
ABOUT_TABLE = "About this table"

Progress = Callable[[int, int], None]
"""Gets (pages read, pages) from the thread that reads."""


def read_file(
    given_name: str, raw: bytes, limits: Limits, progress: Progress = lambda done, all_: None
) -> ReadFile:
    """Blocking: a long PDF takes a minute. Raises FileRefused."""
    name = safe_name(given_name)
    if len(raw) > limits.file_bytes:
        raise FileRefused(
            "too_large",
            f"The file has {len(raw) / MB:,.1f} MB; at most {limits.file_bytes / MB:g} MB can be "
            "used.",
        )
    kind, media_type = sniff(name, raw)
    if kind == "image":
        check_image(raw, media_type, limits)
        return ReadFile(name=name, kind=kind, media_type=media_type)
    pages, text, found = _pieces(name, kind, raw, limits, progress)
    if not found:
        raise FileRefused("empty", "The file holds no text.")
    return ReadFile(
        name=name,
        kind=kind,
        media_type=media_type,
        pages=pages,
        text=text,
        passages=tuple(_passage(name, n, *piece) for n, piece in enumerate(found)),
    )


def _pieces(
    name: str, kind: Kind, raw: bytes, limits: Limits, progress: Progress
) -> tuple[int | None, str, list[tuple[str, str]]]:
    """(pages, whole text, (heading, text) of each piece)."""
    if kind == "pdf":
        texts = [normalise(text) for text in pdf_pages(raw, limits, progress)]
        if not any(text.strip() for text in texts):
            raise FileRefused(
                "empty",
                "The PDF holds no text: its pages are pictures.",
                what_to_do="Run text recognition (OCR) on it first, or add the pages as images.",
            )
        by_page = (_packed(_page_blocks(n, text), name) for n, text in enumerate(texts, start=1))
        return len(texts), "\n\n".join(texts), list(chain.from_iterable(by_page))
    text = normalise(decode(raw))
    if len(text) > limits.text_chars:
        raise FileRefused(
            "too_large",
            f"The file holds {len(text):,} characters; at most {limits.text_chars:,} can be used.",
        )
    if kind == "csv":
        table = read_table(text)
        whole = [(ABOUT_TABLE, about(name, table))]
        return None, text, [*whole, *row_passages(table)]
    if kind == "markdown":
        return None, text, _packed(markdown_blocks(front_matter(text)[1]), name)
    return None, text, _packed(plain_blocks(text), name)


def _page_blocks(number: int, text: str) -> list[Block]:
    """Packed page by page, so that what is cited as page 3 stands on page 3."""
    return [Block(kind="heading", text=f"Page {number}", level=2), *plain_blocks(paragraphs(text))]


def _packed(blocks: Iterable[Block], name: str) -> list[tuple[str, str]]:
    def as_pair(piece: Piece) -> tuple[str, str]:
        return TRAIL.join(piece.trail)[:400], render(piece.blocks)

    return [as_pair(piece) for piece in pieces(blocks, name)]


def _passage(name: str, ordinal: int, heading: str, text: str) -> Passage:
    digest = hashlib.sha256("\0".join((name, str(ordinal), heading, text)).encode()).hexdigest()
    return Passage(
        passage_id=digest[:20],
        path=name,
        title=name,
        heading=heading,
        area=AREA,
        ordinal=ordinal,
        text=text,
    )
