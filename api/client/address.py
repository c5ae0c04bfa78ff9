"""Where Switchboard is, and how it is called: what both clients are made of."""

from __future__ import annotations

from typing import Any

import httpx2

from api.client.calls import Call
from core.errors import InvalidInput, redact

DEFAULT_URL = "http://127.0.0.1:8501"
CONNECT_S = 5.0
SILENCE_S = 35.0
"""Streams say something every 10 s; after so long without a byte a connection is given up."""
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def base_url(given: str) -> str:
    """The address of the pages, without the API's own part. Raises InvalidInput."""
    try:
        url = httpx2.URL(given.strip())
    except (httpx2.InvalidURL, ValueError) as exc:
        raise _wrong(given) from exc
    if url.scheme not in ("http", "https") or not url.host or url.query or url.userinfo:
        raise _wrong(given)
    return str(url).rstrip("/").removesuffix("/api")


def options(url: str, key: str | None, timeout_s: float) -> dict[str, Any]:
    """Arguments of the httpx2 clients."""
    host = httpx2.URL(url).host
    return {
        "base_url": f"{url}/api",
        "headers": {"Authorization": f"Bearer {_credential(key)}"} if key else {},
        "timeout": httpx2.Timeout(timeout_s, connect=CONNECT_S),
        # A proxy of the environment is not the way to this machine.
        "trust_env": host not in _LOOPBACK,
        # Reading the certificates takes longer than the rest; without TLS nobody looks at them.
        "verify": url.startswith("https:"),
    }


def request(
    http: httpx2.Client | httpx2.AsyncClient, call: Call[Any], silence_s: float | None = None
) -> httpx2.Request:
    """The request of a call; `silence_s` is for streams. Raises InvalidInput."""
    headers = dict(call.headers)
    given: dict[str, Any] = {"content": call.content}
    if call.body is not None:
        given = {"json": call.body}
    if silence_s is not None:
        headers["Accept"] = "text/event-stream"
        timeout = http.timeout
        given["timeout"] = httpx2.Timeout(
            connect=timeout.connect, write=timeout.write, pool=timeout.pool, read=silence_s
        )
    try:
        return http.build_request(
            call.method, call.path, params=call.params or None, headers=headers, **given
        )
    except ValueError as exc:  # what is not UTF-8, NaN
        raise InvalidInput(f"This cannot be sent: {redact(str(exc), 200)}.") from exc


def _credential(key: str) -> str:
    key = key.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidInput("The key holds characters that no key has.")
    return key


def _wrong(given: str) -> InvalidInput:
    return InvalidInput(
        f"'{given[:200]}' is not an address.", what_to_do=f"Give one such as {DEFAULT_URL}."
    )
