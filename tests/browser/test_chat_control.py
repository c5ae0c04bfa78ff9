"""Another way from any message: edit, answer again, go on, fork, queue. Two tabs, reload, kill -9."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.browser.conftest import Server, ask, settled
from tests.browser.test_chat import LONG, answer_text, answers, wait_for_text, with_openai
from tests.provider import ProviderServer


def press(page: Any, name: str, number: int = -1) -> None:
    """Clicks an icon button of a message, by the beginning of its key."""
    found = page.locator(f"[class*=st-key-{name}_]").locator("button:visible")
    found.nth(number if number >= 0 else found.count() - 1).click()


def asked(page: Any, text: str, then: str) -> None:
    ask(page, text)
    wait_for_text(page, then)
    page.get_by_text("tokens in").last.wait_for()
    settled(page)


def said(page: Any) -> list[str]:
    """The text of every message, without what stands under it."""
    script = """all => all.map(one =>
        one.querySelector('[data-testid="stMarkdownContainer"]').innerText.trim())"""
    found: list[str] = page.locator('[data-testid="stChatMessage"]').evaluate_all(script)
    return found


def says(page: Any, *messages: str) -> None:
    """Waits until the conversation is this: the browser draws a moment after the script has ended."""
    deadline = time.monotonic() + 10
    while said(page) != list(messages) and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    assert said(page) == list(messages)


def test_an_edited_message_is_a_version_one_can_leave_and_come_back_to(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, "First answer.")
    page = open_page(with_openai(make_server, provider).url)
    asked(page, "What is one?", "First answer")
    asked(page, "What is two?", "First answer")
    answers(provider, "Other answer.")
    press(page, "edit", 1)
    page.locator("[class*=st-key-edited_] textarea").fill("What is zwei?")
    page.get_by_role("button", name="Send", exact=True).click()
    wait_for_text(page, "Other answer")
    settled(page)
    says(page, "What is one?", "First answer.", "What is zwei?", "Other answer.")
    press(page, "older")
    wait_for_text(page, "First answer")
    page.reload()
    settled(page)
    says(page, "What is one?", "First answer.", "What is two?", "First answer.")
    assert page.get_by_text("1/2").count() == 1


def test_an_answer_made_again_by_another_agent_stands_beside_the_first(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, "First answer.")
    page = open_page(with_openai(make_server, provider).url)
    asked(page, "What is one?", "First answer")
    answers(provider, "Second answer.")
    press(page, "more")
    page.get_by_text("Answer again with").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").first.click()
    page.get_by_role("option", name="ReAct agent").click()
    dialog.get_by_role("button", name="Answer again").click()
    wait_for_text(page, "Second answer")
    page.get_by_text("2/2").wait_for()
    settled(page)
    press(page, "older")
    wait_for_text(page, "First answer")
    assert page.get_by_role("dialog").count() == 0


def test_messages_sent_meanwhile_wait_survive_a_kill_and_are_sent_when_told(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, LONG, per_token_ms=50)
    server = with_openai(make_server, provider)
    page = open_page(server.url)
    ask(page, "Count for me please")
    wait_for_text(page, "word5 ")
    ask(page, "And then stop counting")
    page.get_by_text("Sent one after the other").wait_for()
    second = page.context.new_page()
    second.goto(page.url)
    second.get_by_text("And then stop counting").wait_for()
    press(second, "change")
    second.locator("[class*=st-key-queued_] textarea").fill("Changed in another tab")
    press(second, "save")
    second.locator(".st-key-queue p").get_by_text("Changed in another tab").wait_for()
    second.locator(".st-key-queue textarea").wait_for(state="hidden", timeout=5_000)
    server.kill()
    answers(provider, "Quick answer.")
    server.start()
    page.goto(page.url)
    page.get_by_text("Resting, because").wait_for()
    assert "word5" in answer_text(page)
    press(page, "now")
    wait_for_text(page, "Quick answer")
    settled(page)
    assert said(page)[2:] == ["Changed in another tab", "Quick answer."]
    assert page.get_by_text("Resting, because").count() == 0


def test_waiting_messages_follow_by_themselves_and_escape_stops(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, LONG[:200], per_token_ms=60)
    page = open_page(with_openai(make_server, provider).url)
    ask(page, "Count for me please")
    wait_for_text(page, "word5 ")
    answers(provider, LONG.replace("word", "term"), per_token_ms=50)
    ask(page, "Once more please")
    page.locator('[data-testid="stChatMessage"]').get_by_text("Once more please").wait_for()
    wait_for_text(page, "term5 ")
    page.keyboard.press("Escape")
    page.get_by_text("tokens arrived after Stop").wait_for()
    assert provider.wait_for_disconnect().tokens_sent < 300


def test_a_fork_goes_its_own_way(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, "First answer.")
    page = open_page(with_openai(make_server, provider).url)
    asked(page, "What is one?", "First answer")
    origin = page.url
    press(page, "more")
    page.get_by_text("New chat from here").click()
    page.wait_for_url(lambda url: "thread=" in url and url != origin)
    settled(page)
    answers(provider, "Another.")
    asked(page, "Only in the fork", "Another")
    page.goto(origin)
    settled(page)
    says(page, "What is one?", "First answer.")


def test_nothing_of_the_old_answer_stands_under_the_one_that_takes_its_place(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    """Streamlit leaves what a run of the script does not draw until that run ends."""
    answers(provider, "First answer.")
    page = open_page(with_openai(make_server, provider).url)
    asked(page, "What is one?", "First answer")
    answers(provider, LONG, per_token_ms=50)
    press(page, "again")
    wait_for_text(page, "word5 ")
    assert page.locator('[data-testid="stChatMessage"]').count() == 2
    assert "tokens in" not in answer_text(page)
    assert page.get_by_text("How this answer came about").count() == 0


def test_while_a_version_is_written_the_others_can_be_read(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, "First answer.")
    page = open_page(with_openai(make_server, provider).url)
    asked(page, "What is one?", "First answer")
    answers(provider, LONG, per_token_ms=20)
    press(page, "again")
    wait_for_text(page, "word5 ")
    page.get_by_role("button", name="Earlier version").click()
    page.get_by_text("Another version is being written").wait_for()
    says(page, "What is one?", "First answer.")
    page.get_by_role("button", name="Show it").click()
    wait_for_text(page, "word9 ")
    page.get_by_text("2/2").wait_for()
    settled(page)
    answers(provider, LONG.replace("word", "term"), per_token_ms=50)
    press(page, "edit")
    page.locator("[class*=st-key-edited_] textarea").fill("What is uno?")
    page.get_by_role("button", name="Send", exact=True).click()
    wait_for_text(page, "term5 ")
    press(page, "older")
    page.get_by_text("Another version is being written").wait_for()
    assert said(page)[0] == "What is one?"
    page.get_by_role("button", name="Show it").click()
    page.get_by_text("What is uno?").wait_for()
    wait_for_text(page, "term9 ")


def test_a_queue_that_shrinks_leaves_nothing_behind_and_the_next_click_counts(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, LONG, per_token_ms=60)
    page = open_page(with_openai(make_server, provider).url)
    ask(page, "Count for me please")
    wait_for_text(page, "word5 ")
    for text in ("Wait one", "Wait two", "Wait three"):
        ask(page, text)
        page.locator(".st-key-queue").get_by_text(text).wait_for()
    for left in (2, 1):
        press(page, "drop", 0)
        page.wait_for_timeout(1_500)
        assert page.locator(".st-key-queue").get_by_text("Wait").count() == left
        buttons = page.locator(".st-key-queue").locator("button:visible")
        assert buttons.count() == 3 * left
