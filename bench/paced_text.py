"""Deterministic Markdown of exactly n tokens, for the paced provider.

The first token is `BEGIN-<id>`, the last `END-<id>`, so that the page can be asked when each became
visible. Between them stands what chat models write: headings, paragraphs, lists, a table, code.
"""

from __future__ import annotations

import functools
import itertools
import random
import re
from collections.abc import Iterator

_VOCABULARY = (
    "agent answer budget cache call chart checkpoint client cost count document edge event figure "
    "filter frame graph handoff history index latency limit loop message model node page passage "
    "policy price prompt provider query question queue range record router run server session "
    "source state step stream supervisor table thread token tool trace turn usage vote worker"
)
_WORDS = _VOCABULARY.split()
_TOKEN = re.compile(r" ?[A-Za-z]{1,8}|[A-Za-z]+| ?\d{1,3}|\n+| ?[^\sA-Za-z\d]| ")


def answer_tokens(n: int, answer_id: str) -> list[str]:
    """n tokens (at least 4), sentinels included. `"".join` of them is the answer."""
    body = _body(max(n, 4) - 3)
    return [f"BEGIN-{answer_id}", "\n\n", *body, f"\n\nEND-{answer_id}"]


@functools.lru_cache(maxsize=32)
def _body(n: int) -> tuple[str, ...]:
    """n tokens of whole blocks, filled up with words, so that no fence or bold is cut open."""
    tokens: list[str] = []
    for block in _blocks(random.Random(7)):
        pieces = _TOKEN.findall(block)
        if len(tokens) + len(pieces) > n:
            break
        tokens += pieces
    filler = itertools.cycle(" " + word[:8] for word in _WORDS)
    return (*tokens, *itertools.islice(filler, n - len(tokens)))


def _blocks(rng: random.Random) -> Iterator[str]:
    for section in itertools.count(1):
        yield f"## Section {section}: {_phrase(rng, 3)}\n\n"
        yield f"{_sentences(rng, 4)}\n\n"
        yield (
            "".join(f"- **{rng.choice(_WORDS)}**: {_sentences(rng, 1)}\n" for _ in range(4)) + "\n"
        )
        yield f"{_sentences(rng, 3)}\n\n"
        if section % 3 == 1:
            rows = (f"| {rng.choice(_WORDS)} | {rng.randrange(1000)} |\n" for _ in range(4))
            yield "| Name | Value |\n|---|---|\n" + "".join(rows) + "\n"
        if section % 2 == 0:
            name, item = rng.sample(_WORDS, 2)
            yield (
                f"```python\ndef {name}_total(rows, limit={rng.randrange(9, 99)}):\n"
                f"    return sum(row.{item} for row in rows[:limit])\n```\n\n"
            )
        yield "".join(f"{k}. {_sentences(rng, 1)}\n" for k in range(1, 5)) + "\n"


def _sentences(rng: random.Random, count: int) -> str:
    return " ".join(_sentence(rng) for _ in range(count))


def _sentence(rng: random.Random) -> str:
    words = _phrase(rng, rng.randrange(8, 16)).split()
    if rng.random() < 0.5:
        words[2] = f"**{words[2]}**"
    if rng.random() < 0.35:
        words[5] = f"`{words[5]}`"
    return " ".join(words).capitalize() + "."


def _phrase(rng: random.Random, count: int) -> str:
    return " ".join(rng.choice(_WORDS) for _ in range(count))
