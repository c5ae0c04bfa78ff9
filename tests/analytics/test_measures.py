"""What is summed of single rows, where the rule needs more than adding up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from analytics.measures import CALL, STEP
from analytics.metrics import NONE

GIVEN = {"first_token_us": 1_000_000, "last_token_us": 2_000_000, "output_tokens": 1_100}
HIDDEN = GIVEN | {"first_answer_us": 1_000_000, "reasoning_tokens": 1_000}


def call(**given: int) -> dict[str, int]:
    """The measures of one successful call; what is not given is NULL."""
    row = {name: np.array([given.get(name, NONE)], dtype=np.int64) for name in CALL.ints}
    made = CALL.make(row, lambda *_: np.array([True]))
    found = {name: int(made[name]()[0]) for name in ("decode_tokens", "decode_us", "decode_n")}
    return found | {"tpot_us": int(CALL.spreads["tpot_us"](row, lambda *_: np.array([True]))[0])}


def speed(tokens: int, us: int, tpot_us: int) -> dict[str, int]:
    return {
        "decode_tokens": tokens, "decode_us": us, "decode_n": int(us > 0), "tpot_us": tpot_us,
    }  # fmt: skip


NOTHING = speed(0, 0, NONE)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        # Thought about for 1 s before the first token: those tokens were not made between.
        (HIDDEN, speed(99, 1_000_000, 10_101)),
        # The reasoning was streamed: the first token is one of it.
        (HIDDEN | {"first_answer_us": 1_900_000}, speed(1_099, 1_000_000, 909)),
        # Reasoning that nobody counted, or a call that did none.
        (HIDDEN | {"reasoning_tokens": NONE}, speed(1_099, 1_000_000, 909)),
        (HIDDEN | {"reasoning_tokens": 0}, speed(1_099, 1_000_000, 909)),
        # Imported: nobody knows when the answer began.
        (HIDDEN | {"first_answer_us": NONE}, speed(1_099, 1_000_000, 909)),
        # One visible token, none, and fewer tokens than reasoning: no speed.
        (HIDDEN | {"output_tokens": 1_001}, NOTHING),
        (HIDDEN | {"output_tokens": 1_000}, NOTHING),
        (HIDDEN | {"output_tokens": 900}, NOTHING),
        (HIDDEN | {"output_tokens": NONE}, NOTHING),
        (HIDDEN | {"first_token_us": NONE, "first_answer_us": NONE}, NOTHING),
    ],
)
def test_hidden_reasoning_is_no_part_of_the_speed(
    row: dict[str, int], expected: dict[str, int]
) -> None:
    assert call(**row) == expected


@pytest.mark.parametrize(
    ("score", "expected"), [(0.25, 250_000), (-0.4, 0), (-1e-6, 0), (0.0, 0), (None, None)]
)
def test_a_score_below_zero_is_zero_and_not_unknown(score: Any, expected: int | None) -> None:
    from sqlalchemy import create_engine, insert

    from analytics.schema import step

    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        step.create(connection)
        row = {c.name: 1 for c in step.columns if not c.nullable} | {"retrieval_top_score": score}
        connection.execute(insert(step).values(row))
        assert connection.execute(select(STEP.ints["score_ppm"])).scalar_one() == expected
    engine.dispose()
