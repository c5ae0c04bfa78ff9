"""Reads a PDF from standard input and writes one JSON line per page. A program of its own.

Run by pdf.py in a process that may be killed; imports nothing of Switchboard, gets no environment
and no file. Lines: {"pages": n}, then {"page": k, "text": "…"}; or {"refused": reason, "why": "…"}.
"""

from __future__ import annotations

import io
import json
import logging
import sys

MAX_MEMORY = 1_500_000_000


def main(max_pages: int, max_chars: int, max_seconds: int) -> None:
    _bound(max_seconds)
    logging.disable(logging.CRITICAL)  # pypdf reports every oddity of a file
    raw = sys.stdin.buffer.read()
    from pypdf import PdfReader
    from pypdf.errors import DependencyError

    try:
        reader = PdfReader(io.BytesIO(raw), strict=False)
        if reader.is_encrypted:
            try:
                opened = bool(reader.decrypt(""))  # a password only for changing it
            except (DependencyError, NotImplementedError):
                opened = False
            if not opened:
                _say({"refused": "encrypted", "why": "The PDF is encrypted with a password."})
                return
        pages = len(reader.pages)
        _say({"pages": pages})
        if pages > max_pages:
            return
        room, bad = max_chars, 0
        for number, page in enumerate(reader.pages, start=1):
            found = _text(page)
            text = (found or "")[: room + 1]
            room, bad = room - len(text), bad + (found is None)
            _say({"page": number, "text": text})
            if room < 0:
                return
        if bad == pages:
            _say({"refused": "unreadable", "why": "No page of the PDF can be read."})
    except MemoryError:
        _say({"refused": "too_large", "why": "The PDF unpacks to more than can be read."})
    except RecursionError:
        _say({"refused": "unreadable", "why": "The PDF refers to itself without end."})
    except Exception as exc:
        kind = type(exc).__name__
        _say({"refused": "unreadable", "why": f"The PDF is damaged ({kind})."})


def _text(page: object) -> str | None:
    """None for a bad page, which does not lose the others."""
    try:
        return str(page.extract_text())  # type: ignore[attr-defined]
    except (MemoryError, RecursionError):
        raise
    except Exception:
        return None


def _bound(max_seconds: int) -> None:
    """Also ends this process by itself, should the one that began it be gone."""
    try:
        import resource
    except ImportError:  # not on Windows; the deadline holds there too
        return
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (max_seconds, max_seconds))


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")  # ASCII: lone surrogates survive as escapes
    sys.stdout.flush()


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:4]))
