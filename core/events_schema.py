"""Writes the JSON Schema of the events: `python -m core.events_schema [file]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from core.events import EVENT_SCHEMA_VERSION, Event


def events_schema() -> dict[str, Any]:
    """The schema of one event, told apart by `type`."""
    from pydantic import Field, TypeAdapter

    schema = TypeAdapter(Annotated[Event, Field(discriminator="type")]).json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Switchboard run event",
        "version": EVENT_SCHEMA_VERSION,
        **schema,
    }


def main(arguments: list[str]) -> None:
    text = json.dumps(events_schema(), indent=1) + "\n"
    if arguments:
        Path(arguments[0]).write_text(text, "utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
