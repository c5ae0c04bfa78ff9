"""Answers and problems in a line each."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from api.client import Answer, Stream
from core.errors import SwitchboardError
from core.words import status_name

_CHARS_PER_TOKEN = 4.0


def sentence(problem: SwitchboardError) -> str:
    """What failed and what to do."""
    what = problem.message.strip()
    stop = "" if what.endswith((".", "!", "?", "…")) else "."
    return f"{what}{stop} {problem.what_to_do}".strip()


def progress(stream: Stream, elapsed_us: int) -> str:
    """Where an answer stands: agent, step, seconds, speed, or its place in the queue."""
    return " · ".join(_progress(stream, elapsed_us))


def _progress(stream: Stream, elapsed_us: int) -> Iterator[str]:
    now = stream.transcript
    if now.queued:
        place = now.queue_position
        yield "waiting for a vacant place" if place is None else f"place {place} in the queue"
    else:
        yield now.agent or "choosing an agent"
        tool = next((t for t in now.tools.values() if t.output is None and not t.error), None)
        step = tool.name if tool else now.node
        if step and step != now.agent:
            yield step
    yield f"{elapsed_us / 1e6:.1f} s"
    written = now.output_so_far(_CHARS_PER_TOKEN)
    writing_us = elapsed_us - (now.ttft_us or elapsed_us)
    if written and writing_us > 0:
        yield f"{written / (writing_us / 1e6):.0f} tokens/s"
    yield "Ctrl-C stops"


def summary(answer: Answer) -> str:
    """Agent, model, first token, time, tokens, cost."""
    return " · ".join(_summary(answer))


def _summary(answer: Answer) -> Iterator[str]:
    if answer.status != "completed":
        yield status_name(answer.status)
    yield answer.agent or "no agent"
    yield answer.model or "no model"
    if answer.first_token_ms is not None:
        yield f"first token {answer.first_token_ms / 1000:.2f} s"
    if answer.duration_ms is not None:
        yield f"{answer.duration_ms / 1000:.2f} s"
    yield f"{_count(answer.input_tokens)} + {_count(answer.output_tokens)} tokens"
    yield "cost unknown" if answer.cost_usd is None else dollars(answer.cost_usd)


def dollars(amount: Decimal) -> str:
    """Two digits that count, at least cents."""
    if not amount:
        return "$0"
    return f"${amount:,.2f}" if amount >= 1 else f"${amount:.{max(2, 1 - amount.adjusted())}f}"


def _count(tokens: int | None) -> str:
    return "?" if tokens is None else f"{tokens:,}"
