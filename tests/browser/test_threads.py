"""Threads in Chromium: what changes by itself, keys, and dialogs over an answer that is being written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Server, ask, settled
from tests.browser.test_chat import LONG, answers, wait_for_text, with_openai
from tests.provider import ProviderServer


def marks(page: Any) -> str:
    """The names of the symbols in the sidebar's rows, from the top."""
    return str(page.locator('[data-testid="stSidebar"] [class*="st-key-row_"]').all_inner_texts())


def wait_for_mark(page: Any, name: str) -> None:
    row = page.locator('[data-testid="stSidebar"] [class*="st-key-row_"]')
    row.filter(has_text=name).first.wait_for(timeout=40_000)


def test_marks_change_by_themselves_while_another_answer_is_written(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, text=LONG[:1500], per_token_ms=25)
    page = open_page(with_openai(make_server, provider).url)
    ask(page, "First question")
    wait_for_text(page, "word5 ")
    page.keyboard.press("Control+Shift+O")
    page.get_by_text("What would you like to know?").wait_for()
    wait_for_mark(page, "progress_activity")
    answers(provider, text=LONG, per_token_ms=25)
    ask(page, "Second question")
    wait_for_text(page, "word5 ")
    wait_for_mark(page, "mark_chat_unread")
    assert page.get_by_text("tokens in").count() == 0  # the second one is still being written
    assert "progress_activity" in marks(page)
    page.get_by_text("tokens in").first.wait_for(timeout=40_000)
    assert "progress_activity" not in marks(page)


def test_marks_change_by_themselves_on_a_page_that_stands_still(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, text=LONG[:1500], per_token_ms=25)
    page = open_page(with_openai(make_server, provider).url)
    ask(page, "First question")
    wait_for_text(page, "word5 ")
    page.locator(".st-key-new_chat button").click()
    page.get_by_text("What would you like to know?").wait_for()
    page.locator('[data-testid="stChatInputTextArea"]').fill("half a thought")
    wait_for_mark(page, "mark_chat_unread")
    settled(page)
    assert page.locator('[data-testid="stChatInputTextArea"]').input_value() == "half a thought"


def test_a_dialog_works_over_an_answer_that_goes_on(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, text=LONG, per_token_ms=25)
    page = open_page(with_openai(make_server, provider).url)
    ask(page, "Tell me about zirconium")
    wait_for_text(page, "word5 ")
    page.keyboard.press("Control+k")
    box = page.locator('[role="dialog"] input')
    box.wait_for()
    box.fill("zirconi")
    page.locator('[role="dialog"] strong').filter(has_text="zirconium").first.wait_for(
        timeout=10_000
    )
    assert page.get_by_text("tokens in").count() == 0
    page.keyboard.press("Escape")
    box.wait_for(state="detached")
    page.get_by_text("tokens in").first.wait_for(timeout=40_000)
    assert page.get_by_text("Stopped").count() == 0
    assert "word399" in page.locator('[data-testid="stChatMessage"]').last.inner_text()


def test_a_thread_is_renamed_while_it_answers(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, text=LONG, per_token_ms=25)
    page = open_page(with_openai(make_server, provider).url)
    ask(page, "Count for me slowly")
    wait_for_text(page, "word5 ")
    page.locator('[class*="st-key-menu_"] button').first.click()
    page.get_by_text("Rename", exact=True).first.click()
    box = page.locator('[role="dialog"] input')
    box.fill("![x](http://evil.example/x) **new** name")
    box.press("Enter")
    page.locator('[data-testid="stSidebar"]').get_by_text("**new** name").first.wait_for()
    page.get_by_text("tokens in").first.wait_for(timeout=40_000)


def test_the_page_of_threads_fits_a_phone(keyless: Server, open_page: Callable[..., Any]) -> None:
    page = open_page(keyless.url, viewport={"width": 400, "height": 800})
    ask(page, "What is Switchboard?")
    page.get_by_text("tokens in").first.wait_for()
    page.goto(f"{keyless.url}/threads?find=switchboard")
    settled(page)
    page.locator('[class*="st-key-thread_row_"]').first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


@pytest.mark.parametrize("width", [1280, 400])
def test_a_new_tag_is_saved_while_the_list_of_tags_is_open(
    keyless: Server, open_page: Callable[..., Any], width: int
) -> None:
    """Was: the list, which stays open for the next tag, lay over the button."""
    page = open_page(keyless.url, viewport={"width": 1280, "height": 800})
    ask(page, "How do I change the port?")
    page.get_by_text("tokens in").first.wait_for(timeout=60_000)
    settled(page)
    page.locator('[data-testid="stSidebar"] [class*="st-key-row_"]').first.get_by_role(
        "button"
    ).last.click()
    page.get_by_role("menuitem", name="Tags").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox").wait_for()
    page.set_viewport_size({"width": width, "height": 800})
    dialog.get_by_role("combobox").click()
    page.keyboard.type(f"tag{width}")
    page.keyboard.press("Enter")
    page.get_by_text(f"tag{width}").first.wait_for()
    settled(page)
    page.get_by_text("No results").or_(page.get_by_role("option")).first.wait_for()
    # By its class: an open list hides the rest of the page from screen readers, and so from roles.
    page.locator(".st-key-save_tags button").click(timeout=5_000)
    page.locator(".st-key-save_tags").wait_for(state="detached", timeout=10_000)
