"""What was asked, answered and sent to models: off, hashed, masked or kept in full.

A run hands over references while it goes on; texts are made, masked or hashed on the writer's thread
and stored with the run's rows. Prompts are messages in the form of OpenTelemetry's
`gen_ai.input.messages`, as JSON. Lifetimes: analytics/retention.py, deletion: analytics/erasure.py.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import func, select

from analytics.masking import mask
from analytics.schema import content
from core.errors import StorageError

if TYPE_CHECKING:
    from analytics.call_rows import Row
    from analytics.queries.reading import Reader

Mode = Literal["off", "hashed", "masked", "full"]
ContentKind = Literal["question", "answer", "prompt"]
Messages = Sequence[Mapping[str, Any]]

MAX_BYTES = 64_000
"""Of UTF-8 per kept item; what is longer is cut, and says so."""
_LOOKED_AT = 4 * MAX_BYTES
_KEY_BYTES = 32
_ORDER = ("question", "prompt", "answer")


class Said(NamedTuple):
    """Something a run said. `make` gives it on the writer's thread; until then nothing is copied."""

    kind: ContentKind
    item: str
    """The call id of a prompt, else ""."""
    make: Callable[[], str | Messages]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptItem:
    """`text`: 64 hexadecimal digits when hashed, JSON for a prompt, else what was written."""

    kind: str
    item: str
    mode: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptShare:
    """How much of one mode is kept. `oldest_us`: when its oldest run started, UTC."""

    mode: str
    items: int
    runs: int
    oldest_us: int


class ContentKeeper:
    """Makes rows of `content`. Used by the writer's thread only."""

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file
        self._key: bytes | None = None

    def rows(self, run_id: str, mode: str, at_us: int, said: Sequence[Said]) -> list[Row]:
        """One row per item that is not empty. Raises StorageError when there is no usable key."""
        if mode == "off":
            return []
        made = ((words, self._kept(mode, words.make())) for words in said)
        return [
            {
                "run_id": run_id,
                "kind": words.kind,
                "item": words.item,
                "mode": mode,
                "text": text,
                "at_us": at_us,
            }
            for words, text in made
            if text
        ]

    def _kept(self, mode: str, what: str | Messages) -> str:
        if not what:
            return ""
        if mode == "hashed":
            whole = what if isinstance(what, str) else _json(what)
            return hmac.digest(self._secret(), _utf8(whole), hashlib.sha256).hex()
        if isinstance(what, str):
            return _clean(_cut(_masked(what) if mode == "masked" else what))
        return _clean(_json(_newest([_masked(m) for m in what] if mode == "masked" else what)))

    def _secret(self) -> bytes:
        """Made once per installation, so that texts of different days can be compared."""
        if self._key is None:
            self._key = _read_or_make_key(self._key_file)
        return self._key


def of_run(reader: Reader, run_id: str) -> tuple[KeptItem, ...]:
    """What is kept of a run: the question, prompts by call id, the answer."""
    columns = (content.c.kind, content.c.item, content.c.mode, content.c.text)
    rows = reader.rows(select(*columns).where(content.c.run_id == run_id))
    rows.sort(key=lambda row: (_ORDER.index(row["kind"]), row["item"]))
    return tuple(KeptItem(**row) for row in rows)


def kept(reader: Reader) -> tuple[KeptShare, ...]:
    """How much is kept, by mode."""
    c = content.c
    rows = reader.rows(
        select(
            c.mode,
            func.count().label("items"),
            func.count(c.run_id.distinct()).label("runs"),
            func.min(c.at_us).label("oldest_us"),
        )
        .group_by(c.mode)
        .order_by(c.mode)
    )
    return tuple(KeptShare(**row) for row in rows)


def readable(mode: str, text: str) -> str | None:
    """What people may read later of a text that is kept elsewhere; None when that is nothing."""
    if mode not in ("masked", "full"):
        return None
    return _clean(_cut(_masked(text) if mode == "masked" else text)) or None


# -- masking and cutting


def _masked(value: Any) -> Any:
    """A text without what identifies; inside of messages every text, key and long number."""
    if isinstance(value, str):
        return _masked_text(value)
    if isinstance(value, Mapping):
        return {_masked(str(key)): _masked(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_masked(item) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = mask(str(value))
        return value if text == str(value) else text
    return value


def _masked_text(text: str) -> str:
    """Of a very long text only the beginning, without the word at its end: half of a card number
    would not be recognised as one."""
    if len(text) <= _LOOKED_AT:
        return mask(text)
    looked_at = mask(text[:_LOOKED_AT])
    kept_text = looked_at[:-200].rpartition(" ")[0]
    return f"{kept_text}{_left_out(len(text) - _LOOKED_AT)}"


def _cut(text: str, limit: int = MAX_BYTES) -> str:
    data = _utf8(text)
    if len(data) <= limit:
        return text
    shown = data[: max(limit, 0)].decode("utf-8", "ignore")
    return f"{shown}{_left_out(len(data) - limit)}"


def _left_out(amount: int) -> str:
    return f"\n[cut: about {amount:,} bytes left out]"


def _newest(messages: Messages) -> Messages:
    """The messages that fit, the last ones whole: they hold the question and what tools found."""
    left = MAX_BYTES
    kept_messages: list[Any] = []
    for message in reversed(messages):
        size = len(_utf8(_json(message)))
        if left <= 0:
            break
        kept_messages.append(message if size <= left else _shortened(message, left))
        left -= size
    missing = len(messages) - len(kept_messages)
    if missing:
        note = {"type": "text", "content": f"[cut: {missing:,} earlier messages left out]"}
        kept_messages.append({"role": "system", "parts": [note]})
    return kept_messages[::-1]


def _shortened(message: Mapping[str, Any], limit: int) -> Mapping[str, Any]:
    """A message that is too long, its parts as one text."""
    whole = _json(message.get("parts", []))
    parts = message.get("parts") or [{}]
    if len(parts) == 1 and isinstance(parts[0].get("content"), str):
        whole = parts[0]["content"]
    text = {"type": "text", "content": _cut(whole, limit)}
    return {"role": message.get("role", "unknown"), "parts": [text]}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str, sort_keys=True)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _clean(text: str) -> str:
    """Without what a database refuses: half characters and NUL."""
    return _utf8(text).decode("utf-8").replace("\x00", "\ufffd")


# -- the key


def _read_or_make_key(path: Path) -> bytes:
    try:
        key = _existing_key(path)
        return key if key is not None else _new_key(path)
    except OSError as exc:
        raise StorageError(f"{path.name} cannot be used: {exc.strerror or exc}.") from exc


def _existing_key(path: Path) -> bytes | None:
    try:
        text = path.read_text("ascii").strip()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        text = ""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise StorageError(
            f"{path.name} does not hold a key.",
            what_to_do="Restore it from a backup, or delete it: then a new key is made, and texts "
            "hashed before can no longer be compared with new ones.",
        )
    return key


def _new_key(path: Path) -> bytes:
    """Written beside and renamed, so that a crash cannot leave half a key."""
    key = secrets.token_bytes(_KEY_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key.hex())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return key
