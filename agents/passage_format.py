"""How passages stand in a prompt, so that every model cites the same numbers.

One form for all models: the embedded answerer reads back what `render` wrote, a provider's model
reads it as text. The form is byte-stable: the same passages give the same bytes (prompt caching).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape, unescape

from core.events import Source

NO_DOCUMENTS = "no_documents"
"""True in the `additional_kwargs` of a system message: the run uses none, so nothing was searched.
Providers do not get it."""
_PASSAGE = re.compile(
    r'<passage n="(\d+)" area="([^"]*)" document="([^"]*)" title="([^"]*)" heading="([^"]*)">\n'
    r"(.*?)\n</passage>",
    re.DOTALL,
)


def render(sources: Iterable[Source]) -> str:
    """The passages as text. A passage cannot close its own tag: `</passage` in it is escaped."""
    parts = []
    for source in sources:
        text = source.text.replace("</passage", "&lt;/passage").replace("<passage", "&lt;passage")
        parts.append(
            f'<passage n="{source.n}" area="{escape(source.area)}"'
            f' document="{escape(source.document)}" title="{escape(source.title)}"'
            f' heading="{escape(source.heading)}">\n{text}\n</passage>'
        )
    return "\n".join(parts)


def parse(text: str) -> list[Source]:
    """The passages of a prompt, in order; scores and ids are not part of the text."""
    return [
        Source(
            n=int(match[1]),
            passage_id="",
            area=unescape(match[2]),
            document=unescape(match[3]),
            title=unescape(match[4]),
            heading=unescape(match[5]),
            text=match[6].replace("&lt;passage", "<passage").replace("&lt;/passage", "</passage"),
        )
        for match in _PASSAGE.finditer(text)
    ]
