"""Preferences where only a browser shows them: its time zone, two tabs, a file that comes and goes."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tests.browser.conftest import Server, ask, settled
from tests.browser.test_rating import until


def test_the_time_of_an_answer_is_the_browsers_until_a_zone_is_chosen(
    keyless: Server, open_page: Callable[..., Any]
) -> None:
    page = open_page(keyless.url, timezone_id="Asia/Tokyo")
    ask(page, "What is Switchboard?")
    page.get_by_text("first token").first.wait_for(timeout=60_000)
    settled(page)
    shown = re.search(r"· (\d\d:\d\d)$", page.get_by_text("first token").first.inner_text())
    assert shown
    now = datetime.now(ZoneInfo("Asia/Tokyo"))
    assert shown[1] in [f"{now - timedelta(minutes=n):%H:%M}" for n in (0, 1)]


def test_a_choice_is_one_tabs_until_it_is_made_the_default(
    keyless: Server, open_page: Callable[..., Any]
) -> None:
    page = open_page(keyless.url)
    page.locator(".st-key-streaming label").first.click()
    settled(page)
    other = open_page(keyless.url)
    assert other.get_by_role("switch", name="Streaming").is_checked()
    page.get_by_role("button", name="Options").locator("visible=true").click()
    page.get_by_role("button", name="Make default").locator("visible=true").click()
    page.get_by_text("New chats start with these options.").wait_for()
    third = open_page(keyless.url)
    assert not third.get_by_role("switch", name="Streaming").is_checked()


def kept(server: Server, word: str) -> bool:
    """Whether a preference with a word in it is on the disk."""
    with contextlib.closing(sqlite3.connect(server.data / "app.db")) as database:
        query = "SELECT count(*) FROM preference WHERE value LIKE ?"
        return bool(database.execute(query, (f"%{word}%",)).fetchone()[0])


def test_preferences_go_out_and_come_back_as_a_file(
    keyless: Server, open_page: Callable[..., Any], tmp_path: Path
) -> None:
    page = open_page(f"{keyless.url}/settings")
    note = page.get_by_role("textbox", name="Note to the model")
    note.fill("Answer in rhymes.")
    note.blur()
    until(lambda: kept(keyless, "rhymes"))
    settled(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    path = tmp_path / "preferences.json"
    download.value.save_as(path)
    assert json.loads(path.read_text("utf-8"))["preferences"]["note"] == "Answer in rhymes."
    page.get_by_role("button", name="Reset all preferences").click()
    page.get_by_role("button", name="Reset", exact=True).click()
    page.get_by_text("All preferences are as at first.").wait_for()
    settled(page)
    assert note.input_value() == ""
    page.keyboard.press("Escape")
    page.locator('[data-testid="stFileUploader"] input').first.set_input_files(path)
    page.get_by_role("button", name=re.compile("^Change ")).click()
    page.get_by_text("The preferences of the file hold now.").wait_for()
    settled(page)
    assert note.input_value() == "Answer in rhymes."
