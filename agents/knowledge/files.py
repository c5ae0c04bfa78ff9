"""Finds the documents of the knowledge folder. Reads names and bytes, decides nothing about text.

Sub-folders of the root are areas; a file directly in the root belongs to `general`. Hidden names
and folders that hold a file named `.noindex` are skipped silently; everything else that is left out
is reported with its reason.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agents.knowledge.passages import SUFFIXES

MAX_FILE_BYTES = 5_000_000
ROOT_AREA = "general"
SKIP_MARK = ".noindex"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A file to index, or, when `problem` is set, one that is left out and why."""

    path: str
    area: str
    file: Path
    problem: str | None = None


def find_documents(root: Path) -> Iterator[Found]:
    """Every candidate below `root`, sorted by path within a folder. Does not open the files.

    Raises OSError when the root itself cannot be listed.
    """
    real_root = root.resolve(strict=True)
    seen_folders: set[Path] = set()
    pending = [root]
    while pending:
        folder = pending.pop()
        real = folder.resolve()
        # A symlink to a folder above or beside itself would make the walk endless.
        if real in seen_folders:
            continue
        seen_folders.add(real)
        try:
            items = sorted(folder.iterdir())
        except OSError as exc:
            if folder == root:
                raise
            yield _left_out(root, folder, f"the folder cannot be read: {exc.strerror}")
            continue
        if any(item.name == SKIP_MARK for item in items):
            continue
        for item in items:
            if item.name.startswith("."):
                continue
            if item.is_symlink() and not _inside(item, real_root):
                yield _left_out(root, item, "a link that leads outside the knowledge folder")
            elif item.is_dir():
                pending.append(item)
            elif item.name.lower().endswith(SUFFIXES):
                yield _candidate(root, item)


def _candidate(root: Path, item: Path) -> Found:
    try:
        info = item.stat()
    except OSError as exc:
        return _left_out(root, item, f"cannot be read: {exc.strerror}")
    if not stat.S_ISREG(info.st_mode):
        return _left_out(root, item, "not a regular file")
    if info.st_size > MAX_FILE_BYTES:
        return _left_out(root, item, f"larger than {MAX_FILE_BYTES // 1_000_000} MB")
    return _left_out(root, item, None)


def _left_out(root: Path, item: Path, problem: str | None) -> Found:
    # File names are bytes on Linux: one that is not UTF-8 arrives with surrogates.
    parts = [os.fsencode(part).decode("utf-8", "replace") for part in item.relative_to(root).parts]
    area = parts[0] if len(parts) > 1 else ROOT_AREA
    return Found(path="/".join(parts), area=area, file=item, problem=problem)


def _inside(item: Path, real_root: Path) -> bool:
    try:
        return item.resolve(strict=True).is_relative_to(real_root)
    except (OSError, RuntimeError):  # a dangling link, or a loop of links
        return False


def read_bytes(found: Found) -> bytes:
    """The file's bytes. Raises OSError; ValueError when it grew past the limit since it was seen."""
    with found.file.open("rb") as stream:
        raw = stream.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise ValueError(f"larger than {MAX_FILE_BYTES // 1_000_000} MB")
    return raw
