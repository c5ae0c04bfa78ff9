"""Real bytes of files, made here: PDFs with text, encrypted, long or slow; images; a table."""

from __future__ import annotations

import io
from functools import cache

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

POLICY = """# Travel policy of Meridian

Employees book flights at least fourteen days before departure.

## Hotels

Hotels cost at most 180 euros per night in Paris and 140 euros elsewhere.

## Late claims

Late claims need the approval of Ms Okafor, the head of finance.
"""
STOCK = "product,price,stock,city\n" + "\n".join(
    f"Widget {n},{n * 1.5:.2f},{n % 7},{('Paris', 'Lyon', 'Oslo')[n % 3]}" for n in range(1, 121)
)


def pdf(*pages: str) -> bytes:
    """One page per text; its lines stand below each other."""
    writer = PdfWriter()
    for text in pages:
        _write(writer, text)
    return _bytes(writer)


def encrypted_pdf(text: str, password: str) -> bytes:
    writer = PdfWriter()
    _write(writer, text)
    writer.encrypt(password, "owner", algorithm="RC4-128")
    return _bytes(writer)


@cache
def long_pdf(pages: int) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    return _bytes(writer)


def slow_pdf() -> bytes:
    """Some kilobytes that unpack to many million drawing steps."""
    writer = PdfWriter()
    page = _write(writer, "start")
    contents = DecodedStreamObject()
    contents.set_data(b"BT /F 9 Tf " + b"(a) Tj T* " * 3_000_000 + b"ET")
    page[NameObject("/Contents")] = writer._add_object(contents.flate_encode())
    return _bytes(writer)


def image(kind: str = "PNG", size: tuple[int, int] = (40, 30), color: str = "red") -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, kind)
    return out.getvalue()


def _write(writer: PdfWriter, text: str) -> DictionaryObject:
    page = writer.add_blank_page(595, 842)
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    fonts = DictionaryObject({NameObject("/F"): writer._add_object(font)})
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    lines = " T* ".join(f"({_escaped(line)}) Tj" for line in text.split("\n"))
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F 11 Tf 50 780 Td 14 TL {lines} ET".encode("latin-1"))
    page[NameObject("/Contents")] = writer._add_object(stream)
    return page


def _escaped(line: str) -> str:
    return line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _bytes(writer: PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()
