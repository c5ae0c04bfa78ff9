"""The Settings page: what it shows, what it saves, what it must never show."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from agents.run import TurnRequest
from agents.runtime import Runtime
from analytics.pace import Growth
from analytics.recorder import RecorderHealth
from core.catalog import load_catalog
from pages.components.health_words import TOO_EARLY, growth_words, per_second
from pages.components.settings_health import size_on_disk
from pages.components.settings_models import price_rows, usd_per_mtok
from tests.pages.conftest import OpenPage, checked

SECRET = "sk-test-Zq81xw7secretvalue"


def tables(at: AppTest) -> str:
    return "\n".join(table.value.to_csv() for table in at.table)


def test_every_section_is_there(open_page: OpenPage) -> None:
    at = open_page("settings")
    heads = [head.value for head in at.subheader]
    assert heads == [
        "New chats", "Note to the model", "Time zone", "Under an answer",
        "Your preferences as a file", "Appearance", "Version", "Models", "Order", "Prices", "Prompts",
        "Past calls at today's prices", "Knowledge", "Import chats", "Export all chats", "Data",
        "Privacy", "Calls from a file",
        "Prices from a file", "Health",
    ]  # fmt: skip


def test_the_embedded_answerer_is_ready_and_a_model_without_key_says_why(
    open_page: OpenPage,
) -> None:
    shown = tables(open_page("settings"))
    assert "Ready" in shown
    assert "Not configured: " in shown


def test_no_key_is_ever_shown(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAZQ81XW7SECRETVAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    at = request.getfixturevalue("open_page")("settings")
    protos = "".join(str(getattr(node, "proto", "")) for node in at._tree)
    drawn = (protos + tables(at)).replace("\\", "")
    assert "GPT-4o mini" in drawn
    assert not [part for part in (SECRET, SECRET[-8:], "AKIAZQ81") if part in drawn]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A knowledge folder with one document; asked for before the runtime."""
    area = tmp_path / "knowledge" / "garden"
    area.mkdir(parents=True)
    (area / "roses.md").write_text("# Roses\n\nCut roses in March.\n", "utf-8")
    monkeypatch.setenv("SWITCHBOARD_KNOWLEDGE_DIR", str(area.parent))
    return area


def test_reindexing_reads_what_was_added_and_lists_what_cannot_be_read(
    folder: Path, open_page: OpenPage, runtime: Runtime
) -> None:
    runtime.knowledge.sync()
    at = open_page("settings")
    (folder / "tulips.md").write_text("# Tulips\n\nPlant tulips in October.\n", "utf-8")
    (folder / "empty.md").write_text("", "utf-8")
    checked(at.button(key="reindex").click().run())
    report = next(c.value for c in at.caption if c.value.startswith("Last read: "))
    assert report.startswith("Last read: 2 added, 0 changed, 0 removed, 1 unchanged")
    assert "holds no text" in tables(at)


def test_the_vectors_of_an_embedding_model_are_counted_and_a_failure_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("SWITCHBOARD_EMBEDDING_MODEL", "openai:text-embedding-3-small")
    open_page = request.getfixturevalue("open_page")
    runtime = request.getfixturevalue("runtime")
    runtime.knowledge.sync()
    for _ in range(200):
        if runtime.knowledge.embedding_status.last_error:
            break
        time.sleep(0.01)
    at = open_page("settings")
    assert any("0 of 1 passages have a vector" in caption.value for caption in at.caption)
    assert any("OPENAI\\_API\\_KEY" in warning.value for warning in at.warning)


def test_prices_are_per_million_tokens_with_date_and_source() -> None:
    rows = price_rows(
        load_catalog(), ["openai:gpt-4o-mini", "openai:nobody-knows"], None,
        datetime(2026, 12, 1, tzinfo=UTC),
    )  # fmt: skip
    assert (rows["Input"], rows["Output"]) == (["\\$0.15", "unknown"], ["\\$0.60", "unknown"])
    assert rows["Source"][0].startswith(":small[")


@pytest.mark.parametrize(
    ("pusd", "shown"),
    [(None, "unknown"), (0, "\\$0"), (150_000, "\\$0.15"), (37_500, "\\$0.0375"), (15_000_000, "\\$15.00")],
)  # fmt: skip
def test_a_price_is_shown_with_every_digit(pusd: int | None, shown: str) -> None:
    assert usd_per_mtok(pusd) == shown


def test_an_old_sqlite_is_named(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 40, 1))
    assert any("SQLite" in warning.value for warning in open_page("settings").warning)
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 52, 0))
    assert not open_page("settings").warning


def test_the_size_of_a_database_counts_its_write_ahead_log(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"x" * 10)
    (tmp_path / "a.db-wal").write_bytes(b"x" * 5)
    assert (size_on_disk(tmp_path / "a.db"), size_on_disk(tmp_path / "b.db")) == (15, None)


DAY_US = 86_400_000_000


def recorder_health(**more: Any) -> RecorderHealth:
    quiet: dict[str, Any] = {
        "rows_written": 0, "runs_written": 0, "dropped": 0, "waiting": 0, "open_runs": 0,
        "observer_errors": 0, "lag_us": 0, "failing": False, "last_error": None,
        "last_error_at_us": None, "last_commit_at_us": None, "file_bytes": 40_000_000,
    }  # fmt: skip
    return RecorderHealth(**quiet | more)


def test_growth_says_what_it_rests_on() -> None:
    now = 20 * DAY_US
    assert growth_words(recorder_health(), now - 4 * DAY_US, now) == (
        "10.0 MB a day",
        "size / 4 days since the first run",
    )
    watched = recorder_health(growth=Growth(bytes_per_day=-2_500, hours=7.2))
    assert growth_words(watched, 0, now) == ("-2.5 kB a day", "over the last 7 hours")
    assert growth_words(recorder_health(), now - DAY_US + 1, now)[0] == TOO_EARLY
    assert growth_words(recorder_health(file_bytes=None), 0, now)[0] == "unknown"


def test_few_rows_per_second_are_not_rounded_to_none() -> None:
    assert [per_second(rows) for rows in (0, 0.05, 61.2)] == ["0", "0.05", "61"]


def test_health_shows_figures_coverage_and_that_nothing_is_wrong(
    open_page: OpenPage, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.components.health_words.SAFE_SQLITE", (3, 0, 0))
    run = runtime.start(TurnRequest(text="What is Switchboard?", owner="local"))
    for _ in run.follow():
        pass
    assert runtime.recorder.flush()
    at = open_page("settings")
    shown = {metric.label: metric.value for metric in at.metric}
    assert shown["Runs recorded"] == "1"
    assert shown["Not summed up yet"] == "1"
    assert float(shown["Rows per second"]) > 0
    assert shown["Growth"] == TOO_EARLY
    assert shown["Database"].endswith("B")
    captions = [caption.value for caption in at.caption]
    assert {"Usage from provider", "Priced"} <= {c.split(": ")[-1] for c in captions}
    assert [good.value for good in at.success] == ["Nothing is wrong."]


def test_health_says_what_is_wrong(
    open_page: OpenPage, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.price_problem = "The file of prices *cannot* be read."
    bad = recorder_health(dropped=1, content_lost=2, failing=True, last_error="Disk full [x](y).")
    monkeypatch.setattr(runtime.recorder, "health", lambda: bad)
    at = open_page("settings")
    said = " ".join(warning.value for warning in at.warning)
    assert "1 finished run is missing from analytics." in said
    assert "The words of 2 runs were to be kept and are lost" in said
    assert "Disk full \\[x\\]" in said
    assert "prices \\*cannot\\*" in said
    assert not at.success
    shown = {metric.label: metric.value for metric in at.metric}
    assert (shown["Runs dropped"], shown["Texts not kept"]) == (":orange[1]", ":orange[2]")
    assert shown["Journal errors"] == "0"
