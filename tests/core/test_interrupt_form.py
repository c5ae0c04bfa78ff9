"""What graphs ask, as forms: each known shape, and that nothing strange raises."""

from __future__ import annotations

import json
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter
from typing_extensions import TypedDict

from core.interrupt_answer import (
    Verdict,
    answer_choice,
    answer_fields,
    answer_review,
    answer_text,
    describe,
)
from core.interrupt_form import Form, read_form


def form_of(value: Any, schema: Any = None) -> Form:
    return read_form(json.dumps(value), json.dumps(schema) if schema is not None else None)


SEND = {"name": "send_mail", "args": {"to": "a@b.c", "copies": 2, "urgent": False}}
REVIEW = {
    "action_requests": [SEND | {"description": "Tool execution requires approval\n\nTool: send_mail\nArgs: {}"},
                        {"name": "drop", "args": {"table": "x"}}],
    "review_configs": [{"action_name": "send_mail", "allowed_decisions": ["approve", "edit", "reject"]},
                       {"action_name": "drop", "allowed_decisions": ["reject", "respond"]}],
}  # fmt: skip


def test_a_review_lists_its_tool_calls_with_what_is_allowed() -> None:
    form = form_of(REVIEW)
    assert form.kind == "review"
    assert [(a.name, a.allowed) for a in form.actions] == [
        ("send_mail", ("approve", "edit", "reject")),
        ("drop", ("reject", "respond")),
    ]
    assert form.actions[0].description == "Tool execution requires approval"
    assert [(f.key, f.kind, f.default) for f in form.actions[0].fields] == [
        ("to", "text", "a@b.c"),
        ("copies", "integer", 2),
        ("urgent", "boolean", False),
    ]
    assert form.subject == "Approve send_mail, drop"


def test_a_review_is_answered_call_by_call_in_order() -> None:
    edit = Verdict(decision="edit", entered={"to": "x@y.z", "copies": 3, "urgent": True})
    filled = answer_review(form_of(REVIEW), [edit, Verdict(decision="reject", message=" no ")])
    args = {"to": "x@y.z", "copies": 3, "urgent": True}
    assert filled.answer == {
        "decisions": [
            {"type": "edit", "edited_action": {"name": "send_mail", "args": args}},
            {"type": "reject", "message": "no"},
        ]
    }
    assert describe(form_of(REVIEW), filled.answer) == (
        "changed and approved send_mail; rejected drop: no"
    )


def test_a_decision_that_is_not_allowed_is_refused() -> None:
    approve = Verdict(decision="approve")
    filled = answer_review(form_of(REVIEW), [approve, approve])
    assert filled.problems == {"1/": "'drop' cannot be answered with 'approve'."}


def test_an_edit_with_a_wrong_number_names_the_field() -> None:
    verdicts = [
        Verdict(decision="edit", entered={"to": "x", "copies": "two", "urgent": True}),
        Verdict(decision="respond", message=" "),
    ]
    assert answer_review(form_of(REVIEW), verdicts).problems == {
        "0/copies": "Copies: write a number.",
        "1/message": "Write what the tool would have answered.",
    }


def test_one_call_each_is_read_from_the_schema_of_its_decisions() -> None:
    class Args(BaseModel):
        title: str
        pages: int = 1

    class Edited(BaseModel):
        name: Literal["print"]
        args: Args

    class Edit(BaseModel):
        type: Literal["edit"]
        edited_action: Edited

    class Approve(TypedDict):
        type: Literal["approve"]

    kind: Any = Annotated[Approve | Edit, Field(discriminator="type")]
    value = {"type": "tool_approval", "tool_call_id": "c1", "name": "print", "description": "?",
             "args": {"title": "A"}}  # fmt: skip
    form = form_of(value, TypeAdapter(kind).json_schema())
    assert form.actions[0].allowed == ("approve", "edit")
    assert [(f.key, f.kind, f.required, f.default) for f in form.actions[0].fields] == [
        ("title", "text", True, "A"),
        ("pages", "integer", False, 1),
    ]
    assert answer_review(form, [Verdict(decision="approve")]).answer == {"type": "approve"}
    edited = answer_review(form, [Verdict(decision="edit", entered={"title": "B", "pages": None})])
    assert edited.answer == {
        "type": "edit",
        "edited_action": {"name": "print", "args": {"title": "B"}},
    }


def test_the_older_form_is_answered_in_its_own_words() -> None:
    value = [{"action_request": {"action": "run", "args": {"command": "ls"}}, "description": "Look",
              "config": {"allow_accept": True, "allow_edit": True, "allow_ignore": True}}]  # fmt: skip
    form = form_of(value)
    assert form.actions[0].allowed == ("approve", "edit", "reject")
    assert answer_review(form, [Verdict(decision="approve")]).answer == [
        {"type": "accept", "args": None}
    ]
    edit = answer_review(form, [Verdict(decision="edit", entered={"command": "pwd"})]).answer
    assert edit == [{"type": "edit", "args": {"action": "run", "args": {"command": "pwd"}}}]
    assert describe(form, edit) == "changed and approved run"


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    city: str
    code: str | None = None


class Order(BaseModel):
    """An order."""

    name: str = Field(min_length=2, description="As on the card")
    count: int = Field(default=1, ge=1, le=9)
    price: float | None = None
    gift: bool = False
    color: Color
    sizes: list[Literal["S", "M", "L"]] = []
    remarks: list[str] = Field(default_factory=list, max_length=2)
    due: date | None = None
    address: Address
    extra: dict[str, Any] = {}


ORDER = form_of("Which order?", Order.model_json_schema())


def test_a_schema_gives_typed_fields() -> None:
    assert ORDER.kind == "fields"
    assert ORDER.question == "Which order?"
    assert [(f.key, f.kind, f.required) for f in ORDER.fields] == [
        ("name", "text", True),
        ("count", "integer", False),
        ("price", "number", False),
        ("gift", "boolean", False),
        ("color", "choice", True),
        ("sizes", "choices", False),
        ("remarks", "lines", False),
        ("due", "date", False),
        ("address.city", "text", True),
        ("address.code", "text", False),
        ("extra", "json", False),
    ]
    assert [f.group for f in ORDER.fields][-3:] == ["Address", "Address", ""]


def test_entered_values_become_an_object_the_model_accepts() -> None:
    entered = {"name": "Ada", "count": 3, "price": None, "gift": True, "color": 1, "sizes": [0, 2],
               "remarks": "one\n\n two ", "due": date(2026, 3, 31), "address.city": "Paris",
               "address.code": "", "extra": '{"a": [1]}'}  # fmt: skip
    answer = answer_fields(ORDER, entered).answer
    assert answer == {
        "name": "Ada", "count": 3, "gift": True, "color": "blue", "sizes": ["S", "L"],
        "remarks": ["one", "two"], "due": "2026-03-31", "address": {"city": "Paris"}, "extra": {"a": [1]},
    }  # fmt: skip
    assert Order.model_validate(answer).address.city == "Paris"


def test_each_wrong_field_gets_its_sentence() -> None:
    entered = {"name": "A", "count": 10, "price": float("nan"), "color": 7, "due": "soon",
               "extra": "{", "address.city": " "}  # fmt: skip
    problems = answer_fields(ORDER, entered).problems
    assert {key: text.split(" (")[0] for key, text in problems.items()} == {
        "name": "Name: at least 2 characters.",
        "count": "Count: at most 9.",
        "price": "Price: write a number.",
        "color": "Color: choose one of the list.",
        "due": "Due: write a date such as 2026-03-31.",
        "extra": "Extra: this is not JSON",
        "address.city": "Fill in “City”.",
    }


def test_what_only_the_schema_knows_is_said_at_its_field() -> None:
    entered = {"name": "Ada", "color": 0, "remarks": "1\n2\n3", "address.city": "Paris"}
    [(key, sentence)] = answer_fields(ORDER, entered).problems.items()
    assert key == "remarks"
    assert sentence == "Remarks: ['1', '2', '3'] is too long."


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "text"),
        ({"type": "string", "maxLength": 2000}, "long_text"),
        ({"type": "boolean"}, "boolean"),
        ({"type": ["integer", "null"]}, "integer"),
        ({"enum": ["a", "b"]}, "choice"),
        ({"oneOf": [{"const": 1, "title": "One"}, {"const": 2, "title": "Two"}]}, "choice"),
        ({"type": "array", "items": {"type": "object"}}, "json"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "json"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, "json"),
        ({"$ref": "https://example.org/schema.json"}, "json"),
        ({"type": "object"}, "json"),
    ],
)
def test_a_schema_that_is_no_object_of_fields_is_one_field(schema: Any, kind: str) -> None:
    form = form_of({"question": "Well?"}, schema)
    assert (form.question, [f.kind for f in form.fields]) == ("Well?", [kind])


def test_a_single_value_is_the_whole_answer() -> None:
    form = form_of("Sure?", {"type": "boolean"})
    assert answer_fields(form, {"": True}).answer is True
    assert answer_fields(form, {}).problems == {"": "Fill in “Answer”."}
    assert describe(form, True) == "answered yes"


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        ({"question": "Which?", "options": ["a", 2, None]}, ["a", "2", "—"]),
        ({"message": "Which?", "choices": [{"label": "Yes", "value": 1}]}, ["Yes"]),
        ({"prompt": "Which?", "options": {"y": "Yes", "n": "No"}}, ["Yes", "No"]),
    ],
)
def test_choices_are_read_in_each_way_they_are_written(value: Any, labels: list[str]) -> None:
    form = form_of(value)
    assert (form.kind, form.question) == ("choice", "Which?")
    assert [option.label for option in form.options] == labels


def test_a_choice_gives_the_value_behind_its_label() -> None:
    form = form_of({"question": "?", "options": [{"label": "Yes", "value": {"ok": True}}]})
    assert answer_choice(form, [0]).answer == {"ok": True}
    assert answer_choice(form, [5]).problems == {"": "Choose an answer."}
    several = form_of({"question": "?", "options": ["a", "b", "c"], "multiple": True})
    assert answer_choice(several, [0, 2]).answer == ["a", "c"]
    assert describe(several, ["a", "c"]) == "chose a, c"


def test_a_plain_question_gets_a_free_answer() -> None:
    form = form_of("What is your age?")
    assert (form.kind, form.question, form.free) == ("text", "What is your age?", False)
    assert answer_text(form, "42").answer == "42"
    assert answer_text(form, "  ").problems == {"": "Write an answer."}


def test_anything_else_is_shown_as_it_is_and_answered_in_text_or_json() -> None:
    form = form_of({"draft": {"to": "x"}, "score": 0.2})
    assert (form.kind, form.question, form.free) == ("text", "", True)
    assert json.loads(form.details) == {"draft": {"to": "x"}, "score": 0.2}
    assert answer_text(form, '{"ok": true}', as_json=True).answer == {"ok": True}
    assert "not JSON" in answer_text(form, "{", as_json=True).problems[""]
    assert "NaN" in answer_text(form, "NaN", as_json=True).problems[""]


def test_a_value_that_is_no_json_is_a_question_too() -> None:
    assert read_form('{"question": "cut of').question == '{"question": "cut of'


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["type", "properties", "items", "enum", "const", "$ref", "anyOf", "oneOf", "allOf", "required",
         "action_requests", "review_configs", "name", "args", "options", "question", "edited_action",
         "action_request", "config", "allowed_decisions", "action_name", "default", "x"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300)
@given(value=JSON, schema=JSON)
def test_no_value_and_no_schema_raises(value: Any, schema: Any) -> None:
    form = read_form(json.dumps(value), json.dumps(schema))
    assert form.subject
    answer_fields(form, {f.key: "1" for f in form.fields})
    answer_review(form, [Verdict(decision="edit") for _ in form.actions])
    describe(form, value)
