"""Streamlit's own OIDC login, seen from the server: its configuration, its door and its cookie.

The flow itself (discovery, state, nonce, PKCE, the token's signature) is Streamlit's, by Authlib. What
is used of Streamlit here is not documented; a browser test logs in through all of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import quote

MIN_SECRET_CHARS = 32
SECTION = "the section [auth] of .streamlit/secrets.toml"


def providers() -> list[str]:
    """The names by which `st.login` knows the configured providers, `default` for the unnamed one."""
    from streamlit.auth_util import get_secrets_auth_section, validate_auth_credentials
    from streamlit.errors import StreamlitAuthError

    section = get_secrets_auth_section()
    named = [name for name, value in section.items() if isinstance(value, Mapping)]
    found = []
    for name in ["default", *(name for name in named if name != "client_kwargs")]:
        try:
            validate_auth_credentials(name)
        except StreamlitAuthError:
            continue
        found.append(name)
    return found


def problem() -> str | None:
    """What is missing for a login by OIDC, as a sentence."""
    from streamlit.auth_util import get_secrets_auth_section

    section = get_secrets_auth_section()
    if not section:
        return f"SWITCHBOARD_AUTH names oidc, but {SECTION} does not exist."
    if not providers():
        return (
            f"SWITCHBOARD_AUTH names oidc, but {SECTION} is not complete: it needs redirect_uri, "
            "cookie_secret, client_id, client_secret and server_metadata_url."
        )
    if len(str(section.get("cookie_secret", ""))) < MIN_SECRET_CHARS:
        return (
            f"cookie_secret in {SECTION} is too short: it signs who people are and needs at least "
            f"{MIN_SECRET_CHARS} random characters."
        )
    return None


def door(provider: str) -> str:
    """The address at which Streamlit sends a browser to the provider; good for two minutes."""
    from streamlit.auth_util import encode_provider_token

    return f"/auth/login?provider={quote(encode_provider_token(provider))}"


def claims(cookies: Mapping[str, str]) -> dict[str, object] | None:
    """What Streamlit's signed cookie says; None without one that it signed for this address.

    The signature is all that is checked: whether the login still holds is for agents/identity.
    """
    from streamlit.auth_util import get_cookie_with_chunks, get_origin_from_redirect_uri
    from streamlit.web.server.server_util import get_cookie_secret
    from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
    from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

    if USER_COOKIE_NAME not in cookies:
        return None
    secret = get_cookie_secret()

    def part(name: str) -> bytes | None:
        signed = cookies.get(name)
        return decode_signed_value(secret, name, signed) if signed else None

    raw = get_cookie_with_chunks(part, USER_COOKIE_NAME)
    try:
        said = json.loads(raw) if raw else None
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("origin") != get_origin_from_redirect_uri():
        return None
    return said if said.get("is_logged_in") is True else None
