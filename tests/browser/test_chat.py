"""The chat page as a person meets it: streaming, stop, reload, second tab, kill -9."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Server, ask, settled
from tests.provider import ProviderServer
from tests.provider.reply import Reply, Usage

LONG = " ".join(f"word{n}" for n in range(400))


def answer_text(page: Any) -> str:
    """The text of the newest message."""
    return str(page.locator('[data-testid="stChatMessage"]').last.inner_text())


def wait_for_text(page: Any, text: str, timeout: float = 20_000) -> None:
    page.locator('[data-testid="stChatMessage"]').last.get_by_text(text).first.wait_for(
        timeout=timeout
    )


def answers(provider: ProviderServer, text: str = "Hello.", **reply: Any) -> None:
    """Routing calls get a specialist, everything else this reply."""
    answer = Reply(text=text, **reply)
    routing = Reply(structured={"agent": "general", "reason": "r"})
    provider.respond = lambda request: routing if request.body.get("tool_choice") else answer


def with_openai(make_server: Callable[..., Server], provider: ProviderServer) -> Server:
    return make_server(OPENAI_API_KEY="sk-test-1234567890", OPENAI_BASE_URL=provider.openai_url)


def test_a_newcomer_without_a_key_gets_a_cited_answer_that_survives_a_reload(
    keyless: Server, open_page: Callable[..., Any]
) -> None:
    page = open_page(keyless.url)
    ask(page, "What is Switchboard?")
    page.get_by_text("first token").first.wait_for(timeout=60_000)
    settled(page)
    text = answer_text(page)
    assert re.search(r"\[\d+\]", text), text
    assert "first token" in text
    assert "$0" in text
    thread = re.search(r"thread=[0-9a-f]{32}", page.url)
    assert thread
    page.reload()
    settled(page)
    assert answer_text(page).split("General")[0] == text.split("General")[0]


def test_text_appears_while_the_provider_still_writes(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, text=LONG, per_token_ms=10,
                             usage=Usage(input=1000, output=400, cache_read=600))  # fmt: skip
    page = open_page(with_openai(make_server, provider).url)
    ask(page, "Tell me everything about the weather on Mars")
    wait_for_text(page, "word5 ")
    assert "word399" not in answer_text(page)
    page.get_by_text("tokens in").first.wait_for()
    text = answer_text(page)
    assert "word399" in text
    assert "GPT-4o mini" in text
    assert "600 cached" in text


def test_stop_closes_the_providers_connection_and_keeps_the_partial_answer(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, text=LONG, per_token_ms=50)
    page = open_page(with_openai(make_server, provider).url)
    ask(page, "Count for me please")
    wait_for_text(page, "word5 ")
    page.locator(".st-key-stop button").click()
    gone = provider.wait_for_disconnect()
    assert gone.tokens_sent < 300
    page.get_by_text("tokens arrived after Stop").wait_for()
    before = answer_text(page)
    page.reload()
    settled(page)
    assert "word5" in answer_text(page)
    assert before.split("Stopped")[0].strip() == answer_text(page).split("Stopped")[0].strip()


def test_streamlits_own_stop_button_stops_the_run_too(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, text=LONG, per_token_ms=50)
    page = open_page(with_openai(make_server, provider).url)
    ask(page, "Count for me please")
    wait_for_text(page, "word5 ")
    page.locator('[data-testid="stStatusWidget"] button').click()
    assert provider.wait_for_disconnect().tokens_sent < 300


def test_stop_works_before_the_first_token(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, first_ms=30_000)
    page = open_page(with_openai(make_server, provider).url)
    ask(page, "Are you there?")
    provider.wait_for_request(2, timeout=30)  # routing, then the answer that never comes
    page.locator(".st-key-stop button").click()
    provider.wait_for_disconnect()
    page.get_by_text("0 tokens arrived after Stop").wait_for()


def test_reload_second_tab_and_another_page_leave_the_run_alone(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, text=LONG, per_token_ms=25)
    page = open_page(with_openai(make_server, provider).url)
    ask(page, "Count slowly please")
    wait_for_text(page, "word5 ")
    thread_url = page.url
    page.reload()
    wait_for_text(page, "word5 ")
    second = page.context.new_page()
    second.goto(thread_url)
    wait_for_text(second, "word5 ")
    page.get_by_role("link", name="Settings").click()
    page.wait_for_url("**/settings")
    second.get_by_text("tokens in").first.wait_for()
    assert "word399" in answer_text(second)
    page.goto(thread_url)
    settled(page)
    assert answer_text(page) == answer_text(second)
    hung_up = [r for r in provider.requests if r.closed_by_client_at is not None]
    assert hung_up == []


def test_no_prompt_is_lost_when_something_else_is_clicked_at_once(
    keyless: Server, open_page: Callable[..., Any]
) -> None:
    page = open_page(keyless.url)
    ask(page, "How do I install Switchboard?")
    page.locator(".st-key-streaming label").first.click()
    page.get_by_text("first token").first.wait_for()
    assert page.locator('[data-testid="stChatMessage"]').count() == 2


def test_threads_switch_while_one_answers_and_can_be_deleted(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, text=LONG, per_token_ms=25)
    page = open_page(with_openai(make_server, provider).url)
    ask(page, "Count for me slowly")
    wait_for_text(page, "word5 ")
    page.locator(".st-key-new_chat button").click()
    page.get_by_text("What would you like to know?").wait_for()
    page.locator('[class*="st-key-thread_"] button').first.click()
    wait_for_text(page, "word50 ")
    page.get_by_text("tokens in").first.wait_for()
    page.locator('[class*="st-key-menu_"] button').first.click()
    page.get_by_text("Delete", exact=True).first.click()
    page.locator(".st-key-delete_yes button").click()
    page.get_by_text("What would you like to know?").wait_for()
    assert page.locator('[class*="st-key-thread_"]').count() == 0


def test_a_failing_provider_falls_back_and_says_so(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, status=401)
    page = open_page(with_openai(make_server, provider).url)
    ask(page, "What is Switchboard?")
    page.get_by_text("first token").first.wait_for()
    text = answer_text(page)
    assert "GPT-4o mini: Key missing or refused" in text
    assert re.search(r"\[\d+\]", text)
    assert "1234567890" not in page.content()


def test_hostile_answers_and_questions_make_no_request(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    """`open_page` fails the test when the page asks another host for anything."""
    evil = (
        "![a](http://evil.example/1.png) ![b][r] <img src=http://evil.example/2.png> "
        "[![c](//evil.example/3.png)](http://evil.example)\n\n[r]: http://evil.example/4.png\n\n"
        "| ![d](http://evil.example/5.png) |\n|---|\n| x |\n\nDONE"
    )
    answers(provider, text=evil)
    page = open_page(with_openai(make_server, provider).url)
    ask(page, f"{evil} # title :red[x]")
    page.get_by_text("tokens in").first.wait_for()
    page.wait_for_timeout(500)
    assert page.locator('[data-testid="stChatMessage"] img').count() == 0
    assert page.locator('[data-testid="stSidebar"] img').count() == 0


def test_kill_9_in_mid_answer_keeps_what_was_shown_and_the_thread_goes_on(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, text=LONG, per_token_ms=25)
    server = with_openai(make_server, provider)
    page = open_page(server.url)
    ask(page, "Count for me please")
    wait_for_text(page, "word60 ")
    url = page.url
    server.kill()
    server.start()
    page.goto(url)
    settled(page)
    page.get_by_text("Lost when Switchboard ended").wait_for()
    assert "word40 " in answer_text(page)
    answers(provider, text="All right again.")
    ask(page, "Are you back?")
    wait_for_text(page, "All right again.")


def test_sigterm_in_mid_answer_ends_within_ten_seconds_and_keeps_the_text(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    answers(provider, text=LONG * 5, per_token_ms=50)
    server = with_openai(make_server, provider)
    page = open_page(server.url)
    ask(page, "Count for me please")
    wait_for_text(page, "word5 ")
    url, started = page.url, time.monotonic()
    server.stop()
    assert time.monotonic() - started < 10
    server.start()
    page.goto(url)
    settled(page)
    assert "word5" in answer_text(page)


@pytest.mark.parametrize("path", ["?thread=nonsense", f"?thread={'0' * 32}", "?thread=../../etc"])
def test_an_unknown_thread_in_the_url_says_so(
    keyless: Server, open_page: Callable[..., Any], path: str
) -> None:
    page = open_page(f"{keyless.url}/{path}")
    page.get_by_text("There is no such thread").wait_for()
    page.get_by_text("What would you like to know?").wait_for()


@pytest.mark.parametrize("path", ["chat", "compare", "dashboard", "settings"])
def test_a_fresh_servers_first_deep_link_has_its_frame(
    make_server: Callable[..., Server], open_page: Callable[..., Any], path: str
) -> None:
    """With a folder named pages, Streamlit can run the page file without the entry file."""
    page = open_page(f"{make_server().url}/{path if path != 'chat' else ''}")
    assert page.get_by_role("link", name="Dashboard").count() >= 1
    assert page.get_by_text("opened without its frame").count() == 0


def test_the_first_page_is_found_by_its_name_too(
    keyless: Server, open_page: Callable[..., Any]
) -> None:
    page = open_page(f"{keyless.url}/chat?thread=nonsense")
    page.get_by_text("There is no such thread").wait_for()
    assert page.get_by_text("Page not found").count() == 0


def test_an_over_long_message_is_refused_and_kept(
    keyless: Server, open_page: Callable[..., Any]
) -> None:
    page = open_page(keyless.url)
    ask(page, "x" * 20_001)
    page.get_by_text("20,001 characters; the limit is 20,000").wait_for()
    page.wait_for_function(
        """() => document.querySelector('[data-testid="stChatInputTextArea"]').value.length === 20001"""
    )


def test_the_page_works_at_phone_width(keyless: Server, open_page: Callable[..., Any]) -> None:
    page = open_page(keyless.url, viewport={"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ask(page, "What is Switchboard?")
    page.get_by_text("first token").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
