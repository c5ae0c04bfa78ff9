"""What is refused or said before the server starts."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from streamlit.runtime.secrets import secrets_singleton

from api.login.start import gate, login_routes, refuse_unfinished_login, say_who_can_log_in
from api.server import refuse_open_address
from core.settings import Settings
from tests.api.login_house import make_house

COMPLETE = """
[auth]
redirect_uri = "http://127.0.0.1:8501/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "switchboard"
client_secret = "hush"
server_metadata_url = "http://127.0.0.1:1/.well-known/openid-configuration"
"""


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file Streamlit reads its login from."""
    from streamlit import config

    file = tmp_path / "secrets.toml"
    before = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(file)])
    secrets_singleton._reset()
    yield file
    config.set_option("secrets.files", before)
    secrets_singleton._reset()


@pytest.mark.parametrize("address", ["0.0.0.0", "", None, "192.0.2.7"])
def test_an_open_address_needs_a_login_or_the_flag(address: str | None) -> None:
    with pytest.raises(SystemExit, match="SWITCHBOARD_AUTH"):
        refuse_open_address(address, False, login=False)
    refuse_open_address(address, True, login=False)
    refuse_open_address(address, False, login=True)


def test_loopback_needs_no_login() -> None:
    refuse_open_address("127.0.0.1", False, login=False)


def test_nothing_stands_before_the_pages_where_nobody_logs_in() -> None:
    settings = Settings(auth=())
    assert (login_routes(settings), gate(settings)) == ([], [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "does not exist"),
        ("[other]\nkey = 1", "does not exist"),
        ("[auth]\nredirect_uri = 'x'", "is not complete: it needs redirect_uri"),
        (COMPLETE.replace("client_id", "client"), "is not complete"),
        (COMPLETE.replace("0123456789abcdef0123456789abcdef", "short"), "is too short"),
    ],
)
def test_oidc_without_its_configuration_refuses_to_start(
    secrets: Path, text: str, said: str
) -> None:
    if text:
        secrets.write_text(text)
    with pytest.raises(SystemExit, match=said) as refused:
        refuse_unfinished_login(Settings(auth=("oidc",)))
    assert "docs/general/log-in.md" in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [COMPLETE, COMPLETE.replace("client_id", "[auth.google]\nclient_id")],
)
def test_oidc_with_one_complete_provider_starts(secrets: Path, text: str) -> None:
    secrets.write_text(text)
    refuse_unfinished_login(Settings(auth=("oidc",)))


def test_accounts_without_any_account_are_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        say_who_can_log_in(make_house())  # type: ignore[arg-type]
        assert caplog.messages == []
        say_who_can_log_in(make_house(people=False))  # type: ignore[arg-type]
    assert len(caplog.messages) == 1
    assert "python -m api.accounts add NAME --role admin" in caplog.messages[0]
