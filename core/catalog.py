"""What is known about each model: capabilities, colour, and dated prices by region and tier.

Reads `core/catalog.toml` and answers questions about it; keeps nothing between calls (the caller
holds the `Catalog`). It does not compute costs (core/pricing.py) and knows no provider's client.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, cast, get_args
from zlib import crc32

from core.errors import ConfigError

DEFAULT_PATH = Path(__file__).with_name("catalog.toml")

Provider = Literal["openai", "aws.bedrock", "local"]
Tier = Literal["standard", "batch", "flex", "priority"]
PromptCache = Literal["automatic", "explicit", "none"]
Capability = Literal["streaming", "tools", "structured_output", "reasoning", "vision"]

# The part before the colon of a LangChain id. Any other prefix (azure_openai, groq, a server named
# in the settings) is another seller with other prices, so such an id is never found here.
_SCHEMES: Mapping[str, Provider] = {
    "openai": "openai",
    "bedrock_converse": "aws.bedrock",
    "bedrock": "aws.bedrock",
    "local": "local",
}
_HOME_REGION: Mapping[Provider, str] = {"openai": "global", "local": "local"}
_PARTS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning")

# For models the catalogue does not know; spread together with the catalogue's own colours.
_UNKNOWN_COLORS = (
    "#783CD8", "#A86C90", "#6C9C48", "#D86CB4", "#786CD8", "#C06CFC", "#B46C00", "#B40C90",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """One row of prices in pico-USD per token (USD per million tokens x 1e6). None = unknown."""

    price_id: str
    regions: tuple[str, ...]
    """Every region or profile where this very price holds."""
    tier: Tier = "standard"
    min_input_tokens: int = 0
    max_input_tokens: int | None = None
    """Both ends included; the whole call is billed at the row its total input falls in."""
    valid_from: date
    valid_to: date | None = None
    """The first day on which the price no longer holds (UTC)."""
    input_pusd: int
    cache_read_pusd: int | None = None
    cache_write_5m_pusd: int | None = None
    """A cache write of the provider's default life (OpenAI: 30 minutes)."""
    cache_write_1h_pusd: int | None = None
    output_pusd: int
    reasoning_pusd: int | None = None
    """None: as output."""
    source: str
    source_date: date

    def covers(self, region: str, tier: str, input_tokens: int, day: date) -> bool:
        return (
            region in self.regions
            and tier == self.tier
            and self.min_input_tokens <= input_tokens
            and (self.max_input_tokens is None or input_tokens <= self.max_input_tokens)
            and self.valid_from <= day
            and (self.valid_to is None or day < self.valid_to)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """One model, whatever it is called in requests and responses."""

    id: str
    provider: Provider
    """The OpenTelemetry provider name."""
    display_name: str
    aliases: tuple[str, ...] = ()
    context_window: int | None = None
    max_output: int | None = None
    capabilities: frozenset[Capability] = frozenset()
    prompt_cache: PromptCache = "none"
    """automatic: the provider caches by itself; explicit: only what a cache point marks."""
    policy_prefix_tokens: int = 0
    """Budget of the cached prefix of the policy specialist."""
    color: str
    prices: tuple[Price, ...] = ()

    @property
    def name(self) -> str:
        """The id without LangChain's provider prefix."""
        return self.id.partition(":")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class Catalog:
    version: str
    date: date
    models: tuple[Model, ...]
    profiles: frozenset[str]
    """Prefixes of Bedrock's inference profiles."""
    _by_name: Mapping[str, Model] = field(repr=False, compare=False)
    _gone: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False, compare=False)

    def faces(self) -> dict[str, tuple[str, str]]:
        """Display name and colour by every name of every model."""
        return {name: (model.display_name, model.color) for name, model in self._by_name.items()}

    def remembering(self, faces: Mapping[str, tuple[str, str]]) -> Catalog:
        """The same catalogue, in which models that are not in it keep the face they once had."""
        gone = {name: face for name, face in faces.items() if name not in self._by_name}
        return replace(self, _gone=gone)

    def find(self, model_id: str) -> Model | None:
        """The model behind an id, snapshot, inference profile or ARN; None when unknown."""
        return self._split(model_id)[0]

    def resolve(
        self, request_model: str, region: str | None = None
    ) -> tuple[Model | None, str | None]:
        """The model and the region key of its prices; the region is None when it is not known.

        AWS bills a profile call by the profile, and for some models also by the region the call
        starts from: such a price is listed as "profile/region" and is preferred when it exists.
        """
        model, profile, arn_region = self._split(request_model)
        if model is None:
            return None, None
        if model.provider in _HOME_REGION:
            return model, _HOME_REGION[model.provider]
        region = region or arn_region
        if profile is None:
            return model, region
        narrow = f"{profile}/{region}"
        return model, narrow if any(narrow in p.regions for p in model.prices) else profile

    def price(
        self, model: Model, region: str | None, tier: str, input_tokens: int, at: datetime
    ) -> Price | None:
        """The one row that covers the call, or None. Never the price of another region or tier."""
        if at.tzinfo is None:
            raise ValueError("A price needs a moment with a time zone.")
        if region is None:
            return None
        day = at.astimezone(UTC).date()
        return next((p for p in model.prices if p.covers(region, tier, input_tokens, day)), None)

    def with_prices(self, prices: Mapping[str, tuple[Price, ...]]) -> Catalog:
        """The same models with other prices, by model id. ConfigError names rows that overlap."""
        models = {m.id: replace(m, prices=prices.get(m.id, m.prices)) for m in self.models}
        problems = [text for name in prices if name in models for text in _overlaps(models[name])]
        if problems:
            raise ConfigError("Prices contradict each other:\n" + "\n".join(problems))
        by_name = {name: models[model.id] for name, model in self._by_name.items()}
        return replace(self, models=tuple(models.values()), _by_name=by_name)

    def display_name(self, model_id: str) -> str:
        return self._face(model_id)[0]

    def color(self, model_id: str) -> str:
        """The model's own colour, also when it has left the catalogue; for a model that was never
        there one that depends on its id alone."""
        return self._face(model_id)[1]

    def _face(self, model_id: str) -> tuple[str, str]:
        model = self.find(model_id)
        if model:
            return model.display_name, model.color
        if model_id.startswith(_CACHE):
            return "Answer cache", _CACHE_COLOR
        name = _bare(model_id)[0]
        profile, _, rest = name.partition(".")
        if profile in self.profiles and rest in self._gone:
            return self._gone[rest]
        color = _UNKNOWN_COLORS[crc32(name.encode()) % len(_UNKNOWN_COLORS)]
        return self._gone.get(name, (name, color))

    def _split(self, model_id: str) -> tuple[Model | None, str | None, str | None]:
        """Model, inference profile and the region an ARN names."""
        name, provider, arn_region = _bare(model_id)
        model, profile = self._by_name.get(name), None
        head, _, rest = name.partition(".")
        if model is None and head in self.profiles:
            model, profile = self._by_name.get(rest), head
            if model and model.provider != "aws.bedrock":
                model = None
        if model and provider not in (None, model.provider):
            model = None
        return model, profile, arn_region


_CACHE, _CACHE_COLOR = "cache:", "#8C8C8C"
"""What stands in the place of a model when an earlier answer was given again."""


def _bare(model_id: str) -> tuple[str, Provider | None, str | None]:
    """A model id without LangChain prefix and ARN; the provider and region these named."""
    scheme, _, rest = model_id.partition(":")
    provider = _SCHEMES.get(scheme)
    name = rest if provider else model_id
    if name.startswith("arn:"):
        # arn:aws:bedrock:<region>:<account>:inference-profile/<id>
        parts = name.split(":", 5)
        kind, _, resource = parts[-1].partition("/")
        # What an application profile points at cannot be read from its id: the alias has to say.
        keep_kind = kind == "application-inference-profile"
        return (
            parts[-1] if keep_kind else resource or name,
            "aws.bedrock",
            parts[3] if len(parts) > 3 and parts[3] else None,
        )
    return name, provider, None


def load_catalog(path: Path = DEFAULT_PATH) -> Catalog:
    """Read and check the catalogue. ConfigError names every entry that is wrong."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"The model catalogue {path.name} cannot be read: {error}") from error
    problems: list[str] = []
    head = _table(data, "catalog", {"version", "date", "profiles"}, "[catalog]", problems)
    _unknown_keys(data, {"catalog", "source", "model"}, path.name, problems)
    models = [_model(entry, data.get("source", {}), problems) for entry in data.get("model", [])]
    by_name = _index(models, problems)
    problems += [sentence for model in models for sentence in _overlaps(model)]
    if problems:
        raise ConfigError(f"The model catalogue {path.name} is wrong:\n" + "\n".join(problems))
    return Catalog(
        version=str(head["version"]),
        date=head["date"],
        models=tuple(models),
        profiles=frozenset(head["profiles"]),
        _by_name=by_name,
    )


def _model(entry: Mapping[str, Any], sources: Mapping[str, Any], problems: list[str]) -> Model:
    where = f"Model {entry.get('id', '(without id)')}"
    known = {f.name for f in fields(Model)} - {"prices"} | {"price"}
    _unknown_keys(entry, known, where, problems)
    for key in ("id", "provider", "display_name", "color"):
        if not isinstance(entry.get(key), str):
            problems.append(f"{where}: `{key}` is missing or not text.")
    _one_of(entry.get("provider"), Provider, f"{where}: provider", problems)
    _one_of(entry.get("prompt_cache", "none"), PromptCache, f"{where}: prompt_cache", problems)
    for capability in entry.get("capabilities", []):
        _one_of(capability, Capability, f"{where}: capability", problems)
    if not re.fullmatch(r"#[0-9A-F]{6}", str(entry.get("color"))):
        problems.append(f"{where}: color must look like #0072B2.")
    rest = {k: v for k, v in entry.items() if k in known and k != "price"}
    rest["aliases"] = _texts(entry.get("aliases"))
    rest["capabilities"] = frozenset(_texts(entry.get("capabilities")))
    prices = (_price(row, where, sources, problems) for row in entry.get("price", []))
    defaults = {"id": "?", "provider": "local", "display_name": "?", "color": "?"}
    return Model(**(defaults | rest), prices=tuple(p for p in prices if p))


def _price(
    row: Mapping[str, Any], model: str, sources: Mapping[str, Any], problems: list[str]
) -> Price | None:
    regions, tier = _texts(row.get("regions")), row.get("tier", "standard")
    low, start = row.get("min_input_tokens", 0), row.get("valid_from")
    where = f"{model}, price {'+'.join(regions)} {tier} from {start}"
    before = len(problems)
    plain = {"regions", "tier", "min_input_tokens", "max_input_tokens", "valid_from", "valid_to"}
    _unknown_keys(row, plain | {"source"} | set(_PARTS), where, problems)
    _one_of(tier, Tier, f"{where}: tier", problems)
    if not regions:
        problems.append(f"{where}: regions must be a list of names.")
    for kind, first, last in (
        (date, "valid_from", "valid_to"),
        (int, "min_input_tokens", "max_input_tokens"),
    ):
        if any(type(row[key]) is not kind for key in (first, last) if key in row):
            problems.append(f"{where}: {first} and {last} must be of the type {kind.__name__}.")
        elif last in row and row[last] <= row.get(first, 0 if kind is int else date.min):
            problems.append(f"{where}: {last} is not after {first}.")
    if start is None:
        problems.append(f"{where}: valid_from is missing.")
    source = sources.get(str(row.get("source")))
    if not source or not source.get("name") or not isinstance(source.get("date"), date):
        problems.append(f"{where}: its source needs a [source] entry with name and date.")
    parts = {part: _pusd(row.get(part), f"{where}: {part}", problems) for part in _PARTS}
    for part in ("input", "output"):
        if part not in row:
            problems.append(f"{where}: {part} is missing.")
    if len(problems) > before or source is None:
        return None
    identity = [model.removeprefix("Model "), "+".join(regions), tier, str(start)]
    return Price(
        price_id="|".join(identity + ([f">={low}"] if low else [])),
        regions=regions,
        source=source["name"],
        source_date=source["date"],
        **{k: v for k, v in row.items() if k in plain - {"regions"}},
        **cast("dict[str, Any]", {f"{part}_pusd": value for part, value in parts.items()}),
    )


def _texts(value: object) -> tuple[str, ...]:
    """A list of texts; anything else counts as empty (a lone text must not become its letters)."""
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _pusd(value: object, where: str, problems: list[str]) -> int | None:
    """USD per million tokens, as text, in pico-USD per token. None stays None."""
    if value is None:
        return None
    try:
        pusd = Decimal(value) * 1_000_000 if isinstance(value, str) else Decimal("NaN")
    except InvalidOperation:
        pusd = Decimal("NaN")
    if not pusd.is_finite() or pusd != int(pusd):
        problems.append(f'{where} must be text like "0.075" with at most six decimals.')
        return None
    if pusd < 0:
        problems.append(f"{where} is negative.")
        return None
    return int(pusd)


def _index(models: list[Model], problems: list[str]) -> dict[str, Model]:
    index: dict[str, Model] = {}
    for model in models:
        for name in (model.name, *model.aliases):
            if name in index:
                problems.append(f"Model {model.id}: {name} already names {index[name].id}.")
            index[name] = model
        if _SCHEMES.get(model.id.partition(":")[0]) != model.provider:
            problems.append(f"Model {model.id}: its prefix does not belong to {model.provider}.")
    return index


def _overlaps(model: Model) -> Iterator[str]:
    for a, b in combinations(model.prices, 2):
        apart = (
            a.tier != b.tier
            or not set(a.regions) & set(b.regions)
            or not _meet(a.valid_from, a.valid_to, b.valid_from, b.valid_to)
            or not _meet(
                a.min_input_tokens,
                None if a.max_input_tokens is None else a.max_input_tokens + 1,
                b.min_input_tokens,
                None if b.max_input_tokens is None else b.max_input_tokens + 1,
            )
        )
        if not apart:
            yield f"Model {model.id}: the prices {a.price_id} and {b.price_id} overlap."


def _meet(a_start: Any, a_end: Any, b_start: Any, b_end: Any) -> bool:
    """Do two half-open ranges share a point? An end of None is open."""
    return (a_end is None or b_start < a_end) and (b_end is None or a_start < b_end)


def _table(
    data: Mapping[str, Any], key: str, keys: set[str], where: str, problems: list[str]
) -> Mapping[str, Any]:
    table: Mapping[str, Any] = data.get(key, {})
    problems += [f"{where}: `{name}` is missing." for name in sorted(keys - set(table))]
    _unknown_keys(table, keys, where, problems)
    return table


def _unknown_keys(
    table: Mapping[str, Any], known: set[str], where: str, problems: list[str]
) -> None:
    problems += [f"{where}: unknown key `{key}`." for key in sorted(set(table) - known)]


def _one_of(value: object, closed: object, where: str, problems: list[str]) -> None:
    if value not in get_args(closed):
        problems.append(f"{where} is {value!r}; it can be {', '.join(get_args(closed))}.")
