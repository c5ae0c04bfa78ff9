"""Bytes to a port and back: what no HTTP client would send."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable


def connected(port: int, timeout: float = 20.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=timeout)


def raw(port: int, *parts: bytes) -> bytes:
    """Everything the server says until it closes or is silent for a second after its first words."""
    with connected(port) as one:
        with contextlib.suppress(ConnectionError, BrokenPipeError):
            for part in parts:
                one.sendall(part)
        return read_all(one)


def read_all(one: socket.socket) -> bytes:
    said = b""
    with contextlib.suppress(ConnectionError, TimeoutError):
        while part := one.recv(65_536):
            said += part
            one.settimeout(1.0)
    return said


def status(said: bytes) -> int:
    """Of the first answer; 0 when there is none."""
    words = said.split(b"\r\n", 1)[0].split()
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") else 0


def head(method: str, target: str, host: str, *lines: str, extra: Iterable[bytes] = ()) -> bytes:
    text = "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {host}", *lines])
    return text.encode("latin-1") + b"\r\n" + b"".join(extra) + b"\r\n"
