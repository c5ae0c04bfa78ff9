"""Every fault of a provider at every moment, over real HTTP, in both protocols.

The chain is a primary model that fails as scripted, a second model of the same provider that works,
and where a test says so the embedded answerer. Always: what was shown is what is kept, every attempt
is recorded, nothing holds a key, and no connection is left open.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr

from agents.models import ModelRegistry
from agents.operation import BROKE_OFF, Services
from agents.retry import Limits
from core.catalog import load_catalog
from core.errors import ContextTooLong, ModelUnavailable
from core.settings import Settings
from tests.agents.resilient import Seen, listen
from tests.provider import Fault, ProviderServer, Reply, ToolCall
from tests.provider.fixtures import module_server as module_server
from tests.provider.langchain import AWS_KEY, AWS_SECRET, OPENAI_KEY, TestClients, tls

pytestmark = pytest.mark.slow

T = TypeVar("T")
CATALOG = load_catalog()
TEXT = Reply.text
HALF = "Hello from the"
REST = " scripted provider."
SECRETS = (OPENAI_KEY, AWS_KEY.get_secret_value(), AWS_SECRET.get_secret_value())
PATIENT_S, SHORT_S = 5.0, 0.8
"""Deadlines: for faults that are told, and for those that only silence tells."""
LOCAL = "local:extractive"


@dataclass(frozen=True)
class Chain:
    """P, the primary, and F, the one to fall back on."""

    protocol: str
    primary: str
    fallback: str

    @property
    def fallback_name(self) -> str:
        return self.fallback.partition(":")[2]


CHAINS = [
    Chain("openai", "openai:gpt-4o-mini", "openai:gpt-4o"),
    Chain(
        "bedrock",
        "bedrock_converse:us.amazon.nova-lite-v1:0",
        "bedrock_converse:us.amazon.nova-pro-v1:0",
    ),
]


@pytest.fixture
def provider(module_server: ProviderServer) -> ProviderServer:
    return module_server.reset()


@pytest.fixture(params=CHAINS, ids=lambda chain: chain.protocol)
def chain(request: pytest.FixtureRequest) -> Chain:
    found: Chain = request.param
    return found


def use(
    provider: ProviderServer,
    chain: Chain,
    work: Callable[[ModelRegistry], Awaitable[T]],
    *,
    deadline_s: float = PATIENT_S,
    backoff_s: float = 0.005,
    **settings: Any,
) -> T:
    """Runs `work` with a registry whose providers are the scripted one."""

    async def main() -> T:
        configured = Settings(
            openai_api_key=SecretStr(OPENAI_KEY),
            openai_base_url=provider.openai_url,
            aws_region="us-east-1",
            bedrock_endpoint_url=provider.bedrock_url,
            first_token_timeout_s=deadline_s,
            idle_timeout_s=deadline_s,
            **settings,
        )
        registry = ModelRegistry(configured, CATALOG, loop=asyncio.get_running_loop())
        registry._clients = TestClients(verify=tls())
        limits = replace(Limits.of(configured), grace_s=0.05, backoff_s=backoff_s)
        registry._services = Services(limits=limits, catalog=CATALOG, breaker=registry.breaker)
        for model_id in (chain.primary, chain.fallback, LOCAL):
            await asyncio.to_thread(registry._build, model_id, configured.temperature)
        try:
            return await work(registry)
        finally:
            await registry.aclose()

    return asyncio.run(main())


def play(
    provider: ProviderServer,
    chain: Chain,
    *replies: Reply,
    then: Reply | None = None,
    local: bool = False,
    tools: list[Any] | None = None,
    **settings: Any,
) -> Seen:
    """Asks once. `replies` are the primary's, in order; `then` is what the fallback says."""
    faults = {reply.fault.kind for reply in (*replies, then) if reply and reply.fault}
    if faults & {"silence", "keepalive_only", "slow_words"}:
        settings.setdefault("deadline_s", SHORT_S)
    provider.script(*replies)
    provider.by_model[chain.fallback_name] = then or Reply(text="From the fallback.")
    ids = (chain.primary, chain.fallback, *([LOCAL] if local else []))

    async def once(registry: ModelRegistry) -> Seen:
        model: Any = registry.chat(ids, purpose="answer")
        return await listen(model.bind_tools(tools) if tools else model)

    seen = use(provider, chain, once, **settings)
    check(seen)
    return seen


def check(seen: Seen) -> None:
    """What holds in every case."""
    assert seen.shown == seen.message.text
    assert [a.call_id for a in seen.starts] == [a.call_id for a in seen.ends]
    assert [a.attempt for a in seen.ends] == list(range(1, len(seen.ends) + 1))
    assert len({chunk.id for chunk in seen.chunks}) <= 1
    said = f"{seen.events} {seen.failure} {seen.failure and seen.failure.__cause__!r}"
    assert not [secret for secret in SECRETS if secret in said]


def asked(seen: Seen, chain: Chain) -> str:
    """The models that were asked, such as PPF."""
    names = {chain.primary: "P", chain.fallback: "F", LOCAL: "L"}
    return "".join(names[start.model] for start in seen.starts)


# -- before the first token


BEFORE = [
    (Fault("close"), "PPF", "model_unavailable"),
    (Fault("reset"), "PPF", "model_unavailable"),
    (Fault("close", before_headers=True), "PPF", "model_unavailable"),
    (Fault("reset", before_headers=True), "PPF", "model_unavailable"),
    (Fault("error_event"), "PPF", "model_unavailable"),
    (Fault("silence"), "PF", "first_token_timeout"),
    (Fault("silence", before_headers=True), "PF", "first_token_timeout"),
    (Fault("keepalive_only", every_s=0.6), "PF", "first_token_timeout"),
    (Fault("early_done"), "PF", "model_protocol"),
    (Fault("clean_end"), "PF", "model_protocol"),
    (Fault("not_json"), "PF", "model_protocol"),
    (Fault("bad_utf8"), "PF", "model_protocol"),
    (Fault("bad_checksum"), "PF", "model_protocol"),
    (Fault("html_200"), "PF", "model_protocol"),
    (Fault("huge_event"), "PF", "model_protocol"),
    (Fault("redirect"), "PF", "model_protocol"),
]


def name(value: Any) -> str | None:
    if isinstance(value, Fault):
        return f"{value.kind}-{value.moment}{'-no-headers' if value.before_headers else ''}"
    return f"{value.status}" if isinstance(value, Reply) else None


@pytest.mark.parametrize(("fault", "expected", "error"), BEFORE, ids=name)
def test_fault_before_the_first_token_is_invisible(
    provider: ProviderServer, chain: Chain, fault: Fault, expected: str, error: str
) -> None:
    reply = Reply(fault=fault)
    seen = play(provider, chain, reply, reply)
    assert seen.shown == "From the fallback."
    assert asked(seen, chain) == expected
    assert [end.outcome for end in seen.ends] == ["error"] * (len(expected) - 1) + ["ok"]
    assert {end.error_type for end in seen.ends[:-1]} == {error}
    assert not any(start.reset or start.continued for start in seen.starts)
    if error == "first_token_timeout":
        provider.wait_for_disconnect(1)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(status=408), "PPF"),
        (Reply(status=500), "PPF"),
        (Reply(status=502, error_body="<html>Bad gateway</html>"), "PPF"),
        (Reply(status=503), "PPF"),
        (Reply(status=503, headers={"Retry-After": "30"}), "PF"),
        (Reply(status=529, error_type="overloaded_error"), "PPF"),
        (Reply(status=429), "PPF"),
        (Reply(status=429, headers={"retry-after-ms": "30"}), "PPF"),
        (Reply(status=429, headers={"Retry-After": "3600"}), "PF"),
        (Reply(status=402), "PF"),
        (Reply(status=400), "PF"),
        (Reply(status=404), "PF"),
        (Reply(status=401), "PF"),
        (Reply(status=403), "PF"),
    ],
    ids=name,
)
def test_status_leads_to_a_retry_or_to_the_next_model(
    provider: ProviderServer, chain: Chain, reply: Reply, expected: str
) -> None:
    seen = play(provider, chain, reply, reply)
    assert (seen.shown, asked(seen, chain)) == ("From the fallback.", expected)
    assert {end.http_status for end in seen.ends[:-1]} == {reply.status}
    assert [usage.model for usage in seen.usages] == [chain.fallback]


def test_short_retry_after_is_waited_for_and_told(provider: ProviderServer, chain: Chain) -> None:
    wait = Reply(status=429, headers={"retry-after-ms": "80"})
    seen = play(provider, chain, wait, Reply())
    assert (seen.shown, asked(seen, chain)) == (TEXT, "PP")
    assert seen.ends[0].next_model == chain.primary
    first, second = provider.requests
    assert second.received - first.received >= 0.08


@pytest.mark.parametrize("fault", ["status", "close", "reset"])
def test_passing_fault_is_one_invisible_retry(
    provider: ProviderServer, chain: Chain, fault: Any
) -> None:
    broken = Reply(status=503) if fault == "status" else Reply(fault=Fault(fault))
    seen = play(provider, chain, broken, Reply())
    assert (seen.shown, asked(seen, chain)) == (TEXT, "PP")


@pytest.mark.parametrize(
    "body",
    [
        {"message": "Input is too long for the model."},
        {"error": {"message": "maximum context length is 128000", "code": "x"}, "message": ""},
    ],
)
def test_context_length_is_raised_for_the_graph_to_shorten(
    provider: ProviderServer, chain: Chain, body: Any
) -> None:
    if chain.protocol == "bedrock" and "error" in body:
        body = {"message": body["error"]["message"]}
    seen = play(provider, chain, Reply(status=400, error_body=body))
    assert isinstance(seen.failure, ContextTooLong)
    assert asked(seen, chain) == "P"


def test_redirect_to_another_host_is_refused(provider: ProviderServer, chain: Chain) -> None:
    with ProviderServer() as other:
        play(provider, chain, Reply(fault=Fault("redirect", location=other.openai_url)))
        assert other.requests == []


# -- in mid-answer


MID = [
    ("close", "PPF", "model_unavailable"),
    ("reset", "PPF", "model_unavailable"),
    ("error_event", "PPF", "model_unavailable"),
    ("silence", "PF", "idle_timeout"),
    ("keepalive_only", "PF", "idle_timeout"),
    ("slow_words", "PF", "idle_timeout"),
    ("early_done", "PPF", "model_protocol"),
    ("clean_end", "PPF", "model_protocol"),
    ("not_json", "PPF", "model_protocol"),
    ("bad_utf8", "PPF", "model_protocol"),
    ("bad_checksum", "PPF", "model_protocol"),
    ("html_200", "PPF", "model_protocol"),
    ("huge_event", "PPF", "model_protocol"),
]


@pytest.mark.parametrize(("kind", "expected", "error"), MID)
def test_answer_broken_in_the_middle_is_continued_in_the_same_message(
    provider: ProviderServer, chain: Chain, kind: Any, expected: str, error: str
) -> None:
    broken = Reply(fault=Fault(kind, "mid", every_s=0.6 if kind == "keepalive_only" else 3.0))
    seen = play(provider, chain, broken, Reply(status=503), then=Reply(text=HALF[-8:] + REST))
    assert (seen.shown, asked(seen, chain)) == (TEXT, expected)
    assert not any(start.reset for start in seen.starts)
    first = seen.ends[0]
    assert (first.outcome, first.error_type) == ("broke_midstream", error)
    assert [start.continued for start in seen.starts] == [False] + [True] * (len(expected) - 1)
    assert (seen.usages[0].source, seen.usages[-1].source) == ("partial", "provider")
    if error == "idle_timeout":
        provider.wait_for_disconnect(1)


@pytest.mark.parametrize("kind", ["close", "early_done", "error_event"])
def test_broken_answer_is_continued_by_the_same_model_first(
    provider: ProviderServer, chain: Chain, kind: Any
) -> None:
    seen = play(provider, chain, Reply(fault=Fault(kind, "mid")), Reply(text=REST))
    assert (seen.shown, asked(seen, chain)) == (TEXT, "PP")
    turns = provider.requests[1].body["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert HALF in str(turns[1]["content"])


@pytest.mark.parametrize("kind", ["close", "reset", "error_event", "early_done", "clean_end"])
def test_all_the_text_without_an_end_is_not_taken_for_whole(
    provider: ProviderServer, chain: Chain, kind: Any
) -> None:
    moment: Any = "after_last" if kind in ("early_done", "clean_end") else "before_finish"
    seen = play(provider, chain, Reply(fault=Fault(kind, moment)), Reply(chunks=()))
    assert (seen.shown, asked(seen, chain)) == (TEXT, "PP")


@pytest.mark.parametrize(
    "code",
    [
        "modelStreamErrorException",
        "throttlingException",
        "internalServerException",
        "serviceUnavailableException",
    ],
)
def test_exception_in_the_event_stream_of_bedrock_breaks_and_is_continued(
    provider: ProviderServer, code: str
) -> None:
    broken = Reply(fault=Fault("error_event", "mid", code=code))
    seen = play(provider, CHAINS[1], broken, Reply(text=REST))
    assert (seen.shown, asked(seen, CHAINS[1])) == (TEXT, "PP")


@pytest.mark.parametrize("kind", ["close", "silence"])
def test_break_inside_a_tool_call_starts_anew(
    provider: ProviderServer, chain: Chain, kind: Any
) -> None:
    call = ToolCall(name="look", args={"query": "a refund policy of some length"})
    broken = Reply(text="Let me look.", tool_calls=(call,), fault=Fault(kind, "before_finish"))
    whole = Reply(chunks=("Looking.",), tool_calls=(call,))
    seen = play(provider, chain, broken, whole, then=whole, tools=[LOOK])
    assert seen.shown == "Looking."
    assert [start.reset for start in seen.starts] == [False, True]
    assert [made["args"] for made in seen.message.tool_calls] == [call.args]


# -- the end


@pytest.mark.parametrize(
    "kind",
    [
        "close",
        "reset",
        "silence",
        "keepalive_only",
        "error_event",
        "not_json",
        "bad_utf8",
        "bad_checksum",
        "html_200",
        "huge_event",
    ],
)
def test_fault_after_the_finish_reason_costs_only_the_usage(
    provider: ProviderServer, chain: Chain, kind: Any
) -> None:
    seen = play(provider, chain, Reply(fault=Fault(kind, "after_last", every_s=0.6)))
    assert asked(seen, chain) == "P"
    assert seen.shown.rstrip("x?") in (TEXT, TEXT[:-1])
    assert (seen.ends[0].outcome, seen.ends[0].finish_reason) == ("ok", "stop")
    assert seen.usages[0].source == "estimate"
    assert seen.usages[0].output_tokens


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_cut_answer_is_kept_and_says_why(
    provider: ProviderServer, chain: Chain, reason: str
) -> None:
    half = ToolCall(name="look", args='{"query": "refu')
    reply = Reply(text="Let me look.", tool_calls=(half,), finish_reason=reason)
    seen = play(provider, chain, reply, tools=[LOOK])
    assert (seen.shown, asked(seen, chain)) == ("Let me look.", "P")
    assert (seen.message.tool_calls, seen.message.invalid_tool_calls) == ([], [])
    assert seen.ends[0].finish_reason == reason


def test_half_tool_call_is_never_handed_on(provider: ProviderServer, chain: Chain) -> None:
    half = Reply(tool_calls=(ToolCall(name="look", args='{"query": "refu'),))
    seen = play(provider, chain, half, tools=[LOOK])
    assert (seen.shown, asked(seen, chain)) == ("From the fallback.", "PF")
    assert seen.message.tool_calls == []


@pytest.mark.parametrize("usage", ["absent", "negative", "absurd", "null"])
def test_usage_nobody_can_use_is_estimated_and_marked(
    provider: ProviderServer, chain: Chain, usage: str
) -> None:
    counts: dict[str, Any] = {
        "negative": {"prompt_tokens": -5, "completion_tokens": -1, "total_tokens": -6}
        | {"inputTokens": -5, "outputTokens": -1, "totalTokens": -6},
        "absurd": {"prompt_tokens": 10**15, "completion_tokens": 10**15, "total_tokens": 10**15}
        | {"inputTokens": 10**15, "outputTokens": 10**15, "totalTokens": 10**15},
        "null": {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}
        | {"inputTokens": None, "outputTokens": None, "totalTokens": None},
    }
    seen = play(provider, chain, Reply(usage=counts.get(usage)))
    reported = seen.usages[0]
    assert (seen.shown, reported.source) == (TEXT, "estimate")
    assert reported.input_tokens is not None
    assert 0 < reported.input_tokens < 1000
    assert reported.output_tokens == -(-len(TEXT) // 4)
    assert reported.cost_quality == "approximate"


def test_reported_usage_is_priced_and_adds_up_to_the_ledger(
    provider: ProviderServer, chain: Chain
) -> None:
    seen = play(provider, chain, Reply())
    usage = seen.usages[0]
    told = provider.ledger[chain.primary.partition(":")[2]]
    assert (usage.input_tokens, usage.output_tokens) == (told.input, told.output)
    assert usage.source == "provider"
    assert usage.cost_pusd


# -- too slow, too much


def test_one_word_now_and_then_ends_at_the_total_limit(
    provider: ProviderServer, chain: Chain
) -> None:
    slow = Reply(text="word " * 500, fault=Fault("slow_words", every_s=0.03))
    seen = play(provider, chain, slow, local=True, run_timeout_s=0.3, deadline_s=PATIENT_S)
    assert isinstance(seen.failure, ModelUnavailable)
    assert asked(seen, chain) == "P"
    assert seen.ends[0].error_type == "total_timeout"
    assert seen.failure.partial == seen.shown != ""  # type: ignore[attr-defined]
    provider.wait_for_disconnect(1)


def test_endless_answer_is_cut_and_upstream_stopped(provider: ProviderServer, chain: Chain) -> None:
    seen = play(provider, chain, Reply(fault=Fault("endless")), max_answer_chars=1000)
    assert (len(seen.shown), asked(seen, chain)) == (1000, "P")
    assert seen.ends[0].finish_reason == "length"
    assert provider.wait_for_disconnect(1).tokens_sent < 1_000_000


# -- everything is down


@pytest.mark.parametrize("fault", [Fault("close"), Fault("silence"), Fault("html_200")], ids=name)
def test_when_all_are_down_the_embedded_answerer_answers(
    provider: ProviderServer, chain: Chain, fault: Fault
) -> None:
    down = Reply(fault=fault)
    seen = play(provider, chain, down, down, then=down, local=True)
    assert asked(seen, chain).endswith("L")
    assert seen.ends[-1].outcome == "ok"
    assert seen.shown
    assert not any(start.reset for start in seen.starts)


def test_embedded_answerer_replaces_an_answer_nobody_can_continue(
    provider: ProviderServer, chain: Chain
) -> None:
    seen = play(
        provider,
        chain,
        Reply(fault=Fault("close", "mid")),
        Reply(status=503),
        then=Reply(status=503),
        local=True,
    )
    assert asked(seen, chain) == "PPFFL"
    assert not any(start.reset for start in seen.starts)
    assert seen.shown.startswith(HALF + BROKE_OFF)
    assert len(seen.shown) > len(HALF + BROKE_OFF)


def test_without_an_embedded_answerer_the_partial_text_stays(
    provider: ProviderServer, chain: Chain
) -> None:
    down = Reply(status=503)
    seen = play(provider, chain, Reply(fault=Fault("close", "mid")), down, then=down)
    assert isinstance(seen.failure, ModelUnavailable)
    assert seen.shown == seen.failure.partial == HALF  # type: ignore[attr-defined]


def test_primary_that_is_down_for_long_is_left_alone(
    provider: ProviderServer, chain: Chain
) -> None:
    provider.by_model = {
        chain.primary.partition(":")[2]: Reply(status=503),
        chain.fallback_name: Reply(text="Fine."),
    }

    async def many(registry: ModelRegistry) -> list[float]:
        times = []
        for _ in range(6):
            began = time.monotonic()
            model = registry.chat((chain.primary, chain.fallback), purpose="answer")
            assert (await listen(model)).shown == "Fine."
            times.append(time.monotonic() - began)
        return times

    times = use(provider, chain, many)
    names = [request.model for request in provider.requests]
    assert names.count(chain.fallback_name) == 6
    assert len(names) == 9, "three failures, then nobody asks the primary any more"
    assert max(times[1:]) < 1.0


def test_refused_key_is_told_once_and_never_shown(provider: ProviderServer, chain: Chain) -> None:
    provider.by_model = {
        chain.primary.partition(":")[2]: Reply(status=401),
        chain.fallback_name: Reply(text="Fine."),
    }

    async def twice(registry: ModelRegistry) -> str:
        for _ in range(2):
            model = registry.chat((chain.primary, chain.fallback), purpose="answer")
            seen = await listen(model)
            check(seen)
            assert seen.shown == "Fine."
        return str(registry.status(chain.primary))

    status = use(provider, chain, twice)
    assert [r.model for r in provider.requests].count(chain.fallback_name) == 2
    assert len(provider.requests) == 3
    assert not [secret for secret in SECRETS if secret in status]


# -- the client is gone


@pytest.mark.parametrize(
    ("reply", "started"),
    [(Reply(first_ms=9000), False), (Reply(text="word " * 900, per_token_ms=5), True)],
    ids=["waiting for the first token", "in mid-answer"],
)
def test_stop_closes_the_connection_at_once(
    provider: ProviderServer, chain: Chain, reply: Reply, started: bool
) -> None:
    provider.script(reply)
    seen = Seen()

    async def stop(registry: ModelRegistry) -> float:
        model = registry.chat((chain.primary, chain.fallback), purpose="answer")
        going = asyncio.Event()
        task = asyncio.create_task(listen(model, seen=seen, on_chunk=going.set))
        await asyncio.to_thread(provider.wait_for_request)
        if started:
            await going.wait()
        at = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return at

    at = use(provider, chain, stop)
    gone = provider.wait_for_disconnect(1)
    assert gone.closed_by_client_at is not None
    assert gone.closed_by_client_at - at < 0.25
    check(seen)
    assert seen.outcomes == [(chain.primary, "cancelled", None)]
    assert seen.usages[0].source == "partial"
    assert bool(seen.usages[0].output_tokens) is started


def test_stop_during_the_back_off_sends_nothing_more(
    provider: ProviderServer, chain: Chain
) -> None:
    provider.script(Reply(status=503))
    seen = Seen()

    async def stop(registry: ModelRegistry) -> None:
        model = registry.chat((chain.primary, chain.fallback), purpose="answer")
        failed = asyncio.Event()
        seen.on_end = failed.set
        task = asyncio.create_task(listen(model, seen=seen))
        await failed.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    use(provider, chain, stop, backoff_s=9.0)
    assert len(provider.requests) == 1
    assert seen.outcomes == [(chain.primary, "error", chain.primary)]


LOOK = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Looks something up.",
        "parameters": {"type": "object", "properties": {"query": {"type": "string"}}},
    },
}
