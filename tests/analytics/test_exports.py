"""Exported rows are those of the filter, whole, typed, inert, and never all in memory."""

from __future__ import annotations

import csv
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analytics import export as command
from analytics.export_jobs import AT_ONCE, ExportJobs
from analytics.export_writers import EXPORT_FORMATS
from analytics.exports import EXPORT_KINDS, ExportKind, Progress, export_columns, export_rows
from analytics.queries import Filter, Queries
from analytics.recorder import Recorder
from analytics.store import AnalyticsStore
from core.database import database_url
from core.errors import InvalidInput, NotFound, Overloaded, StorageError
from tests.analytics.scripts import START_US, meta, simple_run, write
from tests.traffic import copy_traffic

NOW_US = START_US + 86_400_000_000
EVERYTHING = Filter(range="all")
KATHMANDU = "Asia/Kathmandu"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "analytics.db"


@pytest.fixture
def queries(path: Path) -> Iterator[Queries]:
    found = Queries(path, KATHMANDU, now_us=lambda: NOW_US)
    yield found
    found.close()


@pytest.fixture
def traffic(path: Path) -> Path:
    copy_traffic(path, 120, seed=2, days=0.9, until_us=NOW_US)
    return path


def read(file: Path) -> list[dict[str, Any]]:
    if file.suffix == ".csv":
        with file.open(encoding="utf-8-sig", newline="") as lines:
            return list(csv.DictReader(lines))
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in file.read_text().splitlines()]
    from pyarrow import parquet

    rows: list[dict[str, Any]] = parquet.read_table(file).to_pylist()
    return rows


def plain(path: Path, sql: str) -> list[Any]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize("form", EXPORT_FORMATS)
@pytest.mark.parametrize("kind", EXPORT_KINDS)
def test_every_row_is_exported_once_however_it_is_cut(
    traffic: Path, queries: Queries, tmp_path: Path, kind: ExportKind, form: Any
) -> None:
    table, key = {
        "runs": ("run", "run_id"), "calls": ("llm_call", "call_id"), "steps": ("step", "step_id"),
    }[kind]  # fmt: skip
    target = tmp_path / f"rows.{form}"
    seen: list[Progress] = []
    done = export_rows(queries, kind, EVERYTHING, form, target, progress=seen.append, chunk=17)
    found = read(target)
    expected = plain(traffic, f"SELECT run_id, {key} FROM {table}")
    assert sorted((row["run_id"], row[key]) for row in found) == sorted(expected)
    assert done.rows == len(expected)
    assert (done.done, done.share) == (done.of, 1.0)
    assert len(seen) > 5
    assert next(iter(found[0])) == "run_id"
    assert {column.name for column in export_columns(kind)} < set(found[0])
    assert list(tmp_path.glob(".*.part")) == []


def test_rows_that_began_at_the_same_moment_are_not_lost_between_pieces(
    path: Path, queries: Queries, tmp_path: Path
) -> None:
    write(path, *(simple_run(meta(f"r{k:02d}", started_at_us=START_US)) for k in range(25)))
    kinds: tuple[ExportKind, ...] = ("runs", "calls")
    for kind in kinds:
        export_rows(queries, kind, EVERYTHING, "jsonl", tmp_path / "x.jsonl", chunk=4)
        rows = read(tmp_path / "x.jsonl")
        assert len({row["run_id"] for row in rows}) == 25
        assert len(rows) == len({json.dumps(row) for row in rows})


@pytest.mark.parametrize(
    "keep",
    [
        Filter(range="all", agent=("billing", "data")),
        Filter(range="all", user=("user-01", "user-02"), model=("openai:gpt-4o-mini", "x")),
        Filter(range="all", status=("error", "cancelled")),
        Filter(since_us=NOW_US - 9 * 3_600_000_000, until_us=NOW_US - 3_600_000_000),
    ],
)
def test_a_filter_keeps_as_many_rows_as_the_page_counts(
    traffic: Path, queries: Queries, tmp_path: Path, keep: Filter
) -> None:
    for kind, fact in (("runs", "run"), ("calls", "call")):
        counted = queries.ask(
            lambda ask, fact=fact: ask.facts.sums(fact, ask.scope, ["n"]).total("n"), keep
        )
        done = export_rows(queries, kind, keep, "csv", tmp_path / "x.csv", chunk=10)  # type: ignore[arg-type]
        assert done.rows == counted == len(read(tmp_path / "x.csv"))


def test_moments_are_microseconds_and_clocks_of_the_zone(
    path: Path, queries: Queries, tmp_path: Path
) -> None:
    write(path, simple_run(meta("r", started_at_us=START_US)))
    found = {}
    for form in EXPORT_FORMATS:
        export_rows(queries, "runs", EVERYTHING, form, tmp_path / f"x.{form}")
        found[form] = read(tmp_path / f"x.{form}")[0]
    assert found["csv"]["started_at_us"] == str(START_US)
    assert found["csv"]["started_at"] == "2023-11-15T03:58:20.000000+05:45"
    assert found["jsonl"]["started_at_us"] == START_US
    assert found["parquet"]["started_at"].isoformat() == "2023-11-15T03:58:20+05:45"
    assert found["parquet"]["cost_pusd"] == found["jsonl"]["cost_pusd"] == 21_600_000
    assert found["jsonl"]["environment"] is found["parquet"]["environment"] is None
    assert found["csv"]["environment"] == ""


def test_names_are_never_formulas(path: Path, queries: Queries, tmp_path: Path) -> None:
    name = '=HYPERLINK("http://evil","x")\n,"'
    write(path, simple_run(meta("r", user_id=name)))
    export_rows(queries, "runs", EVERYTHING, "csv", tmp_path / "x.csv")
    assert read(tmp_path / "x.csv")[0]["user_id"] == f"'{name}"
    export_rows(queries, "runs", EVERYTHING, "jsonl", tmp_path / "x.jsonl")
    assert read(tmp_path / "x.jsonl")[0]["user_id"] == name


@pytest.mark.parametrize("form", EXPORT_FORMATS)
def test_an_empty_database_gives_a_valid_empty_file(
    queries: Queries, tmp_path: Path, form: Any
) -> None:
    for kind in EXPORT_KINDS:
        done = export_rows(queries, kind, EVERYTHING, form, tmp_path / f"x.{form}")
        assert (done.rows, done.of, read(tmp_path / f"x.{form}")) == (0, 0, [])


def test_a_full_disk_leaves_no_piece_behind(
    traffic: Path, queries: Queries, tmp_path: Path
) -> None:
    target = tmp_path / "x.csv"

    def full(_: Progress) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match=r"x\.csv cannot be written: No space left"):
        export_rows(queries, "runs", EVERYTHING, "csv", target, progress=full)
    assert [p.name for p in tmp_path.iterdir() if "x.csv" in p.name] == []


def test_recording_goes_on_between_the_pieces(
    traffic: Path, queries: Queries, tmp_path: Path
) -> None:
    """Each piece is a read of its own: the log can be written into the file meanwhile."""
    recorder = Recorder(traffic)

    def record(progress: Progress) -> None:
        def work(connection: Any) -> int:
            connection.exec_driver_sql("UPDATE run SET environment = 'x'")
            return 1

        assert recorder.write(work) == 1

    export_rows(queries, "runs", EVERYTHING, "csv", tmp_path / "x.csv", progress=record, chunk=40)
    recorder.close()
    rows = read(tmp_path / "x.csv")
    assert (len(rows), rows[0]["environment"], rows[-1]["environment"]) == (120, "", "x")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("form", EXPORT_FORMATS)
def test_memory_does_not_grow_with_the_rows(
    path: Path, queries: Queries, tmp_path: Path, form: Any
) -> None:
    """200,000 rows: what is held after the first tenth is all that is ever held."""
    store = AnalyticsStore(database_url(path))
    store.open()
    store.close()
    plain_insert(path, 200_000)
    held: list[float] = []

    def look(_: Progress) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        held.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)

    done = export_rows(queries, "runs", EVERYTHING, form, tmp_path / f"x.{form}", progress=look)
    assert done.rows == 200_000
    assert max(held) - max(held[: len(held) // 10]) < 30


def plain_insert(path: Path, count: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute(
        f"""INSERT INTO run (run_id, conversation_id, user_id, entry_point, status, started_at_us)
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {count - 1})
        SELECT printf('%032x', i), 't', 'user-' || i, 'chat', 'ok', {START_US} + i / 3 FROM n"""
    )
    connection.commit()
    connection.close()


# -- in the background


@pytest.fixture
def jobs(queries: Queries, tmp_path: Path) -> Iterator[ExportJobs]:
    found = ExportJobs(queries, tmp_path)
    yield found
    found.close()


def wait(jobs: ExportJobs) -> None:
    for thread in list(jobs._threads.values()):
        thread.join(20)


def test_a_job_ends_with_a_file_that_can_be_deleted(traffic: Path, jobs: ExportJobs) -> None:
    jobs.start("calls", EVERYTHING, "csv")
    wait(jobs)
    (job,) = jobs.jobs()
    assert (job.state, job.progress.share, job.trouble) == ("done", 1.0, "")
    (file,) = jobs.files()
    assert file.name == job.file
    assert len(read(file.path)) == job.progress.rows > 120
    jobs.delete(file.name)
    assert jobs.files() == []


def test_a_stopped_job_leaves_nothing(traffic: Path, jobs: ExportJobs) -> None:
    plain_insert(traffic, 30_000)
    job = jobs.start("runs", EVERYTHING, "jsonl")
    jobs.stop(job.job_id)
    wait(jobs)
    assert [one.state for one in jobs.jobs()] == ["stopped"]
    assert list(jobs.folder.iterdir()) == []
    jobs.forget(job.job_id)
    assert jobs.jobs() == []


def test_a_failed_job_says_why(traffic: Path, jobs: ExportJobs) -> None:
    jobs.folder.write_text("in the way")
    jobs.start("runs", EVERYTHING, "csv")
    wait(jobs)
    assert jobs.jobs()[0].state == "failed"
    assert "cannot be written" in jobs.jobs()[0].trouble


def test_only_some_run_at_once_and_none_after_the_end(traffic: Path, jobs: ExportJobs) -> None:
    jobs._jobs = {str(k): jobs_running(k) for k in range(AT_ONCE)}
    with pytest.raises(Overloaded):
        jobs.start("runs", EVERYTHING, "csv")
    jobs._jobs = {}
    jobs.close()
    with pytest.raises(Overloaded):
        jobs.start("runs", EVERYTHING, "csv")


def jobs_running(k: int) -> Any:
    from analytics.export_jobs import ExportJob

    progress = Progress(rows=0, done=0, of=None)
    return ExportJob(
        job_id=str(k), kind="runs", form="csv", file="f", state="running", progress=progress
    )


@pytest.mark.parametrize("name", ["../analytics.db", "analytics.db", "", "runs-1.csv"])
def test_only_exports_can_be_deleted(jobs: ExportJobs, name: str) -> None:
    with pytest.raises(NotFound):
        jobs.delete(name)


def test_an_impossible_range_is_refused_before_it_starts(jobs: ExportJobs) -> None:
    with pytest.raises(InvalidInput):
        jobs.start("runs", Filter(since_us=5, until_us=5), "csv")


# -- the command


def test_the_command_exports_what_it_is_asked_for(
    traffic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "o.jsonl"
    given = ["runs", "--format", "jsonl", "--agent", "billing", "--agent", "data"]
    assert command.main([*given, "--data-dir", str(tmp_path), "--out", str(out)]) == 0
    rows = read(out)
    assert {row["agent_name"] for row in rows} == {"billing", "data"}
    assert capsys.readouterr().out == f"{out}: {len(rows)} rows\n"
