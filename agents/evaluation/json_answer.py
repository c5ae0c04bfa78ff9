"""The JSON of an answer, and whether it fits a JSON Schema."""

from __future__ import annotations

import json
import re
from typing import Any

from core.json_schema import Unjudged, errors, where

_FENCED = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*json\b[^\n]*\n(.*?)^[ \t]*\1", re.M | re.S | re.I)


def json_of(text: str) -> tuple[Any, str]:
    """The JSON of an answer: all of it, or its first block marked as json. Else why there is none."""
    fenced = _FENCED.search(text)
    problem = "The answer holds no JSON: it is neither JSON itself nor has a block marked as json."
    for candidate in (text.strip(), fenced[2] if fenced else None):
        if candidate is None:
            continue
        try:
            return json.loads(candidate, parse_constant=_refuse_constant), ""
        except ValueError as exc:
            if candidate[:1] in ("{", "[") or fenced:
                problem = f"The JSON of the answer is broken: {exc}."
        except RecursionError:
            problem = "The JSON of the answer is nested too deeply."
    return None, problem


def problem_with(schema_text: str, text: str) -> str | None:
    """Why an answer does not fit a schema, as a sentence; None when it fits."""
    value, problem = json_of(text)
    if problem:
        return problem
    from jsonschema.exceptions import best_match

    try:
        error = best_match(errors(json.loads(schema_text), value))
    except Unjudged as exc:
        return f"The JSON of the answer could not be judged: {exc}."
    if error is None:
        return None
    return (
        f"The JSON of the answer does not fit: {where(error.absolute_path)}{error.message[:200]}."
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
