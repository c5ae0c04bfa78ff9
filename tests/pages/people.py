"""A house where people log in, and everything somebody can leave behind in it.

Each browser session is somebody's: the cookie is the only thing that is made up, its token is real.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block, Element, Node

from agents.evaluation.check import Check
from agents.evaluation.question_set import Case
from agents.evaluation.values import Plan
from agents.ratings import DOWN
from agents.run import TurnRequest
from agents.runtime import Runtime
from agents.seen_knowledge import SeenKnowledge
from analytics.views import save_view
from core.comparison import Configuration
from core.identity import Principal, Role
from tests.agents.test_files import read

MARK = "zebrafalk"
"""Part of everything the first person writes, and of nothing else."""
ANN, BOB, NAN, ADA = "quaggaann", "bob", "nan", "ada"
ROLES: dict[str, Role] = {ANN: "user", BOB: "user", NAN: "analyst", ADA: "admin"}
PASSWORD = "four horses and a lantern"
PAIR = (
    Configuration(model="local:extractive"),
    Configuration(model="local:extractive", graph="react"),
)


@dataclass
class Team:
    runtime: Runtime
    tokens: dict[str, str] = field(default_factory=dict)
    at_the_screen: str | None = None

    def token(self) -> str | None:
        """The cookie of whoever sits there."""
        return self.tokens.get(self.at_the_screen or "")

    def principal(self, login: str) -> Principal:
        found = self.runtime.identity.from_session(self.tokens[login])
        assert found is not None
        return found


def add_people(runtime: Runtime) -> Team:
    team, accounts = Team(runtime), runtime.identity.accounts
    for login, role in ROLES.items():
        accounts.add(login, role=role, password=PASSWORD)
        team.tokens[login] = accounts.log_in(login, PASSWORD)
    return team


@dataclass(frozen=True, kw_only=True)
class Left:
    thread_id: str
    run_id: str
    comparison_id: str
    evaluation_id: str


def leave_behind(runtime: Runtime, owner: str) -> Left:
    """One of each thing that a person can write, with the mark in it."""
    (file,) = read(
        runtime.files, (f"{MARK}.txt", f"The {MARK} eats walnuts.".encode()), owner=owner
    )
    run = runtime.start(
        TurnRequest(text=f"Does the {MARK} like walnuts?", owner=owner, attachments=(file.id,))
    )
    _follow(run)
    runtime.thread_list.rename(run.thread_id, owner, f"{MARK} and walnuts")
    runtime.thread_list.set_tags(run.thread_id, owner, [f"{MARK}-tag"])
    answer = runtime.threads.messages(run.thread_id, owner)[-1]
    runtime.rate(answer.id, owner, DOWN, ["wrong"], f"{MARK} is a bird")
    seen = SeenKnowledge(runtime.knowledge, owner)
    asyncio.run(seen.save_note(f"{MARK} note", f"A {MARK} sleeps at noon beside walnuts."))
    comparison, problems = runtime.comparisons.ask(
        f"Which {MARK} cracks walnuts?", PAIR, owner=owner
    )
    assert problems == []
    for one in comparison.turns[-1].answers:
        found = runtime.runs.get(str(one.run_id))
        assert found is not None
        _follow(found)
    runtime.comparisons.settle([str(one.run_id) for one in comparison.turns[-1].answers])
    comparison = runtime.comparisons.store.get(comparison.id, owner)
    runtime.comparisons.votes.cast(
        comparison, comparison.turns[-1], "pick", ((0,), (1,)), voter=owner
    )
    runtime.comparisons.lineups.save(owner, f"{MARK} pair", PAIR)
    case = Case(
        id=MARK, question=f"Where do {MARK}s nest?", checks=(Check(type="any_of", value=("e",)),)
    )
    runtime.evaluations.sets.save_case(owner, case, run.id)
    chosen = runtime.evaluations.sets.save(owner, f"{MARK} set", (case,))
    evaluation = runtime.evaluations.create(
        owner, chosen, Plan(name=f"{MARK} round", configurations=PAIR[:1])
    )
    runtime.evaluations.start(evaluation)
    assert runtime.evaluations.wait(evaluation, 30)
    runtime.recorder.write(lambda c: save_view(c, owner, f"{MARK} view", "tab=cost"))
    assert runtime.recorder.flush()
    return Left(
        thread_id=run.thread_id, run_id=run.id, comparison_id=comparison.id,
        evaluation_id=evaluation.id,
    )  # fmt: skip


def _follow(run: object) -> None:
    for _ in run.follow():  # type: ignore[attr-defined]
        pass


def sent(at: AppTest) -> bytes:
    """Everything the page sent to the browser, in small letters."""
    return b"\n".join(_protos(at._tree)).lower() + str(at.query_params).lower().encode()


def _protos(node: Node) -> Iterator[bytes]:
    proto = getattr(node, "proto", None)
    if proto is not None and hasattr(proto, "SerializeToString"):
        yield proto.SerializeToString()
    if isinstance(node, Block):
        for child in node.children.values():
            yield from _protos(child)
    else:
        assert isinstance(node, Element)
