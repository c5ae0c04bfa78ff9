"""The webhook: one JSON POST per alert, on a thread of its own, so that nobody waits for it.

The address is a secret (chat services put a token in it): it is never logged, kept or shown.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from analytics.alerts.evaluate import Reading
from analytics.alerts.state import Change
from analytics.timeaxis import local
from core.version import VERSION

log = logging.getLogger(__name__)
TIMEOUT_S = 5.0
BACKOFF_S = (1.0, 5.0, 25.0)
MAX_WAITING = 100
_TOO_EARLY = frozenset({408, 425, 429})
Result = dict[str, Any]
Payload = Mapping[str, object]
Post = tuple[str, Payload]
"""Event id and payload."""


def payload(change: Change, reading: Reading, zone: ZoneInfo) -> Payload:
    """What is sent. `text` is what chat services show."""

    def moment(at_us: int) -> str:
        return local(at_us, zone).isoformat(timespec="seconds")

    state = "resolved" if change.kind == "resolved" else "firing"
    return {
        "text": f"[{state}] {change.name}: {change.message}",
        "source": "switchboard",
        "event_id": change.event_id,
        "rule_id": change.rule_id,
        "rule": change.name,
        "state": state,
        "severity": reading.severity,
        "value": change.value,
        "message": change.message,
        "began_at": moment(change.began_at_us),
        "at": moment(change.at_us),
    }


class Webhook:
    """`send` may be called from any thread."""

    def __init__(
        self,
        url: str,
        on_result: Callable[[str, Result], None],
        *,
        timeout_s: float = TIMEOUT_S,
        backoff_s: Sequence[float] = BACKOFF_S,
    ) -> None:
        """`on_result` gets the event's id and how it went, on the webhook's thread."""
        self._url = url
        self._on_result = on_result
        self._timeout_s = timeout_s
        self._backoff_s = tuple(backoff_s)
        self._waiting: deque[Post] = deque()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def send(self, event_id: str, payload: Payload) -> bool:
        """Queues a POST; False when too many wait. Returns at once."""
        with self._changed:
            if self._closing.is_set() or len(self._waiting) >= MAX_WAITING:
                return False
            self._waiting.append((event_id, payload))
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="webhook", daemon=True)
                self._thread.start()
            self._changed.notify()
        return True

    def close(self, timeout_s: float = TIMEOUT_S) -> None:
        """Gives up waiting between tries; a POST under way is waited for. Idempotent."""
        self._closing.set()
        with self._changed:
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _loop(self) -> None:
        while (post := self._next()) is not None:
            event_id, payload = post
            result = self._deliver(payload)
            if not result["ok"]:
                log.warning("an alert could not be sent to the webhook: %s", result["error"])
            try:
                self._on_result(event_id, result)
            except Exception:  # the alert was told; only the note about it is missing
                log.warning("the result of a webhook could not be kept", exc_info=True)

    def _next(self) -> Post | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
            return self._waiting.popleft() if self._waiting else None

    def _deliver(self, payload: Payload) -> Result:
        body = json.dumps(payload).encode()
        for tries, pause in enumerate((*self._backoff_s, None), start=1):
            status, error = self._post(body)
            if error is None:
                return {"ok": True, "status": status, "tries": tries}
            refused = status is not None and 400 <= status < 500 and status not in _TOO_EARLY
            if refused or pause is None or self._closing.wait(pause):
                return {"ok": False, "status": status, "tries": tries, "error": error}
        raise AssertionError("the last try has no pause")

    def _post(self, body: bytes) -> tuple[int | None, str | None]:
        """(status, error). What the other side says is not repeated: it could hold the address."""
        from http.client import HTTPConnection, HTTPException, HTTPSConnection

        try:
            where = urlsplit(self._url)
            if where.scheme not in ("http", "https") or not where.hostname:
                return None, "SWITCHBOARD_ALERT_WEBHOOK_URL is not an http or https address"
            kind = HTTPSConnection if where.scheme == "https" else HTTPConnection
            connection = kind(where.hostname, where.port, timeout=self._timeout_s)
        except (ValueError, HTTPException):
            return None, "SWITCHBOARD_ALERT_WEBHOOK_URL cannot be read as an address"
        path = f"{where.path or '/'}{'?' + where.query if where.query else ''}"
        headers = {"Content-Type": "application/json", "User-Agent": f"switchboard/{VERSION}"}
        try:
            connection.request("POST", path, body, headers)
            status = connection.getresponse().status
        except TimeoutError:
            return None, f"no answer within {self._timeout_s:g} s"
        except (OSError, HTTPException, ValueError) as exc:
            return None, f"the connection failed ({type(exc).__name__})"
        finally:
            connection.close()
        # A redirect is not followed: the address that was set is the only one that gets the alert.
        return (status, None) if 200 <= status < 300 else (status, f"HTTP {status}")
