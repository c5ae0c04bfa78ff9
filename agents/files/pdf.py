"""The text of a PDF, page by page, read in a process of its own.

A PDF is a program in all but name: one of a few kilobytes can loop for ever or unpack to gigabytes,
and a thread that does so can neither be stopped nor be kept from the memory of everybody else. A
process can: it is killed at a deadline, has a bound on its memory, and gets no environment, so no key.
Starting it costs about a third of a second.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from agents.files.values import FileRefused, Limits

WORKER = Path(__file__).with_name("pdf_worker.py")
_HYPHEN = re.compile(r"(?<=[a-zß-ÿ])-\n(?=[a-zß-ÿ])")
_SENTENCE_END = re.compile(r"[.!?:;][\"”’)]?$")


def pdf_pages(raw: bytes, limits: Limits, progress: Callable[[int, int], None]) -> list[str]:
    """The text of every page; "" for one without any. `progress` gets (pages read, pages).

    Blocking. Raises FileRefused.
    """
    command = [
        sys.executable, "-I", "-X", "utf8", str(WORKER),
        str(limits.pages), str(limits.text_chars), str(int(limits.pdf_seconds) + 5),
    ]  # fmt: skip
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
    ) as process:
        late = threading.Event()
        timer = threading.Timer(limits.pdf_seconds, _strike, (process, late))
        timer.daemon = True
        timer.start()
        try:
            return _read(process, raw, limits, progress, late)
        finally:
            timer.cancel()
            process.kill()


def _strike(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()


def _read(
    process: subprocess.Popen[bytes],
    raw: bytes,
    limits: Limits,
    progress: Callable[[int, int], None],
    late: threading.Event,
) -> list[str]:
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it died: its output, or none, says why
        process.stdin.write(raw)
    with suppress(BrokenPipeError):
        process.stdin.close()
    pages, chars, texts = None, 0, []
    for line in _lines(process):
        if "refused" in line:
            raise FileRefused(line["refused"], str(line["why"]))
        if "pages" in line:
            pages = int(line["pages"])
            if pages > limits.pages:
                raise FileRefused(
                    "too_many_pages",
                    f"The PDF has {pages:,} pages; at most {limits.pages:,} can be used.",
                )
            continue
        texts.append(str(line["text"]))
        chars += len(texts[-1])
        if chars > limits.text_chars:
            raise FileRefused(
                "too_large", f"The PDF holds more than {limits.text_chars:,} characters of text."
            )
        progress(len(texts), pages or 0)
    if late.is_set():
        raise FileRefused(
            "too_slow",
            f"The PDF could not be read within {limits.pdf_seconds:g} seconds "
            f"({len(texts):,} of {pages or 0:,} pages).",
        )
    if pages is None or len(texts) < pages:
        raise FileRefused("unreadable", "The PDF is damaged or too much to unpack.")
    return texts


def _lines(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    assert process.stdout is not None
    for line in process.stdout:
        try:
            yield json.loads(line)
        except ValueError:  # cut off by the kill
            return


def paragraphs(page: str) -> str:
    """A page's lines as paragraphs: words cut at line ends are joined, short last lines end one."""
    lines = [line.strip() for line in _HYPHEN.sub("", page).split("\n")]
    width = max((len(line) for line in lines), default=0)
    out: list[str] = []
    for at, line in enumerate(lines):
        out.append(line)
        following = lines[at + 1] if at + 1 < len(lines) else ""
        ends = bool(_SENTENCE_END.search(line)) and len(line) < 0.85 * width
        if line and (ends or _is_heading(line, out[-2] if at else "", following, width)):
            out.append("")
    return "\n".join(out)


def _is_heading(line: str, before: str, following: str, width: int) -> bool:
    """A short line without an end, between the end of a sentence and the start of another."""
    starts = not before or _SENTENCE_END.search(before)
    return bool(
        starts
        and following[:1].isupper()
        and len(line) < min(70, 0.75 * width)
        and not _SENTENCE_END.search(line)
        and not line.endswith(",")
    )
