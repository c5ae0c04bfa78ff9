"""`python -m api.evaluate`: what it asks, what it says, and with which exit status it ends."""

from __future__ import annotations

import _thread
import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from api.evaluate import main, parser
from core.folder_lock import FolderLock
from core.settings import ROOT
from tests.api.command_house import LARGE, MINI, asked, question_file, use, variables
from tests.provider import ProviderServer, Reply
from tests.provider.wire import Recorded

pytestmark = pytest.mark.slow
Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path, provider: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command with the scripted provider, one model, and questions that want "settings"."""
    use(monkeypatch, tmp_path, provider)
    provider.default = Reply(text="Set the port in the settings. [1]")

    def run_(*arguments: object, count: int = 2, models: tuple[str, ...] = (MINI,)) -> int:
        questions = question_file(tmp_path / "handbook.jsonl", count, contains="settings")
        named = [part for model in models for part in ("--model", model)]
        return main([str(questions), *named, *map(str, arguments)])

    return run_


def test_it_succeeds_when_every_answer_passes(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    out, _ = capsys.readouterr()
    assert "2 of 2  100.0%" in out
    assert out.endswith("Everything holds.\n")


def test_an_answer_that_does_not_pass_is_shown_with_its_check(
    run: Run, provider: ProviderServer, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.default = Reply(text="I do not know.")
    assert run(count=1) == 1
    out, _ = capsys.readouterr()
    assert "FAILED  q0, GPT-4o mini" in out
    assert "question: How do I change port 0?" in out
    assert "answer:   I do not know." in out
    assert "failed: contains “settings”." in out
    assert out.endswith("1 of 1 answers did not pass.\n")


def test_a_share_of_passes_can_be_enough(run: Run, provider: ProviderServer) -> None:
    provider.respond = lambda r: Reply(text="No.") if "port 0" in str(r.body["messages"]) else None
    assert run("--min-pass", 0.5) == 0
    assert run("--min-pass", 0.51, "--fresh") == 1


def test_without_a_model_the_configured_chain_answers(run: Run, provider: ProviderServer) -> None:
    assert run(models=()) == 0
    assert [model for model, _ in asked(provider)] == ["gpt-4o-mini"] * 2


def test_two_models_are_compared(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(models=(LARGE, MINI)) == 0
    out, _ = capsys.readouterr()
    assert "Cannot tell yet whether GPT-4o mini is as good as GPT-4o" in out
    assert "The cost is known of too few answers." in out


def test_broken_rows_are_listed_and_nothing_is_asked(
    run: Run, tmp_path: Path, provider: ProviderServer, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.csv"
    path.write_text("id,question,max_seconds\na,Where is it?,5\nb,,5\nc,Why?,soon\n")
    assert main([str(path), "--model", MINI]) == 2
    _, err = capsys.readouterr()
    assert "2 rows" in err
    assert "line 3: The row has no question." in err
    assert "line 4: 'max_seconds' must be a number" in err
    assert provider.requests == []
    assert not (tmp_path / "data").exists()


def test_good_rows_run_without_the_broken_ones_when_asked(
    run: Run, tmp_path: Path, provider: ProviderServer
) -> None:
    path = tmp_path / "broken.csv"
    path.write_text("id,question\na,Where is it?\nb,\n")
    assert main([str(path), "--model", MINI, "--good-rows-only"]) == 0
    assert asked(provider) == [("gpt-4o-mini", "Where is it?")]


def test_a_stored_set_and_a_line_up_are_found_by_name(
    run: Run, tmp_path: Path, provider: ProviderServer
) -> None:
    from agents.runtime import Runtime
    from core.comparison import Configuration
    from core.settings import load_settings

    run()
    runtime = Runtime(load_settings())
    pair = [Configuration(model=MINI, agent="technical"), Configuration(model=LARGE)]
    runtime.comparisons.lineups.save("local", "Ours", pair)
    runtime.close(1.0)
    provider.requests.clear()
    assert main(["handbook", "--lineup", "Ours"]) == 0
    assert Counter(model for model, _ in asked(provider)) == {"gpt-4o-mini": 2, "gpt-4o": 2}


def test_reports_are_written_in_every_form(run: Run, tmp_path: Path) -> None:
    files = [tmp_path / "out" / f"r.{form}" for form in ("html", "md", "csv", "json")]
    assert run(*(part for file in files for part in ("--report", file))) == 0
    rows = list(csv.DictReader(io.StringIO(files[2].read_text("utf-8-sig"))))
    assert [(row["case"], row["passed"]) for row in rows] == [("q0/0", "1"), ("q1/0", "1")]
    assert rows[0]["answer"] == "Set the port in the settings. [1]"
    assert json.loads(files[3].read_text())["report"] == "evaluation"
    assert "<h1>Model evaluation</h1>" in files[0].read_text()
    assert files[1].read_text().startswith("# Model evaluation\n")


def test_a_judges_votes_are_in_the_report(
    run: Run, tmp_path: Path, provider: ProviderServer
) -> None:
    judge = "openai:gpt-4.1-mini"
    provider.by_model["gpt-4.1-mini"] = Reply(text='{"verdict": "A", "reason": "It is first."}')
    report = tmp_path / "r.json"
    assert run("--judge", judge, "--pairwise", "--report", report, models=(LARGE, MINI)) == 0
    sections = {one["title"]: one for one in json.loads(report.read_text())["sections"]}
    votes = next(one for one in sections["The judge"]["tables"] if one["name"] == "Votes")
    assert [row[3] for row in votes["rows"]] == ["tie", "tie"]
    assert f"--judge {judge} --pairwise" in sections["How to repeat it"]["words"][0]


def test_a_sure_drop_against_an_earlier_report_fails(
    run: Run, tmp_path: Path, provider: ProviderServer, capsys: pytest.CaptureFixture[str]
) -> None:
    earlier = tmp_path / "earlier.json"
    assert run("--report", earlier, count=8) == 0
    limits = ("--against", earlier, "--max-drop", 0.05)
    assert run(*limits, count=8) == 0
    provider.default = Reply(text="I do not know.")
    assert run(*limits, count=8) == 1
    out, _ = capsys.readouterr()
    assert "surely worse than GPT-4o mini (handbook, version 1) by more than 5.0%: -100.0%" in out


def test_the_cheaper_baseline_still_is_the_baseline(run: Run, provider: ProviderServer) -> None:
    provider.by_model["gpt-4o"] = Reply(text="I do not know.")
    assert run("--max-drop", 0.05, count=8, models=(MINI, LARGE)) == 1
    assert run("--max-drop", 0.05, "--baseline", 2, count=8, models=(MINI, LARGE)) == 0


def test_the_file_a_page_offers_and_an_id_are_baselines_too(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from agents.evaluation.export import results_as_json
    from agents.runtime import Runtime
    from core.settings import load_settings

    run()
    runtime = Runtime(load_settings())
    (evaluation,) = runtime.evaluations.store.recent("local")
    exported = tmp_path / "exported.json"
    exported.write_bytes(results_as_json(runtime.evaluations.results(evaluation)))
    runtime.close(1.0)
    sentences = []
    for given in (exported, evaluation.id):
        capsys.readouterr()
        assert run("--against", given) == 0
        sentences.append(capsys.readouterr().out)
    assert "as good as openai:gpt-4o-mini, Supervisor (handbook): about" in sentences[0]
    assert "as good as GPT-4o mini (handbook): about" in sentences[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--against", "nothing"), "There is no such evaluation."),
        (("--against", __file__), "is not a JSON file."),
        (("--report", "out.pdf"), "names no kind of report"),
        (("--lineup", "nobody"), "There is no line-up 'nobody'."),
        (("--baseline", "3"), "there are 1 configurations"),
        (("--max-drop", "0.1"), "has nothing to compare with"),
        (("--model", "groq:x"), "groq:x cannot be used"),
        (("--concurrency", "99"), "1 to 8 answers can be under way at once."),
        (("--pairwise",), "Choose a judge model."),
    ],
)
def test_what_cannot_run_says_why(
    run: Run, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("wrong", ["--config=[", "--budget=0", "--min-pass=90", "--config={}x"])
def test_wrong_arguments_are_refused(run: Run, wrong: str) -> None:
    with pytest.raises(SystemExit) as raised:
        run(wrong)
    assert raised.value.code == 2


def test_a_folder_in_use_is_told(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = FolderLock(tmp_path / "data")
    assert run() == 2
    lock.close()
    assert "Another Switchboard is using the data folder" in capsys.readouterr().err


def test_a_budget_that_is_used_up_is_no_success(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--budget", "0.000001", "--concurrency", 1) == 2
    assert "It is not finished. The budget of" in capsys.readouterr().err


def test_no_answer_at_all_is_no_evaluation(
    run: Run, provider: ProviderServer, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.default = Reply(status=400)
    assert run("--min-pass", 0) == 2
    assert "Not one answer came about" in capsys.readouterr().err


def test_after_control_c_the_same_command_goes_on(
    run: Run, provider: ProviderServer, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.default = Reply(text="Look at the settings.", per_token_ms=20)

    def interrupt() -> None:
        provider.wait_for_request(2)
        _thread.interrupt_main()

    threading.Thread(target=interrupt).start()
    assert run("--concurrency", 1, count=6) == 130
    assert 2 <= len(provider.requests) < 6
    assert "Paused. The same command goes on with it." in capsys.readouterr().err
    assert run("--concurrency", 1, count=6) == 0
    assert "Going on with an evaluation" in capsys.readouterr().err
    assert len(asked(provider)) == len(set(asked(provider))) == 6


def test_what_has_no_answer_can_be_asked_again(run: Run, provider: ProviderServer) -> None:
    provider.respond = lambda r: Reply(status=400) if "port 0" in str(r.body["messages"]) else None
    assert run() == 1
    provider.respond = None
    assert run("--retry-failed") == 0
    times = Counter(question for _, question in asked(provider))
    assert times == {"How do I change port 0?": 2, "How do I change port 1?": 1}


def test_it_can_be_made_to_start_anew(run: Run, provider: ProviderServer) -> None:
    assert run("--budget", "0.000001", "--concurrency", 1) == 2
    before = len(provider.requests)
    assert run("--budget", "0.000001", "--concurrency", 1, "--fresh") == 2
    assert len(provider.requests) == 2 * before


def test_a_killed_command_goes_on_without_asking_again_what_was_answered(
    run: Run, tmp_path: Path, provider: ProviderServer
) -> None:
    """Killed when twelve of thirty are answered and four are under way."""
    hanging = [f"port {n}?" for n in range(12, 30)]

    def respond(request: Recorded) -> Reply | None:
        hangs = any(port in str(request.body["messages"]) for port in hanging)
        return Reply(first_ms=60_000) if hangs else None

    provider.respond = respond
    questions = question_file(tmp_path / "handbook.jsonl", 30, contains="settings")
    with subprocess.Popen(
        [sys.executable, "-m", "api.evaluate", str(questions), "--model", MINI],
        cwd=ROOT,
        env={**os.environ, **variables(tmp_path, provider)},
        stderr=subprocess.DEVNULL,
    ) as process:
        provider.wait_for_request(16, timeout=60)
        process.send_signal(signal.SIGKILL)
    provider.respond = None
    assert run(count=30) == 0
    times = Counter(question for _, question in asked(provider))
    again = {question for question, number in times.items() if number > 1}
    assert len(times) == 30
    assert sum(times.values()) == 34
    assert again == {f"How do I change port {n}?" for n in range(12, 16)}


def test_every_option_is_documented() -> None:
    text = (ROOT / "docs" / "technical" / "evaluate-from-the-command-line.md").read_text()
    options = {option for action in parser()._actions for option in action.option_strings}
    missing = {option for option in options - {"-h", "--help"} if f"`{option}" not in text}
    assert missing == set()
