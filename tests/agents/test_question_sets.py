"""Question sets from files: every good row is read, every broken one is named with its reason."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.evaluation.check import CHECK_TYPES, Check, CheckType, read_check
from agents.evaluation.question_set import Case, Fault, QuestionSet, write_set
from agents.evaluation.reading import MAX_CASES, read_set
from core.errors import InvalidInput

ROOT = Path(__file__).parents[2]
SCHEMA = '{"properties":{"n":{"type":"integer"}},"type":"object"}'


def questions(data: bytes | str, name: str = "set.csv") -> list[str]:
    given_ = data.encode() if isinstance(data, str) else data
    return [case.question for case in read_set(given_, name).cases]


def fault(data: bytes | str, name: str = "set.jsonl") -> str:
    """The sentence of the only fault."""
    (only,) = read_set(data.encode() if isinstance(data, str) else data, name).faults
    return only.what


def test_every_column_of_a_csv_file_is_read() -> None:
    data = """question,id,tags,document,reference,contains,not_contains,regex,json_schema,cites,route,\
tool,max_seconds,max_first_token_seconds,max_usd,max_output_tokens,judge,any_of,cites_any,notes
What?,q1,"a, b",billing/plans.md,It is so.,"[""x"", ""y""]",z,[0-9]+,"{""type"": ""object""}",\
plans.md,billing,search_docs,2.5,1,0.01,200,Is it kind?,"[""p"",""q""]",2,by hand
"""
    checks: tuple[tuple[CheckType, Any], ...] = (
        ("contains", ("x", "y")),
        ("not_contains", ("z",)),
        ("any_of", ("p", "q")),
        ("regex", ("[0-9]+",)),
        ("json_schema", '{"type":"object"}'),
        ("cites", ("plans.md",)),
        ("cites_any", 2),
        ("route", ("billing",)),
        ("tool", ("search_docs",)),
        ("max_seconds", 2.5),
        ("max_first_token_seconds", 1.0),
        ("max_usd", 0.01),
        ("max_output_tokens", 200),
        ("judge", "Is it kind?"),
    )
    parsed = read_set(data.encode(), "set.csv")
    assert parsed.faults == ()
    assert parsed.cases == (
        Case(
            id="q1",
            question="What?",
            checks=tuple(Check(type=kind, value=value) for kind, value in checks),
            tags=("a", "b"),
            document="billing/plans.md",
            reference="It is so.",
            notes="by hand",
        ),
    )


def test_json_lines_hold_checks_in_a_list_or_in_fields_of_their_own() -> None:
    line = {
        "id": 7,
        "question": "What?",
        "checks": [{"type": "contains", "value": "x"}],
        "max_seconds": 2,
        "tags": ["a"],
        "regex": None,
        "cites": "",
    }
    assert read_set(json.dumps(line).encode(), "set.jsonl").cases == (
        Case(
            id="7",
            question="What?",
            checks=(Check(type="contains", value=("x",)), Check(type="max_seconds", value=2.0)),
            tags=("a",),
        ),
    )


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"question,id\nA?,1\nB?,2\n", "set.csv"),
        (b"id;question\r\n1;A?\r\n\r\n;\r\n2;B?\r\n", "set.csv"),
        (b"sep=;\nid;question\n1;A?\n2;B?", "set.csv"),
        (b"Question\tid\nA?\t1\nB?\t2\n", "set.tsv"),
        (b"\xef\xbb\xbfquestion,id,,\nA?,1,,\nB?,2,,\n", "set.csv"),
        ("question,id\nA?,1\nB?,2\n".encode("utf-16"), "set.csv"),
        ("question,id\nA?,1\nB?,2\n".encode("utf-16-le"), "set.csv"),
        (b'\n{"question": "A?"}\r\n\r\n{"question": "B?"}\n', "set.jsonl"),
        (b'[{"question": "A?"},\n {"question": "B?"}]', "set.json"),
        (b'[{"question": "A?"}, {"question": "B?"}]', "noname"),
        (b'{"question": "A?"}\n{"question": "B?"}', "noname"),
        (b"question\nA?\nB?", "noname"),
    ],
)
def test_a_file_in_any_usual_form_is_read(data: bytes, name: str) -> None:
    parsed = read_set(data, name)
    assert parsed.faults == ()
    assert [case.question for case in parsed.cases] == ["A?", "B?"]


def test_a_quoted_cell_may_hold_lines_separators_and_quotation_marks() -> None:
    data = 'question,id\n"One,\ntwo ""three""?",1\nB?,2\n'
    assert questions(data) == ['One,\ntwo "three"?', "B?"]


def test_a_broken_row_never_stops_the_others() -> None:
    data = b"""{"id": "a", "question": "One?"}
{"id": "b", "question":
{"id": "c"}
[1]
{"id": "d", "question": "Two?", "regex": "("}
{"id": "e", "question": "\xff"}
{"id": "f", "question": "Three?"}
"""
    parsed = read_set(data, "set.jsonl")
    assert [case.id for case in parsed.cases] == ["a", "f"]
    assert [fault.row for fault in parsed.broken] == [2, 3, 4, 5, 6]
    assert parsed.broken[1] == Fault(row=3, what="The row has no question.", text='{"id": "c"}')


def test_a_list_that_breaks_off_keeps_what_stands_before() -> None:
    parsed = read_set(b'[{"question": "A?"},\n {"question": "B?"},\n {"ques', "set.json")
    assert [case.question for case in parsed.cases] == ["A?", "B?"]
    assert parsed.faults[0].row == 3
    assert parsed.faults[0].what.startswith("From here on the file is not JSON: ")


def test_lines_that_an_open_quotation_mark_swallowed_are_read_again() -> None:
    data = 'question,id\nA?,1\n"B?,2\nC?,3\nD?,4\n'
    parsed = read_set(data.encode(), "set.csv")
    assert [case.id for case in parsed.cases] == ["1", "3", "4"]
    assert [(fault.row, fault.text) for fault in parsed.faults] == [(3, '"B?,2')]
    assert parsed.faults[0].what.startswith("The row has a quotation mark that is not closed")


def test_two_open_quotation_marks_do_not_make_one_row_of_what_is_between() -> None:
    data = 'question,id\n"A?,1\nB?,2\n"C?,3\nD?,4\n'
    parsed = read_set(data.encode(), "set.csv")
    assert [case.id for case in parsed.cases] == ["2", "4"]
    assert [fault.row for fault in parsed.faults] == [2, 4]


def test_the_rest_of_a_badly_quoted_row_is_no_question() -> None:
    data = 'question,id\n"He said "yes",\nthen left?",1\nB?,2\n'
    parsed = read_set(data.encode(), "set.csv")
    assert [case.id for case in parsed.cases] == ["2"]
    assert [fault.row for fault in parsed.faults] == [2, 3]


def test_lines_of_a_cell_never_become_questions_of_their_own() -> None:
    data = 'question,id\n"One\ntwo\nthree",1,too,many\nB?,2\n'
    parsed = read_set(data.encode(), "set.csv")
    assert [case.question for case in parsed.cases] == ["B?"]
    assert parsed.faults[0].what.startswith("The row has 4 cells, but the header has 2")


def test_a_csv_file_that_is_no_utf8_is_read_as_latin_1_with_a_warning() -> None:
    parsed = read_set("question\nWo läuft es?\n".encode("latin-1"), "set.csv")
    assert [case.question for case in parsed.cases] == ["Wo läuft es?"]
    assert parsed.faults == (
        Fault(
            row=0,
            what="The file is not UTF-8 and was read as Latin-1: look at letters with accents.",
            warning=True,
        ),
    )


def test_single_odd_bytes_in_an_utf8_file_break_their_row_alone() -> None:
    parsed = read_set("question\nWo läuft es?\n".encode() + b"W\xe4r es?\n", "set.csv")
    assert [case.question for case in parsed.cases] == ["Wo läuft es?"]
    assert parsed.faults == (
        Fault(row=3, what="The row has bytes that are not UTF-8.", text="Wr es?"),
    )


ROWS = [
    ({}, "The row has no question."),
    ({"question": "\u200b \x00"}, "The row has no question."),
    ({"question": 5}, "'question' must be a text."),
    ({"question": "x" * 20_001}, "The question has 20,001 characters; at most 20,000 are allowed."),
    ({"question": "A?", "id": ["x"]}, "'id' must be a text."),
    ({"question": "A?", "id": "x" * 201}, "'id' may have at most 200 characters."),
    ({"question": "A?", "tags": [1]}, "'tags' must be texts, separated by commas or in a list."),
    ({"question": "A?", "checks": "x"}, "'checks' must be a list of objects with a type and a value."),
    ({"question": "A?", "checks": [{"type": "contains"}]},
     "Each of 'checks' must be an object with a type and a value."),
    ({"question": "A?", "checks": [{"type": "regex", "value": "x", "flags": "i"}]},
     "A check has no 'flags'; it has a type and a value."),
    ({"question": "A?", "checks": [{"type": "includes", "value": "x"}]},
     f"There is no check 'includes'; there are: {', '.join(CHECK_TYPES)}."),
    ({"question": "A?", "contains": ["x", ""]},
     "'contains' must be a text or a list of texts that is not empty."),
    ({"question": "A?", "equals": ["x"]}, "'equals' must be a text that is not empty."),
    ({"question": "A?", "max_seconds": -1},
     "'max_seconds' must be a number of seconds above 0, with a point, not '-1'."),
    ({"question": "A?", "max_usd": "1,5"},
     "'max_usd' must be a number of US dollars above 0, with a point, not '1,5'."),
    ({"question": "A?", "cites_any": 1.5}, "'cites_any' must be a whole number from 1, not '1.5'."),
    ({"question": "A?", "max_output_tokens": True},
     "'max_output_tokens' must be a whole number from 1, not 'True'."),
    ({"question": "A?", "regex": "a{1000}b(" + "x" * 2000},
     "The pattern of 'regex' has 2,009 characters; at most 2,000 are allowed."),
    ({"question": "A?", "regex": "(" * 500 + ")" * 500},
     "The pattern of 'regex' is nested too deeply."),
    ({"question": "A?", "not_regex": "((a{1000}){1000}){1000}"},
     "The pattern of 'not_regex' repeats too much: its counted repeats, such as {1000}, spell out "
     "more than 100,000 characters."),
    ({"question": "A?", "json_schema": "{"},
     "'json_schema' is not JSON: Expecting property name enclosed in double quotes: line 1 column "
     "2 (char 1)."),
    ({"question": "A?", "json_schema": [1]}, "'json_schema' must be a JSON Schema: an object."),
    ({"question": "A?", "json_schema": {"properties": {"a": {"type": "text"}}}},
     "'json_schema' is not a JSON Schema: at properties.a.type: 'text' is not valid under any of "
     "the given schemas."),
    ({"question": "A?", "json_schema": {"$ref": "https://evil.example/schema.json"}},
     "'json_schema' refers to 'https://evil.example/schema.json'; it may only refer to itself, as "
     "in '#/$defs/name'."),
    ({"question": "A?", "json_schema": {"properties": {"a": {"pattern": "("}}}},
     "'(' of 'json_schema' is not a regular expression: missing ) at position 1."),
    ({"question": "A?", "json_schema": {"patternProperties": {"(a+)+$": {}}}},
     "'json_schema' uses 'patternProperties', which is not supported; use 'properties' or "
     "'propertyNames'."),
]  # fmt: skip


@pytest.mark.parametrize(("row", "what"), ROWS, ids=[row[1][:60] for row in ROWS])
def test_a_row_that_cannot_be_used_is_named_with_its_reason(row: dict[str, Any], what: str) -> None:
    assert fault(json.dumps(row)) == what


def test_a_bad_pattern_says_where_it_is_bad() -> None:
    assert fault('{"question": "A?", "regex": "a(b"}') == (
        "'a(b' of 'regex' is not a regular expression: missing ) at position 3."
    )


def test_an_id_that_is_there_twice_is_a_fault_and_a_question_a_warning() -> None:
    data = '[{"id": "a", "question": "A?"}, {"id": "a", "question": "B?"}, {"question": " a? "}]'
    parsed = read_set(data.encode(), "set.json")
    assert [case.question for case in parsed.cases] == ["A?", "a?"]
    assert [(fault.what, fault.warning) for fault in parsed.faults] == [
        ("The id 'a' is taken by the row on line 1: ids must differ.", False),
        ("The same question stands on line 1; both are asked.", True),
    ]


def test_unknown_columns_are_one_warning_for_the_file() -> None:
    data = "question,contain,colour\nA?,x,y\nB?,x,y\n"
    (only,) = read_set(data.encode(), "set.csv").faults
    assert only.what.startswith(
        "Columns nobody reads: 'contain' (did you mean 'contains'?), 'colour'."
    )
    assert (only.row, only.warning) == (0, True)


def test_a_row_without_an_id_gets_one_that_stays_when_rows_move() -> None:
    first = read_set(b"question\nA?\nB?\nA?\n", "set.csv").cases
    moved = read_set(b"question\nB?\nA?\n", "set.csv").cases
    assert [case.id for case in moved] == [first[1].id, first[0].id]
    assert first[2].id == f"{first[0].id}-2"


def test_a_cell_in_brackets_that_is_no_list_is_refused() -> None:
    what = fault("question,contains\nA?,[1]\n", "set.csv")
    assert what == (
        '\'contains\' begins with [ and is not a list: write ["one", "two"], or ["[1]"] for a text '
        "in brackets."
    )


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"", "set.csv", "The file is empty"),
        (b"question,id\n", "set.csv", "The file has no questions"),
        (b"PK\x03\x04", "set.xlsx", "ZIP archive or a spreadsheet"),
        (b"\x1f\x8b\x08", "set.csv.gz", "packed with gzip"),
        (b"prompt,id\nA?,1\n", "set.csv", "no column 'question'. Its columns: prompt, id"),
        (b"question,Question\nA?,1\n", "set.csv", "The column 'question' is there twice"),
        (b"\xff\xfea", "set.csv", "neither UTF-8 nor UTF-16"),
        (b"x" * 101, "set.csv", "at most 0 MB are read"),
    ],
)
def test_a_file_that_is_no_question_set_is_refused(data: bytes, name: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read_set(data, name, max_bytes=100)


def test_a_file_of_too_many_questions_is_refused() -> None:
    data = b"question\n" + b"A?\n" * (MAX_CASES + 1)
    with pytest.raises(InvalidInput, match="more than 10,000 questions"):
        read_set(data, "set.csv")


def test_the_example_set_asks_what_the_handbook_answers() -> None:
    """Each figure, name or file that is expected of an answer stands in the document it is about."""
    parsed = read_set((ROOT / "deploy/example-questions.jsonl").read_bytes(), "set.jsonl")
    assert (len(parsed.cases), parsed.faults) == (20, ())
    for case in parsed.cases:
        document = (ROOT / "docs" / case.document).read_text()
        values = {check.type: check.value for check in case.checks}
        assert [text for text in values.get("contains", ()) if text not in document] == []
        assert values.get("cites", (case.document,)) == (case.document,)


def test_the_digest_is_that_of_the_content_alone() -> None:
    one, other = Case(id="a", question="A?"), Case(id="a", question="B?")
    assert QuestionSet(name="x", cases=(one,)).digest == QuestionSet(name="y", cases=(one,)).digest
    assert (
        QuestionSet(name="x", cases=(one,)).digest != QuestionSet(name="x", cases=(other,)).digest
    )


_words = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf")), max_size=30).map(
    "x{}y".format
)
_values: dict[CheckType, st.SearchStrategy[Any]] = {
    **dict.fromkeys(
        ("contains", "not_contains", "any_of", "cites", "route", "tool"),
        st.lists(_words, min_size=1, max_size=3),
    ),
    **dict.fromkeys(("equals", "judge"), _words),
    **dict.fromkeys(("regex", "not_regex"), st.sampled_from(["a+", ["[0-9]", "(?i)x"]])),
    **dict.fromkeys(("cites_any", "max_output_tokens"), st.integers(1, 10**9)),
    **dict.fromkeys(("max_seconds", "max_first_token_seconds", "max_usd"), st.floats(1e-9, 1e9)),
    "json_schema": st.sampled_from([SCHEMA, True, {"enum": ["é\u2028", 1.5]}]),
}  # type: ignore[arg-type]
_checks = st.sampled_from(CHECK_TYPES).flatmap(
    lambda kind: _values[kind].map(lambda value: read_check(kind, value))
)
_cases = st.builds(
    Case,
    id=_words,
    question=_words,
    checks=st.lists(_checks, max_size=4).map(tuple),
    tags=st.lists(_words, unique=True, max_size=3).map(tuple),
    document=_words | st.just(""),
    reference=_words | st.none(),
    notes=_words | st.just(""),
)


@settings(max_examples=30)
@given(st.lists(_cases, min_size=1, max_size=5, unique_by=lambda case: case.id))
def test_a_set_that_is_written_is_read_back_equal(cases: list[Case]) -> None:
    parsed = read_set(write_set(cases), "set.jsonl")
    assert parsed.broken == ()
    assert list(parsed.cases) == cases


@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.jsonl", "a.json", "a"]))
def test_no_bytes_break_it(data: bytes, name: str) -> None:
    with contextlib.suppress(InvalidInput):
        read_set(data, name)


@given(
    st.text(alphabet='question,\n\r"a;[]{}:', max_size=120), st.sampled_from(["a.csv", "a.json"])
)
def test_no_text_breaks_it(text: str, name: str) -> None:
    with contextlib.suppress(InvalidInput):
        read_set(f"question,id\n{text}".encode(), name)
