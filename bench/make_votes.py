"""Made-up blind votes in a data folder, for pictures of the Leaderboard page.

    python -m bench.make_votes DATA_FOLDER [--votes 420]

Six voters, four configurations of known strength, cost and speed; hard questions are slow and dear for
all. Nothing of it is a measurement.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path

from agents.comparing.store import ComparisonStore
from agents.comparing.values import Answer, Arm, Comparison, Facts, Turn
from agents.comparing.votes import VoteStore
from agents.migrations import make_or_migrate
from core.comparison import Configuration
from core.database import Database
from core.ids import new_id

VOTERS, TIES, BOTH_BAD = 6, 0.2, 0.04
HOUR_US = 3_600_000_000
MINI = "openai:gpt-4o-mini"


@dataclass(frozen=True, kw_only=True)
class Contestant:
    configuration: Configuration
    strength: float
    """Logits."""
    cost_pusd: float
    duration_us: float


CONTESTANTS = (
    Contestant(
        configuration=Configuration(model="openai:gpt-4o"),
        strength=0.5, cost_pusd=4e9, duration_us=2.6e6,
    ),
    Contestant(
        configuration=Configuration(model=MINI), strength=0.3, cost_pusd=3e8, duration_us=1.5e6
    ),
    Contestant(
        configuration=Configuration(model="bedrock_converse:us.amazon.nova-lite-v1:0"),
        strength=-1.0, cost_pusd=8e7, duration_us=1.0e6,
    ),
    Contestant(
        configuration=Configuration(model=MINI, retrieval="cag"),
        strength=0.4, cost_pusd=1.5e9, duration_us=2.2e6,
    ),
)  # fmt: skip


def write_votes(folder: Path, votes: int, seed: int = 3) -> None:
    """Writes comparisons with their votes into `folder`/app.db, one an hour, the newest now."""
    rng, now = random.Random(seed), time.time_ns() // 1000
    folder.mkdir(parents=True, exist_ok=True)
    database = Database(f"sqlite:///{folder / 'app.db'}", prepare=make_or_migrate)
    store, ballots = ComparisonStore(database), VoteStore(database)
    for n in range(votes):
        owner = "local" if n % VOTERS == 0 else f"person-{n % VOTERS}"
        pair = rng.sample(CONTESTANTS, 2)
        found = _asked(store, owner, pair, rng, now - n * HOUR_US)
        outcome, order = _judged(pair, rng)
        ballots.cast(
            found, found.turns[0], outcome, order, voter=owner,
            time_to_vote_us=int(rng.uniform(4e6, 40e6)),
        )  # fmt: skip
    database.close()


def _asked(
    store: ComparisonStore, owner: str, pair: list[Contestant], rng: random.Random, at_us: int
) -> Comparison:
    new = Comparison(
        id=new_id(), owner=owner, blind=True, together=True, layout_seed=rng.getrandbits(48),
        created_at_us=at_us, turns=(), votes=(),
        arms=tuple(
            Arm(position=n, configuration=one.configuration, thread_id=new_id())
            for n, one in enumerate(pair)
        ),
    )  # fmt: skip
    answers = tuple(Answer(position=n, run_id=new_id(), tries=1, facts=None) for n in range(2))
    store.add(new)
    store.add_turn(
        new.id,
        Turn(
            number=0, question_hash=f"{rng.getrandbits(64):016x}",
            language=rng.choice(("en", "en", "de")), at_us=at_us, answers=answers,
        ),
    )  # fmt: skip
    agent, hard = rng.choice(("technical", "billing", "policy")), rng.gauss(0, 0.3)
    facts = {
        str(answer.run_id): _facts(one, agent, math.exp(hard + rng.gauss(0, 0.2)), rng)
        for answer, one in zip(answers, pair, strict=True)
    }
    store.keep_facts(facts)
    return store.get(new.id, owner)


def _facts(one: Contestant, agent: str, size: float, rng: random.Random) -> Facts:
    return Facts(
        status="completed",
        model=one.configuration.model,
        agent=agent,
        ttft_us=int(one.duration_us * 0.3 * size),
        duration_us=int(one.duration_us * size),
        cost_pusd=int(one.cost_pusd * size),
        output_tokens=int(220 * size),
        words=int(160 * size),
        headings=rng.randint(0, 2),
        list_items=rng.randint(0, 6),
        bold=rng.randint(0, 4),
    )


def _judged(pair: list[Contestant], rng: random.Random) -> tuple[str, list[list[int]]]:
    drawn = rng.random()
    if drawn < TIES:
        return ("both_bad" if drawn < BOTH_BAD else "tie"), []
    lead = pair[0].strength - pair[1].strength
    winner = 0 if rng.random() < 1 / (1 + math.exp(-lead)) else 1
    return "pick", [[winner], [1 - winner]]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--votes", type=int, default=420)
    given = parser.parse_args()
    write_votes(given.folder, given.votes)
