"""ResilientChat over scripted models: one message out of several attempts, whatever goes wrong."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage
from pydantic import BaseModel

from agents import operation
from agents.breaker import Breaker
from agents.continuation import Overlap
from agents.failover import ResilientChat, folded
from agents.loop import LoopThread
from agents.operation import BROKE_OFF
from agents.translate import STREAM_MODES, Translator
from core.errors import (
    ContextTooLong,
    ModelAuthFailed,
    ModelFailure,
    ModelRateLimited,
    ModelRefused,
    ModelUnavailable,
    ProtocolError,
)
from core.transcript import Transcript
from tests.agents.resilient import (
    FAST,
    Scripted,
    Seen,
    ask,
    candidate,
    chat,
    finish,
    listen,
    plays,
    says,
    tool,
)

DOWN = ModelUnavailable("the connection broke")


class Look(BaseModel):
    """Looks something up."""

    query: str


# -- one attempt


def test_answer_is_one_message_with_one_id() -> None:
    seen = ask(chat(says("Hello", " world")))
    assert (seen.shown, seen.message.text) == ("Hello world", "Hello world")
    assert len({chunk.id for chunk in seen.chunks}) == 1
    assert seen.message.response_metadata == {
        "finish_reason": "stop",
        "model_name": "m-2026",
        "model_id": "openai:a",
        "id": "r1",
    }
    assert seen.message.usage_metadata is not None
    assert seen.message.usage_metadata["total_tokens"] == 15


def test_attempt_is_reported_at_its_start_and_at_its_end() -> None:
    seen = ask(chat(says(AIMessageChunk(""), "a", 0.02, "b", 0.01, "c"), purpose="title"))
    (start,), (end,) = seen.starts, seen.ends
    assert (start.call_id, start.attempt, start.purpose) == (end.call_id, 1, "title")
    assert (end.outcome, end.finish_reason, end.response_model) == ("ok", "stop", "m-2026")
    assert end.first_chunk_us is not None
    assert end.first_token_us is not None
    assert end.last_token_us is not None
    assert end.duration_us is not None
    assert 0 <= end.first_chunk_us <= end.first_token_us < end.last_token_us <= end.duration_us
    assert end.chunk_count == 3
    assert end.gap_max_us is not None
    assert end.gap_max_us >= 20_000
    assert end.stall_count == 0
    assert [type(event).__name__ for event in seen.events] == [
        "Attempt",
        "Attempt",
        "UsageReported",
    ]


def test_reasoning_is_a_first_token_but_not_a_first_answer() -> None:
    thought = AIMessageChunk("", additional_kwargs={"reasoning_content": "Hm."})
    end = ask(chat(says(thought, 0.01, "Yes."))).ends[0]
    assert end.first_token_us is not None
    assert end.first_answer_us is not None
    assert end.first_token_us < end.first_answer_us - 9_000


def test_callbacks_fire_once() -> None:
    class Count(AsyncCallbackHandler):
        seen: list[str] = []

        async def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            self.seen.append("start")

        async def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
            self.seen.append("end")

    model = chat(plays([DOWN]), says("b"))
    asyncio.run(model.ainvoke("Hi", {"callbacks": [Count()]}))
    assert Count.seen == ["start", "end"]


def test_invoke_gives_the_folded_message_and_streams_to_callbacks() -> None:
    class Tokens(AsyncCallbackHandler):
        seen: list[str] = []

        async def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
            self.seen.append(token)

    model = chat(plays(["Hello", DOWN], [DOWN]), local=says("Local"))
    message = asyncio.run(model.ainvoke("Hi", {"callbacks": [Tokens()]}))
    assert message.content == f"Hello{BROKE_OFF}Local"
    assert [token for token in Tokens.seen if token] == ["Hello", BROKE_OFF, "Local"]


# -- before the first token


@pytest.mark.parametrize(
    ("failure", "asked"),
    [
        (DOWN, ["a", "a", "b"]),
        (ModelRateLimited("slow down"), ["a", "a", "b"]),
        (ModelRateLimited("slow down", retry_after_s=0.01), ["a", "a", "b"]),
        (ModelRateLimited("quota", retry_after_s=3600.0), ["a", "b"]),
        (ModelUnavailable("busy", retry_after_s=30.0), ["a", "b"]),
        (ModelAuthFailed("no"), ["a", "b"]),
        (ModelRefused("no"), ["a", "b"]),
        (ProtocolError("html"), ["a", "b"]),
        (ModelFailure("surprise"), ["a", "b"]),
        (RuntimeError("a mistake of ours"), ["a", "b"]),
    ],
)
def test_failure_before_the_first_token_is_retried_or_not(
    failure: Exception, asked: list[str]
) -> None:
    seen = ask(chat(plays([failure]), says("Fine.")))
    assert [start.model[-1] for start in seen.starts] == asked
    assert (seen.shown, seen.failure) == ("Fine.", None)
    assert [(e.outcome, e.next_model) for e in seen.ends[:-1]] == [
        ("error", f"openai:{following}") for following in asked[1:]
    ]


def test_retry_after_is_waited_for() -> None:
    wait = ModelRateLimited("slow down", retry_after_s=0.08)
    began = time.monotonic()
    seen = ask(chat(plays([wait], ["Fine.", finish()])))
    assert time.monotonic() - began >= 0.08
    assert seen.outcomes == [("openai:a", "error", "openai:a"), ("openai:a", "ok", None)]


def test_attempts_are_numbered_over_all_models() -> None:
    seen = ask(chat(plays([DOWN]), plays([ModelRefused("no")]), says("c")))
    assert [start.attempt for start in seen.starts] == [1, 2, 3, 4]
    assert len({event.logical_call_id for event in seen.starts}) == 1
    assert len({event.call_id for event in seen.starts}) == 4


def test_empty_role_chunk_does_not_stop_the_clock() -> None:
    """LangChain's fallbacks count the empty role chunk as success; the stall after it is ours."""
    seen = ask(chat(plays([AIMessageChunk(""), 5.0]), says("b")))
    assert seen.shown == "b"
    assert (seen.ends[0].error_type, seen.ends[0].outcome) == ("first_token_timeout", "error")


def test_context_too_long_is_raised_as_it_is() -> None:
    failure = ContextTooLong("too long")
    seen = ask(chat(plays([failure]), says("b")))
    assert seen.failure is failure
    assert seen.outcomes == [("openai:a", "error", None)]


def test_model_that_cannot_be_built_is_passed_over() -> None:
    def build() -> Any:
        raise ImportError("no such package")

    broken = replace(candidate("openai:x", says("x")), build=build, ready=lambda: None)
    model = chat(says("b"))
    model.candidates = (broken, *model.candidates)
    seen = ask(model)
    assert (seen.shown, seen.ends[0].model, seen.ends[0].outcome) == ("b", "openai:x", "error")


def test_no_model_at_all_is_a_failure_that_says_what_to_do() -> None:
    seen = ask(chat())
    assert seen.failure is not None
    assert "local:extractive" in seen.failure.what_to_do


# -- in mid-answer


def test_broken_answer_is_continued_in_the_same_message() -> None:
    second = says(" the scripted", " provider.")
    seen = ask(chat(plays(["Hello from", DOWN], [DOWN]), second))
    assert seen.shown == seen.message.text == "Hello from the scripted provider."
    assert len({chunk.id for chunk in seen.chunks}) == 1
    assert [(e.model, e.outcome, e.continued) for e in seen.ends] == [
        ("openai:a", "broke_midstream", False),
        ("openai:a", "error", True),
        ("openai:b", "ok", True),
    ]
    assert not any(event.reset for event in seen.starts)
    question, partial, instruction = second.prompts[0]
    assert (question.content, partial.content) == ("Hi", "Hello from")
    assert partial.type == "ai"
    assert "Continue exactly" in str(instruction.content)


def test_metadata_of_two_providers_is_not_joined() -> None:
    """LangChain joins equal keys of chunks as text: `stopstop`, `gpt-4ogpt-4o`."""
    bedrock = {"model_provider": "bedrock_converse"}
    piece = AIMessageChunk("Hel", response_metadata={"model_provider": "openai"})
    other = AIMessageChunk("lo", response_metadata=bedrock)
    end = AIMessageChunk("", response_metadata={"finish_reason": "stop", **bedrock})
    seen = ask(chat(plays([piece, DOWN], [other, end])))
    assert seen.message.text == "Hello"
    assert seen.message.response_metadata["finish_reason"] == "stop"
    assert seen.message.response_metadata["model_provider"] == "bedrock_converse"


def test_repetition_at_the_seam_is_dropped() -> None:
    seen = ask(chat(plays(["Hello from the", DOWN], ["from", " the", " server.", finish()])))
    assert seen.shown == seen.message.text == "Hello from the server."


@pytest.mark.parametrize(
    ("partial", "pieces", "shown"),
    [
        ("Hello from the", ["the scripted"], " scripted"),
        ("Hello from the", ["Hello ", "from the", " server"], " server"),
        ("Hello from the", [" server"], " server"),
        ("It is a ", ["a test"], "a test"),
        ("version 1", ["1.5"], "1.5"),
        ("scrip", ["ted"], "ted"),
        ("the the", ["theory"], "theory"),
        ("a b c", [], ""),
        ("", ["any"], "any"),
        ("one two three", ["one two ", "four"], "one two four"),
    ],
)
def test_overlap(partial: str, pieces: list[str], shown: str) -> None:
    overlap = Overlap(partial)
    assert "".join(overlap.feed(piece) for piece in pieces) + overlap.flush() == shown


def test_silence_in_mid_answer_goes_to_the_next_model() -> None:
    seen = ask(chat(plays(["Hello", 5.0]), says(" there.")))
    assert seen.shown == "Hello there."
    assert seen.ends[0].error_type == "idle_timeout"
    assert [start.model for start in seen.starts] == ["openai:a", "openai:b"]


def test_silence_is_retried_when_nobody_else_can_continue() -> None:
    seen = ask(chat(plays(["Hello", 5.0], [" there.", finish()]), local=says("Local")))
    assert seen.shown == "Hello there."
    assert [start.model for start in seen.starts] == ["openai:a", "openai:a"]


def test_the_partial_text_stays_and_the_local_answerer_answers_below_it() -> None:
    local = says("From the documents.")
    seen = ask(chat(plays(["Hello", DOWN], [DOWN]), local=local))
    assert seen.shown == seen.message.text == f"Hello{BROKE_OFF}From the documents."
    assert [(start.model, start.reset, start.continued) for start in seen.starts] == [
        ("openai:a", False, False),
        ("openai:a", False, True),
        ("local:extractive", False, False),
    ]
    assert [message.content for message in local.prompts[0]] == ["Hi"]


def test_break_inside_tool_arguments_starts_anew() -> None:
    broken = ["Let me look.", tool('{"query": "ref'), DOWN]
    whole = ["Looking.", tool('{"query": "refund"}'), finish("tool_calls")]
    seen = ask(chat(plays(broken, whole)))
    assert seen.shown == seen.message.text == "Looking."
    assert [start.reset for start in seen.starts] == [False, True]
    assert [call["args"] for call in seen.message.tool_calls] == [{"query": "refund"}]


def test_break_inside_tool_arguments_without_text_withdraws_nothing() -> None:
    whole = [tool('{"query": "refund"}'), finish("tool_calls")]
    seen = ask(chat(plays([tool('{"que'), DOWN], whole)))
    assert [start.reset for start in seen.starts] == [False, False]
    assert seen.message.tool_calls[0]["args"] == {"query": "refund"}


def test_prompt_that_only_the_partial_text_made_too_long_goes_to_the_next_model() -> None:
    seen = ask(chat(plays(["Hello", DOWN], [ContextTooLong("too long")]), says(" there.")))
    assert (seen.shown, seen.failure) == ("Hello there.", None)


def test_when_all_fail_the_first_reason_is_raised_with_the_partial_text() -> None:
    first = ModelUnavailable("the wanted model broke")
    seen = ask(chat(plays(["Hello", first], [first]), plays([ModelAuthFailed("no")])))
    assert seen.failure is first
    assert (seen.shown, seen.message.text) == ("Hello", "Hello")
    assert seen.failure.partial == "Hello"  # type: ignore[attr-defined]
    assert seen.ends[-1].next_model is None


# -- the end


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_cut_answer_passes_and_its_tool_calls_do_not(reason: str) -> None:
    steps = ["Looking.", tool('{"query": "refu'), finish(reason)]
    seen = ask(chat(plays(steps), says("b")))
    assert seen.shown == "Looking."
    assert (seen.message.tool_calls, seen.message.invalid_tool_calls) == ([], [])
    assert seen.message.response_metadata["finish_reason"] == reason
    assert seen.outcomes == [("openai:a", "ok", None)]


def test_half_arguments_are_never_mended_into_a_call() -> None:
    """LangChain turns `{"query": "refu` into a valid call (SAFETY M16)."""
    seen = ask(chat(plays([tool('{"query": "refu'), finish("tool_calls")]), says("b")))
    assert seen.ends[0].error_type == "model_protocol"
    assert (seen.shown, seen.message.tool_calls) == ("b", [])


def test_two_tool_calls_are_handed_on_whole() -> None:
    steps = [tool('{"a"'), tool(": 1}", None), tool('{"b": 2}', "other", 1), finish("tool_calls")]
    seen = ask(chat(plays(steps)))
    assert [(c["name"], c["args"]) for c in seen.message.tool_calls] == [
        ("look", {"a": 1}),
        ("other", {"b": 2}),
    ]
    assert [chunk for chunk in seen.chunks if chunk.tool_call_chunks] == [seen.chunks[-1]]


@pytest.mark.parametrize("after", [DOWN, 5.0, RuntimeError("boom")])
def test_fault_after_the_finish_reason_completes_the_answer(after: Any) -> None:
    done = finish(usage=None).model_copy(update={"chunk_position": None})
    seen = ask(chat(plays(["Hello there, reader.", done, after])))
    assert (seen.shown, seen.failure) == ("Hello there, reader.", None)
    assert seen.outcomes == [("openai:a", "ok", None)]
    assert seen.usages[0].source == "estimate"
    assert (seen.usages[0].input_tokens, seen.usages[0].output_tokens) == (1, 5)


def test_end_without_a_finish_reason_is_a_failure() -> None:
    seen = ask(chat(plays(["Hello"], [" there.", finish()])))
    assert seen.shown == "Hello there."
    assert seen.ends[0].error_type == "model_protocol"


def test_endless_answer_is_cut_at_the_limit_and_upstream_stopped() -> None:
    model = plays(["word " * 10] * 100)
    seen = ask(chat(model, limits=replace(FAST, max_chars=120)))
    assert len(seen.shown) == 120
    assert seen.message.text == seen.shown
    assert (seen.ends[0].finish_reason, seen.usages[0].source) == ("length", "partial")
    assert model.closed == 1


def test_steady_but_slow_answer_ends_at_the_total_limit() -> None:
    slow = plays([step for _ in range(50) for step in ("w ", 0.02)])
    limits = replace(FAST, total_s=0.1, idle_s=1.0)
    seen = ask(chat(slow, says("b"), limits=limits, local=says("Local")))
    assert isinstance(seen.failure, ModelUnavailable)
    assert "longer than 0.1 s" in seen.failure.message
    assert seen.ends[0].error_type == "total_timeout"
    assert seen.shown.startswith("w w ")
    assert len(seen.ends) == 1, "text that took so long is not replaced"


def test_when_time_is_up_before_any_text_the_local_answerer_answers() -> None:
    limits = replace(FAST, total_s=0.03)
    seen = ask(chat(plays([5.0]), says("b"), limits=limits, local=says("Local")))
    assert seen.shown == "Local"
    assert [start.model for start in seen.starts] == ["openai:a", "local:extractive"]


def test_slow_reader_does_not_run_into_a_deadline() -> None:
    async def slowly() -> Seen:
        seen = Seen()
        limits = replace(FAST, first_token_s=0.03, idle_s=0.03)
        model = chat(says("a", "b", "c"), sink=seen.on_event, limits=limits)
        async for chunk in model.astream("Hi"):
            await asyncio.sleep(0.06)  # longer than the idle deadline
            seen.shown += chunk.text
        return seen

    seen = asyncio.run(slowly())
    assert (seen.shown, len(seen.ends)) == ("abc", 1)


# -- stopping


@pytest.mark.parametrize(
    ("steps", "outcome"), [([5.0], 0), (["Hello", 5.0], 2)], ids=["waiting", "mid-answer"]
)
def test_cancel_is_recorded_and_never_swallowed(steps: list[Any], outcome: int) -> None:
    inner, seen = plays(steps), Seen()

    async def stop() -> None:
        limits = replace(FAST, first_token_s=9, idle_s=9)
        task = asyncio.create_task(listen(chat(inner, says("b"), limits=limits), seen=seen))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert inner.closed == 1

    asyncio.run(stop())
    assert seen.outcomes == [("openai:a", "cancelled", None)]
    assert (seen.usages[0].source, seen.usages[0].output_tokens) == ("partial", outcome)


def test_cancel_during_the_back_off_asks_nobody_else() -> None:
    inner, seen = plays([DOWN]), Seen()

    async def stop() -> None:
        task = asyncio.create_task(
            listen(chat(inner, says("b"), limits=replace(FAST, backoff_s=5, total_s=60)), seen=seen)
        )
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(stop())
    assert (len(inner.prompts), seen.outcomes) == (1, [("openai:a", "error", "openai:a")])


def test_cancel_that_comes_together_with_a_deadline_wins() -> None:
    async def stop() -> bool:
        gate = asyncio.Event()
        task = asyncio.create_task(listen(chat(plays([gate]), says("b"))))
        await asyncio.sleep(0)
        loop = asyncio.get_running_loop()
        loop.call_at(loop.time() + FAST.first_token_s, task.cancel)
        await asyncio.wait([task])
        return task.cancelled()

    assert all(asyncio.run(stop()) for _ in range(5))


def test_deadline_leaves_the_task_uncancelled() -> None:
    async def count() -> int:
        task = asyncio.current_task()
        assert task is not None
        await listen(chat(plays([5.0]), plays(["Hello", 5.0]), says(".")))
        await asyncio.sleep(0)
        return task.cancelling()

    assert asyncio.run(count()) == 0


def test_deadline_strikes_a_reader_that_takes_a_new_task_per_chunk() -> None:
    """As `asyncio.wait_for` around each chunk does on Python 3.11."""

    async def read() -> str:
        text = ""
        stream = chat(plays(["a", "b", 5.0]), says("c")).astream("Hi")
        while (chunk := await asyncio.create_task(anext(stream, None))) is not None:  # type: ignore[arg-type]
            text += chunk.text
        return text

    assert asyncio.run(read()) == "abc"


def test_finish_reason_on_the_last_piece_of_text_counts() -> None:
    last = AIMessageChunk(" there.", response_metadata={"finish_reason": "stop"})
    seen = ask(chat(plays(["Hello", last])))
    assert (seen.shown, seen.message.text, seen.failure) == ("Hello there.", "Hello there.", None)


def test_figures_that_cannot_be_worked_out_do_not_cost_the_answer(monkeypatch: Any) -> None:
    def broken(*args: Any, **kwargs: Any) -> Any:
        raise ArithmeticError

    monkeypatch.setattr(operation, "usage_event", broken)
    seen = ask(chat(says("Hello")))
    assert (seen.shown, seen.outcomes) == ("Hello", [("openai:a", "ok", None)])


def test_reader_that_leaves_closes_the_provider() -> None:
    inner, seen = says("a", "b", "c"), Seen()

    async def leave() -> None:
        stream: Any = chat(inner, sink=seen.on_event)._astream([HumanMessage("Hi")])
        await anext(stream)
        await stream.aclose()

    asyncio.run(leave())
    assert inner.closed == 1
    assert seen.outcomes == [("openai:a", "cancelled", None)]


# -- usage


def test_usage_is_priced() -> None:
    model = chat(says("Hello"))
    model.candidates = (replace(model.candidates[0], id="openai:gpt-4o-mini"),)
    usage = ask(model).usages[0]
    assert (usage.input_tokens, usage.output_tokens, usage.source) == (10, 5, "provider")
    assert (usage.cost_pusd, usage.price_id is None) == (10 * 150_000 + 5 * 600_000, False)


def test_characters_per_token_are_learned_from_finished_calls() -> None:
    text = "x" * 200
    model = chat(plays([text, finish(usage=(10, 100))], [text, finish(usage=None)]))
    assert ask(model).usages[0].source == "provider"
    assert ask(model).usages[0].output_tokens == 100


def test_absurd_usage_is_estimated_and_marked() -> None:
    usage = ask(chat(plays(["Hello there.", finish(usage=(-5, 10**15))]))).usages[0]
    assert (usage.input_tokens, usage.output_tokens, usage.source) == (1, 3, "estimate")
    assert len(usage.problems) >= 2


def test_refused_request_reports_no_usage() -> None:
    """It used nothing anybody could report; an unknown would mark the run as incomplete."""
    seen = ask(chat(plays([ModelRefused("no")]), says("b")))
    assert [usage.model for usage in seen.usages] == ["openai:b"]


def test_broken_answer_reports_what_was_seen() -> None:
    seen = ask(chat(plays(["Hello there", DOWN], [".", finish()])))
    assert [(u.output_tokens, u.source) for u in seen.usages] == [(3, "partial"), (5, "provider")]


# -- cooling down


def test_model_that_keeps_failing_is_left_alone() -> None:
    first, second = plays([DOWN]), says("b")
    model = chat(first, second)
    for _ in range(4):
        assert ask(model).shown == "b"
    assert len(first.prompts) == 3


def test_refused_credentials_are_not_tried_again() -> None:
    first = plays([ModelAuthFailed("key refused")])
    model = chat(first, says("b"))
    assert [ask(model).shown for _ in range(3)] == ["b"] * 3
    assert len(first.prompts) == 1


def test_only_model_is_tried_in_spite_of_its_cooldown() -> None:
    first = plays([DOWN], [DOWN], [DOWN], ["Back.", finish()])
    model = chat(first)
    for _ in range(2):
        assert ask(model).failure is not None
    assert ask(model).shown == "Back."


def test_stopped_probe_is_given_back() -> None:
    now = [0.0]
    breaker = Breaker(clock=lambda: now[0])
    model = chat(plays([DOWN], [DOWN], [DOWN], [5.0], ["Back.", finish()]), breaker=breaker)

    async def stop() -> None:
        task = asyncio.create_task(listen(model))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])

    for _ in range(2):
        ask(model)
    now[0] = 1000.0
    asyncio.run(stop())
    assert ask(model).shown == "Back."


# -- tools


def test_each_model_converts_tools_in_its_own_words() -> None:
    first, second = plays([ModelRefused("no")]), says("b")
    seen = ask(chat(first, second).bind_tools([Look], tool_choice="any"))
    assert seen.shown == "b"
    for model in (first, second):
        assert model.options == [{"my_tools": ["Look"], "my_choice": "any"}]


def test_model_that_cannot_be_forced_is_asked_without_force() -> None:
    class Unforced(Scripted):
        def bind_tools(self, tools: Any, *, tool_choice: Any = None, **kwargs: Any) -> Any:
            if tool_choice:
                raise ValueError("does not support tool_choice")
            return super().bind_tools(tools, **kwargs)

    model = Unforced(scripts=[["b", finish()]])
    assert ask(chat(model).bind_tools([Look], tool_choice="any")).shown == "b"
    assert model.options == [{"my_tools": ["Look"], "my_choice": None}]


@pytest.mark.parametrize("choice", ["required", True, "any"])
def test_force_has_one_word(choice: Any) -> None:
    model = says("b")
    ask(chat(model).bind_tools([Look], tool_choice=choice))
    assert model.options[0]["my_choice"] == "any"


def test_structured_output_works_over_all_models() -> None:
    form = [tool('{"query": "refunds"}', "Look"), finish("stop")]
    chain = chat(plays([DOWN]), plays(form)).with_structured_output(Look, method="json_schema")
    assert asyncio.run(chain.ainvoke("Hi")) == Look(query="refunds")


# -- callers without a loop


def test_sync_callers_run_on_the_run_loop() -> None:
    thread = LoopThread()
    try:
        model = chat(says("Hello", " there."), loop=thread.loop)
        assert model.invoke("Hi").content == "Hello there."
        assert [chunk.text for chunk in model.stream("Hi")][:2] == ["Hello", " there."]
        with pytest.raises(ModelRefused):
            chat(plays([ModelRefused("no")]), loop=thread.loop).invoke("Hi")
    finally:
        thread.close()


def test_sync_reader_that_leaves_stops_the_provider() -> None:
    thread = LoopThread()
    closed = threading.Event()
    try:
        seen = Seen()
        inner = plays(["a", 60.0])
        model = chat(inner, loop=thread.loop, limits=replace(FAST, idle_s=60), sink=seen.on_event)
        stream = model.stream("Hi")
        next(stream)
        stream.close()  # type: ignore[attr-defined]
        for _ in range(200):
            if inner.closed:
                closed.set()
                break
            time.sleep(0.005)
        assert closed.is_set()
    finally:
        thread.close()


def test_loop_refuses_to_wait_for_itself() -> None:
    async def wait() -> None:
        model = chat(says("a"), loop=asyncio.get_running_loop())
        with pytest.raises(RuntimeError, match="cannot wait for itself"):
            model.invoke("Hi")

    asyncio.run(wait())


def test_caller_without_any_loop_is_told() -> None:
    with pytest.raises(RuntimeError, match="not running"):
        chat(says("a")).invoke("Hi")


# -- in a graph


def one_node(model: ResilientChat) -> Any:
    """A graph with one node that answers with this model."""
    from langgraph.graph import END, START, MessagesState, StateGraph

    from agents.answering import stream_message

    async def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await stream_message(model, state["messages"], {}, name="general")]}

    graph = StateGraph(MessagesState)
    graph.add_node("general", answer)
    graph.add_edge(START, "general")
    graph.add_edge("general", END)
    return graph.compile()


async def turn(graph: Any, transcript: Transcript) -> Any:
    """Runs a graph as a turn does. Gives the message it keeps."""
    translator, kept = Translator(frozenset({"general"}), lambda: 0), None
    async for part in graph.astream(
        {"messages": [SystemMessage("Be kind."), HumanMessage("Hi")]},
        stream_mode=[*STREAM_MODES, "values"],
        version="v2",
        subgraphs=True,
    ):
        if part["type"] == "values":
            kept = part["data"]["messages"][-1]
        transcript.add_all(translator.translate(part))
    return kept


def test_in_a_graph_shown_and_kept_text_are_the_same() -> None:
    model = chat(plays(["Hello", DOWN], [DOWN]), local=says("From", " here."), agent="general")
    transcript = Transcript()
    kept = asyncio.run(turn(one_node(model), transcript))
    assert transcript.text == kept.content == f"Hello{BROKE_OFF}From here."
    assert [a.outcome for a in transcript.attempts.values()] == ["broke_midstream", "error", "ok"]
    assert all(attempt.agent == "general" for attempt in transcript.attempts.values())
    assert len(transcript.usages) == 2


def test_stopped_graph_still_tells_what_the_call_used() -> None:
    """Nobody reads the stream of a graph that is being stopped, so this goes to the sink."""
    late: list[Any] = []
    model = chat(plays(["Hello", 5.0]), sink=late.append, limits=replace(FAST, idle_s=9))
    transcript = Transcript()

    async def stop() -> None:
        task = asyncio.create_task(turn(one_node(model), transcript))
        while not transcript.text:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(late) == 2, "told before the graph has ended"

    asyncio.run(stop())
    ended, used = late
    assert (ended.outcome, used.source, used.output_tokens) == ("cancelled", "partial", 2)
    assert [a.outcome for a in transcript.attempts.values()] == ["started"]


def test_fold_of_nothing_is_an_empty_message() -> None:
    assert folded([]).content == ""


def test_model_names_itself_for_traces() -> None:
    params = chat(says("a"))._get_ls_params()
    assert (params["ls_provider"], params["ls_model_name"]) == ("switchboard", "openai:a")
    assert isinstance(chat(says("a")), ResilientChat)
