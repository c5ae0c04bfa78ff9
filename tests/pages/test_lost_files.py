"""A lost file of figures is told on the dashboard and under Health until somebody has seen it."""

from __future__ import annotations

import pytest

from agents.run import TurnRequest
from agents.runtime import Runtime
from analytics.incidents import Incident
from analytics.timeaxis import local
from pages.components.lost_files import _repaired
from tests.analytics.test_incidents import until
from tests.pages.conftest import OpenPage, checked
from tests.pages.test_settings import recorder_health


def lose_a_run(runtime: Runtime) -> None:
    for _ in runtime.start(TurnRequest(text="What is Switchboard?")).follow():
        pass
    assert until(lambda: not runtime.runs.active())  # its log is saved
    assert runtime.recorder.flush()
    runtime.repair.close()
    runtime.repair._stop.clear()
    for part in runtime.settings.data_dir.glob("analytics.db*"):
        part.unlink()
    runtime.recorder.write(lambda connection: None)
    assert runtime.repair.run_once() == 1


def told(at: object) -> list[str]:
    said = [w.value.replace("\\", "") for w in at.warning]  # type: ignore[attr-defined]
    return [one for one in said if "analytics" in one]


@pytest.fixture(autouse=True)
def new_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.components.health_words.SAFE_SQLITE", (3, 0, 0))


def test_a_loss_is_told_until_it_is_seen(open_page: OpenPage, runtime: Runtime) -> None:
    lose_a_run(runtime)
    lost = (
        "analytics.db was deleted while Switchboard ran; a new one was started. "
        "1 run was recorded again from the chat's logs."
    )
    assert told(open_page("dashboard")) == [lost]
    at = open_page("settings")
    when = local(runtime.recorder.incidents()[0].at_us, runtime.queries.zone)
    assert told(at) == [f"**{when:%Y-%m-%d %H:%M}** · {lost}"]
    assert not at.success
    assert any("budgets" in caption.value for caption in at.caption)
    checked(at.button(key="lost_files_seen").click().run())
    assert told(at) == []
    assert [good.value for good in at.success] == ["Nothing is wrong."]
    assert told(open_page("dashboard")) == []


def test_the_dashboard_says_since_when_nothing_is_written(
    open_page: OpenPage, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.recorder.write(lambda connection: None)  # the file is there
    since_us = 1_700_000_000_000_000  # 22:13 UTC
    bad = recorder_health(failing=True, failing_since_us=since_us, last_error="Full [x](y).")
    monkeypatch.setattr(runtime.recorder, "health", lambda: bad)
    [line] = told_failing = [w.value for w in open_page("dashboard").warning]
    assert line.startswith("Analytics cannot be written since 22:13: Full \\[x\\]"), told_failing
    assert "wait in memory" in line


@pytest.mark.parametrize(
    ("missing", "restored", "done", "words"),
    [
        (None, 0, False, "The chat's runs are being counted."),
        (0, 0, True, "No finished run of the chat was missing afterwards."),
        (40, 20, False, "20 runs were recorded again so far, of 40 that were missing."),
        (13, 13, True, "13 runs were recorded again from the chat's logs."),
        (
            3, 1, True,
            "1 run was recorded again from the chat's logs. 2 runs have no whole log and cannot be.",
        ),
    ],
)  # fmt: skip
def test_what_is_known_of_the_loss(
    missing: int | None, restored: int, done: bool, words: str
) -> None:
    lost = Incident(kind="damaged", missing=missing, restored=restored, done=done)
    assert _repaired(lost) == words
