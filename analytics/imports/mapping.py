"""Which column of a file is what, and in which unit; presets for known files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from core.errors import InvalidInput

Field = Literal[
    "started_at",
    "model",
    "provider",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "first_token",
    "duration",
    "status",
    "cost_usd",
    "user",
    "thread",
    "agent",
]
FIELDS: tuple[Field, ...] = get_args(Field)
CONSTANT_FIELDS: tuple[Field, ...] = ("model", "provider", "user", "agent")
"""What may be the same for every row of a file instead of a column."""

TimeFormat = Literal["iso", "epoch_s", "epoch_ms", "epoch_us", "relative_s", "relative_ms"]
TIME_FORMATS: tuple[TimeFormat, ...] = get_args(TimeFormat)
DurationUnit = Literal["s", "ms", "us"]
DURATION_UNITS: tuple[DurationUnit, ...] = get_args(DurationUnit)


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnMapping:
    """Everything needed to read a file. `check_columns` says what is missing."""

    columns: Mapping[Field, str] = field(default_factory=dict)
    """Names of the file's columns."""
    constants: Mapping[Field, str] = field(default_factory=dict)
    """One value for all rows, for fields that have no column."""
    time_format: TimeFormat = "iso"
    time_zone: str = "UTC"
    """Of times that name none, and of the start date."""
    start_date: date | None = None
    """The day that relative times count from, at midnight."""
    first_token_unit: DurationUnit = "s"
    duration_unit: DurationUnit = "s"
    no_output_is_failure: bool = False
    """For files that mark a failed call by 0 output tokens."""
    prices_of_today: bool = False
    """What the calls would cost now, instead of what they cost on their day."""

    def check_columns(self, present: Sequence[str]) -> None:
        """Raises InvalidInput naming what is missing, unknown or contradictory."""
        if "started_at" not in self.columns:
            raise _unusable("Choose the column that says when a call was made.")
        for name, column in self.columns.items():
            if column not in present:
                raise _unusable(f"The file has no column '{column[:100]}' (for {name}).")
        if not {"input_tokens", "output_tokens", "duration", "cost_usd"} & set(self.columns):
            raise _unusable("Choose at least one column with tokens, a duration or a cost.")
        if self.time_format.startswith("relative") and self.start_date is None:
            raise _unusable("The times of this file are relative: a start date is needed.")
        try:
            ZoneInfo(self.time_zone)
        except Exception as exc:
            raise _unusable(f"'{self.time_zone[:60]}' is not a time zone.") from exc

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=str, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ColumnMapping:
        """Raises InvalidInput."""
        try:
            data = json.loads(text)
            if not isinstance(data, dict):
                raise TypeError("it is not an object")
            return cls(**_typed(data))
        except (ValueError, TypeError, AttributeError, RecursionError) as exc:
            raise _unusable(f"The mapping cannot be read: {exc}.") from exc


def _typed(data: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(data)
    for name in ("columns", "constants"):
        given = {str(k): str(v) for k, v in values.get(name, {}).items()}
        unknown = sorted(set(given) - set(FIELDS if name == "columns" else CONSTANT_FIELDS))
        if unknown:
            raise ValueError(f"there is no field '{unknown[0]}' in {name}")
        values[name] = given
    if values.get("start_date") is not None:
        values["start_date"] = date.fromisoformat(values["start_date"])
    for name, known in (
        ("time_format", TIME_FORMATS),
        ("first_token_unit", DURATION_UNITS),
        ("duration_unit", DURATION_UNITS),
    ):
        if name in values and values[name] not in known:
            raise ValueError(f"{name} can be {', '.join(known)}")
    return values


def _unusable(message: str) -> InvalidInput:
    return InvalidInput(message, what_to_do="Change the mapping and check the file again.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """A known kind of file. Columns that a file lacks are left out when `optional` names them."""

    title: str
    mapping: ColumnMapping
    optional: tuple[Field, ...] = ()

    def for_columns(self, present: Sequence[str]) -> ColumnMapping:
        kept = {
            name: column
            for name, column in self.mapping.columns.items()
            if column in present or name not in self.optional
        }
        return replace(self.mapping, columns=kept)

    def fits(self, present: Sequence[str]) -> bool:
        return set(self.for_columns(present).columns.values()) <= set(present)


PRESETS: Mapping[str, Preset] = {
    "azure": Preset(
        title="Azure LLM inference trace",
        mapping=ColumnMapping(
            columns={
                "started_at": "TIMESTAMP",
                "input_tokens": "ContextTokens",
                "output_tokens": "GeneratedTokens",
            },
            # The trace names no model: this one has no price, so no cost is made up.
            constants={"model": "llm-inference", "provider": "azure"},
        ),
    ),
    "burstgpt": Preset(
        title="BurstGPT",
        mapping=ColumnMapping(
            columns={
                "started_at": "Timestamp",
                "model": "Model",
                "input_tokens": "Request tokens",
                "output_tokens": "Response tokens",
                "agent": "Log Type",
                "thread": "Session ID",
                "duration": "Elapsed time",
            },
            constants={"provider": "azure"},
            time_format="relative_s",
            no_output_is_failure=True,
        ),
        optional=("thread", "duration"),
    ),
}

# What columns are called elsewhere: LiteLLM's spend log, Langfuse, OpenTelemetry and our own export.
# Compared in lower case without separators.
_NAMES: Mapping[Field, str] = {
    "started_at": "startedat startedatus starttime timestamp time createdat date",
    "model": "model requestmodel genairequestmodel modelname providedmodelname",
    "provider": "provider providername genaiprovidername genaisystem customllmprovider system",
    "input_tokens": "inputtokens prompttokens usageinputtokens genaiusageinputtokens inputusage "
    "contexttokens requesttokens tokensin",
    "output_tokens": "outputtokens completiontokens usageoutputtokens genaiusageoutputtokens "
    "outputusage generatedtokens responsetokens tokensout",
    "cache_read_tokens": "cachereadtokens cachedtokens usagecachereadinputtokens "
    "genaiusagecachereadinputtokens cachereadinputtokens",
    "first_token": "firsttoken firsttokenus ttft timetofirsttoken",
    "duration": "duration durationus durationms latency elapsedtime requestdurationms",
    "status": "status level outcome",
    "cost_usd": "costusd cost spend totalcost calculatedtotalcost",
    "user": "user userid enduser",
    "thread": "thread threadid sessionid conversationid genaiconversationid",
    "agent": "agent agentname genaiagentname",
}


def guess(columns: Sequence[str]) -> ColumnMapping:
    """A mapping from the names of the columns alone, to be corrected by a person."""
    for preset in PRESETS.values():
        if preset.fits(columns):
            return preset.for_columns(columns)
    plain = {re.sub(r"[^a-z0-9]", "", column.lower()): column for column in reversed(columns)}
    found: dict[Field, str] = {}
    for name, spellings in _NAMES.items():
        column = next((plain[s] for s in spellings.split() if s in plain), None)
        if column is not None and column not in found.values():
            found[name] = column
    return ColumnMapping(
        columns=found,
        time_format=_time_format(found.get("started_at", "")),
        first_token_unit=_unit(found.get("first_token", "")),
        duration_unit=_unit(found.get("duration", "")),
    )


def _unit(column: str) -> DurationUnit:
    name = column.lower().rstrip(")] ")
    return "ms" if name.endswith("ms") else "us" if name.endswith("us") else "s"


def _time_format(column: str) -> TimeFormat:
    units: Mapping[str, TimeFormat] = {"us": "epoch_us", "ms": "epoch_ms"}
    return units.get(_unit(column), "iso")
