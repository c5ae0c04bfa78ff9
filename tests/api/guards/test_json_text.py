"""JSON from outside: what is read, what is refused, and with which words."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.guards.json_text import MAX_DEPTH, BadJson, read_json

DEEP = 50_000


@pytest.mark.parametrize(
    ("raw", "field", "reason"),
    [
        (b"", "body", "is not JSON"),
        (b"{", "body", "is not JSON"),
        (b'{"a": 1,}', "body", "is not JSON"),
        (b"{'a': 1}", "body", "is not JSON"),
        (b'{"a": 1} {"a": 2}', "body", "is not JSON"),
        (b'{"a": "\x01"}', "body", "is not JSON"),
        (b'{"a": NaN}', "body", "NaN or Infinity"),
        (b'{"a": -Infinity}', "body", "NaN or Infinity"),
        (b'{"a": 1e400}', "body", "too large or too long"),
        (b'{"a": 0.' + b"1" * 400 + b"}", "body", "too large or too long"),
        (b'{"a": ' + b"9" * 400 + b"}", "body", "beyond 64 bits"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "body", "beyond 64 bits"),
        (b'{"a": 9223372036854775808}', "body", "beyond 64 bits"),
        (b'{"a": ' * DEEP + b"1" + b"}" * DEEP, "body", "nested deeper"),
        (b"[" * DEEP + b"]" * DEEP, "body", "nested deeper"),
        (b"[" * DEEP, "body", "nested deeper"),
        (b'{"q": ' + b"[" * 70 + b"]" * 70 + b"}", "q", "nested deeper"),
        (b'{"role": "user", "role": "admin"}', "role", "is given twice"),
        (b'{"a": {"b": 1, "b": 1}}', "b", "is given twice"),
        (b'{"<img src=x>": 1, "<img src=x>": 2}', "…", "is given twice"),
        (b'{"a": "\xff"}', "body", "is not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "body", "is not UTF-8"),
        (b'{"a": "\xc0\x80"}', "body", "is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "body", "is not UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "body", "is not JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "body", "byte order mark"),
        (b'{"message": "\\ud800"}', "message", "half of a surrogate pair"),
        (b'{"message": "\\udc00\\ud800"}', "message", "half of a surrogate pair"),
        (b'{"\\ud800": 1}', "…", "half of a surrogate pair"),
        (b'{"metadata": {"a": ["x\\u0000y"]}}', "metadata", "NUL"),
        (b'["\\u0000"]', "body", "NUL"),
        ("\ufeff{}", "body", "is not JSON"),
    ],
)  # fmt: skip
def test_what_is_ambiguous_or_endless_is_refused_by_name(
    raw: bytes | str, field: str, reason: str
) -> None:
    with pytest.raises(BadJson) as raised:
        read_json(raw)
    (named,) = raised.value.fields
    assert named["field"] == field
    assert reason in named["reason"]
    assert len(raised.value.message) < 200


def test_nothing_that_was_sent_is_repeated() -> None:
    for raw in ('{"canary-7f": canary-7f}', '{"canary-7f": "\\ud800"', '"canary-7f', "canary-7f"):
        with pytest.raises(BadJson) as raised:
            read_json(raw)
        assert "canary-7f" not in raised.value.message


@pytest.mark.parametrize(
    "text",
    ['{"a": "\\ud83d\\ude00"}', '{"a": "😀\\n\\t"}', "9223372036854775807", "-1.5e-300", "null",
     "[" * MAX_DEPTH + "]" * MAX_DEPTH, '{"a": "[[[[" }', "[" + "[]," * 200 + "[]]"],
)  # fmt: skip
def test_what_json_means_is_read(text: str) -> None:
    assert read_json(text) == json.loads(text)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")), inner
    ),
)  # fmt: skip


@given(_VALUES, st.booleans())
def test_every_plain_value_comes_back(value: object, ascii_only: bool) -> None:
    assert read_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace")))
def test_bytes_of_any_kind_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(BadJson):
        json.dumps(read_json(raw), ensure_ascii=False).encode("utf-8")
