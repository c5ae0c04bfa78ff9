"""Codes that are kept in the database, in words for people. What is not known stays as it is."""

from __future__ import annotations

import re

from core import errors

STATUS_NAMES = {
    "ok": "Completed",
    "error": "Failed",
    "timeout": "Timed out",
    "lost": "Lost",
    "refused_budget": "Refused: budget used up",
    "cancelled": "Stopped",
    "interrupted": "Waiting for a person",
    "running": "Running",
}
_ERRORS = {
    "budget": "Budget used up",
    "config": "Wrong setting",
    "internal": "Internal error",
    "lost": "Lost when Switchboard ended",
    "model_auth": "Key missing or refused",
    "model_failure": "Model failed",
    "model_protocol": "Unreadable answer of the provider",
    "model_rate_limited": "Rate limited",
    "model_refused": "Request refused by the provider",
    "model_unavailable": "Model unavailable",
    "quota": "Daily quota used up",
    "rate_limited": "Too many requests",
    "storage": "Storage failed",
    "thread_busy": "Thread was busy",
    "tool_error": "Tool failed",
}
_CODE = re.compile(r"[a-z]+(_[a-z]+)*")
# A run keeps the code of an error, an attempt the name of its class.
_CODES = {
    name: found.code
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, errors.SwitchboardError)
}


def status_name(status: str) -> str:
    """How a run ended."""
    return STATUS_NAMES.get(status, status)


def error_name(error_type: str) -> str:
    """What went wrong, the same for the code of a run and the class of an attempt."""
    code = _CODES.get(error_type, error_type)
    known = _ERRORS.get(code)
    if known is None and _CODE.fullmatch(code):
        known = code.replace("_", " ").capitalize()
    return known or error_type
