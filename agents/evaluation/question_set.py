"""A question set: questions with what is expected of their answers.

Values only. Files are read in reading.py; where sets are kept and how they are run is said elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from agents.evaluation.check import Check


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One question."""

    id: str
    """Stays the same when the set is changed: results of two days are paired by it."""
    question: str
    checks: tuple[Check, ...] = ()
    tags: tuple[str, ...] = ()
    document: str = ""
    """What the question is about. Questions of one document are not independent of one another:
    intervals are computed over documents."""
    reference: str | None = None
    """An answer that would be right."""
    notes: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As it stands in a file, without what is empty."""
        data: dict[str, Any] = {"id": self.id, "question": self.question}
        if self.checks:
            data["checks"] = [check.to_dict() for check in self.checks]
        if self.tags:
            data["tags"] = list(self.tags)
        for name in ("document", "reference", "notes"):
            if value := getattr(self, name):
                data[name] = value
        return data


@dataclass(frozen=True, kw_only=True, slots=True)
class QuestionSet:
    """Cases in their order. Ids differ."""

    name: str
    cases: tuple[Case, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the cases, in hex: equal for equal cases in the same order, under any name."""
        return hashlib.sha256(write_set(self.cases)).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Something wrong in a file."""

    row: int
    """The line of the file on which the row begins, from 1; 0 is the file as a whole."""
    what: str
    """One sentence."""
    text: str = ""
    """The row, shortened."""
    warning: bool = False
    """True: the row was read all the same."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """What a file holds: what can be run, and what is wrong, by row."""

    cases: tuple[Case, ...]
    faults: tuple[Fault, ...] = ()

    @property
    def broken(self) -> tuple[Fault, ...]:
        """Rows that were left out."""
        return tuple(fault for fault in self.faults if not fault.warning)

    @property
    def warnings(self) -> tuple[Fault, ...]:
        return tuple(fault for fault in self.faults if fault.warning)


def write_set(cases: Iterable[Case]) -> bytes:
    """JSON lines in UTF-8, one case each. Reading them back gives equal cases."""
    lines = (
        json.dumps(case.to_dict(), ensure_ascii=False, separators=(", ", ": ")) for case in cases
    )
    return "".join(f"{line}\n" for line in lines).encode()
