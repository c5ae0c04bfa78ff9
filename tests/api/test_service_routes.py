"""Models, info, readiness and metrics over HTTP, with and without a login."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agents.readiness import Part
from agents.runtime import Runtime
from core.settings import load_settings
from tests.api.door import Door
from tests.api.served import served
from tests.provider import ProviderServer


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Door, dict[str, str]]]:
    """A door where people log in, and the keys of a user and an analyst."""
    folder: Path = tmp_path_factory.mktemp("guarded")
    settings = load_settings(
        env_file=None, data_dir=folder, knowledge_dir=folder / "none", auth="accounts"
    )
    runtime = Runtime(settings)
    try:
        keys = {}
        for role in ("user", "analyst"):
            runtime.identity.accounts.add(role, name=role, role=role, password="long enough pass 1")
            token = runtime.identity.accounts.log_in(role, "long enough pass 1", "test")
            person = runtime.identity.from_session(token)
            assert person is not None
            scopes = frozenset({"chat", "analytics"})
            keys[role] = runtime.identity.keys.create(person, "test", scopes, 1)[1]
        with ProviderServer() as server, served(runtime) as api:
            yield Door(api.url, runtime, server), keys
    finally:
        runtime.close(2.0)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_models_say_whether_they_are_usable_and_what_they_cost(door: Door) -> None:
    found = {one["id"]: one for one in door.get("/models").json()["models"]}
    mini = found["openai:gpt-4o-mini"]
    assert (mini["usable"], mini["why_not"], mini["sees_images"]) == (True, None, True)
    assert mini["context_window"] == 128_000
    price = mini["prices"][0]
    assert (price["input_usd"], price["output_usd"]) == (0.15, 0.6)
    assert price["valid_from"] <= price["source_date"] or price["source"]
    assert found["local:extractive"]["sees_images"] is False


def test_a_model_without_a_key_says_what_is_missing(tmp_path: Path) -> None:
    from agents.about import models

    runtime = Runtime(
        load_settings(env_file=None, data_dir=tmp_path, knowledge_dir=tmp_path / "none")
    )
    try:
        found = {one.id: one for one in models(runtime)}
    finally:
        runtime.close(2.0)
    assert found["openai:gpt-4o-mini"].usable is False
    assert found["openai:gpt-4o-mini"].why_not == "set OPENAI_API_KEY"


def test_info_tells_versions_and_features_and_no_place(door: Door) -> None:
    answer = door.get("/info")
    found = answer.json()
    assert found["service"] == "Switchboard"
    assert {"python", "sqlite", "streamlit", "langgraph", "langchain-core"} <= set(
        found["versions"]
    )
    assert found["features"]["login"] is False
    assert [one["name"] for one in found["graphs"]] == ["supervisor", "react"]
    assert {"path": "/v1/models", "method": "GET"}.items() <= next(
        one for one in found["endpoints"] if one["path"] == "/v1/models"
    ).items()
    for secret in (str(door.runtime.settings.data_dir), "sk-test", "127.0.0.1", "localhost"):
        assert secret not in answer.text


def test_an_old_sqlite_is_named_in_the_warnings(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 40, 1))
    assert any("SQLite" in one for one in door.get("/info").json()["warnings"])
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 52, 0))
    assert door.get("/info").json()["warnings"] == []


def test_ready_names_every_part(door: Door) -> None:
    answer = door.get("/ready")
    assert answer.status_code == 200
    assert [(one["name"], one["status"]) for one in answer.json()["parts"]] == [
        (name, "ok")
        for name in (
            "app_database", "analytics_database", "checkpoints", "knowledge_index", "models",
            "disk_space", "warm_up", "draining",
        )
    ]  # fmt: skip


def test_one_part_that_fails_makes_it_not_ready(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [Part(name="app_database", status="failed", detail="storage")]
    monkeypatch.setattr(door.runtime.readiness, "parts", lambda: broken)
    answer = door.get("/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    assert answer.headers["retry-after"] == "1"
    assert door.get("/health").json() == {"status": "ok"}


def test_a_stranger_learns_only_whether_it_is_ready(guarded: tuple[Door, dict[str, str]]) -> None:
    door, keys = guarded
    assert set(door.get("/ready").json()) == {"status"}
    assert set(door.get("/ready", headers=bearer("sb-wrong")).json()) == {"status"}
    assert "parts" in door.get("/ready", headers=bearer(keys["user"])).json()


@pytest.mark.parametrize("path", ["/info", "/models", "/metrics", "/analytics/query", "/v1/models"])
def test_everything_else_needs_a_credential(
    guarded: tuple[Door, dict[str, str]], path: str
) -> None:
    answer = guarded[0].get(path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.slow
def test_metrics_and_everybodys_figures_need_the_right(
    guarded: tuple[Door, dict[str, str]],
) -> None:
    door, keys = guarded
    for path in ("/metrics", "/analytics/query", "/analytics/query?scope=all"):
        assert door.get(path, headers=bearer(keys["user"])).status_code == 403
        assert door.get(path, headers=bearer(keys["analyst"])).status_code == 200
    assert door.get("/analytics/query?scope=own", headers=bearer(keys["user"])).status_code == 200


@pytest.mark.slow
def test_own_figures_are_of_own_runs_only(guarded: tuple[Door, dict[str, str]]) -> None:
    door, keys = guarded
    body = {"model": "local:extractive", "messages": [{"role": "user", "content": "Hello"}]}
    assert door.post("/v1/chat/completions", body, headers=bearer(keys["user"])).status_code == 200
    door.runtime.recorder.flush(5)
    counted = {
        (role, scope): value(door, f"/analytics/query?scope={scope}", keys[role])
        for role, scope in (("user", "own"), ("analyst", "own"), ("analyst", "all"))
    }
    assert counted == {("user", "own"): 1, ("analyst", "own"): 0, ("analyst", "all"): 1}


def value(door: Door, path: str, key: str) -> float:
    return float(door.get(path, headers=bearer(key)).json()["answer"]["rows"][-1]["value"])


def test_an_error_of_the_login_has_openais_form_under_v1(
    guarded: tuple[Door, dict[str, str]],
) -> None:
    error = guarded[0].get("/v1/models").json()["error"]
    assert (error["type"], error["code"]) == ("authentication_error", "invalid_api_key")


def test_metrics_count_what_was_asked(door: Door) -> None:
    before = samples(door)
    door.post("/v1/chat/completions", {"model": "technical", "messages": [{"role": "user", "content": "Hi there"}]})  # fmt: skip
    after = samples(door)
    call = (
        'gen_ai_operation_name="chat",gen_ai_provider_name="openai",'
        'gen_ai_request_model="openai:gpt-4o-mini"'
    )
    run = 'entry_point="api",gen_ai_agent_name="technical",status="completed"'
    for name, least in (
        (f"switchboard_runs_total{{{run}}}", 1),
        (f"gen_ai_client_inference_usage_input_tokens_total{{{call}}}", 2),
        (f'gen_ai_client_operation_duration_seconds_count{{error_type="",{call}}}', 1),
    ):
        assert after.get(name, 0) - before.get(name, 0) >= least
    assert after["switchboard_open_streams"] == 0
    assert after["switchboard_dropped_rows_total"] == 0


def samples(door: Door) -> dict[str, float]:
    text = door.get("/metrics").text
    assert "sk-test" not in text
    return {
        sample.name
        + (
            "{" + ",".join(f"{k}={json.dumps(v)}" for k, v in sorted(sample.labels.items())) + "}"
            if sample.labels
            else ""
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_open_metrics_for_who_asks_for_it(door: Door) -> None:
    answer = door.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
