"""Tables of app.db for comparisons and votes. Texts of questions and answers stay with their threads."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from agents.tables import metadata

lineup = Table(
    "lineup",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("name", String(60), nullable=False),
    Column("configurations", JSON, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    UniqueConstraint("owner", "name"),
)

contestant = Table(
    "contestant",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("configuration", JSON),
    Column("first_seen_us", BigInteger, nullable=False),
)
"""Everything that was ever compared. `configuration` is NULL for a name of imported battles."""

comparison = Table(
    "comparison",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("blind", Integer, nullable=False),
    Column("together", Integer, nullable=False),
    Column("layout_seed", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Index("comparison_by_owner", "owner", "created_at_us"),
)

arm = Table(
    "comparison_arm",
    metadata,
    Column("comparison_id", ForeignKey("comparison.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("contestant", String(200), nullable=False),
    Column("thread_id", String(32), nullable=False),
)
"""One column, in the order in which the columns are shown."""

answer = Table(
    "comparison_answer",
    metadata,
    Column("comparison_id", ForeignKey("comparison.id", ondelete="CASCADE"), primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("run_id", String(32)),
    Column("tries", Integer, nullable=False),
    Column("facts", JSON),
    Index("comparison_answer_by_run", "run_id"),
)
"""One answer. `run_id` is NULL when the run could not start. `facts`: what it cost, once it ended."""

turn = Table(
    "comparison_turn",
    metadata,
    Column("comparison_id", ForeignKey("comparison.id", ondelete="CASCADE"), primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("question_hash", String(16), nullable=False),
    Column("language", String(16)),
    Column("at_us", BigInteger, nullable=False),
)

vote = Table(
    "vote",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("source", String(80), nullable=False),
    Column("comparison_id", String(32)),
    Column("turn", Integer),
    Column("voter", String(255), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("judged", JSON, nullable=False),
    Column("flags", Text, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("question", String(64), nullable=False),
    Column("time_to_vote_us", BigInteger),
    Column("at_us", BigInteger, nullable=False),
    Column("changed_at_us", BigInteger, nullable=False),
    UniqueConstraint("comparison_id", "turn", "voter"),
    Index("vote_by_source", "source", "at_us"),
)
"""One ballot. `source`: `page`, `judge:<model>` or `import:<id>`. `judged`: contestants, order, traits
and slices, so that a vote stays whole when its comparison is deleted."""

vote_import = Table(
    "vote_import",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("votes", Integer, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)
