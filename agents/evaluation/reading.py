"""A question set from a file: what can be run, and by row what is wrong with the rest.

A broken row never stops the others: it is listed, and the caller decides whether to run without it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from difflib import get_close_matches

from agents.evaluation.case_of import CASE_FIELDS, case_of
from agents.evaluation.check import CHECK_TYPES
from agents.evaluation.csv_rows import HELP, Row
from agents.evaluation.question_set import Case, Fault, Parsed
from agents.evaluation.table_rows import read_table
from core.errors import InvalidInput
from core.text import clean

MAX_CASES = 10_000
MAX_BYTES = 20_000_000
MAX_QUESTION_CHARS = 20_000
KNOWN = frozenset((*CASE_FIELDS, *CHECK_TYPES, "checks"))


def read_set(
    data: bytes,
    file_name: str,
    *,
    max_cases: int = MAX_CASES,
    max_bytes: int = MAX_BYTES,
    max_question_chars: int = MAX_QUESTION_CHARS,
) -> Parsed:
    """The cases of JSON lines, a JSON list or CSV. The name decides only by its ending.

    Raises InvalidInput when the file as a whole cannot be used: too large, without questions, a
    spreadsheet, no column `question`, more rows than `max_cases`.
    """
    if len(data) > max_bytes:
        raise InvalidInput(
            f"The file has {len(data) / 1e6:,.1f} MB; at most {max_bytes / 1e6:,.0f} MB are read.",
            what_to_do="Split it into several question sets.",
        )
    table = read_table(data, file_name)
    reading = _Reading(max_question_chars, cells=table.form == "csv")
    for number, row in enumerate(table.rows, 1):
        if number > max_cases:
            raise InvalidInput(
                f"The file has more than {max_cases:,} questions.",
                what_to_do="Split it into several question sets.",
            )
        reading.add(row)
    if not reading.cases and not reading.faults:
        raise InvalidInput("The file has no questions.", what_to_do=HELP)
    whole = [*table.notes, *reading.notes()]
    warnings = [Fault(row=0, what=what, warning=True) for what in whole]
    return Parsed(cases=tuple(reading.cases), faults=(*warnings, *reading.faults))


class _Reading:
    """Rows folded into cases; remembers which ids and questions were seen on which line."""

    def __init__(self, max_question_chars: int, *, cells: bool) -> None:
        self.cases: list[Case] = []
        self.faults: list[Fault] = []
        self._max_question_chars, self._cells = max_question_chars, cells
        self._ids: dict[str, int] = {}
        self._questions: dict[str, int] = {}
        self._unknown: dict[str, None] = {}
        self._repeats: Counter[str] = Counter()

    def add(self, row: Row) -> None:
        if isinstance(row.values, str):
            self._fault(row, row.values)
            return
        values = row.values
        if self._cells and "question" not in values:
            names = ", ".join(filter(None, values)) or "none"
            raise InvalidInput(
                f"The file has no column 'question'. Its columns: {clean(names)[:200]}.",
                what_to_do=HELP,
            )
        self._unknown.update(dict.fromkeys(clean(str(n))[:40] for n in values if n not in KNOWN))
        try:
            case = case_of(values, self._max_question_chars, cells=self._cells)
            self._keep(case, row)
        except InvalidInput as exc:
            self._fault(row, exc.message)

    def _keep(self, case: Case, row: Row) -> None:
        if not case.id:
            case = replace(case, id=self._made_id(case.question))
        if case.id in self._ids:
            raise InvalidInput(
                f"The id '{case.id[:60]}' is taken by the row on line {self._ids[case.id]}: ids "
                "must differ."
            )
        folded = _folded(case.question)
        if folded in self._questions:
            what = f"The same question stands on line {self._questions[folded]}; both are asked."
            self._fault(row, what, warning=True)
        self._ids[case.id] = self._questions[folded] = row.line
        self.cases.append(case)

    def _made_id(self, question: str) -> str:
        """An id made of the question, so that it is the same when other rows come and go."""
        made = name = "q-" + hashlib.sha256(question.encode()).hexdigest()[:10]
        while name in self._ids:
            self._repeats[made] += 1
            name = f"{made}-{self._repeats[made] + 1}"
        return name

    def _fault(self, row: Row, what: str, *, warning: bool = False) -> None:
        self.faults.append(Fault(row=row.line, what=what, text=_short(row.text), warning=warning))

    def notes(self) -> list[str]:
        unknown = [name for name in self._unknown if name]
        if not unknown:
            return []
        shown = ", ".join(f"'{name}'{_hint(name)}" for name in unknown[:10])
        more = f" and {len(unknown) - 10:,} more" if len(unknown) > 10 else ""
        one = len(unknown) == 1
        return [
            f"{'A column' if one else 'Columns'} nobody reads: {shown}{more}. "
            f"Known are: {', '.join(sorted(KNOWN))}."
        ]


def _folded(question: str) -> str:
    return " ".join(question.casefold().split())


def _hint(name: str) -> str:
    close = get_close_matches(name, sorted(KNOWN), n=1, cutoff=0.75)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _short(text: str) -> str:
    line = " ".join(clean(text[:1_000]).split())
    return line if len(line) <= 120 else line[:119] + "…"
