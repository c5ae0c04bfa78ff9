"""What a graph asks people, field by field in the terminal."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from api.terminal.screen import Screen
from core.events import Interrupt
from core.interrupt_answer import (
    Filled,
    Verdict,
    answer_choice,
    answer_fields,
    answer_review,
    answer_text,
)
from core.interrupt_fields import Field, Option
from core.interrupt_form import Action, Decision, Form, read_form

_LETTERS: dict[str, Decision] = {"a": "approve", "e": "edit", "r": "reject", "s": "respond"}
_WORDS: dict[Decision, str] = {
    "approve": "(a)pprove", "edit": "(e)dit", "reject": "(r)eject", "respond": "an(s)wer for it",
}  # fmt: skip
_YES, _NO = {"y", "yes", "true"}, {"n", "no", "false"}
EMPTY = "-"
"""Typed alone, it leaves a field empty that had a value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """`ask` raises EOFError when the person answers later."""

    ask: Callable[[str], str]
    screen: Screen

    def decisions(self, interrupts: Sequence[Interrupt]) -> dict[str, Any]:
        """Interrupt id to answer, for all of them."""
        self.screen.line("The agent asks. Ctrl-D leaves the question for later.", "bold")
        return {one.id: self._answer(one) for one in interrupts}

    def _answer(self, interrupt: Interrupt) -> Any:
        form = read_form(interrupt.value, interrupt.response_schema)
        for text in (form.question, form.details):
            if text:
                self.screen.line(text)
        while True:
            filled = self._filled(form)
            if not filled.problems:
                return filled.answer
            for problem in filled.problems.values():
                self.screen.line(problem, "red")

    def _filled(self, form: Form) -> Filled:
        match form.kind:
            case "review":
                return answer_review(form, [self._verdict(action) for action in form.actions])
            case "fields":
                return answer_fields(form, {f.key: self._field(f) for f in form.fields})
            case "choice":
                self._list(form.options)
                return answer_choice(form, _numbers(self.ask("Numbers: " if form.several else "Number: ")))  # fmt: skip
        return answer_text(form, self.ask("Answer: "))

    def _verdict(self, action: Action) -> Verdict:
        self.screen.line(f"{action.name}", "bold")
        if action.description:
            self.screen.line(action.description)
        for name, value in action.args.items():
            self.screen.line(f"  {name}: {_shown(value)}")
        decision = self._decision(action)
        match decision:
            case "edit":
                entered = {f.key: self._field(f) for f in action.fields}
                return Verdict(decision=decision, entered=entered)
            case "reject":
                return Verdict(decision=decision, message=self.ask("Why (may be empty): "))
            case "respond":
                return Verdict(decision=decision, message=self.ask("What the tool would say: "))
        return Verdict(decision=decision)

    def _decision(self, action: Action) -> Decision:
        offered = ", ".join(_WORDS[one] for one in action.allowed)
        while True:
            said = self.ask(f"{offered}: ").strip().lower()
            chosen = next((d for d in action.allowed if d == said or _LETTERS.get(said) == d), None)
            if chosen is not None:
                return chosen

    def _field(self, one: Field) -> Any:
        """What was entered, as core/interrupt_answer.py takes it."""
        if one.description:
            self.screen.line(one.description, "dim")
        if one.options:
            self._list(one.options)
        default = _default(one)
        now = f" [{_shown(default)}]" if default is not None and not one.options else ""
        chosen = f" [{_places(default)}]" if default is not None and one.options else ""
        hint = {"boolean": " (y/n)", "lines": " (separated by ;)", "json": " (JSON)"}.get(
            one.kind, ""
        )
        label = f"{one.group + ': ' if one.group else ''}{one.label}"
        said = self.ask(f"{label}{hint}{now}{chosen}: ").strip()
        if not said:
            return default
        return None if said == EMPTY else _entered(one, said)

    def _list(self, options: Sequence[Option]) -> None:
        for n, option in enumerate(options, 1):
            self.screen.line(f"  {n}. {option.label}")


def _entered(one: Field, said: str) -> Any:
    match one.kind:
        case "choice":
            return next(iter(_numbers(said)), said)
        case "choices":
            return _numbers(said)
        case "boolean":
            word = said.lower()
            return word in _YES if word in _YES | _NO else said
        case "lines":
            return said.split(";")
    return said


def _default(one: Field) -> Any:
    """The value that stands in a field at first, as it would be entered."""
    if one.default is None:
        return None
    match one.kind:
        case "choice":
            return next((n for n, o in enumerate(one.options) if o.value == one.default), None)
        case "choices":
            wanted = one.default if isinstance(one.default, list) else []
            return [n for n, o in enumerate(one.options) if o.value in wanted]
        case "json":
            return json.dumps(one.default, ensure_ascii=False)
    return one.default


def _numbers(said: str) -> list[int]:
    """Places, from numbers as they are listed; what is no number is a place that does not exist."""
    parts = said.replace(",", " ").split()
    return [int(part) - 1 if part.isascii() and part.isdecimal() else -1 for part in parts]


def _places(default: Any) -> str:
    return ", ".join(str(n + 1) for n in (default if isinstance(default, list) else [default]))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "y" if value else "n"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
