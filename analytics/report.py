"""Makes a report from the command line, also while Switchboard runs: it only reads the database.

python -m analytics.report daily --out reports --format html --format csv
python -m analytics.report incident --since 2026-11-20T14:00 --until 2026-11-20T16:30
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from analytics.export_command import (
    add_data_dir,
    add_filters,
    filter_of,
    open_queries,
    run_command,
    say,
    settings_of,
)
from analytics.queries import Queries
from analytics.reports import periods
from analytics.reports.build import make_report
from analytics.reports.document import KINDS
from analytics.reports.periods import Period
from analytics.reports.render import FORMATS, render
from core.errors import InvalidInput, StorageError
from core.price_overlay import load_with_imports


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0, 1 for a sentence on stderr, 2 for wrong arguments."""
    return run_command(_parser(), _make, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analytics.report", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--out", type=Path, default=Path(), help="a folder; default: this one")
    parser.add_argument(
        "--format", action="append", choices=FORMATS, help="may be repeated; default: html"
    )
    parser.add_argument(
        "--date", type=_day, metavar="YYYY-MM-DD",
        help="a day of the day, week or month; default: the last one that is over",
    )  # fmt: skip
    parser.add_argument("--since", metavar="TIME", help="of an incident, like 2026-11-20T14:30")
    parser.add_argument("--until", metavar="TIME", help="of an incident; default: now")
    add_filters(parser)
    add_data_dir(parser)
    return parser


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a day like 2026-11-20") from None


def _make(given: argparse.Namespace) -> None:
    settings = settings_of(given)
    catalog, _ = load_with_imports(settings.data_dir)
    queries = open_queries(settings)
    try:
        now_us = time.time_ns() // 1000
        period = _period(given, queries, now_us)
        given.since = given.until = None
        keep = filter_of(given, queries)
        made = make_report(queries, settings, catalog, period, keep, now_us=now_us)
        for form in dict.fromkeys(given.format or ["html"]):
            target = given.out / f"{period.kind}-{period.code}.{form}"
            _write(target, render(made, form, catalog))
            say(str(target))
    finally:
        queries.close()


def _period(given: argparse.Namespace, queries: Queries, now_us: int) -> Period:
    zone = queries.zone
    if given.kind == "data":
        return periods.everything(now_us, zone)
    if given.kind == "incident":
        if not given.since:
            raise InvalidInput(
                "An incident report needs a start.", what_to_do="Give --since 2026-11-20T14:30."
            )
        until = periods.moment_us(given.until, zone) if given.until else now_us
        return periods.incident(periods.moment_us(given.since, zone), until, zone)
    if given.date is None:
        return periods.last_ended(given.kind, now_us, zone)
    return periods.period_of(given.kind, given.date, zone)


def _write(target: Path, content: bytes) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    except OSError as exc:
        raise StorageError(
            f"{target} cannot be written: {exc.strerror or exc}.",
            what_to_do="Give another folder with --out.",
        ) from exc


if __name__ == "__main__":
    raise SystemExit(main())
