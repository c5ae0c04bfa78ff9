"""Rules and events in the database. A rule that cannot be read is left out and named, never fatal."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from analytics.alerts.rules import RULE, AlertRule
from analytics.alerts.state import OK, Change, State
from analytics.budgets.reasons import BadDefinition, checked, from_json
from analytics.budgets.store import Writes, checked_name
from analytics.queries.reading import Reader
from analytics.schema import alert_event, alert_rule
from core.errors import NotFound
from core.ids import new_id

log = logging.getLogger(__name__)


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
    found = []
    for row in reader.rows(select(alert_rule).order_by(alert_rule.c.name)):
        try:
            definition = from_json(RULE, row["definition"])
        except BadDefinition as exc:
            log.warning("alert rule %s is left out: %s", row["rule_id"], exc.message)
            continue
        found.append(
            AlertRule(
                rule_id=row["rule_id"],
                name=row["name"],
                enabled=bool(row["enabled"]),
                definition=definition,
            )
        )
    return tuple(found)


def save_rule(writes: Writes, name: str, definition: Any, *, rule_id: str | None = None) -> str:
    """Adds a rule, switched on, or changes one. Raises BadDefinition, NotFound, StorageError."""
    name = checked_name(name)
    values = {
        "name": name,
        "definition": checked(RULE, definition).model_dump_json(),
        "updated_at_us": time.time_ns() // 1000,
    }
    key = rule_id or new_id()

    def work(connection: Connection) -> str:
        same = select(alert_rule.c.rule_id).where(
            alert_rule.c.name == name, alert_rule.c.rule_id != key
        )
        if connection.execute(same).first() is not None:
            raise BadDefinition({"name": "another rule has this name"})
        if rule_id is None:
            connection.execute(insert(alert_rule).values(rule_id=key, enabled=1, **values))
        else:
            _change(connection, key, values)
        return key

    return writes.write(work)


def set_rule_enabled(writes: Writes, rule_id: str, enabled: bool) -> None:
    """Raises NotFound, StorageError."""
    writes.write(lambda connection: _change(connection, rule_id, {"enabled": int(enabled)}))


def remove_rule(writes: Writes, rule_id: str) -> None:
    """Its events stay. Harmless when it is gone already. Raises StorageError."""
    statement = delete(alert_rule).where(alert_rule.c.rule_id == rule_id)
    writes.write(lambda connection: connection.execute(statement) and None)


def _change(connection: Connection, rule_id: str, values: Mapping[str, Any]) -> None:
    statement = update(alert_rule).where(alert_rule.c.rule_id == rule_id).values(**values)
    if not connection.execute(statement).rowcount:
        raise NotFound("It was deleted in the meantime.", what_to_do="Look at the list again.")


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
