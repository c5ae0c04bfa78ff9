"""What an alert rule says. Stored as JSON; nonsense is refused with a reason for each field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationInfo,
    field_validator,
)

from analytics.alerts.metrics import METRICS
from analytics.queries import Filter

Channel = Literal["banner", "log", "webhook"]
Severity = Literal["info", "warning", "critical"]
Above = Literal["above", "below"]
MINUTE_US = 60_000_000
MAX_MINUTES = 30 * 24 * 60
Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[tuple[Name, ...], Field(max_length=50)]


class Filters(BaseModel):
    """Which runs and calls count; empty: all. Several values of one name are alternatives."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Names = ()
    provider: Names = ()
    agent: Names = ()
    status: Names = ()
    entry_point: Names = ()
    version: Names = ()
    user: Names = ()

    def over(self, since_us: int, until_us: int) -> Filter:
        """The same, over a time."""
        return Filter(since_us=since_us, until_us=until_us, **self.model_dump())


class _Rule(BaseModel):
    """What every rule has. Fields are checked in their order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    filters: Filters = Filters()
    minimum_n: int | None = Field(default=None, ge=1, le=1_000_000)
    """Runs or calls the figure must rest on; None: what its kind of figure needs."""
    hold_minutes: int = Field(default=0, ge=0, le=24 * 60)
    """How long it must be so before it fires."""
    renotify_minutes: int = Field(default=0, ge=0, le=7 * 24 * 60)
    """Told again after this time while it fires; 0: once."""
    severity: Severity = "warning"
    channels: tuple[Channel, ...] = ("banner", "log")

    @field_validator("channels")
    @classmethod
    def _somewhere(cls, value: tuple[Channel, ...]) -> tuple[Channel, ...]:
        if not value:
            raise ValueError("name at least one of banner, log, webhook")
        return tuple(dict.fromkeys(value))


class _WithMetric(_Rule):
    metric: str

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, value: str) -> str:
        if value not in METRICS:
            raise ValueError(f"there is no metric '{value[:40]}'; use one of {', '.join(METRICS)}")
        return value

    @property
    def needed_n(self) -> int:
        return self.minimum_n or METRICS[self.metric].usual_n


class ThresholdRule(_WithMetric):
    """A metric over the last minutes is above or below a limit."""

    kind: Literal["threshold"] = "threshold"
    window_minutes: int = Field(default=15, ge=1, le=MAX_MINUTES)
    when: Above = "above"
    limit: float = Field(ge=0, allow_inf_nan=False)
    """In the metric's unit: a share is 0 to 1, times are seconds, cost is US dollars."""

    @field_validator("limit")
    @classmethod
    def _possible(cls, value: float, info: ValidationInfo) -> float:
        metric = METRICS.get(info.data.get("metric", ""))
        if metric is not None and metric.unit == "share" and value > 1:
            raise ValueError("a share lies between 0 and 1; 5 % is 0.05")
        return value


class BurnRateRule(_Rule):
    """The error budget of the service level is used up too fast: see BURNS in evaluate.py."""

    kind: Literal["burn_rate"] = "burn_rate"
    target: float | None = Field(default=None, gt=0, lt=1)
    """Share of runs that should meet the service level; None: SWITCHBOARD_SLO_TARGET."""

    @property
    def needed_n(self) -> int:
        return self.minimum_n or METRICS["slo_attainment"].usual_n


class AnomalyRule(_WithMetric):
    """The last whole hour is unlike the same hour of the week in the weeks before."""

    kind: Literal["anomaly"] = "anomaly"
    weeks: int = Field(default=6, ge=4, le=8)
    when: Literal["above", "below", "either"] = "either"
    sensitivity: float = Field(default=4.0, ge=1, le=50, allow_inf_nan=False)
    """Distance from the median, in robust standard deviations."""

    @field_validator("metric")
    @classmethod
    def _has_a_past(cls, value: str) -> str:
        if value == "dropped_runs":
            raise ValueError("runs that were not recorded have no past to compare with")
        return value


class NoDataRule(_Rule):
    """Fewer runs than `minimum_n` (default 1) began in the last minutes."""

    kind: Literal["no_data"] = "no_data"
    window_minutes: int = Field(default=60, ge=5, le=MAX_MINUTES)

    @property
    def needed_n(self) -> int:
        return self.minimum_n or 1


RuleDefinition = Annotated[
    ThresholdRule | BurnRateRule | AnomalyRule | NoDataRule, Field(discriminator="kind")
]
RULE: TypeAdapter[RuleDefinition] = TypeAdapter(RuleDefinition)


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRule:
    """A stored rule."""

    rule_id: str
    name: str
    enabled: bool
    definition: RuleDefinition
