"""Exports rows from the command line, also while Switchboard runs: it only reads the database.

python -m analytics.export runs --format csv --range 30d --out runs.csv
python -m analytics.export calls --format parquet --since 2026-10-01T00:00 --out calls.parquet
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from analytics.export_command import (
    add_data_dir,
    add_filters,
    add_range,
    filter_of,
    open_queries,
    run_command,
    say,
    settings_of,
)
from analytics.export_writers import EXPORT_FORMATS
from analytics.exports import EXPORT_KINDS, Progress, export_rows

_EVERY_S = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0, 1 for a sentence on stderr, 2 for wrong arguments."""
    return run_command(_parser(), _export, arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analytics.export", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("kind", choices=EXPORT_KINDS)
    parser.add_argument("--format", choices=EXPORT_FORMATS, default="csv", help="default: csv")
    parser.add_argument("--out", type=Path, help="a file; default: KIND.FORMAT in this folder")
    add_range(parser)
    add_filters(parser)
    add_data_dir(parser)
    return parser


def _export(given: argparse.Namespace) -> None:
    queries = open_queries(settings_of(given))
    target = given.out or Path(f"{given.kind}.{given.format}")
    try:
        keep = filter_of(given, queries)
        done = export_rows(queries, given.kind, keep, given.format, target, progress=_progress())
    finally:
        queries.close()
    say(f"{target}: {done.rows:,} rows")


def _progress() -> Callable[[Progress], None]:
    """A line on stderr that counts up, at most twice a second, where somebody can see it."""
    last = 0.0

    def show(progress: Progress) -> None:
        nonlocal last
        if sys.stderr.isatty() and time.monotonic() - last > _EVERY_S:
            last = time.monotonic()
            part = "" if progress.share is None else f" ({progress.share:.0%})"
            sys.stderr.write(f"\r{progress.rows:,} rows{part}  ")

    return show


if __name__ == "__main__":
    raise SystemExit(main())
