"""Names are text: nothing a person or a model wrote acts in any form of a report."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import insert

from analytics.export_csv import safe_cell
from analytics.queries import Filter, Queries
from analytics.recorder import Recorder
from analytics.reports import periods
from analytics.reports.build import make_report
from analytics.reports.document import KINDS, Report, ReportKind
from analytics.reports.markdown import line, safe
from analytics.reports.periods import Period
from analytics.reports.render import render
from analytics.schema import alert_event, annotation
from analytics.timeaxis import HOUR_US, local
from core.catalog import load_catalog
from core.settings import Settings
from tests.analytics.scripts import START_US, meta, simple_run, write
from tests.analytics.test_queries import FAILED

pytestmark = pytest.mark.slow

CATALOG = load_catalog()
HOSTILE = (
    "=cmd|'/c calc'!A1",
    "<script>alert(1)</script>",
    'a" onmouseover="alert(1)',
    "a | b | c",
    "![x](http://evil.example/?q=1)",
    "[click](javascript:alert(1))",
    "http://evil.example www.evil.example",
    "{{ 7*7 }}{% raw %}",
    "`code` $x$ :red[y] ~~z~~",
    "# one\n\n## two\r\n> three",
    "&lt;img src=x&gt;",
)
NOW_US = START_US + HOUR_US


@pytest.fixture(params=KINDS)
def report(request: pytest.FixtureRequest, tmp_path: Path) -> Report:
    """Each kind, over runs whose every name is hostile."""
    path = tmp_path / "analytics.db"
    runs = []
    for k, name in enumerate(HOSTILE):
        of = meta(f"r{k}", started_at_us=START_US + k * 1000, user_id=name, app_version=name)
        runs.append(simple_run(of, agent=name, model=name, end=FAILED if k % 2 else None))
    write(path, *runs)
    recorder = Recorder(path)
    for k, name in enumerate(HOSTILE):
        event = {"event_id": str(k), "rule_id": "r", "rule_name": name, "state": name}
        event |= {"began_at_us": START_US, "at_us": START_US, "value": 1.0, "message": name}
        mark = {"annotation_id": str(k), "at_us": START_US, "kind": name, "label": name}
        recorder.write(lambda c, event=event: c.execute(insert(alert_event), event) and None)
        recorder.write(lambda c, mark=mark: c.execute(insert(annotation), mark) and None)
    recorder.close()
    queries = Queries(path, "Asia/Kathmandu", now_us=lambda: NOW_US)
    keep = Filter(user=HOSTILE)
    settings = Settings(data_dir=tmp_path)
    made = make_report(queries, settings, CATALOG, _period(request.param, queries), keep, NOW_US)
    queries.close()
    return made


def _period(kind: ReportKind, queries: Queries) -> Period:
    if kind == "incident":
        return periods.incident(START_US - HOUR_US, NOW_US, queries.zone)
    if kind == "data":
        return periods.everything(NOW_US, queries.zone)
    return periods.period_of(kind, local(START_US, queries.zone).date(), queries.zone)


class Tags(HTMLParser):
    """What elements and attributes a document has."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_html_has_no_script_no_handler_and_asks_nobody(report: Report) -> None:
    text = render(report, "html", CATALOG).decode()
    found = Tags()
    found.feed(text)
    assert not found.tags & {"script", "img", "a", "iframe", "link", "object", "form", "base"}
    assert not any(name.startswith("on") or name in ("href", "src") for name in found.attributes)
    assert "default-src 'none'" in text
    shown = " ".join(" ".join(found.text).split())
    if report.kind != "data":
        for name in HOSTILE:
            assert " ".join(name.split()) in shown


def test_every_row_of_a_markdown_table_has_the_cells_of_its_header(report: Report) -> None:
    width = None
    for row in render(report, "md", CATALOG).decode().splitlines():
        if not row.startswith("|"):
            width = None
            continue
        cells = len(re.findall(r"(?<!\\)\|", row))
        assert width in (None, cells), row
        width = cells


def test_markdown_makes_nothing_of_the_names(report: Report) -> None:
    markdown_it = pytest.importorskip("markdown_it")
    text = render(report, "md", CATALOG).decode()
    found = Tags()
    found.feed(markdown_it.MarkdownIt("gfm-like", {"linkify": False}).render(text))
    assert found.tags <= {
        "h1", "h2", "h3", "p", "strong", "blockquote", "table", "thead", "tbody", "tr", "th", "td",
        "ul", "li",
    }  # fmt: skip


def test_csv_has_no_formula(report: Report) -> None:
    text = render(report, "csv", CATALOG).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    numbers = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
    assert not [c for c in cells if c.startswith(("=", "+", "-", "@")) and not numbers.fullmatch(c)]
    if report.kind != "data":
        assert any(cell.startswith("'=cmd") for cell in cells)


def test_json_gives_the_names_back_as_they_were(report: Report) -> None:
    given = json.loads(render(report, "json", CATALOG))
    assert given["filters"]["user"] == list(HOSTILE)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "＝1", "＠x"])
def test_a_text_that_would_be_a_formula_gets_an_apostrophe(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    assert (safe_cell(-1), safe_cell("a=1"), safe_cell(None)) == (-1, "a=1", None)


def test_markdown_at_the_start_of_a_line_is_text() -> None:
    assert [line(t) for t in ("# a", "- a", "+ a", "1. a", "= a")] == [
        "\\# a", "\\- a", "\\+ a", "1\\. a", "\\= a",
    ]  # fmt: skip
    assert safe("7.40 s, 16:22, 3 - 4 #5") == "7.40 s, 16:22, 3 - 4 #5"
