"""One model operation: attempts over several models that together make one message.

The rules are those of agents/retry.py. Text that was handed on stays: another model goes on with it, or
the embedded answerer answers below it. Only when a model broke off inside a tool call after text does
an `Attempt(reset=True)` tell readers to withdraw that text, and a chunk marked RESTARTED tells whoever
folds the chunks into a message (`folded`): what is shown and what is kept are the same text.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.outputs import ChatGenerationChunk

from agents.accounting import Ratios, prompt_chars, usage_event
from agents.attempt import Call, CallInfo, clock
from agents.breaker import Breaker
from agents.candidate import Candidate
from agents.continuation import Overlap, SameBeginning, continuation
from agents.reading import Reading
from agents.retry import (
    Broken,
    Limits,
    ends_operation,
    most_useful,
    pause_before_retry,
    says_unhealthy,
)
from agents.spending import Allowance, Refused
from core.catalog import Catalog
from core.errors import ModelFailure, ModelUnavailable
from core.events import AttemptOutcome, CallPurpose, Event
from core.ids import new_id

log = logging.getLogger(__name__)
RESTARTED = "restarted"
BROKE_OFF = "\n\n---\n\n*The answer above broke off. What the documents say, from the embedded answerer:*\n\n"
"""Key in the response metadata of the empty chunk after which the message begins anew."""
Options = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Services:
    """What operations share; one per registry."""

    limits: Limits
    catalog: Catalog
    breaker: Breaker = field(default_factory=Breaker)
    ratios: Ratios = field(default_factory=Ratios)


def folded(chunks: Sequence[AIMessageChunk]) -> AIMessageChunk:
    """The message the chunks of one operation make: what came before a restart is not part of it."""
    marks = [i for i, chunk in enumerate(chunks) if chunk.response_metadata.get(RESTARTED)]
    first, *rest = chunks[marks[-1] + 1 if marks else 0 :] or [AIMessageChunk(content="")]
    return add_ai_message_chunks(first, *rest)


class Operation:
    """Made for one call of a ResilientChat; `stream` is used once."""

    def __init__(
        self,
        services: Services,
        candidates: Sequence[Candidate],
        emit: Callable[[Event], None],
        *,
        emit_cancelled: Callable[[Event], None] | None = None,
        purpose: CallPurpose,
        agent: str | None,
        allowance: Allowance | None = None,
        stand_in: Callable[[str], Candidate | None] = lambda _: None,
        begun: str = "",
    ) -> None:
        """`emit_cancelled`: for the end of a cancelled attempt; a graph that is being stopped reads
        its own stream no more. `stand_in` gives the model that a used-up budget names. `begun`: the
        text of an answer that is gone on with."""
        self._services = services
        self._limits = services.limits
        self._breaker = services.breaker
        self._waiting = list(candidates)
        self._passed_over: list[Candidate] = []
        self._emit = emit
        self._emit_cancelled = emit_cancelled or emit
        self._purpose = purpose
        self._agent = agent
        self._allowance = allowance
        self._stand_in = stand_in
        self._unaffordable: list[tuple[Refused, str]] = []
        self._id = new_id()
        self._attempts = 0
        self._retried: set[str] = set()
        self._failures: list[tuple[bool, ModelFailure]] = []
        self._ends_at = clock() + self._limits.total_s
        self._shown: list[str] = [begun] if begun else []
        self._begun = begun
        self._must_restart = False

    async def stream(
        self, messages: list[BaseMessage], stop: list[str] | None, options: Options
    ) -> AsyncGenerator[ChatGenerationChunk, None]:
        """Chunks of one message; the last has metadata, usage and tool calls. Raises ModelFailure
        only, with the text that was handed on as `partial`."""
        context = _run_context()
        keep_prompt = getattr(context, "keep_prompt", None)
        pictures = getattr(context, "pictures", None)
        if pictures is not None:
            await pictures.fetch(messages)
            self._waiting = pictures.seeing_first(messages, self._waiting)
        candidate = self._next()
        while candidate is not None:
            reset = self._has_text() and self._must_restart
            if reset:
                self._shown.clear()
            appended = self._has_text() and not candidate.continues
            again = appended and "".join(self._shown) == self._begun
            call = self._begin(candidate, reset=reset, continued=self._has_text() and not appended)
            before = "".join(self._shown) if call.info.continued else ""
            prompt = continuation(messages, before) if before else messages
            if keep_prompt is not None:
                keep_prompt(call.info.call_id, prompt)
            answered = partial(self._breaker.answered, candidate.id)
            overlap = SameBeginning(self._begun, self._bridge()) if again else Overlap(before)
            reading = Reading(
                candidate, call, self._limits, self._ends_at, self._shown, overlap, answered
            )
            sent = prompt if pictures is None else pictures.given(candidate.id, prompt)
            chunks = reading.chunks(sent, stop, options)
            try:
                if reset:
                    yield _restart_chunk()
                if appended and not again:
                    text = self._bridge()
                    self._shown.append(text)
                    yield ChatGenerationChunk(message=AIMessageChunk(content=text))
                async for chunk in chunks:
                    yield chunk
            except ModelFailure as exc:
                candidate, pause = self._after(candidate, call, exc, prompt, options)
            except BaseException:
                # Stopped, or the reader left. Written down before anything here waits.
                self._breaker.released(candidate.id)
                self._record(call, "cancelled", prompt, options)
                raise
            else:
                self._breaker.answered(candidate.id)
                self._record(call, "ok", prompt, options)
                yield _last_chunk(candidate, call)
                return
            finally:
                await chunks.aclose()
            if candidate is not None and pause > 0:
                await self._pause(candidate, pause)
        raise self._defeat()

    def _bridge(self) -> str:
        """What stays between a broken answer and one that cannot continue it."""
        shown = "".join(self._shown)
        return ("\n```" if shown.count("```") % 2 else "") + BROKE_OFF

    def _begin(self, candidate: Candidate, *, reset: bool, continued: bool) -> Call:
        self._attempts += 1
        self._must_restart = False
        info = CallInfo(
            call_id=new_id(),
            logical_call_id=self._id,
            attempt=self._attempts,
            purpose=self._purpose,
            agent=self._agent,
            model=candidate.id,
            provider=candidate.provider,
            region=candidate.region,
            continued=continued,
        )
        self._emit(info.event("started", reset=reset))
        return Call(info=info)

    def _after(
        self,
        candidate: Candidate,
        call: Call,
        failure: ModelFailure,
        prompt: Sequence[BaseMessage],
        options: Options,
    ) -> tuple[Candidate | None, float]:
        """Records a failed attempt. Gives who is asked next, and the pause before that."""
        self._must_restart = bool(call.tools)
        if says_unhealthy(failure):
            silent = call.struck == "first_token"
            self._breaker.failed(candidate.id, failure, silent=silent)
        else:
            self._breaker.released(candidate.id)
        if ends_operation(failure, continuing=call.info.continued):
            self._failures = [(True, failure)]
            following, pause = None, 0.0
        else:
            self._failures.append((True, failure))
            following, pause = self._following(candidate, call, failure)
        self._record(
            call,
            "broke_midstream" if call.arrivals else "error",
            prompt,
            options,
            failure=failure,
            next_model=following.id if following else None,
        )
        return following, pause

    def _following(
        self, candidate: Candidate, call: Call, failure: ModelFailure
    ) -> tuple[Candidate | None, float]:
        broken = Broken(
            failure=failure,
            struck=call.struck,
            any_text=self._has_text(),
            other_can_continue=any(other.continues for other in self._waiting),
        )
        pause = pause_before_retry(broken, self._limits.backoff_s)
        if (
            pause is not None
            and candidate.id not in self._retried
            and clock() + pause < self._ends_at
            and self._breaker.admit(candidate.id)
        ):
            self._retried.add(candidate.id)
            return candidate, pause
        return self._next(), 0.0

    def _next(self) -> Candidate | None:
        """The next model that may be asked. When time is up only the local answerer may, and it
        does not replace text that a reader already has."""
        late = clock() >= self._ends_at
        while self._waiting and not (late and self._has_text()):
            candidate = self._waiting.pop(0)
            if late and candidate.continues:
                continue
            if not self._affordable(candidate):
                continue
            if self._breaker.admit(candidate.id):
                self._say_who_was_too_dear(candidate)
                return candidate
            if (why := self._breaker.why_not(candidate.id)) is not None:
                self._failures.append((False, why))
            self._passed_over.append(candidate)
        if self._attempts == 0:  # better a try than none, unless it is known to be pointless
            forced = (c for c in self._passed_over if self._breaker.may_be_forced(c.id))
            return next(forced, None)
        return None

    def _affordable(self, candidate: Candidate) -> bool:
        """Whether the budgets let a model be called. The one they name instead is asked next."""
        refused = self._allowance.refused(candidate.id) if self._allowance else None
        if refused is None:
            return True
        log.info("%s is passed over: %s", candidate.id, refused.error.message)
        self._failures.append((False, refused.error))
        self._unaffordable.append((refused, candidate.id))
        other = self._stand_in(refused.instead) if refused.instead else None
        if other is not None and other.id != candidate.id:
            self._waiting = [other, *(c for c in self._waiting if c.id != other.id)]
        return False

    def _say_who_was_too_dear(self, answers: Candidate) -> None:
        if self._allowance is not None:
            names = self._services.catalog.display_name
            for refused, model in self._unaffordable:
                self._allowance.passed_over(refused, names(model), names(answers.id))
        self._unaffordable.clear()

    async def _pause(self, candidate: Candidate, pause: float) -> None:
        try:
            await asyncio.sleep(pause)
        except BaseException:
            self._breaker.released(candidate.id)
            raise

    def _record(
        self,
        call: Call,
        outcome: AttemptOutcome,
        prompt: Sequence[BaseMessage],
        options: Options,
        *,
        failure: ModelFailure | None = None,
        next_model: str | None = None,
    ) -> None:
        emit = self._emit_cancelled if outcome == "cancelled" else self._emit
        emit(call.end_event(outcome, failure, next_model))
        try:
            used = usage_event(
                call,
                outcome,
                lambda: prompt_chars(prompt, options.get("tools")),
                catalog=self._services.catalog,
                ratios=self._services.ratios,
            )
        except Exception:  # figures are not worth an answer, nor a stop that gets lost
            log.exception("the usage of %s could not be worked out", call.info.model)
            return
        if used is not None:
            emit(used)

    def _has_text(self) -> bool:
        return any(piece.strip() for piece in self._shown)

    def _defeat(self) -> ModelFailure:
        if self._failures:
            failure = most_useful(self._failures)
        else:
            failure = ModelUnavailable(
                "No model is configured for this.",
                what_to_do="Set a provider's key, or add local:extractive to the models.",
            )
        failure.partial = "".join(self._shown)
        return failure


def _run_context() -> Any:
    """The RunContext of the run that this belongs to; None outside of a graph."""
    from langgraph.runtime import get_runtime

    try:
        runtime: Any = get_runtime()
    except (RuntimeError, KeyError):
        return None
    # A chain that is no graph has a configuration, and in it no runtime or one without a context.
    return getattr(runtime, "context", None)


def _restart_chunk() -> ChatGenerationChunk:
    message = AIMessageChunk(content="", response_metadata={RESTARTED: True})
    return ChatGenerationChunk(message=message)


def _last_chunk(candidate: Candidate, call: Call) -> ChatGenerationChunk:
    kept = ("model_name", "model_provider", "id")
    metadata = {key: call.metadata[key] for key in kept if call.metadata.get(key)}
    message = AIMessageChunk(
        content="",
        tool_call_chunks=call.whole_tool_calls(),
        usage_metadata=call.reported,
        response_metadata={
            **metadata,
            "model_id": candidate.id,
            "finish_reason": call.finish_reason,
        },
        chunk_position="last",
    )
    return ChatGenerationChunk(message=message)
