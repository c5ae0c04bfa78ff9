"""Rating an answer and keeping it as a test case while another answer streams on the same page."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Server, ask, settled
from tests.provider import ProviderServer, Reply

LONG = " ".join(f"word{n}" for n in range(400))
COMMENT = "The port is another one, see the settings page."


@pytest.fixture
def streaming(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> tuple[Server, Any]:
    """A page with an answer that is whole and one that streams for some twelve seconds."""
    replies = [Reply(text="Short answer."), Reply(text=LONG, per_token_ms=30)]
    routing = Reply(structured={"agent": "general", "reason": "r"})
    provider.respond = lambda request: (
        routing if request.body.get("tool_choice") else replies.pop(0)
    )
    server = make_server(OPENAI_API_KEY="sk-test-1234567890", OPENAI_BASE_URL=provider.openai_url)
    page = open_page(server.url)
    ask(page, "Tell me about the weather on Mars")
    page.get_by_text("first token").first.wait_for(timeout=60_000)
    settled(page)
    ask(page, "And now everything else")
    page.get_by_text("word5 ").first.wait_for()
    return server, page


def shown(page: Any) -> int:
    """How many words of the streaming answer are on the page."""
    text = page.locator('[data-testid="stChatMessage"]').last.inner_text()
    return int(text.count("word"))


def rated(server: Server) -> list[tuple[int, str, str]]:
    with sqlite3.connect(server.data / "app.db") as database:
        return database.execute("SELECT thumb, reasons, comment FROM message_rating").fetchall()


def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def test_an_answer_is_rated_while_another_streams_and_nothing_typed_is_lost(
    streaming: tuple[Server, Any],
) -> None:
    server, page = streaming
    first = page.locator('[data-testid="stChatMessage"]').nth(1)
    first.get_by_role("radio", name="Thumbs down").click()
    until(lambda: rated(server) == [(-1, "[]", "")])
    before = shown(page)
    until(lambda: shown(page) > before)
    first.get_by_role("button", name="Why?").click()
    box = page.get_by_role("textbox", name="Comment")
    page.get_by_text("Incomplete", exact=True).click()
    box.press_sequentially(COMMENT, delay=60)  # 3 s: the page is drawn many times meanwhile
    assert box.input_value() == COMMENT
    assert "word399" not in page.content(), "it has to stream still"
    page.get_by_role("button", name="Save", exact=True).click()
    until(lambda: rated(server) == [(-1, '["incomplete"]', COMMENT)])
    page.keyboard.press("Escape")
    page.get_by_text("word399").first.wait_for()
    settled(page)
    assert shown(page) == 400
    page.reload()
    settled(page)
    first = page.locator('[data-testid="stChatMessage"]').nth(1)
    assert first.get_by_role("radio", name="Thumbs down").get_attribute("aria-checked") == "true"
    first.get_by_role("button", name="Why?").click()
    box = page.get_by_role("textbox", name="Comment")
    until(lambda: box.input_value() == COMMENT)


def test_what_is_typed_when_the_answer_ends_is_still_there(streaming: tuple[Server, Any]) -> None:
    server, page = streaming
    first = page.locator('[data-testid="stChatMessage"]').nth(1)
    first.get_by_role("radio", name="Thumbs up").click()
    first.get_by_role("button", name="Why?").click()
    box = page.get_by_role("textbox", name="Comment")
    box.press_sequentially("Begun and")
    page.get_by_text("word399").first.wait_for()
    settled(page)
    box.press_sequentially(" ended.")
    first.scroll_into_view_if_needed()  # the page follows the end of the answer
    page.get_by_role("button", name="Save", exact=True).click()
    until(lambda: rated(server) == [(1, "[]", "Begun and ended.")])


def test_an_answer_becomes_a_test_case_while_another_streams(
    streaming: tuple[Server, Any],
) -> None:
    server, page = streaming
    first = page.locator('[data-testid="stChatMessage"]').nth(1)
    first.get_by_role("button", name="Save as test case").click()
    facts = page.get_by_role("textbox", name="Must contain")
    facts.wait_for()
    facts.press_sequentially("Short answer", delay=40)
    page.get_by_role("button", name="Save test case").click()
    page.get_by_text("Saved.").first.wait_for()
    assert "word399" not in page.content(), "it has to stream still"
    with sqlite3.connect(server.data / "app.db") as database:
        dump = "\n".join(database.iterdump())
    assert "Tell me about the weather on Mars" in dump
    assert '"Short answer"' in dump
    page.keyboard.press("Escape")
    page.get_by_text("word399").first.wait_for()


def test_the_form_of_a_test_case_is_no_slit_under_the_newest_answer(
    keyless: Server, open_page: Callable[..., Any]
) -> None:
    """Was: opened empty, below the button, it kept the little room there is over the question box."""
    page = open_page(keyless.url, viewport={"width": 1280, "height": 720})
    for number in (1, 2, 3):
        ask(page, "How do I change the port?")
        page.get_by_role("button", name="Save as test case").nth(number - 1).wait_for()
        settled(page)
    button = page.get_by_role("button", name="Save as test case").last
    button.scroll_into_view_if_needed()
    button.click()
    page.get_by_role("textbox", name="Must contain").wait_for()
    settled(page)
    box = page.locator('[data-testid="stPopoverBody"]').last.bounding_box()
    assert box["height"] > 350
    assert box["y"] >= 0
