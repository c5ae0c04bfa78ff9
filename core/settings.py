"""All settings, read from the environment and `.env` in one place. Nobody else reads os.environ.

Every field is documented in docs/technical/settings.md; a test compares the two.
"""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent

# Set before the first import of the libraries that read them. Strict msgpack: a row of the
# checkpoint table could otherwise name any importable callable. Tracing: no connection to a third
# party unless a person asks for it.
PROCESS_DEFAULTS = {
    "LANGGRAPH_STRICT_MSGPACK": "true",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "FORWARDED_ALLOW_IPS": "",
}

CommaList = Annotated[tuple[str, ...], NoDecode]


class OpenAIServer(BaseModel):
    """A further OpenAI-compatible server: its models are `<name>:<model>`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    base_url: str
    api_key: SecretStr = SecretStr("none")
    models: tuple[str, ...] = ()


class Settings(BaseSettings):
    """Frozen. `load_settings()` is how to get one; tests construct it with keyword arguments."""

    model_config = SettingsConfigDict(
        env_prefix="SWITCHBOARD_", frozen=True, extra="ignore", populate_by_name=True
    )

    data_dir: Path = Path("data")
    database_url: str | None = None
    """SQLAlchemy URL for threads and messages; default: app.db in the data folder."""
    knowledge_dir: Path = ROOT / "docs"

    router_models: CommaList = (
        "bedrock_converse:us.amazon.nova-lite-v1:0",
        "openai:gpt-4o-mini",
        "local:extractive",
    )
    answer_models: CommaList = ("openai:gpt-4o-mini", "local:extractive")
    embedding_model: str | None = None
    openai_servers: dict[str, OpenAIServer] = Field(default_factory=dict)
    """JSON: {"ollama": {"base_url": "http://127.0.0.1:11434/v1", "models": ["llama3.2"]}}."""

    openai_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("OPENAI_API_KEY", "openai_api_key")
    )
    openai_base_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("OPENAI_BASE_URL", "OPENAI_API_BASE", "openai_base_url"),
    )
    aws_region: str | None = Field(
        default=None,
        validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION", "aws_region"),
    )
    bedrock_endpoint_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "bedrock_endpoint_url"),
    )

    max_message_chars: int = Field(default=20_000, ge=1, le=1_000_000)
    max_concurrent_runs: int = Field(default=16, ge=1, le=1000)
    max_queued_runs: int = Field(default=200, ge=0, le=100_000)
    first_token_timeout_s: float = Field(default=20.0, gt=0)
    idle_timeout_s: float = Field(default=20.0, gt=0)
    run_timeout_s: float = Field(default=180.0, gt=0)
    max_answer_chars: int = Field(default=400_000, ge=1000)
    max_history_tokens: int = Field(default=12_000, ge=200)
    temperature: float = Field(default=0.2, ge=0, le=2)
    allow_open_address: bool = False
    """Listen on other addresses than loopback although nobody has to log in."""
    reporting_timezone: str = "UTC"

    analytics_url: str | None = None
    """SQLAlchemy URL of the analytics database; default: analytics.db in the data folder."""
    environment: str | None = None
    """Name of this installation, such as `production`; a label of every run."""
    slo_first_token_s: float = Field(default=3.0, gt=0)
    slo_answer_s: float = Field(default=30.0, gt=0)
    slo_target: float = Field(default=0.95, gt=0, lt=1)
    content: Literal["off", "hashed", "masked", "full"] = "off"
    """What analytics keeps of questions, answers and prompts."""
    keep_content_days: int = Field(default=30, ge=1, le=36_500)
    keep_rows_days: int = Field(default=3_650, ge=1, le=36_500)
    keep_figures_days: int = Field(default=3_650, ge=1, le=36_500)
    """Sums and distributions per hour and day; they name nobody's words."""
    otlp_endpoint: str | None = None
    """Where finished runs are sent as OpenTelemetry traces, such as http://127.0.0.1:4318."""
    otlp_headers: SecretStr | None = None
    """`name=value,name=value`, for example an authorization header."""
    alert_webhook_url: SecretStr | None = None
    auth: CommaList = ()
    """How people log in: any of accounts, oidc. Empty: one person on loopback, no login."""
    session_hours: float = Field(default=12.0, gt=0, le=720)
    """How long a login of the pages lasts."""
    oidc_admins: CommaList = ()
    """E-mail addresses or subjects that are administrators when they log in by OIDC."""
    oidc_role_claim: str | None = None
    """Claim of the identity token that names the role, such as `role`."""
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    jwt_algorithms: CommaList = ("RS256",)
    jwt_jwks_url: str | None = None
    """Where the issuer's public keys are; or `jwt_secret` for HS256."""
    jwt_secret: SecretStr | None = None
    jwt_role_claim: str = "role"
    jwt_max_hours: float = Field(default=24.0, gt=0, le=720)
    """A token with a longer life is refused."""

    rate_limit: str | None = None
    """Requests of one person or key, such as `60/minute`; several separated by `;`."""
    rate_limit_storage: str = "memory://"
    """`memory://`, or `redis://host:6379` when several processes share the limits."""
    max_runs_per_person: int | None = Field(default=None, ge=1, le=1000)
    """Answers of one person at the same time; further ones wait in the queue."""
    quota_tokens_per_day: int | None = Field(default=None, ge=1)
    quota_usd_per_day: Decimal | None = Field(default=None, gt=0)
    """Per person and day of the reporting zone, checked before every call."""
    answer_cache: Literal["off", "exact", "semantic"] = "off"
    """Whether a question of the same person that was answered before is answered from memory."""
    answer_cache_hours: float = Field(default=24.0, gt=0, le=8_760)
    answer_cache_similarity: float = Field(default=0.97, gt=0, le=1)
    """Least cosine similarity of two questions that count as the same; semantic only."""
    allowed_origins: CommaList = ()
    """Web pages of other hosts that may call the API, such as https://intranet.example."""
    max_body_bytes: int = Field(default=1_000_000, ge=1_000, le=1_000_000_000)
    """The largest request body of the API, imports aside."""
    max_import_bytes: int = Field(default=50_000_000, ge=1_000, le=10_000_000_000)

    reports: CommaList = ()
    """Reports made by themselves: any of daily, weekly, monthly."""

    @field_validator("router_models", "answer_models", mode="before")
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = tuple(part.strip() for part in value.split(",") if part.strip())
        if not value:
            raise ValueError("name at least one model, for example local:extractive")
        return value

    @field_validator("auth", mode="before")
    @classmethod
    def _known_ways_in(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = tuple(part.strip().lower() for part in value.split(",") if part.strip())
        unknown = sorted(set(value) - {"accounts", "oidc"})
        if unknown:
            raise ValueError(f"there is no login '{unknown[0]}'; use accounts, oidc")
        return value

    @field_validator("oidc_admins", "jwt_algorithms", "allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("reports", mode="before")
    @classmethod
    def _known_reports(cls, value: Any) -> Any:
        if isinstance(value, str):
            value = tuple(part.strip().lower() for part in value.split(",") if part.strip())
        unknown = sorted(set(value) - {"daily", "weekly", "monthly"})
        if unknown:
            raise ValueError(f"there is no report '{unknown[0]}'; use daily, weekly, monthly")
        return value

    @field_validator("database_url", "analytics_url")
    @classmethod
    def _usable_database(cls, value: str | None) -> str | None:
        if not value:
            return None
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            make_url(value).get_dialect().import_dbapi()
        except ArgumentError as exc:
            raise ValueError(
                "not an SQLAlchemy URL of a known database, such as sqlite:////var/lib/app.db"
            ) from exc
        except ImportError as exc:
            raise ValueError(
                f"the driver of this database is not installed: pip install {exc.name}"
            ) from exc
        return value

    @field_validator("reporting_timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(value)
        except Exception as exc:
            raise ValueError("not a time zone of the IANA list, such as Europe/Paris") from exc
        return value

    def path(self, name: str) -> Path:
        """A file in the data folder."""
        return self.data_dir / name


class ClientSettings(BaseSettings):
    """What a program that talks to a running Switchboard has to know. Frozen."""

    model_config = SettingsConfigDict(
        env_prefix="SWITCHBOARD_", frozen=True, extra="ignore", populate_by_name=True
    )

    url: str = "http://127.0.0.1:8501"
    key: SecretStr | None = None
    """An API key, where people have to log in."""
    no_color: str = Field(default="", validation_alias=AliasChoices("NO_COLOR", "no_color"))
    """Anything in it: no colours (https://no-color.org)."""
    term: str = Field(default="", validation_alias=AliasChoices("TERM", "term"))


def load_client_settings(env_file: Path | None = ROOT / ".env") -> ClientSettings:
    """Like `load_settings`, for a program that only talks to Switchboard."""
    _read(env_file)
    return ClientSettings()


def load_settings(env_file: Path | None = ROOT / ".env", **overrides: Any) -> Settings:
    """Reads `.env` into the environment (never over what is set), then the settings.

    Raises ConfigError naming the variable and the reason.
    """
    _read(env_file)
    for name, value in PROCESS_DEFAULTS.items():
        os.environ.setdefault(name, value)
    try:
        return Settings(**overrides)
    except ValidationError as exc:
        raise ConfigError(_sentence(exc)) from exc


def _read(env_file: Path | None) -> None:
    if env_file is not None and env_file.is_file():
        from dotenv import load_dotenv

        load_dotenv(env_file, override=False)


def _sentence(exc: ValidationError) -> str:
    parts = []
    for err in exc.errors(include_url=False, include_input=False):
        name = str(err["loc"][0]) if err["loc"] else "settings"
        variable = name if name.isupper() else f"SWITCHBOARD_{name.upper()}"
        parts.append(f"{variable}: {err['msg'].removeprefix('Value error, ')}")
    return "A setting cannot be used. " + "; ".join(parts).rstrip(".") + "."
