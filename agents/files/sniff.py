"""What a file is, by its bytes. Its name may only agree; the sender's media type counts for nothing."""

from __future__ import annotations

import codecs
import re

from agents.files.values import SUFFIXES, WHAT_CAN_BE, FileRefused, Kind

PDF_MARK_WITHIN = 1024
"""Some programs put a few bytes before `%PDF-`; readers accept that, and so do we."""
SAMPLE = 65_536
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_KNOWN = (
    (b"PK\x03\x04", "an Office document or an archive (ZIP)"),
    (b"PK\x05\x06", "an empty archive (ZIP)"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x1f\x8b", "an archive (gzip)"),
    (b"7z\xbc\xaf", "an archive (7z)"),
    (b"Rar!", "an archive (RAR)"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\x00", "a database"),
    (b"{\\rtf", "a rich text document"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"BM", "a bitmap image"),
    (b"ID3", "a sound"),
    (b"OggS", "a sound or a film"),
)  # fmt: skip


def sniff(name: str, raw: bytes) -> tuple[Kind, str]:
    """(kind, media type). Raises FileRefused: empty, or wrong type with what it seems to be."""
    if not raw.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        raise FileRefused("empty", "The file is empty.")
    named = kind_by_name(name)
    suffix = name.rpartition(".")[2].lower()
    if named is None and "." in name:
        raise FileRefused(
            "wrong_type",
            f"Files named .{suffix[:20]} cannot be used, only {WHAT_CAN_BE}.",
            what_to_do="Save it as text, Markdown, PDF or CSV and add that.",
        )
    found, media_type = _by_content(raw)
    if found is None:
        raise _mismatch(suffix, named, _seems(raw))
    if found != "text":
        if named not in (None, found):
            raise _mismatch(suffix, named, "a PDF" if found == "pdf" else "an image")
        return found, media_type
    if named in ("pdf", "image"):
        raise _mismatch(suffix, named, "plain text")
    kind: Kind = named or "text"
    return kind, {"markdown": "text/markdown", "csv": "text/csv"}.get(kind, "text/plain")


def kind_by_name(name: str) -> Kind | None:
    """What the end of a name says; None when it says nothing we know."""
    stem, _, suffix = name.rpartition(".")
    return SUFFIXES.get(suffix.lower()) if stem else None


def _by_content(raw: bytes) -> tuple[Kind | None, str]:
    if raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image", "image/png"
    if raw.startswith(b"\xff\xd8\xff"):
        return "image", "image/jpeg"
    if raw.startswith((b"GIF87a", b"GIF89a")):
        return "image", "image/gif"
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return "image", "image/webp"
    if b"%PDF-" in raw[:PDF_MARK_WITHIN]:
        return "pdf", "application/pdf"
    return ("text", "text/plain") if _is_text(raw) else (None, "")


def _is_text(raw: bytes) -> bool:
    """Text has no control characters but tabs, line ends and escapes; UTF-16 has to say so."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            raw.decode("utf-16")
        except UnicodeDecodeError:
            return False
        return True
    if any(raw.startswith(mark) for mark, _ in _KNOWN if len(mark) > 3):
        return False
    return not _CONTROL.search(raw)


def _seems(raw: bytes) -> str:
    return next((what for mark, what in _KNOWN if raw.startswith(mark)), "not text")


def _mismatch(suffix: str, named: Kind | None, seems: str) -> FileRefused:
    if named is None:
        return FileRefused("wrong_type", f"The file is {seems}.")
    return FileRefused(
        "wrong_type",
        f"The name ends in .{suffix}, but the content is {seems}.",
        what_to_do=f"Add the file as it really is: {WHAT_CAN_BE} can be used.",
    )


def decode(raw: bytes) -> str:
    """The text of a file: by its mark, else UTF-8, else Windows' Western encoding."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")
