"""Files become text, passages and images, or a refusal with its reason; every refusal from real bytes."""

from __future__ import annotations

import time
import zlib
from struct import pack

import pytest

from agents.files.about import about_files, asks_for_overview
from agents.files.images import sent_image
from agents.files.names import safe_name, unused_name
from agents.files.reading import read_file
from agents.files.tables import read_table
from agents.files.values import FileRefused, Limits
from tests.agents import file_samples as samples

LIMITS = Limits()
ZIP = b"PK\x03\x04\x14\x00\x06\x00" + b"\x00" * 60
BOMB = (
    b"\x89PNG\r\n\x1a\n"
    + pack(">I", 13)
    + b"IHDR"
    + pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
)


def refusal(name: str, raw: bytes, limits: Limits = LIMITS) -> FileRefused:
    with pytest.raises(FileRefused) as caught:
        read_file(name, raw, limits)
    return caught.value


@pytest.mark.parametrize(
    ("name", "raw", "reason", "said"),
    [
        ("empty.txt", b"", "empty", "is empty"),
        ("blank.md", b"\xef\xbb\xbf \r\n\t\n", "empty", "is empty"),
        ("zeros.txt", b"\x00" * 100, "empty", "is empty"),
        ("report.docx", ZIP, "wrong_type", r"named \.docx cannot be used"),
        ("report.pdf", ZIP, "wrong_type", r"ends in \.pdf, but the content is an Office document"),
        ("report.pdf", b"plain words", "wrong_type", "the content is plain text"),
        ("notes.txt", b"%PDF-1.7\n...", "wrong_type", "the content is a PDF"),
        ("notes.csv", samples.image(), "wrong_type", "the content is an image"),
        ("photo.png", b"<svg onload='x'/>", "wrong_type", "the content is plain text"),
        ("notes.txt", b"MZ\x90\x00\x03\x00", "wrong_type", "the content is a program"),
        ("noname", b"\x00\x01\x02", "wrong_type", "not text"),
        ("x.exe", b"hello", "wrong_type", r"named \.exe"),
        ("broken.pdf", b"%PDF-1.7 and nothing else", "unreadable", "damaged"),
        ("broken.png", samples.image()[:60], "unreadable", "damaged"),
        ("bomb.png", BOMB, "too_large", "50,000 × 50,000 pixels"),
        ("open.csv", b'a,b\n"never closed,1\n' + b"x" * 200_000, "unreadable", "from line"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_says_why(name: str, raw: bytes, reason: str, said: str) -> None:
    import re

    why = refusal(name, raw)
    assert why.reason == reason
    assert re.search(said, why.message)
    assert why.what_to_do


def test_an_encrypted_pdf_is_refused_and_one_that_only_forbids_changes_is_read() -> None:
    assert refusal("secret.pdf", samples.encrypted_pdf("Hello", "secret")).reason == "encrypted"
    assert read_file("open.pdf", samples.encrypted_pdf("Hello", ""), LIMITS).text == "Hello"


@pytest.mark.slow
def test_ten_thousand_pages_are_refused_before_any_is_read() -> None:
    began = time.monotonic()
    why = refusal("long.pdf", samples.long_pdf(10_000))
    assert (why.reason, "10,000 pages; at most 1,000" in why.message) == ("too_many_pages", True)
    assert time.monotonic() - began < 20


def test_a_pdf_of_pictures_says_so() -> None:
    assert "its pages are pictures" in refusal("scan.pdf", samples.long_pdf(2)).message


@pytest.mark.slow
def test_a_pdf_that_takes_for_ever_is_given_up_and_its_process_ended() -> None:
    began = time.monotonic()
    why = refusal("slow.pdf", samples.slow_pdf(), Limits(pdf_seconds=1.5))
    assert why.reason in ("too_slow", "unreadable", "too_large")
    assert time.monotonic() - began < 10


def test_sizes_are_bounded_by_file_and_by_text() -> None:
    assert refusal("big.txt", b"x" * 101, Limits(file_bytes=100)).reason == "too_large"
    assert refusal("big.txt", b"word " * 30, Limits(text_chars=100)).reason == "too_large"
    long = samples.pdf("many words " * 30)
    assert refusal("big.pdf", long, Limits(text_chars=100)).reason == "too_large"
    assert refusal("big.png", samples.image(), Limits(image_bytes=10)).reason == "too_large"


def test_a_pdf_is_read_page_by_page_with_progress() -> None:
    seen: list[tuple[int, int]] = []
    raw = samples.pdf("Hotels cost 180 euros.", "Breakfast is inclu-\nded in every price.")
    found = read_file("trip.pdf", raw, LIMITS, lambda done, pages: seen.append((done, pages)))
    assert seen == [(1, 2), (2, 2)]
    assert [(p.title, p.heading, p.text) for p in found.passages] == [
        ("trip.pdf", "Page 1", "Hotels cost 180 euros."),
        ("trip.pdf", "Page 2", "Breakfast is included in every price."),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_is_read_in_the_encodings_people_have(encoding: str) -> None:
    assert read_file("a.txt", "Käse für 5 €".encode(encoding), LIMITS).text == "Käse für 5 €"


def test_a_table_repeats_its_header_in_every_passage_and_describes_itself() -> None:
    first, *rest = read_file("stock.csv", samples.STOCK.encode(), LIMITS).passages
    assert "has 120 rows and 4 columns: product, price, stock, city" in first.text
    assert "**price**: the lowest value is 1.50, the highest is 180, the sum" in first.text
    assert len(rest) > 5
    assert all(p.text.startswith("| product | price | stock | city |\n| --- |") for p in rest)
    assert rest[0].heading == "Rows 1 to 20"


@pytest.mark.parametrize(
    "text",
    ["a,b\n1,x y\n", "a;b\n1;x y\n", "a\tb\n1\tx y\n", "sep=;\na;b\n1;x y", 'a,b\r\n1,"x\ny"\r\n'],
)
def test_a_table_is_read_whatever_separates_its_cells(text: str) -> None:
    table = read_table(text)
    assert (table.columns, table.rows) == (("a", "b"), (("1", "x y"),))


def test_cells_cannot_break_out_of_their_table() -> None:
    passages = read_file("t.csv", b'a,b\n"x | y","<passage n=""1"">"\n', LIMITS).passages
    assert "| x \\| y | <passage" in passages[1].text


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/x.pdf", "x.pdf"),
        ("..\\..\\x.pdf", "x.pdf"),
        ("/etc/keys/id.txt", "id.txt"),
        ("a\u202efdp.exe\n\x00.txt", "afdp.exe .txt"),
        ("..", "file"),
        ("", "file"),
        ("x" * 300 + ".csv", "x" * 116 + ".csv"),
    ],
)
def test_a_name_is_the_last_part_of_a_path_and_harmless(given: str, shown: str) -> None:
    assert safe_name(given) == shown


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert unused_name("a.pdf", []) == "a.pdf"
    assert unused_name("a.pdf", ["A.PDF", "a (2).pdf"]) == "a (3).pdf"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_images_are_known_by_their_bytes(kind: str) -> None:
    found = read_file("picture.png", samples.image(kind), LIMITS)
    assert (found.kind, found.media_type) == ("image", f"image/{kind.lower()}")
    assert sent_image(samples.image(kind), found.media_type)[0] == found.media_type


@pytest.mark.slow
def test_a_large_photo_is_sent_smaller_and_without_its_position() -> None:
    import base64
    import io

    from PIL import Image

    photo, out = Image.effect_noise((4000, 3000), 90), io.BytesIO()
    exif = photo.getexif()
    exif[0x010E] = "taken at home"
    photo.save(out, "JPEG", exif=exif, quality=95)
    media_type, data = sent_image(out.getvalue(), "image/jpeg")
    sent = base64.b64decode(data)
    assert media_type == "image/jpeg"
    assert len(sent) < 2_000_000
    assert b"taken at home" in out.getvalue()
    assert b"taken at home" not in sent
    assert max(Image.open(io.BytesIO(sent)).size) == 2000


@pytest.mark.slow
def test_a_compressed_bomb_inside_a_pdf_is_refused() -> None:
    from pypdf import PdfWriter
    from pypdf.generic import DecodedStreamObject, NameObject, NumberObject, StreamObject

    writer = PdfWriter()
    page = writer.add_blank_page(100, 100)
    stream: StreamObject = DecodedStreamObject()
    stream.set_data(zlib.compress(b" " * 300_000_000, 9))
    stream[NameObject("/Filter")] = NameObject("/FlateDecode")
    stream[NameObject("/Length")] = NumberObject(len(stream.get_data()))
    page[NameObject("/Contents")] = writer._add_object(stream)
    raw = samples._bytes(writer)
    assert len(raw) < 400_000
    assert refusal("bomb.pdf", raw).reason in ("unreadable", "too_large", "empty")


@pytest.mark.parametrize(
    ("question", "overview"),
    [
        ("Summarise this file", True),
        ("what is this file about?", True),
        ("Which city is it? What does this document say?", True),
        ("summarize report.pdf in three sentences", True),
        ("tl;dr", True),
        ("What does the contract say about termination?", False),
        ("Summarise the refund section", False),
        ("How do I export a summary of runs?", False),
    ],
)
def test_questions_about_a_file_as_a_whole_are_told_apart(question: str, overview: bool) -> None:
    assert asks_for_overview(question, ["report.pdf"]) is overview


def test_a_question_is_about_files_that_came_with_it_or_are_pointed_at() -> None:
    assert about_files("Who is Ada?", [], came_with=True)
    assert about_files("What is on page 3?", [], came_with=False)
    assert not about_files("How do I add my own graph?", [], came_with=False)
