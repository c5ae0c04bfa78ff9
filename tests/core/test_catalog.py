"""The shipped catalogue, and what the loader says about a wrong one."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from core.catalog import _UNKNOWN_COLORS, Catalog, load_catalog
from core.errors import ConfigError

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LITE = "bedrock_converse:amazon.nova-lite-v1:0"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def rates(catalog: Catalog, model_id: str, *, region: str | None = None, tier: str = "standard",
          tokens: int = 1000, at: datetime = NOW) -> tuple[int | None, ...] | None:  # fmt: skip
    model, price_region = catalog.resolve(model_id, region)
    assert model is not None
    price = catalog.price(model, price_region, tier, tokens, at)
    return price and (price.input_pusd, price.cache_read_pusd, price.output_pusd)


def test_check_figures_of_the_two_default_models(catalog: Catalog) -> None:
    assert rates(catalog, "bedrock_converse:us.amazon.nova-lite-v1:0") == (60_000, 15_000, 240_000)
    assert rates(catalog, "openai:gpt-4o-mini") == (150_000, 75_000, 600_000)


def test_the_local_answerer_costs_exactly_nothing(catalog: Catalog) -> None:
    assert rates(catalog, "local:extractive") == (0, 0, 0)


def test_every_shipped_price_has_a_source_and_a_date_not_in_the_future(catalog: Catalog) -> None:
    prices = [price for model in catalog.models for price in model.prices]
    assert len(prices) > 100
    assert all(price.source and price.source_date <= catalog.date for price in prices)
    assert len({price.price_id for price in prices}) == len(prices)


def test_only_the_local_model_is_free(catalog: Catalog) -> None:
    free = {m.id for m in catalog.models for p in m.prices if p.input_pusd * p.output_pusd == 0}
    assert free == {"local:extractive"}


def test_a_cache_read_never_costs_more_than_input(catalog: Catalog) -> None:
    prices = [price for model in catalog.models for price in model.prices]
    assert all((price.cache_read_pusd or 0) <= price.input_pusd for price in prices)


def test_nova_has_prices_in_three_geographies(catalog: Catalog) -> None:
    found = {
        (size, profile): rates(catalog, f"{profile}.amazon.nova-{size}-v1:0")
        for size in ("micro", "lite", "pro")
        for profile in ("us", "eu", "apac")
    }
    assert None not in found.values()
    assert len(set(found.values())) == 9


@pytest.mark.parametrize(
    ("name", "model_id"),
    [
        ("gpt-4o-mini-2024-07-18", "openai:gpt-4o-mini"),
        ("openai:gpt-4o-mini-2024-07-18", "openai:gpt-4o-mini"),
        ("us.amazon.nova-lite-v1:0", LITE),
        ("bedrock:eu.amazon.nova-lite-v1:0", LITE),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", LITE),
        ("arn:aws:bedrock:eu-west-1:1:inference-profile/eu.amazon.nova-lite-v1:0", LITE),
        ("gpt-4o-2024-05-13", None),  # this snapshot kept its older, higher price
        ("groq:gpt-4o-mini", None),  # another seller
        ("azure_openai:gpt-4o-mini", None),
        ("openai:us.amazon.nova-lite-v1:0", None),
        ("us.gpt-4o-mini", None),
        ("zz.amazon.nova-lite-v1:0", None),
        ("openai:llama3.1:8b", None),
        ("", None),
    ],
)
def test_find(catalog: Catalog, name: str, model_id: str | None) -> None:
    model = catalog.find(name)
    assert (model and model.id) == model_id


@pytest.mark.parametrize(
    ("name", "region", "price_region"),
    [
        ("us.amazon.nova-lite-v1:0", None, "us"),
        ("us.amazon.nova-lite-v1:0", "us-west-2", "us"),
        ("apac.amazon.nova-lite-v1:0", "ap-northeast-1", "apac"),
        ("apac.amazon.nova-lite-v1:0", "ap-south-1", "apac/ap-south-1"),
        ("global.amazon.nova-2-lite-v1:0", "ap-south-1", "global/ap-south-1"),
        ("amazon.nova-lite-v1:0", "us-east-1", "us-east-1"),
        ("amazon.nova-lite-v1:0", None, None),
        ("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", None, "us-east-1"),
        ("openai:gpt-4o", "us-east-1", "global"),
        ("local:extractive", None, "local"),
    ],
)
def test_price_region(catalog: Catalog, name: str, region: str | None, price_region: str) -> None:
    assert catalog.resolve(name, region)[1] == price_region


def test_a_region_without_a_price_borrows_none(catalog: Catalog) -> None:
    assert rates(catalog, "amazon.nova-lite-v1:0", region="sa-east-1") is None
    assert rates(catalog, "ca.amazon.nova-lite-v1:0") is None
    assert rates(catalog, "amazon.nova-lite-v1:0") is None


def test_a_tier_without_a_price_borrows_none(catalog: Catalog) -> None:
    assert rates(catalog, "openai:gpt-4o-mini", tier="flex") is None
    assert rates(catalog, "openai:gpt-4o-mini", tier="priority") == (250_000, 125_000, 1_000_000)


@pytest.mark.parametrize(("tokens", "price"), [(100_000, 100_000), (100_001, 500_000)])
def test_a_tier_by_input_starts_after_its_limit(catalog: Catalog, tokens: int, price: int) -> None:
    found = rates(catalog, "global.anthropic.claude-haiku-5-5", tokens=tokens)
    assert found is not None
    assert found[0] == price


@pytest.mark.parametrize(
    ("at", "cache_read"),
    [
        (datetime(2026, 10, 6, 23, 59, tzinfo=UTC), 200_000),
        (datetime(2026, 10, 7, tzinfo=UTC), 100_000),
        (datetime.fromisoformat("2026-10-07T01:00:00+02:00"), 200_000),
    ],
)
def test_prices_change_at_midnight_utc(catalog: Catalog, at: datetime, cache_read: int) -> None:
    found = rates(catalog, "global.anthropic.claude-sonnet-5-5", at=at)
    assert found == (2_000_000, cache_read, 10_000_000)


def test_before_its_first_and_after_its_last_day_a_price_is_unknown(catalog: Catalog) -> None:
    assert rates(catalog, "openai:gpt-4o-mini", at=datetime(2025, 7, 3, tzinfo=UTC)) is None
    assert rates(catalog, "openai:gpt-5.6-sol") is not None
    assert rates(catalog, "openai:gpt-5.6-sol", at=datetime(2026, 11, 22, tzinfo=UTC)) is None


def test_a_moment_without_a_zone_is_refused(catalog: Catalog) -> None:
    model, region = catalog.resolve("openai:gpt-4o")
    assert model is not None
    with pytest.raises(ValueError, match="time zone"):
        catalog.price(model, region, "standard", 1, datetime(2026, 1, 1))


def test_names_and_colours_of_unknown_models_depend_on_the_id_alone(catalog: Catalog) -> None:
    assert catalog.display_name("openai:llama3.1:8b") == "llama3.1:8b"
    assert catalog.display_name("bedrock:us.amazon.nova-pro-v1:0") == "Nova Pro"
    assert catalog.color("openai:llama3.1:8b") == catalog.color("llama3.1:8b")
    assert catalog.color("llama3.1:8b") == load_catalog().color("llama3.1:8b")
    assert catalog.color("llama3.1:8b") in _UNKNOWN_COLORS


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def test_colours_are_unique_and_visible_on_light_and_dark(catalog: Catalog) -> None:
    colors = [model.color for model in catalog.models] + list(_UNKNOWN_COLORS)
    assert len(set(colors)) == len(colors)
    dark = luminance("#0E1117")
    for color in colors:
        assert 1.05 / (luminance(color) + 0.05) >= 3, color
        assert (luminance(color) + 0.05) / (dark + 0.05) >= 3, color


# Machado et al. 2009, severity 1.0, on linear RGB: protanopia, deuteranopia, tritanopia.
BLINDNESS = (
    ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
)  # fmt: skip


def test_the_usual_models_stay_apart_for_colour_blind_eyes(catalog: Catalog) -> None:
    def seen(color: str, matrix: tuple[tuple[float, ...], ...]) -> tuple[float, ...]:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return tuple(
            max(0.0, sum(m * c for m, c in zip(row, linear, strict=True))) ** (1 / 2.2)
            for row in matrix
        )

    usual = [
        LITE,
        "openai:gpt-4o-mini",
        "local:extractive",
        "openai:gpt-4o",
        "amazon.nova-pro-v1:0",
    ]
    colors = [catalog.color(model_id) for model_id in usual]
    for matrix in BLINDNESS:
        for index, color in enumerate(colors):
            for other in colors[:index]:
                assert math.dist(seen(color, matrix), seen(other, matrix)) > 0.15, (color, other)


MODEL = """
[catalog]
version = "1"
date = 2026-01-01
profiles = ["us"]
[source.page]
name = "A page"
date = 2026-01-01
[[model]]
id = "openai:one"
provider = "openai"
display_name = "One"
color = "#0072B2"
"""
PRICE = """
[[model.price]]
regions = ["global"]
valid_from = 2026-01-01
input = "1"
output = "2"
source = "page"
"""


def load_text(tmp_path: Path, text: str) -> Catalog:
    path = tmp_path / "models.toml"
    path.write_text(text, encoding="utf-8")
    return load_catalog(path)


def test_a_price_for_a_while_may_be_followed_by_another(tmp_path: Path) -> None:
    later = PRICE.replace("valid_from = 2026-01-01", "valid_from = 2026-02-01")
    first = PRICE.replace("input", "valid_to = 2026-02-01\ninput")
    (model,) = load_text(tmp_path, MODEL + first + later).models
    assert [price.valid_from for price in model.prices] == [date(2026, 1, 1), date(2026, 2, 1)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (MODEL + PRICE + PRICE, "Model openai:one: the prices .* overlap"),
        (MODEL + PRICE.replace('"1"', '"-1"'), "openai:one, price global .* input is negative"),
        (MODEL + PRICE.replace('"1"', "1.0"), 'must be text like "0.075"'),
        (MODEL + PRICE.replace('"1"', '"0.0000001"'), "at most six decimals"),
        (MODEL + PRICE.replace('"page"', '"elsewhere"'), "its source needs a"),
        (MODEL + PRICE.replace("output", "ouput"), "unknown key `ouput`"),
        (MODEL + PRICE.replace("output", "ouput"), "output is missing"),
        (MODEL + PRICE.replace('["global"]', '"global"'), "regions must be a list"),
        (MODEL + PRICE + 'valid_to = "soon"', "must be of the type date"),
        (MODEL + PRICE + "valid_to = 2026-01-01", "valid_to is not after valid_from"),
        (MODEL + PRICE + 'tier = "cheap"', "tier is 'cheap'; it can be standard"),
        (MODEL.replace("#0072B2", "blue"), "color must look like"),
        (MODEL.replace('provider = "openai"', 'provider = "acme"'), "provider is 'acme'"),
        (MODEL + 'aliases = ["one"]', "one already names openai:one"),
        (MODEL + "price_usd = 1", "unknown key `price_usd`"),
        (MODEL.replace('version = "1"', ""), r"\[catalog\]: `version` is missing"),
        ("[[model", "cannot be read"),
    ],
)
def test_a_wrong_catalogue_is_refused_in_a_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_text(tmp_path, text)


def test_an_application_inference_profile_is_found_by_its_alias(tmp_path: Path) -> None:
    text = MODEL.replace("openai", "bedrock").replace('"bedrock"', '"aws.bedrock"')
    text = text + 'aliases = ["application-inference-profile/abc"]' + PRICE
    catalog = load_text(tmp_path, text)
    arn = "arn:aws:bedrock:eu-west-1:123:application-inference-profile/abc"
    model, region = catalog.resolve(f"bedrock_converse:{arn}")
    assert (model and model.id, region) == ("bedrock:one", "eu-west-1")
    assert catalog.find(arn.replace("abc", "xyz")) is None
