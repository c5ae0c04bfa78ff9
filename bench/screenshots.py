"""Takes the pictures of docs/images: `make screenshots`.

A server of its own with made-up traffic of a month, then each page in light and dark, on a desk and on
a phone, without a key: what a newcomer sees after a while. The tabs of the dashboard and the pages
that belong to it are shown whole, in light.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from analytics.queries import Filter, Queries
from bench.make_votes import write_votes
from pages.components.dashboard_tabs import TABS
from tests.browser.conftest import CHROMIUM, FLAGS, Server, ask, settled

IMAGES = Path(__file__).parents[1] / "docs" / "images"
DESK, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
WHOLE = {"width": 1280, "height": 1900}
VOTES = 420
QUESTION = "How is the cost of an answer computed?"


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        subprocess.run(
            [sys.executable, "-m", "bench.make_traffic", str(data / "analytics.db"), "--runs", "20000", "--days", "30"],
            check=True,
        )  # fmt: skip
        write_votes(data, VOTES)
        server = Server(data)
        server.start()
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                for scheme in ("light", "dark"):
                    for device, viewport in (("", DESK), ("-phone", PHONE)):
                        context = browser.new_context(viewport=viewport, color_scheme=scheme)
                        shoot(context.new_page(), server.url, f"{scheme}{device}")
                        context.close()
                context = browser.new_context(viewport=WHOLE, color_scheme="light")
                shoot_control(context.new_page(), server.url)
                shoot_evaluation(context.new_page(), server.url)
                shoot_analytics(context.new_page(), server.url, data)
                context.close()
                browser.close()
        finally:
            server.stop()


def shoot(page: Any, url: str, suffix: str) -> None:
    """All pages in one look."""
    page.goto(url)
    settled(page)
    save(page, f"start-{suffix}")
    ask(page, QUESTION)
    page.get_by_text("first token").first.wait_for(timeout=60_000)
    settled(page)
    page.get_by_text("Steps (").last.click()
    page.wait_for_timeout(700)
    save(page, f"chat-{suffix}")
    page.goto(f"{url}/compare")
    settled(page)
    ask(page, "How do I add my own LangGraph agent?")
    page.get_by_text("Which answer is better?").wait_for(timeout=60_000)
    settled(page)
    save(page, f"compare-{suffix}")
    page.goto(f"{url}/leaderboard")
    settled(page)
    page.wait_for_timeout(3_000)
    save(page, f"leaderboard-{suffix}")
    page.goto(f"{url}/dashboard?range=7d")
    settled(page)
    page.wait_for_timeout(3_000)
    save(page, f"dashboard-{suffix}")
    page.goto(f"{url}/settings?settings_tab=Models")
    settled(page)
    page.wait_for_timeout(500)
    save(page, f"settings-{suffix}")


def shoot_control(page: Any, url: str) -> None:
    """A tool that waits for a person, and the page of all threads."""
    page.set_viewport_size(DESK)
    page.goto(url)
    settled(page)
    page.locator(".st-key-agent").get_by_role("combobox").click()
    page.get_by_role("option", name="ReAct agent").click()
    settled(page)
    ask(page, "Save a note: the staging server restarts every Monday at 4 in the morning")
    page.get_by_role("button", name="Approve").wait_for(timeout=60_000)
    settled(page)
    page.wait_for_timeout(700)
    save(page, "approval")
    page.goto(f"{url}/threads")
    settled(page)
    save(page, "threads")


def shoot_evaluation(page: Any, url: str) -> None:
    """A blind comparison before its vote, and the example set put to two agents."""
    page.set_viewport_size(DESK)
    page.goto(f"{url}/compare")
    settled(page)
    page.get_by_text("Blind", exact=True).first.click()
    settled(page)
    ask(page, "Which data leaves my machine?")
    page.get_by_text("Which answer is better?").wait_for(timeout=60_000)
    settled(page)
    page.get_by_text("Which answer is better?").scroll_into_view_if_needed()
    save(page, "blind")
    page.goto(f"{url}/evaluations?evaluations_tab=Question+sets")
    settled(page)
    page.get_by_text("An example", exact=True).click()
    page.get_by_role("button", name="Save 20 questions").click()
    settled(page)
    page.get_by_role("button", name="Evaluate").click()
    settled(page)
    page.get_by_text("2", exact=True).first.click()
    settled(page)
    page.get_by_role("button", name="Start").click()
    page.get_by_text("Against a baseline").wait_for(timeout=180_000)
    page.get_by_role("button", name="Pause").wait_for(state="hidden", timeout=180_000)
    settled(page)
    page.set_viewport_size(WHOLE)
    page.wait_for_timeout(3_000)
    save(page, "evaluation")


def shoot_analytics(page: Any, url: str, data: Path) -> None:
    """Every tab of the dashboard, a run that fell back to another model, alerts and reports."""
    for tab in TABS:
        page.goto(f"{url}/dashboard?range=7d&tab={tab}")
        settled(page)
        page.wait_for_timeout(4_000)
        save(page, f"tab-{tab}")
    with contextlib.closing(Queries(data / "analytics.db")) as queries:
        runs = queries.recent_runs(Filter(range="7d", status=("ok",), agent=("technical",)), 200)
    page.set_viewport_size(DESK)
    fallen_back = next(run for run in runs if run.fallbacks)
    for name, path in (
        ("run", f"run?id={fallen_back.run_id}"),
        ("alerts", "alerts?alerts_tab=Rules"),
        ("reports", "reports"),
    ):
        page.goto(f"{url}/{path}")
        settled(page)
        page.wait_for_timeout(2_000)
        save(page, name)


def save(page: Any, name: str) -> None:
    page.screenshot(path=str(IMAGES / f"{name}.png"))
    print(name)


if __name__ == "__main__":
    main()
