"""What people say about answers: kept with the conversation, counted by analytics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from agents.ratings import DOWN, MAX_COMMENT_CHARS, UP
from agents.run import TurnRequest
from agents.runtime import Runtime
from analytics.erasure import delete_kept_content
from analytics.queries import Filter
from analytics.queries.quality import quality
from analytics.schema import feedback
from core.errors import InvalidInput, NotFound, StorageError
from core.settings import load_settings

pytestmark = pytest.mark.slow


@pytest.fixture
def runtime(data_dir: Path, request: pytest.FixtureRequest) -> Iterator[Runtime]:
    made = Runtime(load_settings(env_file=None, content=getattr(request, "param", "off")))
    yield made
    made.close(2.0)


def answered(runtime: Runtime, owner: str = "local", **more: Any) -> str:
    """Id of a fresh answer."""
    run = runtime.start(TurnRequest(text="What is Switchboard?", owner=owner, **more))
    for _ in run.follow():
        pass
    assert runtime.recorder.flush()
    return runtime.threads.messages(run.thread_id, owner)[-1].id


def counted(runtime: Runtime) -> list[tuple[Any, ...]]:
    """(score, label, words) of every row of feedback."""
    columns = feedback.c.evaluation_score_value, feedback.c.evaluation_score_label
    query = select(*columns, feedback.c.evaluation_explanation)
    return [tuple(row) for row in runtime.recorder.write(lambda c: c.execute(query).all())]


def test_a_rating_is_kept_and_counted(runtime: Runtime) -> None:
    answer = answered(runtime)
    runtime.rate(answer, "local", DOWN, ["slow", "wrong"], "The port is another.")
    kept = runtime.ratings.get(answer, "local")
    assert kept is not None
    assert (kept.thumb, kept.reasons, kept.comment) == (
        DOWN,
        ("wrong", "slow"),
        "The port is another.",
    )
    assert counted(runtime) == [(0.0, "wrong; slow", None)]


def test_the_dashboard_counts_a_thumb_once_and_each_of_its_reasons(runtime: Runtime) -> None:
    runtime.rate(answered(runtime), "local", DOWN, ["wrong", "slow"])
    found = runtime.queries.ask(quality, Filter(range="all"))
    assert (found.overall.coverage.k, found.overall.up.k, found.down) == (1, 0, 1)
    assert found.reasons == (("slow", 1), ("wrong", 1))


def test_an_edit_replaces_the_rating_and_drops_reasons_of_the_other_thumb(runtime: Runtime) -> None:
    answer = answered(runtime)
    runtime.rate(answer, "local", DOWN, ["wrong"], "Hm.")
    runtime.rate(answer, "local", UP, ["wrong", "clear"], "Now I see.")
    kept = runtime.ratings.get(answer, "local")
    assert kept is not None
    assert (kept.thumb, kept.reasons, kept.comment) == (UP, ("clear",), "Now I see.")
    assert counted(runtime) == [(1.0, "clear", None)]


def test_a_rating_taken_back_is_gone_from_both(runtime: Runtime) -> None:
    answer = answered(runtime)
    runtime.rate(answer, "local", UP)
    assert runtime.rate(answer, "local", None) is None
    assert runtime.ratings.get(answer, "local") is None
    assert counted(runtime) == []
    runtime.rate(answer, "local", None)


def test_after_a_removal_the_rating_of_a_copy_counts(runtime: Runtime) -> None:
    answer = answered(runtime)
    (thread,) = runtime.threads.recent("local")
    copy = runtime.threads.copy(thread.id, "local", kind="chat")
    copied = runtime.threads.messages(copy, "local")[-1].id
    runtime.rate(answer, "local", DOWN)
    runtime.rate(copied, "local", UP)
    assert [row[0] for row in counted(runtime)] == [1.0]
    runtime.rate(copied, "local", None)
    assert [row[0] for row in counted(runtime)] == [0.0]


@pytest.mark.parametrize("who", ["foreign", "unknown", "question", "forged"])
def test_only_answers_of_ones_own_threads_can_be_rated(runtime: Runtime, who: str) -> None:
    answer = answered(runtime, "ann")
    (thread,) = runtime.threads.recent("ann")
    question = runtime.threads.messages(thread.id, "ann")[0].id
    owner, message_id = {
        "foreign": ("bob", answer),
        "unknown": ("ann", "0" * 32),
        "question": ("ann", question),
        "forged": ("ann", "' OR 1=1"),
    }[who]
    with pytest.raises(NotFound, match="no such answer"):
        runtime.rate(message_id, owner, UP)
    with pytest.raises(NotFound, match="no such answer"):
        runtime.rate(message_id, owner, None)
    assert counted(runtime) == []


@pytest.mark.parametrize(
    ("thumb", "reasons", "comment", "sentence"),
    [
        (0, (), "", "up or down"),
        (True, (), "", "up or down"),
        (DOWN, ["<b>rude</b>"], "", "no reason"),
        (UP, (), "x" * (MAX_COMMENT_CHARS + 1), "more than 2,000 characters"),
    ],
)
def test_what_cannot_be_a_rating_is_refused(
    runtime: Runtime, thumb: object, reasons: list[str], comment: str, sentence: str
) -> None:
    answer = answered(runtime)
    with pytest.raises(InvalidInput, match=sentence):
        runtime.rate(answer, "local", thumb, reasons, comment)
    assert runtime.ratings.get(answer, "local") is None


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        ("off", None),
        ("hashed", None),
        ("masked", "Write to [email]"),
        ("full", "Write to ann@example.com"),
    ],
    indirect=["runtime"],
)
def test_the_comment_follows_the_setting_for_texts(runtime: Runtime, words: str | None) -> None:
    runtime.rate(answered(runtime), "local", UP, (), "Write to ann@example.com")
    assert counted(runtime) == [(1.0, None, words)]


@pytest.mark.parametrize("runtime", ["full"], indirect=True)
def test_deleting_kept_texts_deletes_comments_and_leaves_thumbs(runtime: Runtime) -> None:
    runtime.rate(answered(runtime), "local", DOWN, ["slow"], "Much too slow.")
    delete_kept_content(runtime.recorder)
    assert counted(runtime) == [(0.0, "slow", None)]


@pytest.mark.parametrize("runtime", ["full"], indirect=True)
def test_deleting_the_thread_deletes_rating_and_comment_and_leaves_the_count(
    runtime: Runtime,
) -> None:
    answer = answered(runtime)
    runtime.rate(answer, "local", DOWN, ["slow"], "Much too slow.")
    (thread,) = runtime.threads.recent("local")
    runtime.delete_thread(thread.id, "local")
    assert runtime.ratings.of_messages([answer], "local") == {}
    assert counted(runtime) == [(0.0, "slow", None)]


@pytest.mark.parametrize("runtime", ["full"], indirect=True)
def test_an_erased_person_said_nothing(runtime: Runtime, data_dir: Path) -> None:
    answer = answered(runtime, "ann")
    runtime.rate(answer, "ann", DOWN, ["slow"], "Comment-by-ann-4711")
    runtime.erase_person("ann")
    assert counted(runtime) == [(0.0, "slow", None)]
    for path in data_dir.glob("a*.db*"):
        assert b"Comment-by-ann-4711" not in path.read_bytes(), path.name


@pytest.mark.parametrize("runtime", ["full"], indirect=True)
def test_of_a_temporary_chat_only_the_thumb_is_counted(runtime: Runtime, data_dir: Path) -> None:
    answer = answered(runtime, temporary=True)
    runtime.rate(answer, "local", DOWN, ["slow"], "Comment-in-passing-4711")
    kept = runtime.ratings.of_messages([answer], "local")[answer]
    assert kept.comment == "Comment-in-passing-4711"
    assert counted(runtime) == [(0.0, "slow", None)]
    for path in data_dir.glob("a*.db*"):
        assert b"Comment-in-passing-4711" not in path.read_bytes(), path.name


def test_an_answer_that_analytics_does_not_know_is_rated_and_not_counted(runtime: Runtime) -> None:
    answer = answered(runtime)
    runtime.recorder.write(lambda c: c.exec_driver_sql("DELETE FROM run"))
    runtime.rate(answer, "local", UP)
    assert runtime.ratings.get(answer, "local") is not None
    assert counted(runtime) == []


def test_a_rating_outlives_analytics_that_cannot_be_written(runtime: Runtime) -> None:
    answer = answered(runtime)
    runtime.recorder.close()
    with pytest.raises(StorageError, match="kept with the answer, but the dashboard"):
        runtime.rate(answer, "local", UP)
    assert runtime.ratings.get(answer, "local") is not None
