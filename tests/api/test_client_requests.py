"""What the client sends of what it is given, and what it refuses to send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from api.client import Switchboard
from core.errors import InvalidInput
from tests.api.scripted_api import Events, ScriptedApi, answer_log


@pytest.fixture
def api() -> Iterator[ScriptedApi]:
    with ScriptedApi() as server:
        yield server


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
