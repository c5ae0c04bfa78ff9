"""Kept reports, the schedule that makes them, and the command."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from analytics import report as command
from analytics.queries import Filter, Queries
from analytics.recorder import Recorder
from analytics.reports import periods, shelf
from analytics.reports.schedule import Schedule
from analytics.reports.shelf import Shelf
from analytics.timeaxis import HOUR_US, to_us
from core.catalog import load_catalog
from core.errors import NotFound, StorageError
from core.settings import Settings
from tests.analytics.scripts import meta, simple_run, write

pytestmark = pytest.mark.slow

CATALOG = load_catalog()
ZONE = ZoneInfo("Europe/Paris")
DAY_US = 24 * HOUR_US


def paris(month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    return to_us(datetime(2026, month, day, hour, minute, tzinfo=ZONE))


@dataclass
class Office:
    """A recorder, queries and a shelf over one folder, and a clock that is set by hand."""

    folder: Path
    now_us: int = paris(11, 21, 9)
    opened: list[Recorder | Queries] = field(default_factory=list)

    def open(self) -> Shelf:
        """As after a restart."""
        path = self.folder / "analytics.db"
        recorder, queries = Recorder(path), Queries(path, ZONE.key, now_us=lambda: self.now_us)
        self.opened += [recorder, queries]
        self.queries = queries
        self.shelf = Shelf(queries, recorder, Settings(data_dir=self.folder), lambda: CATALOG)
        return self.shelf

    def schedule(self, *kinds: str) -> Schedule:
        shelf = self.open()
        return Schedule(shelf, self.queries, kinds, now_us=lambda: self.now_us)

    def names(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "reports").glob("*"))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    write(tmp_path / "analytics.db", simple_run(meta("r", started_at_us=paris(10, 1))))
    made = Office(tmp_path)
    yield made
    for one in made.opened:
        one.close()


# -- the shelf


def test_a_report_is_kept_with_the_checksum_of_each_file(office: Office) -> None:
    shelf = office.open()
    period = periods.last_ended("daily", office.now_us, ZONE)
    made = shelf.make(
        period, now_us=office.now_us, forms=["html", "csv"], keep=Filter(agent=("billing",))
    )
    found = shelf.reports()
    assert found == [made]
    assert (made.kind, made.trigger, made.filters) == ("daily", "page", {"agent": ("billing",)})
    assert len(made.files) == 2
    for name, digest in made.files.items():
        assert name.startswith("daily-2026-11-20-")
        assert hashlib.sha256(shelf.path(name).read_bytes()).hexdigest() == digest
        assert shelf.intact(name, digest)
    name = next(iter(made.files))
    shelf.path(name).write_text("changed")
    assert not shelf.intact(name, made.files[name])


def test_deleting_removes_the_files_and_is_harmless_twice(office: Office) -> None:
    shelf = office.open()
    made = shelf.make(periods.everything(office.now_us, ZONE), now_us=office.now_us)
    assert len(office.names()) == 4
    shelf.delete(made.report_id)
    shelf.delete(made.report_id)
    assert (shelf.reports(), office.names()) == ([], [])


@pytest.mark.parametrize(
    "name", ["../analytics.db", "daily-2026-11-20.exe", "", "daily-../../x.html", "daily-1.html/"]
)
def test_only_files_of_reports_can_be_read(office: Office, name: str) -> None:
    with pytest.raises(NotFound):
        office.open().path(name)


def test_the_newest_files_are_kept(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "MOST_FILES", 4)
    kept = office.open()
    (office.folder / "reports").mkdir()
    mine = office.folder / "reports" / "my notes.txt"
    mine.write_text("not a report")
    made = []
    for day in range(1, 6):
        period = periods.period_of("daily", datetime(2026, 11, day).date(), ZONE)
        one = kept.make(period, now_us=office.now_us + day, forms=["html", "json"])
        made.append(one)
        for name in one.files:  # the clock of files may be coarse
            os.utime(kept.path(name), (day, day))
    assert [report.report_id for report in kept.reports()] == [
        made[4].report_id, made[3].report_id,
    ]  # fmt: skip
    assert len(office.names()) == 5
    assert mine.exists()


def test_a_folder_that_cannot_be_written_is_a_sentence(office: Office) -> None:
    (office.folder / "reports").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match="cannot be written"):
        office.open().make(periods.everything(office.now_us, ZONE), now_us=office.now_us)


# -- the schedule


def test_a_report_is_made_shortly_after_the_period_ended_and_once(office: Office) -> None:
    office.now_us = paris(11, 21, 0, 2)
    schedule = office.schedule("daily")
    assert schedule.look() == 1
    assert "daily-2026-11-19.html" in office.names()  # the 20th has ended, but only just
    office.now_us = paris(11, 21, 0, 6)
    assert (schedule.look(), schedule.look()) == (1, 0)
    assert [name for name in office.names() if "-20." in name] == [
        f"daily-2026-11-20.{form}" for form in ("csv", "html", "json", "md")
    ]
    assert office.schedule("daily").look() == 0  # nor after a restart


def test_what_was_slept_over_is_made_up_for(office: Office) -> None:
    assert office.schedule("daily", "weekly", "monthly").look() == 3
    office.now_us += 3 * DAY_US
    assert office.schedule("daily", "weekly", "monthly").look() == 4  # three days and a week
    days = {name[:16] for name in office.names() if name.startswith("daily")}
    assert days == {f"daily-2026-11-{day}" for day in (20, 21, 22, 23)}


def test_after_a_very_long_sleep_a_week_of_days_is_made(office: Office) -> None:
    assert office.schedule("daily").look() == 1
    office.now_us += 40 * DAY_US
    assert office.schedule("daily").look() == 7


def test_a_deleted_report_is_not_made_again(office: Office) -> None:
    schedule = office.schedule("daily")
    schedule.look()
    office.shelf.delete(office.shelf.reports()[0].report_id)
    assert (schedule.look(), office.names(), office.shelf.reports()) == (0, [], [])


def test_days_before_the_first_run_get_no_report(office: Office) -> None:
    office.now_us = paris(10, 1, 12)
    assert office.schedule("daily", "monthly").look() == 0


def test_a_failing_report_is_tried_again_an_hour_later(office: Office) -> None:
    blocked = office.folder / "reports"
    blocked.write_text("in the way")
    schedule = office.schedule("daily")
    assert schedule.look() == 0
    blocked.unlink()
    office.now_us += HOUR_US - 1
    assert schedule.look() == 0
    office.now_us += 1
    assert schedule.look() == 1


def test_a_broken_database_does_not_stop_the_schedule(office: Office) -> None:
    schedule = office.schedule("daily")
    (office.folder / "analytics.db").write_bytes(b"garbage" * 1000)
    assert schedule.look() == 0


def test_the_thread_makes_reports_and_ends(office: Office) -> None:
    office.open()
    schedule = Schedule(
        office.shelf, office.queries, ["daily"], now_us=lambda: office.now_us, look_s=0.01
    )
    schedule.start()
    deadline = datetime.now(UTC).timestamp() + 10
    while not office.shelf.reports() and datetime.now(UTC).timestamp() < deadline:
        schedule._stop.wait(0.02)
    schedule.stop()
    assert [kept.trigger for kept in office.shelf.reports()] == ["schedule"]


def test_without_kinds_there_is_no_thread(office: Office) -> None:
    schedule = office.schedule()
    schedule.start()
    assert (schedule._thread, schedule.look()) == (None, 0)


# -- the command


def test_the_command_writes_files_and_leaves_the_database_alone(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    queries = Queries(office.folder / "analytics.db")
    before = queries.data_version()
    out = office.folder / "out"
    given = ["monthly", "--date", "2026-10-20", "--format", "csv", "--format", "md"]
    status = command.main([*given, "--data-dir", str(office.folder), "--out", str(out)])
    assert status == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "monthly-2026-10.csv",
        "monthly-2026-10.md",
    ]
    assert capsys.readouterr().out.splitlines() == [
        str(out / "monthly-2026-10.csv"), str(out / "monthly-2026-10.md"),
    ]  # fmt: skip
    assert queries.data_version() == before
    assert not (office.folder / "reports").exists()
    queries.close()


def test_the_command_says_what_is_wrong_with_a_time(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["incident", "--since", "noon", "--data-dir", str(office.folder)]
    assert command.main(given) == 1
    assert "'noon' is not a time. Write it like" in capsys.readouterr().err
