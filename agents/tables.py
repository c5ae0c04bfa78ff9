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
    text,
)

metadata = MetaData()

app_schema = Table("app_schema", metadata, Column("version", Integer, primary_key=True))
"""One row: the version of these tables; see agents/migrations.py."""

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
    Column("head_id", String(32)),
    Column("pinned_at_us", BigInteger),
    Column("archived_at_us", BigInteger),
    Column("seen_at_us", BigInteger),
    Column("source", String(32)),
    Column("source_hash", String(64)),
    Index("thread_by_owner", "owner", "kind", "updated_at_us"),
    Index("thread_by_source", "owner", "source_hash"),
    Index(
        "thread_listed",
        "owner",
        "kind",
        "updated_at_us",
        "id",
        sqlite_where=text("archived_at_us IS NULL"),
        postgresql_where=text("archived_at_us IS NULL"),
    ),
    Index(
        "thread_archived",
        "owner",
        "kind",
        "updated_at_us",
        "id",
        sqlite_where=text("archived_at_us IS NOT NULL"),
        postgresql_where=text("archived_at_us IS NOT NULL"),
    ),
    Index(
        "thread_pinned",
        "owner",
        "kind",
        "pinned_at_us",
        sqlite_where=text("pinned_at_us IS NOT NULL"),
        postgresql_where=text("pinned_at_us IS NOT NULL"),
    ),
)
"""`head_id`: the last message of the branch people see. `seen_at_us`: when it was last looked at.
`source`, `source_hash`: where an imported thread is from, and of what content."""

thread_tag = Table(
    "thread_tag",
    metadata,
    Column("thread_id", ForeignKey("thread.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", String(60), primary_key=True),
    Index("thread_tag_by_tag", "tag"),
)

message = Table(
    "message",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("thread_id", ForeignKey("thread.id", ondelete="CASCADE"), nullable=False),
    Column("parent_id", String(32)),
    Column("position", Integer, nullable=False),
    Column("run_id", String(32), nullable=False),
    Column("role", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("summary", JSON),
    Column("created_at_us", BigInteger, nullable=False),
    Index("message_by_thread", "thread_id", "position", unique=True),
    Index("message_by_parent", "thread_id", "parent_id"),
)
"""A tree: messages with the same `parent_id` are versions of each other, in the order of `position`.
A thread's first messages have none. A branch is the path from a message up to the first."""

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
    Column("parent_id", String(32), nullable=False),
    Column("position", Integer, nullable=False),
    Column("answer_id", String(32)),
    Column("started_at_us", BigInteger, nullable=False),
    Column("checkpoint_thread", String(120)),
    Column("checkpoint_id", String(64)),
    Index("run_by_thread", "thread_id", "started_at_us"),
    Index("run_by_status", "status"),
)

"""`parent_id` and `position`: where the answer goes. `checkpoint_*`: the agents' memory after it, as
LangGraph's saver names it."""

asked_once = Table(
    "asked_once",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("run_id", ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Index("asked_once_by_age", "created_at_us"),
    Index("asked_once_by_run", "run_id"),
)
"""Which run answers a request that its sender may repeat; see agents/once.py."""

run_log = Table(
    "run_log",
    metadata,
    Column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("first_seq", Integer, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
)

interrupt = Table(
    "interrupt",
    metadata,
    Column("run_id", ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("interrupt_id", String(64), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("value", Text, nullable=False),
    Column("response_schema", Text),
    Column("asked_at_us", BigInteger, nullable=False),
    Column("answer", JSON),
    Column("answered_at_us", BigInteger),
    Column("answered_by", String(255)),
    Column("resumed_by_run", String(32)),
    Index("interrupt_waiting", "owner", "answered_at_us"),
)
"""What graphs ask people. `value` and `response_schema` are JSON; an unanswered one waits for ever."""

queued_message = Table(
    "queued_message",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("thread_id", ForeignKey("thread.id", ondelete="CASCADE"), nullable=False),
    Column("owner", String(255), nullable=False),
    Column("text", Text, nullable=False),
    Column("request", JSON, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Index("queued_by_thread", "thread_id", "created_at_us"),
)

message_rating = Table(
    "message_rating",
    metadata,
    Column("message_id", ForeignKey("message.id", ondelete="CASCADE"), primary_key=True),
    Column("owner", String(255), primary_key=True),
    Column("thumb", Integer, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("comment", Text, nullable=False),
    Column("rated_at_us", BigInteger, nullable=False),
    Index("message_rating_by_owner", "owner", "thumb"),
)
"""`thumb`: 1 up, -1 down."""

attachment = Table(
    "attachment",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("thread_id", ForeignKey("thread.id", ondelete="CASCADE"), nullable=False),
    Column("message_id", String(32)),
    Column("owner", String(255), nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("pages", Integer),
    Column("content", LargeBinary, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Index("attachment_by_thread", "thread_id", "created_at_us"),
)

cached_answer = Table(
    "cached_answer",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("scope", String(64), primary_key=True),
    Column("question", String(64), primary_key=True),
    Column("message_id", ForeignKey("message.id", ondelete="CASCADE"), nullable=False),
    Column("model", String(200)),
    Column("vector", LargeBinary),
    Column("made_at_us", BigInteger, nullable=False),
    Column("used_at_us", BigInteger, nullable=False),
    Index("cached_answer_by_message", "message_id"),
    # Rows are wide: a search that had to read them all would be felt before the first token.
    Index("cached_answer_newest", "owner", "scope", "used_at_us"),
    Index("cached_answer_by_age", "made_at_us"),
    Index("cached_answer_by_use", "used_at_us"),
)
"""Which answers may be given again: names and vectors only, the words stay in `message`. `scope`:
everything but the question that an answer depends on. `model`, `vector`: of the question's meaning."""

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
