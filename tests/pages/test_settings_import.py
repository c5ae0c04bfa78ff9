"""The Import section of Settings: check, import, delete, and prices that hold at once."""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from streamlit.testing.v1 import AppTest

from agents.runtime import Runtime
from analytics.imports import Source, guess, list_imports
from analytics.imports.load import ImportBatch
from analytics.queries import Filter
from core.price_overlay import FILE
from pages.components.settings_import import dashboard_link
from tests.pages.conftest import OpenPage, checked

pytestmark = pytest.mark.slow  # pages that take a second each; others stand for them

ALL = Filter(range="all")
AZURE = b"""TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:17:03.9799600,4808,10
2023-11-16 18:17:04.0319600,3180,8
2023-11-16 18:17:04,-5,8
"""
BURST = b"""Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,$x$ **bold** [a](http://evil.example) <b>,472,18,490,Conversation log
"""
PRICES = {
    "gpt-4o-mini": {
        "litellm_provider": "openai",
        "input_cost_per_token": 2e-07,
        "output_cost_per_token": 6e-07,
    },
    "us.amazon.nova-lite-v1:0": {"litellm_provider": "bedrock", "input_cost_per_token": 1e-06},
}


def uploaded(at: AppTest, key: str, name: str, content: bytes) -> AppTest:
    kind = "application/json" if name.endswith("json") else "text/csv"
    return checked(at.file_uploader(key=key).upload(name, content, kind).run())


def metrics(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def words(at: AppTest) -> str:
    parts = [*at.markdown, *at.caption, *at.warning, *at.success, *at.error, *at.info]
    return "\n".join(str(part.value) for part in parts).replace("\\", "")


def press(at: AppTest, label: str) -> AppTest:
    button = next(b for b in at.button if b.label.startswith(label))
    return checked(button.click().run())


@pytest.fixture
def short_lifetime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCHBOARD_KEEP_ROWS_DAYS", "400")


@pytest.mark.usefixtures("short_lifetime")
def test_a_file_is_checked_before_anything_is_written(
    open_page: OpenPage, runtime: Runtime
) -> None:
    at = uploaded(open_page("settings"), "import_file", "trace.csv", AZURE)
    found = metrics(at)
    assert (found["Calls"], found["Rejected rows"], found["Tokens in"]) == ("2", "1", "7,988")
    assert "1 × input_tokens is negative" in words(at)
    assert "azure:llm-inference (2)" in words(at)
    assert "older than the 400 days" in words(at)
    tables = [frame.value.to_dict("list") for frame in at.dataframe]
    assert {"Line": [4], "Reason": ["input_tokens is negative"], "Cell": ["-5"]} in tables
    assert runtime.queries.kpis(ALL).current.runs == 0


def test_what_was_checked_is_imported_listed_and_can_be_deleted(
    open_page: OpenPage, runtime: Runtime
) -> None:
    at = uploaded(open_page("settings"), "import_file", "trace.csv", AZURE)
    press(at, "Import 2 calls")
    assert runtime.imports.wait(10)
    at = checked(at.run())
    assert "trace.csv: 2 calls imported, 1 row left out." in words(at)
    assert "2 calls · 1 rejected · of 2023-11-16 18:17:03 to 2023-11-16 18:17:04" in words(at)
    assert runtime.queries.kpis(ALL).current.runs == 2
    press(at, "Delete this import")
    assert runtime.imports.wait(10)
    assert "2 calls were deleted" in words(checked(at.run()))
    assert runtime.queries.kpis(ALL).current.runs == 0
    assert runtime.queries.ask(list_imports, ALL) == ()


def test_a_file_with_relative_times_asks_for_its_first_day(
    open_page: OpenPage, runtime: Runtime
) -> None:
    at = uploaded(open_page("settings"), "import_file", "burst.csv", BURST)
    assert "a start date is needed" in words(at)
    day = next(d for d in at.date_input if d.label.startswith("Start date"))
    day.set_value(date(2026, 1, 2))
    at = press(at, "Check the file")
    assert metrics(at)["Calls"] == "1"
    press(at, "Import 1")
    assert runtime.imports.wait(10)
    (batch,) = runtime.queries.ask(list_imports, ALL)
    assert batch.since_us == int(datetime(2026, 1, 2, 0, 0, 5, tzinfo=UTC).timestamp()) * 1_000_000


def test_names_from_a_file_are_shown_as_they_are(open_page: OpenPage) -> None:
    at = uploaded(
        open_page("settings"), "import_file", "**x** $y$ <b>.csv", AZURE.replace(b"-5", b"5")
    )
    press(at, "Import 3")
    shown = "\n".join(str(part.value) for part in [*at.markdown, *at.caption, *at.success])
    assert "**x**" not in shown
    assert "<b>" not in shown.replace("\\<b\\>", "")


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "empty"), (b"\xff\xfea", "UTF-16"), (b"a,b\n1,2\n", "Choose the column")],
)
def test_a_file_that_cannot_be_used_says_why(
    open_page: OpenPage, content: bytes, expected: str
) -> None:
    at = uploaded(open_page("settings"), "import_file", "x.csv", content)
    assert expected in words(at)
    assert not [b for b in at.button if b.label.startswith("Import")]


def test_a_page_that_is_opened_during_an_import_shows_its_progress(
    open_page: OpenPage, runtime: Runtime
) -> None:
    go_on = threading.Event()
    real = runtime.imports._write
    runtime.imports._write = lambda work: (go_on.wait(10), real(work))[1]  # type: ignore[assignment]
    source = Source.of_bytes("slow.csv", AZURE)
    runtime.imports.start_import(source, guess(source.columns()), runtime.catalog)
    at = open_page("settings")
    assert [b.label for b in at.button if b.label == "Stop"] == ["Stop"]
    assert not [u for u in at.get("file_uploader") if u.key == "import_file"]
    go_on.set()
    assert runtime.imports.wait(10)
    assert "2 calls imported" in words(checked(at.run()))


def test_prices_change_after_a_confirmation_only_and_at_once(
    open_page: OpenPage, runtime: Runtime
) -> None:
    at = open_page("settings")
    at = uploaded(at, "price_file", "prices.json", json.dumps(PRICES).encode())
    found = metrics(at)
    assert (found["Models matched"], found["Changed prices"], found["Skipped"]) == ("1", "1", "1")
    table = next(f.value for f in at.dataframe if "Tier" in f.value.columns)
    assert table["Input"].tolist() == ["$0.15 → $0.20"]
    assert price_of_mini(runtime) == 150_000
    press(at, "Use this price")
    assert price_of_mini(runtime) == 200_000
    assert runtime.models._catalog is runtime.catalog
    assert runtime.settings.path(FILE).exists()
    at = open_page("settings")
    assert "1 prices of 1 models" in words(at)
    press(at, "Remove")
    assert price_of_mini(runtime) == 150_000


def price_of_mini(runtime: Runtime) -> int:
    model, region = runtime.catalog.resolve("openai:gpt-4o-mini")
    assert model
    price = runtime.catalog.price(model, region, "standard", 1, datetime.now(UTC))
    assert price
    return price.input_pusd


def test_a_price_file_with_nonsense_says_why(open_page: OpenPage) -> None:
    at = uploaded(open_page("settings"), "price_file", "prices.json", b"[1, 2]")
    assert "holds no models" in words(at)


def test_the_link_covers_the_import_in_the_reporting_zone() -> None:
    at = int(datetime(2024, 1, 1, 23, 59, 59, tzinfo=UTC).timestamp()) * 1_000_000
    batch = ImportBatch(
        import_id="i", source="s", digest="d", status="done", accepted=1, known=0, rejected=0,
        since_us=at, until_us=at, created_at_us=at,
    )  # fmt: skip
    assert dashboard_link(batch, ZoneInfo("Asia/Kathmandu")) == {
        "from": "2024-01-02T05:44",
        "to": "2024-01-02T05:45",
        "entry_point": "import",
    }
