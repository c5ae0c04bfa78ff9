"""Notes people let an agent keep: one Markdown file each, in a folder per owner.

Files, because a note is a document: it is found, cited, embedded and shown as the knowledge folder's
are, it outlives a rebuilt index, and it can be read, corrected and deleted with any editor. In the
index a note's path begins with `/`, which no path of the knowledge folder does, and its area is its
owner's: `SeenKnowledge` leaves out those of others.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from core.errors import InvalidInput, StorageError
from core.text import clean

MOUNT = "notes"
MAX_TITLE_CHARS = 120
MAX_TEXT_CHARS = 20_000
MAX_NOTES = 5_000
_PLAIN_OWNER = re.compile(r"[a-z0-9][a-z0-9._@-]{0,60}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    title: str
    path: str
    """As sources name it."""


class Notes:
    """The folder of notes. Blocking; any thread."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, owner: str, title: str, text: str) -> Note:
        """Writes a note. The same note once more is the same file.

        Raises InvalidInput with a sentence, StorageError when the folder cannot be written.
        """
        title, text = checked(title, text)
        digest = hashlib.sha256(f"{title}\0{text}".encode()).hexdigest()
        name = f"{_slug(title)}-{digest[:8]}.md"
        folder = self.folder / owner_folder(owner)
        draft = folder / f".{name}.part"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if sum(1 for _ in folder.iterdir()) >= MAX_NOTES and not (folder / name).exists():
                raise InvalidInput(f"There are {MAX_NOTES:,} notes already; delete some first.")
            draft.write_text(f"# {title}\n\n{text}\n", "utf-8")
            draft.replace(folder / name)  # whole, or not there
        except OSError as exc:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise StorageError(f"The note could not be written: {exc.strerror}.") from exc
        return Note(title=title, path=f"/{MOUNT}/{folder.name}/{name}")

    def count(self, owner: str) -> int:
        with contextlib.suppress(OSError):
            return sum(1 for _ in (self.folder / owner_folder(owner)).glob("*.md"))
        return 0

    def give(self, owner: str, to: str) -> int:
        """Makes an owner's notes another one's; returns how many. The index follows with the next
        sync. Raises StorageError; then call it again."""
        source, target = (self.folder / owner_folder(one) for one in (owner, to))
        given = 0
        try:
            for file in sorted(source.glob("*.md")):
                target.mkdir(parents=True, exist_ok=True)
                file.replace(target / file.name)  # the same note has the same name
                given += 1
        except OSError as exc:
            raise StorageError(f"The notes could not be moved: {exc.strerror}.") from exc
        return given

    def forget(self, owner: str) -> None:
        """Deletes everything of an owner. The index forgets it with the next sync."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.folder / owner_folder(owner))


def checked(title: str, text: str) -> tuple[str, str]:
    """Title and text as they are kept. Raises InvalidInput with a sentence."""
    title, text = " ".join(clean(title).split()), clean(text).strip()
    if not title or not text:
        raise InvalidInput("A note needs a title and a text.")
    if len(title) > MAX_TITLE_CHARS:
        raise InvalidInput(f"The title of a note has at most {MAX_TITLE_CHARS} characters.")
    if len(text) > MAX_TEXT_CHARS:
        raise InvalidInput(f"A note has at most {MAX_TEXT_CHARS:,} characters.")
    return title, text


def area_of(owner: str) -> str:
    """The area an owner's notes have in the index. No folder of documents has a slash in its name."""
    return f"{MOUNT}/{owner_folder(owner)}"


def is_notes_area(area: str) -> bool:
    return area.startswith(f"{MOUNT}/")


def owner_folder(owner: str) -> str:
    """A folder name that no two owners share, on file systems without case too."""
    if _PLAIN_OWNER.fullmatch(owner) and not owner.startswith("owner-") and not owner.endswith("."):
        return owner
    return f"owner-{hashlib.sha256(owner.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


def _slug(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title.lower()).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain)
    return "-".join(words)[:50].strip("-") or "note"
