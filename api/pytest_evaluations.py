"""Question sets as tests: every question of `*.eval.jsonl`, `*.eval.csv` and `*.eval.json` is one.

    python -m pytest -p api.pytest_evaluations handbook.eval.jsonl --switchboard-model openai:gpt-4o

A plugin that is active only where `-p` names it. All answers of a file are asked for together when
the first of its tests runs; the others only look at theirs. Without SWITCHBOARD_DATA_DIR everything
is kept in a folder of its own that is gone afterwards.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agents.evaluation.question_set import Case
from agents.evaluation.values import Cell, Plan
from api.evaluating import asked
from api.evaluating.asked import OWNER
from core.comparison import Configuration
from core.errors import InvalidInput, SwitchboardError

if TYPE_CHECKING:
    from agents.runtime import Runtime

_ENDINGS = tuple(f".eval{form}" for form in asked.FORMS)
_CONCURRENCY = 4


def pytest_addoption(parser: pytest.Parser) -> None:
    add = parser.getgroup("switchboard", "question sets of Switchboard").addoption
    add("--switchboard-model", action="append", default=[], metavar="ID",
        help="a model to ask; may be repeated; default: the configured chain")  # fmt: skip
    add("--switchboard-config", action="append", default=[], metavar="JSON",
        help="a whole configuration to ask; may be repeated")  # fmt: skip
    add("--switchboard-judge", metavar="ID", help="the model that judges where a check asks for it")
    add("--switchboard-concurrency", type=int, metavar="N",
        help=f"answers at once; default: {_CONCURRENCY}")  # fmt: skip
    add("--switchboard-allow-undecided", action="store_true",
        help="an answer passes although a check could not be decided")  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    try:
        chosen = [
            *(Configuration(model=model) for model in config.getoption("--switchboard-model")),
            *map(asked.read_configuration, config.getoption("--switchboard-config")),
        ]
    except InvalidInput as exc:
        raise pytest.UsageError(asked.sentence(exc)) from exc
    config.stash[_HOUSE] = House(configurations=tuple(chosen or [Configuration()]))


def pytest_unconfigure(config: pytest.Config) -> None:
    if _HOUSE in config.stash:
        config.stash[_HOUSE].close()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.name.lower().endswith(_ENDINGS):
        return QuestionFile.from_parent(parent, path=file_path)
    return None


class House:
    """The runtime of a test session, opened when the first question is asked."""

    def __init__(self, configurations: tuple[Configuration, ...]) -> None:
        self.configurations = configurations
        self._own: tempfile.TemporaryDirectory[str] | None = None
        self._runtime: Runtime | None = None

    @property
    def runtime(self) -> Runtime:
        """Raises SwitchboardError."""
        if self._runtime is None:
            from agents.runtime import Runtime
            from core.settings import load_settings

            settings = load_settings()
            if "data_dir" not in settings.model_fields_set:
                self._own = tempfile.TemporaryDirectory(
                    prefix="switchboard-", ignore_cleanup_errors=True
                )
                settings = load_settings(data_dir=Path(self._own.name))
            self._runtime = Runtime(settings)
        return self._runtime

    def close(self) -> None:
        if self._runtime is not None:
            self._runtime.close(2.0)
        if self._own is not None:
            self._own.cleanup()


_HOUSE = pytest.StashKey[House]()


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What became of a file's questions: (case id, place of the configuration) -> its answer."""

    cells: dict[tuple[str, int], Cell]
    texts: dict[str, str]


class QuestionFile(pytest.File):
    """One question set."""

    questions = 0

    def collect(self) -> Iterator[pytest.Item]:
        if hasattr(self.config, "workerinput"):
            raise self.CollectError("Question sets are asked as a whole: run them without -n.")
        try:
            parsed = asked.read_file(self.path)
        except InvalidInput as exc:
            raise self.CollectError(asked.sentence(exc)) from exc
        if broken := asked.broken_rows(parsed, self.path.name):
            raise self.CollectError(broken)
        self.questions = len(parsed.cases)
        configured = self.config.stash[_HOUSE].configurations
        for n, one in enumerate(configured):
            of = f"[{one.model or 'automatic'}{f'-{n + 1}' if _twice(configured, one) else ''}]"
            for case in parsed.cases:
                name = f"{case.id}{of if len(configured) > 1 else ''}"
                yield QuestionItem.from_parent(self, name=name, case=case, place=n)

    @cached_property
    def asked(self) -> Asked | SwitchboardError:
        """Asks all questions whose tests were chosen. An error is kept: it is not tried again."""
        try:
            return self._ask()
        except SwitchboardError as exc:
            return exc

    def _ask(self) -> Asked:
        from agents.runtime.evaluation_report import texts_of
        from api.evaluating.run import begin, newest

        house = self.config.stash[_HOUSE]
        runtime, option = house.runtime, self.config.getoption
        mine = [one for one in self.session.items if one.parent is self]
        items = [one for one in mine if isinstance(one, QuestionItem)]
        cases = list({item.case.id: item.case for item in items}.values())
        # A part must not become the newest version of the whole set.
        part = " (part)" if len(cases) < self.questions else ""
        name = f"{asked.set_name(self.path)[:100]}{part}"
        stored = runtime.evaluations.sets.save(OWNER, name, cases)
        most = runtime.evaluations.most_at_once
        places = sorted({item.place for item in items})
        plan = Plan(
            name=self.path.name[:120],
            configurations=asked.configurations(
                runtime, [house.configurations[place] for place in places]
            ),
            concurrency=option("--switchboard-concurrency") or min(_CONCURRENCY, most),
            judge_model=option("--switchboard-judge"),
        )
        evaluation = newest(runtime, stored, plan)
        if evaluation is None:
            evaluation = runtime.evaluations.create(OWNER, stored, plan)
        begin(runtime, evaluation)
        runtime.evaluations.wait(evaluation)
        cells = runtime.evaluations.results(evaluation).cells
        return Asked(
            cells={(cases[c.case_number].id, places[c.configuration]): c for c in cells},
            texts=texts_of(runtime, cells),
        )


class QuestionItem(pytest.Item):
    """One question to one configuration."""

    parent: QuestionFile

    def __init__(self, *, case: Case, place: int, **given: Any) -> None:
        super().__init__(**given)
        self.case, self.place = case, place

    def runtest(self) -> None:
        found = self.parent.asked
        if isinstance(found, SwitchboardError):
            raise NotAsked(asked.sentence(found))
        cell = found.cells[self.case.id, self.place]
        undecided = cell.status == "done" and cell.passed is None
        allowed = undecided and self.config.getoption("--switchboard-allow-undecided")
        if not cell.passed and not allowed:
            raise NotPassed(cell, found.texts.get(cell.run_id or ""))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        match excinfo.value:
            case NotAsked() as exc:
                return str(exc)
            case NotPassed() as exc:
                return exc.words(self.case)
            case _:
                return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


class NotAsked(Exception):
    """Nothing of the file could be asked."""


class NotPassed(Exception):
    """An answer that failed, is missing, or could not be decided."""

    def __init__(self, cell: Cell, answer: str | None) -> None:
        super().__init__(cell.error or "a check failed")
        self.cell, self.answer = cell, answer

    def words(self, case: Case) -> str:
        """Question, answer, and a sentence for each check that failed."""
        from agents.evaluation.words import short
        from core.text import clean

        lines = [f"question: {short(case.question, 300)}"]
        if self.answer:
            lines.append(f"answer:   {short(self.answer, 500)}")
        return clean("\n".join([*lines, *self.cell.why_not()]))


def _twice(configured: tuple[Configuration, ...], one: Configuration) -> bool:
    return sum(other.model == one.model for other in configured) > 1
