"""Names and colours of all models that ever were in the catalogue.

A model that leaves it keeps its history; so that it can be told from others there, it keeps its face.
"""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from agents.tables import known_model
from core.catalog import Catalog
from core.database import Database


def remember(database: Database, catalog: Catalog) -> Catalog:
    """Keeps the catalogue's faces, and gives it with those of models it no longer has."""
    now = catalog.faces()
    with database.read() as connection:
        kept = {
            row.name: (row.display_name, row.color)
            for row in connection.execute(select(known_model))
        }
    changed = [name for name, face in now.items() if kept.get(name) != face]
    if changed:
        rows = [
            {"name": name, "display_name": now[name][0], "color": now[name][1]} for name in changed
        ]
        with database.write() as connection:
            connection.execute(delete(known_model).where(known_model.c.name.in_(changed)))
            connection.execute(insert(known_model), rows)
    return catalog.remembering(kept)
