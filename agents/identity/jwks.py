"""The public keys of an issuer, from the one address in the settings: no token chooses where to look."""

from __future__ import annotations

import ipaddress
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from core.errors import ConfigError, redact

log = logging.getLogger(__name__)

LARGEST_ANSWER = 256_000
MOST_KEYS = 100
FETCH_S = 5.0
"""For each step of a fetch, and for all of them together."""
AGAIN_S = 60.0
"""Between two fetches, whatever asks for them."""
FRESH_S = 3_600.0
"""After this the keys are fetched anew: a key that was taken back has to go."""
STALE_S = 86_400.0
"""So long keys are used when the issuer cannot be reached."""

Key = Mapping[str, Any]
Fetch = Callable[[str], bytes]


class JwksError(Exception):
    """Why the keys could not be read."""


class Jwks:
    """Safe from any thread. A fetch blocks those who need it, a few seconds at most."""

    def __init__(
        self,
        url: str,
        *,
        fetch: Fetch | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises ConfigError for an address that is neither https nor on this machine."""
        _check(url)
        self._url, self._fetch, self._clock = url, fetch or fetch_keys, clock
        self._lock = threading.Lock()
        self._keys: tuple[Key, ...] = ()
        self._read_at: float | None = None
        self._tried_at: float | None = None

    def candidates(self, kid: str | None) -> tuple[Key, ...]:
        """Keys a token with this key id may be signed with. Empty: there is none, or none to be had."""
        found = self._named(kid)
        if found and self._age() < FRESH_S:
            return found
        with self._lock:
            found = self._named(kid)  # another thread may have fetched meanwhile
            if not found or self._age() >= FRESH_S:
                self._refresh()
                found = self._named(kid)
        return found

    def _named(self, kid: str | None) -> tuple[Key, ...]:
        if self._age() >= STALE_S:
            return ()
        if kid is None:  # allowed where there is nothing to choose
            return self._keys if len(self._keys) == 1 else ()
        return tuple(key for key in self._keys if key.get("kid") == kid)

    def _age(self) -> float:
        read_at = self._read_at
        return float("inf") if read_at is None else self._clock() - read_at

    def _refresh(self) -> None:
        now = self._clock()
        if self._tried_at is not None and now - self._tried_at < AGAIN_S:
            return
        self._tried_at = now
        try:
            keys = read_keys(self._fetch(self._url))
        except JwksError as exc:
            log.warning("the keys of the issuer could not be read: %s", redact(str(exc)))
            return
        self._keys, self._read_at = keys, now


def read_keys(answer: bytes) -> tuple[Key, ...]:
    """The keys for signatures in a JWK set. Raises JwksError."""
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError) as exc:
        raise JwksError("the answer is not JSON") from exc
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list):
        raise JwksError("the answer has no list of keys")
    usable = tuple(
        key
        for key in keys[:MOST_KEYS]
        if isinstance(key, dict) and key.get("use", "sig") == "sig" and key.get("kty") != "oct"
    )
    if not usable:
        raise JwksError("the answer has no public key for signatures")
    return usable


def fetch_keys(url: str) -> bytes:
    """Follows no redirect and reads no more than a key set can need. Raises JwksError."""
    import httpx2

    deadline = time.monotonic() + FETCH_S
    own_machine = _is_loopback(urlsplit(url).hostname or "")
    try:
        with (
            httpx2.Client(
                timeout=FETCH_S, follow_redirects=False, trust_env=not own_machine
            ) as client,
            client.stream("GET", url, headers={"Accept": "application/json"}) as response,
        ):
            if response.status_code != 200:
                raise JwksError(f"the answer has status {response.status_code}")
            body = bytearray()
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise JwksError(f"the answer is larger than {LARGEST_ANSWER:,} bytes")
                if time.monotonic() > deadline:
                    raise JwksError(f"the answer took longer than {FETCH_S:.0f} s")
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as exc:
        raise JwksError(f"{type(exc).__name__}: {exc}") from exc
    return bytes(body)


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        usable = bool(host) and parts.username is None and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or (
        parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host))
    ):
        raise ConfigError(
            "SWITCHBOARD_JWT_JWKS_URL is not an https address (http only on this machine): whoever "
            "can change its answer on the way can log in as anybody."
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
