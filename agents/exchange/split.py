"""A large JSON file cut into its entries as bytes, holding one entry at a time.

Understands a list of objects, one object, objects one after another (JSON lines), and this program's
own envelope: an object with a header and a list `conversations`. It only counts brackets and skips
strings; what an entry says is read later, so that one that is broken does not cost the others.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from agents.exchange.limits import MAX_ENTRY_BYTES, MB
from core.errors import InvalidInput

MAX_HEADER_BYTES = 100_000
_CHUNK = MB
_BRACKET = re.compile(
    rb'(?:[^"{}\[\]]*+"[^"\\]*+(?:\\.[^"\\]*+)*+")*+[^"{}\[\]]*+(["{}\[\]]|\Z)', re.DOTALL
)
"""Up to the next bracket outside strings; to a lone quote, where a string is cut; or to the end."""
_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_LIST_OF_ENVELOPE = re.compile(rb'"conversations"\s*:\s*\Z')
_CLOSER = {ord("{"): ord("}"), ord("["): ord("]")}
_BETWEEN = b" \t\r\n,\x1e\xef\xbb\xbf"


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """One entry. `problem` says why there is no `raw`; `depth`: how deep it is nested."""

    raw: bytes = b""
    depth: int = 0
    problem: str = ""


class Splitter:
    """Iterate it once. `header`: the envelope up to its list, known with the first entry."""

    def __init__(self, stream: BinaryIO, *, max_entry_bytes: int = MAX_ENTRY_BYTES) -> None:
        self._read = _utf8(stream)
        self._max = max_entry_bytes
        self.header: bytes | None = None
        self._buffer = b""
        self._scan = 0
        """Everything before it was looked at."""
        self._start: int | None = None
        """Where the entry began; None between entries."""
        self._closers = bytearray()
        """What has to be closed, innermost last."""
        self._base = 0
        """How many are open between entries."""
        self._deepest = 0
        self._in_string = False
        self._too_large = False
        self._seen = False
        self._ended = False

    def __iter__(self) -> Iterator[Piece]:
        while not self._ended:
            yield from self._pieces()
            if self._ended or not self._more():
                break
        yield from self._rest()

    # -- reading on

    def _more(self) -> bool:
        """Adds the next bytes; forgets what is not needed any more."""
        keep = self._scan if self._start is None else self._start
        if self._start is not None and self._scan - self._start > self._max:
            self._too_large = True
        if self._too_large:
            keep = self._scan
            self._start = 0
        fresh = self._read(max(_CHUNK, len(self._buffer) // 2))
        self._buffer = self._buffer[keep:] + fresh
        self._scan -= keep
        if self._start is not None and not self._too_large:
            self._start -= keep
        return bool(fresh)

    def _pieces(self) -> Iterator[Piece]:
        while self._scan < len(self._buffer):
            if self._in_string and not self._end_string():
                return
            begin = self._scan
            match = _BRACKET.match(self._buffer, begin)
            if match is None or match.start(1) == len(self._buffer):
                if self._start is None and (junk := self._junk(begin, len(self._buffer))):
                    yield junk
                self._scan = len(self._buffer)
                return
            at = match.start(1)
            char = self._buffer[at]
            if char == 0x22:
                self._scan, self._in_string = at + 1, True
                continue
            if self._start is None and (junk := self._junk(begin, at)):
                yield junk
            self._scan = at + 1
            if char in _CLOSER:
                self._open(at, char)
            elif (piece := self._close(char)) is not None:
                yield piece
            if self._ended:
                return

    def _end_string(self) -> bool:
        match = _STRING.match(self._buffer, self._scan)
        end = match.end() if match else self._scan
        self._scan = end
        if end < len(self._buffer) and self._buffer[end] == 0x22:
            self._scan, self._in_string = end + 1, False
            return True
        return False

    # -- brackets

    def _open(self, at: int, char: int) -> None:
        depth = len(self._closers)
        self._closers.append(_CLOSER[char])
        if self._start is None:
            if depth == 0 and char == ord("[") and self._base == 0:
                self._base = 1
            else:
                self._start, self._deepest = at, 0
            return
        self._deepest = max(self._deepest, len(self._closers) - self._base)
        if depth == 1 and self._base == 0 and char == ord("[") and not self._too_large:
            head = self._buffer[self._start : at]
            if len(head) <= MAX_HEADER_BYTES and (key := _LIST_OF_ENVELOPE.search(head)):
                self.header = head[: key.start()].rstrip().removesuffix(b",") + b"}"
                self._base, self._start = 2, None

    def _close(self, char: int) -> Piece | None:
        """Closes what this bracket belongs to, and what was left open inside."""
        if self._start is None and self._closers and self._closers[-1] != char:
            return None
        while self._closers and self._closers[-1] != char and len(self._closers) > self._base + 1:
            self._closers.pop()
        if self._closers:
            self._closers.pop()
        depth = len(self._closers)
        if self._start is None:
            self._ended = self._base > 0 and depth < self._base
            return None
        if depth > self._base:
            return None
        start, self._start, self._seen = self._start, None, True
        if self._too_large or self._scan - start > self._max:
            self._too_large = False
            return Piece(problem=f"It is larger than {self._max / MB:,.0f} MB.")
        return Piece(raw=self._buffer[start : self._scan], depth=self._deepest)

    def _junk(self, begin: int, end: int) -> Piece | None:
        """Something between entries that is none."""
        if not self._buffer[begin:end].strip(_BETWEEN):
            return None
        if self._base == 0 and not self._seen:
            raise InvalidInput(
                "The file is not JSON.",
                what_to_do="Choose the JSON file, or the ZIP archive, that the other program wrote.",
            )
        return Piece(problem="It is not a conversation.")

    def _rest(self) -> Iterator[Piece]:
        if self._ended:
            return
        if self._start is not None or self._in_string:
            yield Piece(problem="The file ends in the middle of it.")
        elif self._base > 0:
            yield Piece(problem="The file ends before its list of conversations does.")


def _utf8(stream: BinaryIO) -> Callable[[int], bytes]:
    """`read(size)` of a stream as UTF-8 without a byte order mark."""
    first = stream.read(4)
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if first.startswith(mark):
            decoder = codecs.getincrementaldecoder(name)("replace")
            wide = _Joined(first[2:], stream)
            return lambda size: _encoded(decoder, wide.read(size))
    return _Joined(first.removeprefix(codecs.BOM_UTF8), stream).read


def _encoded(decoder: codecs.IncrementalDecoder, data: bytes) -> bytes:
    return decoder.decode(data, not data).encode("utf-8", "replace")


class _Joined:
    """Bytes that were read to see what comes, and then the rest."""

    def __init__(self, begin: bytes, stream: BinaryIO) -> None:
        self._begin, self._stream = begin, stream

    def read(self, size: int) -> bytes:
        begin, self._begin = self._begin, b""
        return begin + self._stream.read(size)
