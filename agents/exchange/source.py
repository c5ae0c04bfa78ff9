"""The JSON inside a file or a ZIP archive as streams. Names in an archive are read, never written to."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from agents.exchange.limits import (
    MAX_ARCHIVE_DIRECTORY_BYTES,
    MAX_ARCHIVE_NAMES,
    MAX_FILE_BYTES,
    MAX_RATIO,
    MB,
)
from core.errors import InvalidInput

_CONVERSATIONS = re.compile(r"(?:^|/)conversations(?:[-_]\d+)?\.json$", re.IGNORECASE)
_JSON = re.compile(r"\.(?:json|jsonl|ndjson)$", re.IGNORECASE)
_NO_ARCHIVE = InvalidInput(
    "The ZIP archive cannot be read.",
    what_to_do="Download it again, or unpack it and choose the JSON file in it.",
)


@dataclass(slots=True)
class Counted:
    """A stream that knows how much was read of it, and ends with InvalidInput when it is too much."""

    stream: BinaryIO
    limit: int
    done: int = 0

    def read(self, size: int = -1) -> bytes:
        try:
            data = self.stream.read(size)
        except Exception as exc:  # zlib.error, lzma.LZMAError: whatever unpacks it
            raise _NO_ARCHIVE from exc
        self.done += len(data)
        if self.done > self.limit:
            raise InvalidInput(
                f"The file holds more than {self.limit / MB:,.0f} MB.",
                what_to_do="Split it into several files.",
            )
        return data


class Parts:
    """The streams of a file, one after another. `done` and `total` are bytes, for progress."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        self._before = 0
        self._now: Counted | None = None
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InvalidInput(
                f"The file has {size / MB:,.0f} MB; at most {MAX_FILE_BYTES / MB:,.0f} MB are read.",
                what_to_do="Split it into several files.",
            )
        with path.open("rb") as found:
            packed = found.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
        self._members = _members(path) if packed else None
        sizes = size if self._members is None else sum(one.file_size for one in self._members)
        self.total = max(1, sizes)

    @property
    def done(self) -> int:
        return self._before + (self._now.done if self._now else 0)

    def __iter__(self) -> Iterator[tuple[str, Counted]]:
        """(name inside an archive or "", stream)."""
        with self._stack as stack:
            if self._members is None:
                yield "", self._next(stack.enter_context(self._path.open("rb")))
                return
            archive = stack.enter_context(zipfile.ZipFile(self._path))
            for member in self._members:
                try:
                    stream = stack.enter_context(archive.open(member))
                except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as exc:
                    raise _NO_ARCHIVE from exc
                yield member.filename, self._next(stream)  # type: ignore[arg-type]

    def _next(self, stream: BinaryIO) -> Counted:
        self._before = self.done
        self._now = Counted(stream, MAX_FILE_BYTES - self._before)
        return self._now


def _members(path: Path) -> list[zipfile.ZipInfo]:
    """The JSON files of an archive. Raises InvalidInput for one that is made to do harm."""
    _check_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            every = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as exc:
        raise _NO_ARCHIVE from exc
    chosen = [one for one in every if _CONVERSATIONS.search(one.filename)]
    chosen = chosen or [one for one in every if _JSON.search(one.filename) and not one.is_dir()]
    if not chosen:
        raise InvalidInput(
            "The ZIP archive has no JSON file.",
            what_to_do="Choose the archive as the other program wrote it, or the JSON file itself.",
        )
    for one in chosen:
        if one.flag_bits & 0x1:
            raise InvalidInput(
                "The ZIP archive is encrypted.",
                what_to_do="Unpack it with its password and choose the JSON file in it.",
            )
        if one.file_size > MB and one.file_size > MAX_RATIO * max(1, one.compress_size):
            raise InvalidInput(
                f"The ZIP archive unpacks to more than {MAX_RATIO} times its size: it is not read.",
                what_to_do="If you trust it, unpack it and choose the JSON file in it.",
            )
    if sum(one.file_size for one in chosen) > MAX_FILE_BYTES:
        raise InvalidInput(
            f"The ZIP archive unpacks to more than {MAX_FILE_BYTES / MB:,.0f} MB.",
            what_to_do="Unpack it and import its files one by one.",
        )
    return sorted(chosen, key=lambda one: one.filename)


def _check_directory(path: Path) -> None:
    """Refuses a list of names that would fill the memory, before anything reads it."""
    size = path.stat().st_size
    with path.open("rb") as found:
        begin = max(0, size - 66_000)
        found.seek(begin)
        tail = found.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        raise _NO_ARCHIVE
    names, length = struct.unpack("<HI", tail[at + 10 : at + 16])
    wide = tail.rfind(b"PK\x06\x06", 0, at)
    if wide >= 0 and len(tail) >= wide + 56:
        names, length = struct.unpack("<QQ", tail[wide + 32 : wide + 48])
    if names > MAX_ARCHIVE_NAMES or length > MAX_ARCHIVE_DIRECTORY_BYTES:
        raise InvalidInput(
            f"The ZIP archive has {names:,} files; at most {MAX_ARCHIVE_NAMES:,} are looked at.",
            what_to_do="Unpack it and choose the JSON file in it.",
        )
