"""Rules and events in the database. A rule that cannot be read is left out and named, never fatal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from analytics.alerts.rules import RULE, AlertRule
from analytics.alerts.state import OK, Change, State
from analytics.budgets.kept import Kept, Writes
from analytics.queries.reading import Reader
from analytics.schema import alert_event, alert_rule

_RULES = Kept("rule", alert_rule, "rule_id", RULE)


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertEvent:
    """Something that was told, or a rule that holds (`pending`)."""

    event_id: str
    rule_id: str
    rule_name: str
    state: str
    began_at_us: int
    at_us: int
    value: float | None
    message: str
    delivery: Mapping[str, Any]


# -- rules


def rules(reader: Reader) -> tuple[AlertRule, ...]:
    """All of them by name. Raises StorageError."""
    return tuple(
        AlertRule(rule_id=one.id, name=one.name, enabled=one.enabled, definition=one.definition)
        for one in _RULES.all(reader)
    )


def save_rule(writes: Writes, name: str, definition: Any, *, rule_id: str | None = None) -> str:
    """Adds a rule, switched on, or changes one. Raises BadDefinition, NotFound, StorageError."""
    return _RULES.save(writes, name, definition, rule_id)


def set_rule_enabled(writes: Writes, rule_id: str, enabled: bool) -> None:
    """Raises NotFound, StorageError."""
    _RULES.enable(writes, rule_id, enabled)


def remove_rule(writes: Writes, rule_id: str) -> None:
    """Its events stay. Harmless when it is gone already. Raises StorageError."""
    _RULES.remove(writes, rule_id)


# -- events


def events(reader: Reader, limit: int = 100) -> tuple[AlertEvent, ...]:
    """What was told, newest first. Raises StorageError."""
    statement = (
        select(alert_event)
        .where(alert_event.c.state != "pending")
        .order_by(alert_event.c.at_us.desc())
        .limit(limit)
    )
    return tuple(_event(row) for row in reader.rows(statement))


def last_states(reader: Reader) -> dict[str, State]:
    """Where each rule stood when it last changed: how a restart goes on. Raises StorageError."""
    newest = select(alert_event.c.rule_id, func.max(alert_event.c.at_us).label("at_us"))
    last = newest.group_by(alert_event.c.rule_id).subquery()
    statement = select(alert_event).join_from(
        alert_event,
        last,
        (alert_event.c.rule_id == last.c.rule_id) & (alert_event.c.at_us == last.c.at_us),
    )
    return {row["rule_id"]: _state(_event(row)) for row in reader.rows(statement)}


def _state(event: AlertEvent) -> State:
    if event.state not in ("pending", "firing"):
        return OK
    pending = event.state == "pending"
    return State(
        phase="pending" if pending else "firing",
        began_at_us=event.began_at_us,
        told_at_us=0 if pending else event.at_us,
        event_id=event.event_id,
    )


def keep(connection: Connection, changes: Sequence[Change]) -> None:
    """Writes what happened. A hold is one row that becomes the firing, or goes again."""
    for change in changes:
        of = alert_event.c.event_id == change.event_id
        connection.execute(delete(alert_event).where(of))
        if change.kind != "dropped":
            connection.execute(
                insert(alert_event).values(
                    event_id=change.event_id,
                    rule_id=change.rule_id,
                    rule_name=change.name,
                    state="firing" if change.kind == "again" else change.kind,
                    began_at_us=change.began_at_us,
                    at_us=change.at_us,
                    value=change.value,
                    message=change.message,
                )
            )


def keep_deliveries(connection: Connection, results: Mapping[str, Mapping[str, Any]]) -> None:
    """Adds how each event was told to what is known of it."""
    for event_id, result in results.items():
        of = alert_event.c.event_id == event_id
        known = connection.execute(select(alert_event.c.delivery).where(of)).scalar()
        merged = {**_delivery(known), **result}
        connection.execute(update(alert_event).where(of).values(delivery=json.dumps(merged)))


def _event(row: Mapping[str, Any]) -> AlertEvent:
    return AlertEvent(**{**row, "delivery": _delivery(row["delivery"])})


def _delivery(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
