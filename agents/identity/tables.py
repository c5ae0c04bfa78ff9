"""Tables of app.db for who asks. Of every secret only a hash is here: nothing in them logs anybody in."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from agents.tables import metadata

account = Table(
    "account",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("login", String(64), unique=True),
    Column("issuer", String(255)),
    Column("subject", String(255)),
    Column("name", String(120), nullable=False),
    Column("role", String(16), nullable=False),
    Column("password", String(255)),
    Column("provider_role", String(16)),
    Column("email", String(255)),
    Column("provider_at_us", BigInteger),
    Column("created_at_us", BigInteger, nullable=False),
    Column("seen_at_us", BigInteger),
    Column("disabled_at_us", BigInteger),
    Column("valid_after_us", BigInteger, nullable=False),
)
"""Everybody who may log in, or did. `login` and `password` (argon2) only of those who log in here;
`issuer` and `subject` only of those an identity provider vouched for. What was issued up to
`valid_after_us` does not hold any more. `role`: given here. `provider_role`, `email` (verified only):
what the provider said when it last logged them in, at `provider_at_us`."""

login_session = Table(
    "login_session",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", ForeignKey("account.owner", ondelete="CASCADE"), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("via", String(16), nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("seen_at_us", BigInteger, nullable=False),
    Column("ended_at_us", BigInteger),
    Index("login_session_by_owner", "owner", "created_at_us"),
    Index("login_session_by_end", "expires_at_us"),
)
"""A login of the pages. `token_hash`: SHA-256 of what the cookie holds, or of what tells one login at
an identity provider from the next."""

api_key = Table(
    "api_key",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", ForeignKey("account.owner", ondelete="CASCADE"), nullable=False),
    Column("secret_hash", String(64), nullable=False, unique=True),
    Column("hint", String(16), nullable=False),
    Column("name", String(60), nullable=False),
    Column("scopes", String(60), nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger),
    Column("used_at_us", BigInteger),
    Column("revoked_at_us", BigInteger),
    Index("api_key_by_owner", "owner", "created_at_us"),
)
"""`hint`: its first and last characters, enough to tell keys apart. `scopes`: separated by spaces."""

audit = Table(
    "audit",
    metadata,
    Column(
        "number",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    Column("at_us", BigInteger, nullable=False),
    Column("who", String(255)),
    Column("via", String(16), nullable=False),
    Column("credential_id", String(64)),
    Column("action", String(32), nullable=False),
    Column("target", String(255), nullable=False),
    Column("detail", Text, nullable=False),
    Index("audit_by_who", "who", "number"),
    Index("audit_by_action", "action", "number"),
    sqlite_autoincrement=True,
)
"""Who did what; rows are only added. `number` is never used twice, so a page of rows has a firm end."""

TABLES = (account, login_session, api_key, audit)


def make(connection: Connection) -> None:
    """These tables and no other, for a command that may run beside a server."""
    metadata.create_all(connection, tables=list(TABLES))
