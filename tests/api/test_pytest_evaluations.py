"""Question sets as tests, seen from outside: what pytest collects, reports and asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.evaluation.sets import SetStore
from agents.tables import metadata
from core.database import Database
from tests.agents.answering_house import answering, ask
from tests.api.command_house import LARGE, MINI, asked, question_file, use
from tests.provider import ProviderServer, Reply
from tests.provider.fixtures import module_server as module_server

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def everything_imported(
    tmp_path_factory: pytest.TempPathFactory, module_server: ProviderServer
) -> None:
    """An inner pytest forgets what it imports, and importing tables of databases twice fails."""
    import api.evaluating.run  # noqa: F401

    with answering(tmp_path_factory.mktemp("house"), module_server) as runtime:
        runtime.warm_up.start()
        runtime.warm_up.hurry()
        runtime.warm_up.ready.wait(60)
        ask(runtime, "How do I change the port?")


@pytest.fixture
def run(
    pytester: pytest.Pytester,
    tmp_path: Path,
    provider: ProviderServer,
    monkeypatch: pytest.MonkeyPatch,
) -> RunPytest:
    """pytest in its own folder with the plugin, against the scripted provider."""
    use(monkeypatch, tmp_path, provider)
    provider.default = Reply(text="Set the port in the settings. [1]")
    return RunPytest(pytester)


class RunPytest:
    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester

    def __call__(self, *arguments: str, plugin: bool = True) -> pytest.RunResult:
        named = ("-p", "api.pytest_evaluations", "--switchboard-model", MINI) if plugin else ()
        return self.pytester.runpytest_inprocess(*named, "-p", "no:cacheprovider", *arguments)


def test_every_question_is_a_test(run: RunPytest, provider: ProviderServer) -> None:
    question_file(run.pytester.path / "handbook.eval.jsonl", 3, contains="settings")
    run().assert_outcomes(passed=3)
    assert len(asked(provider)) == 3


def test_a_failure_shows_question_answer_and_check(
    run: RunPytest, provider: ProviderServer
) -> None:
    question_file(run.pytester.path / "handbook.eval.jsonl", 2, contains="settings")
    provider.respond = lambda r: Reply(text="No.") if "port 1" in str(r.body["messages"]) else None
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*_ q1 _*",
            "question: How do I change port 1?",
            "answer:   No.",
            "failed: contains “settings”. *",
        ]
    )


def test_several_models_are_asked_each(run: RunPytest, provider: ProviderServer) -> None:
    question_file(run.pytester.path / "handbook.eval.jsonl", 2, contains="settings")
    provider.by_model["gpt-4o"] = Reply(text="No.")
    result = run("--switchboard-model", LARGE, "-v")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines([f"*::q0[[]{MINI}] PASSED*", f"*::q0[[]{LARGE}] FAILED*"])


def test_only_chosen_questions_are_asked(run: RunPytest, provider: ProviderServer) -> None:
    question_file(run.pytester.path / "handbook.eval.jsonl", 3, contains="settings")
    run("-k", "q1").assert_outcomes(passed=1, deselected=2)
    assert asked(provider) == [("gpt-4o-mini", "How do I change port 1?")]


def test_chosen_questions_do_not_become_the_whole_set(run: RunPytest, tmp_path: Path) -> None:
    question_file(run.pytester.path / "handbook.eval.jsonl", 2, contains="settings")
    run().assert_outcomes(passed=2)
    run("-k", "q1").assert_outcomes(passed=1, deselected=1)
    database = Database(f"sqlite:///{tmp_path / 'data' / 'app.db'}", metadata=metadata)
    kept = [(one.name, one.cases) for one in SetStore(database).list("local")]
    database.close()
    assert kept == [("handbook", 2), ("handbook (part)", 1)]


def test_answers_are_asked_for_together(run: RunPytest, provider: ProviderServer) -> None:
    question_file(run.pytester.path / "handbook.eval.jsonl", 4, contains="settings")
    provider.default = Reply(text="In the settings.", first_ms=80)
    run("--switchboard-concurrency", "4").assert_outcomes(passed=4)
    first, second, *_ = provider.requests
    assert first.ended is not None
    assert second.received < first.ended


def test_broken_rows_are_an_error_of_the_file(run: RunPytest, provider: ProviderServer) -> None:
    path = run.pytester.path / "handbook.eval.csv"
    path.write_text("id,question\na,Where is it?\nb,\nc,\n")
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["2 rows of handbook.eval.csv cannot be used:", "  line 3: *", "  line 4: *"]
    )
    assert provider.requests == []


def test_what_no_judge_decided_fails_unless_it_is_allowed(
    run: RunPytest, provider: ProviderServer
) -> None:
    question_file(run.pytester.path / "handbook.eval.jsonl", 1, judge="It is right.")
    judge = ("--switchboard-judge", LARGE)
    provider.by_model["gpt-4o"] = Reply(text="Hard to say.")
    result = run(*judge)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["open: *The judge gave no verdict that can be read."])
    run(*judge, "--switchboard-allow-undecided").assert_outcomes(passed=1)


def test_what_cannot_be_asked_is_said_in_a_sentence(run: RunPytest) -> None:
    question_file(run.pytester.path / "handbook.eval.jsonl", 1)
    result = run("--switchboard-model", "groq:x")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["groq:x cannot be used: *"])


def test_a_configuration_that_is_none_ends_the_run(run: RunPytest) -> None:
    result = run("--switchboard-config", '{"modell": "x"}')
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*A configuration has no 'modell'.*"])


def test_without_the_plugin_question_files_are_no_tests(run: RunPytest) -> None:
    question_file(run.pytester.path / "handbook.eval.jsonl", 1)
    assert run(plugin=False).ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_nothing_is_left_behind_without_a_data_folder(
    run: RunPytest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SWITCHBOARD_DATA_DIR")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    question_file(run.pytester.path / "handbook.eval.jsonl", 1, contains="settings")
    run().assert_outcomes(passed=1)
    assert list(tmp_path.glob("switchboard-*")) == []
    assert not (run.pytester.path / "data").exists()
