"""Settings come from the environment, and a wrong one is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.settings import ClientSettings, Settings, load_settings


def test_without_anything_set_no_provider_is_configured() -> None:
    settings = load_settings(env_file=None)
    assert settings.openai_api_key is None
    assert settings.aws_region is None
    assert settings.answer_models[-1] == "local:extractive"
    assert settings.router_models[0].startswith("bedrock_converse:us.amazon.nova-lite")


def test_lists_are_comma_separated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_ANSWER_MODELS", " openai:a , local:extractive,")
    assert load_settings(env_file=None).answer_models == ("openai:a", "local:extractive")


@pytest.mark.parametrize(
    ("variable", "value", "word"),
    [
        ("SWITCHBOARD_MAX_MESSAGE_CHARS", "many", "valid integer"),
        ("SWITCHBOARD_ANSWER_MODELS", " , ", "at least one model"),
        ("SWITCHBOARD_REPORTING_TIMEZONE", "Mars/Base", "IANA"),
        ("SWITCHBOARD_FIRST_TOKEN_TIMEOUT_S", "-1", "greater than 0"),
        ("SWITCHBOARD_DATABASE_URL", "postgresql+asyncpg://u:pass@h/x", "pip install asyncpg"),
        ("SWITCHBOARD_DATABASE_URL", "dbase://u:pass@h/x", "SQLAlchemy URL"),
        ("SWITCHBOARD_ANALYTICS_URL", "analytics.db", "SQLAlchemy URL"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, word: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        load_settings(env_file=None)
    assert variable in caught.value.message
    assert word in caught.value.message
    assert "pass" not in caught.value.message


def test_the_env_file_never_overrides_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("SWITCHBOARD_TEMPERATURE=0.9\nSWITCHBOARD_MAX_HISTORY_TOKENS=500\n")
    monkeypatch.setenv("SWITCHBOARD_TEMPERATURE", "0.1")
    monkeypatch.setenv("SWITCHBOARD_MAX_HISTORY_TOKENS", "600")
    settings = load_settings(env_file=file)
    assert (settings.temperature, settings.max_history_tokens) == (0.1, 600)


def test_keys_do_not_show_when_settings_are_printed() -> None:
    settings = Settings(openai_api_key="sk-very-secret")  # type: ignore[arg-type]
    assert "very-secret" not in repr(settings)


def test_further_servers_are_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "SWITCHBOARD_OPENAI_SERVERS",
        '{"ollama": {"base_url": "http://127.0.0.1:11434/v1", "models": ["llama3.2"]}}',
    )
    server = load_settings(env_file=None).openai_servers["ollama"]
    assert server.models == ("llama3.2",)


def test_every_setting_is_documented() -> None:
    text = Path("docs/technical/settings.md").read_text("utf-8")
    for name, field in (Settings.model_fields | ClientSettings.model_fields).items():
        alias = field.validation_alias
        variable = alias.choices[0] if alias else f"SWITCHBOARD_{name.upper()}"  # type: ignore[union-attr]
        assert f"`{variable}`" in text, variable


def test_every_line_of_the_example_file_can_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    example = Path(".env.example").read_text("utf-8")
    lines = re.findall(r"^#([A-Z][A-Z_]+)=(.*)$", example, re.M)
    for name, value in lines:
        monkeypatch.setenv(name, value)
        assert f"`{name}`" in Path("docs/technical/settings.md").read_text("utf-8"), name
    settings = load_settings(env_file=None)
    assert (settings.auth, list(settings.openai_servers)) == (("accounts",), ["ollama"])
