"""The reference page: whole, without scripts, and made of the OpenAPI document alone."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from api.reference import reference_page
from api.reference.schemas import Schemas, limits_of, types_of
from tests.api.door import Door


class Anchors(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.ids.add(given.get("id") or "")
        if tag == "a" and (given.get("href") or "").startswith("#"):
            self.links.add(str(given["href"])[1:])
        assert not any(name.startswith("on") for name in given)
        for name in ("src", "href"):
            assert not (given.get(name) or "").startswith(("http:", "https:", "//"))


def test_every_operation_and_schema_is_on_the_page_and_every_link_leads_somewhere(
    door: Door,
) -> None:
    answer = door.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    found = Anchors(answer.text)
    assert found.links <= found.ids
    assert "script" not in found.tags
    document = door.get("/openapi.json").json()
    assert all(f"schema-{name}" in found.ids for name in document["components"]["schemas"])
    for path, operations in document["paths"].items():
        assert f">{path}<" in answer.text
        for method in operations:
            assert f"curl -X {method.upper()}" in answer.text or method in ("get", "post")


def test_examples_of_the_page_can_be_sent(door: Door) -> None:
    """Every GET without an id in its address, as the page shows it."""
    commands = re.findall(
        r"curl (http://localhost:8501/api(/[\w/]*))</pre>", door.get("/docs").text
    )
    assert len(commands) >= 6
    for path in (path for _, path in commands if not re.search(r"[0-9a-f]{32}", path)):
        assert door.get(path).status_code == 200


def test_text_of_the_document_is_escaped() -> None:
    document = {
        "info": {"title": "<b>", "version": "1", "description": "`<i>`"},
        "paths": {"/<x>": {"get": {"description": "<script>alert(1)</script>", "responses": {}}}},
    }
    page = reference_page(document, login=True)
    assert "<script>" not in page
    assert "<code>&lt;i&gt;</code>" in page
    assert "Authorization: Bearer" in page


@pytest.mark.parametrize(
    ("schema", "words", "limits"),
    [
        ({"type": "string", "minLength": 1, "maxLength": 2000}, ["string"], "1 to 2,000 characters"),
        ({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}, ["integer", "null"], "at least 1"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/A"}}, ["list of A"], ""),
        ({"enum": ["a", "b"]}, ["a · b"], ""),
        ({"const": "stop"}, ['"stop"'], ""),
    ],
)  # fmt: skip
def test_a_schema_in_words(schema: dict[str, object], words: list[str], limits: str) -> None:
    assert [one.words for one in types_of(schema)] == words
    assert limits_of(schema) == limits


def test_an_example_of_a_schema_that_holds_itself_ends() -> None:
    tree = {"type": "object", "properties": {"child": {"$ref": "#/components/schemas/Tree"}}}
    schemas = Schemas({"components": {"schemas": {"Tree": tree}}})
    assert "child" in schemas.example({"$ref": "#/components/schemas/Tree"})
