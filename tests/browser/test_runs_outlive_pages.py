"""Runs outlive pages: closed tabs, reloads, second tabs, a killed server, several threads at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import Server, ask, settled
from tests.provider import ProviderServer
from tests.provider.reply import Reply

MESSAGE = '[data-testid="stChatMessage"]'
LONG = " ".join(f"word{n}" for n in range(150))
ENDLESS = " ".join(f"word{n}" for n in range(3000))
LOCAL = "local:extractive"


@pytest.fixture(scope="module")
def shared_provider() -> Iterator[ProviderServer]:
    with ProviderServer() as server:
        yield server


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, shared_provider: ProviderServer
) -> Iterator[Server]:
    """One server whose models are this module's provider; routing asks nobody."""
    server = Server(tmp_path_factory.mktemp("shared") / "data", **_environment(shared_provider))
    server.start()
    yield server
    server.stop()


def _environment(provider: ProviderServer) -> dict[str, str]:
    return {
        "OPENAI_API_KEY": "sk-test-1234567890",
        "OPENAI_BASE_URL": provider.openai_url,
        "SWITCHBOARD_ROUTER_MODELS": LOCAL,
    }


@pytest.fixture
def says(shared_provider: ProviderServer) -> Callable[..., ProviderServer]:
    """Says what the provider answers from now on; requests of earlier tests are forgotten."""

    def say(text: str = LONG, **reply: Any) -> ProviderServer:
        shared_provider.reset().default = Reply(text=text, **reply)
        return shared_provider

    return say


def last_text(page: Any) -> str:
    return str(page.locator(MESSAGE).last.inner_text())


def shows(page: Any, text: str, timeout: float = 15_000) -> None:
    page.locator(MESSAGE).last.get_by_text(text).first.wait_for(timeout=timeout)


def at_rest(page: Any) -> None:
    """The answer is complete and its figures stand under it."""
    page.locator(MESSAGE).last.get_by_text("tokens in").first.wait_for()


def thread_url(page: Any) -> str:
    page.wait_for_url("**thread=*")
    return str(page.url)


def second_tab(page: Any, url: str | None = None) -> Any:
    tab = page.context.new_page()
    tab.goto(url or page.url)
    return tab


def words(page: Any) -> list[str]:
    return [word for word in last_text(page).split() if word.startswith("word")]


def test_a_tab_closed_before_the_first_token_finds_its_answer_later(
    shared: Server, open_page: Callable[..., Any], says: Callable[..., ProviderServer]
) -> None:
    provider = says(first_ms=1500, per_token_ms=2)
    page = open_page(shared.url)
    keeper = second_tab(page, "about:blank")
    ask(page, "Will you wait for me?")
    url = thread_url(page)
    provider.wait_for_request(1, 10)
    page.close()
    keeper.goto(url)
    at_rest(keeper)
    assert words(keeper) == LONG.split()
    assert [r.closed_by_client_at for r in provider.requests] == [None]


def test_reload_in_mid_answer_shows_what_was_there_and_goes_on(
    shared: Server, open_page: Callable[..., Any], says: Callable[..., ProviderServer]
) -> None:
    provider = says(per_token_ms=20)
    page = open_page(shared.url)
    ask(page, "Count for me please")
    shows(page, "word30 ")
    page.reload()
    shows(page, "word30 ")
    assert "word149" not in last_text(page)
    at_rest(page)
    assert words(page) == LONG.split()
    assert len(provider.requests) == 1


def test_two_tabs_show_the_same_growing_answer(
    shared: Server, open_page: Callable[..., Any], says: Callable[..., ProviderServer]
) -> None:
    says(per_token_ms=30)
    page = open_page(shared.url)
    ask(page, "Count for both please")
    shows(page, "word5 ")
    other = second_tab(page)
    shows(other, "word10 ")
    here, there = words(page), words(other)
    shorter = min(len(here), len(there))
    assert here[:shorter] == there[:shorter] == LONG.split()[:shorter]
    assert shorter < 150
    at_rest(page)
    at_rest(other)
    assert words(page) == words(other) == LONG.split()


def test_an_idle_tab_shows_what_was_asked_in_another(
    shared: Server, open_page: Callable[..., Any], says: Callable[..., ProviderServer]
) -> None:
    """It showed nothing of it until somebody clicked."""
    says("Hello first.")
    page = open_page(shared.url)
    ask(page, "Hello there")
    at_rest(page)
    settled(page)
    idle = second_tab(page)
    settled(idle)
    draft = idle.locator('[data-testid="stChatInputTextArea"]')
    draft.fill("half a sentence")
    says(ENDLESS, per_token_ms=40)
    ask(page, "And what else?")
    shows(idle, "word5 ")
    shows(idle, "word20 ")
    assert draft.input_value() == "half a sentence"
    idle.locator(".st-key-stop button").click()
    page.get_by_text("after Stop").wait_for()
    idle.get_by_text("after Stop").wait_for()
    assert words(page) == words(idle)


@pytest.mark.parametrize("button", [".st-key-stop button", '[data-testid="stStatusWidget"] button'])
def test_stop_in_one_tab_shows_in_the_other(
    shared: Server, open_page: Callable[..., Any], says: Callable[..., ProviderServer], button: str
) -> None:
    """The second is Streamlit's own, in the toolbar: it ends the page's script as well."""
    provider = says(ENDLESS, per_token_ms=40)
    page = open_page(shared.url)
    ask(page, "Count until I say stop")
    shows(page, "word5 ")
    other = second_tab(page)
    shows(other, "word5 ")
    other.locator(button).click()
    provider.wait_for_disconnect(5)
    for tab in (page, other):
        tab.get_by_text("after Stop").wait_for()
        assert tab.locator(".st-key-stop button").count() == 0
    assert words(page) == words(other)


def test_stop_can_be_clicked_while_lines_are_added(
    shared: Server, open_page: Callable[..., Any], says: Callable[..., ProviderServer]
) -> None:
    """Under the text the button moved with every line, and clicks missed it."""
    provider = says(ENDLESS, per_token_ms=10)
    page = open_page(shared.url)
    ask(page, "Count quickly please")
    shows(page, "word20 ")
    place = page.locator(".st-key-stop button").bounding_box()
    shows(page, "word100 ")
    assert page.locator(".st-key-stop button").bounding_box()["y"] == pytest.approx(
        place["y"], abs=2
    )
    page.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    provider.wait_for_disconnect(5)


def test_several_threads_answer_at_once(
    shared: Server, open_page: Callable[..., Any], says: Callable[..., ProviderServer]
) -> None:
    provider = says(per_token_ms=30)
    page = open_page(shared.url)
    urls = []
    for name in ("first", "second", "third"):
        ask(page, f"Count for the {name}")
        shows(page, "word1 ")
        urls.append(thread_url(page))
        page.locator(".st-key-new_chat button").click()
        page.get_by_text("What would you like to know?").wait_for()
    assert len(set(urls)) == 3
    assert sum(request.ended is None for request in provider.requests) >= 2
    for url in urls:
        page.goto(url)
        at_rest(page)
        assert words(page) == LONG.split()
    assert [r.closed_by_client_at for r in provider.requests] == [None] * 3


def test_kill_9_in_mid_answer_keeps_the_text_in_every_tab_and_goes_on(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    provider.default = Reply(text=LONG, per_token_ms=30)
    server = make_server(**_environment(provider))
    page = open_page(server.url)
    ask(page, "Count until the light goes out")
    shows(page, "word40 ")
    time.sleep(0.3)  # the journal is written four times a second
    server.kill()
    server.start()
    page.goto(page.url)
    settled(page)
    page.get_by_text("Lost when Switchboard ended").wait_for()
    kept = words(page)
    assert kept == LONG.split()[: len(kept)]
    assert len(kept) >= 30
    more = page.get_by_role("button", name="Continue")
    provider.default = Reply(text=" and the rest of it.")
    more.last.click()
    shows(page, "and the rest of it.")
    assert words(page)[: len(kept)] == kept
