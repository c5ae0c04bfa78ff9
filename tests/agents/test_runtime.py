"""The composition root: everything together, without a key and without a page."""

from __future__ import annotations

import gc
import re
import sys
import threading
from pathlib import Path

import pytest

from agents.run import Run, TurnRequest
from agents.runtime import Runtime
from core.errors import InvalidInput, NotFound, StorageError
from core.settings import Settings, load_settings

PROVIDERS = ("openai", "langchain_openai", "langchain_aws", "boto3")


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    return load_settings(env_file=None)


def ask(runtime: Runtime, text: str, **request: object) -> Run:
    run = runtime.start(TurnRequest(text=text, **request))  # type: ignore[arg-type]
    for _ in run.follow():
        pass
    return run


def test_a_question_before_the_warm_up_is_answered_from_the_documents(settings: Settings) -> None:
    runtime = Runtime(settings)
    try:
        run = ask(runtime, "What is Switchboard?")
        assert run.events[-1].type == "completed"
        answer = runtime.threads.messages(run.thread_id, "local")[-1]
        assert re.search(r"\[[1-9]\]", answer.text)
        assert answer.summary is not None
        assert (answer.summary.cost_pusd, answer.summary.model) == (0, "local:extractive")
        assert runtime.recorder.flush()
        detail = runtime.queries.run_detail(run.id)
        assert detail is not None
        assert detail.run.first_token_us == answer.summary.ttft_us
    finally:
        runtime.close(2.0)


@pytest.mark.slow
def test_without_keys_no_provider_package_is_imported(data_dir: Path) -> None:
    import subprocess

    code = (
        "import sys; from agents.run import TurnRequest; from agents.runtime import Runtime;"
        "from core.settings import load_settings; r = Runtime(load_settings(env_file=None));"
        "run = r.start(TurnRequest(text='What is Switchboard?')); [0 for _ in run.follow()];"
        f"print([m for m in {PROVIDERS!r} if m in sys.modules], run.events[-1].type); r.close(2)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "[] completed\n", done.stderr


def test_a_second_runtime_on_the_same_folder_is_refused(settings: Settings) -> None:
    runtime = Runtime(settings)
    try:
        with pytest.raises(StorageError, match="Another Switchboard"):
            Runtime(settings)
    finally:
        runtime.close(1.0)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (TurnRequest(text=""), InvalidInput),
        (TurnRequest(text="q", graph="../secrets"), NotFound),
        (TurnRequest(text="q", agent="wizard"), InvalidInput),
        (TurnRequest(text="q", graph="react", agent="billing"), InvalidInput),
        (TurnRequest(text="q", thread_id="' OR 1=1 --"), NotFound),
    ],
)
def test_a_request_that_cannot_be_used_starts_nothing(
    settings: Settings, request_: TurnRequest, error: type[Exception]
) -> None:
    runtime = Runtime(settings)
    try:
        with pytest.raises(error):
            runtime.start(request_)
        assert runtime.threads.counts() == {"thread": 0, "message": 0, "run": 0}
    finally:
        runtime.close(1.0)


@pytest.mark.parametrize("name", ["analytics.db", "knowledge.db", "checkpoints.db"])
def test_a_damaged_rebuildable_file_costs_no_answer(settings: Settings, name: str) -> None:
    settings.data_dir.mkdir(parents=True)
    (settings.data_dir / name).write_bytes(b"garbage, not a database" * 400)
    runtime = Runtime(settings)
    try:
        assert ask(runtime, "What is Switchboard?").events[-1].type == "completed"
        assert list(settings.data_dir.glob(f"{name}.broken-*"))
    finally:
        runtime.close(2.0)


def test_a_missing_documents_folder_is_said_and_answers_go_on(data_dir: Path) -> None:
    runtime = Runtime(load_settings(env_file=None, knowledge_dir=data_dir / "nowhere"))
    try:
        run = ask(runtime, "What is Switchboard?")
        assert run.events[-1].type == "completed"
        assert runtime.knowledge.report is not None
        assert runtime.knowledge.report.problems
    finally:
        runtime.close(2.0)


@pytest.mark.slow
def test_opening_and_closing_leaves_nothing_behind(settings: Settings) -> None:
    def open_files() -> int:
        folder = Path("/proc/self/fd")
        return sum(1 for _ in folder.iterdir()) if folder.exists() else 0

    counts = []
    for _ in range(12):
        runtime = Runtime(settings)
        ask(runtime, "What is Switchboard?")
        runtime.close(2.0)
        gc.collect()
        counts.append((threading.active_count(), open_files()))
    assert min(counts[-4:]) <= min(counts[:4]), counts
