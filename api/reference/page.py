"""The page itself: the document's operations and schemas in one HTML file with its styles."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any

from api.reference.operations import BASE, Group, groups_of
from api.reference.schemas import Schemas

_CODE = re.compile(r"`([^`]+)`")


def reference_page(document: Mapping[str, Any], *, login: bool) -> str:
    """HTML. `login`: whether requests need a credential here."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    def words(text: str) -> Markup:
        """Plain text with `code` in it."""
        return Markup(_CODE.sub(r"<code>\1</code>", escape(text, quote=False)))

    schemas = Schemas(document)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["words"] = words
    template = environment.from_string(
        files("api.reference").joinpath("page.html").read_text("utf-8")
    )
    groups = groups_of(document, schemas)
    return template.render(
        title=document["info"]["title"],
        version=document["info"]["version"],
        description=document["info"].get("description", ""),
        base=BASE,
        login=login,
        groups=groups,
        everywhere=_everywhere(groups),
        schemas=[(name, one, schemas.fields(one)) for name, one in schemas.items()],
    )


def _everywhere(groups: Sequence[Group]) -> list[tuple[str, str]]:
    """(status, meaning) of what most operations can answer: told once, and not of each."""
    every = [set(one.errors) for group in groups for one in group.operations]
    counted = Counter(error for errors in every for error in errors)
    return sorted(error for error, count in counted.items() if 2 * count > len(every))
