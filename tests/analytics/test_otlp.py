"""Runs as OpenTelemetry traces: what a collector on the loopback really gets."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from agents.run import TurnRequest
from agents.runtime import Runtime
from analytics.facts import RunFold
from analytics.otlp import Exporter
from analytics.otlp.exporter import exporter_for, parse_headers, traces_url
from analytics.otlp.names import span_id, spans, trace_id
from analytics.recorder import Recorder
from analytics.rows import RunFacts, run_facts
from core.errors import ConfigError
from core.events import (
    Cancelled,
    Completed,
    Event,
    Failed,
    ReasoningStep,
    Route,
    Source,
    Sources,
    Token,
    ToolEnd,
    ToolStart,
    UsageReported,
)
from core.settings import load_settings
from tests.analytics.scripts import START_US, attempt, facts, meta, script, started

# Every name of the conventions that may appear, as the registry of semantic-conventions-genai and
# the stable registry spell them. Anything else has to begin with `switchboard.`.
CONVENTIONS = {
    "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.workflow.name",
    "gen_ai.conversation.id", "gen_ai.agent.name", "gen_ai.tool.name", "gen_ai.tool.call.id",
    "gen_ai.tool.type", "gen_ai.request.model", "gen_ai.request.stream", "gen_ai.response.model",
    "gen_ai.response.id", "gen_ai.response.finish_reasons", "gen_ai.response.time_to_first_chunk",
    "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens",
    "gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_write.input_tokens",
    "gen_ai.usage.reasoning.output_tokens", "error.type", "user.id", "http.response.status_code",
    "cloud.region",
}  # fmt: skip
SECRET = "zq81xw7-nobody-may-read-this"


class Collector:
    """A collector that keeps what it is sent; `status` and `delay_s` make it a bad one."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.status = 200
        self.release = threading.Event()
        self.release.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                outer.release.wait(10)
                outer.paths.append(self.path)
                outer.headers.append({k.lower(): v for k, v in self.headers.items()})
                outer.requests.append(ExportTraceServiceRequest.FromString(body))
                try:
                    self.send_response(outer.status)
                    self.end_headers()
                except OSError:
                    pass

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def spans(self) -> list[Span]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def close(self) -> None:
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    built = Collector()
    yield built
    built.close()


def exporter(endpoint: str, **more: Any) -> Exporter:
    return Exporter(
        endpoint, **{"resource": {"service.name": "switchboard"}, "interval_s": 0.02} | more
    )


def wait_for(condition: Any, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def attributes(span: Span) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in span.attributes:
        kind = item.value.WhichOneof("value")
        value = getattr(item.value, kind)
        found[item.key] = [v.string_value for v in value.values] if kind == "array_value" else value
    return found


def rich_run() -> list[tuple[int, Event]]:
    """A supervisor, an agent that retrieves and calls a tool, one failed attempt, one good one."""
    usage = UsageReported(
        call_id="c2", model="openai:gpt-4o-mini", provider="openai", purpose="answer", source="provider",
        input_tokens=900, output_tokens=50, cache_read_tokens=300, cache_write_tokens=20,
        reasoning_tokens=7, cost_pusd=123_456_789_000, price_id="p", cost_quality="exact",
    )  # fmt: skip
    source = Source(
        n=1, passage_id="p", title=SECRET, document=SECRET, area="a", text=SECRET, score=0.5
    )
    return [
        (0, started()),
        (1, ReasoningStep(step_id="s1", name="supervisor", status="started")),
        (4, Route(agent="technical", reason=SECRET, decided_by="local", duration_us=2000)),
        (5, ReasoningStep(step_id="s1", name="supervisor", status="ok")),
        (6, ReasoningStep(step_id="s2", name="technical", agent="technical", status="started")),
        (10, Sources(mode="rag", query=SECRET, sources=(source,), agent="technical", duration_us=3000)),
        (11, ToolStart(tool_call_id="t1", name="lookup", input=SECRET, agent="technical")),
        (20, ToolEnd(tool_call_id="t1", name="lookup", error=SECRET, agent="technical")),
        (21, attempt("started", "c1", agent="technical")),
        (31, attempt("error", "c1", agent="technical", error_type="rate_limited", http_status=429, duration_us=10_000)),
        (32, attempt("started", "c2", agent="technical", attempt=2)),
        (100, Token(text=SECRET, agent="technical")),
        (150, usage),
        (151, attempt("ok", "c2", agent="technical", attempt=2, duration_us=119_000,
                      first_chunk_us=40_000, first_token_us=60_000, finish_reason="stop",
                      response_model="gpt-4o-mini-2024-07-18", response_id="chatcmpl-1")),
        (160, ReasoningStep(step_id="s2", name="technical", agent="technical", status="ok")),
        (170, Completed(message_id="a", notice=SECRET)),
    ]  # fmt: skip


def test_a_run_is_one_trace_with_the_right_parents(collector: Collector) -> None:
    sender = exporter(collector.url)
    sender.offer(facts(*rich_run()))
    sender.close()
    sent = {span.name: span for span in collector.spans() if span.name != "chat " + MODEL}
    chats = [span for span in collector.spans() if span.name == "chat " + MODEL]
    root = sent["invoke_workflow supervisor"]
    agent = sent["invoke_agent technical"]
    assert {s.trace_id for s in collector.spans()} == {trace_id("r1").to_bytes(16)}
    assert root.parent_span_id == b""
    parents = {name: span.parent_span_id for name, span in sent.items()}
    assert parents == {
        "invoke_workflow supervisor": b"",
        "plan": root.span_id,
        "invoke_agent technical": root.span_id,
        "retrieval": agent.span_id,
        "execute_tool lookup": agent.span_id,
    }
    assert [chat.parent_span_id for chat in chats] == [agent.span_id, agent.span_id]
    kinds = {span.name: Span.SpanKind.Name(span.kind) for span in collector.spans()}
    assert kinds.pop("chat " + MODEL) == "SPAN_KIND_CLIENT"
    assert set(kinds.values()) == {"SPAN_KIND_INTERNAL"}
    assert collector.paths == ["/v1/traces"]


MODEL = "openai:gpt-4o-mini"


def test_every_name_is_one_of_the_conventions_or_our_own(collector: Collector) -> None:
    sender = exporter(collector.url)
    sender.offer(facts(*rich_run()))
    sender.close()
    names = {name for span in collector.spans() for name in attributes(span)}
    assert {n for n in names if not n.startswith("switchboard.")} <= CONVENTIONS
    assert names > {"gen_ai.operation.name", "gen_ai.request.model", "gen_ai.conversation.id"}


def test_an_attempt_carries_its_tokens_times_and_cost(collector: Collector) -> None:
    sender = exporter(collector.url)
    sender.offer(facts(*rich_run()))
    sender.close()
    failed, good = (s for s in collector.spans() if s.name == "chat " + MODEL)
    found = attributes(good)
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": MODEL,
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.time_to_first_chunk": 0.04,
        "gen_ai.request.stream": True,
        "gen_ai.conversation.id": "t1",
        "gen_ai.usage.input_tokens": 900,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.cache_read.input_tokens": 300,
        "gen_ai.usage.cache_write.input_tokens": 20,
        "gen_ai.usage.reasoning.output_tokens": 7,
        "switchboard.cost.usd": 0.123456789,
        "switchboard.cost.picousd": 123_456_789_000,
        "switchboard.attempt": 2,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert "error.type" not in found
    assert good.status.code == Status.STATUS_CODE_UNSET
    assert failed.status.code == Status.STATUS_CODE_ERROR
    assert attributes(failed)["error.type"] == "rate_limited"
    assert attributes(failed)["http.response.status_code"] == 429
    start = START_US * 1000
    assert (good.start_time_unix_nano - start, good.end_time_unix_nano - start) == (
        32_000_000,
        151_000_000,
    )


def test_tokens_and_cost_of_a_run_can_be_added_up_from_the_attempts_alone() -> None:
    made = list(spans(facts(*rich_run())))
    carrying = [s.name for s in made if "gen_ai.usage.input_tokens" in s.attributes]
    assert set(carrying) == {"chat " + MODEL}


def test_no_text_of_anybody_is_sent(collector: Collector) -> None:
    sender = exporter(collector.url)
    sender.offer(facts(*rich_run()))
    sender.close()
    raw = b"".join(request.SerializeToString() for request in collector.requests)
    assert b"rate_limited" in raw
    assert SECRET.encode() not in raw


@pytest.mark.parametrize(
    ("end", "code", "error"),
    [
        (Completed(message_id="a"), Status.STATUS_CODE_UNSET, None),
        (Cancelled(by="user", stop_us=5), Status.STATUS_CODE_UNSET, None),
        (Failed(code="model_unavailable", message=SECRET, what_to_do="w", retryable=True), Status.STATUS_CODE_ERROR, "model_unavailable"),
    ],
)  # fmt: skip
def test_a_run_fails_only_when_it_failed(
    collector: Collector, end: Event, code: int, error: str | None
) -> None:
    sender = exporter(collector.url)
    sender.offer(facts((0, started()), (10, end)))
    sender.close()
    (root,) = collector.spans()
    assert (root.status.code, attributes(root).get("error.type")) == (code, error)
    assert root.end_time_unix_nano - root.start_time_unix_nano == 10_000_000


def test_ids_depend_on_the_run_alone_and_differ_between_runs() -> None:
    first, again = (list(spans(facts(*rich_run()))) for _ in range(2))
    assert [s.span_id for s in first] == [s.span_id for s in again]
    assert len({s.span_id for s in first}) == len(first)
    assert trace_id("r1") != trace_id("r2")
    assert 0 < trace_id("r1") < 2**128
    assert 0 < span_id("r1", "run") < 2**64


def test_headers_and_resource_reach_the_collector(collector: Collector) -> None:
    sender = exporter_for(
        collector.url + "/", "Authorization=Bearer%20k,x-team=a", version="1.2", environment="test"
    )
    assert sender is not None
    sender.offer(facts((0, started()), (10, Completed(message_id="a"))))
    sender.close()
    (headers,), (request,) = collector.headers, collector.requests
    assert (headers["authorization"], headers["x-team"]) == ("Bearer k", "a")
    resource = {a.key: a.value.string_value for a in request.resource_spans[0].resource.attributes}
    assert resource["service.name"] == "switchboard"
    assert resource["service.version"] == "1.2"
    assert resource["deployment.environment.name"] == "test"
    assert sender.health().spans_sent == 1


def test_a_run_that_was_recorded_is_sent(collector: Collector, tmp_path: Any) -> None:
    sender = exporter(collector.url)
    recorder = Recorder(tmp_path / "analytics.db", interval_s=0.01, on_stored=sender.offer)
    try:
        for event in script(*rich_run()):
            recorder.observe(meta(), event)
        assert recorder.flush()
        wait_for(collector.spans)
    finally:
        recorder.close()
        sender.close()
    assert len(collector.spans()) == 7


def test_what_goes_wrong_in_the_export_does_not_touch_the_recorder(tmp_path: Any) -> None:
    def broken(facts: RunFacts) -> None:
        raise RuntimeError("the exporter is broken")

    recorder = Recorder(tmp_path / "analytics.db", interval_s=0.01, on_stored=broken)
    for event in script(*rich_run()):
        recorder.observe(meta(), event)
    assert recorder.flush()
    recorder.close()
    assert (recorder.health().runs_written, recorder.health().dropped) == (1, 0)


def test_a_slow_collector_delays_nobody_and_what_finds_no_place_is_counted(
    collector: Collector,
) -> None:
    collector.release.clear()
    sender = exporter(collector.url, max_waiting=10, timeout_s=1.0)
    one = facts((0, started()), (10, Completed(message_id="a")))
    sender.offer(one)
    wait_for(lambda: sender.health().runs_waiting == 0)  # the thread holds it, and waits
    before = time.perf_counter()
    for _ in range(500):
        sender.offer(one)
    assert time.perf_counter() - before < 0.2
    assert sender.health().spans_dropped == 490
    collector.release.set()
    sender.close()
    assert sender.health().spans_sent + sender.health().spans_dropped == 501


def test_closing_ends_in_time_when_the_collector_hangs(collector: Collector) -> None:
    collector.release.clear()
    sender = exporter(collector.url, timeout_s=5.0)
    one = facts((0, started()), (10, Completed(message_id="a")))
    sender.offer(one)
    wait_for(lambda: sender.health().runs_waiting == 0)
    sender.offer(one)
    before = time.perf_counter()
    sender.close(timeout=0.3)
    assert time.perf_counter() - before < 1.0
    assert sender.health().spans_dropped >= 1
    sender.offer(one)
    assert sender.health().runs_waiting == 0


def test_a_dead_collector_is_said_and_its_spans_are_counted() -> None:
    sender = exporter("http://127.0.0.1:9", timeout_s=0.2)
    sender.offer(facts(*rich_run()))
    wait_for(lambda: sender.health().failing)
    sender.close()
    health = sender.health()
    assert (health.spans_sent, health.spans_dropped) == (0, 7)
    assert "127.0.0.1:9" in (health.last_error or "")


def test_a_collector_that_refuses_is_failing_until_it_takes_them(collector: Collector) -> None:
    collector.status = 400
    sender = exporter(collector.url)
    one = facts((0, started()), (10, Completed(message_id="a")))
    sender.offer(one)
    wait_for(lambda: sender.health().failing)
    collector.status = 200
    sender.offer(one)
    wait_for(lambda: sender.health().spans_sent == 1)
    sender.close()
    assert not sender.health().failing
    assert sender.health().spans_dropped == 1


def test_a_run_without_any_step_and_a_call_of_an_unknown_step_belong_to_the_root() -> None:
    fold = RunFold(meta=meta())
    for event in script((0, started()), (1, attempt("started")), (9, Completed(message_id="a"))):
        fold.add(event)
    made = run_facts(fold)
    orphan = RunFacts(run=made.run, calls=tuple(row | {"step_id": "gone"} for row in made.calls))
    for one in (made, orphan):
        root, call = spans(one)
        assert call.parent_id == root.span_id


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
        ("http://h:4318/", "http://h:4318/v1/traces"),
        ("https://h/otlp", "https://h/otlp/v1/traces"),
        ("https://h/otlp/v1/traces", "https://h/otlp/v1/traces"),
        ("https://h/x?k=1", "https://h/x/v1/traces?k=1"),
    ],
)
def test_the_address_may_be_the_collector_or_its_trace_path(endpoint: str, url: str) -> None:
    assert traces_url(endpoint) == url


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://h", "http://", "http://h:x", "/v1"])
def test_a_wrong_address_names_its_setting(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="SWITCHBOARD_OTLP_ENDPOINT"):
        traces_url(endpoint)


@pytest.mark.parametrize("text", ["novalue", "=x", "a=%0d%0aevil: 1", "ä=1"])
def test_wrong_headers_name_their_setting_and_not_their_value(text: str) -> None:
    with pytest.raises(ConfigError, match="SWITCHBOARD_OTLP_HEADERS") as caught:
        parse_headers(text)
    assert "evil" not in str(caught.value)


def test_headers_are_read_as_the_specification_writes_them() -> None:
    assert parse_headers(" A = b%2Cc , , x=1=2 ") == {"a": "b,c", "x": "1=2"}
    assert parse_headers(None) == {}


def test_without_the_setting_there_is_no_exporter() -> None:
    assert exporter_for(None, "a=b", version="1", environment=None) is None
    assert exporter_for("", None, version="1", environment=None) is None


def test_an_answer_of_the_running_application_arrives_as_a_trace(
    collector: Collector, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the settings to the collector, with the embedded answerer, sent at the latest on close."""
    monkeypatch.setenv("SWITCHBOARD_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("SWITCHBOARD_OTLP_HEADERS", "x-key=abc")
    runtime = Runtime(load_settings(None))
    run = runtime.start(TurnRequest(owner="local", text=f"What is Switchboard? {SECRET}"))
    for _ in run.follow():
        pass
    runtime.close()
    names = [span.name for span in collector.spans()]
    assert names.count("invoke_workflow supervisor") == 1
    assert "chat local:extractive" in names
    assert {span.trace_id for span in collector.spans()} == {trace_id(run.id).to_bytes(16)}
    assert collector.headers[0]["x-key"] == "abc"
    raw = b"".join(request.SerializeToString() for request in collector.requests)
    assert SECRET.encode() not in raw
    spans_by_id = {span.span_id: span for span in collector.spans()}
    for span in collector.spans():
        parent = spans_by_id.get(span.parent_span_id)
        assert parent is not None or span.name == "invoke_workflow supervisor"
        if parent is not None:
            assert parent.start_time_unix_nano <= span.start_time_unix_nano
            # An agent's end and its last call's end are two events a moment apart.
            assert span.end_time_unix_nano <= parent.end_time_unix_nano + 500_000_000


@pytest.mark.slow
def test_the_libraries_are_not_loaded_without_the_setting() -> None:
    code = (
        "import sys, agents.runtime, analytics.otlp.exporter as e\n"
        "assert e.exporter_for(None, None, version='1', environment=None) is None\n"
        "print([m for m in sys.modules if m.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
