"""The Compare page as a person meets it: hidden names, votes by key, stop, reload, a second tab."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Server, ask, settled
from tests.provider import ProviderServer
from tests.provider.reply import Reply

QUESTION = "How do I change the port?"
SLOW = " ".join(f"slow{n}" for n in range(400))
FAST = " ".join(f"fast{n}" for n in range(60))


@pytest.fixture
def two_models(make_server: Callable[..., Server], provider: ProviderServer) -> Server:
    """A server with two models at the scripted provider: one is slow, one is fast."""
    provider.by_model["slow-one"] = Reply(text=SLOW, per_token_ms=50)
    provider.by_model["fast-one"] = Reply(text=FAST, per_token_ms=20)
    servers = {"lab": {"base_url": provider.openai_url, "models": ["slow-one", "fast-one"]}}
    return make_server(
        SWITCHBOARD_OPENAI_SERVERS=json.dumps(servers),
        SWITCHBOARD_ANSWER_MODELS="lab:slow-one,lab:fast-one",
        SWITCHBOARD_ROUTER_MODELS="local:extractive",
    )


def switch_on(page: Any, label: str) -> None:
    page.get_by_text(label, exact=True).first.click()
    settled(page)


def columns(page: Any) -> list[str]:
    """The text of each column of the newest turn."""
    cells = page.locator('[data-testid="stGridCell"]').all_inner_texts()
    return [text for text in cells if text and not text.startswith("Model")][:2]


def wait_until_voted(page: Any) -> None:
    page.get_by_text("You voted").first.wait_for()
    settled(page)


def test_names_are_hidden_until_a_key_is_pressed(
    keyless: Server, open_page: Callable[..., Any]
) -> None:
    page = open_page(f"{keyless.url}/compare")
    switch_on(page, "Blind")
    ask(page, "What is Switchboard?")
    page.get_by_text("Which answer is better?").wait_for(timeout=60_000)
    settled(page)
    hidden = columns(page)
    assert [text.split("\n")[0] for text in hidden] == ["A", "B"]
    assert not any(name in text for text in hidden for name in ("Supervisor", "ReAct", "Local"))
    page.keyboard.press("1")  # nothing was clicked since the question was sent
    wait_until_voted(page)
    shown = columns(page)
    assert {name for text in shown for name in ("Supervisor", "ReAct agent") if name in text} == {
        "Supervisor",
        "ReAct agent",
    }
    page.reload()
    settled(page)
    assert page.get_by_text("You voted for A").count() == 1


def test_a_reload_and_a_second_tab_show_the_same_growing_answers(
    two_models: Server, open_page: Callable[..., Any]
) -> None:
    page = open_page(f"{two_models.url}/compare")
    ask(page, QUESTION)
    page.get_by_text("slow5 ").first.wait_for()
    page.reload()
    page.get_by_text("fast59").first.wait_for()
    second = open_page(page.url)
    assert any("slow5 " in text for text in columns(second))
    assert any("fast59" in text for text in columns(second))


def test_a_column_is_stopped_and_the_other_goes_on(
    two_models: Server, open_page: Callable[..., Any], provider: ProviderServer
) -> None:
    page = open_page(f"{two_models.url}/compare")
    ask(page, QUESTION)
    page.get_by_text("slow5 ").first.wait_for()
    cell = page.locator('[data-testid="stGridCell"]').filter(has_text="slow5 ").first
    cell.get_by_role("button", name="Stop").click()
    assert provider.wait_for_disconnect().body["model"] == "slow-one"
    page.get_by_text("fast59").first.wait_for()


def test_all_at_once_shows_no_text_before_the_last_has_ended(
    two_models: Server, open_page: Callable[..., Any], provider: ProviderServer
) -> None:
    provider.by_model["slow-one"] = Reply(text=FAST, per_token_ms=60)
    page = open_page(f"{two_models.url}/compare")
    switch_on(page, "Show all at once")
    ask(page, QUESTION)
    page.get_by_text("Answers appear when all have ended").first.wait_for()
    provider.wait_for_request(2, timeout=30)
    page.wait_for_timeout(1_800)  # the fast one has ended, the slow one has not
    assert page.get_by_text("fast5 ").count() == 0
    page.get_by_text("Which answer is better?").wait_for()
    settled(page)
    assert all("fast59" in text for text in columns(page))


def test_six_columns_on_a_phone_stand_below_each_other(
    keyless: Server, open_page: Callable[..., Any]
) -> None:
    page = open_page(f"{keyless.url}/compare", viewport={"width": 400, "height": 800})
    page.get_by_text("6", exact=True).first.click()
    page.get_by_text("Model F").wait_for()
    settled(page)
    ask(page, "What is Switchboard?")
    page.get_by_text("Which is best?").wait_for(timeout=60_000)
    settled(page)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 400


def test_three_answers_are_ranked_by_keys_alone(
    keyless: Server, open_page: Callable[..., Any]
) -> None:
    page = open_page(f"{keyless.url}/compare")
    page.get_by_text("3", exact=True).first.click()
    page.get_by_text("Model C").wait_for()
    switch_on(page, "Blind")
    ask(page, "What is Switchboard?")
    page.get_by_text("Which is best?").wait_for(timeout=60_000)
    settled(page)
    page.get_by_role("button", name="Put all in order").click()
    page.get_by_role("button", name="Choose the best only").wait_for()
    settled(page)
    for key, place in (("2", "B: 1st"), ("3", "C: 2nd")):
        page.keyboard.press(key)
        page.get_by_text(place).wait_for()
        settled(page)
    page.keyboard.press("Enter")
    page.get_by_text("Your order: B").wait_for()
