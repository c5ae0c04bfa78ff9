"""A model that leaves the catalogue keeps its name and its colour."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from agents.known_models import remember
from agents.tables import metadata
from core.catalog import Catalog, load_catalog
from core.database import Database

GONE = "openai:gpt-4o-mini"


def without(catalog: Catalog, model_id: str) -> Catalog:
    gone = catalog.find(model_id)
    assert gone is not None
    return replace(
        catalog,
        models=tuple(model for model in catalog.models if model is not gone),
        _by_name={name: m for name, m in catalog._by_name.items() if m is not gone},
    )


def test_a_deleted_model_keeps_its_name_and_its_colour(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/app.db", metadata=metadata)
    whole = load_catalog()
    before = whole.display_name(GONE), whole.color(GONE)
    smaller = without(whole, GONE)
    assert (smaller.display_name(GONE), smaller.color(GONE)) != before
    remember(database, whole)
    after = remember(database, smaller)
    assert (after.display_name(GONE), after.color(GONE)) == before
    assert after.find(GONE) is None
    database.close()


def test_a_snapshot_of_a_deleted_model_has_its_face_too(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/app.db", metadata=metadata)
    whole = remember(database, load_catalog())
    alias = next(a for m in whole.models if m.id == GONE for a in m.aliases)
    after = remember(database, without(whole, GONE))
    assert after.display_name(alias) == "GPT-4o mini"
    database.close()


def test_what_the_catalogue_says_now_is_what_counts(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/app.db", metadata=metadata)
    whole = load_catalog()
    remember(database, whole)
    model = whole.find(GONE)
    assert model is not None
    renamed = replace(model, display_name="Mini")
    changed = replace(
        whole, _by_name={n: renamed if m is model else m for n, m in whole._by_name.items()}
    )
    remember(database, changed)
    assert remember(database, without(whole, GONE)).display_name(GONE) == "Mini"
    database.close()


def test_a_region_s_profile_of_a_deleted_model_has_its_face_too(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/app.db", metadata=metadata)
    nova = "bedrock_converse:us.amazon.nova-lite-v1:0"
    whole = remember(database, load_catalog())
    after = remember(database, without(whole, nova))
    assert after.find(nova) is None
    assert (after.display_name(nova), after.color(nova)) == (
        whole.display_name(nova),
        whole.color(nova),
    )
    database.close()
