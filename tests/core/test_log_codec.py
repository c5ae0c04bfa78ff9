"""Events survive storage unchanged, and the published schema describes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import (
    EVENT_CLASSES,
    Attempt,
    Candidate,
    Event,
    Heartbeat,
    Route,
    Source,
    Sources,
    Token,
)
from core.events_codec import from_dict, to_dict
from core.events_schema import events_schema
from core.log_codec import decode_log, encode_log

RUN = "a" * 32


def stamped(events: list[Event], first: int = 0) -> list[Event]:
    for seq, event in enumerate(events, start=first):
        for name, value in (("run_id", RUN), ("seq", seq), ("elapsed_us", 10 * seq)):
            object.__setattr__(event, name, value)
        object.__setattr__(event, "at_us", 1_000_000 + 10 * seq)
    return events


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
drafts = st.one_of(
    st.builds(Token, text=texts, message_id=st.sampled_from(["m1", "m2"])),
    st.builds(Heartbeat, state=st.just("running"), node=st.none() | texts),
    st.builds(
        Route,
        agent=texts,
        decided_by=st.just("local"),
        reason=texts,
        duration_us=st.integers(0, 10**9),
        candidates=st.lists(
            st.builds(Candidate, agent=texts, score=st.floats(0, 1)), max_size=3
        ).map(tuple),
    ),
    st.builds(
        Sources,
        mode=st.just("rag"),
        query=texts,
        sources=st.lists(
            st.builds(
                Source,
                n=st.integers(1, 99),
                passage_id=texts,
                document=texts,
                title=texts,
                area=texts,
                text=texts,
            ),
            max_size=2,
        ).map(tuple),
    ),
)


@given(st.lists(drafts, max_size=20), st.integers(0, 500))
def test_a_log_comes_back_equal(events: list[Event], first: int) -> None:
    log = stamped(events, first)
    assert decode_log(encode_log(log), run_id=RUN, started_at_us=1_000_000) == log


def test_a_token_costs_few_bytes() -> None:
    log = stamped([Token(text=f" word{n}", message_id="m") for n in range(4000)])
    assert len(encode_log(log)) < 4000 * 15


def test_a_damaged_log_is_named() -> None:
    with pytest.raises(ValueError, match="damaged"):
        decode_log(b"nonsense", run_id=RUN, started_at_us=0)


def test_fields_of_a_newer_version_are_ignored_and_unknown_types_named() -> None:
    data = {**to_dict(Token(text="x")), "from_the_future": 1}
    assert from_dict(data) == Token(text="x")
    with pytest.raises(ValueError, match="unknown event type"):
        from_dict({"type": "surprise"})
    with pytest.raises(ValueError, match="incomplete"):
        from_dict({"type": "attempt"})


def test_the_published_schema_is_current() -> None:
    """Run `make schema` when this fails."""
    published = Path("docs/technical/events.schema.json").read_text("utf-8")
    assert json.loads(published) == json.loads(json.dumps(events_schema()))


def test_every_event_class_has_its_own_type_and_is_in_the_schema() -> None:
    mapping = events_schema()["discriminator"]["mapping"]
    assert len(mapping) == len(EVENT_CLASSES)


def test_an_attempt_keeps_none_apart_from_zero() -> None:
    attempt = Attempt(
        call_id="c", logical_call_id="l", attempt=1, purpose="answer", model="m", provider="p",
        outcome="ok", first_token_us=0, duration_us=None,
    )  # fmt: skip
    back = from_dict(json.loads(json.dumps(to_dict(attempt))))
    assert (back.first_token_us, back.duration_us) == (0, None)  # type: ignore[union-attr]
