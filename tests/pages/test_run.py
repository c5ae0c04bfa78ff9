"""The page of one run: what it shows of real runs, and what of those that are gone or not ours."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from analytics.queries import Filter, Queries, RunRow
from bench.make_traffic import Traffic, write_traffic
from core.catalog import load_catalog
from core.events import Token
from core.events_codec import from_dict
from pages.components.charts_plotly import FAILED, Bar, label_px, waterfall_figure
from pages.components.run_compare import NOT_FOUND, figures_table
from pages.components.run_diff import word_diff
from pages.components.run_errors import stalls_line
from pages.components.run_events import json_lines
from pages.components.run_reading import read_run
from pages.components.run_replay import PlayedRun
from pages.components.run_waterfall import waterfall_bars
from pages.components.run_words import HOW_TO_KEEP, prompt_texts
from tests.pages.conftest import OpenPage, checked
from tests.provider import ProviderServer, Reply

ACTIVE = re.compile(r"(?<!\\)<script|(?<!\\)!\[|(?<!\\):red\[")
"""What Streamlit would make something of."""
QUESTION = "What is Switchboard and what can it do?"
HOSTILE = "<script>alert(1)</script> ![x](http://evil.example/x.png) :red[$1$] **b**"


def ask(runtime: Runtime, text: str = QUESTION, **options: object) -> Run:
    """A finished turn, recorded."""
    run = runtime.start(TurnRequest(text=text, **options))  # type: ignore[arg-type]
    for _ in run.follow():
        pass
    assert runtime.recorder.flush()
    return run


def words(app: AppTest) -> str:
    """All text of the page, without Markdown's escapes."""
    parts = [*app.markdown, *app.caption, *app.error, *app.warning, *app.info, *app.code]
    return " ".join(part.value for part in parts).replace("\\", "")


def cells(app: AppTest) -> str:
    return " ".join(str(v) for t in app.table for v in t.value.to_numpy().ravel()).replace("\\", "")


def test_a_run_shows_head_facts_and_waterfall(runtime: Runtime, open_page: OpenPage) -> None:
    run = ask(runtime)
    app = open_page("run", id=run.id)
    said = words(app)
    for expected in (run.id, "first token", "service level kept", "user local", "queued"):
        assert expected in said, expected
    assert len(app.get("plotly_chart")) == 1
    assert any("Open its thread" in str(link.proto) for link in app.get("page_link"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "view", ["what", "words", "sources", "cost", "replay", "events", "compare"]
)
def test_every_part_draws(runtime: Runtime, open_page: OpenPage, view: str) -> None:
    app = open_page("run", id=ask(runtime).id, view=view)
    assert app.segmented_control(key="view").value == view
    assert not app.error


@pytest.mark.slow
@pytest.mark.parametrize("run_id", ["nonsense", "0" * 32, "../../etc/passwd", "\x00", "x" * 5000])
def test_an_unknown_run_is_not_found(open_page: OpenPage, run_id: str) -> None:
    app = open_page("run", id=run_id)
    assert app.warning[0].value == NOT_FOUND
    assert not app.get("plotly_chart")


@pytest.mark.slow
@pytest.mark.parametrize("query", [{}, {"id": ""}])
def test_without_an_id_the_newest_runs_are_offered(
    runtime: Runtime, open_page: OpenPage, query: dict[str, str]
) -> None:
    empty = open_page("run", **query)
    assert [info.value for info in empty.info] == ["No run is chosen."]
    assert not empty.warning
    run = ask(runtime)
    app = open_page("run", **query)
    checked(app.button(key=f"newest_{run.id}").click().run())
    assert f"run `{run.id}`" in words(app)


def test_a_run_of_somebody_else_is_not_found_in_the_same_words(
    runtime: Runtime, open_page: OpenPage
) -> None:
    run = ask(runtime, owner="somebody else")
    app = open_page("run", id=run.id)
    assert app.warning[0].value == NOT_FOUND
    assert run.id not in words(app)
    ours = ask(runtime)
    compared = open_page("run", id=ours.id, **{"with": run.id})
    assert compared.warning[0].value == NOT_FOUND


@pytest.mark.slow
def test_question_answer_and_how_to_keep_prompts(runtime: Runtime, open_page: OpenPage) -> None:
    app = open_page("run", id=ask(runtime).id, view="words")
    assert [message.name for message in app.chat_message] == ["user", "assistant"]
    assert HOW_TO_KEEP in [caption.value for caption in app.caption]


@pytest.mark.slow
def test_kept_prompts_are_shown_by_call(
    monkeypatch: pytest.MonkeyPatch, provider: ProviderServer, data_dir: Path,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    monkeypatch.setenv("SWITCHBOARD_CONTENT", "full")
    use(monkeypatch, provider)
    runtime = request.getfixturevalue("runtime")
    run = ask(runtime, HOSTILE)
    app = request.getfixturevalue("open_page")("run", id=run.id, view="words")
    prompts = [code.value for code in app.code]
    assert any(HOSTILE in prompt for prompt in prompts)
    assert HOW_TO_KEEP not in [caption.value for caption in app.caption]


def use(monkeypatch: pytest.MonkeyPatch, provider: ProviderServer) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef")
    monkeypatch.setenv("OPENAI_BASE_URL", provider.openai_url)


@pytest.mark.slow
def test_a_fallback_says_what_failed_and_what_was_tried_next(
    monkeypatch: pytest.MonkeyPatch, provider: ProviderServer, request: pytest.FixtureRequest,
    data_dir: Path,
) -> None:  # fmt: skip
    use(monkeypatch, provider)
    provider.default = Reply(status=401)
    runtime = request.getfixturevalue("runtime")
    run = ask(runtime, agent="policy", model="openai:gpt-4o-mini")
    open_page = request.getfixturevalue("open_page")
    said = words(open_page("run", id=run.id))
    assert "What failed and what was tried next" in said
    assert "which answered" in said, said
    known = read_run(runtime, run.id)
    assert known is not None
    assert known.detail is not None
    bars = waterfall_bars(known.detail, load_catalog())
    assert FAILED in {bar.kind for bar in bars}
    assert any(", attempt 2" in bar.label for bar in bars)
    costs = cells(open_page("run", id=run.id, view="cost"))
    assert "attempt 2" in costs


@pytest.mark.slow
def test_sources_say_what_is_cited(runtime: Runtime, open_page: OpenPage) -> None:
    run = ask(runtime)
    found = read_run(runtime, run.id)
    assert found is not None
    assert found.transcript.sources is not None
    app = open_page("run", id=run.id, view="sources")
    shown = app.dataframe[0].value
    assert list(shown["Rank"]) == [source.n for source in found.transcript.sources.sources]
    assert "cited" in set(shown["Cited"])


@pytest.mark.slow
def test_events_download_loses_nothing(runtime: Runtime, open_page: OpenPage) -> None:
    run = ask(runtime)
    lines = json_lines(run.read()).decode().splitlines()
    assert [from_dict(json.loads(line)) for line in lines] == run.read()
    app = open_page("run", id=run.id, view="events")
    assert app.get("download_button")
    app = checked(app.multiselect(key="event_types").set_value(["token"]).run())
    assert set(app.dataframe[0].value["Type"]) == {"token"}


@pytest.mark.slow
def test_an_instant_replay_ends_as_the_run_did(runtime: Runtime, open_page: OpenPage) -> None:
    run = ask(runtime)
    app = open_page("run", id=run.id, view="replay")
    assert not app.chat_message
    app.segmented_control(key="replay_speed").set_value(float("inf"))
    app = checked(app.button(key="replay_play").click().run())
    assert [message.name for message in app.chat_message] == ["user", "assistant"]
    assert not any(button.key == "replay_stop" for button in app.button)
    app = checked(app.run())  # another click does not play it again
    assert not app.chat_message


def test_a_replay_has_the_timing_of_the_run() -> None:
    events = [Token(text=str(n), seq=n, elapsed_us=n * 20_000) for n in range(6)]
    played = PlayedRun(list(events), 2.0)
    seen = [(event.seq, played.elapsed_us()) for batch in played.follow() for event in batch]
    assert [seq for seq, _ in seen] == list(range(7))  # a log without an end gets one
    assert all(at >= min(seq, 5) * 20_000 for seq, at in seen)
    assert not played.wait(6, 0.0)


@pytest.mark.slow
def test_a_run_whose_thread_was_deleted_shows_what_there_is(
    runtime: Runtime, open_page: OpenPage
) -> None:
    run = ask(runtime)
    runtime.delete_thread(run.thread_id, "local")
    app = open_page("run", id=run.id)
    assert run.id in words(app)
    assert app.get("plotly_chart")
    assert not any("Open its thread" in str(link.proto) for link in app.get("page_link"))
    for view in ("words", "replay", "events", "sources"):
        said = words(open_page("run", id=run.id, view=view))
        assert "gone" in said, view
        assert QUESTION not in said, view


@pytest.mark.slow
def test_a_run_without_a_log_says_so_everywhere(
    data_dir: Path, request: pytest.FixtureRequest
) -> None:
    data_dir.mkdir(parents=True)
    write_traffic(data_dir / "analytics.db", 20, Traffic(seed=3, days=0.9))
    row = Queries(data_dir / "analytics.db").ask(
        lambda ask: ask.reader.rows(ask.scope.of("run").limit(1))[0], Filter(range="all")
    )
    open_page = request.getfixturevalue("open_page")
    assert len(open_page("run", id=row["run_id"]).get("plotly_chart")) == 1
    assert "words of this run are gone" in words(open_page("run", id=row["run_id"], view="words"))
    assert "cannot be played again" in words(open_page("run", id=row["run_id"], view="replay"))
    assert "log of this run is gone" in words(open_page("run", id=row["run_id"], view="events"))


@pytest.mark.slow
def test_a_running_run_shows_what_is_known(
    monkeypatch: pytest.MonkeyPatch, provider: ProviderServer, request: pytest.FixtureRequest,
    data_dir: Path,
) -> None:  # fmt: skip
    use(monkeypatch, provider)
    runtime: Runtime = request.getfixturevalue("runtime")
    begun = threading.Event()
    provider.default = Reply(first_ms=20_000)
    run = runtime.start(TurnRequest(text=QUESTION, model="openai:gpt-4o-mini"))
    for batch in run.follow():
        if any(event.type == "attempt" for event in batch):
            begun.set()
            break
    assert begun.is_set()
    app = request.getfixturevalue("open_page")("run", id=run.id)
    assert "still going on" in words(app)
    assert len(app.get("plotly_chart")) == 1
    runtime.runs.cancel(run.id)
    for _ in run.follow():
        pass
    assert runtime.recorder.flush()
    app = checked(app.run())
    assert "still going on" not in words(app)


def test_a_run_not_yet_recorded_is_told_by_its_log(runtime: Runtime, open_page: OpenPage) -> None:
    runtime.recorder.close()
    run = runtime.start(TurnRequest(text=QUESTION))
    for _ in run.follow():
        pass
    app = open_page("run", id=run.id)
    assert "analytics has not recorded it yet" in words(app)
    assert len(app.get("plotly_chart")) == 1


def test_two_runs_side_by_side(runtime: Runtime, open_page: OpenPage) -> None:
    one = ask(runtime)
    other = ask(runtime, "How do I install Switchboard?", thread_id=one.thread_id)
    app = open_page("run", id=one.id, view="compare")
    app = checked(app.selectbox(key="with_related").set_value(other.id).run())
    assert app.query_params["with"] in (other.id, [other.id])
    assert len(app.get("plotly_chart")) == 2
    assert "passages in common" in words(app)
    assert ("Struck out: only in this run" in words(app)) or ("stand in full" in words(app))
    table = app.table[0].value
    assert list(table.columns) == ["Figure", "This run", "The other", "Difference"]


@pytest.mark.slow
@pytest.mark.parametrize("other", ["nonsense", "0" * 32, HOSTILE])
def test_an_unknown_other_run_is_not_found(
    runtime: Runtime, open_page: OpenPage, other: str
) -> None:
    app = open_page("run", id=ask(runtime).id, **{"with": other})
    assert app.warning[0].value == NOT_FOUND


@pytest.mark.slow
def test_differences_of_figures_are_other_minus_this(runtime: Runtime) -> None:
    one, other = (read_run(runtime, ask(runtime, text).id) for text in (QUESTION, "Hello"))
    assert one is not None
    assert other is not None
    assert one.detail is not None
    assert other.detail is not None
    same = figures_table(one.detail.run, one.detail.run)["Difference"]
    assert set(same) <= {"same", "unknown"}
    assert figures_table(one.detail.run, other.detail.run)["Difference"][1][0] in "+−"


@pytest.mark.slow
def test_a_cost_that_lacks_a_price_is_not_compared(runtime: Runtime) -> None:
    known = read_run(runtime, ask(runtime).id)
    assert known is not None
    assert known.detail is not None
    whole = replace(known.detail.run, cost_pusd=140_000_000, cost_complete=1)
    part = replace(whole, cost_pusd=18_000_000, cost_complete=0)

    def cost(one: RunRow, other: RunRow) -> tuple[str, str, str]:
        table = figures_table(one, other)
        k = table["Figure"].index("Cost")
        return table["This run"][k], table["The other"][k], table["Difference"][k]

    assert cost(part, whole) == ("at least \\$0.000018", "\\$0.00014", "not comparable")
    assert cost(whole, part)[2] == cost(part, part)[2] == "not comparable"
    assert cost(whole, replace(whole, cost_pusd=280_000_000))[2] == "+\\$0.00014 (+100 %)"
    assert cost(replace(part, cost_pusd=None), whole)[2] == "unknown"


@pytest.mark.parametrize(
    ("stalls", "said"),
    [
        ([None, None], "Stalls were not measured in this run."),
        ([0, 0], "No stall: the text came without long gaps."),
        ([0, None], "No stall: the text came without long gaps. Not measured in 1 of 2 streams."),
        ([1, 0], "1 stall, 2.00 s stood still."),
        ([2, 1], "3 stalls, 4.00 s stood still."),
    ],
)
def test_stalls_that_were_not_measured_are_not_none(stalls: list[int | None], said: str) -> None:
    calls: Any = [
        SimpleNamespace(stall_count=n, stall_us=None if n is None else 2_000_000 if n else 0)
        for n in stalls
    ]
    assert stalls_line(calls) == said


def test_two_waterfalls_can_share_their_left_side() -> None:
    short = [Bar(label="A", kind="Model", offset_us=0, duration_us=5_000, note="", first_us=2_000)]
    long = [Bar(label="A long name of it", kind=FAILED, offset_us=0, duration_us=5_000, note="")]
    assert label_px(short) < label_px(long)
    figures = [waterfall_figure(bars, 2_000, 10_000, label_px(long)) for bars in (short, long)]
    assert len({figure.layout.margin.l for figure in figures}) == 1
    words_on = [[a.text for a in figure.layout.annotations if a.bgcolor] for figure in figures]
    assert words_on == [["5 ms"], ["failed, 5 ms"]]
    assert {trace.name for trace in figures[1].data if trace.showlegend is not False} == {FAILED}


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (
            "The cat sat",
            "The dog sat",
            "The :red-background[~~cat~~]:green-background[**dog**] sat",
        ),
        ("x", "", ":red-background[~~x~~]"),
        ("a, b", "a, b c", "a, b :green-background[**c**]"),
        (
            "one two\n\nend",
            "1 2\n\nend",
            ":red-background[~~one two~~]:green-background[**1 2**]  \n  \nend",
        ),
    ],
)
def test_a_word_diff_marks_by_form_and_not_by_colour_alone(
    before: str, after: str, shown: str
) -> None:
    assert word_diff(before, after).markdown == shown


@pytest.mark.parametrize(
    ("before", "after", "alike"),
    [
        ("One two, three.", "Six, seven eight.", 0),
        ("One two three", "one two three", 2 / 3),
        ("- a\n- b", "* a\n* b", 1),
        ("same " * 3_000, "same " * 3_000, 1),
        ("…", "…", 1),
    ],
)
def test_only_words_make_two_texts_alike(before: str, after: str, alike: float) -> None:
    """Blanks and signs counted: two answers without a common word were 30 % the same."""
    assert word_diff(before, after).alike == pytest.approx(alike)


def test_a_word_diff_is_inert_and_bounded() -> None:
    assert not ACTIVE.search(word_diff("a", f"a {HOSTILE}").markdown)
    assert not ACTIVE.search(word_diff(HOSTILE, HOSTILE).markdown)
    assert word_diff("a " * 50_000, "b " * 50_000).alike < 1


def test_hostile_names_stay_text(data_dir: Path, request: pytest.FixtureRequest) -> None:
    runtime: Runtime = request.getfixturevalue("runtime")
    run = ask(runtime)
    known = read_run(runtime, run.id)
    assert known is not None
    rename = "UPDATE run SET agent_name = ?, answer_model = ?, user_id = NULL, app_version = ?"
    runtime.recorder.write(lambda c: c.exec_driver_sql(rename, (HOSTILE,) * 3) and None)
    rename = "UPDATE llm_call SET request_model = ?, error_type = ?, status = 'error', cost_why = ?"
    runtime.recorder.write(lambda c: c.exec_driver_sql(rename, (HOSTILE,) * 3) and None)
    rename = "UPDATE step SET agent_name = ?, graph_node = ?, tool_name = ?"
    runtime.recorder.write(lambda c: c.exec_driver_sql(rename, (HOSTILE,) * 3) and None)
    open_page = request.getfixturevalue("open_page")
    for view in ("what", "cost", "compare"):
        app = open_page("run", id=run.id, view=view)
        raw = [part.value for part in (*app.markdown, *app.caption, *app.error)]
        raw += [str(v) for t in app.table for v in t.value.to_numpy().ravel()]
        assert any("alert" in text for text in raw), view
        assert [text for text in raw if ACTIVE.search(text)] == [], view


def test_prompts_in_any_form_are_text() -> None:
    stored = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}, 5])
    assert prompt_texts(stored) == [("user", "Hi"), ("unknown", "5")]
    assert prompt_texts("no json") == [("stored", "no json")]


def test_an_answer_is_saved_as_a_test_case(runtime: Runtime, open_page: OpenPage) -> None:
    at = open_page("run", id=ask(runtime).id)
    area = next(a for a in at.text_area if a.label == "Must contain")
    area.set_value("LangGraph\nStreamlit")
    save = next(b for b in at.button if b.label == "Save test case")
    checked(save.click().run())
    (saved,) = runtime.evaluations.sets.saved_cases("local")
    kinds = [check.type for check in saved.case.checks]
    assert (saved.case.question, kinds) == (QUESTION, ["contains", "cites", "route"])
    assert saved.case.checks[0].value == ("LangGraph", "Streamlit")
