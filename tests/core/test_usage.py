"""Every provider's spelling ends in the same meaning, and nothing unknown becomes 0."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_aws.chat_models.bedrock_converse import _extract_usage_metadata
from langchain_openai.chat_models.base import (
    _create_usage_metadata,
    _create_usage_metadata_responses,
)

from core.usage import (
    TOKEN_FIELDS,
    Usage,
    estimate,
    from_anthropic,
    from_bedrock,
    from_langchain,
    from_openai,
    from_otel,
    total,
)

counts = st.integers(min_value=0, max_value=200_000)
some = st.integers(min_value=1, max_value=200_000)


def tokens(usage: Usage) -> dict[str, int | None]:
    return {name: getattr(usage, name) for name in TOKEN_FIELDS}


@st.composite
def openai_usage(draw: st.DrawFn) -> dict[str, object]:
    plain, read, written, answer, reasoning = (draw(some), *(draw(counts) for _ in range(4)))
    words = draw(st.sampled_from([("prompt", "completion"), ("input", "output")]))
    given_name, made_name = words
    return {
        f"{given_name}_tokens": plain + read + written,
        f"{made_name}_tokens": answer + reasoning,
        "total_tokens": plain + read + written + answer + reasoning,
        f"{given_name}_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
        f"{made_name}_tokens_details": {"reasoning_tokens": reasoning},
    }


@st.composite
def bedrock_usage(draw: st.DrawFn) -> dict[str, object]:
    plain, read, five, hour, made = (draw(some), *(draw(counts) for _ in range(4)))
    raw: dict[str, object] = {
        "inputTokens": plain,
        "outputTokens": made,
        "totalTokens": plain + read + five + hour + made,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": five + hour,
    }
    if draw(st.booleans()):
        raw["cacheDetails"] = [
            {"ttl": "5m", "inputTokens": five},
            {"ttl": "1h", "inputTokens": hour},
        ]
    return raw


@st.composite
def anthropic_usage(draw: st.DrawFn) -> dict[str, object]:
    plain, read, five, hour, made = (draw(some), *(draw(counts) for _ in range(4)))
    return {
        "input_tokens": plain,
        "output_tokens": made,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": five + hour,
        "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
    }


@given(openai_usage())
def test_openai_input_already_includes_what_was_cached(raw: dict[str, object]) -> None:
    usage = from_openai(raw)
    assert (usage.input_tokens or 0) + (usage.output_tokens or 0) == raw["total_tokens"]
    assert (usage.source, usage.problems) == ("provider", ())


@given(bedrock_usage())
def test_bedrock_input_gets_what_was_cached_added_once(raw: dict[str, object]) -> None:
    usage = from_bedrock(raw)
    assert (usage.input_tokens or 0) + (usage.output_tokens or 0) == raw["totalTokens"]
    assert usage.problems == ()


@given(anthropic_usage())
def test_anthropic_input_gets_what_was_cached_added_once(raw: dict[str, object]) -> None:
    usage = from_anthropic(raw)
    plain, read, written = usage.input_tokens, usage.cache_read, usage.cache_write
    assert (plain or 0) - (read or 0) - (written or 0) == raw["input_tokens"]
    assert (usage.cache_write_5m or 0) + (usage.cache_write_1h or 0) == written
    assert usage.problems == ()


@given(bedrock_usage())
def test_langchain_aws_and_the_raw_object_agree(raw: dict[str, object]) -> None:
    """The installed langchain-aws zeroes cache_creation when it knows the lives."""
    metadata = _extract_usage_metadata({"usage": dict(raw)})
    through, direct = tokens(from_langchain(metadata)), tokens(from_bedrock(raw))
    for name in ("input_tokens", "cache_read", "cache_write", "output_tokens"):
        assert through[name] == direct[name]
    assert from_langchain(metadata).problems == ()


@given(openai_usage(), st.sampled_from([None, "default", "flex", "priority"]))
def test_langchain_openai_and_the_raw_object_agree(
    raw: dict[str, object], tier: str | None
) -> None:
    """The installed langchain-openai prefixes detail keys with flex_ and priority_."""
    create = _create_usage_metadata if "prompt_tokens" in raw else _create_usage_metadata_responses
    usage = from_langchain(create(dict(raw), tier))
    assert tokens(usage) == tokens(from_openai(raw))
    assert usage.service_tier == (tier if tier in ("flex", "priority") else None)
    assert usage.problems == ()


def test_langchain_with_lives_and_a_zeroed_cache_creation() -> None:
    usage = from_langchain(
        {
            "input_tokens": 1_500,
            "output_tokens": 20,
            "total_tokens": 1_520,
            "input_token_details": {
                "cache_read": 200,
                "cache_creation": 0,
                "ephemeral_5m_input_tokens": 300,
                "ephemeral_1h_input_tokens": 700,
            },
        }
    )
    assert tokens(usage) == {
        "input_tokens": 1_500,
        "cache_read": 200,
        "cache_write": 1_000,
        "cache_write_5m": 300,
        "cache_write_1h": 700,
        "output_tokens": 20,
        "reasoning_tokens": None,
    }


def test_what_is_not_reported_is_none_not_zero() -> None:
    assert tokens(from_langchain({"input_tokens": 5, "output_tokens": 2, "total_tokens": 7})) == {
        **dict.fromkeys(TOKEN_FIELDS),
        "input_tokens": 5,
        "output_tokens": 2,
    }
    assert from_openai({}) == Usage(source="none")


def test_langchain_zeroes_mean_that_the_server_said_nothing() -> None:
    usage = from_langchain(_create_usage_metadata({}))
    assert (usage.input_tokens, usage.source) == (None, "none")
    assert usage.problems == ("every count is 0 or missing",)


def test_some_models_behind_bedrock_count_cached_tokens_in() -> None:
    raw = {"inputTokens": 100, "outputTokens": 5, "cacheReadInputTokens": 80}
    assert from_bedrock(raw).input_tokens == 180
    assert from_bedrock(raw, inclusive=True).input_tokens == 100


@pytest.mark.parametrize(
    ("raw", "gone", "problem"),
    [
        (
            {"prompt_tokens": 10, "completion_tokens": 1,
             "prompt_tokens_details": {"cached_tokens": 11}},
            "cache_read", "cached tokens (11) exceed input_tokens (10)",
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 1,
             "completion_tokens_details": {"reasoning_tokens": 2}},
            "reasoning_tokens", "reasoning_tokens (2) exceed output_tokens (1)",
        ),
        ({"prompt_tokens": -3, "completion_tokens": 1}, "input_tokens", "input_tokens is negative (-3)"),
        ({"prompt_tokens": 10**10}, "input_tokens", "input_tokens is absurd (10000000000)"),
        ({"prompt_tokens": "9"}, "input_tokens", "input_tokens is not a whole number ('9')"),
        ({"prompt_tokens": True}, "input_tokens", "input_tokens is not a whole number (True)"),
    ],
)  # fmt: skip
def test_a_contradiction_is_dropped_and_named(
    raw: Mapping[str, object], gone: str, problem: str
) -> None:
    usage = from_openai(raw)
    assert getattr(usage, gone) is None
    assert usage.problems == (problem,)


def test_a_bad_part_spoils_the_sum_it_belongs_to() -> None:
    usage = from_bedrock({"inputTokens": 100, "cacheReadInputTokens": -5, "outputTokens": 1})
    assert (usage.input_tokens, usage.cache_read) == (None, None)


def test_lives_longer_than_the_write_are_dropped_and_named() -> None:
    usage = from_bedrock(
        {
            "inputTokens": 10,
            "outputTokens": 1,
            "cacheWriteInputTokens": 4,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 5}],
        }
    )
    assert (usage.cache_write, usage.cache_write_1h) == (4, None)
    assert usage.problems == ("5m and 1h writes (5) exceed cache_write (4)",)


def test_a_total_that_does_not_add_up_is_named_and_the_parts_stay() -> None:
    usage = from_openai({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 99})
    assert (usage.input_tokens, usage.output_tokens) == (10, 5)
    assert usage.problems == ("the provider's total (99) is not input + output (15)",)


@pytest.mark.parametrize(
    "attributes",
    [
        {
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 20,
            "gen_ai.usage.cache_read.input_tokens": 30,
            "gen_ai.usage.cache_write.input_tokens": 40,
            "gen_ai.usage.reasoning.output_tokens": 5,
        },
        {
            "gen_ai.usage.prompt_tokens": 100,
            "gen_ai.usage.completion_tokens": 20,
            "gen_ai.usage.cache_read_input_tokens": 30,
            "gen_ai.usage.cache_creation.input_tokens": 40,
            "gen_ai.usage.reasoning_tokens": 5,
        },
    ],
)
def test_old_and_new_otel_spellings_mean_the_same(attributes: Mapping[str, object]) -> None:
    usage = from_otel(attributes)
    found = tuple(n for n in tokens(usage).values() if n is not None)
    assert found == (100, 30, 40, 20, 5)


def test_a_total_says_how_many_calls_it_knows() -> None:
    known = Usage(input_tokens=10, output_tokens=3, source="provider")
    unknown = Usage(output_tokens=4, source="partial", problems=("cut",))
    result = total([known, unknown, known])
    assert (result.usage.input_tokens, result.usage.output_tokens) == (20, 10)
    assert (result.usage.cache_read, result.usage.source) == (None, "partial")
    assert (result.known["input_tokens"], result.known["cache_read"], result.calls) == (2, 0, 3)
    assert result.is_complete("output_tokens")
    assert not result.is_complete("input_tokens")
    assert result.usage.problems == ("cut",)


def test_a_total_of_nothing_is_unknown() -> None:
    assert total([]).usage == Usage()


@pytest.mark.parametrize(("text", "count"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2)])
def test_estimate_rounds_up(text: str, count: int) -> None:
    assert estimate(text) == count
