"""The fold of events into what a person sees."""

from __future__ import annotations

from typing import Any

import pytest

from core.events import (
    Attempt,
    Cancelled,
    Completed,
    Event,
    Failed,
    Token,
    ToolEnd,
    ToolStart,
    UsageReported,
)
from core.transcript import AnswerSummary, Transcript, summarise


def fold(*events: Event) -> Transcript:
    transcript = Transcript()
    for seq, event in enumerate(events):
        object.__setattr__(event, "elapsed_us", seq * 100)
        transcript.add(event)
    return transcript


def attempt(model: str, **fields: Any) -> Attempt:
    values: dict[str, Any] = {"outcome": "ok", "call_id": model, "purpose": "answer"} | fields
    return Attempt(logical_call_id="l", attempt=1, model=model, provider="p", **values)


def usage(model: str, **fields: Any) -> UsageReported:
    return UsageReported(call_id=model, model=model, provider="p", purpose="answer", **fields)


def test_text_is_the_tokens_in_order() -> None:
    transcript = fold(Token(text="Hel"), Token(text="lo"), Completed(message_id="m"))
    assert (transcript.text, transcript.status) == ("Hello", "completed")


def test_the_first_token_with_text_counts() -> None:
    assert fold(Token(text="\n"), Token(text="a"), Token(text="b")).ttft_us == 100


def test_a_reset_withdraws_the_text_of_its_message_only() -> None:
    transcript = fold(
        Token(text="kept", message_id="1"),
        Token(text="withdrawn", message_id="2"),
        attempt("a", outcome="broke_midstream", reset=True),
        Token(text=" again", message_id="2"),
    )
    assert transcript.text == "kept again"


def test_unknown_cost_is_none_and_the_sum_says_it_is_incomplete() -> None:
    none = summarise(fold(usage("a", output_tokens=3)))
    assert (none.cost_pusd, none.cost_complete, none.output_tokens) == (None, False, 3)
    some = summarise(fold(usage("a", cost_pusd=5), usage("b")))
    assert (some.cost_pusd, some.cost_complete) == (5, False)
    free = summarise(fold(usage("a", cost_pusd=0)))
    assert (free.cost_pusd, free.cost_complete) == (0, True)


def test_the_model_shown_is_the_one_that_answered() -> None:
    summary = summarise(
        fold(
            attempt("router", purpose="route"),
            attempt("first", outcome="error", error_type="model_rate_limited", next_model="second"),
            attempt("second"),
        )
    )
    assert summary.model == "second"
    assert [f["model"] for f in summary.fallbacks] == ["first"]


def test_decode_speed_is_tokens_between_first_and_last() -> None:
    summary = summarise(
        fold(
            attempt("a", first_token_us=1_000_000, last_token_us=3_000_000),
            usage("a", output_tokens=101),
        )
    )
    assert summary.tokens_per_s == 50.0


@pytest.mark.parametrize(
    ("first_answer_us", "reasoning", "expected"),
    [(1_000_000, 1_000, 99.0), (1_900_000, 1_000, 1_099.0), (1_000_000, None, 1_099.0),
     (None, 1_000, 1_099.0), (1_000_000, 1_099, None)],
)  # fmt: skip
def test_reasoning_that_was_not_streamed_is_no_part_of_the_speed(
    first_answer_us: int | None, reasoning: int | None, expected: float | None
) -> None:
    times = {"first_token_us": 1_000_000, "last_token_us": 2_000_000}
    events = (
        attempt("a", first_answer_us=first_answer_us, **times),
        usage("a", output_tokens=1_100, reasoning_tokens=reasoning),
    )
    assert summarise(fold(*events)).tokens_per_s == expected


def test_one_token_has_no_speed() -> None:
    events = attempt("a", first_token_us=1, last_token_us=1), usage("a", output_tokens=1)
    assert summarise(fold(*events)).tokens_per_s is None


def test_tools_keep_their_input_output_and_error() -> None:
    summary = summarise(
        fold(
            ToolStart(tool_call_id="1", name="t", input="{}"),
            ToolEnd(tool_call_id="1", name="t", output="4", duration_us=7, error="no"),
        )
    )
    tool = summary.tools[0]
    assert (tool["name"], tool["output"], tool["duration_us"], tool["error"]) == ("t", "4", 7, "no")


def test_how_a_run_ended_is_kept() -> None:
    failed = summarise(fold(Failed(code="c", message="m", what_to_do="w", retryable=True)))
    assert (failed.status, failed.error and failed.error["what_to_do"]) == ("error", "w")
    stopped = summarise(fold(Cancelled(by="user", stop_us=9, tokens_after_stop=2)))
    assert (stopped.status, stopped.stop_us, stopped.tokens_after_stop) == ("cancelled", 9, 2)


def test_a_summary_survives_storage_and_ignores_newer_fields() -> None:
    summary = summarise(fold(attempt("a"), usage("a", cost_pusd=1)))
    assert AnswerSummary.from_dict({**summary.to_dict(), "newer": 1}) == summary
