"""Tables of app.db: the precious ones. History people see is append-only here, never in a checkpoint."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

thread = Table(
    "thread",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("group_id", String(32)),
    Column("title", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    Index("thread_by_owner", "owner", "kind", "updated_at_us"),
)

message = Table(
    "message",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("thread_id", ForeignKey("thread.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("run_id", String(32), nullable=False),
    Column("role", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("summary", JSON),
    Column("created_at_us", BigInteger, nullable=False),
    Index("message_by_thread", "thread_id", "position", unique=True),
)

run = Table(
    "run",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("thread_id", ForeignKey("thread.id", ondelete="CASCADE"), nullable=False),
    Column("owner", String(255), nullable=False),
    Column("graph", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("request", JSON, nullable=False),
    Column("question_id", String(32), nullable=False),
    Column("answer_id", String(32)),
    Column("started_at_us", BigInteger, nullable=False),
    Column("checkpointed", Integer, nullable=False, default=0),
    Index("run_by_thread", "thread_id", "started_at_us"),
    Index("run_by_status", "status"),
)

run_log = Table(
    "run_log",
    metadata,
    Column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("first_seq", Integer, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
)

preference = Table(
    "preference",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
)

prompt_version = Table(
    "prompt_version",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("owner", String(255)),
    Column("texts", JSON, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("base", String(60)),
    Column("note", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("retired_at_us", BigInteger),
)

known_model = Table(
    "known_model",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("color", String(16), nullable=False),
)
