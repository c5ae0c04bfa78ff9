"""Past calls from CSV: what is read, what is refused with which reason, and what is stored."""

from __future__ import annotations

import gzip
import io
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from analytics import import_calls as command
from analytics.blocks import fold_all
from analytics.blocks.stale import keep_figures_before, rows_since
from analytics.imports import (
    PRESETS,
    Call,
    ColumnMapping,
    ImportJobs,
    Rejected,
    Source,
    check,
    delete_import,
    guess,
    import_calls,
    kept_since,
    list_imports,
)
from analytics.imports import load as loading
from analytics.imports import source as sources
from analytics.imports.source import Reading
from analytics.imports.values import calls
from analytics.queries import Filter, Queries
from analytics.recorder import Recorder
from analytics.schema import feedback, llm_call, run
from core.catalog import load_catalog
from core.errors import InvalidInput, StorageError
from core.folder_lock import FolderLock

pytestmark = pytest.mark.slow

CATALOG = load_catalog()
NOW_US = 1_795_000_000_000_000
ALL = Filter(range="all")
AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319600,3180,8
2023-11-16 18:17:04.0319600,3180,8
"""


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    built = Recorder(tmp_path / "analytics.db", interval_s=0.01)
    yield built
    built.close()


@pytest.fixture
def queries(tmp_path: Path) -> Iterator[Queries]:
    built = Queries(tmp_path / "analytics.db", now_us=lambda: NOW_US)
    yield built
    built.close()


def csv(text: str | bytes, name: str = "calls.csv") -> Source:
    return Source.of_bytes(name, text.encode() if isinstance(text, str) else text)


def read(text: str | bytes, mapping: ColumnMapping | None = None) -> list[Call | Rejected]:
    with Reading(csv(text)) as reading:
        return list(calls(reading, mapping or guess(reading.columns), NOW_US))


def one(text: str, mapping: ColumnMapping | None = None) -> Call:
    (call,) = read(text, mapping)
    assert isinstance(call, Call), call
    return call


def reason(text: str | bytes, mapping: ColumnMapping | None = None) -> str:
    (row,) = read(text, mapping)
    assert isinstance(row, Rejected), row
    return row.reason


def us(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[arg-type,misc]


def table(recorder: Recorder, which: Any) -> list[dict[str, Any]]:
    return recorder.write(lambda c: [dict(row._mapping) for row in c.execute(select(which))])


# -- what is read


def test_the_azure_trace_is_recognised_by_its_header() -> None:
    first, *rest = read(AZURE)
    assert first == Call(
        started_at_us=us(2023, 11, 16, 18, 17, 3) + 979_960,
        model="llm-inference",
        provider="azure",
        input_tokens=4808,
        output_tokens=10,
    )
    assert len(rest) == 2


def test_the_whole_azure_trace_is_imported_in_seconds(
    test_data: Path, recorder: Recorder, queries: Queries
) -> None:
    before = time.perf_counter()
    accepted = 0
    for kind in ("conv", "code"):
        path = test_data / "llm-traces" / f"AzureLLMInferenceTrace_{kind}.csv.gz"
        source = Source.of_file(path)
        result = import_calls(recorder.write, source, guess(source.columns()), CATALOG)
        assert (result.rejected, result.known, result.complete) == (0, 0, True)
        accepted += result.accepted
    assert accepted == 28_185
    assert time.perf_counter() - before < 30
    found = queries.kpis(ALL).current
    assert found.runs == 28_185
    assert (found.input_tokens.value, found.output_tokens.value) == (40_421_844, 4_334_561)
    assert found.cost.value is None


BURST = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"


def test_burstgpt_counts_seconds_from_a_day_and_marks_failures_by_no_output() -> None:
    mapping = PRESETS["burstgpt"].for_columns(csv(BURST).columns())
    with pytest.raises(InvalidInput, match="start date"):
        read(BURST + "5,ChatGPT,472,18,490,Conversation log\n", mapping)
    dated = ColumnMapping.from_json(
        mapping.to_json().replace('"start_date": null', '"start_date": "2023-01-02"')
    )
    text = BURST + "5,ChatGPT,472,18,490,Conversation log\n118,GPT-4,417,0,417,API log\n"
    good, failed = read(text, dated)
    assert good == Call(
        started_at_us=us(2023, 1, 2) + 5_000_000, model="ChatGPT", provider="azure",
        input_tokens=472, output_tokens=18, agent="Conversation log",
    )  # fmt: skip
    assert isinstance(failed, Call)
    assert (failed.status, failed.agent) == ("error", "API log")


def test_the_newer_burstgpt_has_sessions_and_durations() -> None:
    header = "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    mapping = guess(csv(header).columns())
    assert mapping.columns["thread"] == "Session ID"
    dated = ColumnMapping.from_json(mapping.to_json().replace("null", '"2023-01-02"'))
    call = one(header + "5,s1,2.5,GPT-4,1,2,3,API log\n", dated)
    assert (call.thread, call.duration_us) == ("s1", 2_500_000)


def test_names_of_other_exporters_are_guessed() -> None:
    litellm = guess(["request_id", "startTime", "model", "custom_llm_provider", "prompt_tokens",
                     "completion_tokens", "spend", "user", "session_id", "request_duration_ms"])  # fmt: skip
    assert litellm.columns == {
        "started_at": "startTime", "model": "model", "provider": "custom_llm_provider",
        "input_tokens": "prompt_tokens", "output_tokens": "completion_tokens", "cost_usd": "spend",
        "user": "user", "thread": "session_id", "duration": "request_duration_ms",
    }  # fmt: skip
    assert litellm.duration_unit == "ms"
    otel = guess(
        ["started_at_us", "gen_ai.request.model", "gen_ai.usage.input_tokens", "gen_ai.system"]
    )
    assert otel.columns == {
        "started_at": "started_at_us", "provider": "gen_ai.system",
        "input_tokens": "gen_ai.usage.input_tokens",
        "model": "gen_ai.request.model",
    }  # fmt: skip
    assert otel.time_format == "epoch_us"


MAPPED = ColumnMapping(
    columns={
        "started_at": "t", "model": "m", "provider": "p", "input_tokens": "i",
        "output_tokens": "o", "cache_read_tokens": "c", "first_token": "f", "duration": "d",
        "status": "s", "cost_usd": "$", "user": "u", "thread": "h", "agent": "a",
    },
    first_token_unit="ms",
    duration_unit="s",
)  # fmt: skip
HEAD = "t,m,p,i,o,c,f,d,s,$,u,h,a\n"


def test_every_field_with_its_unit() -> None:
    line = "2024-02-03T04:05:06+01:00,gpt-4o-mini,openai,100,20,40,250.5,1.5,success,0.0001,ann,t9,data\n"
    assert one(HEAD + line, MAPPED) == Call(
        started_at_us=us(2024, 2, 3, 3, 5, 6), model="gpt-4o-mini", provider="openai",
        input_tokens=100, output_tokens=20, cache_read_tokens=40, first_token_us=250_500,
        duration_us=1_500_000, status="ok", cost_pusd=100_000_000, user="ann", thread="t9",
        agent="data",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "expected", "more"),
    [
        ("1700000000.25", 1_700_000_000_250_000, {"time_format": "epoch_s"}),
        ("1700000000250", 1_700_000_000_250_000, {"time_format": "epoch_ms"}),
        ("1700000000250001", 1_700_000_000_250_001, {"time_format": "epoch_us"}),
        ("1500", us(2024, 1, 2) + 1_500_000, {"time_format": "relative_ms", "start_date": date(2024, 1, 2)}),
        ("2024-01-02T05:45:00", us(2024, 1, 2), {"time_zone": "Asia/Kathmandu"}),
        ("0", us(2024, 1, 1, 18, 15), {"time_format": "relative_s", "start_date": date(2024, 1, 2), "time_zone": "Asia/Kathmandu"}),
        ("2024-01-02T00:00:00Z", us(2024, 1, 2), {"time_zone": "Asia/Kathmandu"}),
    ],
)  # fmt: skip
def test_times_in_every_format(cell: str, expected: int, more: dict[str, Any]) -> None:
    mapping = ColumnMapping(columns={"started_at": "t", "input_tokens": "i"}, **more)
    assert one(f"t,i\n{cell},1\n", mapping).started_at_us == expected


@pytest.mark.parametrize(
    "content",
    [
        AZURE.encode(),
        AZURE.encode("utf-8-sig"),
        AZURE.replace("\n", "\r\n").encode(),
        AZURE.replace(",", ";").encode(),
        AZURE.replace(",", "\t").encode(),
        gzip.compress(AZURE.encode()),
        gzip.compress(AZURE.encode("utf-8-sig")),
        AZURE.rstrip("\n").encode(),
        AZURE.encode() + b"\n\n",
    ],
    ids=["plain", "bom", "crlf", "semicolon", "tab", "gz", "gz+bom", "no newline", "blank lines"],
)
def test_every_way_a_file_can_be_written_gives_the_same_calls(content: bytes) -> None:
    assert read(content) == read(AZURE)


def test_a_quoted_cell_may_hold_commas_and_line_breaks() -> None:
    mapping = ColumnMapping(columns={"started_at": "t", "input_tokens": "i", "model": "m"})
    rows = read('t,m,i\n2024-01-01,"a,b",1\n2024-01-01,"a\nb",1\n2024-01-01,c,1\n', mapping)
    assert [r.model if isinstance(r, Call) else (r.line, r.reason) for r in rows] == [
        "a,b",
        (4, "model is not readable text"),
        "c",
    ]


# -- what is refused


@pytest.mark.parametrize(
    ("field", "cell", "expected"),
    [
        ("t", "", "no time"),
        ("t", "yesterday", "the time is not in ISO format"),
        ("t", "2024-13-01", "the time is not in ISO format"),
        ("t", "9999-12-31T23:59:59-12:00", "the time is in the future"),
        ("t", "0001-01-01T00:00:00+12:00", "the time is before the year 2000"),
        ("t", "1999-12-31", "the time is before the year 2000"),
        ("t", "2027-01-01", "the time is in the future"),
        ("i", "many", "input_tokens is not a number"),
        ("i", "1,5", "input_tokens is not a number"),
        ("i", "-1", "input_tokens is negative"),
        ("i", "1.5", "input_tokens is not a whole number"),
        ("i", "NaN", "input_tokens is not finite"),
        ("i", "inf", "input_tokens is not finite"),
        ("i", "1e999999999", "input_tokens is too large"),
        ("i", "1e10", "input_tokens is too large"),
        ("i", "9" * 41, "input_tokens is too long for a number"),
        ("d", "-0.1", "duration is negative"),
        ("d", "700000", "duration is longer than a week"),
        ("c", "101", "more cached than input tokens"),
        ("f", "1501", "the first token comes after the end"),
        ("s", "maybe", "status is not a known word"),
        ("$", "-1", "cost_usd is negative"),
        ("$", "nan", "cost_usd is not finite"),
        ("$", "99999", "cost_usd is too large"),
        ("m", "x" * 301, "model is longer than 300 characters"),
        ("u", "a\x07b", "user is not readable text"),
    ],
)
def test_nonsense_is_refused_with_its_reason(field: str, cell: str, expected: str) -> None:
    given = dict(zip(HEAD.strip().split(","), _GOOD, strict=True)) | {field: f'"{cell}"'}
    assert reason(HEAD + ",".join(given.values()) + "\n", MAPPED) == expected


_GOOD = ["2024-01-01", "m", "p", "100", "20", "40", "250", "1.5", "ok", "1", "u", "h", "a"]


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("SUCCESS", "ok"), ("200", "ok"), ("DEFAULT", "ok"), ("failure", "error"), ("429", "error"),
        ("ERROR", "error"), ("504", "timeout"), ("Timed out", "timeout"), ("canceled", "cancelled"),
        ("", "ok"),
    ],
)  # fmt: skip
def test_words_for_how_a_call_ended(word: str, status: str) -> None:
    mapping = ColumnMapping(columns={"started_at": "t", "input_tokens": "i", "status": "s"})
    assert one(f"t,i,s\n2024-01-01,1,{word}\n", mapping).status == status


def test_a_refused_row_says_its_line_and_does_not_cost_the_others() -> None:
    text = AZURE + "2023-11-16 18:17:05,x,1\n2023-11-16 18:17:06,1\n2023-11-16 18:17:07,1,1\n"
    rows = read(text)
    assert [r for r in rows if isinstance(r, Rejected)] == [
        Rejected(line=5, reason="input_tokens is not a number", text="x"),
        Rejected(line=6, reason="2 cells, but the header has 3"),
    ]
    assert sum(isinstance(r, Call) for r in rows) == 4


def test_bytes_that_are_no_text_cost_their_row_only() -> None:
    mapping = ColumnMapping(columns={"started_at": "t", "input_tokens": "i", "model": "m"})
    rows = read(b"t,m,i\n2024-01-01,\xff\xfe\xfd,1\n2024-01-01,\xc3\xa4,1\n", mapping)
    assert [r.model if isinstance(r, Call) else r.reason for r in rows] == [
        "model is not readable text",
        "ä",
    ]


def test_a_cell_beyond_the_bound_of_csv_is_refused() -> None:
    rows = read(
        AZURE + "2023-11-16 18:17:05," + "1" * 200_000 + ",1\n" + "2023-11-16 18:17:05,1,1\n"
    )
    assert [r.reason[:20] for r in rows if isinstance(r, Rejected)] == ["the line is not CSV "]
    assert isinstance(rows[-1], Call)


def test_every_refused_row_is_counted_and_the_first_thousand_are_kept() -> None:
    text = "t,i\n" + "2024-01-01,1\n" + "2024-01-01,-1\n" * 1_500
    found = check(
        csv(text), ColumnMapping(columns={"started_at": "t", "input_tokens": "i"}), CATALOG
    )
    assert (found.accepted, found.rejected, len(found.problems)) == (1, 1_500, 1_000)
    assert found.reasons == (("input_tokens is negative", 1_500),)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty"),
        (b"\n1,2\n", "empty"),
        (b"a,a\n1,2\n", "is there twice"),
        (b"\xff\xfea\x00", "UTF-16"),
        (b"\xff,b\n", "not UTF-8"),
        (b"PK\x03\x04zip", "ZIP"),
        (b"," * 600, "is empty|columns"),
        (b"x" * 1_100_000, "longer than 1,000,000"),
        (b"a" + b",b" * 600, "601 columns"),
    ],
)
def test_a_file_that_is_no_table_is_refused_as_a_whole(content: bytes, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        csv(content).columns()


def test_a_cut_off_or_damaged_archive_says_so() -> None:
    packed = gzip.compress(AZURE.encode() * 5_000)
    for content in (packed[: len(packed) // 2], packed[:200] + b"garbage" + packed[207:]):
        with pytest.raises(InvalidInput, match="damaged or cut off"):
            read(content)


def test_a_bomb_is_stopped_by_its_ratio_and_by_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = gzip.compress(b"t,i\n" + b"2024-01-01,1\n" * 100_000, 9)
    monkeypatch.setattr(sources, "_RATIO_FROM_BYTES", 100_000)
    with pytest.raises(InvalidInput, match="expands to more than 100 times"):
        read(bomb, ColumnMapping(columns={"started_at": "t", "input_tokens": "i"}))
    monkeypatch.setattr(sources, "MAX_EXPANDED_BYTES", 50)
    with pytest.raises(InvalidInput, match="larger than"):
        read(AZURE)


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        (ColumnMapping(columns={"input_tokens": "ContextTokens"}), "when|says"),
        (ColumnMapping(columns={"started_at": "TIMESTAMP"}), "at least one column"),
        (ColumnMapping(columns={"started_at": "T"}), "no column 'T'"),
        (ColumnMapping(columns={"started_at": "TIMESTAMP", "input_tokens": "ContextTokens"}, time_zone="../x"), "not a time zone"),
        (ColumnMapping(columns={"started_at": "TIMESTAMP", "input_tokens": "ContextTokens"}, constants={"model": "x" * 400}), "longer than"),
    ],
)  # fmt: skip
def test_an_impossible_mapping_says_what_is_missing(mapping: ColumnMapping, expected: str) -> None:
    with pytest.raises(InvalidInput, match=expected):
        read(AZURE, mapping)


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"columns": 3}', '{"columns": {"x": "y"}}', '{"time_format": "roman"}',
     '{"start_date": "soon"}', '{"nonsense": 1}', "[" * 100_000],
)  # fmt: skip
def test_a_mapping_with_nonsense_is_named(text: str) -> None:
    with pytest.raises(InvalidInput, match="mapping cannot be read"):
        ColumnMapping.from_json(text)


def test_a_mapping_survives_being_stored() -> None:
    mapping = ColumnMapping(
        columns={"started_at": "t"}, constants={"model": "m"}, time_format="relative_ms",
        start_date=date(2024, 1, 2), duration_unit="us", no_output_is_failure=True,
    )  # fmt: skip
    assert ColumnMapping.from_json(mapping.to_json()) == mapping


# -- what is stored


def test_a_row_becomes_one_run_with_one_attempt(recorder: Recorder) -> None:
    line = "2026-08-03T04:05:06Z,gpt-4o-mini,openai,100,20,40,250,1.5,ok,,ann,t9,data\n"
    result = import_calls(recorder.write, csv(HEAD + line), MAPPED, CATALOG, now_us=NOW_US)
    (stored,), (call,) = table(recorder, run), table(recorder, llm_call)
    expected = {
        "conversation_id": "t9", "user_id": "ann", "agent_name": "data", "entry_point": "import",
        "import_id": result.import_id, "status": "ok", "duration_us": 1_500_000,
        "first_token_us": 250_000, "model_us": 1_500_000, "other_us": 0, "llm_calls": 1,
        "llm_attempts": 1, "usage_input_tokens": 100, "usage_cache_read_input_tokens": 40,
        "answer_model": "openai:gpt-4o-mini", "answer_provider": "openai", "usage_complete": 1,
        "cost_complete": 1, "content_mode": "off",
    }  # fmt: skip
    assert {name: stored[name] for name in expected} == expected
    assert call["request_model"] == "openai:gpt-4o-mini"
    assert call["cost_pusd"] == stored["cost_pusd"] == 60 * 150_000 + 40 * 75_000 + 20 * 600_000
    assert call["run_id"] == stored["run_id"]
    assert len(stored["run_id"]) == 32
    assert call["first_token_us"] == 250_000
    assert call["last_token_us"] is None, "the end of a call is not the time of its last token"


@pytest.mark.parametrize(
    ("model", "provider", "cost", "stored"),
    [
        ("gpt-4o-mini", "openai", "0.5", ("openai:gpt-4o-mini", "openai", 500_000_000_000)),
        ("gpt-4o-mini", "azure", "", ("azure:gpt-4o-mini", "azure", None)),
        ("gpt-4o-mini", "azure", "0.5", ("azure:gpt-4o-mini", "azure", 500_000_000_000)),
        ("mystery", "", "", ("mystery", "unknown", None)),
        ("mystery", "acme", "0", ("acme:mystery", "acme", None)),
        ("openai:gpt-4o-mini", "", "0", ("openai:gpt-4o-mini", "openai", 27_000_000)),
        ("local:extractive", "", "", ("local:extractive", "local", 0)),
        ("us.amazon.nova-lite-v1:0", "aws.bedrock", "", ("bedrock_converse:us.amazon.nova-lite-v1:0", "aws.bedrock", 10_800_000)),
        ("", "", "", ("unknown", "unknown", None)),
    ],
)  # fmt: skip
def test_who_sold_the_call_decides_its_price_and_an_unknown_one_is_not_zero(
    recorder: Recorder, model: str, provider: str, cost: str, stored: tuple[Any, ...]
) -> None:
    line = f"2026-08-03,{model},{provider},100,20,,,,,{cost},,,\n"
    import_calls(recorder.write, csv(HEAD + line), MAPPED, CATALOG, now_us=NOW_US)
    (call,) = table(recorder, llm_call)
    assert (call["request_model"], call["provider_name"], call["cost_pusd"]) == stored


def test_old_calls_can_be_priced_as_if_made_today(recorder: Recorder, queries: Queries) -> None:
    """gpt-4o-mini: 0.15 and 0.60 USD for a million tokens; 11,168 in, 26 out."""
    mapping = replace(guess(csv(AZURE).columns()), constants={"model": "openai:gpt-4o-mini"})
    today = replace(mapping, prices_of_today=True)
    expected = 11_168 * 150_000 + 26 * 600_000
    assert check(csv(AZURE), mapping, CATALOG, now_us=NOW_US).priced == 0
    assert check(csv(AZURE), today, CATALOG, now_us=NOW_US).cost_pusd == expected
    import_calls(recorder.write, csv(AZURE), today, CATALOG, now_us=NOW_US)
    assert sum(row["cost_pusd"] for row in table(recorder, llm_call)) == expected
    row = table(recorder, llm_call)[0]
    assert row["cost_quality"] == "approximate"
    assert row["cost_why"].startswith("At prices of 2026-11-18: ")


def test_a_failed_call_counts_as_failed_everywhere(recorder: Recorder, queries: Queries) -> None:
    lines = "".join(
        f"2026-08-03,m,p,1,1,,,2,{s},,,,\n" for s in ("ok", "500", "timeout", "aborted")
    )
    import_calls(recorder.write, csv(HEAD + lines), MAPPED, CATALOG, now_us=NOW_US)
    found = queries.kpis(ALL).current
    assert (found.ok, found.failure.k, found.cancelled) == (1, 2, 1)
    assert [c["status"] for c in table(recorder, llm_call)].count("error") == 2


def test_the_same_file_twice_adds_nothing(recorder: Recorder, queries: Queries) -> None:
    mapping = guess(csv(AZURE).columns())
    first = import_calls(recorder.write, csv(AZURE), mapping, CATALOG)
    again = import_calls(recorder.write, csv(AZURE), mapping, CATALOG)
    assert (first.accepted, first.known) == (3, 0), "equal rows of one file are different calls"
    assert (again.accepted, again.known, again.import_id) == (0, 3, None)
    assert queries.kpis(ALL).current.runs == 3
    assert len(queries.ask(list_imports, ALL)) == 1


def test_a_longer_file_adds_what_is_new(recorder: Recorder) -> None:
    mapping = guess(csv(AZURE).columns())
    import_calls(recorder.write, csv(AZURE), mapping, CATALOG)
    longer = AZURE + "2023-11-16 18:17:04.0319600,3180,8\n2023-11-16 18:18:00,1,1\n"
    more = import_calls(recorder.write, csv(longer), mapping, CATALOG)
    assert (more.accepted, more.known) == (2, 3)


def test_figures_that_were_made_ready_count_what_is_imported_later_and_taken_back(
    tmp_path: Path, queries: Queries
) -> None:
    """The second file falls into an hour whose sums exist already."""
    path = tmp_path / "analytics.db"
    mapping = guess(csv(AZURE).columns())
    later = AZURE.splitlines()[0] + "\n2023-11-16 18:17:09,7,7\n"
    for text, runs, tokens in ((AZURE, 3, 11_168), (later, 4, 11_175)):
        recorder = Recorder(path, interval_s=0.01)
        last = import_calls(recorder.write, csv(text), mapping, CATALOG).import_id
        recorder.close()
        fold_all(path)
        found = queries.kpis(ALL).current
        assert (found.runs, found.input_tokens.value) == (runs, tokens)
    recorder = Recorder(path, interval_s=0.01)
    delete_import(recorder.write, last or "")
    recorder.close()
    fold_all(path)
    assert queries.kpis(ALL).current.input_tokens.value == 11_168


def test_calls_older_than_the_rows_that_are_kept_are_refused_by_name(
    recorder: Recorder, queries: Queries
) -> None:
    """Their quarter of an hour is only a sum now: they would be counted nowhere, or alone."""
    mapping = guess(csv(AZURE).columns())
    since = us(2023, 11, 16, 18, 17, 4)
    assert queries.ask(kept_since, ALL) == 0
    recorder.write(lambda connection: keep_figures_before(connection, since))
    recorder.flush()
    assert queries.ask(kept_since, ALL) == since
    checked = check(csv(AZURE), mapping, CATALOG, rows_since_us=since)
    result = import_calls(recorder.write, csv(AZURE), mapping, CATALOG)
    assert (checked.accepted, checked.rejected) == (result.accepted, result.rejected)
    assert result.rejected > 0
    assert {p.reason for p in result.problems} == {
        "calls of that time were deleted, and their figures can no longer grow"
    }


def many(rows: int) -> str:
    lines = (f"2023-11-16 18:{n // 60 % 60:02}:{n % 60:02},{n + 1},1\n" for n in range(rows))
    return "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "".join(lines)


def test_an_import_can_be_taken_back_and_nothing_else_goes(
    recorder: Recorder, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "CHUNK", 100)
    mapping = guess(csv(AZURE).columns())
    kept = import_calls(recorder.write, csv(AZURE), mapping, CATALOG)
    wrong = import_calls(recorder.write, csv(many(250), "wrong.csv"), mapping, CATALOG)
    assert kept.import_id
    assert wrong.import_id
    runs = table(recorder, run)
    rated = next(r["run_id"] for r in runs if r["import_id"] == wrong.import_id)
    recorder.write(lambda c: _rate(c, rated))
    steps: list[int] = []
    assert delete_import(recorder.write, wrong.import_id, steps.append) == 250
    assert steps == [100, 200, 250]
    assert {r["import_id"] for r in table(recorder, run)} == {kept.import_id}
    assert len(table(recorder, llm_call)) == 3
    assert table(recorder, feedback) == []
    assert [b.import_id for b in queries.ask(list_imports, ALL)] == [kept.import_id]
    assert delete_import(recorder.write, wrong.import_id) == 0


def _rate(connection: Connection, run_id: str) -> None:
    row = {column.name: None for column in feedback.columns if column.nullable}
    row |= {c.name: 0 for c in feedback.columns if not c.nullable}  # type: ignore[dict-item]
    connection.execute(feedback.insert(), row | {"run_id": run_id, "feedback_id": "f"})


def test_an_import_that_broke_is_listed_as_such_and_the_next_one_completes_it(
    recorder: Recorder, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "CHUNK", 100)
    mapping = guess(csv(AZURE).columns())
    source = csv(many(350))
    left = iter([True, True, True])  # what is kept, and two chunks

    def write(work: Any) -> Any:
        if not next(left, False):
            raise StorageError("The disk is full.")
        return recorder.write(work)

    with pytest.raises(StorageError):
        import_calls(write, source, mapping, CATALOG)
    (batch,) = queries.ask(list_imports, ALL)
    assert (batch.status, batch.accepted, batch.digest) == ("running", 200, source.digest())
    rest = import_calls(recorder.write, source, mapping, CATALOG)
    assert (rest.accepted, rest.known) == (150, 200)
    assert queries.kpis(ALL).current.runs == 350


def test_a_run_is_recorded_between_the_chunks_of_an_import(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer is one thread: an import must not hold it for its whole length."""
    monkeypatch.setattr(loading, "CHUNK", 50)
    counts: list[int] = []

    def progress(_: float) -> None:
        counts.append(
            recorder.write(lambda c: c.execute(select(func.count()).select_from(run)).scalar_one())
        )

    import_calls(
        recorder.write, csv(many(200)), guess(csv(AZURE).columns()), CATALOG, progress=progress
    )
    assert counts == [50, 100, 150, 200]


# -- in the background


def test_a_job_shows_its_progress_and_its_result(recorder: Recorder) -> None:
    jobs = ImportJobs(recorder.write)
    assert jobs.state is None
    jobs.start_import(csv(AZURE), guess(csv(AZURE).columns()), CATALOG)
    assert jobs.wait(10)
    state = jobs.state
    assert state is not None
    assert state.result is not None
    assert (state.running, state.share, state.result.accepted, state.error) == (False, 1.0, 3, None)
    jobs.start_delete(state.result.import_id or "", "calls.csv")
    assert jobs.wait(10)
    assert jobs.state is not None
    assert jobs.state.deleted == 3
    jobs.close()


def test_one_job_at_a_time_and_a_stopped_one_ends_after_its_chunk(
    recorder: Recorder, queries: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "CHUNK", 10)
    reached, go_on = threading.Event(), threading.Event()

    def write(work: Any) -> Any:
        if work is not rows_since:
            reached.set()
            assert go_on.wait(10)
        return recorder.write(work)

    jobs = ImportJobs(write)
    mapping = guess(csv(AZURE).columns())
    jobs.start_import(csv(many(100)), mapping, CATALOG)
    assert reached.wait(10)
    with pytest.raises(InvalidInput, match="Another import"):
        jobs.start_import(csv(AZURE), mapping, CATALOG)
    jobs.stop()
    go_on.set()
    assert jobs.wait(10)
    assert jobs.state is not None
    assert jobs.state.result is not None
    assert (jobs.state.result.complete, jobs.state.result.accepted) == (False, 10)
    assert [b.status for b in queries.ask(list_imports, ALL)] == ["running"]


def test_a_job_that_fails_keeps_its_reason_and_the_next_can_start(recorder: Recorder) -> None:
    jobs = ImportJobs(recorder.write)
    broken = Source(name="x", size=1, open_bytes=lambda: io.BytesIO(b""))
    jobs.start_import(broken, ColumnMapping(), CATALOG)
    assert jobs.wait(10)
    assert jobs.state is not None
    assert isinstance(jobs.state.error, InvalidInput)
    jobs.start_import(csv(AZURE), guess(csv(AZURE).columns()), CATALOG)
    assert jobs.wait(10)
    assert jobs.state.error is None


# -- the command


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.csv.gz"
    path.write_bytes(gzip.compress(AZURE.encode()))
    return path


def test_the_command_checks_without_writing_and_then_imports(
    trace: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([str(trace), "--preset", "azure", "--dry-run"]) == 0
    assert "3 calls can be imported, 0 rows are rejected." in capsys.readouterr().out
    assert not (data_dir / "analytics.db").exists()
    options = ["--preset", "azure", "--constant", "model=gpt-4o-mini", "--constant", "provider="]
    assert command.main([str(trace), *options]) == 0
    assert "3 calls imported, 0 were there already, 0 rejected." in capsys.readouterr().out
    queries = Queries(data_dir / "analytics.db")
    assert [row.source for row in queries.ask(list_imports, ALL)] == ["trace.csv.gz"]
    assert queries.kpis(ALL).current.runs == 3
    queries.close()


def test_the_command_refuses_while_switchboard_runs(
    trace: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = FolderLock(data_dir)
    assert command.main([str(trace)]) == 1
    assert "Another Switchboard" in capsys.readouterr().err
    lock.close()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--preset", "burstgpt"], "no column 'Timestamp'"),
        (["--column", "nonsense=x"], "FIELD=VALUE"),
        (["--time-format", "relative_s"], "start date"),
    ],
)
def test_the_command_says_what_is_wrong(
    trace: Path,
    data_dir: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    expected: str,
) -> None:
    assert command.main([str(trace), *options]) == 1
    assert expected in capsys.readouterr().err


def test_without_a_database_there_are_no_imports(queries: Queries) -> None:
    assert queries.ask(list_imports, ALL) == ()
