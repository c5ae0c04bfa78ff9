"""Thumbs, reasons, a comment and a test case under an answer of the chat."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from agents.ratings import DOWN, UP, Rating
from agents.run import TurnRequest
from agents.runtime import Runtime
from agents.threads import Message
from tests.pages.conftest import OpenPage, checked

pytestmark = pytest.mark.slow

HOSTILE = "![x](https://evil.example/x.png) $1 :red[now] <b>"


@pytest.fixture
def answer(runtime: Runtime) -> Message:
    run = runtime.start(TurnRequest(text="What is Switchboard?"))
    for _ in run.follow():
        pass
    assert runtime.recorder.flush()
    return runtime.threads.messages(run.thread_id, "local")[-1]


@pytest.fixture
def chat(open_page: OpenPage, runtime: Runtime, answer: Message) -> AppTest:
    return open_page("chat", thread=runtime.threads.recent("local")[0].id)


def thumb(at: AppTest, answer: Message, value: int | None) -> AppTest:
    at.feedback(key=f"thumb_{answer.id}").set_value(value)
    return checked(at.run())


def comment(at: AppTest, answer: Message, text: str, reasons: list[str]) -> AppTest:
    kept = -1 if at.feedback(key=f"thumb_{answer.id}").value == 0 else 1
    at.pills(key=f"reasons_{answer.id}_{kept}").set_value(reasons)
    at.text_area(key=f"comment_{answer.id}").set_value(text)
    save = next(b for b in at.button if b.label == "Save" and answer.id in b.form_id)
    save.click()
    return checked(at.run())


def kept(runtime: Runtime, answer: Message) -> Rating | None:
    return runtime.ratings.get(answer.id, "local")


def test_a_thumb_is_saved_at_once_and_asks_why(
    chat: AppTest, runtime: Runtime, answer: Message
) -> None:
    assert not any(area.key == f"comment_{answer.id}" for area in chat.text_area)
    thumb(chat, answer, 0)
    rating = kept(runtime, answer)
    assert rating is not None
    assert rating.thumb == DOWN
    assert chat.pills[0].options == [
        "Wrong", "Not grounded", "Incomplete", "Too long", "Slow", "Refused",
    ]  # fmt: skip


def test_reasons_and_comment_are_saved_and_stand_there_again(
    chat: AppTest, open_page: OpenPage, runtime: Runtime, answer: Message
) -> None:
    comment(thumb(chat, answer, 0), answer, HOSTILE, ["slow"])
    rating = kept(runtime, answer)
    assert rating is not None
    assert (rating.reasons, rating.comment) == (("slow",), HOSTILE)
    again = open_page("chat", thread=runtime.threads.recent("local")[0].id)
    assert again.text_area(key=f"comment_{answer.id}").value == HOSTILE
    assert again.pills(key=f"reasons_{answer.id}_-1").value == ["slow"]
    assert not any("evil" in m.value for m in again.markdown)


def test_the_other_thumb_keeps_the_comment(
    chat: AppTest, runtime: Runtime, answer: Message
) -> None:
    comment(thumb(chat, answer, 0), answer, "Now better.", ["wrong"])
    thumb(chat, answer, 1)
    rating = kept(runtime, answer)
    assert rating is not None
    assert (rating.thumb, rating.reasons, rating.comment) == (UP, (), "Now better.")


def test_a_rating_taken_back_by_mistake_comes_back_with_its_words(
    chat: AppTest, runtime: Runtime, answer: Message
) -> None:
    comment(thumb(chat, answer, 0), answer, "Long words.", ["wrong"])
    thumb(chat, answer, None)
    assert kept(runtime, answer) is None
    thumb(chat, answer, 0)
    rating = kept(runtime, answer)
    assert rating is not None
    assert (rating.reasons, rating.comment) == (("wrong",), "Long words.")
    assert chat.text_area(key=f"comment_{answer.id}").value == "Long words."


def test_a_rating_of_another_tab_is_shown(chat: AppTest, runtime: Runtime, answer: Message) -> None:
    thumb(chat, answer, 0)
    runtime.rate(answer.id, "local", UP)
    assert checked(chat.run()).feedback(key=f"thumb_{answer.id}").value == 1


def test_a_rating_that_is_not_counted_is_kept_and_said(
    chat: AppTest, runtime: Runtime, answer: Message
) -> None:
    runtime.recorder.close()
    thumb(chat, answer, 1)
    assert "Your rating is kept with the answer" in chat.error[0].value
    assert chat.feedback(key=f"thumb_{answer.id}").value == 1


def test_an_answer_deleted_meanwhile_is_a_sentence(
    chat: AppTest, runtime: Runtime, answer: Message
) -> None:
    runtime.delete_thread(runtime.threads.recent("local")[0].id, "local")
    thumb(chat, answer, 1)
    assert "There is no such" in chat.error[0].value


def test_the_dashboard_counts_thumbs_of_the_chat(
    chat: AppTest, open_page: OpenPage, answer: Message
) -> None:
    comment(thumb(chat, answer, 0), answer, "", ["slow", "too long"])
    at = open_page("dashboard", tab="quality")
    drawn = "\n".join(table.value.to_csv() for table in [*at.table, *at.dataframe])
    assert "slow" in drawn
    assert "too long" in drawn
