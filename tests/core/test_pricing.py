"""The formula, its fallbacks, and money as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.catalog import Catalog, load_catalog
from core.pricing import Cost, format_usd, price_call
from core.usage import Usage, from_anthropic, from_bedrock, from_openai

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CATALOG: Catalog = load_catalog()
MINI, LITE = "openai:gpt-4o-mini", "bedrock_converse:us.amazon.nova-lite-v1:0"
OPUS = "global.anthropic.claude-opus-4-7"

counts = st.integers(min_value=0, max_value=80_000)


def cost(model: str, usage: Usage, **options: object) -> Cost:
    return price_call(CATALOG, model, usage, **{"at": NOW, **options})  # type: ignore[arg-type]


def parts(found: Cost) -> tuple[int | None, ...]:
    return (
        found.input_pusd,
        found.cache_read_pusd,
        found.cache_write_pusd,
        found.output_pusd,
        found.reasoning_pusd,
        found.other_pusd,
    )


def openai_like(plain: int, read: int, five: int, hour: int, made: int) -> Usage:
    return from_openai(
        {
            "prompt_tokens": plain + read + five + hour,
            "completion_tokens": made,
            "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": five + hour},
            "completion_tokens_details": {"reasoning_tokens": made // 2},
        }
    )


def bedrock_like(plain: int, read: int, five: int, hour: int, made: int) -> Usage:
    return from_bedrock(
        {
            "inputTokens": plain,
            "outputTokens": made,
            "cacheReadInputTokens": read,
            "cacheWriteInputTokens": five + hour,
            "cacheDetails": [
                {"ttl": "5m", "inputTokens": five},
                {"ttl": "1h", "inputTokens": hour},
            ],
        }
    )


def anthropic_like(plain: int, read: int, five: int, hour: int, made: int) -> Usage:
    return from_anthropic(
        {
            "input_tokens": plain,
            "output_tokens": made,
            "cache_read_input_tokens": read,
            "cache_creation": {
                "ephemeral_5m_input_tokens": five,
                "ephemeral_1h_input_tokens": hour,
            },
        }
    )


SHAPES = st.sampled_from([openai_like, bedrock_like, anthropic_like])
MODELS = st.sampled_from([model.id for model in CATALOG.models])


@given(MODELS, st.sampled_from([None, "us", "eu", "global"]), SHAPES, *[counts] * 5)
def test_parts_add_up_and_nothing_is_negative(
    model: str,
    profile: str | None,
    shape: Callable[..., Usage],
    plain: int,
    read: int,
    five: int,
    hour: int,
    made: int,
) -> None:
    if profile and model.startswith("bedrock"):
        model = f"{profile}.{model.partition(':')[2]}"
    found = cost(model, shape(plain, read, five, hour, made), region="us-east-1")
    assert found.why
    if found.total_pusd is None:
        assert (found.quality, found.price_id, set(parts(found))) == (None, None, {None})
    else:
        assert found.total_pusd == sum(part or 0 for part in parts(found))
        assert all(part is not None and part >= 0 for part in parts(found))
        assert found.quality
        assert found.price_id


@given(*[counts] * 5)
def test_every_token_is_billed_once_at_its_own_rate(
    plain: int, read: int, five: int, hour: int, made: int
) -> None:
    expected = plain * 5 + read * 0.5 + five * 6.25 + hour * 10 + made * 25
    for shape in (bedrock_like, anthropic_like):
        found = cost(OPUS, shape(plain, read, five, hour, made))
        assert found.total_pusd == expected * 1_000_000
        assert found.quality == "exact"


def test_a_call_to_gpt_4o_mini_digit_by_digit() -> None:
    usage = Usage(
        input_tokens=2_000, cache_read=1_500, cache_write=0, output_tokens=300, source="provider"
    )
    assert cost(MINI, usage) == Cost(
        input_pusd=500 * 150_000,
        cache_read_pusd=1_500 * 75_000,
        cache_write_pusd=0,
        output_pusd=300 * 600_000,
        reasoning_pusd=0,
        other_pusd=0,
        total_pusd=367_500_000,
        quality="exact",
        price_id="openai:gpt-4o-mini|global|standard|2025-07-04",
        why="500 input x $0.15/M + 1,500 cache read x $0.075/M + 300 output x $0.6/M = $0.00037 "
        "(GPT-4o mini, global, standard, since 2025-07-04)",
    )


def test_reasoning_is_a_part_of_the_output_and_billed_once() -> None:
    usage = openai_like(0, 0, 0, 0, 1_000)
    found = cost("openai:gpt-5-mini", replace(usage, input_tokens=1))
    assert (found.output_pusd, found.reasoning_pusd) == (500 * 2_000_000, 500 * 2_000_000)
    assert found.total_pusd == 1_000 * 2_000_000 + 250_000


NOVA = from_bedrock({"inputTokens": 1_000, "outputTokens": 100})


def test_regions_have_their_own_prices() -> None:
    totals = {
        profile: cost(f"{profile}.amazon.nova-lite-v1:0", NOVA).total_pusd
        for profile in ("us", "eu", "apac")
    }
    assert totals == {"us": 84_000_000, "eu": 109_200_000, "apac": 88_200_000}


def test_an_unknown_read_price_falls_back_to_input_and_says_so() -> None:
    usage = bedrock_like(100, 900, 0, 0, 10)
    found = cost("eu.amazon.nova-lite-v1:0", usage)
    assert found.cache_read_pusd == 900 * 78_000
    assert found.quality == "approximate"
    assert found.why.endswith("; cache read priced as input")


def test_an_unknown_write_price_falls_back_to_input_and_says_so() -> None:
    found = cost(LITE, bedrock_like(100, 0, 900, 0, 10))
    assert (found.cache_write_pusd, found.quality) == (900 * 60_000, "approximate")


def test_a_write_of_unknown_life_is_charged_at_the_base_write_rate() -> None:
    """litellm #42663: the part of a write without a known life was billed at 0."""
    usage = replace(bedrock_like(0, 0, 0, 100, 1), input_tokens=1_000, cache_write=1_000)
    found = cost(OPUS, usage)
    assert found.cache_write_pusd == 900 * 6_250_000 + 100 * 10_000_000
    assert found.quality == "approximate"


def test_long_prompts_are_billed_whole_at_the_higher_rate() -> None:
    short = cost("openai:gpt-6-luna", openai_like(272_000, 0, 0, 0, 10))
    long = cost("openai:gpt-6-luna", openai_like(272_001, 0, 0, 0, 10))
    assert short.input_pusd == 272_000 * 100_000
    assert long.input_pusd == 272_001 * 200_000
    assert long.price_id != short.price_id


def test_the_tier_the_provider_reports_wins() -> None:
    usage = replace(openai_like(1_000, 0, 0, 0, 0), service_tier="flex")
    assert cost("openai:gpt-5", usage).input_pusd == 625_000 * 1_000
    assert cost("openai:gpt-5", replace(usage, service_tier="default")).price_id == (
        "openai:gpt-5|global|standard|2025-11-13"
    )
    assert cost("openai:gpt-5", replace(usage, service_tier=None), tier="priority").input_pusd == (
        2_500_000 * 1_000
    )
    assert cost(MINI, usage).total_pusd is None


def test_fees_are_a_part_of_their_own() -> None:
    found = cost(LITE, NOVA, other_pusd=5)
    assert (found.other_pusd, found.total_pusd) == (5, 84_000_005)


def test_the_local_answerer_is_free_whatever_it_counted() -> None:
    for usage in (Usage(), openai_like(10, 0, 0, 0, 5)):
        found = cost("local:extractive", usage)
        assert (found.total_pusd, found.quality) == (0, "zero_local")


@pytest.mark.parametrize(
    ("model", "usage", "why"),
    [
        ("openai:llama3.1:8b", NOVA, "the catalogue does not know openai:llama3.1:8b"),
        (MINI, Usage(output_tokens=3), "the input tokens of this call are not known"),
        (MINI, Usage(input_tokens=3), "the output tokens of this call are not known"),
        ("bedrock:amazon.nova-lite-v1:0", NOVA, "the AWS region Nova Lite ran in is not known"),
        ("ca.amazon.nova-lite-v1:0", NOVA, "no standard price of Nova Lite in ca"),
        (
            MINI,
            Usage(input_tokens=1, cache_read=2, output_tokens=1, source="provider"),
            "contradict each other",
        ),
    ],
)
def test_what_cannot_be_priced_is_unknown_and_says_why(model: str, usage: Usage, why: str) -> None:
    found = cost(model, usage)
    assert (found.total_pusd, found.quality, found.price_id) == (None, None, None)
    assert why in found.why


@pytest.mark.parametrize(
    ("usage", "doubt"),
    [
        (Usage(input_tokens=9, cache_read=0, output_tokens=1, source="partial"), "are estimated"),
        (Usage(input_tokens=9, output_tokens=1, source="provider"), "cached tokens not reported"),
        (from_openai({"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 99,
                      "prompt_tokens_details": {"cached_tokens": 0}}), "total (99)"),
    ],
)  # fmt: skip
def test_doubtful_tokens_make_a_cost_approximate(usage: Usage, doubt: str) -> None:
    found = cost(MINI, usage)
    assert found.quality == "approximate"
    assert doubt in found.why


@pytest.mark.parametrize(
    ("pusd", "text"),
    [
        (None, "unknown"),
        (0, "$0"),
        (1, "< $0.000001"),
        (999_999, "< $0.000001"),
        (1_000_000, "$0.000001"),
        (420_000_000, "$0.00042"),
        (400_000_000, "$0.0004"),
        (9_960_000_000, "$0.01"),
        (12_340_000_000, "$0.012"),
        (500_000_000_000, "$0.50"),
        (999_000_000_000, "$1.00"),
        (1_230_000_000_000, "$1.23"),
        (1_234_567_000_000_000, "$1,234.57"),
        (-420_000_000, "-$0.00042"),
        (-1, "> -$0.000001"),
    ],
)
def test_money_as_text(pusd: int | None, text: str) -> None:
    assert format_usd(pusd) == text


@given(st.integers(min_value=1, max_value=10**18))
def test_money_as_text_is_short_and_never_zero(pusd: int) -> None:
    text = format_usd(pusd)
    assert len(text) <= 14
    assert any(digit in text for digit in "123456789")
