"""The Evaluations page as a person meets it: a file with faults, pausing in two tabs, a phone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Server, settled
from tests.provider import ProviderServer
from tests.provider.reply import Reply

QUESTIONS = 12
ROWS = [
    json.dumps({"id": f"q{n}", "question": f"How do I change setting {n}?", "contains": "e"})
    for n in range(QUESTIONS)
]


def take(page: Any, url: str, lines: list[str], button: str) -> None:
    """Uploads a question set, and keeps it by a button."""
    page.goto(f"{url}/evaluations?evaluations_tab=Question+sets")
    settled(page)
    page.locator("input[type=file]").set_input_files(
        {"name": "mine.jsonl", "mimeType": "text/plain", "buffer": "\n".join(lines).encode()}
    )
    page.get_by_role("button", name=button).click()
    page.get_by_text("is kept.").wait_for()
    settled(page)


def start(page: Any) -> None:
    page.get_by_role("button", name="Evaluate").first.click()
    page.get_by_role("button", name="Start").wait_for()
    settled(page)  # the form is drawn from above: its button runs away from the pointer
    page.get_by_role("button", name="Start").click()
    page.get_by_text("of 24 answers").wait_for()


def test_only_the_good_rows_of_a_file_are_evaluated_and_a_reload_shows_the_same(
    keyless: Server, open_page: Callable[..., Any]
) -> None:
    page = open_page(keyless.url)
    take(page, keyless.url, [*ROWS[:6], "not json", *ROWS[6:]], "Take the 12 good rows only")
    start(page)
    page.get_by_text("after it was made").wait_for(timeout=60_000)
    page.get_by_text("24 of 24 answers").wait_for()
    verdict = page.get_by_text("Against a baseline")
    verdict.wait_for()
    page.reload()
    settled(page)
    page.get_by_text("24 of 24 answers").wait_for()
    verdict.wait_for()


@pytest.mark.slow
def test_what_is_paused_in_one_tab_rests_in_the_other_and_nothing_is_asked_twice(
    make_server: Callable[..., Server], provider: ProviderServer, open_page: Callable[..., Any]
) -> None:
    provider.default = Reply(text="One two three four five.", per_token_ms=1_500)
    server = make_server(
        OPENAI_API_KEY="sk-test-1234567890",
        OPENAI_BASE_URL=provider.openai_url,
        SWITCHBOARD_ANSWER_MODELS="openai:gpt-4o-mini,openai:gpt-4o",
        SWITCHBOARD_ROUTER_MODELS="local:extractive",
    )
    page = open_page(server.url)
    take(page, server.url, ROWS, "Save 12 questions")
    start(page)
    other = open_page(page.url)
    page.get_by_role("button", name="Pause").click()
    other.get_by_role("button", name="Resume").wait_for()
    before = len(provider.requests)
    other.wait_for_timeout(1_000)
    assert len(provider.requests) == before < 2 * QUESTIONS
    provider.default = Reply(text="One two three four five.")
    other.get_by_role("button", name="Resume").click()
    other.get_by_text("after it was made").wait_for(timeout=60_000)
    asked = [(r.body["model"], str(r.body["messages"][-1]["content"])) for r in provider.requests]
    assert len(asked) == len(set(asked)) == 2 * QUESTIONS


@pytest.mark.slow
def test_on_a_phone_a_row_opens_its_answers_and_nothing_is_wider_than_the_screen(
    keyless: Server, open_page: Callable[..., Any]
) -> None:
    page = open_page(keyless.url, viewport={"width": 400, "height": 900})
    take(page, keyless.url, ROWS, "Save 12 questions")
    start(page)
    page.get_by_text("after it was made").wait_for(timeout=60_000)
    page.get_by_text("Questions", exact=True).first.click()
    table = page.locator('[data-testid="stDataFrame"]').first
    table.wait_for()
    settled(page)
    box = table.bounding_box()
    page.mouse.click(box["x"] + 15, box["y"] + 35 + 17)
    page.get_by_text("Question 1 of 12").wait_for()
    page.get_by_text("How this answer came about").first.wait_for()
    main = page.locator('[data-testid="stMain"]')
    assert main.evaluate("one => one.scrollWidth <= one.clientWidth")
    assert "case=q0" in page.url
