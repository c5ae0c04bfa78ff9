"""What limits look like in a browser: a place in the queue, and an answer that was given again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.browser.conftest import Server, ask, settled
from tests.browser.test_chat import LONG, answers, wait_for_text
from tests.provider import ProviderServer


def limited(make_server: Callable[..., Server], provider: ProviderServer, **more: str) -> Server:
    return make_server(
        OPENAI_API_KEY="sk-test-1234567890",
        OPENAI_BASE_URL=provider.openai_url,
        SWITCHBOARD_ROUTER_MODELS="local:extractive",
        **more,
    )


def test_a_second_question_says_its_place_and_can_be_stopped_while_it_waits(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, LONG, per_token_ms=60)
    server = limited(make_server, provider, SWITCHBOARD_MAX_RUNS_PER_PERSON="1")
    first = open_page(server.url)
    ask(first, "Count for me please")
    wait_for_text(first, "word5 ")
    second = open_page(server.url)
    ask(second, "And for me")
    second.get_by_text("Waiting for a free place, place 1").wait_for()
    second.keyboard.press("Escape")
    second.get_by_text("tokens arrived after Stop").wait_for()
    assert len(provider.requests) == 1
    wait_for_text(first, "word30 ")  # nobody else's answer was stopped


def test_the_same_question_in_another_tab_is_answered_from_memory_and_can_be_asked_again(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, "It is a switchboard [1].")
    server = limited(make_server, provider, SWITCHBOARD_ANSWER_CACHE="exact")
    first = open_page(server.url)
    ask(first, "What is Switchboard?")
    first.get_by_text("tokens in").last.wait_for()
    settled(first)
    second = open_page(server.url)
    ask(second, "what is switchboard")
    mark = second.get_by_text("From an earlier answer").locator("visible=true")
    mark.wait_for()
    settled(second)
    assert len(provider.requests) == 1
    second.get_by_role("button", name="Ask again").click()
    mark.wait_for(state="detached")
    settled(second)
    assert len(provider.requests) == 2
