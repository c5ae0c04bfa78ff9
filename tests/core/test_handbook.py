"""What README and handbook say is what is there: links, pages, make targets, events, figures."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from core import events

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TEXTS = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("file", TEXTS, ids=[str(file.relative_to(ROOT)) for file in TEXTS])
def test_every_link_leads_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", file.read_text("utf-8")):
        assert target.startswith("http") or (file.parent / target).exists(), target


def test_every_make_target_is_documented_and_no_other() -> None:
    found = re.search(r"^\.PHONY: (.*)$", read("Makefile"), re.M)
    assert found is not None
    section = read("docs/technical/install.md").split("## Which make commands are there?")[1]
    assert sorted(set(re.findall(r"^\| `make (\w+)", section, re.M))) == sorted(found[1].split())


def test_every_page_of_the_navigation_is_named_in_the_handbook() -> None:
    app = read("streamlit_app.py")
    titles = ["Chat", *(name.capitalize() for name in re.findall(r'page_for\("(\w+)"', app))]
    titles.append("Settings")
    bullets = re.findall(r"^- \*\*(\w+)\*\*:", read("docs/general/what-is-switchboard.md"), re.M)
    assert bullets == titles
    steps = read("docs/general/first-steps.md")
    assert f"{', '.join(titles[:-1])} and {titles[-1]}" in steps


def test_every_field_of_every_event_is_documented() -> None:
    text = read("docs/technical/events.md")
    for name, event in vars(events).items():
        if dataclasses.is_dataclass(event):
            missing = [one.name for one in dataclasses.fields(event) if f"`{one.name}`" not in text]
            assert not missing, name


def test_the_readme_quotes_the_measured_figures_of_the_chat() -> None:
    """Figures of another run had been put into the README without their measurements."""
    lines = map(json.loads, read("bench/results.jsonl").splitlines())
    figures = {line["name"]: line for line in lines}

    def both(name: str, digits: str, scale: float = 1) -> tuple[str, str]:
        one = figures[name]
        return format(one["value"] * scale, digits), format(one["baseline"] * scale, digits)

    readme = read("README.md")
    ours, theirs = both("chat.200_at_100.submit_to_first_request", ".0f")
    assert f"| {ours} ms | {theirs} ms |" in readme
    ours, theirs = both("chat.200_at_100.first_text", ".0f")
    assert f"first text | {ours} ms | {theirs} ms |" in readme
    ours, theirs = both("chat.200_at_100.last_text", ".0f")
    long_ours, long_theirs = both("chat.4000_at_1000.last_text", ".0f")
    assert f"| {ours} / {long_ours} ms | {theirs} / {long_theirs} ms |" in readme
    for name in ("server_cpu", "main_thread"):
        ours, theirs = both(f"chat.4000_at_1000.{name}", ".2f")
        assert f"| {ours} s | {theirs} s |" in readme
    ours, theirs = both("install.size", ".0f")
    count, their_count = both("install.packages", ".0f")
    assert f"| {ours} MB ({count}) | {theirs} MB ({their_count}) |" in readme
