"""Sends finished runs to a collector from a thread of its own, behind a bounded queue.

A collector that is slow, dead or answers nonsense costs its traces and nothing else: `offer` never
blocks, what has no place or could not be delivered is counted, and `close` ends within its bound.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from analytics.otlp.names import SpanFacts, spans
from analytics.rows import RunFacts
from core.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import ReadableSpan

log = logging.getLogger(__name__)

MAX_WAITING_RUNS = 2_000
RUNS_PER_REQUEST = 50
INTERVAL_S = 1.0
TIMEOUT_S = 5.0
"""For one request with its repetitions."""
CLOSE_S = 3.0
_PATH = "/v1/traces"


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportHealth:
    """Counts since the process started."""

    spans_sent: int
    spans_dropped: int
    """Spans that were not delivered: no place in the queue, refused, or the collector was away."""
    runs_waiting: int
    failing: bool
    """True while the last attempt to send failed."""
    last_error: str | None


class Exporter:
    """One per process. `offer` and `health` may be called from any thread."""

    def __init__(
        self,
        endpoint: str,
        headers: str | None = None,
        *,
        resource: Mapping[str, str],
        max_waiting: int = MAX_WAITING_RUNS,
        interval_s: float = INTERVAL_S,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Raises ConfigError. `resource`: attributes of the process, such as service.name."""
        self._endpoint = traces_url(endpoint)
        self._headers = parse_headers(headers)
        self._resource = dict(resource)
        self._max_waiting, self._interval_s, self._timeout_s = max_waiting, interval_s, timeout_s
        self._queue: deque[RunFacts] = deque()
        self._lock = threading.Lock()
        self._sent = self._dropped = 0
        self._failing = False
        self._last_error: str | None = None
        self._client: OTLPSpanExporter | None = None
        self._closing = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="otlp-export", daemon=True)
        self._thread.start()

    def offer(self, facts: RunFacts) -> None:
        """Queues a finished run; counts it when there is no place. Never blocks."""
        if self._closing or len(self._queue) >= self._max_waiting:
            self._drop([facts])
            return
        self._queue.append(facts)
        if len(self._queue) >= RUNS_PER_REQUEST:
            self._wake.set()

    def health(self) -> ExportHealth:
        return ExportHealth(
            spans_sent=self._sent,
            spans_dropped=self._dropped,
            runs_waiting=len(self._queue),
            failing=self._failing,
            last_error=self._last_error,
        )

    def close(self, timeout: float = CLOSE_S) -> None:
        """Sends what waits if that is possible in time; the rest counts as dropped. Idempotent."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            log.warning("traces could not be sent within %.0f s of the end", timeout)
            client = self._client
            if client is not None:
                client.shutdown()  # type: ignore[no-untyped-call]  # ends a pause before a repetition
            self._drop(self._take(len(self._queue)))

    # -- the thread

    def _loop(self) -> None:
        while not self._closing:
            self._wake.wait(self._interval_s)
            self._wake.clear()
            self._send_all()
        self._send_all()
        if self._client is not None:
            self._client.shutdown()  # type: ignore[no-untyped-call]

    def _send_all(self) -> None:
        while batch := self._take(RUNS_PER_REQUEST):
            try:
                self._send(batch)
            except Exception as exc:  # one run must not end the thread
                self._fail(f"{type(exc).__name__}: {exc}")
                self._drop(batch)
                log.exception("a batch of traces was not sent")

    def _take(self, count: int) -> list[RunFacts]:
        batch: list[RunFacts] = []
        while self._queue and len(batch) < count:
            try:
                batch.append(self._queue.popleft())
            except IndexError:  # `close` gave up on us and emptied the queue
                break
        return batch

    def _send(self, batch: Sequence[RunFacts]) -> None:
        if self._client is None:
            self._client = _client(self._endpoint, self._headers, self._timeout_s)
        ready = list(_readable((span for facts in batch for span in spans(facts)), self._resource))
        result = self._client.export(ready)
        if result.name == "SUCCESS":
            self._sent += len(ready)
            self._failing = False
            return
        self._fail(f"The collector at {self._endpoint} did not take the traces.")
        self._drop(batch)

    def _fail(self, message: str) -> None:
        self._failing, self._last_error = True, message

    def _drop(self, batch: Sequence[RunFacts]) -> None:
        lost = sum(1 + len(facts.steps) + len(facts.calls) for facts in batch)
        with self._lock:  # called by whoever offers, by the thread and by `close`
            self._dropped += lost


def exporter_for(
    endpoint: str | None, headers: str | None, *, version: str, environment: str | None
) -> Exporter | None:
    """The exporter the settings ask for, or None. Raises ConfigError."""
    if not endpoint:
        return None
    resource = {"service.name": "switchboard", "service.version": version}
    if environment:
        resource["deployment.environment.name"] = environment
    return Exporter(endpoint, headers, resource=resource)


def traces_url(endpoint: str) -> str:
    """The address of the trace signal under a collector's address. Raises ConfigError."""
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigError(
            "A setting cannot be used. SWITCHBOARD_OTLP_ENDPOINT: not an address such as "
            "http://127.0.0.1:4318"
        )
    path = parts.path.rstrip("/")
    return parts._replace(path=path if path.endswith(_PATH) else path + _PATH).geturl()


def parse_headers(text: str | None) -> dict[str, str]:
    """`name=value,name=value`, values percent-encoded where they hold a comma. Raises ConfigError."""
    headers: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in (text or "").split(","))):
        name, equals, value = part.partition("=")
        name, value = name.strip(), unquote(value.strip())
        if not equals or not name.isascii() or not name or {"\r", "\n"} & {*name, *value}:
            raise ConfigError(
                "A setting cannot be used. SWITCHBOARD_OTLP_HEADERS: write name=value,name=value"
            )
        headers[name.lower()] = value
    return headers


def _client(endpoint: str, headers: Mapping[str, str], timeout_s: float) -> OTLPSpanExporter:
    import requests
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    session = requests.Session()
    session.max_redirects = 0  # the headers may hold a key: they go to the address that was named
    return OTLPSpanExporter(endpoint, headers=headers, timeout=timeout_s, session=session)


def _readable(
    facts: Iterable[SpanFacts], resource_attributes: Mapping[str, str]
) -> Iterable[ReadableSpan]:
    """Finished spans of the SDK. Made directly: a tracer would stamp its own ids and times."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    resource = Resource.create(dict(resource_attributes))
    scope = InstrumentationScope("switchboard", resource_attributes.get("service.version"))
    kinds: Mapping[str, SpanKind] = {"internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT}
    context: Callable[[int, int], Any] = lambda trace, span: SpanContext(  # noqa: E731
        trace, span, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    for span in facts:
        parent = None if span.parent_id is None else context(span.trace_id, span.parent_id)
        yield ReadableSpan(
            name=span.name,
            context=context(span.trace_id, span.span_id),
            parent=parent,
            resource=resource,
            attributes=span.attributes,
            kind=kinds[span.kind],
            status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
            start_time=span.start_ns,
            end_time=span.end_ns,
            instrumentation_scope=scope,
        )
