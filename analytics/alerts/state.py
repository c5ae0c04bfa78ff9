"""From one reading to the next: ok -> pending -> firing -> resolved. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from analytics.alerts.evaluate import Reading
from core.ids import new_id

Phase = Literal["ok", "pending", "firing"]
Kind = Literal["pending", "dropped", "firing", "again", "resolved"]


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """Of one rule. `event_id`: the row of the event that is open; "" when it is ok."""

    phase: Phase = "ok"
    began_at_us: int = 0
    told_at_us: int = 0
    event_id: str = ""


OK = State()


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What happened to a rule. firing, again and resolved are told; the others are only kept."""

    kind: Kind
    event_id: str
    rule_id: str
    name: str
    began_at_us: int
    at_us: int
    value: float | None
    message: str


def advance(state: State, seen: Reading, now_us: int) -> tuple[State, Change | None]:
    """The next state, and what happened on the way to it.

    Too little data ends a hold, and resolves what fires: what cannot be seen any more is not told
    as if it went on.
    """

    def change(kind: Kind, after: State, message: str = "") -> Change:
        return Change(
            kind=kind,
            event_id=after.event_id,
            rule_id=seen.rule_id,
            name=seen.name,
            began_at_us=after.began_at_us,
            at_us=now_us,
            value=seen.value,
            message=message or seen.message,
        )

    if seen.breached:
        if state.phase == "ok":
            state = State(phase="pending", began_at_us=now_us, event_id=new_id())
            if seen.hold_us:
                return state, change("pending", state)
        if state.phase == "pending":
            if now_us - state.began_at_us < seen.hold_us:
                return state, None
            state = replace(state, phase="firing", told_at_us=now_us)
            return state, change("firing", state)
        if seen.renotify_us and now_us - state.told_at_us >= seen.renotify_us:
            state = replace(state, told_at_us=now_us, event_id=new_id())
            return state, change("again", state)
        return state, None
    if state.phase == "pending":
        return OK, change("dropped", state)
    if state.phase == "firing":
        message = f"{seen.message}; too little to go on" if seen.breached is None else ""
        return OK, change("resolved", replace(state, event_id=new_id()), message)
    return OK, None
