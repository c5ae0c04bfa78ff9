"""Tables of app.db for question sets and evaluations. Answers stay with their runs."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from agents.tables import metadata

question_set = Table(
    "question_set",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("name", String(120), nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("cases", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    UniqueConstraint("owner", "name", "version"),
)
"""One version of a set; never changed. `data`: its cases as JSON lines, zlib-compressed."""

test_case = Table(
    "test_case",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("data", JSON, nullable=False),
    Column("run_id", String(32)),
    Column("created_at_us", BigInteger, nullable=False),
    Index("test_case_by_owner", "owner", "created_at_us"),
)
"""A question that was saved from an answer, with what is expected. `run_id`: of that answer."""

evaluation = Table(
    "evaluation",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("owner", String(255), nullable=False),
    Column("name", String(120), nullable=False),
    Column("set_id", ForeignKey("question_set.id"), nullable=False),
    Column("configurations", JSON, nullable=False),
    Column("repeats", Integer, nullable=False),
    Column("concurrency", Integer, nullable=False),
    Column("budget_pusd", BigInteger),
    Column("judge_model", String(200)),
    Column("pairwise", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("why", Text),
    Column("created_at_us", BigInteger, nullable=False),
    Column("ended_at_us", BigInteger),
    Index("evaluation_by_owner", "owner", "created_at_us"),
)

cell = Table(
    "evaluation_cell",
    metadata,
    Column("evaluation_id", ForeignKey("evaluation.id", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("case_number", Integer, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("configuration", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("run_id", String(32)),
    Column("tries", Integer, nullable=False),
    Column("facts", JSON),
    Column("checks", JSON),
    Column("passed", Integer),
    Column("error", Text),
    Index("evaluation_cell_by_status", "evaluation_id", "status", "place"),
)
"""One answer to get. `place`: its turn. `run_id` is written before the run begins, so that after a
kill it is known what became of it. `passed` is NULL until, or when it cannot be, decided."""

judgement = Table(
    "evaluation_judgement",
    metadata,
    Column("evaluation_id", ForeignKey("evaluation.id", ondelete="CASCADE"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("case_number", Integer, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("first", Integer, nullable=False),
    Column("second", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("run_id", String(32)),
    Column("tries", Integer, nullable=False),
    Column("verdict", String(16)),
    Column("reason", Text),
    Column("cost_pusd", BigInteger),
    Column("error", Text),
    Index("evaluation_judgement_by_status", "evaluation_id", "status", "place"),
)
"""One question to the judge: about the answer of configuration `first` alone (`second` = -1), or
which of two is better, in the order in which it saw them."""
