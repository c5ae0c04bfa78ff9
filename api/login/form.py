"""The body of a form: small, of the one type a form has, read no further than its limit."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.requests import Request

from core.errors import InvalidInput

MAX_BYTES = 8_192
MAX_FIELDS = 10


async def read_form(request: Request) -> dict[str, str]:
    """The last value of each field. Raises InvalidInput."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise InvalidInput("This is not what the form sends.", what_to_do="Use the form.")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise InvalidInput("This is more than the form holds.", what_to_do="Send less.")
    try:
        fields = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as exc:
        raise InvalidInput("The form cannot be read.", what_to_do="Send it again.") from exc
    return {name: values[-1] for name, values in fields.items()}
