"""A person decides: what waits outlives a reload and kill -9, and hostile questions call nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.browser.conftest import Server, ask, settled

QUESTION = "What is the wifi password of the office?"


def choose_react(page: Any) -> None:
    page.locator(".st-key-agent").click()
    page.get_by_role("option", name="ReAct agent").click()
    settled(page)


def test_an_approval_outlives_a_reload_and_a_killed_server(
    make_server: Callable[..., Server], open_page: Callable[..., Any]
) -> None:
    server = make_server()
    page = open_page(server.url)
    choose_react(page)
    ask(page, "Save a note: the wifi password of the office is tulip.")
    page.get_by_text("asks for approval").wait_for(timeout=60_000)
    page.get_by_text("Inbox (1)").first.wait_for()
    page.reload()
    settled(page)
    page.get_by_text("asks for approval").wait_for()
    server.kill()
    assert not list((server.data / "notes").rglob("*.md"))
    server.start()
    page.goto(f"{server.url}/inbox")
    settled(page)
    page.get_by_text("Approve save_note").first.wait_for()
    page.get_by_test_id("stBaseButton-primary").click()
    page.get_by_text("Your answer was sent").wait_for()
    settled(page)
    page.get_by_role("link", name="Open the conversation").click()
    page.get_by_text("Saved the note").wait_for()
    page.get_by_text("You approved save_note").wait_for()
    assert [path.read_text() for path in (server.data / "notes").rglob("*.md")] == [
        "# Wifi password of the office is tulip\n\nThe wifi password of the office is tulip.\n"
    ]
    page.goto(server.url)
    settled(page)
    choose_react(page)
    ask(page, QUESTION)
    page.get_by_text("tokens in").first.wait_for(timeout=60_000)
    settled(page)
    answer = page.locator('[data-testid="stChatMessage"]').last.inner_text()
    assert "tulip" in answer
    assert "[1]" in answer
