"""What pages show of limits and of answers that are given again."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from agents.runtime import Runtime
from analytics.budgets import Allotment, Quota
from analytics.budgets.quota import Amount
from analytics.queries.repeated import Repeated
from core.events import Heartbeat, RunStarted
from core.transcript import Transcript
from pages.components import session
from pages.components.compare_columns import unseen_line
from pages.components.dashboard_answer_cache import cache_line
from pages.components.usage_line import usage_line
from tests.pages.conftest import ENTRY, checked
from tests.provider import ProviderServer, Reply, Usage

pytestmark = pytest.mark.slow

QUESTION = "What is Switchboard?"


@pytest.fixture
def environment(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, provider: ProviderServer
) -> pytest.MonkeyPatch:
    provider.default = Reply(text="A switchboard [1].", usage=Usage(input=2_500, output=500))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-1234567890")
    monkeypatch.setenv("OPENAI_BASE_URL", provider.openai_url)
    monkeypatch.setenv("SWITCHBOARD_ROUTER_MODELS", "local:extractive")
    return monkeypatch


def opened(request: pytest.FixtureRequest) -> tuple[AppTest, Runtime]:
    """The chat over a runtime with the settings of now."""
    request.getfixturevalue("new_navigation")
    built = session.runtime()
    request.addfinalizer(lambda: built.close(2.0))
    assert built.spending.wait_for_first_reading(20)
    return checked(AppTest.from_file(str(ENTRY), default_timeout=30).run()), built


def send(app: AppTest, text: str = QUESTION) -> AppTest:
    app.chat_input[0].set_value(text)
    return checked(app.run())


def said(app: AppTest) -> str:
    return "\n".join(e.value for e in (*app.markdown, *app.caption, *app.error))


def error(app: AppTest) -> str:
    return app.error[0].value.replace("\\", "")


def test_an_answer_given_again_says_so_and_can_be_asked_anew(
    environment: pytest.MonkeyPatch, provider: ProviderServer, request: pytest.FixtureRequest
) -> None:
    environment.setenv("SWITCHBOARD_ANSWER_CACHE", "exact")
    app, runtime = opened(request)
    assert runtime.warm_up.indexed.wait(20)
    send(app)
    assert "From an earlier answer" not in said(app)
    assert not [b for b in app.button if b.label == "Ask again"]
    runtime.answers.flush()
    app.query_params.clear()
    send(checked(app.run()))
    assert "From an earlier answer, just now" in said(app)
    assert "saved \\$0.00068" in said(app)
    assert "GPT\\-4o mini" in said(app)
    assert len(provider.requests) == 1
    (again,) = [b for b in app.button if b.label == "Ask again"]
    again.click()
    checked(app.run())
    assert "From an earlier answer" not in said(app)
    assert len(provider.requests) == 2


def test_a_refused_message_stays_typed_and_says_when_to_send_it(
    environment: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    environment.setenv("SWITCHBOARD_RATE_LIMIT", "1/hour")
    app, _ = opened(request)
    send(app)
    send(app, "And what else?")
    assert "You sent 1 request per hour, and that is the limit." in error(app)
    assert app.chat_input[0].value == "And what else?"
    assert [m.name for m in app.chat_message] == ["user", "assistant"]


def test_what_is_used_of_the_day_stands_among_the_options(
    environment: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    environment.setenv("SWITCHBOARD_QUOTA_TOKENS_PER_DAY", "3600")
    app, _ = opened(request)
    line = ":material/data_usage: Today: 0 of 3,600 tokens"
    assert [c.value for c in app.caption].count(line) == 1
    checked(send(app).run())
    line = ":material/data_usage: Today: 3,000 of 3,600 tokens"
    assert [c.value for c in app.caption].count(line) == 2  # beside the chat as well


def test_a_used_up_day_refuses_and_says_until_when(
    environment: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    environment.setenv("SWITCHBOARD_QUOTA_TOKENS_PER_DAY", "3000")
    app, _ = opened(request)
    send(app)
    send(app, "And what else?")
    assert "You have used 3,000 of 3,000 tokens today." in error(app)
    assert "It starts again on" in error(app)
    assert "00:00 UTC" in error(app)


def test_a_blind_column_that_waits_says_its_place_and_not_who_it_is() -> None:
    transcript = Transcript()
    transcript.add(Heartbeat(state="queued", queue_position=3))
    assert "Waiting for a free place, place 3" in unseen_line(transcript, 2)
    transcript.add(RunStarted(thread_id="t", message_id="m", graph="supervisor", agent="policy"))
    assert unseen_line(transcript, 3) == ":shimmer[Answering…] :gray[3 s]"


def allotment(used: Amount, quota: Quota, *, known: bool = True) -> Allotment:
    return Allotment(used=used, quota=quota, starts_again="2 May 2026, 00:00 UTC", known=known)


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (allotment(Amount(12_300), Quota(tokens=50_000)), "Today: 12,300 of 50,000 tokens"),
        (
            allotment(Amount(5, 20_000_000_000), Quota(tokens=10, pusd=10**12)),
            "Today: 5 of 10 tokens · \\$0.02 of \\$1.00",
        ),
        (
            allotment(Amount(9, 0), Quota(tokens=9)),
            "Today: 9 of 9 tokens · starts again on 2 May 2026, 00:00 UTC",
        ),
        (
            allotment(Amount(9, 0), Quota(tokens=9), known=False),
            "Today: not known, because the figures cannot be read",
        ),
    ],
)
def test_the_line_of_a_day(found: Allotment, line: str) -> None:
    assert usage_line(found) == line


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (
            Repeated(exact=1, saved_pusd=20_000_000_000),
            "1 answer was given again from the answer cache, which saved \\$0.02.",
        ),
        (
            Repeated(exact=8, semantic=4, saved_pusd=10**12, unpriced=2),
            "12 answers were given again from the answer cache, 4 of them to a question in other "
            "words, which saved \\$1.00. What 2 of them had cost is not known.",
        ),
    ],
)
def test_the_line_of_the_dashboard(found: Repeated, line: str) -> None:
    assert cache_line(found) == line
