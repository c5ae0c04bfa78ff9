"""What a command or a test run asks for: a question set and configurations, read and checked.

Files are read before anything is opened, so that a broken one costs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING

from agents.evaluation.question_set import Fault, Parsed
from agents.evaluation.reading import MAX_BYTES, read_set
from core.comparison import Configuration
from core.errors import InvalidInput, NotFound, SwitchboardError
from core.text import clean

if TYPE_CHECKING:
    from agents.evaluation.sets import StoredSet
    from agents.runtime import Runtime

OWNER = "local"
"""Nobody logs in: the owner of everything pages make."""
FORMS = (".jsonl", ".json", ".csv")
_MOST_SHOWN = 50
_PUSD = 10**12


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A question set as it was named. `parsed` None: one that is stored under this name."""

    name: str
    parsed: Parsed | None = None


def read_source(given: str) -> Source:
    """A file, if there is one, else a name. Raises InvalidInput for a file that cannot be read."""
    path = Path(given)
    if path.is_file():
        return Source(name=set_name(path), parsed=read_file(path))
    if path.suffix.lower() in FORMS:
        raise InvalidInput(f"There is no file {given}.", what_to_do="Check the path.")
    return Source(name=given)


def set_name(path: Path) -> str:
    """`handbook` of `handbook.eval.jsonl`."""
    return path.stem.removesuffix(".eval") or path.stem


def read_file(path: Path) -> Parsed:
    """Raises InvalidInput when the file as a whole cannot be used."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise InvalidInput(
            f"{path} cannot be read: {exc.strerror or exc}.", what_to_do="Check the file."
        ) from exc
    return read_set(data, path.name)


def faults_text(faults: Sequence[Fault]) -> str:
    """One line each, with the row."""
    lines = [_fault_line(fault) for fault in faults[:_MOST_SHOWN]]
    if len(faults) > _MOST_SHOWN:
        lines.append(f"and {len(faults) - _MOST_SHOWN:,} more")
    return "\n".join(lines)


def _fault_line(fault: Fault) -> str:
    where = f"line {fault.row}: " if fault.row else ""
    return f"  {where}{fault.what}{f'  [{fault.text}]' if fault.text else ''}"


def broken_rows(parsed: Parsed, name: str) -> str:
    """A sentence and the list; empty when all rows can be used."""
    broken = parsed.broken
    if not broken:
        return ""
    rows = "row" if len(broken) == 1 else "rows"
    return f"{len(broken):,} {rows} of {name} cannot be used:\n{faults_text(broken)}"


def stored_set(runtime: Runtime, source: Source) -> StoredSet:
    """The set kept in the data folder: the newest of that name, or the file's, saved as a version."""
    sets = runtime.evaluations.sets
    if source.parsed is not None:
        return sets.save(OWNER, source.name[:120], source.parsed.cases)
    kept = sets.list(OWNER)
    found = next((one for one in kept if one.name == source.name), None)
    if found is not None:
        return found
    names = ", ".join(dict.fromkeys(one.name for one in kept)) or "none"
    raise NotFound(
        f"'{source.name}' is neither a file nor a question set.",
        what_to_do=f"Stored sets: {names}.",
    )


def read_configuration(text: str) -> Configuration:
    """Of `--config`. Raises InvalidInput."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise InvalidInput(
            f"--config is not JSON: {str(exc)[:100]}.",
            what_to_do="""Write it like --config '{"model": "openai:gpt-4o-mini"}'.""",
        ) from exc
    return Configuration.from_dict(data)


def configurations(
    runtime: Runtime, given: Sequence[Configuration], lineup: str | None = None
) -> tuple[Configuration, ...]:
    """Those given and those of a line-up; the configured chain when there are none.

    Model ids get the spelling that pages use, so that equal configurations are equal. Raises NotFound.
    """
    chosen = list(given)
    if lineup is not None:
        kept = runtime.comparisons.lineups.list(OWNER)
        found = next((one for one in kept if one.name == lineup), None)
        if found is None:
            names = ", ".join(one.name for one in kept) or "none"
            raise NotFound(f"There is no line-up '{lineup}'.", what_to_do=f"Line-ups: {names}.")
        chosen += found.configurations
    return tuple(
        one if one.model is None else replace(one, model=runtime.models.status(one.model).id)
        for one in chosen or [Configuration()]
    )


def sentence(exc: SwitchboardError) -> str:
    """What failed and what to do, without advice that is meant for a chat."""
    advice = "" if exc.what_to_do == exc.default_what_to_do else exc.what_to_do
    return clean(f"{exc.message} {advice}".strip())


def pico_usd(text: str) -> int:
    """Of an amount in US dollars. Raises ValueError."""
    try:
        amount = Decimal(text)
    except InvalidOperation as exc:
        raise ValueError(text) from exc
    if not amount.is_finite() or not 0 < amount < 10**6:
        raise ValueError(text)
    return int(amount * _PUSD)
