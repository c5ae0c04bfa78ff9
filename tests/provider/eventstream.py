"""The encoding of `application/vnd.amazon.eventstream`, written from its specification.

A message is: total length, headers length, CRC of these eight bytes, headers, payload, CRC of all
that came before. Botocore has only the decoder.
"""

from __future__ import annotations

import json
from binascii import crc32
from collections.abc import Mapping
from struct import pack
from typing import Any

STRING = 7


def message(headers: Mapping[str, str], payload: bytes, *, break_crc: bool = False) -> bytes:
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = pack("!II", 16 + len(head) + len(payload), len(head))
    body = prelude + pack("!I", crc32(prelude)) + head + payload
    return body + pack("!I", crc32(body) ^ (1 if break_crc else 0))


def event(kind: str, payload: Mapping[str, Any] | bytes, *, break_crc: bool = False) -> bytes:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    headers = {
        ":event-type": kind,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return message(headers, raw, break_crc=break_crc)


def exception(kind: str, text: str) -> bytes:
    headers = {
        ":exception-type": kind,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return message(headers, json.dumps({"message": text}).encode())


def _header(name: str, value: str) -> bytes:
    key, raw = name.encode(), value.encode()
    return pack("!B", len(key)) + key + pack("!BH", STRING, len(raw)) + raw
