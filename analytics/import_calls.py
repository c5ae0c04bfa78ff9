"""Imports past calls from a CSV file on the command line, while Switchboard is not running.

    python -m analytics.import_calls FILE --preset azure --dry-run
    python -m analytics.import_calls FILE --column started_at=ts --column input_tokens=prompt \\
        --time-format epoch_ms --constant model=openai:gpt-4o-mini
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from analytics.imports import PRESETS, CheckResult, ColumnMapping, Source, check, guess
from analytics.imports.load import import_calls, kept_since
from analytics.imports.mapping import CONSTANT_FIELDS, DURATION_UNITS, FIELDS, TIME_FORMATS, Field
from analytics.imports.values import Rejected
from analytics.queries import Filter, Queries
from analytics.recorder import Recorder
from core.errors import InvalidInput, SwitchboardError
from core.folder_lock import FolderLock
from core.price_overlay import load_with_imports
from core.pricing import format_usd
from core.settings import Settings, load_settings

SHOWN_PROBLEMS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """0: done. 1: the file, the mapping or the storage cannot be used; the reason is on stderr."""
    given = _parser().parse_args(arguments)
    try:
        settings = load_settings()
        source = Source.of_file(given.file)
        mapping = _mapping(given, source.columns())
        if given.dry_run:
            catalog, _ = load_with_imports(settings.data_dir)
            since = Queries(_database(settings)).ask(kept_since, Filter(range="all"))
            _say(_report(check(source, mapping, catalog, rows_since_us=since)))
        else:
            _say(_import(settings, source, mapping))
    except SwitchboardError as exc:
        sys.stderr.write(f"{exc.message}\n{exc.what_to_do}\n")
        return 1
    return 0


def _database(settings: Settings) -> str | Path:
    return settings.analytics_url or settings.path("analytics.db")


def _import(settings: Settings, source: Source, mapping: ColumnMapping) -> str:
    catalog, _ = load_with_imports(settings.data_dir)
    lock = FolderLock(settings.data_dir)
    try:
        recorder = Recorder(
            _database(settings),
            timezone=settings.reporting_timezone,
        )
        try:
            result = import_calls(recorder.write, source, mapping, catalog)
        finally:
            recorder.close()
    finally:
        lock.close()
    return "\n".join(
        [
            f"{result.accepted:,} calls imported, {result.known:,} were there already, "
            f"{result.rejected:,} rejected.",
            *([f"Import {result.import_id}"] if result.import_id else []),
            *_problems(result.problems),
        ]
    )


def _report(found: CheckResult) -> str:
    period = "–".join(
        f"{datetime.fromtimestamp(at / 1e6, UTC):%Y-%m-%d %H:%M:%S}"
        for at in (found.since_us, found.until_us)
        if at is not None
    )
    lines = [
        f"{found.accepted:,} calls can be imported, {found.rejected:,} rows are rejected.",
        f"Period: {period or 'none'} (UTC)",
        f"Tokens: {found.input_tokens:,} in, {found.output_tokens:,} out",
        f"Cost: {format_usd(found.cost_pusd) if found.priced else 'unknown'}, "
        f"known for {found.priced:,} of {found.accepted:,} calls",
        "Models: " + (", ".join(f"{name} ({n:,})" for name, n in found.models[:10]) or "none"),
        *(f"  {count:,} x {reason}" for reason, count in found.reasons),
        *_problems(found.problems),
        "Nothing was written.",
    ]
    return "\n".join(lines)


def _problems(problems: Sequence[Rejected]) -> list[str]:
    lines = [f"  line {p.line}: {p.reason} {p.text!r}" for p in problems[:SHOWN_PROBLEMS]]
    more = len(problems) - SHOWN_PROBLEMS
    return [*lines, f"  and {more:,} more"] if more > 0 else lines


def _mapping(given: argparse.Namespace, columns: Sequence[str]) -> ColumnMapping:
    """The preset or a guess, with what the options say over it. Raises InvalidInput."""
    base = PRESETS[given.preset].for_columns(columns) if given.preset else guess(columns)
    changes = {
        name: getattr(given, name)
        for name in ("time_format", "time_zone", "start_date", "first_token_unit", "duration_unit")
        if getattr(given, name) is not None
    }
    return replace(
        base,
        columns={**base.columns, **_pairs(given.column, FIELDS)},
        constants={**base.constants, **_pairs(given.constant, CONSTANT_FIELDS)},
        prices_of_today=given.prices_of_today,
        **changes,
    )


def _pairs(items: Sequence[str], known: Sequence[Field]) -> dict[Field, str]:
    pairs: dict[Field, str] = {}
    for item in items:
        given, equals, value = item.partition("=")
        name = next((field for field in known if field == given), None)
        if not equals or name is None:
            raise InvalidInput(
                f"'{item}' is not FIELD=VALUE.", what_to_do=f"Fields: {', '.join(known)}."
            )
        pairs[name] = value
    return pairs


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m analytics.import_calls", description="Import past calls from a CSV file."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--preset", choices=sorted(PRESETS))
    parser.add_argument("--dry-run", action="store_true", help="check the file, write nothing")
    parser.add_argument("--column", action="append", default=[], metavar="FIELD=COLUMN")
    parser.add_argument("--constant", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--time-format", choices=TIME_FORMATS)
    parser.add_argument("--time-zone", help="of times that name none, such as Asia/Kathmandu")
    parser.add_argument("--start-date", type=date.fromisoformat, help="for relative times")
    parser.add_argument(
        "--prices-of-today", action="store_true", help="what the calls would cost now"
    )
    parser.add_argument("--first-token-unit", choices=DURATION_UNITS)
    parser.add_argument("--duration-unit", choices=DURATION_UNITS)
    return parser


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
