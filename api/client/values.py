"""What the client gives back beside events: an answer as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from api.client.problems import of_body
from core.errors import ShuttingDown, SwitchboardError
from core.events import Interrupt, Source
from core.transcript import Transcript, summarise

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """None is unknown, never 0."""

    run_id: str
    thread_id: str
    status: str
    """completed, error, cancelled or interrupted; of a run also queued, running, lost, imported."""
    text: str
    message_id: str | None = None
    """Of the saved answer."""
    agent: str | None = None
    model: str | None = None
    """The one that wrote it."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    first_token_ms: float | None = None
    duration_ms: float | None = None
    cost_usd: Decimal | None = None
    cached: str | None = None
    """exact or semantic: an earlier answer was given again."""
    sources: tuple[Source, ...] = ()
    interrupts: tuple[Interrupt, ...] = ()
    """What people are asked before the run goes on; see `resume`."""
    notice: str | None = None
    error: SwitchboardError | None = None

    def raise_for_error(self) -> Answer:
        """The answer itself, unless it failed: then the error is raised."""
        if self.error is not None:
            raise self.error
        return self


def of_transcript(
    transcript: Transcript, *, run_id: str, thread_id: str, message_id: str | None
) -> Answer:
    """The answer of a log that was read from its beginning."""
    known = summarise(transcript)
    waits = transcript.interrupted
    return Answer(
        run_id=run_id,
        thread_id=thread_id,
        status=known.status,
        text=transcript.text,
        message_id=message_id,
        agent=known.agent,
        model=known.model,
        input_tokens=known.input_tokens,
        output_tokens=known.output_tokens,
        first_token_ms=_ms(known.ttft_us),
        duration_ms=_ms(known.duration_us),
        cost_usd=None
        if known.cost_pusd is None or not known.cost_complete
        else Decimal(known.cost_pusd).scaleb(-12),
        cached=known.earlier["kind"] if known.earlier else None,
        sources=transcript.sources.sources if transcript.sources else (),
        interrupts=waits.interrupts if waits else (),
        notice=known.notice,
        error=_why(transcript),
    )


def _why(transcript: Transcript) -> SwitchboardError | None:
    if transcript.failure is not None:
        return of_body(asdict(transcript.failure))
    if transcript.stopped_by == "shutdown":  # nobody asked for half an answer
        return ShuttingDown("Switchboard was shut down while it answered.")
    return None


def of_wire(data: Mapping[str, Any]) -> Answer:
    """An answer as the API writes it."""
    tokens = data.get("tokens") or {}
    cost, error = data.get("cost_usd"), data.get("error")
    return Answer(
        run_id=str(data["run_id"]),
        thread_id=str(data["thread_id"]),
        status=str(data["status"]),
        text=str(data.get("text") or ""),
        message_id=data.get("message_id"),
        agent=data.get("agent"),
        model=data.get("model"),
        input_tokens=tokens.get("input"),
        output_tokens=tokens.get("output"),
        first_token_ms=data.get("first_token_ms"),
        duration_ms=data.get("duration_ms"),
        cost_usd=None if cost is None else Decimal(str(cost)),
        cached=data.get("cached"),
        sources=tuple(_part(Source, one) for one in data.get("sources") or ()),
        interrupts=tuple(
            _interrupt(one) for one in data.get("interrupts") or () if not one.get("answered")
        ),
        notice=data.get("notice"),
        error=of_body(error) if isinstance(error, Mapping) else None,
    )


def _interrupt(data: Mapping[str, Any]) -> Interrupt:
    schema = data.get("response_schema")
    return Interrupt(
        id=str(data["id"]),
        value=json.dumps(data.get("value")),
        response_schema=None if schema is None else json.dumps(schema),
    )


def _part(cls: Any, data: Mapping[str, Any]) -> Any:
    """A value of this class; what a newer server adds is left out."""
    known = cls.__dataclass_fields__
    return cls(**{name: value for name, value in data.items() if name in known})


def _ms(us: int | None) -> float | None:
    return None if us is None else us / 1000
