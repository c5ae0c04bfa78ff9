"""What the client sends of what it is given, and what it refuses to send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from api.client import Switchboard
from core.errors import InvalidInput, NotFound
from tests.api.scripted_api import THREAD, Events, Reply, ScriptedApi, answer_log


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with ScriptedApi() as server:
        yield server


GONE = Reply(status=404, body={"error": {"code": "not_found", "message": "No such thread."}})


@pytest.mark.parametrize("key", ["Bestellung 7 – früh", "two\nlines", " "])
def test_a_key_of_any_characters_reaches_the_server(api: ScriptedApi, key: str) -> None:
    """As a header it raised UnicodeEncodeError, or said that something else answers there."""
    api.script(Events(events=answer_log("Yes.")))
    with Switchboard(api.url) as switchboard:
        switchboard.chat("?", idempotency_key=key)
    assert api.seen[0].body == {"message": "?", "idempotency_key": key}


@pytest.mark.parametrize(
    "given", [{"text": "half \ud83d"}, {"text": "?", "metadata": {"score": float("nan")}}]
)
def test_what_no_request_can_hold_is_refused_by_the_client(
    api: ScriptedApi, given: dict[str, Any]
) -> None:
    """It raised UnicodeEncodeError or ValueError, which no program expects of it."""
    with Switchboard(api.url) as switchboard, pytest.raises(InvalidInput, match="cannot be sent"):
        switchboard.chat(**given)
    assert api.seen == []


def test_a_thread_that_was_deleted_although_the_answer_was_lost_is_deleted(
    api: ScriptedApi,
) -> None:
    """The repetition found no thread any more, and the client said so as if nothing was done."""
    api.script(Events(events=[], end="cut"), GONE, GONE)
    with Switchboard(api.url, sleep=lambda _: None) as switchboard:
        assert switchboard.delete(THREAD) == {}
        with pytest.raises(NotFound):
            switchboard.delete(THREAD)
