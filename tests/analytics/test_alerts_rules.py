"""Rules as people write them: valid, or refused with a reason for each field."""

from __future__ import annotations

from typing import Any

import pytest

from analytics.alerts.rules import RULE
from analytics.alerts.templates import TEMPLATES
from analytics.alerts.words import condition
from analytics.budgets.reasons import BadDefinition, checked, from_json

GOOD: dict[str, Any] = {"kind": "threshold", "metric": "failure_rate", "limit": 0.1}


@pytest.mark.parametrize(
    ("given", "field", "reason"),
    [
        ({"metric": "happiness"}, "metric", "there is no metric 'happiness'"),
        ({"limit": 5}, "limit", "5 % is 0.05"),
        ({"limit": "NaN"}, "limit", "finite"),
        ({"limit": -1}, "limit", "greater than or equal to 0"),
        ({"window_minutes": 0}, "window_minutes", "greater than or equal to 1"),
        ({"window_minutes": 10**9}, "window_minutes", "less than or equal to 43200"),
        ({"channels": []}, "channels", "at least one"),
        ({"channels": ["fax"]}, "channels.0", "'banner'"),
        ({"minimum_n": 0}, "minimum_n", "greater than or equal to 1"),
        ({"filters": {"colour": ["red"]}}, "filters.colour", "no such field"),
        ({"filters": {"model": "gpt"}}, "filters.model", "must be a list"),
        ({"severity": "doom"}, "severity", "'critical'"),
        ({"surprise": 1}, "surprise", "no such field"),
        ({"kind": "magic"}, "definition", "'threshold'"),
        ({"kind": "anomaly", "weeks": 2}, "weeks", "greater than or equal to 4"),
        ({"kind": "burn_rate", "target": 1}, "target", "less than 1"),
    ],
)
def test_nonsense_is_refused_with_the_name_of_the_field(
    given: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(BadDefinition) as refused:
        checked(RULE, GOOD | given)
    assert reason in refused.value.reasons[field]


def test_every_field_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(BadDefinition) as refused:
        checked(RULE, GOOD | {"metric": "x", "hold_minutes": -1, "severity": "y"})
    assert set(refused.value.reasons) == {"metric", "hold_minutes", "severity"}


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "null", '"rule"', "[" * 100_000])
def test_text_that_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(BadDefinition) as refused:
        from_json(RULE, text)
    assert list(refused.value.reasons) == ["definition"]


def test_templates_survive_being_written_and_read() -> None:
    for rule in TEMPLATES.values():
        assert from_json(RULE, rule.model_dump_json()) == rule
        assert condition(rule)
