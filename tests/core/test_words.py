"""Codes in words: one name for one fault, whoever noted it."""

from __future__ import annotations

import pytest

from core import errors
from core.words import STATUS_NAMES, error_name, status_name

FAULTS = [
    found
    for found in vars(errors).values()
    if isinstance(found, type) and issubclass(found, errors.SwitchboardError)
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_class_and_its_code_have_one_name_for_people(
    fault: type[errors.SwitchboardError],
) -> None:
    name = error_name(fault.code)
    assert name == error_name(fault.__name__)
    assert "_" not in name
    assert name[0].isupper()


@pytest.mark.parametrize("text", ["", "HTTPError", "Something a person wrote", "<b>"])
def test_what_is_not_a_code_stays_as_it_is(text: str) -> None:
    assert error_name(text) == text


def test_statuses() -> None:
    assert status_name("cancelled") == STATUS_NAMES["cancelled"] == "Stopped"
    assert status_name("new") == "new"
