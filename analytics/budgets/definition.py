"""What a budget is: for whom, how much money, in which period, and what happens when it is used up."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationInfo, field_validator

Scope = Literal["app", "user", "model", "agent"]
PeriodName = Literal["day", "month"]
EACH = "*"
PUSD_PER_USD = 10**12


class BudgetDefinition(BaseModel):
    """Stored as JSON. Order of fields matters: later ones are checked against earlier ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scope: Scope
    target: str = Field(default=EACH, min_length=1, max_length=200)
    """The user, model or agent; `*` = each of them has a budget of its own. Unused for `app`."""
    period: PeriodName = "month"
    limit_usd: Decimal = Field(gt=0, le=1_000_000, max_digits=19, decimal_places=12)
    kind: Literal["soft", "hard"] = "soft"
    """soft: a notice. hard: no call any more, or only calls of `on_exhausted`."""
    on_exhausted: str | None = None
    """Model that may still answer when a hard budget is used up, such as local:extractive."""

    @field_validator("target")
    @classmethod
    def _whole_app(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("scope") == "app" and value != EACH:
            raise ValueError("a budget of the whole app has no target")
        return value

    @field_validator("on_exhausted")
    @classmethod
    def _another_model(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None or not value.strip():
            return None
        if info.data.get("kind") == "soft":
            raise ValueError("only a hard budget can name a model that answers instead")
        scheme, _, name = value.partition(":")
        if not scheme or not name:
            raise ValueError("name a model as provider:model, such as local:extractive")
        if info.data.get("scope") == "model" and value == info.data.get("target"):
            raise ValueError("the model that is used up cannot stand in for itself")
        return value

    @property
    def limit_pusd(self) -> int:
        return int(self.limit_usd * PUSD_PER_USD)


BUDGET = TypeAdapter(BudgetDefinition)


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """A stored budget."""

    budget_id: str
    name: str
    enabled: bool
    definition: BudgetDefinition
