"""Prices in LiteLLM's format: what would change, what is refused, and what holds afterwards."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.catalog import Catalog, Price, load_catalog
from core.errors import ConfigError, InvalidInput
from core.price_import import PricePlan, plan_import
from core.price_overlay import FILE, apply, load, load_with_imports, save, today
from core.pricing import price_call
from core.usage import Usage

CATALOG: Catalog = load_catalog()
MINI = "openai:gpt-4o-mini"
LITE = "bedrock_converse:us.amazon.nova-2-lite-v1:0"
SINCE = date(2026, 11, 20)


def entry(provider: str = "openai", **costs: Any) -> dict[str, Any]:
    return {"litellm_provider": provider, "mode": "chat", **costs}


def plan(entries: dict[str, Any] | str, since: date | None = SINCE) -> PricePlan:
    text = entries if isinstance(entries, str) else json.dumps(entries)
    return plan_import(text.encode(), CATALOG, since=since)


def mini(**costs: Any) -> dict[str, Any]:
    plain = {"input_cost_per_token": 1.5e-07, "output_cost_per_token": 6e-07}
    return {"gpt-4o-mini": entry(**{**plain, **costs})}


def rows(found: PricePlan) -> list[Price]:
    return [change.new for change in found.changes]


def reasons(found: PricePlan) -> dict[str, str]:
    return {skipped.key: skipped.reason for skipped in found.skipped}


# The first lines of the file as LiteLLM publishes it (MIT licence), shortened.
REAL = """{
    "sample_spec": {"input_cost_per_token": 0.0, "litellm_provider": "one of https://docs.litellm.ai/docs/providers"},
    "1024-x-1024/dall-e-2": {"input_cost_per_pixel": 1.9e-08, "litellm_provider": "openai", "mode": "image_generation"},
    "aiml/dall-e-2": {"litellm_provider": "aiml", "mode": "image_generation", "output_cost_per_image": 0.026},
    "amazon.nova-lite-v1:0": {"input_cost_per_token": 6e-08, "litellm_provider": "bedrock_converse", "output_cost_per_token": 2.4e-07},
    "us.amazon.nova-lite-v1:0": {"input_cost_per_token": 6e-08, "litellm_provider": "bedrock_converse", "output_cost_per_token": 2.4e-07},
    "jp.amazon.nova-2-lite-v1:0": {"cache_read_input_token_cost": 8.25e-08, "input_cost_per_token": 3.3e-07,
        "litellm_provider": "bedrock_converse", "output_cost_per_token": 2.75e-06},
    "us.writer.palmyra-x5-v1:0": {"input_cost_per_token": 6e-07, "litellm_provider": "bedrock_converse", "output_cost_per_token": 6e-06},
    "gpt-4o-mini": {"cache_read_input_token_cost": 7.5e-08, "cache_read_input_token_cost_priority": 1.25e-07,
        "input_cost_per_token": 1.5e-07, "input_cost_per_token_batches": 7.5e-08, "input_cost_per_token_priority": 2.5e-07,
        "litellm_provider": "openai", "max_input_tokens": 128000, "output_cost_per_token": 6e-07,
        "output_cost_per_token_batches": 3e-07, "output_cost_per_token_priority": 1e-06,
        "search_context_cost_per_query": {"search_context_size_high": 0.03}}
}"""  # fmt: skip


def test_the_published_file_repeats_what_the_catalogue_knows() -> None:
    found = plan(REAL)
    assert found.matched == (
        "bedrock_converse:amazon.nova-2-lite-v1:0", "bedrock_converse:amazon.nova-lite-v1:0", MINI,
    )  # fmt: skip
    standard = [c for c in found.changes if c.new.tier == "standard"]
    assert standard == []
    assert found.unchanged >= 3
    assert reasons(found) == {
        "amazon.nova-lite-v1:0": "names no region; prices of other regions are never assumed"
    }
    assert found.ignored_keys == {"search_context_cost_per_query": 1}
    assert (found.unknown_models, found.other_sellers) == (2, 1)


def test_floats_are_read_as_decimals_from_the_text() -> None:
    (row,) = rows(plan(mini(input_cost_per_token=2.5e-07)))
    assert (row.input_pusd, row.output_pusd) == (250_000, 600_000)
    exact = '{"gpt-4o-mini": {"litellm_provider": "openai", "input_cost_per_token": 0.000000546875,'
    (row,) = rows(plan(exact + ' "output_cost_per_token": 1.7500000000000002e-05}}'))
    assert (row.input_pusd, row.output_pusd) == (546_875, 17_500_000)


def test_every_part_has_its_key() -> None:
    (row,) = rows(plan(mini(
        input_cost_per_token=1e-06, output_cost_per_token=2e-06, cache_read_input_token_cost=3e-07,
        cache_creation_input_token_cost=4e-06,
        cache_creation_input_token_cost_above_1hr=5e-06, output_cost_per_reasoning_token=6e-06,
    )))  # fmt: skip
    assert (
        row.input_pusd, row.output_pusd, row.cache_read_pusd, row.cache_write_5m_pusd,
        row.cache_write_1h_pusd, row.reasoning_pusd,
    ) == (1_000_000, 2_000_000, 300_000, 4_000_000, 5_000_000, 6_000_000)  # fmt: skip


def test_tiers_and_thresholds_become_rows_of_their_own() -> None:
    found = plan(mini(
        input_cost_per_token=1e-06, output_cost_per_token=2e-06, cache_read_input_token_cost=1e-07,
        input_cost_per_token_above_200k_tokens=3e-06,
        output_cost_per_token_above_200k_tokens=4e-06,
        input_cost_per_token_batches=5e-07, output_cost_per_token_batches=1e-06,
        input_cost_per_token_flex=6e-07, output_cost_per_token_flex=1.1e-06,
        input_cost_per_token_priority=2e-06, output_cost_per_token_priority=3e-06,
        input_cost_per_token_above_200k_tokens_priority=5e-06,
    ))  # fmt: skip
    made = {
        (row.tier, row.min_input_tokens, row.max_input_tokens): (row.input_pusd, row.output_pusd, row.cache_read_pusd)
        for row in rows(found)
    }  # fmt: skip
    assert made == {
        ("standard", 0, 200_000): (1_000_000, 2_000_000, 100_000),
        ("standard", 200_001, None): (3_000_000, 4_000_000, 100_000),
        ("batch", 0, None): (500_000, 1_000_000, None),
        ("flex", 0, None): (600_000, 1_100_000, None),
        ("priority", 0, 200_000): (2_000_000, 3_000_000, None),
        ("priority", 200_001, None): (5_000_000, 3_000_000, None),
    }


def test_tiered_pricing_is_read_by_its_ranges() -> None:
    tiers = [
        {"range": [0, 32000.0], "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06},
        {"range": [32000.0, 1e6], "input_cost_per_token": 3e-06, "output_cost_per_token": 4e-06},
    ]
    found = plan({"gpt-4o-mini": entry(tiered_pricing=tiers)})
    assert [(r.min_input_tokens, r.max_input_tokens, r.input_pusd) for r in rows(found)] == [
        (0, 32_000, 1_000_000),
        (32_001, None, 3_000_000),
    ]


def test_old_and_new_stand_side_by_side() -> None:
    (change,) = plan(mini(input_cost_per_token=2e-07)).changes
    assert change.old is not None
    assert (change.model_id, change.region, change.key) == (MINI, "global", "gpt-4o-mini")
    assert (change.old.input_pusd, change.new.input_pusd) == (150_000, 200_000)
    # the catalogue knows flex prices of none of these: new, not changed
    flex = plan(mini(input_cost_per_token_flex=1e-07, output_cost_per_token_flex=3e-07))
    assert [(c.new.tier, c.old) for c in flex.changes] == [("flex", None)]


def test_what_the_file_does_not_say_does_not_change_a_price() -> None:
    """LiteLLM has no cache price of many models the catalogue has one for."""
    found = plan(mini())
    assert (found.changes, found.unchanged) == ((), 1)


def test_regions_come_from_the_key_alone() -> None:
    cost = {"input_cost_per_token": 9e-07, "output_cost_per_token": 9e-06}
    found = plan({
        "us.amazon.nova-2-lite-v1:0": entry("bedrock_converse", **cost),
        "bedrock/eu-west-1/amazon.nova-2-lite-v1:0": entry("bedrock", **cost),
        "amazon.nova-2-lite-v1:0": entry("bedrock_converse", **cost),
        "openai/gpt-4o-mini": entry(**cost),
    })  # fmt: skip
    assert {(c.key, c.region) for c in found.changes} == {
        ("us.amazon.nova-2-lite-v1:0", "us"),
        ("bedrock/eu-west-1/amazon.nova-2-lite-v1:0", "eu-west-1"),
        ("openai/gpt-4o-mini", "global"),
    }
    assert list(reasons(found)) == ["amazon.nova-2-lite-v1:0"]


def test_a_snapshot_does_not_decide_about_its_model() -> None:
    model = CATALOG.find(MINI)
    assert model
    alias = next(a for a in model.aliases if a != model.name)
    cost = {"output_cost_per_token": 1e-06}
    for names in ((alias, "gpt-4o-mini"), ("gpt-4o-mini", alias)):
        costs = {alias: 8e-07, "gpt-4o-mini": 2e-07}
        found = plan({n: entry(input_cost_per_token=costs[n], **cost) for n in names})
        assert [r.input_pusd for r in rows(found)] == [200_000]


@pytest.mark.parametrize(
    ("costs", "reason"),
    [
        ({"input_cost_per_token": -1e-07}, "input_cost_per_token is negative"),
        ({"input_cost_per_token": "1e-07"}, "input_cost_per_token is '1e-07', not a number"),
        ({"input_cost_per_token": True}, "input_cost_per_token is 'True', not a number"),
        ({"input_cost_per_token": float("nan")}, "input_cost_per_token is NaN, not a number"),
        ({"input_cost_per_token": float("inf")}, "input_cost_per_token is Infinity, not a number"),
        ({"output_cost_per_token": None}, "has no output price"),
        ({"input_cost_per_token": None}, "has no input price"),
        ({"input_cost_per_token": 0, "output_cost_per_token": 0}, "has a price of 0 for a model that is sold"),
        ({"output_cost_per_token": 0.0}, "has a price of 0 for a model that is sold"),
        ({"input_cost_per_token": 0.5}, "input_cost_per_token is more than $0.1 per token"),
        ({"input_cost_per_token": 1.25e-13}, "input_cost_per_token is finer than a pico-dollar"),
        ({"tiered_pricing": "cheap"}, "has tiered_pricing that is not a list"),
        ({"tiered_pricing": [{"range": [0]}]}, "has tiered_pricing without a range of two numbers"),
        ({"tiered_pricing": [{"range": [5, 9]}]}, "has tiered_pricing with a gap at 5 tokens"),
        ({"cache_read_input_token_cost": [1]}, "cache_read_input_token_cost is '[1]', not a number"),
    ],
)  # fmt: skip
def test_nonsense_is_listed_with_its_reason_and_skipped(costs: dict[str, Any], reason: str) -> None:
    good = {"us.amazon.nova-2-lite-v1:0": entry("bedrock", input_cost_per_token=1e-06, output_cost_per_token=1e-06)}  # fmt: skip
    found = plan(mini(**costs) | good)
    assert reasons(found) == {"gpt-4o-mini": reason}
    assert [c.key for c in found.changes] == ["us.amazon.nova-2-lite-v1:0"]


@pytest.mark.parametrize(
    "text",
    ["", "not json", "[]", "{}", "3", '{"a": 1}', '{"a": {"b": 1}}', "[" * 100_000, "\xff"],
)
def test_a_file_that_is_no_price_file_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        plan_import(text.encode("latin-1"), CATALOG)


def test_a_huge_exponent_is_refused_quickly() -> None:
    text = '{"gpt-4o-mini": {"litellm_provider": "openai", "input_cost_per_token": 1e99999999}}'
    assert "more than" in reasons(plan(text))["gpt-4o-mini"]


# -- what holds afterwards


def price(catalog: Catalog, model_id: str, on: date, tokens: int = 10) -> Price | None:
    model, region = catalog.resolve(model_id, None)
    assert model
    at = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
    return catalog.price(model, region, "standard", tokens, at)


def test_an_import_holds_from_its_day_on_and_the_past_stays_as_it_was() -> None:
    after = apply(CATALOG, [plan(mini(input_cost_per_token=2e-07)).as_import()])
    before = price(after, MINI, SINCE - timedelta(days=1))
    now = price(after, MINI, SINCE)
    assert before == price(CATALOG, MINI, SINCE - timedelta(days=1)) or (
        before and before.input_pusd == 150_000
    )
    assert now
    assert (now.input_pusd, now.source) == (200_000, f"LiteLLM import {today()}")
    cost = price_call(
        after, MINI, Usage(input_tokens=1000, output_tokens=10, source="provider"),
        at=datetime(2026, 11, 21, tzinfo=UTC),
    )  # fmt: skip
    assert cost.total_pusd == 1000 * 200_000 + 10 * 600_000


def test_other_regions_of_the_same_row_keep_their_price() -> None:
    found = plan({"us.amazon.nova-2-lite-v1:0": entry(
        "bedrock", input_cost_per_token=9e-07, output_cost_per_token=9e-06)})  # fmt: skip
    after = apply(CATALOG, [found.as_import()])
    changed, same = price(after, LITE, SINCE), price(after, LITE.replace("us.", "eu."), SINCE)
    assert changed
    assert changed.input_pusd == 900_000
    assert same
    assert same.input_pusd == 330_000
    assert price(after, LITE, SINCE - timedelta(days=1)) is not None


def test_the_last_import_of_a_day_wins() -> None:
    first, second = (plan(mini(input_cost_per_token=c)).as_import() for c in (2e-07, 3e-07))
    now = price(apply(CATALOG, [first, second]), MINI, SINCE)
    assert now
    assert now.input_pusd == 300_000


def test_what_the_catalogue_learns_later_wins_over_an_import() -> None:
    """A release after the import brings a newer price; one that was known before is replaced."""
    one = plan(mini(input_cost_per_token=2e-07)).as_import()
    model = CATALOG.find(MINI)
    assert model
    known = next(p for p in model.prices if p.tier == "standard")
    newer = today() + timedelta(days=30)
    changed = CATALOG.with_prices({
        MINI: (replace(known, valid_to=newer), replace(known, valid_from=newer, valid_to=None, input_pusd=1))
    })  # fmt: skip
    after = apply(changed, [one])
    found = [price(after, MINI, day) for day in (newer - timedelta(days=1), newer)]
    assert [p.input_pusd if p else None for p in found] == [200_000, 1]


def test_imports_survive_in_their_file(tmp_path: Path) -> None:
    imports = (
        plan(mini(input_cost_per_token=2e-07)).as_import(),
        plan(mini(input_cost_per_token_above_128k_tokens=3e-07)).as_import(),
    )
    save(tmp_path / FILE, imports)
    assert load(tmp_path / FILE) == imports
    catalog, problem = load_with_imports(tmp_path)
    assert (catalog, problem) == (apply(CATALOG, imports), None)
    assert load_with_imports(tmp_path / "empty") == (CATALOG, None)


@pytest.mark.parametrize(
    "change",
    ["", "[]", '{"format": 9, "imports": []}', '{"format": 1}', ("200000", "-1"),
     ("200000", '"x"'), ("2026-11-20", "soon"), ('"standard"', '"free"'), ('"regions"', '"places"')],
)  # fmt: skip
def test_a_damaged_file_costs_its_prices_and_not_the_start(
    tmp_path: Path, change: str | tuple[str, str]
) -> None:
    path = tmp_path / FILE
    save(path, [plan(mini(input_cost_per_token=2e-07)).as_import()])
    text = path.read_text().replace(*change) if isinstance(change, tuple) else change
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"prices\.json"):
        load(path)
    catalog, problem = load_with_imports(tmp_path)
    assert catalog == CATALOG
    assert problem
    assert "prices.json" in problem
