"""What to do after a failed attempt: the policy as a pure function.

connection, 408, 5xx        once more after a short back-off, then the next model
429, Retry-After <= 5 s     once more after that time; longer or quota: the next model
401, 403, 400, 404          the next model
not the protocol            the next model; in mid-answer once more, like a broken connection
silence before the answer   the next model: the reader has waited long enough
silence in mid-answer       once more only if no other model could go on with the text
too long                    nobody: the graph shortens the conversation
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from agents.breaker import SHORT_WAIT_S
from agents.watchdog import Strike
from core.errors import (
    ContextTooLong,
    ModelAuthFailed,
    ModelFailure,
    ModelRateLimited,
    ModelUnavailable,
    ProtocolError,
)
from core.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Deadlines and bounds of one call."""

    first_token_s: float = 20.0
    idle_s: float = 20.0
    total_s: float = 180.0
    max_chars: int = 400_000
    grace_s: float = 2.0
    """How long a finished answer waits for its usage."""
    backoff_s: float = 0.3
    """Mean pause before the same model is tried again."""

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        return cls(
            first_token_s=settings.first_token_timeout_s,
            idle_s=settings.idle_timeout_s,
            total_s=settings.run_timeout_s,
            max_chars=settings.max_answer_chars,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Broken:
    """A failed attempt, as far as the decision depends on it."""

    failure: ModelFailure
    struck: Strike | None
    """The deadline that passed, if that was the failure."""
    any_text: bool
    """The reader has seen text of this operation, so the answer is broken off and not missing."""
    other_can_continue: bool
    """A later model can go on with that text."""


def pause_before_retry(broken: Broken, backoff_s: float) -> float | None:
    """Seconds to wait before the same model is asked once more; None = it is not."""
    failure = broken.failure
    pause = backoff_s * random.uniform(0.5, 1.5)
    match failure:
        case ModelRateLimited() | ModelUnavailable() if failure.retry_after_s is not None:
            if failure.retry_after_s > SHORT_WAIT_S:
                return None
            return failure.retry_after_s + pause / 4  # not everybody at the same moment
        case ModelRateLimited():
            return pause
        case ModelUnavailable() if broken.struck == "idle":
            return None if not broken.any_text or broken.other_can_continue else pause
        case ModelUnavailable():
            return pause if broken.struck is None else None
        case ProtocolError():
            return pause if broken.any_text else None
        case _:
            return None


def ends_operation(failure: ModelFailure, *, continuing: bool) -> bool:
    """Whether no other model should be asked. A prompt that only became too long because it holds
    the broken answer is the next model's to try."""
    return isinstance(failure, ContextTooLong) and not continuing


def says_unhealthy(failure: ModelFailure) -> bool:
    """Whether the failure is about the model or the way to it, and not about this request."""
    return isinstance(
        failure, ModelUnavailable | ModelRateLimited | ModelAuthFailed | ProtocolError
    )


def most_useful(failures: Sequence[tuple[bool, ModelFailure]]) -> ModelFailure:
    """Of (was really asked, failure) in order: the first real answer, for it is about the model
    that was wanted; a cooldown only when nobody was asked."""
    asked = [failure for real, failure in failures if real]
    return asked[0] if asked else failures[0][1]
