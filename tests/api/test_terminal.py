"""Lines and forms of the terminal client, without a terminal."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from api.client import Answer, Switchboard
from api.terminal.commands import Commands
from api.terminal.forms import Asker
from api.terminal.screen import Screen
from api.terminal.talk import Talk
from api.terminal.wording import dollars, summary
from core.errors import InvalidInput
from core.events import Interrupt
from tests.api.scripted_api import Reply, ScriptedApi
from tests.api.terminal_house import HOSTILE, SAFE


def screen() -> tuple[Screen, io.StringIO]:
    out = io.StringIO()
    return Screen(out, live=False, colours=False), out


def test_a_screen_writes_no_control_character_of_a_text() -> None:
    plain, out = screen()
    plain.write(HOSTILE)
    plain.line(HOSTILE)
    assert out.getvalue() == f"{SAFE}\n{SAFE}\n"


def test_colours_and_the_live_line_are_for_live_terminals_only() -> None:
    for colours in (True, False):
        out = io.StringIO()
        plain = Screen(out, live=False, colours=colours)
        plain.status("working")
        plain.line("done", "red")
        plain.end_status()
        assert out.getvalue() == "done\n"
        assert plain.prompt("> ") == "> "


@pytest.mark.parametrize(
    ("amount", "said"),
    [("0", "$0"), ("0.0001914", "$0.00019"), ("0.05", "$0.050"), ("1234.5", "$1,234.50")],
)
def test_costs_keep_two_digits_that_count(amount: str, said: str) -> None:
    assert dollars(Decimal(amount)) == said


def test_the_line_below_an_answer_says_what_is_not_known() -> None:
    known = Answer(run_id="r", thread_id="t", status="completed", text="x", agent="technical",
                   model="openai:gpt-4o-mini", input_tokens=1204, output_tokens=18,
                   first_token_ms=402.1, duration_ms=912.4, cost_usd=Decimal("0.0002"))  # fmt: skip
    assert summary(known) == (
        "technical · openai:gpt-4o-mini · first token 0.40 s · 0.91 s · 1,204 + 18 tokens · $0.00020"
    )
    unknown = Answer(run_id="r", thread_id="t", status="cancelled", text="")
    assert summary(unknown) == "Stopped · no agent · no model · ? + ? tokens · cost unknown"


class Person:
    """Types these lines; what was asked is kept."""

    def __init__(self, *lines: str) -> None:
        self._lines: Iterator[str] = iter(lines)
        self.asked: list[str] = []

    def __call__(self, prompt: str) -> str:
        self.asked.append(prompt)
        return next(self._lines)


def decided(value: Any, *lines: str, schema: Any = None) -> tuple[Any, str]:
    """(the answer to one interrupt, what was shown)."""
    plain, out = screen()
    interrupt = Interrupt(id="i", value=json.dumps(value), response_schema=json.dumps(schema) if schema else None)  # fmt: skip
    person = Person(*lines)
    found = Asker(ask=person, screen=plain).decisions([interrupt])
    return found["i"], out.getvalue() + "\n".join(person.asked)


REVIEW = {
    "action_requests": [{"name": "save_note", "args": {"text": "Hello", "stars": 3}}],
    "review_configs": [{"action_name": "save_note", "allowed_decisions": ["approve", "edit", "reject"]}],
}  # fmt: skip


def test_a_review_is_approved_changed_or_rejected() -> None:
    assert decided(REVIEW, "a")[0] == {"decisions": [{"type": "approve"}]}
    assert decided(REVIEW, "nonsense", "r", "Too short")[0] == {
        "decisions": [{"type": "reject", "message": "Too short"}]
    }
    changed, shown = decided(REVIEW, "edit", "Good day", "")
    assert changed["decisions"][0]["edited_action"] == {
        "name": "save_note", "args": {"text": "Good day", "stars": 3},
    }  # fmt: skip
    assert "stars: 3" in shown


SCHEMA = {
    "type": "object",
    "required": ["amount", "kind", "sure"],
    "properties": {
        "amount": {"type": "integer", "minimum": 1},
        "kind": {"enum": ["new", "used"], "default": "used"},
        "sure": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "due": {"type": "string", "format": "date"},
    },
}


def test_typed_fields_are_asked_one_by_one_until_they_fit() -> None:
    answer, shown = decided(
        {"question": "Order?"}, "0", "1", "y", "", "", "2", "", "yes", "a; b", "2026-03-31",
        schema=SCHEMA,
    )  # fmt: skip
    assert answer == {"amount": 2, "kind": "used", "sure": True, "tags": ["a", "b"], "due": "2026-03-31"}  # fmt: skip
    assert "at least 1" in shown
    assert "2. used" in shown


def test_choices_and_free_answers() -> None:
    assert decided({"question": "Which?", "options": ["red", "blue"]}, "7", "2")[0] == "blue"
    assert decided("What is your name?", "", "Ada")[0] == "Ada"


def test_what_a_graph_asks_cannot_move_the_cursor() -> None:
    _, shown = decided(HOSTILE, "x")
    assert "\x1b" not in shown


def talk() -> tuple[Talk, io.StringIO]:
    plain, out = screen()
    return Talk(switchboard=None, screen=plain), out  # type: ignore[arg-type]


def test_every_command_is_listed_by_help() -> None:
    person, out = talk()
    commands = Commands(person)
    commands.do("/help")
    assert [line.split()[0] for line in out.getvalue().splitlines()[:-1]] == [
        f"/{name}" for name in [*sorted(set(commands.names()) - {"quit"}), "quit"]
    ]


@pytest.mark.parametrize(
    "line", ["/nothing", "/open 3", "/open", "/history", "/retry", "/export x.pdf"]
)
def test_a_command_that_cannot_be_done_says_what_to_do(line: str) -> None:
    person, _ = talk()
    with pytest.raises(InvalidInput):
        Commands(person).do(line)


def test_agent_and_model_are_kept_for_the_next_question() -> None:
    models = Reply(body={"models": [{"id": "openai:gpt-4o-mini", "usable": True}]})
    about = Reply(body={"agents": [{"name": "billing"}, {"name": "data"}]})
    person, _ = talk()
    with ScriptedApi() as api, Switchboard(api.url) as person.switchboard:
        api.script(models, about, models, about, models, about)
        commands = Commands(person)
        commands.do("/model openai:gpt-4o-mini")
        commands.do("/agent billing")
        with pytest.raises(InvalidInput, match="There is no model 'gpt-9'"):
            commands.do("/model gpt-9")
        with pytest.raises(InvalidInput, match="There is no agent 'bob'") as refused:
            commands.do("/agent bob")
        assert refused.value.what_to_do == "One of billing, data."
        assert (person.model, person.agent) == ("openai:gpt-4o-mini", "billing")
        commands.do("/model auto")
        commands.do("/agent auto")
    assert (person.model, person.agent) == (None, None)
    assert commands.do("/quit") is False
