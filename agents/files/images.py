"""Images: how large one is by its first bytes, and what of it is sent to a model.

The size is read here and checked before any decoder sees the rest, so that a small file which
unpacks to gigabytes is refused. What is sent is drawn anew when it is large: providers take few
megabytes, and a photo's position and camera stay at home.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from struct import error as StructError
from struct import unpack
from typing import Any

from agents.files.values import MB, FileRefused, Limits

SENT_EDGE = 2_000
"""Pixels of the longer side; providers make more of no use, and Bedrock refuses 8,000."""
SENT_BYTES = 2 * MB
"""Bedrock refuses more than 3.75 MB."""


def check_image(raw: bytes, media_type: str, limits: Limits) -> None:
    """Raises FileRefused for one that is too large or cannot be drawn. Blocking."""
    if len(raw) > limits.image_bytes:
        raise FileRefused(
            "too_large",
            f"The image has {len(raw) / MB:.1f} MB; at most {limits.image_bytes / MB:g} MB can be "
            "used.",
            what_to_do="Make it smaller and add it again.",
        )
    width, height = _size(raw, media_type)
    if width * height > limits.image_pixels:
        raise FileRefused(
            "too_large",
            f"The image has {width:,} × {height:,} pixels; at most "
            f"{limits.image_pixels // 1_000_000} million can be used.",
            what_to_do="Make it smaller and add it again.",
        )
    _drawn(raw)


def sent_image(raw: bytes, media_type: str) -> tuple[str, str]:
    """(media type, base64) as a model gets it. Blocking. Raises FileRefused."""
    width, height = _size(raw, media_type)
    if max(width, height) > SENT_EDGE or len(raw) > SENT_BYTES:
        raw, media_type = _smaller(raw)
    return media_type, base64.b64encode(raw).decode("ascii")


def _smaller(raw: bytes) -> tuple[bytes, str]:
    image = _drawn(raw)
    image.thumbnail((SENT_EDGE, SENT_EDGE))
    out = io.BytesIO()
    if "A" in image.getbands() or "transparency" in image.info:
        image.convert("RGBA").save(out, "PNG")
        if out.tell() <= SENT_BYTES:
            return out.getvalue(), "image/png"
        out = io.BytesIO()
    image.convert("RGB").save(out, "JPEG", quality=85)
    return out.getvalue(), "image/jpeg"


def _drawn(raw: bytes) -> Any:
    """The first frame, upright."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(raw), formats=("PNG", "JPEG", "GIF", "WEBP")) as image:
            image.draft("RGB", (SENT_EDGE, SENT_EDGE))
            image.load()
            return ImageOps.exif_transpose(image)
    except Exception as exc:  # a decoder's own errors are of a dozen classes
        raise FileRefused("unreadable", "The image is damaged.") from exc


def _size(raw: bytes, media_type: str) -> tuple[int, int]:
    try:
        width, height = {
            "image/png": _png,
            "image/jpeg": _jpeg,
            "image/gif": _gif,
            "image/webp": _webp,
        }[media_type](raw)
    except (ValueError, IndexError, StructError) as exc:
        raise FileRefused("unreadable", "The image is damaged.") from exc
    if not width or not height:
        raise FileRefused("empty", "The image has no pixels.")
    return width, height


def _png(raw: bytes) -> tuple[int, int]:
    width, height = unpack(">II", raw[16:24])
    return width, height


def _gif(raw: bytes) -> tuple[int, int]:
    width, height = unpack("<HH", raw[6:10])
    return width, height


def _webp(raw: bytes) -> tuple[int, int]:
    match raw[12:16]:
        case b"VP8 ":
            width, height = unpack("<HH", raw[26:30])
            return width & 0x3FFF, height & 0x3FFF
        case b"VP8L":
            bits = int.from_bytes(raw[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return (
                int.from_bytes(raw[24:27], "little") + 1,
                int.from_bytes(raw[27:30], "little") + 1,
            )
    raise ValueError("no WebP chunk")


def _jpeg(raw: bytes) -> tuple[int, int]:
    for marker, at in _jpeg_segments(raw):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = unpack(">HH", raw[at + 3 : at + 7])
            return width, height
    raise ValueError("no frame")


def _jpeg_segments(raw: bytes) -> Iterator[tuple[int, int]]:
    """(marker, place of its length) up to the picture itself."""
    at = 2
    while at + 4 <= len(raw):
        if raw[at] != 0xFF:
            return
        marker = raw[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        yield marker, at + 2
        if marker == 0xDA:
            return
        at += 2 + unpack(">H", raw[at + 2 : at + 4])[0]
