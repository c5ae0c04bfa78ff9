"""Carries a person's word on an answer from the conversation to analytics, where it is counted."""

from __future__ import annotations

from collections.abc import Callable

from agents.ratings import UP, Rating
from analytics.content import Mode
from analytics.feedback import Thumb, put_thumb
from analytics.recorder import Recorder
from core.errors import StorageError

TIMEOUT_S = 5.0


def count_rating(
    recorder: Recorder, run_id: str, owner: str, newest: Callable[[], Rating | None], mode: Mode
) -> None:
    """Counts the newest word on a run, or that there is none any more. Blocks until it is written.

    `newest` is asked on the writer's thread, so of two changes at once the later one counts.
    A run that analytics does not know (of an imported answer) is not counted. The comment follows
    the same setting as kept questions and answers. Raises StorageError.
    """
    try:
        recorder.write(lambda c: put_thumb(c, run_id, owner, _thumb(newest()), mode), TIMEOUT_S)
    except StorageError as exc:
        raise StorageError(
            f"Your rating is kept with the answer, but the dashboard does not count it: {exc.message}",
            what_to_do="Rate the answer again when analytics can be written.",
        ) from exc


def _thumb(rating: Rating | None) -> Thumb | None:
    if rating is None:
        return None
    return Thumb(
        up=rating.thumb == UP,
        reasons=rating.reasons,
        comment=rating.comment,
        at_us=rating.rated_at_us,
    )
