"""Tables of analytics.db: one row per run, per step of a run, per attempt at a model.

`_us` = integer microseconds (timestamps: UTC
since the epoch; durations: from one monotonic clock), `_pusd` = integer pico-USD (1e-12). NULL is
unknown and never 0. Tokens and money are facts of `llm_call`; those on `run` are sums of them.

A step or call id is unique inside its run, so the run id is part of the key: writing a run twice
can replace its rows but never double them.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

SCHEMA_VERSION = 4

metadata = MetaData()

schema_meta = Table(
    "schema_meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""`version`: of this schema. `data_version`: grows with every commit; readers cache by it."""

run = Table(
    "run",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    Column("user_id", Text),
    Column("workflow_name", Text),
    Column("entry_point", Text, nullable=False),
    Column("environment", Text),
    Column("app_version", Text),
    Column("request_stream", Integer),
    Column("started_at_us", BigInteger, nullable=False),
    Column("ended_at_us", BigInteger),
    Column("duration_us", BigInteger),
    Column("queue_us", BigInteger),
    Column("first_event_us", BigInteger),
    Column("first_token_us", BigInteger),
    Column("supervisor_us", BigInteger),
    Column("retrieval_us", BigInteger),
    Column("tool_us", BigInteger),
    Column("model_us", BigInteger),
    Column("other_us", BigInteger),
    Column("agent_name", Text),
    # Of the attempt that wrote the answer. A copy, so that figures of runs split by model add up.
    Column("answer_model", Text),
    Column("answer_provider", Text),
    Column("route_first", Text),
    Column("route_path", Text),
    Column("status", Text, nullable=False),
    Column("error_type", Text),
    Column("error_stage", Text),
    Column("llm_calls", Integer),
    Column("llm_attempts", Integer),
    Column("tool_calls", Integer),
    Column("tool_errors", Integer),
    Column("retrievals", Integer),
    Column("fallbacks", Integer),
    Column("retries", Integer),
    Column("usage_input_tokens", BigInteger),
    Column("usage_output_tokens", BigInteger),
    Column("usage_cache_read_input_tokens", BigInteger),
    Column("usage_cache_write_input_tokens", BigInteger),
    Column("usage_reasoning_output_tokens", BigInteger),
    Column("usage_complete", Integer),
    Column("cost_pusd", BigInteger),
    Column("cost_complete", Integer),
    # Attempts that failed, and the time they took: what fallbacks and retries cost a person.
    Column("failed_attempts", Integer),
    Column("failed_attempt_us", BigInteger),
    # 1 when every limit of the profile was met, 0 when not, NULL when it does not count.
    Column("slo_met", Integer),
    Column("slo_profile", Text),
    Column("stop_us", BigInteger),
    Column("tokens_after_stop", Integer),
    Column("content_mode", Text),
    Column("import_id", Text),
    # How an earlier answer was found that was given again (exact, semantic), and what it had cost.
    Column("answer_cache", Text),
    Column("saved_pusd", BigInteger),
    Index("run_by_time", "started_at_us"),
    Index("run_by_duration", "duration_us"),
    Index("run_by_conversation", "conversation_id", "started_at_us"),
    Index("run_by_user", "user_id", "started_at_us"),
    # Few runs: a year of all the others is not read to count them.
    Index(
        "run_repeated",
        "started_at_us",
        sqlite_where=text("answer_cache IS NOT NULL"),
        postgresql_where=text("answer_cache IS NOT NULL"),
    ),
    Index(
        "run_not_ok",
        "status",
        "started_at_us",
        sqlite_where=text("status <> 'ok'"),
        postgresql_where=text("status <> 'ok'"),
    ),
)

step = Table(
    "step",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("step_id", Text, primary_key=True),
    Column("parent_step_id", Text),
    Column("operation_name", Text, nullable=False),
    Column("agent_name", Text),
    Column("graph_node", Text),
    Column("tool_name", Text),
    Column("tool_call_id", Text),
    Column("retrieval_mode", Text),
    Column("retrieval_hits", Integer),
    Column("retrieval_top_score", Float),
    Column("started_at_us", BigInteger, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("self_us", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("error_type", Text),
    Column("input_bytes", BigInteger),
    Column("output_bytes", BigInteger),
    # Only these are asked for over time; the others are read with their run.
    Index(
        "step_by_time",
        "started_at_us",
        sqlite_where=text("operation_name IN ('execute_tool', 'retrieval')"),
        postgresql_where=text("operation_name IN ('execute_tool', 'retrieval')"),
    ),
)

llm_call = Table(
    "llm_call",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("call_id", Text, primary_key=True),
    Column("step_id", Text),
    Column("agent_name", Text),
    Column("purpose", Text, nullable=False),
    Column("logical_call_id", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("is_final", Integer, nullable=False),
    # The model this operation asked first, when it was another; and why that one did not answer.
    Column("fallback_from_model", Text),
    Column("fallback_from_provider", Text),
    Column("fallback_reason", Text),
    Column("operation_name", Text, nullable=False),
    Column("provider_name", Text, nullable=False),
    Column("request_model", Text, nullable=False),
    Column("response_model", Text),
    Column("response_id", Text),
    Column("region", Text),
    Column("service_tier", Text),
    Column("usage_input_tokens", BigInteger),
    Column("usage_cache_read_input_tokens", BigInteger),
    Column("usage_cache_write_input_tokens", BigInteger),
    Column("usage_cache_write_5m_tokens", BigInteger),
    Column("usage_cache_write_1h_tokens", BigInteger),
    Column("usage_output_tokens", BigInteger),
    Column("usage_reasoning_output_tokens", BigInteger),
    Column("usage_source", Text, nullable=False),
    # 1 when a provider owes numbers for this attempt: what "known n of m" counts as m.
    Column("usage_due", Integer, nullable=False),
    Column("usage_problems", Text),
    Column("usage_raw", Text),
    Column("started_at_us", BigInteger, nullable=False),
    Column("queue_us", BigInteger),
    Column("first_chunk_us", BigInteger),
    Column("first_token_us", BigInteger),
    Column("first_answer_us", BigInteger),
    Column("last_token_us", BigInteger),
    Column("duration_us", BigInteger),
    Column("chunk_count", Integer),
    Column("gap_p50_us", BigInteger),
    Column("gap_p95_us", BigInteger),
    Column("gap_max_us", BigInteger),
    Column("stall_count", Integer),
    Column("stall_us", BigInteger),
    Column("response_finish_reasons", Text),
    Column("status", Text, nullable=False),
    Column("error_type", Text),
    Column("http_status", Integer),
    Column("price_id", Text),
    Column("cost_input_pusd", BigInteger),
    Column("cost_cache_read_pusd", BigInteger),
    Column("cost_cache_write_pusd", BigInteger),
    Column("cost_output_pusd", BigInteger),
    Column("cost_reasoning_pusd", BigInteger),
    Column("cost_other_pusd", BigInteger),
    Column("cost_pusd", BigInteger),
    Column("cost_quality", Text),
    Column("cost_why", Text),
    Index("llm_call_by_time", "started_at_us"),
    Index("llm_call_by_model", "request_model", "started_at_us"),
    Index(
        "llm_call_errors",
        "started_at_us",
        sqlite_where=text("status = 'error'"),
        postgresql_where=text("status = 'error'"),
    ),
)

feedback = Table(
    "feedback",
    metadata,
    Column("feedback_id", Text, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("call_id", Text),
    Column("conversation_id", Text),
    Column("user_id", Text),
    Column("source", Text, nullable=False),
    Column("evaluation_name", Text, nullable=False),
    Column("evaluation_score_value", Float),
    Column("evaluation_score_label", Text),
    Column("evaluation_explanation", Text),
    Column("judge_model", Text),
    Column("created_at_us", BigInteger, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
    UniqueConstraint("run_id", "evaluation_name", "source", "user_id"),
    Index("feedback_by_time", "created_at_us"),
)

# -- figures made ready: rebuildable from the rows above at any time (analytics/blocks)

block = Table(
    "block",
    metadata,
    Column("level", Text, primary_key=True),
    Column("start_us", BigInteger, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("n", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""Columns of a quarter of an hour's rows, or sums and histograms of an hour or a day."""

stale = Table(
    "stale",
    metadata,
    Column("level", Text, primary_key=True),
    Column("start_us", BigInteger, primary_key=True),
)
"""What has to be folded: a quarter whose rows changed, an hour or a day whose parts did."""

label = Table(
    "label",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("code", Integer, primary_key=True, autoincrement=False),
    Column("name", Text),
    UniqueConstraint("kind", "name"),
)
"""What the codes in blocks stand for. A name of NULL: the person was erased."""

# -- what people keep

content = Table(
    "content",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("item", Text, primary_key=True),
    Column("mode", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Index("content_by_time", "at_us"),
)
"""Question, answer and prompts of a run, as `mode` says. `item`: call id for a prompt, else ''."""

document_day = Table(
    "document_day",
    metadata,
    Column("day_us", BigInteger, primary_key=True),
    Column("document", Text, primary_key=True),
    Column("retrievals", Integer, nullable=False),
)
"""How often each document was found, by UTC day: shows the ones that never are."""

annotation = Table(
    "annotation",
    metadata,
    Column("annotation_id", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("label", Text, nullable=False),
)
"""Marks on the time axis: `release` (written when a new version records first) or `note`."""

saved_view = Table(
    "saved_view",
    metadata,
    Column("view_id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    UniqueConstraint("owner", "name"),
)

alert_rule = Table(
    "alert_rule",
    metadata,
    Column("rule_id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("definition", Text, nullable=False),
    Column("enabled", Integer, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
)

alert_event = Table(
    "alert_event",
    metadata,
    Column("event_id", Text, primary_key=True),
    Column("rule_id", Text, nullable=False),
    Column("rule_name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("began_at_us", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("value", Float),
    Column("message", Text, nullable=False),
    Column("delivery", Text),
    Index("alert_event_by_time", "at_us"),
)

budget = Table(
    "budget",
    metadata,
    Column("budget_id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("definition", Text, nullable=False),
    Column("enabled", Integer, nullable=False),
    Column("updated_at_us", BigInteger, nullable=False),
)

report = Table(
    "report",
    metadata,
    Column("report_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("filter", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("files", Text, nullable=False),
)
"""A report that was made. `files`: JSON of file name -> SHA-256."""

import_batch = Table(
    "import_batch",
    metadata,
    Column("import_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("mapping", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("known", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("since_us", BigInteger),
    Column("until_us", BigInteger),
    Column("created_at_us", BigInteger, nullable=False),
)
"""A file of calls. `digest`: its SHA-256. `known`: rows that were there already. `status`: `running`
until the last row is in; `since_us`, `until_us`: first and last call of the accepted ones."""

repricing = Table(
    "repricing",
    metadata,
    Column("repricing_id", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("catalog_date", Text, nullable=False),
    Column("changed", Integer, nullable=False),
    # Calls that had no price before; the rest of `changed` had another one.
    Column("newly_priced", Integer, nullable=False),
    Column("before_pusd", BigInteger, nullable=False),
    Column("after_pusd", BigInteger, nullable=False),
    Column("undone_at_us", BigInteger),
)

cost_history = Table(
    "cost_history",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("call_id", Text, primary_key=True),
    Column("repricing_id", Text, primary_key=True),
    Column("price_id", Text),
    Column("cost_input_pusd", BigInteger),
    Column("cost_cache_read_pusd", BigInteger),
    Column("cost_cache_write_pusd", BigInteger),
    Column("cost_output_pusd", BigInteger),
    Column("cost_reasoning_pusd", BigInteger),
    Column("cost_other_pusd", BigInteger),
    Column("cost_pusd", BigInteger),
    Column("cost_quality", Text),
    Column("cost_why", Text),
    Index("cost_history_by_repricing", "repricing_id"),
)
"""What a call was said to cost before a re-pricing changed it."""

incident = Table(
    "incident",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("kept", Text),
    Column("missing", Integer),
    Column("restored", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("seen", Integer, nullable=False),
)
"""A file of figures that was lost, see analytics/incidents.py. `kept`: the name it was kept under.
`missing`: finished runs of the chat that were not here afterwards, NULL until they were counted;
`restored` of them were recorded again. `done`: nothing more can be recorded again."""
