"""What the commands `analytics.report` and `analytics.export` share: filters, times, the way out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from analytics.queries import Filter, Queries
from analytics.queries.scope import FILTERED
from analytics.reports.periods import moment_us
from core.errors import SwitchboardError
from core.metrics_query import RANGES
from core.settings import Settings, load_settings


def add_filters(parser: argparse.ArgumentParser) -> None:
    """The fields of `Filter`; each may be given several times."""
    for name in FILTERED:
        parser.add_argument(
            f"--{name.replace('_', '-')}", action="append", default=[], metavar="VALUE",
            help=f"only this {name.replace('_', ' ')}; may be repeated",
        )  # fmt: skip


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data-dir", type=Path, help="the data folder; default: SWITCHBOARD_DATA_DIR"
    )


def add_range(parser: argparse.ArgumentParser) -> None:
    """A range that ends now, or two times."""
    parser.add_argument("--range", choices=RANGES, default="all", help="default: all")
    parser.add_argument("--since", metavar="TIME", help="like 2026-11-20T14:30, reporting zone")
    parser.add_argument("--until", metavar="TIME", help="as --since; not included")


def filter_of(given: argparse.Namespace, queries: Queries) -> Filter:
    """Raises InvalidInput for times that are none."""
    since, until = getattr(given, "since", None), getattr(given, "until", None)
    return Filter(
        range=getattr(given, "range", "24h"),
        since_us=moment_us(since, queries.zone) if since else None,
        until_us=moment_us(until, queries.zone) if until else None,
        **{name: tuple(getattr(given, name)) for name in FILTERED},
    )


def settings_of(given: argparse.Namespace) -> Settings:
    """Raises ConfigError."""
    return load_settings(**({"data_dir": given.data_dir} if given.data_dir else {}))


def open_queries(settings: Settings) -> Queries:
    """Reads only, so Switchboard may be running. One question may take minutes here."""
    where = settings.analytics_url or settings.path("analytics.db")
    return Queries(where, settings.reporting_timezone, time_limit_s=300)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def run_command(
    parser: argparse.ArgumentParser,
    work: Callable[[argparse.Namespace], None],
    arguments: Sequence[str] | None,
) -> int:
    """0, or 1 with a sentence on stderr, or 130 when it was interrupted."""
    given = parser.parse_args(arguments)
    try:
        work(given)
    except SwitchboardError as exc:
        sys.stderr.write(f"{exc.message} {exc.what_to_do}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return 130
    return 0
